/// @file
/// A training's progress in plain lines.
#pragma once

#include <cmath>
#include <ostream>
#include <string>

#include "nn/core/error.hpp"
#include "nn/train/fit_options.hpp"

namespace nn {

namespace detail {

/// A share in [0, 1] as "98.76 %".
[[nodiscard]] inline std::string percent(double share) { return fixed(100 * share, 2) + " %"; }

}  // namespace detail

/// A callback that writes one plain line for each epoch to `out`, which has to outlive the
/// training. Numbers have a point in every locale, so programs can read them.
[[nodiscard]] inline Callback print_progress(std::ostream& out) {
  Callback callback;
  callback.on_epoch = [&out](EpochReport& report) {
    const EpochRecord& record = report.record;
    std::string line = detail::text("epoch ", record.epoch, "/", report.epochs, ": loss ",
                                    detail::general(record.loss, 4));
    if (!std::isnan(record.accuracy)) line += ", accuracy " + detail::percent(record.accuracy);
    if (!std::isnan(record.validation_loss)) {
      line += "; validation loss " + detail::general(record.validation_loss, 4);
    }
    if (!std::isnan(record.validation_accuracy)) {
      line += ", accuracy " + detail::percent(record.validation_accuracy);
    }
    line += "; " + detail::fixed(record.seconds, 1) + " s, " +
            detail::fixed(record.images_per_second, 0) + " images/s\n";
    out << line << std::flush;
  };
  return callback;
}

}  // namespace nn
