/// @file
/// Thresholds for a classifier that may reject samples.
#pragma once

#include <string>

#include "nn/io/model_info.hpp"
#include "nn/train/calibration.hpp"
#include "nn/train/features.hpp"
#include "nn/train/rejection.hpp"

namespace nn {

/// The options of `fit_rejection`.
struct RejectionOptions {
  double share = 0.02;  ///< of the validation set that each of the two rules rejects, at most
  /// Whose output the distance to the classes is measured on; if nothing is said, of the last layer
  /// but one.
  std::string layer{};
};

/// The thresholds of both kinds of rejection: of the largest probability (between classes), and of
/// the distance to the nearest class (far from all), fitted to the training set. Each rejects
/// `options.share` of the validation set.
/// @throws Error without samples, or when there is no such layer.
template <class Network, class T>
[[nodiscard]] RejectionRule fit_rejection(const Model<Network, T>& model, const Dataset& training,
                                          const Dataset& validation,
                                          const RejectionOptions& options = {}) {
  RejectionRule rule;
  const Tensor<T> probabilities = softmax_rows(predict(model, validation));
  rule.least_probability =
      threshold_for_rate(largest_posteriors(probabilities), options.share, Reject::below);
  rule.layer = options.layer;
  const std::vector<Plan>& layers = model.plan().children;
  for (std::size_t i = layers.size(); rule.layer.empty() && i-- > 1;) {
    if (!layers[i - 1].traits.view) rule.layer = layers[i - 1].path;
  }
  if (rule.layer.empty()) return rule;  // no layer but the last
  rule.distance.emplace(features(model, training, rule.layer), training.labels(),
                        training.classes());
  rule.largest_distance = threshold_for_rate(
      (*rule.distance)(features(model, validation, rule.layer)), options.share, Reject::above);
  return rule;
}

}  // namespace nn
