/// @file
/// Whether data, model and options fit together, before a training starts.
#pragma once

#include "nn/data/data_view.hpp"
#include "nn/train/evaluate.hpp"
#include "nn/train/fit_options.hpp"

namespace nn::detail {

[[nodiscard]] inline bool watches_validation(Monitor monitor) {
  return monitor == Monitor::validation_loss || monitor == Monitor::validation_accuracy;
}

/// Whether there is what `watcher` is to watch.
[[gnu::cold]] inline void check_monitor(const char* watcher, Monitor monitor, const Shape& output,
                                        const DataView& train, const FitOptions& options) {
  const bool validation = watches_validation(monitor);
  require(!validation || options.validation, watcher, " is to watch the validation set, but ",
          "fit was given none");
  if (monitor != Monitor::accuracy && monitor != Monitor::validation_accuracy) return;
  const DataView data = validation ? *options.validation : train;
  const char* const set = validation ? "validation" : "training";
  require(data.classes() > 0, watcher, " is to watch an accuracy, but the ", set,
          " set has no labels: let it watch a loss");
  require(classifies(output, data.classes()), "outputs of shape ", output,
          " are not scores of the ", data.classes(), " classes of the ", set, " set, which ",
          watcher, " is to watch");
}

[[gnu::cold]] inline void check_samples(const Shape& input, const DataView& data,
                                        bool transformed) {
  require(!data.empty(), "fit needs samples, and ", data, " is empty");
  require<ShapeError>(data.sample_shape() == input, "the model takes samples of ", input,
                      ", which those of ", data, " are not");
  require(transformed || data.classes() > 0 || data.target_shape() != Shape{0},
          "fit needs targets, and ", data, " has neither labels nor tensors");
}

/// For a model from samples of shape `input` to outputs of shape `output`.
/// Returns the data.
/// @throws Error, or ShapeError, that says what does not fit.
[[gnu::cold]] inline const DataView& check_fit(const Shape& input, const Shape& output,
                                               const DataView& train, const FitOptions& options) {
  require(options.epochs >= 0, "fit cannot train for ", options.epochs, " epochs");
  require(options.clip_norm >= 0 && options.average_decay >= 0,
          "fit: clip_norm and average_decay cannot be negative");
  require(options.checkpoint_interval >= 0, "fit cannot save every ", options.checkpoint_interval,
          " steps");
  require(options.accumulate >= 1, "fit cannot make a step of ", options.accumulate, " batches");
  require(options.pieces >= 0, "fit cannot cut a batch into ", options.pieces, " pieces");
  check_samples(input, train, static_cast<bool>(options.transform));
  if (options.validation) {
    check_samples(input, *options.validation, static_cast<bool>(options.validation_transform));
  }
  if (options.early_stopping.patience > 0) {
    check_monitor("early stopping", options.early_stopping.monitor, output, train, options);
  }
  const ReduceOnPlateau& plateau = options.reduce_on_plateau;
  if (plateau.patience > 0) {
    check_monitor("reduce_on_plateau", plateau.monitor, output, train, options);
  }
  require(plateau.patience == 0 || (plateau.factor > 0 && plateau.factor < 1),
          "reduce_on_plateau cannot multiply the learning rate by ", plateau.factor);
  if (!options.validation) return train;
  const DataView validation = *options.validation;
  const std::string difference = train.difference_from(validation);
  require(difference.empty(), "fit cannot train on ", train, " and validate on ", validation, ": ",
          difference);
  return train;
}

}  // namespace nn::detail
