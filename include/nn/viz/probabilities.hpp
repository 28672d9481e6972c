/// @file
/// Pictures beside the probabilities that a network predicts.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "nn/viz/canvas.hpp"
#include "nn/viz/heat_map.hpp"

namespace nn::viz {

/// A picture and the probability that a network gives to each class.
struct Prediction {
  Image image = {};                       ///< what the network was given
  std::vector<float> probabilities = {};  ///< one a class
  Index truth = -1;                       ///< the true class, if it is known
};

/// Options of plot_predictions().
struct PredictionOptions {
  std::string title = {};                     ///< above all of them
  std::vector<std::string> class_names = {};  ///< empty: 0, 1, 2, ...
  Index columns = 3;                          ///< predictions side by side
};

namespace detail {

inline constexpr double panel_width = 318;
inline constexpr double panel_height = 158;
inline constexpr double panel_gap = 20;

[[nodiscard]] inline std::string class_name(Index index, const PredictionOptions& options) {
  const auto place = static_cast<std::size_t>(index);
  return place < options.class_names.size() ? options.class_names[place] : std::to_string(index);
}

/// The predicted class, and after a comma whether it is right.
[[nodiscard]] inline std::string verdict(const Prediction& prediction, Index winner,
                                         const PredictionOptions& options) {
  std::string name = class_name(winner, options);
  if (prediction.truth < 0) return name;
  if (prediction.truth == winner) return name + ", right";
  return name + ", but is " + class_name(prediction.truth, options);
}

/// Writes the verdict centred at `x`, in two lines if one would be wider than `width`.
inline void write_verdict(Canvas& canvas, const std::string& verdict, double x, double y,
                          double width, const Colour& colour) {
  const WordStyle style{
      .points = figure_points - 1, .colour = colour, .align = Align::centre, .bold = true};
  const std::size_t comma = verdict.rfind(", ");
  if (comma == std::string::npos || estimated_width(verdict, style.points) <= width) {
    canvas.words(verdict, x, y, style);
    return;
  }
  canvas.words(verdict.substr(0, comma + 1), x, y, style);
  canvas.words(verdict.substr(comma + 2), x, y + 15, style);
}

/// The picture with the verdict under it at the left, the bars at the right. The bar of the
/// predicted class has the colour of right or wrong; the true class's name is bold.
inline void draw_prediction(Canvas& canvas, const Prediction& prediction, double left, double top,
                            const PredictionOptions& options) {
  constexpr double picture = 104;
  const auto& p = prediction.probabilities;
  const auto winner = static_cast<Index>(std::max_element(p.begin(), p.end()) - p.begin());
  const bool wrong = prediction.truth >= 0 && prediction.truth != winner;
  const Colour colour = wrong ? wrong_colour : right_colour;

  const auto height = static_cast<double>(prediction.image.height());
  const auto width = static_cast<double>(prediction.image.width());
  const double zoom = picture / std::max(height, width);
  canvas.box(left - 3, top - 3, picture + 6, picture + 6, colour);
  canvas.box(left, top, picture, picture, white);
  canvas.picture(prediction.image, left + (picture - zoom * width) / 2,
                 top + (picture - zoom * height) / 2, zoom * width, zoom * height);
  write_verdict(canvas, verdict(prediction, winner, options), left + picture / 2,
                top + picture + 20, picture + 24, colour);

  double names = 0;
  for (std::size_t k = 0; k < p.size(); ++k) {
    names = std::max(
        names, estimated_width(class_name(static_cast<Index>(k), options), figure_points - 2.5));
  }
  const double bars = left + picture + 22 + names;
  const double longest = left + panel_width - 60 - bars;
  const double pitch =
      panel_height / static_cast<double>(std::max<std::size_t>(p.size(), 1)) * 0.93;
  canvas.line(bars, top - 3, bars, top - 3 + pitch * static_cast<double>(p.size()), axis_colour);
  for (std::size_t k = 0; k < p.size(); ++k) {
    const auto index = static_cast<Index>(k);
    const double y = top - 3 + (static_cast<double>(k) + 0.5) * pitch;
    const double share = std::clamp(static_cast<double>(p[k]), 0.0, 1.0);
    canvas.box(bars, y - 0.36 * pitch, share * longest, 0.72 * pitch,
               index == winner ? colour : axis_colour);
    const bool is_true = index == prediction.truth;
    canvas.words(class_name(index, options), bars - 6, y,
                 {.points = figure_points - 2.5, .align = Align::right, .bold = is_true});
    if (share < 0.005) continue;
    // A probability of 1 is one that a float cannot tell from 1.
    canvas.words(percent_text(std::min(share, 1 - 1e-9), 0), bars + share * longest + 4, y,
                 {.points = figure_points - 3, .colour = faint_colour});
  }
}

}  // namespace detail

/// How many predictions fit into one figure, `columns` side by side.
[[nodiscard]] inline Index most_predictions(Index columns) {
  constexpr double heading = 46;
  return columns * static_cast<Index>((static_cast<double>(detail::longest_side) - heading) /
                                      (detail::panel_height + detail::panel_gap));
}

/// Draws pictures, each beside a bar chart of its classes' probabilities. A right answer is framed
/// in blue, a wrong one in orange. Of more than `most_predictions`, the first are drawn and the
/// title says of how many.
/// @throws Error when there is no prediction, a class has no probability, or gnuplot is missing;
/// FileError when the file cannot be written.
inline void plot_predictions(const std::filesystem::path& path,
                             std::span<const Prediction> predictions,
                             const PredictionOptions& options = {}) {
  require(!predictions.empty() && options.columns > 0, "a figure of ", predictions.size(),
          " predictions in ", options.columns, " columns");
  const auto all = static_cast<Index>(predictions.size());
  const Index columns = std::min(options.columns, all);
  const double step_x = detail::panel_width + detail::panel_gap;
  const double step_y = detail::panel_height + detail::panel_gap;
  const Index most_rows = most_predictions(1);
  const Index count = std::min(all, columns * most_rows);
  const Index rows = (count + columns - 1) / columns;
  std::string title = options.title;
  if (count < all) {
    title += nn::detail::text(title.empty() ? "" : ": ", "the first ", count, " of ", all);
  }
  const double heading = title.empty() ? 16 : 46;
  Canvas canvas({static_cast<Index>(16 + static_cast<double>(columns) * step_x),
                 static_cast<Index>(heading + static_cast<double>(rows) * step_y)});
  canvas.words(title, 14, 20, {.points = figure_points + 0.5, .bold = true});
  for (Index k = 0; k < count; ++k) {
    const Prediction& prediction = predictions[static_cast<std::size_t>(k)];
    require(!prediction.image.empty() && !prediction.probabilities.empty() &&
                prediction.truth < static_cast<Index>(prediction.probabilities.size()),
            "prediction ", k, " has an image of ", prediction.image.height(), "x",
            prediction.image.width(), " pixels, ", prediction.probabilities.size(),
            " probabilities and the true class ", prediction.truth);
    detail::draw_prediction(canvas, prediction, 17 + static_cast<double>(k % columns) * step_x,
                            heading + 2 + static_cast<double>(k / columns) * step_y, options);
  }
  canvas.write(path);
}

}  // namespace nn::viz
