/// @file
/// The parts of all figures with axes: titles, axes, reference lines, legends.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "nn/viz/gnuplot.hpp"

namespace nn::viz {

/// One axis of a figure.
struct Axis {
  std::string label = {};          ///< what the axis shows
  bool logarithmic = false;        ///< of the scale
  bool percent = false;            ///< values are shares; show 0.985 as 98.5 %
  std::optional<double> min = {};  ///< the axis begins here rather than at the data
  std::optional<double> max = {};  ///< the axis ends here rather than at the data
  std::vector<double> ticks = {};  ///< the values to write at the axis; empty: chosen by the range
};

/// A line across the figure at one value, with a few words beside it.
struct ReferenceLine {
  double at = 0;           ///< on the axis it crosses
  std::string label = {};  ///< beside the line
  bool vertical = false;   ///< at a value of x, else of y
};

/// A figure without its data.
struct FigureOptions {
  std::string title = {};                 ///< above the figure
  Axis x = {};                            ///< the horizontal axis
  Axis y = {};                            ///< the vertical axis
  std::vector<ReferenceLine> lines = {};  ///< across the figure
  bool ordered = false;  ///< the series have an order: colour them from dark to light
  bool legend = true;    ///< shown when there are two series or more
  bool csv = true;       ///< write the numbers beside the picture, as NAME.csv
  FigureSize size = {};  ///< on a page
};

namespace detail {

/// The finite values that an axis has to show.
class Extent {
 public:
  explicit Extent(const Axis& axis) : logarithmic_(axis.logarithmic) {}

  void add(double value) {
    if (!std::isfinite(value) || (logarithmic_ && value <= 0)) return;
    low_ = std::min(low_, value);
    high_ = std::max(high_, value);
  }
  /// Adds a share of the range at both ends of a linear axis.
  void widen(double share) {
    if (logarithmic_ || empty()) return;
    const double margin = share * (high_ - low_);
    low_ -= margin;
    high_ += margin;
  }
  [[nodiscard]] bool empty() const { return low_ > high_; }
  [[nodiscard]] double low() const { return empty() ? (logarithmic_ ? 0.1 : 0) : low_; }
  [[nodiscard]] double high() const { return empty() ? 1 : high_; }

  /// Where a value lies between the lowest (0) and the highest (1).
  [[nodiscard]] double place(double value) const {
    if (logarithmic_) return std::log(value / low()) / std::log(high() / low());
    return (value - low()) / (high() - low());
  }

 private:
  bool logarithmic_;
  double low_ = std::numeric_limits<double>::infinity();
  double high_ = -std::numeric_limits<double>::infinity();
};

/// A number as an axis shows it, with at most six digits.
[[nodiscard]] inline std::string tick_text(double value) { return nn::detail::general(value); }

/// A power of ten for readers: "0.01", "100", and beyond the usual "10⁻⁵".
[[nodiscard]] inline std::string power_of_ten(int exponent) {
  if (exponent >= -4 && exponent <= 4) return tick_text(std::pow(10.0, exponent));
  constexpr std::array<std::string_view, 10> digits{"⁰", "¹", "²", "³", "⁴",
                                                    "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = exponent < 0 ? "10⁻" : "10";
  for (const char digit : std::to_string(std::abs(exponent))) {
    text += digits[static_cast<std::size_t>(digit - '0')];
  }
  return text;
}

/// "0.02", "500", and beyond the usual "2·10⁻⁵".
[[nodiscard]] inline std::string multiple_of_power(int digit, int exponent) {
  if (exponent >= -4 && exponent <= 3) return tick_text(digit * std::pow(10.0, exponent));
  return std::to_string(digit) + "·" + power_of_ten(exponent);
}

/// The decades of a logarithmic axis, with unlabelled marks at 2, 3, ... 9 between them; where
/// there are fewer than two decades, 2 and 5 have labels too.
[[nodiscard]] inline std::string logarithmic_ticks(double low, double high) {
  const int first = static_cast<int>(std::floor(std::log10(low) + 1e-9));
  const int last = static_cast<int>(std::ceil(std::log10(high) - 1e-9));
  const int every = std::max(1, (last - first) / 8);
  nn::detail::TextStream out;
  for (int exponent = first; exponent <= last; ++exponent) {
    const double decade = std::pow(10.0, exponent);
    const bool labelled = (exponent - first) % every == 0;
    out << (exponent > first ? ", " : "") << in_quotes(labelled ? power_of_ten(exponent) : "")
        << ' ' << to_decimal(decade);
    if (exponent == last || every > 1) continue;
    for (int digit = 2; digit <= 9; ++digit) {
      const bool named = last - first < 2 && (digit == 2 || digit == 5);
      out << ", " << in_quotes(named ? multiple_of_power(digit, exponent) : "") << ' '
          << to_decimal(digit * decade) << (named ? "" : " 1");
    }
  }
  return out.str();
}

/// The factor between the data and what is drawn.
[[nodiscard]] inline double drawn_scale(const Axis& axis) { return axis.percent ? 100.0 : 1.0; }

/// `value` as the axis draws it; "NaN" where it cannot show it.
[[nodiscard]] inline std::string drawn(double value, const Axis& axis) {
  if (axis.logarithmic && value <= 0) return "NaN";
  return to_decimal(value * drawn_scale(axis));
}

/// The commands for one axis.
/// @param name "x" or "y"
/// @throws Error for a range that is empty or that a logarithmic axis cannot show.
[[nodiscard]] inline std::string axis_commands(std::string_view name, const Axis& axis,
                                               const Extent& extent) {
  require(!axis.logarithmic || axis.min.value_or(1) > 0, "a logarithmic axis cannot begin at ",
          axis.min.value_or(0));
  require(!axis.min || !axis.max || *axis.min < *axis.max, "an axis from ", axis.min.value_or(0),
          " to ", axis.max.value_or(0));
  const double scale = drawn_scale(axis);
  double low = axis.min.value_or(extent.low());
  double high = axis.max.value_or(extent.high());
  nn::detail::TextStream out;
  const auto end = [&](bool given, double value) {
    // Curves begin and end at the edge; upwards gnuplot extends the axis to a round number.
    const bool exact = given || extent.empty() || name == "x" || !axis.ticks.empty();
    return exact ? to_decimal(value * scale) : std::string("*");
  };
  if (!(low < high)) {  // one value only: show something of its surroundings
    const double margin = low == 0 ? 1 : 0.1 * std::abs(low);
    high = axis.max.value_or(high + margin);
    low = axis.min.value_or(axis.logarithmic ? low / 2 : low - margin);
    out << "set " << name << "range [" << to_decimal(low * scale) << ':' << to_decimal(high * scale)
        << "]\n";
  } else {
    out << "set " << name << "range [" << end(axis.min.has_value(), low) << ':'
        << end(axis.max.has_value(), high) << "]\n";
  }
  if (axis.logarithmic) out << "set logscale " << name << '\n';
  if (!axis.label.empty()) out << "set " << name << "label " << in_quotes(axis.label) << '\n';
  out << "set format " << name << (axis.percent ? " '%g %%'\n" : " '%g'\n");
  if (!axis.ticks.empty()) {
    out << "set " << name << "tics (";
    for (std::size_t k = 0; k < axis.ticks.size(); ++k) {
      const double value = axis.ticks[k] * scale;
      out << (k > 0 ? ", " : "") << in_tick_quotes(tick_text(value) + (axis.percent ? " %" : ""))
          << ' ' << to_decimal(value);
    }
    out << ")\n";
  } else if (axis.logarithmic) {
    out << "set " << name << "tics (" << logarithmic_ticks(low * scale, high * scale) << ")\n";
  }
  return out.str();
}

[[nodiscard]] inline std::string reference_style() {
  return "dt (6,4) lw 1.2 lc rgb " + quoted_colour(faint_colour);
}

/// The vertical reference lines, and the labels of all.
[[nodiscard]] inline std::string reference_labels(const FigureOptions& options, const Extent& x) {
  nn::detail::TextStream out;
  for (const ReferenceLine& line : options.lines) {
    const std::string at = drawn(line.at, line.vertical ? options.x : options.y);
    if (at == "NaN") continue;
    if (line.vertical) {
      out << "set arrow from " << at << ", graph 0 to " << at << ", graph 1 nohead front "
          << reference_style() << '\n';
    }
    if (line.label.empty()) continue;
    const char* const beside =
        x.place(line.at) > 0.75 ? " right offset -0.5,-0.7" : " offset 0.5,-0.7";
    // A horizontal line's label stands to the right of the plot, where no curve is.
    const std::string place =
        line.vertical ? at + ", graph 1" + beside : "graph 1, first " + at + " left offset 0.6,0";
    out << "set label " << in_quotes(line.label) << " at " << place << " front boxed font ',"
        << figure_points - 2 << "' tc rgb " << quoted_colour(faint_colour) << '\n';
  }
  return out.str();
}

/// The margin to the right of the plot, in characters: for the labels of horizontal lines.
[[nodiscard]] inline double right_margin(const FigureOptions& options) {
  double characters = 0;
  for (const ReferenceLine& line : options.lines) {
    if (line.vertical || drawn(line.at, options.y) == "NaN") continue;
    characters = std::max(characters, static_cast<double>(line.label.size()));
  }
  return std::max(3.5, 0.8 * characters + 1.5);
}

/// The horizontal reference lines as constant functions to plot, for which the axis is extended.
[[nodiscard]] inline std::string reference_plots(const FigureOptions& options) {
  std::string plots;
  for (const ReferenceLine& line : options.lines) {
    const std::string at = drawn(line.at, options.y);
    if (line.vertical || at == "NaN") continue;
    plots += ", " + at + " with lines " + reference_style() + " notitle";
  }
  return plots;
}

/// The approximate width of a text, in pixels of the page: characters of DejaVu Sans at its usual
/// size.
[[nodiscard]] inline double estimated_width(std::string_view text, double points = figure_points) {
  const auto characters = std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;  // no continuation byte of UTF-8
  });
  return static_cast<double>(characters) * 0.62 * points * 96 / 72;
}

/// The legend above the figure, in as many rows as it needs, and the title above it. Both begin at
/// the left edge of the plot.
[[nodiscard]] inline std::string heading(const FigureOptions& options,
                                         const std::vector<std::string>& names) {
  constexpr double line = 18.5;  // pixels
  constexpr double sample = 46;  // a legend's line sample and the space around it
  const auto width = static_cast<double>(options.size.width);
  const auto height = static_cast<double>(options.size.height);
  const bool legend = options.legend && names.size() > 1;
  const double title = options.title.empty() ? 0 : line + 8;
  double top = 14 + title;
  nn::detail::TextStream out;
  if (legend) {
    double widest = 0;
    for (const auto& name : names) widest = std::max(widest, estimated_width(name));
    const double fitting = std::max(1.0, std::floor((width - 70) / (widest + sample)));
    top += std::ceil(static_cast<double>(names.size()) / fitting) * line;
    out << "set key at graph 0, screen " << 1 - (top - 6) / height
        << " left bottom horizontal Left reverse samplen 1.6 maxcols " << fitting
        << " width 1 textcolor rgb " << quoted_colour(text_colour) << '\n';
  } else {
    out << "unset key\n";
  }
  out << "set tmargin at screen " << 1 - top / height << '\n';
  if (!options.title.empty()) {
    out << "set label " << in_quotes(options.title) << " at graph 0, screen "
        << 1 - (8 + line / 2) / height << " left font '" << figure_font << ":Bold,"
        << figure_points + 0.5 << "' tc rgb " << quoted_colour(text_colour) << '\n';
  }
  return out.str();
}

/// The look of every figure with axes.
[[nodiscard]] inline std::string look() {
  return nn::detail::text("set border 3 lw 1 lc rgb ", quoted_colour(axis_colour),
                          "\nset tics nomirror out scale 0.4,0.25 textcolor rgb ",
                          quoted_colour(text_colour), "\nset grid back lt 1 lw 0.8 lc rgb ",
                          quoted_colour(grid_colour), "\nset xlabel textcolor rgb ",
                          quoted_colour(text_colour), "\nset ylabel textcolor rgb ",
                          quoted_colour(text_colour),
                          "\nset samples 2\nset style textbox opaque noborder margins 0.4,0.2\n");
}

/// The commands for a figure, without its data and horizontal reference lines.
[[nodiscard]] inline std::string frame_commands(const FigureOptions& options, Extent x, Extent y,
                                                const std::vector<std::string>& names) {
  for (const ReferenceLine& line : options.lines) (line.vertical ? x : y).add(line.at);
  return look() + axis_commands("x", options.x, x) + axis_commands("y", options.y, y) +
         nn::detail::text("set rmargin ", right_margin(options), '\n') +
         reference_labels(options, x) + heading(options, names);
}

/// The file for a picture's numbers.
[[nodiscard]] inline std::filesystem::path csv_beside(std::filesystem::path picture) {
  return picture.replace_extension(".csv");
}

}  // namespace detail

}  // namespace nn::viz
