/// @file
/// Schedules: how the learning rate changes during training.
#pragma once

#include <cmath>
#include <functional>
#include <numbers>
#include <utility>
#include <vector>

#include "nn/core/error.hpp"
#include "nn/core/rounding.hpp"
#include "nn/core/shape.hpp"
#include "nn/kernels/simd/math.hpp"

namespace nn {

/// The factor by which the optimizer's learning rate is multiplied at step `step` (0 is the first)
/// of `steps`: any function of the two. `fit` calls it with the steps of all
/// epochs together.
using Schedule = std::function<double(Index step, Index steps)>;

/// Always 1.
[[nodiscard]] inline Schedule constant_schedule() {
  return [](Index /*step*/, Index /*steps*/) { return 1.0; };
}

/// 1 at first, multiplied by `factor` after every `every` steps.
[[nodiscard]] inline Schedule step_schedule(Index every, double factor = 0.1) {
  require(every > 0, "a step schedule needs a positive interval, got ", every);
  return
      [every, factor](Index step, Index /*steps*/) { return detail::power(factor, step / every); };
}

/// 1 at first, multiplied by `factor` at each of `milestones`, fractions of the whole training such
/// as {0.5, 0.75}.
[[nodiscard]] inline Schedule milestone_schedule(std::vector<double> milestones,
                                                 double factor = 0.1) {
  return [milestones = std::move(milestones), factor](Index step, Index steps) {
    double result = 1;
    for (const double milestone : milestones) {
      if (static_cast<double>(step) >= milestone * static_cast<double>(steps)) result *= factor;
    }
    return result;
  };
}

/// Exponentially from 1 to `last`: last^(step / steps).
[[nodiscard]] inline Schedule exponential_schedule(double last = 0.01) {
  require(last > 0, "an exponential schedule needs a positive end, got ", last);
  return [last](Index step, Index steps) {
    return detail::power(last, static_cast<double>(step) / static_cast<double>(steps));
  };
}

/// Linearly from 1 to `last`.
[[nodiscard]] inline Schedule linear_schedule(double last = 0) {
  return [last](Index step, Index steps) {
    return 1 + (last - 1) * static_cast<double>(step) / static_cast<double>(steps);
  };
}

/// From 1 to `last` along half a cosine (Loshchilov and Hutter, "SGDR: stochastic gradient descent
/// with warm restarts", 2017, equation 5, without restarts).
[[nodiscard]] inline Schedule cosine_schedule(double last = 0) {
  return [last](Index step, Index steps) {
    const double turn = std::numbers::pi * static_cast<double>(step) / static_cast<double>(steps);
    return last + (1 - last) * (1 + detail::cosine(turn)) / 2;
  };
}

/// The shape of a one-cycle schedule.
struct OneCycleOptions {
  double warm_up = 0.3;    ///< the fraction of the training in which the rate rises
  double first = 0.04;     ///< the factor at the first step
  double last = 0.000004;  ///< the factor at the last step
};

/// From `first` up to 1 and down to `last`, both along half a cosine (Smith and Topin,
/// "Super-convergence", 2018; the form and the numbers are those of PyTorch's OneCycleLR).
[[nodiscard]] inline Schedule one_cycle_schedule(const OneCycleOptions& options = {}) {
  require(options.warm_up > 0 && options.warm_up < 1,
          "a one-cycle schedule needs a warm-up in (0, 1), got ", options.warm_up);
  return [options](Index step, Index steps) {
    const auto between = [](double from, double to, double part) {
      return to + (from - to) * (1 + detail::cosine(std::numbers::pi * part)) / 2;
    };
    const auto now = static_cast<double>(step);
    const double end = static_cast<double>(steps) - 1;
    const double peak = detail::product(options.warm_up, static_cast<double>(steps)) - 1;
    if (now <= peak) return between(options.first, 1, peak > 0 ? now / peak : 1.0);
    return between(1, options.last, end > peak ? (now - peak) / (end - peak) : 1.0);
  };
}

/// Rises linearly from 1 / `count` to 1 over the first `count` steps, then follows `then` over the
/// remaining steps.
[[nodiscard]] inline Schedule warm_up_schedule(Index count, Schedule then = constant_schedule()) {
  require(count >= 0, "a warm-up of ", count, " steps");
  return [count, then = std::move(then)](Index step, Index steps) {
    if (step >= count) return then(step - count, std::max<Index>(1, steps - count));
    return static_cast<double>(step + 1) / static_cast<double>(count) *
           then(0, std::max<Index>(1, steps - count));
  };
}

}  // namespace nn
