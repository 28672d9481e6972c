/// @file
/// What processes tell one another when something is wrong.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "nn/core/error.hpp"
#include "nn/core/shape.hpp"

namespace nn {

/// Another process of this training failed, stopped or does not answer; the message says which one,
/// and at which step.
class RankError : public Error {
 public:
  using Error::Error;
};

/// A short message that is sent past all others: when a process gives up, and now and then while it
/// works at something long.
struct Notice {
  /// In the place of `waits_for`: the process has not given up, it works.
  static constexpr std::int64_t at_work = -2;

  std::int64_t origin = 0;     ///< the rank that says it
  std::int64_t waits_for = 0;  ///< the rank that it waited for in vain, or -1: it failed by itself
  std::int64_t step = 0;       ///< of the training, or 0
  char text[232] = {};         ///< why, if it failed by itself

  /// Keeps as much of a text as there is room for.
  void set_text(std::string_view why) {
    const std::size_t count = why.size() < sizeof(text) - 1 ? why.size() : sizeof(text) - 1;
    std::memcpy(text, why.data(), count);
    text[count] = '\0';
  }
};
static_assert(sizeof(Notice) == 256);

namespace detail {

/// " at step 17", or nothing.
[[gnu::cold]] [[nodiscard]] inline std::string at_step(std::int64_t step) {
  return step > 0 ? text(" at step ", step) : std::string();
}

}  // namespace detail
}  // namespace nn
