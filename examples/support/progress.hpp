/// @file
/// How far a training has come: a bar on a terminal, plain lines elsewhere.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "nn/core/shape.hpp"

namespace example {

/// What a Progress is to show, and where.
struct ProgressOptions {
  nn::Index steps_per_epoch = 0;         ///< 0: the steps are not divided into epochs
  nn::Index images_per_step = 0;         ///< 0: no speed is shown
  std::string label = {};                ///< what is under way, such as "64 units, seed 2"
  std::ostream* out = nullptr;           ///< by default standard output
  std::optional<bool> terminal = {};     ///< whether `out` is one; by default it is found out
  nn::Index columns = 0;                 ///< of the terminal; 0: as many as it has
  std::function<double()> seconds = {};  ///< a clock; by default the system's
};

/// Shows epoch, loss, accuracy, speed and the time that is left:
///
///     Progress progress(epochs * steps_per_epoch, {.steps_per_epoch = steps_per_epoch});
///     ... progress.update(step, loss, accuracy);
///     progress.finish();
///
/// On a terminal one line is rewritten, at most ten times a second, and stays at the end of each
/// epoch; elsewhere a line is written at the end of each epoch, or every ten percent without
/// epochs.
class Progress {
 public:
  explicit Progress(nn::Index total_steps, ProgressOptions options = {});
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Tells that `step` steps are done, 1 after the first. All but the last of those that it is told
  /// of first were done by a run before, which this one goes on from.
  /// @param loss of late, such as the mean over the epoch so far; NaN if there is none
  /// @param accuracy likewise, as a share
  void update(nn::Index step, double loss, double accuracy);
  void update(nn::Index step);

  /// Writes a line of its own, above the bar.
  void note(std::string_view text);

  /// Ends the line under way.
  void finish();

 private:
  [[nodiscard]] std::string numbers(double loss, double accuracy) const;
  [[nodiscard]] std::string bar(nn::Index columns) const;
  void show(const std::string& numbers, bool keep);

  nn::Index total_;
  nn::Index step_ = 0;
  nn::Index begun_at_ = -1;  // steps that a run before has done; -1 until the first is told of
  ProgressOptions options_;
  double start_ = 0;
  double shown_ = 0;
  bool line_open_ = false;
};

}  // namespace example
