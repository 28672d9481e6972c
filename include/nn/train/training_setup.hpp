/// @file
/// What a training is started with.
#pragma once

#include <utility>

#include "nn/data/batch_maker.hpp"
#include "nn/optim/optimizer.hpp"
#include "nn/optim/weight_average.hpp"
#include "nn/train/fit_checks.hpp"
#include "nn/train/model.hpp"

namespace nn::detail {

/// Calls a function at the end of its scope, whether by an exception or without.
template <class Function>
class AtExit {
 public:
  explicit AtExit(Function function) : function_(std::move(function)) {}
  AtExit(const AtExit&) = delete;
  AtExit& operator=(const AtExit&) = delete;
  ~AtExit() { function_(); }

 private:
  Function function_;
};

/// How the batches are made.
[[gnu::cold]] [[nodiscard]] inline LoaderOptions loading(const FitOptions& options,
                                                         const TrainingSharing* sharing) {
  LoaderOptions loading;
  if (sharing != nullptr) loading.part = sharing->part();
  loading.batch_size = options.batch_size;
  loading.shuffle = options.shuffle;
  loading.drop_last = options.drop_last;
  loading.seed = options.seed;
  loading.augmentation = options.augmentation;
  loading.transform = options.transform;
  return loading;
}

/// How the weights are averaged.
[[nodiscard]] inline WeightAverageOptions averaging(const FitOptions& options) {
  WeightAverageOptions averaging;
  averaging.decay = options.average_decay;
  return averaging;
}

/// What has to be the same for a training to go on.
template <class Network, class T, class LossFunction, class Rule>
[[gnu::cold]] [[nodiscard]] TrainingIdentity identity_of(const Model<Network, T>& model,
                                                         const DataView& data,
                                                         const LossFunction& loss,
                                                         const Optimizer<Rule, T>& optimizer,
                                                         const FitOptions& options) {
  const EarlyStopping& stopping = options.early_stopping;
  const bool stops = stopping.patience > 0;
  return {
      .data = data,
      .watched = stops && watches_validation(stopping.monitor) ? options.validation : DataPointer(),
      .network = model.plan(),
      .loss = settings_of(loss),
      .rule = settings_of(optimizer.rule()),
      .rule_options = optimizer.options(),
      .monitor = stops ? static_cast<int>(stopping.monitor) : -1,
      .min_delta = stopping.min_delta,
      .restore_best = stopping.restore_best,
      .batch_size = options.batch_size,
      .accumulate = options.accumulate,
      .seed = options.seed,
      .shuffle = options.shuffle,
      .drop_last = options.drop_last,
      .augmentation = static_cast<bool>(options.augmentation),
      .transform = static_cast<bool>(options.transform),
      .validation_transform = static_cast<bool>(options.validation_transform),
      .clip_norm = options.clip_norm,
      .average_decay = options.average_decay,
      .pieces = options.communicator ? piece_count(options.batch_size, options.pieces) : 0};
}

/// What has to be the same for a training to go on, or to be shared, in words.
[[gnu::cold]] [[nodiscard]] inline std::string settings_in_words(const FitOptions& options,
                                                                 const TrainingIdentity& identity) {
  return options.communicator ? options.communicator.settings(identity)
                              : options.checkpoint.settings(identity);
}

}  // namespace nn::detail
