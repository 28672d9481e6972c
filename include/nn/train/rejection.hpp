/// @file
/// Classifiers that may say "I don't know".
///
/// There are two reasons to: the sample lies between classes (*ambiguity*: the largest posterior
/// probability, or its margin over the second, is small; Chow, "On optimum recognition error and
/// reject tradeoff", 1970), or it lies far from all of them (*distance*; Dubuisson and Masson, "A
/// statistical decision rule with incomplete knowledge about classes", 1993), for which
/// mahalanobis.hpp has a measure.
#pragma once

#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "nn/core/tensor.hpp"
#include "nn/train/statistics.hpp"

namespace nn {

/// Which side of the threshold is rejected: low confidence, or great distance.
enum class Reject { below, above };

/// Whether a sample of this score is rejected. One that is NaN always is.
[[nodiscard]] constexpr bool is_rejected(double score, double threshold, Reject side) {
  return side == Reject::below ? !(score >= threshold) : !(score <= threshold);
}

/// The rates of a threshold. rejection_rate + error_rate + overall_rate = 1.
struct RejectionPoint {
  double threshold = 0;          ///< of the score
  double rejection_rate = 0;     ///< of all samples
  double accuracy_accepted = 0;  ///< of the accepted samples; NaN when there are none
  double error_rate = 0;         ///< accepted and wrong, of all samples
  double overall_rate = 0;       ///< accepted and right, of all samples
};

/// The rates of each threshold on samples of the given scores; `correct` says for each whether the
/// classifier is right.
/// @throws Error unless there are samples, and as many scores as answers.
[[nodiscard]] inline std::vector<RejectionPoint> rejection_curve(std::span<const double> scores,
                                                                 const std::vector<bool>& correct,
                                                                 std::span<const double> thresholds,
                                                                 Reject side) {
  require(!scores.empty() && scores.size() == correct.size(), scores.size(), " scores for ",
          correct.size(), " answers");
  const auto total = static_cast<double>(scores.size());
  std::vector<RejectionPoint> curve;
  for (const double threshold : thresholds) {
    Index accepted = 0;
    Index right = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (is_rejected(scores[i], threshold, side)) continue;
      ++accepted;
      if (correct[i]) ++right;
    }
    const auto n = static_cast<double>(accepted);
    const auto r = static_cast<double>(right);
    curve.push_back({threshold, (total - n) / total,
                     accepted == 0 ? std::numeric_limits<double>::quiet_NaN() : r / n,
                     (n - r) / total, r / total});
  }
  return curve;
}

/// The threshold that rejects as nearly as possible the share `rate` of these scores and not more:
/// to be chosen on a validation set.
/// @throws Error without scores, for one that is NaN, or for a rate outside [0, 1].
[[nodiscard]] inline double threshold_for_rate(std::span<const double> scores, double rate,
                                               Reject side) {
  require(!scores.empty() && rate >= 0 && rate <= 1, "a threshold to reject ", rate, " of ",
          scores.size(), " scores");
  detail::require_numbers(scores, "the score of sample");
  std::vector<double> sorted(scores.begin(), scores.end());
  std::sort(sorted.begin(), sorted.end());
  if (side == Reject::above) std::reverse(sorted.begin(), sorted.end());
  // The first `count` are to go, so the next is the first that stays.
  const auto count = static_cast<std::size_t>(rate * static_cast<double>(sorted.size()) + 1e-9);
  if (count < sorted.size()) return sorted[count];
  const double infinity = std::numeric_limits<double>::infinity();
  return side == Reject::below ? infinity : -infinity;
}

/// The area under the accuracy among the accepted samples against the rejection rate, with every
/// share of samples rejected once: the mean, over n = 1 ... N, of the accuracy of the n
/// samples least to be rejected (Nadeem et al., "Accuracy-rejection curves for comparing
/// classifiers", 2010). Samples of equal score share their place.
/// @throws Error unless there are samples, and as many scores as answers, none of them NaN.
[[nodiscard]] inline double area_under_rejection(std::span<const double> scores,
                                                 const std::vector<bool>& correct, Reject side) {
  require(!scores.empty() && scores.size() == correct.size(), scores.size(), " scores for ",
          correct.size(), " answers");
  detail::require_numbers(scores, "the score of sample");
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return side == Reject::below ? scores[a] > scores[b] : scores[a] < scores[b];
  });
  double sum = 0;
  double right = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    double group = 0;
    for (; end < order.size() && scores[order[end]] == scores[order[begin]]; ++end) {
      if (correct[order[end]]) group += 1;
    }
    const double share = group / static_cast<double>(end - begin);
    for (std::size_t n = begin; n < end; ++n) {
      right += share;
      sum += right / static_cast<double>(n + 1);
    }
    begin = end;
  }
  return sum / static_cast<double>(order.size());
}

/// The largest probability of every row: Chow's rule rejects where it is below a threshold. NaN for
/// a row that holds NaN, which every threshold rejects.
template <class T>
[[nodiscard]] std::vector<double> largest_posteriors(const Tensor<T>& probabilities) {
  std::vector<double> result;
  const auto rows = probabilities.rows();
  for (Index i = 0; i < rows.rows(); ++i) {
    result.push_back(static_cast<double>(rows.row(i).template maxCoeff<Eigen::PropagateNaN>()));
  }
  return result;
}

/// The largest probability of every row less the second largest. NaN for a row that holds NaN.
template <class T>
[[nodiscard]] std::vector<double> posterior_margins(const Tensor<T>& probabilities) {
  std::vector<double> result;
  const Index columns = probabilities.shape().back();
  require<ShapeError>(columns > 1, "margins between ", columns, " probabilities");
  for (Index i = 0; i < probabilities.size(); i += columns) {
    T first = std::max(probabilities[i], probabilities[i + 1]);
    T second = std::min(probabilities[i], probabilities[i + 1]);
    for (Index c = 2; c < columns; ++c) {
      const T value = probabilities[i + c];
      second = std::max(second, std::min(first, value));
      first = std::max(first, value);
    }
    const bool numbers = !probabilities.array().segment(i, columns).isNaN().any();
    result.push_back(numbers ? static_cast<double>(first) - static_cast<double>(second)
                             : std::numeric_limits<double>::quiet_NaN());
  }
  return result;
}

}  // namespace nn
