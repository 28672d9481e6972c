/// @file
/// A line search: how far to go along a direction.
#pragma once

#include <algorithm>
#include <cmath>

#include "nn/core/parallel.hpp"
#include "nn/core/rounding.hpp"

namespace nn::detail {

/// A place along a direction.
struct LinePlace {
  double length = 0;  ///< from the start
  double loss = 0;    ///< there
  double slope = 0;   ///< the derivative of the loss along the direction
};

/// Looks for a length that satisfies the strong Wolfe conditions (Nocedal and Wright, "Numerical
/// optimization", 2006, algorithms 3.5 and 3.6).
class WolfeSearch {
 public:
  /// Goes to a length and evaluates there.
  using Try = FunctionRef<LinePlace(double length)>;

  /// From a place of a negative slope.
  WolfeSearch(double decrease, double curvature, const LinePlace& start)
      : decrease_(decrease), curvature_(curvature), start_(start) {}

  /// Such a length, or the best of at most `evaluations` that are tried, `length` first; 0 where
  /// none is better than the start. The length returned is the one that was tried last.
  [[nodiscard]] double run(double length, Index evaluations, Try try_length) const {
    LinePlace before = start_;
    for (Index k = 0; k < evaluations; ++k) {
      const LinePlace here = try_length(length);
      const Index left = evaluations - k - 1;
      if (!falls_enough(here) || (k > 0 && here.loss >= before.loss)) {
        return zoom(before, here, left, try_length);
      }
      if (is_flat_enough(here)) return here.length;
      if (here.slope >= 0) return zoom(here, before, left, try_length);
      before = here;
      length *= 2;
    }
    return before.length;
  }

 private:
  // Both are false for what is not a number.
  [[nodiscard]] bool falls_enough(const LinePlace& here) const {
    return here.loss <= start_.loss + product(decrease_ * here.length, start_.slope);
  }
  [[nodiscard]] bool is_flat_enough(const LinePlace& here) const {
    return std::abs(here.slope) <= -curvature_ * start_.slope;
  }

  /// `low` is the best place so far, and a minimum lies between it and `high`.
  [[nodiscard]] double zoom(LinePlace low, LinePlace high, Index evaluations,
                            Try try_length) const {
    double last = std::max(low.length, high.length);  // which of them was tried last
    for (Index k = 0; k < evaluations; ++k) {
      const LinePlace here = try_length(between(low, high));
      last = here.length;
      if (!falls_enough(here) || here.loss >= low.loss) {
        high = here;
        continue;
      }
      if (is_flat_enough(here)) return here.length;
      if (here.slope * (high.length - low.length) >= 0) high = low;
      low = here;
    }
    if (last != low.length) (void)try_length(low.length);
    return low.length;
  }

  /// The minimum of the cubic with both losses and slopes (equation 3.59), kept away from both
  /// ends; their middle where there is none.
  [[nodiscard]] static double between(const LinePlace& low, const LinePlace& high) {
    const double width = high.length - low.length;
    const double middle = low.length + width / 2;
    const double bend =
        low.slope + high.slope - 3 * (low.loss - high.loss) / (low.length - high.length);
    const double square = product(bend, bend) - product(low.slope, high.slope);
    if (!(square >= 0)) return middle;
    const double root = std::copysign(std::sqrt(square), width);
    const double share = (high.slope + root - bend) / (high.slope - low.slope + 2 * root);
    if (!std::isfinite(share)) return middle;
    const double least = low.length + width / 10;
    const double most = high.length - width / 10;
    const double found = high.length - product(width, share);
    return std::clamp(found, std::min(least, most), std::max(least, most));
  }

  double decrease_;
  double curvature_;
  LinePlace start_;
};

}  // namespace nn::detail
