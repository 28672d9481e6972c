/// @file
/// How well scores separate two classes, at every threshold.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "nn/core/tensor.hpp"

namespace nn {

/// The receiver operating characteristic: what accepting everything above a threshold gives, from
/// the highest threshold (nothing is accepted) to the lowest (everything is).
struct Roc {
  std::vector<double> thresholds;  ///< the first is infinite
  std::vector<double> false_positive_rate;
  std::vector<double> true_positive_rate;
  /// The area under the curve: the probability that a positive sample scores higher than a negative
  /// one, ties counting half (Hanley and McNeil, "The meaning and use of the area under a receiver
  /// operating characteristic curve", 1982).
  double area = 0;

  /// The false positive rate at the highest threshold that accepts at least the share `recall` of
  /// the positive samples.
  [[nodiscard]] double false_positives_at(double recall) const {
    std::size_t point = 0;
    while (point + 1 < true_positive_rate.size() && true_positive_rate[point] < recall) ++point;
    return false_positive_rate[point];
  }
};

/// @param scores higher for samples that look positive
/// @param labels 1 for positive samples, 0 for negative ones
/// @throws Error unless there are as many labels as scores, of both kinds, and all scores are
/// numbers.
[[nodiscard]] inline Roc receiver_operating_characteristic(std::span<const float> scores,
                                                           std::span<const Label> labels) {
  require(scores.size() == labels.size(), scores.size(), " scores with ", labels.size(), " labels");
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (const float score : scores) require(!std::isnan(score), "a score is not a number");
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  const auto positives = static_cast<double>(std::count(labels.begin(), labels.end(), Label{1}));
  const double negatives = static_cast<double>(labels.size()) - positives;
  require(positives > 0 && negatives > 0, "a ROC curve needs positive and negative samples, got ",
          positives, " and ", negatives);
  Roc roc{{std::numeric_limits<double>::infinity()}, {0.0}, {0.0}, 0.0};
  double accepted_positives = 0;
  double accepted_negatives = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    (labels[order[i]] == 1 ? accepted_positives : accepted_negatives) += 1;
    const bool tied = i + 1 < order.size() && scores[order[i + 1]] == scores[order[i]];
    if (tied) continue;
    const double x = accepted_negatives / negatives;
    const double y = accepted_positives / positives;
    roc.area += (x - roc.false_positive_rate.back()) * 0.5 * (y + roc.true_positive_rate.back());
    roc.thresholds.push_back(static_cast<double>(scores[order[i]]));
    roc.false_positive_rate.push_back(x);
    roc.true_positive_rate.push_back(y);
  }
  return roc;
}

}  // namespace nn
