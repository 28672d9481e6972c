/// @file
/// Ensembles: several networks whose probabilities are averaged.
#pragma once

#include <span>
#include <vector>

#include "nn/train/calibration.hpp"
#include "nn/train/evaluate.hpp"

namespace nn {

/// The mean of the class probabilities that several networks' logits stand for: N x classes, rows
/// that sum to 1. The networks may differ in everything but the classes.
/// A sample for which a network gives NaN has the mean NaN, which counts as wrong.
/// @throws Error without logits, ShapeError when their shapes differ.
template <class T>
[[nodiscard]] Tensor<T> mean_probabilities(std::span<const Tensor<T>> logits) {
  require(!logits.empty(), "an ensemble needs a network at least");
  Tensor<T> mean(logits.front().shape(), T(0));
  for (const Tensor<T>& one : logits) {
    require<ShapeError>(one.shape() == mean.shape(), "an ensemble's logits have the shapes ",
                        mean.shape(), " and ", one.shape());
    mean.array() += softmax_rows(one).array();
  }
  mean.array() /= static_cast<T>(logits.size());
  return mean;
}

/// The mean class probabilities of an ensemble: of models of one type, such as the same network
/// trained from several seeds, whose outputs are logits (Hansen and Salamon, "Neural network
/// ensembles", 1990).
/// @throws as `mean_probabilities` and `predict`.
template <class Network, class T>
[[nodiscard]] Tensor<T> predict_ensemble(std::span<const Model<Network, T>> models,
                                         const DataView& data,
                                         const EvaluationOptions& options = {}) {
  std::vector<Tensor<T>> logits;
  for (const Model<Network, T>& model : models) logits.push_back(predict(model, data, options));
  return mean_probabilities(std::span<const Tensor<T>>(logits));
}

}  // namespace nn
