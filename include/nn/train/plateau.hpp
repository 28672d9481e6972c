/// @file
/// A learning rate that is reduced when a training stops improving.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "nn/train/history.hpp"

namespace nn {

/// Multiplies the learning rate by `factor` when `monitor` has not improved by more than
/// `min_delta` for `patience` epochs, counted from the last improvement or reduction (Keras's
/// ReduceLROnPlateau).
struct ReduceOnPlateau {
  Index patience = 0;                          ///< 0: never
  double factor = 0.1;                         ///< in (0, 1)
  Monitor monitor = Monitor::validation_loss;  ///< what is watched
  double min_delta = 1e-4;                     ///< a smaller improvement does not count
  double least = 0;                            ///< the smallest factor of the first learning rate
};

/// The factor of the learning rate after the epochs of `history`. It depends on them only, so a
/// resumed training has the same rate. An epoch whose metric is NaN is no improvement.
[[gnu::cold]] [[nodiscard]] inline double plateau_factor(const History& history,
                                                         const ReduceOnPlateau& options) {
  double factor = 1;
  double best = std::numeric_limits<double>::infinity();
  Index waited = 0;
  for (const EpochRecord& record : history.epochs) {
    if (options.patience == 0) break;
    const double value = monitored(record, options.monitor);
    if (value < best - options.min_delta) {
      best = value;
      waited = 0;
    } else if (++waited >= options.patience) {
      factor = std::max(factor * options.factor, options.least);
      waited = 0;
    }
  }
  return factor;
}

}  // namespace nn
