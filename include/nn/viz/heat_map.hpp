/// @file
/// Matrices as figures: heat maps and confusion matrices.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "nn/viz/canvas.hpp"
#include "nn/viz/figure.hpp"

namespace nn::viz {

/// Options of heat maps.
struct HeatMapOptions {
  std::string title = {};                  ///< above the matrix
  std::string row_label = {};              ///< what the rows are
  std::string column_label = {};           ///< what the columns are
  ColourScale scale = ColourScale::blues;  ///< of the cells
  std::optional<double> min = {};          ///< the value with the scale's first colour
  std::optional<double> max = {};          ///< the value with the scale's last colour
  bool percent = false;                    ///< values are shares; show 0.985 as 98.5
  int decimals = 1;                        ///< of the numbers in the cells; negative: no numbers
  Index cell = 56;                         ///< the side of a cell in pixels of the page
  bool csv = true;                         ///< write the numbers beside the picture, as NAME.csv
};

namespace detail {

[[nodiscard]] inline std::string fixed_text(double value, int decimals) {
  return nn::detail::fixed(value, decimals);
}

/// A share as "12.3 %". Less than the whole is never rounded to 100 %: it has up to two decimals,
/// and then is ">99.99 %".
[[nodiscard]] inline std::string percent_text(double share, int decimals) {
  if (share >= 1) return "100 %";
  for (; decimals <= 2; ++decimals) {
    const std::string number = fixed_text(100 * share, decimals);
    if (!number.starts_with("100")) return number + " %";
  }
  return ">99.99 %";
}

/// The layout of a matrix's cells, and the texts around them.
class MatrixSheet {
 public:
  MatrixSheet(const std::vector<std::string>& rows, const std::vector<std::string>& columns,
              const HeatMapOptions& options)
      : cell_(static_cast<double>(options.cell)),
        left_(16 + (options.row_label.empty() ? 0 : 26) + widest(rows)),
        slanted_(widest(columns) > cell_),
        title_(options.title.empty() ? 0 : 34),
        top_(title_ + 10 + (options.column_label.empty() ? 0 : 24) +
             (slanted_ ? widest(columns) : 24)),
        width_(cell_ * static_cast<double>(columns.size())),
        height_(cell_ * static_cast<double>(rows.size())),
        canvas_({static_cast<Index>(std::max(left_ + width_ + 16, minimal_width(options))),
                 static_cast<Index>(top_ + height_ + 16)}) {
    canvas_.words(options.title, left_, 20, {.points = figure_points + 0.5, .bold = true});
    canvas_.words(options.column_label, left_ + width_ / 2, title_ + 16, {.align = Align::centre});
    canvas_.words(options.row_label, 18, top_ + height_ / 2,
                  {.align = Align::centre, .upwards = true});
    for (std::size_t k = 0; k < rows.size(); ++k) {
      canvas_.words(rows[k], left_ - 8, top_ + (static_cast<double>(k) + 0.5) * cell_,
                    {.align = Align::right});
    }
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const double x = left_ + (static_cast<double>(k) + 0.5) * cell_;
      canvas_.words(columns[k], x, slanted_ ? top_ - 6 : top_ - 13,
                    {.align = slanted_ ? Align::left : Align::centre, .upwards = slanted_});
    }
  }

  void cell(Index row, Index column, Colour colour) {
    canvas_.box(x(column) + 1, y(row) + 1, cell_ - 2, cell_ - 2, colour);
  }

  /// A text in a cell, at a share of its height.
  void text(Index row, Index column, const std::string& text, double share, double points,
            Colour colour, bool bold = false) {
    canvas_.words(text, x(column) + cell_ / 2, y(row) + share * cell_,
                  {.points = points, .colour = colour, .align = Align::centre, .bold = bold});
  }

  void write(const std::filesystem::path& path) const { canvas_.write(path); }

 private:
  [[nodiscard]] static double widest(const std::vector<std::string>& names) {
    double width = 0;
    for (const auto& name : names) width = std::max(width, estimated_width(name) + 8);
    return width;
  }
  [[nodiscard]] double minimal_width(const HeatMapOptions& options) const {
    return left_ + 1.15 * estimated_width(options.title);
  }
  [[nodiscard]] double x(Index column) const { return left_ + static_cast<double>(column) * cell_; }
  [[nodiscard]] double y(Index row) const { return top_ + static_cast<double>(row) * cell_; }

  double cell_, left_;
  bool slanted_;
  double title_, top_, width_, height_;
  Canvas canvas_;
};

inline void write_csv(const std::filesystem::path& path, std::span<const double> values,
                      const std::vector<std::string>& rows,
                      const std::vector<std::string>& columns) {
  std::vector<std::string> header{""};
  header.insert(header.end(), columns.begin(), columns.end());
  Csv csv(header);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::vector<std::string> cells{rows[row]};
    for (std::size_t column = 0; column < columns.size(); ++column) {
      const double value = values[row * columns.size() + column];
      cells.push_back(std::isfinite(value) ? to_decimal(value) : "");
    }
    csv.add_row(cells);
  }
  csv.write(csv_beside(path));
}

}  // namespace detail

/// Draws a matrix of numbers as coloured cells. NaN stands for "not measured" and is
/// drawn as a grey cell.
/// @param values row after row, one row for each name in `rows`
/// @throws Error when there are more or fewer values than cells, or gnuplot is missing; FileError
/// when the file cannot be written.
inline void plot_heat_map(const std::filesystem::path& path, std::span<const double> values,
                          const std::vector<std::string>& rows,
                          const std::vector<std::string>& columns,
                          const HeatMapOptions& options = {}) {
  require(!values.empty() && values.size() == rows.size() * columns.size(), "a heat map of ",
          rows.size(), "x", columns.size(), " cells got ", values.size(), " values");
  detail::Extent extent{Axis{}};
  for (const double value : values) extent.add(value);
  const double low = options.min.value_or(extent.low());
  const double width = options.max.value_or(extent.high()) - low;
  detail::MatrixSheet sheet(rows, columns, options);
  for (std::size_t k = 0; k < values.size(); ++k) {
    const auto row = static_cast<Index>(k / columns.size());
    const auto column = static_cast<Index>(k % columns.size());
    const Colour colour =
        colour_of(width > 0 ? (values[k] - low) / width : 0.5 + 0 * values[k], options.scale);
    sheet.cell(row, column, colour);
    if (options.decimals < 0 || !std::isfinite(values[k])) continue;
    sheet.text(row, column,
               detail::fixed_text(values[k] * (options.percent ? 100 : 1), options.decimals), 0.5,
               figure_points - 1, text_on(colour));
  }
  sheet.write(path);
  if (options.csv) detail::write_csv(path, values, rows, columns);
}

/// Draws a confusion matrix: how many samples of each class (row) were predicted as each class
/// (column), as counts with the share of the row below. The diagonal is blue, errors are orange on
/// a scale of their own, so that a few errors among thousands of correct predictions show.
/// @param counts row after row, as many rows and columns as there are names
/// @throws Error when the counts are no square matrix of the names' number, or gnuplot is missing;
/// FileError when the file cannot be written.
inline void plot_confusion_matrix(const std::filesystem::path& path, std::span<const Index> counts,
                                  const std::vector<std::string>& names,
                                  const HeatMapOptions& options = {
                                      .row_label = "true class",
                                      .column_label = "predicted class"}) {
  const auto classes = static_cast<Index>(names.size());
  require(classes > 0 && static_cast<Index>(counts.size()) == classes * classes,
          "a confusion matrix of ", classes, " classes got ", counts.size(), " counts");
  const auto at = [&](Index row, Index column) {
    return static_cast<double>(counts[static_cast<std::size_t>(row * classes + column)]);
  };
  std::vector<double> totals(names.size(), 0.0);
  double worst = 0;
  for (Index row = 0; row < classes; ++row) {
    double& total = totals[static_cast<std::size_t>(row)];
    for (Index column = 0; column < classes; ++column) total += at(row, column);
    for (Index column = 0; column < classes; ++column) {
      if (column != row && total > 0) worst = std::max(worst, at(row, column) / total);
    }
  }

  detail::MatrixSheet sheet(names, names, options);
  for (Index row = 0; row < classes; ++row) {
    const double total = totals[static_cast<std::size_t>(row)];
    for (Index column = 0; column < classes; ++column) {
      const double count = at(row, column);
      const double share = total > 0 ? count / total : 0;
      const bool right = row == column;
      // The scale starts a little above white, so that one confusion differs from none; beyond
      // one half the errors use it up.
      const double level = right       ? 0.15 + 0.7 * share
                           : count > 0 ? 0.08 + 0.55 * share / std::max(worst, 1e-9)
                                       : 0;
      Colour colour = colour_of(level, right ? ColourScale::blues : ColourScale::oranges);
      if (count == 0 && !right) colour = {247, 248, 249};
      sheet.cell(row, column, colour);
      if (count == 0 && !right) continue;
      sheet.text(row, column, detail::fixed_text(count, 0), 0.38, figure_points, text_on(colour),
                 right);
      if (total == 0) continue;
      sheet.text(row, column, detail::percent_text(share, 1), 0.74, figure_points - 3.5,
                 text_on(colour));
    }
  }
  sheet.write(path);
  if (options.csv) {
    const std::vector<double> values(counts.begin(), counts.end());
    detail::write_csv(path, values, names, names);
  }
}

}  // namespace nn::viz
