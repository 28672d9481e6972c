/// @file
/// Checkpoints that are written while the training goes on.
#pragma once

#include <exception>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "nn/train/checkpoint.hpp"

namespace nn::detail {

/// Writes checkpoints, one at a time, in a thread of its own.
class CheckpointWriter {
 public:
  CheckpointWriter() = default;
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;
  /// Waits until what is being written is.
  ~CheckpointWriter() {
    if (thread_.joinable()) thread_.join();
  }

  /// Begins to write `checkpoint` to `path`, when the one before is written.
  /// @throws FileError when that one could not be.
  [[gnu::cold]] void write(const std::string& path, Checkpoint checkpoint) {
    finish();
    checkpoint_ = std::move(checkpoint);
    try {
      thread_ = std::thread([this, path] { save(path); });
    } catch (const std::system_error&) {  // there are no threads to be had
      save(path);
    }
  }
  /// Waits until what is being written is.
  /// @throws FileError when it could not be written.
  void finish() {
    if (thread_.joinable()) thread_.join();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  void save(const std::string& path) {
    try {
      std::exchange(checkpoint_, {}).save(path);
    } catch (...) {
      error_ = std::current_exception();
    }
  }

  Checkpoint checkpoint_;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace nn::detail
