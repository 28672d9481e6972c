/// @file
/// A training's progress in plain lines.
#pragma once

#include <cmath>
#include <iomanip>
#include <ostream>
#include <sstream>
#include <string>

#include "nn/train/fit_options.hpp"

namespace nn {

namespace detail {

/// A share in [0, 1] as "98.76 %".
[[nodiscard]] inline std::string percent(double share) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(2) << 100 * share << " %";
  return out.str();
}

}  // namespace detail

/// A callback that writes one plain line an epoch to `out`, which has to outlive the training.
[[nodiscard]] inline Callback print_progress(std::ostream& out) {
  Callback callback;
  callback.on_epoch = [&out](EpochReport& report) {
    const EpochRecord& record = report.record;
    std::ostringstream line;
    line << "epoch " << record.epoch << "/" << report.epochs << ": loss " << std::setprecision(4)
         << record.loss;
    if (!std::isnan(record.accuracy)) line << ", accuracy " << detail::percent(record.accuracy);
    if (!std::isnan(record.validation_loss)) line << "; validation loss " << record.validation_loss;
    if (!std::isnan(record.validation_accuracy)) {
      line << ", accuracy " << detail::percent(record.validation_accuracy);
    }
    line << "; " << std::fixed << std::setprecision(1) << record.seconds << " s, "
         << std::setprecision(0) << record.images_per_second << " images/s\n";
    out << line.str() << std::flush;
  };
  return callback;
}

}  // namespace nn
