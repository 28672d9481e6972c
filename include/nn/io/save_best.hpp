/// @file
/// The best network so far, in a file.
#pragma once

#include <filesystem>

#include "nn/io/safetensors.hpp"
#include "nn/train/fit_options.hpp"

namespace nn {

/// The options of `save_best`.
struct SaveBestOptions {
  Monitor monitor = Monitor::validation_loss;  ///< by which epochs are compared
  double min_delta = 0;                        ///< a smaller improvement does not count
  SaveOptions save{};                          ///< how the file is written
};

/// A callback that saves `model`, which has to outlive the training, to a safetensors file whenever
/// an epoch was the best so far. With `FitOptions::average_decay` it is the averaged network that
/// is measured, and saved. A training that resumes from a checkpoint counts the epochs before.
///
///     .callbacks = {nn::save_best(model, "best.safetensors", {.monitor = nn::Monitor::loss})}
/// @throws FileError, from `fit`, when the file cannot be written.
template <class Network, class T>
[[nodiscard]] Callback save_best(const Model<Network, T>& model, const std::filesystem::path& path,
                                 const SaveBestOptions& options = {}) {
  Callback callback;
  callback.on_epoch = [&model, path, options](EpochReport& report) {
    const Index best = report.history.best(options.monitor, options.min_delta);
    if (best + 1 == static_cast<Index>(report.history.epochs.size())) {
      nn::save(model, path, options.save);
    }
  };
  return callback;
}

}  // namespace nn
