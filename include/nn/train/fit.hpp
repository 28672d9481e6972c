/// @file
/// To train a model.
#pragma once

#include <utility>

#include "nn/train/print_progress.hpp"
#include "nn/train/training_loop.hpp"

namespace nn {

/// Trains `model` on `train`, which may be any `DataSource` with labels or tensors as targets, by
/// an optimizer of one's own, which keeps its moments for more. Where samples have weights, the
/// loss of a batch and of an epoch is the weighted mean, sum_i w_i L_i / sum_i w_i; accuracies
/// count all samples alike.
///
/// Whatever ends the training, an exception too (of a callback, a transform, a schedule, a full
/// disk), the optimizer's learning rate is then as it was given. After an exception the model holds
/// the weights and statistics of the last step that was made, not the averaged or the best ones;
/// the optimizer's moments and number of steps are those of that step; and the checkpoint is the
/// last one that was written whole, from which the training can go on. That a checkpoint could not
/// be written is known, and thrown, after the step that follows it.
/// @throws Error when data, model and options do not fit together; DivergenceError, which names the
/// step, the learning rate and the layer, when the loss becomes infinite or NaN; FileError when a
/// checkpoint cannot be written or does not belong to this training, naming what differs.
template <class Network, class T, class LossFunction, class Rule>
History fit(Model<Network, T>& model, const TargetDataView& train, const LossFunction& loss,
            Optimizer<Rule, T>& optimizer, const FitOptions& options = {}) {
  return detail::Fit<Network, T, LossFunction, Rule>(model, train, loss, optimizer, options).run();
}

/// Trains `model` on `train`:
///
///     nn::History history = nn::fit(model, train, nn::SoftmaxCrossEntropy{}, nn::Adam{},
///                                   {.epochs = 4, .batch_size = 128, .validation = &test});
template <class Network, class T, class LossFunction, class Rule>
History fit(Model<Network, T>& model, const TargetDataView& train, const LossFunction& loss,
            Rule rule, const FitOptions& options = {}) {
  Optimizer optimizer(model, std::move(rule));
  return fit(model, train, loss, optimizer, options);
}

}  // namespace nn
