/// @file
/// Bars and histograms as figures.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "nn/viz/figure.hpp"

namespace nn::viz {

/// One bar for each category.
struct BarSeries {
  std::string name = {};                 ///< for the legend
  std::vector<double> values = {};       ///< one a category
  std::vector<double> spread = {};       ///< if given, an error bar of value +- spread
  std::vector<std::string> labels = {};  ///< if given, a text above each bar
  std::optional<Colour> colour = {};     ///< if given, instead of the series' own
};

/// The values of one series of a histogram.
struct Sample {
  std::string name = {};            ///< for the legend
  std::vector<double> values = {};  ///< in any order
};

namespace detail {

[[nodiscard]] inline Colour colour_of_bars(const BarSeries& series, std::size_t k,
                                           std::size_t count, bool ordered) {
  return series.colour.value_or(
      series_colour(static_cast<Index>(k), static_cast<Index>(count), ordered));
}

inline void check(const std::vector<std::string>& categories, const std::vector<BarSeries>& bars) {
  require(!categories.empty() && !bars.empty(), "bars for ", categories.size(), " categories and ",
          bars.size(), " series");
  for (const BarSeries& series : bars) {
    const auto fits = [&](std::size_t size, bool optional) {
      return size == categories.size() || (optional && size == 0);
    };
    require(fits(series.values.size(), false) && fits(series.spread.size(), true) &&
                fits(series.labels.size(), true),
            "the bars \"", series.name, "\" have ", series.values.size(), " values, ",
            series.spread.size(), " spreads and ", series.labels.size(), " labels for ",
            categories.size(), " categories");
  }
}

/// The categories under the bars, slanted where they would overlap.
[[nodiscard]] inline std::string category_ticks(const std::vector<std::string>& categories,
                                                const FigureSize& size) {
  double widest = 0;
  for (const auto& name : categories) widest = std::max(widest, estimated_width(name) + 8);
  const double available =
      (static_cast<double>(size.width) - 90) / static_cast<double>(categories.size());
  nn::detail::TextStream out;
  out << "set grid noxtics\nset xtics scale 0 " << (widest > available ? "rotate by 35 right" : "")
      << " (";
  for (std::size_t k = 0; k < categories.size(); ++k) {
    out << (k > 0 ? ", " : "") << in_tick_quotes(categories[k]) << ' ' << k;
  }
  out << ")\n";
  return out.str();
}

/// The data block of one series with the labels, and the plot commands for its bars and error bars.
struct DrawnBars {
  std::string data;
  std::string commands;
};

[[nodiscard]] inline DrawnBars drawn_bars(const BarSeries& series, std::size_t k, std::size_t count,
                                          const FigureOptions& options) {
  const double width = 0.8 / static_cast<double>(count);
  nn::detail::TextStream data;
  data << "$bars" << k << " << EOD\nNaN NaN NaN NaN\n";
  nn::detail::TextStream labels;
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    const double x = static_cast<double>(i) - 0.4 + width * (static_cast<double>(k) + 0.5);
    const double spread = series.spread.empty() ? 0 : series.spread[i];
    const std::string top = drawn(series.values[i] + spread, options.y);
    data << to_decimal(x) << ' ' << drawn(series.values[i], options.y) << ' '
         << drawn(series.values[i] - spread, options.y) << ' ' << top << '\n';
    if (series.labels.empty() || top == "NaN") continue;
    labels << "set label " << in_quotes(series.labels[i]) << " at " << to_decimal(x) << ", " << top
           << " center offset 0,0.6 front font '," << figure_points - 2 << "' textcolor rgb "
           << quoted_colour(text_colour) << '\n';
  }
  data << "EOD\n" << labels.str();
  const std::string block = nn::detail::text("$bars", k);
  nn::detail::TextStream out;
  out << block << " using 1:2:(" << width * 0.92 << ") with boxes fs solid noborder lc rgb "
      << quoted_colour(colour_of_bars(series, k, count, options.ordered)) << " title "
      << in_quotes(series.name);
  if (!series.spread.empty()) {
    out << ", " << block
        << " using 1:3:(0):($4-$3) with vectors heads size screen 0.006,90 lw 1.2 lc rgb "
        << quoted_colour(text_colour) << " notitle";
  }
  return {data.str(), out.str()};
}

inline void write_csv(const std::filesystem::path& path, const std::vector<std::string>& categories,
                      const std::vector<BarSeries>& bars, const FigureOptions& options) {
  Csv csv({options.x.label.empty() ? "category" : options.x.label, "series",
           options.y.label.empty() ? "value" : options.y.label, "spread"});
  for (const BarSeries& series : bars) {
    for (std::size_t k = 0; k < categories.size(); ++k) {
      const double none = std::numeric_limits<double>::quiet_NaN();
      csv.add(categories[k], series.name, series.values[k],
              series.spread.empty() ? none : series.spread[k]);
    }
  }
  csv.write(csv_beside(path));
}

}  // namespace detail

/// Draws bars side by side for each category. They start at zero unless the y axis says otherwise.
/// @throws Error when the lists do not fit together or gnuplot is missing; FileError when the file
/// cannot be written.
inline void plot_bars(const std::filesystem::path& path, const std::vector<std::string>& categories,
                      const std::vector<BarSeries>& bars, FigureOptions options = {}) {
  detail::check(categories, bars);
  options.x.min = -0.6;
  options.x.max = static_cast<double>(categories.size()) - 0.4;
  detail::Extent y(options.y);
  y.add(0);
  std::vector<std::string> names;
  bool labelled = false;
  for (const BarSeries& series : bars) {
    for (const double value : series.values) y.add(value);
    names.push_back(series.name);
    labelled = labelled || !series.labels.empty();
  }
  if (!options.y.min && !options.y.logarithmic && y.low() >= 0) options.y.min = 0;
  if (options.y.percent && options.y.min == 0.0 && !options.y.max && y.high() > 0.7 &&
      y.high() <= 1) {  // shares cannot exceed one
    options.y.max = labelled ? 1.08 : 1.0;
    if (options.y.ticks.empty()) options.y.ticks = {0, 0.2, 0.4, 0.6, 0.8, 1};
    labelled = false;
  }
  std::string commands = detail::frame_commands(options, detail::Extent(options.x), y, names) +
                         detail::category_ticks(categories, options.size) +
                         (labelled ? "set offsets 0, 0, graph 0.1, 0\n" : "");
  std::string plot;
  for (std::size_t k = 0; k < bars.size(); ++k) {
    const auto drawn = detail::drawn_bars(bars[k], k, bars.size(), options);
    commands += drawn.data;
    plot += (k > 0 ? ", " : "") + drawn.commands;
  }
  detail::draw(path, options.size,
               commands + "plot " + plot + detail::reference_plots(options) + '\n');
  if (options.csv) detail::write_csv(path, categories, bars, options);
}

namespace detail {

/// The borders between bins: equal steps, or equal ratios on a logarithmic axis.
[[nodiscard]] inline std::vector<double> bin_edges(const Axis& axis, const Extent& extent,
                                                   Index bins) {
  double low = axis.min.value_or(extent.low());
  double high = axis.max.value_or(extent.high());
  if (!(low < high)) {
    low = axis.logarithmic ? low / 2 : low - 0.5;
    high = axis.logarithmic ? high * 2 : high + 0.5;
  }
  std::vector<double> edges;
  for (Index k = 0; k <= bins; ++k) {
    const double share = static_cast<double>(k) / static_cast<double>(bins);
    edges.push_back(axis.logarithmic ? low * std::pow(high / low, share)
                                     : low + (high - low) * share);
  }
  return edges;
}

/// The number of values in each bin. Values beyond the outermost edges count in the outermost bins;
/// values that are not finite are not counted.
[[nodiscard]] inline std::vector<double> counts_between(std::span<const double> values,
                                                        const std::vector<double>& edges) {
  std::vector<double> counts(edges.size() - 1, 0.0);
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    const auto place = std::upper_bound(edges.begin() + 1, edges.end() - 1, value);
    counts[static_cast<std::size_t>(place - edges.begin()) - 1] += 1;
  }
  return counts;
}

/// The data block of the outline of a histogram's boxes.
[[nodiscard]] inline std::string outline(std::size_t k, const std::vector<double>& edges,
                                         const std::vector<double>& heights,
                                         const FigureOptions& options) {
  nn::detail::TextStream out;
  out << "$outline" << k << " << EOD\n";
  for (std::size_t i = 0; i < heights.size(); ++i) {
    const std::string top = drawn(std::max(heights[i], *options.y.min), options.y);
    for (const double edge : {edges[i], edges[i + 1]}) {
      out << drawn(edge, options.x) << ' ' << top << '\n';
    }
  }
  out << "EOD\n";
  return out.str();
}

}  // namespace detail

/// Draws histograms of series: for each of `bins` equal intervals of the x axis, a box as high as
/// the number of values in it, or, where the y axis is in percent, their share of the series.
/// Values beyond the axis count in the outermost boxes. Several series are drawn over one another.
/// @throws Error when there is no series, no bin or no gnuplot; FileError when the file cannot be
/// written.
inline void plot_histogram(const std::filesystem::path& path, const std::vector<Sample>& samples,
                           FigureOptions options = {}, Index bins = 50) {
  require(!samples.empty() && bins > 0, "a histogram of ", samples.size(), " series in ", bins,
          " bins");
  detail::Extent x(options.x);
  std::vector<std::string> names;
  for (const Sample& sample : samples) {
    for (const double value : sample.values) x.add(value);
    names.push_back(sample.name);
  }
  const std::vector<double> edges = detail::bin_edges(options.x, x, bins);
  options.x.min = edges.front();
  options.x.max = edges.back();
  if (options.y.label.empty()) options.y.label = options.y.percent ? "share" : "count";

  detail::Extent y(options.y);
  y.add(0);
  std::vector<std::vector<double>> heights;
  for (const Sample& sample : samples) {
    heights.push_back(detail::counts_between(sample.values, edges));
    const double whole = options.y.percent ? static_cast<double>(sample.values.size()) : 1.0;
    for (double& height : heights.back()) {
      if (whole > 0) height /= whole;
      y.add(height);
    }
  }
  const double foot = options.y.logarithmic ? y.low() / 2 : 0.0;
  if (!options.y.min) options.y.min = foot;

  std::string commands = detail::frame_commands(options, x, y, names);
  std::string plot;
  Csv csv({"series", "from", "to", options.y.label});
  for (std::size_t k = 0; k < samples.size(); ++k) {
    commands += detail::outline(k, edges, heights[k], options);
    for (std::size_t i = 0; i + 1 < edges.size(); ++i) {
      csv.add(samples[k].name, edges[i], edges[i + 1], heights[k][i]);
    }
    const Colour colour =
        series_colour(static_cast<Index>(k), static_cast<Index>(samples.size()), options.ordered);
    plot += nn::detail::text(
        k > 0 ? ", " : "", "$outline", k,
        " using 1:2 with filledcurves y1=", detail::drawn(*options.y.min, options.y), " lc rgb ",
        detail::quoted_colour(colour), " fs transparent solid ", samples.size() > 1 ? 0.55 : 0.9,
        " noborder title ", detail::in_quotes(samples[k].name));
  }
  detail::draw(path, options.size,
               commands + "plot " + plot + detail::reference_plots(options) + '\n');
  if (options.csv) csv.write(detail::csv_beside(path));
}

}  // namespace nn::viz
