/// @file
/// A training in a file, so that it can go on.
#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "nn/train/checkpoint.hpp"
#include "nn/train/checkpoint_writer.hpp"
#include "nn/train/history.hpp"
#include "nn/train/training_settings.hpp"

namespace nn {

namespace detail {

/// Where in a training we are, and what the present epoch has seen so far.
struct Progress {
  Index epoch = 0;  // finished
  Index batch = 0;  // finished, of the present epoch
  Index seen = 0;
  Index correct = 0;
  double loss_sum = 0;
  double seconds = 0;
};

/// Likewise, with what came later to it; in a file a section of its own.
struct WeightedProgress : Progress {
  double weight = 0;  // of the samples seen: as many, unless they have weights

  [[nodiscard]] double mean_loss() const { return loss_sum / weight; }
  [[nodiscard]] double accuracy(bool classifies) const {
    if (!classifies) return std::numeric_limits<double>::quiet_NaN();
    return static_cast<double>(correct) / static_cast<double>(seen);
  }
  [[nodiscard]] double samples_per_second() const {
    return seconds > 0 ? static_cast<double>(seen) / seconds : 0.0;
  }

  /// What is known here of the epoch.
  [[nodiscard]] EpochRecord record(bool classifies) const {
    EpochRecord record;
    record.epoch = epoch + 1;
    record.loss = mean_loss();
    record.accuracy = accuracy(classifies);
    record.seconds = seconds;
    record.images_per_second = samples_per_second();
    return record;
  }
};

/// All that a training consists of, whatever the types of its network, loss and optimizer.
struct Training {
  const std::string& settings;  ///< what has to be the same for it to go on, a line each
  double learning_rate;         ///< as given, before schedule and callbacks
  bool scheduled;               ///< whether a schedule changes it
  Index batches;                ///< of an epoch
  ModelBytes model;
  OptimizerBytes optimizer;
  AverageBytes* average;  ///< null for none
  WeightedProgress& progress;
  History& history;
  BestWeights& best;
};

/// Copies all of a training, and has the copy written.
inline void save_training(const std::string& path, const Training& training,
                          CheckpointWriter& writer) {
  Checkpoint checkpoint;
  checkpoint.set("training", std::string_view(training.settings));
  checkpoint.set("learning_rate", training.learning_rate);
  checkpoint.set("scheduled", training.scheduled);
  checkpoint.set("model", training.model);
  checkpoint.set("optimizer", training.optimizer);
  checkpoint.set("progress",
                 std::span<const Progress>(static_cast<const Progress*>(&training.progress), 1));
  checkpoint.set("weight", training.progress.weight);
  checkpoint.set("history", std::span<const EpochRecord>(training.history.epochs));
  checkpoint.set("best.parameters", std::string_view(training.best.parameters));
  checkpoint.set("best.state", std::string_view(training.best.state));
  if (training.average != nullptr) checkpoint.set("average", *training.average);
  writer.write(path, std::move(checkpoint));
}

/// Goes on from the checkpoint of `path`. One that does not fit changes nothing.
inline void resume_training(const std::string& path, const Checkpoint& checkpoint,
                            Training& training) {
  require<FileError>(
      checkpoint.contains("training"), path,
      " holds no training that fit could go on with: an earlier version of fit wrote "
      "it, or another program. Move it away, or name another file");
  const std::string difference =
      settings_difference(checkpoint.text("training"), training.settings);
  require<FileError>(difference.empty(), path, " ", difference);
  double learning_rate = 0;
  bool scheduled = false;
  WeightedProgress progress;
  checkpoint.get("learning_rate", learning_rate);
  checkpoint.get("scheduled", scheduled);
  checkpoint.get("progress", std::span<Progress>(static_cast<Progress*>(&progress), 1));
  progress.weight = static_cast<double>(progress.seen);
  if (checkpoint.contains("weight")) checkpoint.get("weight", progress.weight);
  std::vector<EpochRecord> epochs = checkpoint.values<EpochRecord>("history");
  const bool possible = progress.epoch == static_cast<Index>(epochs.size()) &&
                        progress.batch >= 0 && progress.batch < training.batches &&
                        progress.correct >= 0 && progress.correct <= progress.seen;
  require<FileError>(possible, path, " is damaged: it was saved after ", progress.epoch,
                     " epochs and ", progress.batch, " batches, in which ", progress.correct,
                     " of ", progress.seen, " samples were recognised, with the figures of ",
                     epochs.size(), " epochs of ", training.batches, " batches");
  const std::string& best_parameters = checkpoint.text("best.parameters");
  const std::string& best_state = checkpoint.text("best.state");
  checkpoint.require_fits("model", training.model);
  checkpoint.require_fits("optimizer", training.optimizer);
  if (training.average != nullptr) checkpoint.require_fits("average", *training.average);
  if (!best_parameters.empty()) {
    checkpoint.require_bytes("best.parameters", training.model.parameters.size());
    checkpoint.require_bytes("best.state", training.model.state.size());
  }
  checkpoint.get("model", training.model);
  checkpoint.get("optimizer", training.optimizer);
  if (training.average != nullptr) checkpoint.get("average", *training.average);
  training.progress = progress;
  training.history.epochs = std::move(epochs);
  training.best = {best_parameters, best_state};
  // The same learning rate given again: the present one, which a callback may have changed. Another
  // one, or one that a schedule has left somewhere: as given.
  if (learning_rate != training.learning_rate || scheduled || training.scheduled) {
    training.optimizer.learning_rate = training.learning_rate;
  }
}

/// Returns whether there was a file. One that does not fit changes nothing.
inline bool resume_training(const std::string& path, Training& training) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return false;
  resume_training(path, Checkpoint::load(path), training);
  return true;
}

}  // namespace detail

class CheckpointFile;

namespace detail {

/// What a CheckpointFile is made from; not itself, though it converts to a path.
template <class Path>
concept PathOfFile =
    !std::is_same_v<Path, CheckpointFile> && std::is_convertible_v<Path, std::filesystem::path>;

}  // namespace detail

/// The path of a checkpoint, or none. It holds pointers to the functions that write and read the
/// file, so that a program without a checkpoint does not compile them.
class CheckpointFile {
 public:
  /// None.
  CheckpointFile() = default;
  /// The file at `path`: a text or a std::filesystem::path.
  template <detail::PathOfFile Path>
  CheckpointFile(const Path& path)  // NOLINT(google-explicit-constructor): `.checkpoint = "file"`
      : path_(std::filesystem::path(path).string()),
        settings_(detail::training_settings),
        save_(detail::save_training),
        resume_([](const std::string& file, detail::Training& training) {
          return detail::resume_training(file, training);
        }) {}

  /// Whether there is none.
  [[nodiscard]] bool empty() const { return path_.empty(); }
  /// Where it is.
  [[nodiscard]] const std::string& path() const { return path_; }
  // NOLINTNEXTLINE(google-explicit-constructor): it is a path
  operator std::filesystem::path() const { return path_; }

  /// By what the file tells this training from others; nothing where there is no file.
  [[nodiscard]] std::string settings(const detail::TrainingIdentity& training) const {
    return empty() ? std::string() : settings_(training);
  }
  /// Has `writer` write all of a training, as it is now, to the file.
  void save(const detail::Training& training, detail::CheckpointWriter& writer) const {
    save_(path_, training, writer);
  }
  /// Puts back what the file holds, if there is one. Returns whether there is.
  bool resume(detail::Training& training) const { return resume_(path_, training); }

 private:
  std::string path_;
  std::string (*settings_)(const detail::TrainingIdentity&) = nullptr;
  void (*save_)(const std::string&, const detail::Training&, detail::CheckpointWriter&) = nullptr;
  bool (*resume_)(const std::string&, detail::Training&) = nullptr;
};

}  // namespace nn
