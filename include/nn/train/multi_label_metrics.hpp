/// @file
/// Metrics for samples that may have several labels at once, or none. Outputs are N x
/// labels, a logit or a probability each; targets are N x labels of 0 and 1.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "nn/core/tensor.hpp"

namespace nn {

/// The counts for each label.
class MultiLabelCounts {
 public:
  /// With all counts 0. @throws Error unless there are labels.
  explicit MultiLabelCounts(Index labels) : counts_(static_cast<std::size_t>(labels)) {
    require(labels > 0, "counts of ", labels, " labels");
  }

  /// Counts a sample: for each label, whether it has it and whether that was predicted.
  /// @throws ShapeError unless both are as many as the labels.
  void add(const std::vector<bool>& actual, const std::vector<bool>& predicted) {
    require<ShapeError>(actual.size() == counts_.size() && predicted.size() == counts_.size(),
                        actual.size(), " targets and ", predicted.size(), " answers for ",
                        counts_.size(), " labels");
    for (std::size_t label = 0; label < counts_.size(); ++label) {
      Counts& one = counts_[label];
      if (actual[label]) ++(predicted[label] ? one.true_positives : one.false_negatives);
      if (!actual[label] && predicted[label]) ++one.false_positives;
    }
    if (actual == predicted) ++wholly_right_;
    ++samples_;
  }

  /// The number of labels there are.
  [[nodiscard]] Index labels() const { return static_cast<Index>(counts_.size()); }
  /// The number of samples counted.
  [[nodiscard]] Index samples() const { return samples_; }
  /// True positives: samples that have the label and are predicted to.
  [[nodiscard]] Index true_positives(Index label) const { return at(label).true_positives; }
  /// False positives: samples predicted to have the label that do not.
  [[nodiscard]] Index false_positives(Index label) const { return at(label).false_positives; }
  /// False negatives: samples that have the label and are not predicted to.
  [[nodiscard]] Index false_negatives(Index label) const { return at(label).false_negatives; }

  // In [0, 1]; NaN where the denominator is 0.
  /// Precision: of the samples predicted to have the label, the share that has it.
  [[nodiscard]] double precision(Index label) const { return at(label).precision(); }
  /// Recall: of the samples that have the label, the share predicted to.
  [[nodiscard]] double recall(Index label) const { return at(label).recall(); }
  /// F1: the harmonic mean of precision and recall.
  [[nodiscard]] double f1(Index label) const { return at(label).f1(); }

  /// @{ Micro averages, over all labels together, so that frequent labels count most.
  [[nodiscard]] double micro_precision() const { return sum().precision(); }
  [[nodiscard]] double micro_recall() const { return sum().recall(); }
  [[nodiscard]] double micro_f1() const { return sum().f1(); }
  /// @}

  /// @{ Macro averages: means over the labels, without those that are NaN.
  [[nodiscard]] double macro_precision() const { return mean(&Counts::precision); }
  [[nodiscard]] double macro_recall() const { return mean(&Counts::recall); }
  [[nodiscard]] double macro_f1() const { return mean(&Counts::f1); }
  /// @}

  /// The share of the samples whose labels are all right.
  [[nodiscard]] double subset_accuracy() const { return share(wholly_right_, samples_); }
  /// The Hamming loss: the share of wrong predictions, one for each sample and label.
  [[nodiscard]] double hamming_loss() const {
    const Counts all = sum();
    return share(all.false_positives + all.false_negatives, samples_ * labels());
  }

 private:
  struct Counts {
    Index true_positives = 0;
    Index false_positives = 0;
    Index false_negatives = 0;

    [[nodiscard]] double precision() const {
      return share(true_positives, true_positives + false_positives);
    }
    [[nodiscard]] double recall() const {
      return share(true_positives, true_positives + false_negatives);
    }
    [[nodiscard]] double f1() const {
      return share(2 * true_positives, 2 * true_positives + false_positives + false_negatives);
    }
  };

  [[nodiscard]] static double share(Index part, Index whole) {
    return whole == 0 ? std::numeric_limits<double>::quiet_NaN()
                      : static_cast<double>(part) / static_cast<double>(whole);
  }

  [[nodiscard]] const Counts& at(Index label) const {
    require(label >= 0 && label < labels(), "label ", label, " of ", labels());
    return counts_[static_cast<std::size_t>(label)];
  }

  [[nodiscard]] Counts sum() const {
    Counts all;
    for (const Counts& one : counts_) {
      all.true_positives += one.true_positives;
      all.false_positives += one.false_positives;
      all.false_negatives += one.false_negatives;
    }
    return all;
  }

  [[nodiscard]] double mean(double (Counts::*metric)() const) const {
    double total = 0;
    Index met = 0;
    for (const Counts& one : counts_) {
      const double value = (one.*metric)();
      if (std::isnan(value)) continue;
      total += value;
      ++met;
    }
    return met == 0 ? std::numeric_limits<double>::quiet_NaN() : total / static_cast<double>(met);
  }

  std::vector<Counts> counts_;
  Index wholly_right_ = 0;
  Index samples_ = 0;
};

/// Counts a network's answers: yes where an output is above `threshold`, which for logits is 0, for
/// probabilities mostly 0.5. An output that is NaN counts as the wrong answer.
/// @throws ShapeError unless outputs and targets are both N x labels, Error when there are none,
/// and naming the place of a target that is neither 0 nor 1.
template <class T>
[[nodiscard]] MultiLabelCounts count_labels(const Tensor<T>& outputs, const Tensor<T>& targets,
                                            double threshold = 0) {
  const Shape& shape = outputs.shape();
  require<ShapeError>(shape == targets.shape() && shape.rank() == 2, "outputs of shape ", shape,
                      " for targets of shape ", targets.shape(),
                      "; expected samples x labels for both");
  require(!outputs.empty(), "there are no samples to measure");
  MultiLabelCounts counts(shape[1]);
  std::vector<bool> actual(static_cast<std::size_t>(shape[1]));
  std::vector<bool> predicted(actual.size());
  for (Index n = 0; n < shape[0]; ++n) {
    for (Index label = 0; label < shape[1]; ++label) {
      const T target = targets(n, label);
      require(target == T(0) || target == T(1), "target ", label, " of sample ", n, " is ", target,
              "; expected 0 or 1");
      const T output = outputs(n, label);
      const auto place = static_cast<std::size_t>(label);
      actual[place] = target == T(1);
      predicted[place] =
          std::isnan(output) ? !actual[place] : static_cast<double>(output) > threshold;
    }
    counts.add(actual, predicted);
  }
  return counts;
}

}  // namespace nn
