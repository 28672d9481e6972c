/// @file
/// How good a classifier is. Outputs are N x classes, one score a class, or N x 1, a logit for two
/// classes.
#pragma once

#include <limits>
#include <numeric>
#include <vector>

#include "nn/train/evaluate.hpp"
#include "nn/train/statistics.hpp"

namespace nn {

namespace detail {

/// The number of classes that outputs score. @throws ShapeError when the labels do not fit.
template <class T>
Index require_scores(TensorView<const T> outputs, TensorView<const Label> labels) {
  require<ShapeError>(outputs.shape().rank() == 2 && outputs.shape()[0] == labels.size(),
                      "scores of shape ", outputs.shape(), " for ", labels.size(),
                      " labels; expected one row a label");
  require(!labels.empty(), "there are no samples to measure");
  const Index classes = std::max<Index>(2, outputs.shape()[1]);
  for (Index i = 0; i < labels.size(); ++i) {
    require(labels[i] >= 0 && labels[i] < classes, "sample ", i, " has the label ", labels[i],
            ", but there are ", classes, " classes");
  }
  return classes;
}

inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace detail

/// The share of rows whose highest score is at their label, in [0, 1]. A row that holds NaN counts
/// as wrong, here and below.
template <class T>
[[nodiscard]] double accuracy(const Tensor<T>& outputs, TensorView<const Label> labels) {
  detail::require_scores<T>(outputs, labels);
  return static_cast<double>(count_correct<T>(outputs, labels)) /
         static_cast<double>(labels.size());
}

/// The share of rows whose label is among the `k` highest scores, in [0, 1]. Of equal scores the
/// first is the higher.
template <class T>
[[nodiscard]] double top_k_accuracy(const Tensor<T>& outputs, TensorView<const Label> labels,
                                    Index k) {
  detail::require_scores<T>(outputs, labels);
  require(k > 0, "the ", k, " highest scores");
  const Index classes = outputs.shape()[1];
  Index found = 0;
  for (Index i = 0; i < labels.size(); ++i) {
    const T* row = outputs.data() + i * classes;
    Index higher = 0;
    if (detail::class_or_none(std::span<const T>(row, static_cast<std::size_t>(classes))) < 0) {
      continue;
    }
    for (Index c = 0; c < classes; ++c) {
      if (row[c] > row[labels[i]] || (row[c] == row[labels[i]] && c < labels[i])) ++higher;
    }
    if (higher < k) ++found;
  }
  return static_cast<double>(found) / static_cast<double>(labels.size());
}

/// A confusion matrix: how often each class was predicted as each.
class ConfusionMatrix {
 public:
  /// With all counts 0. @throws Error unless there are classes.
  explicit ConfusionMatrix(Index classes)
      : classes_(classes),
        counts_(static_cast<std::size_t>(classes * classes)),
        unanswered_(static_cast<std::size_t>(classes)) {
    require(classes > 0, "a confusion matrix of ", classes, " classes");
  }

  /// @throws Error when either is not a class.
  void add(Label actual, Label predicted, Index count = 1) { at(actual, predicted) += count; }
  /// Counts samples without a prediction, since their scores are NaN: they are wrong.
  /// @throws Error when `actual` is not a class.
  void add_unanswered(Label actual, Index count = 1) {
    unanswered_[place(actual, actual) / static_cast<std::size_t>(classes_ + 1)] += count;
  }

  /// The number of classes.
  [[nodiscard]] Index classes() const { return classes_; }
  /// How often `actual` was predicted as `predicted`.
  [[nodiscard]] Index operator()(Index actual, Index predicted) const {
    return counts_[place(actual, predicted)];
  }

  /// All counts, one row after another for each actual class.
  [[nodiscard]] std::span<const Index> counts() const { return counts_; }

  /// How many samples of the class have no prediction.
  [[nodiscard]] Index unanswered(Index label) const {
    return unanswered_[place(label, label) / static_cast<std::size_t>(classes_ + 1)];
  }

  /// The number of samples, those without a prediction included.
  [[nodiscard]] Index total() const {
    return std::accumulate(counts_.begin(), counts_.end(), Index{0}) +
           std::accumulate(unanswered_.begin(), unanswered_.end(), Index{0});
  }
  /// How many samples have the class.
  [[nodiscard]] Index actual(Index label) const {
    Index sum = unanswered(label);
    for (Index other = 0; other < classes_; ++other) sum += (*this)(label, other);
    return sum;
  }
  /// How many samples were predicted as the class.
  [[nodiscard]] Index predicted(Index label) const {
    Index sum = 0;
    for (Index other = 0; other < classes_; ++other) sum += (*this)(other, label);
    return sum;
  }
  /// The sum of the diagonal.
  [[nodiscard]] Index correct() const {
    Index sum = 0;
    for (Index label = 0; label < classes_; ++label) sum += (*this)(label, label);
    return sum;
  }

  // In [0, 1]; NaN where the denominator is 0.
  /// The share of samples classified correctly.
  [[nodiscard]] double accuracy() const { return share(correct(), total()); }
  /// Precision: of the samples predicted as the class, the share that has it.
  [[nodiscard]] double precision(Index label) const {
    return share((*this)(label, label), predicted(label));
  }
  /// Recall: of the samples of the class, the share predicted as it.
  [[nodiscard]] double recall(Index label) const {
    return share((*this)(label, label), actual(label));
  }
  /// F1: the harmonic mean of precision and recall.
  [[nodiscard]] double f1(Index label) const {
    return share(2 * (*this)(label, label), actual(label) + predicted(label));
  }
  /// The mean of f1 over the classes that occur, or were predicted.
  [[nodiscard]] double macro_f1() const {
    double sum = 0;
    Index met = 0;
    for (Index label = 0; label < classes_; ++label) {
      if (actual(label) + predicted(label) == 0) continue;
      sum += f1(label);
      ++met;
    }
    return met == 0 ? detail::not_a_number : sum / static_cast<double>(met);
  }

 private:
  [[nodiscard]] std::size_t place(Index actual, Index predicted) const {
    require(actual >= 0 && actual < classes_ && predicted >= 0 && predicted < classes_, "class ",
            actual, " taken for ", predicted, ", where there are ", classes_, " classes");
    return static_cast<std::size_t>(actual * classes_ + predicted);
  }
  [[nodiscard]] Index& at(Index actual, Index predicted) {
    return counts_[place(actual, predicted)];
  }
  [[nodiscard]] static double share(Index part, Index whole) {
    return whole == 0 ? detail::not_a_number
                      : static_cast<double>(part) / static_cast<double>(whole);
  }

  Index classes_;
  std::vector<Index> counts_;
  std::vector<Index> unanswered_;  // of each actual class
};

/// The confusion matrix of the highest scores; rows that hold NaN have no prediction.
template <class T>
[[nodiscard]] ConfusionMatrix confusion_matrix(const Tensor<T>& outputs,
                                               TensorView<const Label> labels) {
  ConfusionMatrix matrix(detail::require_scores<T>(outputs, labels));
  const auto columns = static_cast<std::size_t>(outputs.shape()[1]);
  for (Index i = 0; i < labels.size(); ++i) {
    const T* row = outputs.data() + static_cast<std::size_t>(i) * columns;
    const Label predicted = detail::class_or_none(std::span<const T>(row, columns));
    if (predicted < 0) {
      matrix.add_unanswered(labels[i]);
    } else {
      matrix.add(labels[i], predicted);
    }
  }
  return matrix;
}

/// The rates when every score of at least `threshold` is taken as positive.
struct RocPoint {
  double threshold = 0;            ///< the lowest positive score
  double false_positive_rate = 0;  ///< the share of negative samples taken as positive
  double true_positive_rate = 0;   ///< the share of positive samples taken as positive
};

/// The receiver operating characteristic: one point for each distinct score, from the strictest
/// threshold (infinity: nothing is positive) to the loosest. Equal scores are taken together, so
/// their order does not matter (Fawcett, "An introduction to ROC analysis", 2006, algorithm 2).
/// @throws Error unless there are positive and negative samples, or for a score that is NaN.
[[nodiscard]] inline std::vector<RocPoint> roc_curve(std::span<const double> scores,
                                                     const std::vector<bool>& positive) {
  require(scores.size() == positive.size(), scores.size(), " scores for ", positive.size(),
          " samples");
  detail::require_numbers(scores, "the score of sample");
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  const auto positives = static_cast<double>(std::count(positive.begin(), positive.end(), true));
  const double negatives = static_cast<double>(positive.size()) - positives;
  require(positives > 0 && negatives > 0, "a ROC curve needs positive and negative samples, got ",
          positives, " and ", negatives);
  std::vector<RocPoint> curve{{std::numeric_limits<double>::infinity(), 0, 0}};
  double hits = 0;
  double alarms = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    (positive[order[i]] ? hits : alarms) += 1;
    const bool last_of_equals = i + 1 == order.size() || scores[order[i + 1]] != scores[order[i]];
    if (last_of_equals) curve.push_back({scores[order[i]], alarms / negatives, hits / positives});
  }
  return curve;
}

/// The area under it: the probability that a positive sample scores higher than a negative one,
/// ties counting half.
[[nodiscard]] inline double area_under_roc(const std::vector<RocPoint>& curve) {
  double area = 0;
  for (std::size_t i = 1; i < curve.size(); ++i) {
    area += (curve[i].false_positive_rate - curve[i - 1].false_positive_rate) *
            (curve[i].true_positive_rate + curve[i - 1].true_positive_rate) / 2;
  }
  return area;
}
/// The area under the curve of these scores.
[[nodiscard]] inline double area_under_roc(std::span<const double> scores,
                                           const std::vector<bool>& positive) {
  return area_under_roc(roc_curve(scores, positive));
}

}  // namespace nn
