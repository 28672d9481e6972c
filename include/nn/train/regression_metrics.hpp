/// @file
/// Metrics of regression.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "nn/core/rounding.hpp"
#include "nn/core/tensor.hpp"

namespace nn {

/// The errors of outputs against targets.
struct RegressionMetrics {
  double mean_absolute_error = 0;      ///< of |y - t|, in the targets' unit
  double mean_squared_error = 0;       ///< of (y - t)^2
  double root_mean_squared_error = 0;  ///< its root, in the targets' unit
  /// The coefficient of determination: 1 minus the sum of (y - t)^2 over that of (t - mean of t)^2.
  /// 1 when all outputs are right, 0 for always predicting the mean, below 0 for worse; NaN where
  /// the targets are constant.
  double r_squared = 0;
};

namespace detail {

/// The metrics of output `column`, of `columns`.
template <class T>
[[nodiscard]] RegressionMetrics regression_metrics_of(TensorView<const T> outputs,
                                                      TensorView<const T> targets, Index column,
                                                      Index columns) {
  const Index count = outputs.size() / columns;
  const auto n = static_cast<double>(count);
  double mean = 0;
  double squares = 0;  // of the targets about their mean, by Welford's recurrence
  double absolute_errors = 0;
  double squared_errors = 0;
  for (Index i = 0; i < count; ++i) {
    const auto output = static_cast<double>(outputs[i * columns + column]);
    const auto target = static_cast<double>(targets[i * columns + column]);
    require<DivergenceError>(!std::isnan(output), "output ", column, " of sample ", i, " is NaN");
    require(std::isfinite(target), "target ", column, " of sample ", i, " is ", target);
    const double distance = target - mean;
    mean += distance / static_cast<double>(i + 1);
    squares += detail::product(distance, target - mean);
    absolute_errors += std::abs(output - target);
    squared_errors += detail::product(output - target, output - target);
  }
  return {absolute_errors / n, squared_errors / n, std::sqrt(squared_errors / n),
          squares > 0 ? 1 - squared_errors / squares : std::numeric_limits<double>::quiet_NaN()};
}

/// The number of outputs a sample has. @throws ShapeError unless the targets fit.
[[gnu::cold]] inline Index require_regression(const Shape& outputs, const Shape& targets) {
  require<ShapeError>(outputs == targets && outputs.rank() > 0, "outputs of shape ", outputs,
                      " for targets of shape ", targets);
  require(outputs.size() > 0, "there are no samples to measure");
  return outputs.without_front().size();
}

}  // namespace detail

/// The metrics of each of a sample's outputs, N x ..., in their order.
/// @throws ShapeError unless outputs and targets have one shape, Error when there are none, and
/// naming the place of a target that is not finite; DivergenceError of an output that is NaN.
template <class T>
[[nodiscard]] std::vector<RegressionMetrics> regression_metrics_per_output(
    const Tensor<T>& outputs, const Tensor<T>& targets) {
  const Index columns = detail::require_regression(outputs.shape(), targets.shape());
  std::vector<RegressionMetrics> metrics;
  for (Index column = 0; column < columns; ++column)
    metrics.push_back(detail::regression_metrics_of<T>(outputs, targets, column, columns));
  return metrics;
}

/// The metrics over all outputs: the means of their errors, the root of the mean squared error, and
/// the mean of their coefficients of determination (NaN if one of them is).
/// @throws ShapeError, Error and DivergenceError as `regression_metrics_per_output` does.
template <class T>
[[nodiscard]] RegressionMetrics regression_metrics(const Tensor<T>& outputs,
                                                   const Tensor<T>& targets) {
  const auto each = regression_metrics_per_output(outputs, targets);
  const auto count = static_cast<double>(each.size());
  RegressionMetrics all;
  for (const RegressionMetrics& one : each) {
    all.mean_absolute_error += one.mean_absolute_error / count;
    all.mean_squared_error += one.mean_squared_error / count;
    all.r_squared += one.r_squared / count;
  }
  all.root_mean_squared_error = std::sqrt(all.mean_squared_error);
  return all;
}

}  // namespace nn
