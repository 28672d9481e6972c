/// @file
/// Means, spreads and intervals of what was measured.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <vector>

#include "nn/core/error.hpp"
#include "nn/core/shape.hpp"

namespace nn {

namespace detail {

/// Values that are compared or counted have to be numbers: a NaN would be none of their answers.
/// @throws DivergenceError for one that is NaN: "`what` 3 is NaN".
inline void require_numbers(std::span<const double> values, std::string_view what) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    require<DivergenceError>(!std::isnan(values[i]), what, ' ', i, " is NaN");
  }
}

}  // namespace detail

/// What several measurements of one quantity, such as the rates of several seeds, have in common.
struct Spread {
  Index count = 0;       ///< of measurements
  double mean = 0;       ///< of the measurements
  double deviation = 0;  ///< of the sample (divided by count - 1); 0 for a single measurement
  double least = 0;      ///< of the measurements
  double greatest = 0;   ///< of the measurements
};

/// @throws Error without any values, or for one that is NaN.
[[nodiscard]] inline Spread spread_of(std::span<const double> values) {
  require(!values.empty(), "the spread of no values");
  detail::require_numbers(values, "measurement");
  Spread spread;
  spread.count = static_cast<Index>(values.size());
  for (const double value : values) spread.mean += value;
  spread.mean /= static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - spread.mean) * (value - spread.mean);
  if (values.size() > 1) {
    spread.deviation = std::sqrt(squares / static_cast<double>(values.size() - 1));
  }
  spread.least = *std::min_element(values.begin(), values.end());
  spread.greatest = *std::max_element(values.begin(), values.end());
  return spread;
}

/// A share of a whole, and the interval in which its true probability lies.
struct Proportion {
  Index count = 0;      ///< that are so
  Index total = 0;      ///< of all
  double estimate = 0;  ///< count / total
  double lower = 0;     ///< end of the interval
  double upper = 0;     ///< end of the interval
};

/// The quantile of the normal distribution that leaves 2.5 % above it: for intervals of 95 %.
inline constexpr double normal_95 = 1.959963984540054;

/// `count` out of `total` with Wilson's score interval, which stays within [0, 1] and holds for
/// small counts too (Wilson, "Probable inference, the law of succession, and statistical
/// inference", 1927). `z` is the normal quantile of the wanted confidence.
/// @throws Error unless 0 <= count <= total and total > 0.
[[nodiscard]] inline Proportion proportion(Index count, Index total, double z = normal_95) {
  require(total > 0 && count >= 0 && count <= total, "a proportion of ", count, " out of ", total);
  const auto n = static_cast<double>(total);
  const double p = static_cast<double>(count) / n;
  const double square = z * z;
  const double middle = (p + square / (2 * n)) / (1 + square / n);
  const double half = z / (1 + square / n) * std::sqrt(p * (1 - p) / n + square / (4 * n * n));
  return {count, total, p, std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

/// The a-priori probability of every class from how often it occurs, with intervals.
/// @throws Error for a negative count, or without any samples.
[[nodiscard]] inline std::vector<Proportion> class_priors(std::span<const Index> counts,
                                                          double z = normal_95) {
  Index total = 0;
  for (const Index count : counts) total += count;
  std::vector<Proportion> priors;
  for (const Index count : counts) priors.push_back(proportion(count, total, z));
  return priors;
}

/// The area under the straight lines between points given by rising x.
/// @throws Error unless there are as many x as y.
[[nodiscard]] inline double area_under_curve(std::span<const double> x, std::span<const double> y) {
  require(x.size() == y.size(), "a curve of ", x.size(), " x and ", y.size(), " y");
  double area = 0;
  for (std::size_t i = 1; i < x.size(); ++i) area += (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2;
  return area;
}

}  // namespace nn
