/// @file
/// Curves, bars, histograms and ROC curves as figures (.png or .svg by the extension of the path).
/// Needs the program gnuplot (Debian: gnuplot-nox) when it runs, nothing when it is compiled.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "nn/viz/bars.hpp"
#include "nn/viz/figure.hpp"

namespace nn::viz {

/// How a curve is drawn.
enum class CurveStyle {
  automatic,  ///< a line, with a dot at each point where there are at most 25
  line,
  line_and_points,
  points,
  steps
};

/// One curve. A point that is not finite, or that a logarithmic axis cannot show, interrupts it.
struct Curve {
  std::string name = {};                     ///< for the legend
  std::vector<double> x = {};                ///< of each point
  std::vector<double> y = {};                ///< of each point
  std::vector<double> spread = {};           ///< if given, a band from y - spread to y + spread
  CurveStyle style = CurveStyle::automatic;  ///< how points are joined
  bool dashed = false;                       ///< lines are interrupted
  std::optional<Colour> colour = {};         ///< if given, instead of the series' own
};

namespace detail {

[[nodiscard]] inline Colour colour_of_curve(const std::vector<Curve>& curves, std::size_t k,
                                            bool ordered) {
  return curves[k].colour.value_or(
      series_colour(static_cast<Index>(k), static_cast<Index>(curves.size()), ordered));
}

inline void check(const std::vector<Curve>& curves) {
  require(!curves.empty(), "a figure of no curves");
  for (const Curve& curve : curves) {
    require(curve.x.size() == curve.y.size(), "the curve \"", curve.name, "\" has ", curve.x.size(),
            " x for ", curve.y.size(), " y");
    require(curve.spread.empty() || curve.spread.size() == curve.y.size(), "the curve \"",
            curve.name, "\" has ", curve.spread.size(), " spreads for ", curve.y.size(), " y");
  }
}

/// The data block of a curve: x, y, and the band's lower and upper edge. A band goes down to
/// `floor` at most.
[[nodiscard]] inline std::string data_block(const Curve& curve, std::size_t k,
                                            const FigureOptions& options, double floor) {
  nn::detail::TextStream out;
  out << "$curve" << k << " << EOD\nNaN NaN NaN NaN\n";
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    const double y = curve.y[i];
    const double spread = curve.spread.empty() ? 0 : curve.spread[i];
    double low = y - spread;
    if (low < floor) low = std::min(floor, y);
    const std::string drawn_y = drawn(y, options.y);
    // An empty line interrupts a curve where gnuplot would join the points around a missing one.
    if (drawn_y == "NaN") {
      out << '\n';
      continue;
    }
    out << drawn(curve.x[i], options.x) << ' ' << drawn_y << ' ' << drawn(low, options.y) << ' '
        << drawn(y + spread, options.y) << '\n';
  }
  out << "EOD\n";
  return out.str();
}

[[nodiscard]] inline std::string curve_command(const Curve& curve, std::size_t k, Colour colour,
                                               bool ordered) {
  const bool few = curve.x.size() <= 25;
  nn::detail::TextStream out;
  out << "$curve" << k << " using 1:2 with ";
  switch (curve.style) {
    case CurveStyle::points:
      out << "points";
      break;
    case CurveStyle::steps:
      out << "steps";
      break;
    case CurveStyle::line_and_points:
      out << "linespoints";
      break;
    case CurveStyle::line:
      out << "lines";
      break;
    case CurveStyle::automatic:
      out << (few ? "linespoints" : "lines");
      break;
  }
  out << " pt 7 ps 0.55 lw 2.2 lc rgb " << quoted_colour(colour);
  const bool colour_again = k >= series_colours.size() && !ordered && !curve.colour;
  if (curve.style != CurveStyle::points) {
    out << (curve.dashed || colour_again ? " dt (5,4)" : " dt 1");
  }
  out << " title " << in_quotes(curve.name);
  return out.str();
}

inline void write_csv(const std::filesystem::path& path, const std::vector<Curve>& curves,
                      const FigureOptions& options) {
  const auto or_else = [](const std::string& text, const char* other) {
    return text.empty() ? std::string(other) : text;
  };
  Csv csv({"series", or_else(options.x.label, "x"), or_else(options.y.label, "y"), "spread"});
  for (const Curve& curve : curves) {
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      const double none = std::numeric_limits<double>::quiet_NaN();
      csv.add(curve.name, curve.x[i], curve.y[i], curve.spread.empty() ? none : curve.spread[i]);
    }
  }
  csv.write(csv_beside(path));
}

}  // namespace detail

/// Draws curves over one another, in the colours of the theme, with a legend above them:
///
///     plot_curves(out / "loss.png", {{.name = "training set", .x = epochs, .y = train_loss},
///                                    {.name = "test set", .x = epochs, .y = test_loss}},
///                 {.x = {.label = "epoch"}, .y = {.label = "loss", .logarithmic = true}});
///
/// @throws Error when there is no curve, its lists differ in length, or gnuplot is missing;
/// FileError when the file cannot be written.
inline void plot_curves(const std::filesystem::path& path, const std::vector<Curve>& curves,
                        const FigureOptions& options = {}) {
  detail::check(curves);
  detail::Extent x(options.x);
  detail::Extent y(options.y);
  std::vector<std::string> names;
  for (const Curve& curve : curves) {
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      if (!std::isfinite(curve.y[i])) continue;
      x.add(curve.x[i]);
      y.add(curve.y[i]);
    }
    names.push_back(curve.name);
  }
  const bool has_points = std::any_of(curves.begin(), curves.end(), [](const Curve& curve) {
    return curve.style == CurveStyle::points;
  });
  if (has_points) x.widen(0.02);  // else points at the ends would be cut in half
  // Where all values are positive, a band of negative ones would mislead (and cannot be shown on a
  // logarithmic axis).
  const double floor = options.y.logarithmic ? y.low()
                       : y.low() >= 0        ? 0.0
                                             : -std::numeric_limits<double>::infinity();
  std::string commands = detail::frame_commands(options, x, y, names);
  std::string bands;
  std::string lines;
  for (std::size_t k = 0; k < curves.size(); ++k) {
    const Colour colour = detail::colour_of_curve(curves, k, options.ordered);
    commands += detail::data_block(curves[k], k, options, floor);
    if (!curves[k].spread.empty()) {
      bands +=
          nn::detail::text("$curve", k, " using 1:3:4 with filledcurves fs solid noborder lc rgb ",
                           detail::quoted_colour(colour, 0.18), " notitle, ");
    }
    lines += (k > 0 ? ", " : "") + detail::curve_command(curves[k], k, colour, options.ordered);
  }
  detail::draw(path, options.size,
               commands + "plot " + bands + lines + detail::reference_plots(options) + '\n');
  if (options.csv) detail::write_csv(path, curves, options);
}

/// One receiver operating characteristic.
struct RocCurve {
  std::string name = {};                         ///< for the legend
  std::vector<double> false_positive_rate = {};  ///< of each point
  std::vector<double> true_positive_rate = {};   ///< of each point
  std::optional<double> area = {};               ///< shown in the legend if given
};

/// Draws ROC curves with the line of guessing. Rates are shares from 0 to 1.
/// @throws as plot_curves
inline void plot_roc(const std::filesystem::path& path, const std::vector<RocCurve>& curves,
                     FigureOptions options = {.size = {560, 520}}) {
  std::vector<Curve> drawn;
  for (const RocCurve& roc : curves) {
    nn::detail::TextStream name;
    name << roc.name;
    name.precision(4);
    if (roc.area) name << " (area " << std::fixed << *roc.area << ')';
    drawn.push_back({.name = name.str(),
                     .x = roc.false_positive_rate,
                     .y = roc.true_positive_rate,
                     .style = CurveStyle::line});
  }
  const double first = options.x.logarithmic ? options.x.min.value_or(1e-4) : 0;
  Curve guessing{
      .name = "guessing", .style = CurveStyle::line, .dashed = true, .colour = axis_colour};
  constexpr int steps = 100;  // a straight line is curved on a logarithmic axis
  for (int k = 0; k <= steps; ++k) {
    const double share = static_cast<double>(k) / steps;
    const double rate = options.x.logarithmic ? std::pow(first, 1 - share) : share;
    guessing.x.push_back(rate);
    guessing.y.push_back(rate);
  }
  drawn.push_back(std::move(guessing));
  for (Axis* axis : {&options.x, &options.y}) {
    axis->percent = true;
    if (!axis->min) axis->min = axis->logarithmic ? first : 0;
    if (!axis->max) axis->max = 1;
  }
  if (options.x.label.empty()) options.x.label = "false positives";
  if (options.y.label.empty()) options.y.label = "true positives";
  plot_curves(path, drawn, options);
}

}  // namespace nn::viz
