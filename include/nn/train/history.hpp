/// @file
/// The record of a training.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "nn/core/shape.hpp"

namespace nn {

/// One pass over the training set. What was not measured is NaN: accuracies where outputs are not
/// classes, and all of the validation without a validation set.
struct EpochRecord {
  Index epoch = 0;      ///< 1 for the first
  Index steps = 0;      ///< made so far, in all epochs
  double loss = 0;      ///< mean over the epoch's batches, each before its own update
  double accuracy = 0;  ///< likewise, in [0, 1]
  double validation_loss =
      std::numeric_limits<double>::quiet_NaN();  ///< of the network after the epoch
  double validation_accuracy = std::numeric_limits<double>::quiet_NaN();  ///< likewise, in [0, 1]
  double learning_rate = 0;      ///< of the epoch's last step
  double seconds = 0;            ///< of training, without the validation
  double images_per_second = 0;  ///< of the training set
};

/// What early stopping watches. An accuracy should grow, a loss fall.
enum class Monitor { validation_loss, validation_accuracy, loss, accuracy };

/// The metric of an epoch that `monitor` names, with the sign that makes less better.
[[nodiscard]] constexpr double monitored(const EpochRecord& record, Monitor monitor) {
  switch (monitor) {
    case Monitor::validation_loss:
      return record.validation_loss;
    case Monitor::validation_accuracy:
      return -record.validation_accuracy;
    case Monitor::loss:
      return record.loss;
    case Monitor::accuracy:
      return -record.accuracy;
  }
  return record.loss;
}

/// All epochs of a training.
struct History {
  std::vector<EpochRecord> epochs{};  ///< in their order
  bool stopped_early = false;         ///< whether by early stopping

  [[nodiscard]] bool empty() const { return epochs.empty(); }
  /// The last epoch; there must be one.
  [[nodiscard]] const EpochRecord& last() const { return epochs.back(); }

  /// The best epoch's place in `epochs`: the first that no later one improves on by more than
  /// `min_delta`. An epoch whose figure is NaN is never the best; -1 where there is no other.
  [[nodiscard]] Index best(Monitor monitor = Monitor::validation_loss, double min_delta = 0) const {
    Index best = -1;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < epochs.size(); ++i) {
      const double value = monitored(epochs[i], monitor);
      if (std::isnan(value) || (best >= 0 && !(value < least - min_delta))) continue;
      least = value;
      best = static_cast<Index>(i);
    }
    return best;
  }

  /// The time of training, over all epochs.
  [[nodiscard]] double seconds() const {
    double sum = 0;
    for (const EpochRecord& record : epochs) sum += record.seconds;
    return sum;
  }
};

}  // namespace nn
