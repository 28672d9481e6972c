/// @file
/// A training's history as curves.
#pragma once

#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "nn/train/history.hpp"
#include "nn/viz/plot.hpp"

namespace nn::viz {

/// Which metric of a training is drawn.
enum class HistoryFigure {
  loss,      ///< the mean loss of each epoch
  accuracy,  ///< the accuracy of each epoch, in percent
};

namespace detail {

inline void add_history(std::vector<Curve>& curves, const History& history, std::string name,
                        double EpochRecord::*figure) {
  Curve curve{.name = std::move(name)};
  bool measured = false;
  for (const EpochRecord& record : history.epochs) {
    curve.x.push_back(static_cast<double>(record.epoch));
    curve.y.push_back(record.*figure);
    measured = measured || std::isfinite(record.*figure);
  }
  if (measured) curves.push_back(std::move(curve));
}

}  // namespace detail

/// Draws the losses, or the accuracies, of a training set and, if there was one, a validation set
/// over the epochs:
///
///     const nn::History history = nn::fit(model, train, loss, nn::Adam{}, options);
///     nn::viz::plot_history("loss.png", history);
///     nn::viz::plot_history("accuracy.png", history, nn::viz::HistoryFigure::accuracy);
///
/// Axes without a label are named, and accuracies shown in percent.
/// @throws Error when no epoch has the figure; otherwise as plot_curves().
inline void plot_history(const std::filesystem::path& path, const History& history,
                         HistoryFigure figure = HistoryFigure::loss, FigureOptions options = {}) {
  const bool loss = figure == HistoryFigure::loss;
  std::vector<Curve> curves;
  detail::add_history(curves, history, "training set",
                      loss ? &EpochRecord::loss : &EpochRecord::accuracy);
  detail::add_history(curves, history, "validation set",
                      loss ? &EpochRecord::validation_loss : &EpochRecord::validation_accuracy);
  require(!curves.empty(), "a history of ", history.epochs.size(), " epochs without ",
          loss ? "a loss" : "an accuracy", " cannot be drawn");
  if (options.x.label.empty()) options.x.label = "epoch";
  if (options.y.label.empty()) options.y.label = loss ? "loss" : "accuracy";
  if (!loss) options.y.percent = true;
  plot_curves(path, curves, options);
}

}  // namespace nn::viz
