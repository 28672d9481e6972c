#include "support/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <limits>
#include <utility>

#include "nn/core/text_stream.hpp"
#include "support/text.hpp"

namespace example {

namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

double system_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

nn::Index terminal_columns() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

/// "0:45", "12:05", "1:02:05"
std::string clock_text(double seconds) {
  const auto whole = static_cast<nn::Index>(std::llround(std::clamp(seconds, 0.0, 3.6e6)));
  nn::TextStream out;
  out << std::setfill('0');
  if (whole >= 3600) out << whole / 3600 << ':' << std::setw(2);
  out << whole / 60 % 60 << ':' << std::setw(2) << whole % 60;
  return out.str();
}

}  // namespace

Progress::Progress(nn::Index total_steps, ProgressOptions options)
    : total_(std::max<nn::Index>(total_steps, 1)), options_(std::move(options)) {
  if (options_.out == nullptr) options_.out = &std::cout;
  if (!options_.terminal) {
    options_.terminal = options_.out == &std::cout && isatty(STDOUT_FILENO) == 1;
  }
  if (!options_.seconds) options_.seconds = system_seconds;
  start_ = options_.seconds();
  shown_ = start_ - 1;
}

Progress::~Progress() { finish(); }

void Progress::update(nn::Index step) { update(step, no_number, no_number); }

void Progress::update(nn::Index step, double loss, double accuracy) {
  const nn::Index before = step_;
  step_ = std::clamp<nn::Index>(step, 0, total_);
  if (begun_at_ < 0) begun_at_ = std::max<nn::Index>(step_ - 1, 0);
  const nn::Index interval =
      options_.steps_per_epoch > 0 ? options_.steps_per_epoch : std::max<nn::Index>(total_ / 10, 1);
  const bool interval_ends = step_ > before && (step_ % interval == 0 || step_ == total_);
  const bool keep = interval_ends && (options_.steps_per_epoch > 0 || !*options_.terminal);
  const double now = options_.seconds();
  if (!keep && (!*options_.terminal || now - shown_ < 0.1)) return;
  shown_ = now;
  show(numbers(loss, accuracy), keep);
}

void Progress::note(std::string_view text) {
  if (line_open_) *options_.out << "\r\x1b[K";
  line_open_ = false;
  *options_.out << text << '\n' << std::flush;
}

void Progress::finish() {
  if (line_open_) *options_.out << '\n' << std::flush;
  line_open_ = false;
}

std::string Progress::numbers(double loss, double accuracy) const {
  const double passed = std::max(options_.seconds() - start_, 1e-9);
  const auto done = static_cast<double>(step_ - begun_at_);
  const char* gap = *options_.terminal ? " " : "  ";
  nn::TextStream out;
  if (options_.steps_per_epoch > 0) {
    const nn::Index epochs = (total_ + options_.steps_per_epoch - 1) / options_.steps_per_epoch;
    const nn::Index epoch = std::max<nn::Index>(step_ - 1, 0) / options_.steps_per_epoch + 1;
    out << "epoch " << epoch << '/' << epochs;
  } else {
    out << percent(static_cast<double>(step_) / static_cast<double>(total_), 0);
  }
  if (!std::isnan(loss)) out << gap << "loss " << fixed(loss, 4);
  if (!std::isnan(accuracy)) out << gap << "accuracy " << percent(accuracy);
  if (options_.images_per_step > 0) {
    const double speed = done * static_cast<double>(options_.images_per_step) / passed;
    out << gap << thousands(std::llround(speed)) << " images/s";
  }
  if (step_ == total_) {
    out << gap << clock_text(passed);
  } else if (done > 0) {
    const double left = passed * static_cast<double>(total_ - step_) / done;
    out << gap << clock_text(left) << " left";
  }
  return out.str();
}

/// A bar of so many columns, finer than a character by its last block.
std::string Progress::bar(nn::Index columns) const {
  static constexpr const char* blocks[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const nn::Index eighths = columns * 8 * step_ / total_;
  std::string text;
  for (nn::Index k = 0; k < columns; ++k) {
    const nn::Index filled = std::clamp<nn::Index>(eighths - 8 * k, 0, 8);
    text += filled == 8 ? "█" : blocks[filled];
  }
  return text;
}

void Progress::show(const std::string& numbers, bool keep) {
  const std::string label = options_.label.empty() ? "" : options_.label + "  ";
  std::ostream& out = *options_.out;
  if (!*options_.terminal) {
    out << label << numbers << '\n' << std::flush;
    return;
  }
  const nn::Index columns = options_.columns > 0 ? options_.columns : terminal_columns();
  const nn::Index spare = columns - static_cast<nn::Index>(label.size() + numbers.size()) - 1;
  out << "\r\x1b[K" << label;
  if (spare >= 8) out << '|' << bar(std::min<nn::Index>(spare - 3, 30)) << "| ";
  // A line longer than the terminal would be written again below instead of over itself.
  out << (spare >= 0 ? numbers
                     : numbers.substr(0, static_cast<std::size_t>(std::max<nn::Index>(
                                             static_cast<nn::Index>(numbers.size()) + spare, 0))));
  if (keep) out << '\n';
  out << std::flush;
  line_open_ = !keep;
}

}  // namespace example
