/// @file
/// Whether a classifier's probabilities are calibrated, and temperature scaling.
#pragma once

#include <vector>

#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/train/classification_metrics.hpp"

namespace nn {

/// The softmax of every row of logits, divided by `temperature` first: N x classes probabilities.
template <class T>
[[nodiscard]] Tensor<T> softmax_rows(const Tensor<T>& logits, double temperature = 1) {
  require(temperature > 0, "a softmax of temperature ", temperature);
  Tensor<T> probabilities(logits.shape());
  auto rows = probabilities.matrix();
  rows = logits.matrix() / static_cast<T>(temperature);
  for (Index i = 0; i < rows.rows(); ++i) {
    auto row = rows.row(i).array();
    row = (row - row.maxCoeff()).exp();
    row /= row.sum();
  }
  return probabilities;
}

/// The samples whose highest probability lies in (lower, upper].
struct ReliabilityBin {
  double lower = 0;       ///< of the probabilities
  double upper = 0;       ///< of the probabilities
  Index count = 0;        ///< of samples
  double confidence = 0;  ///< the mean of their highest probability; 0 for none
  double accuracy = 0;    ///< the share of them classified correctly; 0 for none
};

/// Sorts samples into `bins` of equal width by their highest probability. In a calibrated
/// classifier, accuracy and confidence agree in every bin (Guo et al., "On calibration of modern
/// neural networks", 2017, section 2).
/// @throws Error when probabilities and labels do not fit together, or a probability is NaN.
template <class T>
[[nodiscard]] std::vector<ReliabilityBin> reliability_bins(const Tensor<T>& probabilities,
                                                           TensorView<const Label> labels,
                                                           Index bins = 15) {
  detail::require_scores<T>(probabilities, labels);
  require(bins > 0 && probabilities.shape()[1] > 1, bins, " bins of ", probabilities.shape()[1],
          " probabilities a sample");
  std::vector<ReliabilityBin> result(static_cast<std::size_t>(bins));
  const auto width = 1 / static_cast<double>(bins);
  for (std::size_t b = 0; b < result.size(); ++b) {
    result[b].lower = static_cast<double>(b) * width;
    result[b].upper = static_cast<double>(b + 1) * width;
  }
  const auto columns = static_cast<std::size_t>(probabilities.shape()[1]);
  for (Index i = 0; i < labels.size(); ++i) {
    const std::span<const T> row(probabilities.data() + static_cast<std::size_t>(i) * columns,
                                 columns);
    const Label predicted = detail::class_or_none(row);
    require<DivergenceError>(predicted >= 0, "a probability of sample ", i, " is NaN");
    const auto confidence = static_cast<double>(row[static_cast<std::size_t>(predicted)]);
    const double place = std::ceil(confidence * static_cast<double>(bins)) - 1;
    ReliabilityBin& bin =
        result[static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(bins - 1)))];
    ++bin.count;
    bin.confidence += confidence;
    if (predicted == labels[i]) bin.accuracy += 1;
  }
  for (ReliabilityBin& bin : result) {
    if (bin.count == 0) continue;
    bin.confidence /= static_cast<double>(bin.count);
    bin.accuracy /= static_cast<double>(bin.count);
  }
  return result;
}

/// The mean distance between confidence and accuracy over the samples' bins (Guo et al. 2017,
/// equation 3).
[[nodiscard]] inline double expected_calibration_error(const std::vector<ReliabilityBin>& bins) {
  double sum = 0;
  Index count = 0;
  for (const ReliabilityBin& bin : bins) {
    sum += static_cast<double>(bin.count) * std::abs(bin.confidence - bin.accuracy);
    count += bin.count;
  }
  return count == 0 ? 0.0 : sum / static_cast<double>(count);
}

/// Likewise, from probabilities in `bins` bins.
template <class T>
[[nodiscard]] double expected_calibration_error(const Tensor<T>& probabilities,
                                                TensorView<const Label> labels, Index bins = 15) {
  return expected_calibration_error(reliability_bins(probabilities, labels, bins));
}

/// The temperature that divides logits so that their softmax has the least cross-entropy on these
/// samples, which should be a validation set (Guo et al. 2017, section 4.2). It changes how
/// confident the classifier is, never which class it chooses. Found by golden-section search over
/// log(temperature), in which the loss has one minimum, between 1/20 and 20.
/// @throws Error when logits and labels do not fit together, or a logit is NaN.
template <class T>
[[nodiscard]] double fit_temperature(const Tensor<T>& logits, TensorView<const Label> labels) {
  detail::require_scores<T>(logits, labels);
  for (Index i = 0; i < logits.size(); ++i) {
    require<DivergenceError>(!std::isnan(logits[i]), "a logit of sample ",
                             i / logits.shape().back(), " is NaN");
  }
  Tensor<double> scaled(logits.shape());
  const auto loss = [&](double log_temperature) {
    const double factor = std::exp(-log_temperature);
    for (Index i = 0; i < logits.size(); ++i) scaled[i] = static_cast<double>(logits[i]) * factor;
    return SoftmaxCrossEntropy{}(TensorView<const double>(scaled), labels, {});
  };
  const double golden = (std::sqrt(5.0) - 1) / 2;
  double low = -std::log(20.0);
  double high = std::log(20.0);
  double left = high - golden * (high - low);
  double right = low + golden * (high - low);
  double loss_left = loss(left);
  double loss_right = loss(right);
  while (high - low > 1e-6) {
    if (loss_left < loss_right) {
      high = right;
      right = left;
      loss_right = loss_left;
      left = high - golden * (high - low);
      loss_left = loss(left);
    } else {
      low = left;
      left = right;
      loss_left = loss_right;
      right = low + golden * (high - low);
      loss_right = loss(right);
    }
  }
  return std::exp((low + high) / 2);
}

}  // namespace nn
