/// @file
/// A training's metrics as a table that can be plotted while it runs.
#pragma once

#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "nn/core/file.hpp"
#include "nn/core/settings.hpp"
#include "nn/train/fit_options.hpp"

namespace nn {

namespace detail {

/// One epoch as a line of the table; what was not measured is left empty.
[[gnu::cold]] [[nodiscard]] inline std::string csv_line(const EpochRecord& record) {
  std::string line = std::to_string(record.epoch) + "," + std::to_string(record.steps);
  for (const double value :
       {record.loss, record.accuracy, record.validation_loss, record.validation_accuracy,
        record.learning_rate, record.seconds, record.images_per_second}) {
    line += ',';
    if (!std::isnan(value)) line += exact_number(value);
  }
  return line + '\n';
}

}  // namespace detail

/// A callback that writes a table of the training to the file at `path`: a line of names, and then
/// one line an epoch, which is in the file as soon as the epoch is over. Numbers are written so
/// that they are read back to the same bits, with a point in every locale. A training that resumes
/// from a checkpoint continues its table: at its first epoch the earlier epochs, which the history
/// holds, are written again, so that none is missing or there twice. A new training starts a
/// new table.
/// @throws FileError, from `fit`, when the file cannot be written.
[[gnu::cold]] [[nodiscard]] inline Callback csv_log(const std::filesystem::path& path) {
  const auto file = std::make_shared<std::ofstream>();
  Callback callback;
  callback.on_epoch = [file, path](EpochReport& report) {
    if (report.history.epochs.size() == 1) file->close();  // another training with this callback
    if (!file->is_open()) {
      std::string table =
          "epoch,steps,loss,accuracy,validation_loss,validation_accuracy,learning_rate,seconds,"
          "images_per_second\n";
      for (const EpochRecord& record : report.history.epochs) table += detail::csv_line(record);
      write_file(path, table);
      file->open(path, std::ios::app | std::ios::binary);
    } else {
      *file << detail::csv_line(report.record) << std::flush;
    }
    require<FileError>(file->good(), path, " cannot be written");
  };
  return callback;
}

}  // namespace nn
