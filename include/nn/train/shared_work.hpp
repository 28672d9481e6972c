/// @file
/// Work that processes share, or one does alone.
#pragma once

#include <cstddef>
#include <span>

#include "nn/core/parallel.hpp"

namespace nn {

namespace detail {

/// Work that falls into parts, whose results stand in memory one after another.
struct WorkInParts {
  Index parts;                                     ///< how many there are
  std::span<std::byte> results;                    ///< of all parts
  std::size_t bytes;                               ///< of a result; the last one may be shorter
  FunctionRef<void(Index begin, Index end)> work;  ///< writes the results of these parts
};

}  // namespace detail

/// The processes that share some work, or none: `.communicator = &world`. It holds a pointer to the
/// function that shares it, so that a program without other processes does not compile that.
class WorkSharing {
 public:
  /// None: this process does all of it.
  WorkSharing() = default;
  /// Those of `world`, which outlives this. Needs nn/distributed/share_tasks.hpp, which the headers
  /// of communicators include.
  template <class AnyCommunicator>
  WorkSharing(AnyCommunicator* world)  // NOLINT(google-explicit-constructor)
      : world_(world), share_([](void* erased, const detail::WorkInParts& work) {
          share_work(*static_cast<AnyCommunicator*>(erased), work);
        }) {}

  /// Does the work, or this process's share of it. Afterwards every process has all results.
  /// @throws Error when the processes do not do the same; RankError when another one fails.
  void run(const detail::WorkInParts& work) const {
    if (world_ == nullptr) return work.work(0, work.parts);
    share_(world_, work);
  }

 private:
  void* world_ = nullptr;
  void (*share_)(void*, const detail::WorkInParts&) = nullptr;
};

}  // namespace nn
