/// @file
/// The loss of a batch, against labels or targets, weighted or not.
#pragma once

#include "nn/core/rounding.hpp"
#include "nn/data/batch.hpp"
#include "nn/losses/loss.hpp"

namespace nn::detail {

/// The unweighted loss against the batch's targets, or its labels where it has no targets.
template <class T, class LossFunction>
[[nodiscard]] T plain_batch_loss(const LossFunction& loss, TensorView<const T> outputs,
                                 const Batch<T>& batch, TensorView<T> gradient) {
  if constexpr (requires { loss(outputs, batch.targets, gradient); }) {
    if (!batch.targets.empty()) return loss(outputs, batch.targets, gradient);
  }
  require(batch.targets.empty(), "this loss takes no targets, but the batch has some");
  require(!batch.labels.empty(), "the batch has neither labels nor targets to learn");
  if constexpr (requires { loss(outputs, batch.labels, gradient); }) {
    return loss(outputs, batch.labels, gradient);
  } else {
    throw Error("this loss takes no labels, but the batch has nothing else");
  }
}

/// A loss, and how much it counts in the mean over batches.
struct BatchLoss {
  double value = 0;   // the mean over the samples
  double weight = 0;  // the samples', in all
};

/// What is measured of a batch.
struct BatchFigures {
  BatchLoss loss;
  Index correct = 0;
  Index samples = 0;
};

/// A sample's weight: its own, times that of its class where the loss has class weights.
template <class T, class LossFunction>
[[nodiscard]] double sample_weight(const LossFunction& loss, const Batch<T>& batch, Index sample) {
  const auto weight = static_cast<double>(batch.weights[sample]);
  if constexpr (requires { double(loss.label_weight(Label{})); }) {
    if (batch.targets.empty() && !batch.labels.empty()) {
      return weight * loss.label_weight(batch.labels[sample]);
    }
  }
  return weight;
}

/// The weighted mean of the samples' losses, sum_i w_i L_i / sum_i w_i, as PyTorch's weighted means
/// are, and its gradient. Each L_i is the loss of a batch of this sample alone. A sample of weight
/// 0 is skipped; a batch of such samples only has the loss 0.
template <class T, class LossFunction>
[[gnu::noinline]] BatchLoss weighted_batch_loss(const LossFunction& loss,
                                                TensorView<const T> outputs, const Batch<T>& batch,
                                                TensorView<T> gradient) {
  BatchLoss result;
  for (Index i = 0; i < batch.size(); ++i) result.weight += sample_weight(loss, batch, i);
  for (Index i = 0; i < batch.size(); ++i) {
    const double weight = sample_weight(loss, batch, i);
    TensorView<T> row;
    if (!gradient.empty()) row = gradient.samples(i, 1);
    if (weight == 0) {
      row.fill(T(0));
      continue;
    }
    Batch<T> one;
    if (!batch.labels.empty()) one.labels = batch.labels.samples(i, 1);
    if (!batch.targets.empty()) one.targets = batch.targets.samples(i, 1);
    const T value = plain_batch_loss<T>(loss, outputs.samples(i, 1), one, row);
    result.value += product(static_cast<double>(value), weight / result.weight);
    for (T& slope : row) slope *= static_cast<T>(weight / result.weight);
  }
  return result;
}

/// The loss of a batch, and its gradient unless that is empty.
template <class T, class LossFunction>
[[nodiscard]] BatchLoss batch_loss(const LossFunction& loss, TensorView<const T> outputs,
                                   const Batch<T>& batch, TensorView<T> gradient) {
  if (!batch.weights.empty()) return weighted_batch_loss<T>(loss, outputs, batch, gradient);
  return {static_cast<double>(plain_batch_loss<T>(loss, outputs, batch, gradient)),
          static_cast<double>(batch.size())};
}

}  // namespace nn::detail
