/// @file
/// With whom a training shares its batches.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>

#include "nn/data/batch.hpp"
#include "nn/layers/batch_sharing.hpp"
#include "nn/train/checkpoint_file.hpp"
#include "nn/train/shared_work.hpp"

namespace nn {

struct FitOptions;

/// What `fit` asks of those with whom it shares its batches (see nn/distributed).
class TrainingSharing : public BatchSharing {
 public:
  /// This process's number; 0 writes files and calls the callbacks.
  [[nodiscard]] virtual Index rank() const = 0;
  /// The part of every batch that is this process's.
  [[nodiscard]] virtual BatchPart part() const = 0;
  /// Cuts a batch of so many samples.
  virtual void begin_batch(Index samples) = 0;
  /// What messages say is being done.
  virtual void begin_step(Index step) = 0;
  /// Gives all processes the values of process 0.
  virtual void broadcast(std::span<double> values) = 0;
  /// Puts back what the file of process 0 holds, if there is one. Returns whether there is.
  virtual bool resume(const std::string& path, detail::Training& training) = 0;
  /// Tells the others that this process has failed.
  virtual void fail(const char* why) = 0;
};

namespace detail {

/// What a shared training is started with.
struct SharingSetup {
  Index pieces;                 ///< of a batch
  const std::string& settings;  ///< what has to be the same in all processes, a line each
  const ModelBytes& model;      ///< likewise
  const FitOptions& options;    ///< likewise, as far as a training may go on with others
  double learning_rate;         ///< likewise
};

/// Into how many pieces batches of `batch_size` samples are cut, unless `wanted` says so.
[[nodiscard]] inline Index piece_count(Index batch_size, Index wanted) {
  const Index pieces = wanted > 0 ? wanted : batch_size >= 192 ? 24 : 8;
  return std::min(pieces, batch_size);
}

}  // namespace detail

/// A communicator, or none: `.communicator = &world`. It holds pointers to the functions that share
/// a training, so that a program without one does not compile them.
class CommunicatorOption {
 public:
  /// None: a training of this process alone.
  CommunicatorOption() = default;
  /// That of `world`, which outlives the training. Needs nn/distributed/shared_batches.hpp, which
  /// the headers of communicators include.
  template <class AnyCommunicator>
  CommunicatorOption(AnyCommunicator* world)  // NOLINT(google-explicit-constructor)
      : world_(world),
        work_(world),
        settings_(detail::training_settings),
        start_([](void* erased, const detail::SharingSetup& setup) {
          return share_training(*static_cast<AnyCommunicator*>(erased), setup);
        }) {}

  /// Whether there is one.
  [[nodiscard]] explicit operator bool() const { return world_ != nullptr; }
  /// For work that the processes share between steps.
  [[nodiscard]] const WorkSharing& work() const { return work_; }
  /// What has to be the same in all processes.
  [[nodiscard]] std::string settings(const detail::TrainingIdentity& training) const {
    return settings_(training);
  }
  /// Makes sure that all processes do the same, and shares the batches among them; null without a
  /// communicator.
  /// @throws Error naming a process that differs.
  [[nodiscard]] std::unique_ptr<TrainingSharing> start(const detail::SharingSetup& setup) const {
    return world_ == nullptr ? nullptr : start_(world_, setup);
  }

 private:
  void* world_ = nullptr;
  WorkSharing work_;
  std::string (*settings_)(const detail::TrainingIdentity&) = nullptr;
  std::unique_ptr<TrainingSharing> (*start_)(void*, const detail::SharingSetup&) = nullptr;
};

}  // namespace nn
