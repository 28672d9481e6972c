/// @file
/// Features brought to one scale, from which networks learn best: measured on the training set, and
/// applied to the others.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "nn/core/rounding.hpp"
#include "nn/core/tensor.hpp"

namespace nn {

/// Scales each feature: (x - offset) / scale. A feature is a position of a tensor's last axis; all
/// its values along the other axes are scaled alike.
///
///     const auto scaling = nn::standardization_of(train.inputs());
///     train = train.with_inputs(scaling.applied(train.inputs()));
///     test = test.with_inputs(scaling.applied(test.inputs()));
struct FeatureScaling {
  std::vector<double> offset{};  ///< one a feature
  std::vector<double> scale{};   ///< likewise, positive

  /// Changes `values`, ... x features, in place.
  /// @throws ShapeError unless there are as many features as offsets and scales, and Error for one
  /// that is not finite, or a scale that is not positive.
  template <class T>
  void apply(TensorView<T> values) const {
    check(values.shape());
    for_each<T>(values, [](T value, double from, double width) {
      return static_cast<T>((static_cast<double>(value) - from) / width);
    });
  }
  /// The same.
  template <class T>
  void apply(Tensor<T>& values) const {
    apply(values.view());
  }

  /// The values changed.
  template <class T>
  [[nodiscard]] Tensor<T> applied(Tensor<T> values) const {
    apply(values.view());
    return values;
  }

  /// Undoes `apply`: for the outputs of a network whose targets were scaled.
  /// @throws ShapeError and Error as `apply` does.
  template <class T>
  void undo(TensorView<T> values) const {
    check(values.shape());
    for_each<T>(values, [](T value, double from, double width) {
      return static_cast<T>(detail::product(static_cast<double>(value), width) + from);
    });
  }
  /// The same.
  template <class T>
  void undo(Tensor<T>& values) const {
    undo(values.view());
  }

  /// The values changed back.
  template <class T>
  [[nodiscard]] Tensor<T> undone(Tensor<T> values) const {
    undo(values.view());
    return values;
  }

  bool operator==(const FeatureScaling&) const = default;

 private:
  [[gnu::cold, gnu::noinline]] void check(const Shape& shape) const {
    const auto count = static_cast<Index>(offset.size());
    require<ShapeError>(shape.rank() > 0 && shape.back() == count && scale.size() == offset.size(),
                        "a scaling of ", count, " offsets and ", scale.size(),
                        " scales for values of shape ", shape);
    for (std::size_t i = 0; i < offset.size(); ++i) {
      require(std::isfinite(offset[i]) && std::isfinite(scale[i]) && scale[i] > 0,
              "a scaling of feature ", i, " by the offset ", offset[i], " and the scale ",
              scale[i]);
    }
  }

  template <class T, class Change>
  void for_each(TensorView<T> values, const Change& change) const {
    const auto count = static_cast<Index>(offset.size());
    for (Index i = 0; i < values.size(); ++i) {
      const auto feature = static_cast<std::size_t>(i % count);
      values[i] = change(values[i], offset[feature], scale[feature]);
    }
  }
};

namespace detail {

/// The least and the greatest value of a feature, and its moments about the first.
struct FeatureRange {
  double least = std::numeric_limits<double>::infinity();
  double greatest = -std::numeric_limits<double>::infinity();
  double mean = 0;
  double squares = 0;  ///< the sum of the squared distances from the mean
  double count = 0;

  /// Welford's recurrence ("Note on a method for calculating corrected sums of squares and
  /// products", 1962), which loses no digits where the spread is small beside the mean.
  void add(double value) {
    least = std::min(least, value);
    greatest = std::max(greatest, value);
    count += 1;
    const double distance = value - mean;
    mean += distance / count;
    squares += product(distance, value - mean);
  }
};

/// The ranges of all features. @throws ShapeError and Error where there is nothing to measure.
template <class T>
[[nodiscard]] std::vector<FeatureRange> feature_ranges(TensorView<const T> values) {
  const Shape& shape = values.shape();
  require<ShapeError>(shape.rank() > 1 && !values.empty(),
                      "features are measured on samples x ... ", "x features, got ", shape);
  std::vector<FeatureRange> ranges(static_cast<std::size_t>(shape.back()));
  const Index sample = shape.without_front().size();
  for (Index i = 0; i < values.size(); ++i) {
    require(std::isfinite(values[i]), "feature ", i % shape.back(), " of sample ", i / sample,
            " is ", values[i]);
    ranges[static_cast<std::size_t>(i % shape.back())].add(static_cast<double>(values[i]));
  }
  return ranges;
}

}  // namespace detail

/// The scaling after which every feature has mean 0 and standard deviation 1 over `values`, samples
/// x ... x features. A feature that never changes becomes 0. Measure it on the training set alone.
/// @throws ShapeError when there are no samples or features, Error naming feature and sample for a
/// value that is not finite.
template <class T>
[[nodiscard]] FeatureScaling standardization_of(TensorView<const T> values) {
  FeatureScaling scaling;
  for (const detail::FeatureRange& range : detail::feature_ranges<T>(values)) {
    const double deviation = std::sqrt(range.squares / range.count);
    scaling.offset.push_back(range.mean);
    scaling.scale.push_back(range.least < range.greatest && deviation > 0 ? deviation : 1.0);
  }
  return scaling;
}
/// The same.
template <class T>
[[nodiscard]] FeatureScaling standardization_of(const Tensor<T>& values) {
  return standardization_of<T>(values.view());
}

/// The scaling after which every feature goes from 0 to 1 over `values`, samples x ... x features;
/// in other samples it may go beyond. A feature that never changes becomes 0.
/// @throws ShapeError and Error as `standardization_of` does.
template <class T>
[[nodiscard]] FeatureScaling min_max_scaling_of(TensorView<const T> values) {
  FeatureScaling scaling;
  for (const detail::FeatureRange& range : detail::feature_ranges<T>(values)) {
    const double width = range.greatest - range.least;
    scaling.offset.push_back(range.least);
    scaling.scale.push_back(width > 0 ? width : 1.0);
  }
  return scaling;
}
/// The same.
template <class T>
[[nodiscard]] FeatureScaling min_max_scaling_of(const Tensor<T>& values) {
  return min_max_scaling_of<T>(values.view());
}

/// Weights that make rare classes count as much in a loss as frequent ones:
/// n / (classes * n_c) for a class of n_c of n samples, so that a sample's weight is 1 in the mean
/// (King and Zeng, "Logistic regression in rare events data", 2001). For
/// `SoftmaxCrossEntropy::class_weights`, from `Dataset::class_counts()`.
/// @throws Error without classes, and for one that has no samples.
[[gnu::cold]] [[nodiscard]] inline std::vector<float> balanced_class_weights(
    const std::vector<Index>& counts) {
  require(!counts.empty(), "weights of no classes");
  double samples = 0;
  for (std::size_t label = 0; label < counts.size(); ++label) {
    require(counts[label] > 0, "class ", label, " has ", counts[label],
            " samples; each needs one to have a weight");
    samples += static_cast<double>(counts[label]);
  }
  std::vector<float> weights;
  for (const Index count : counts) {
    weights.push_back(static_cast<float>(
        samples / (static_cast<double>(counts.size()) * static_cast<double>(count))));
  }
  return weights;
}

}  // namespace nn
