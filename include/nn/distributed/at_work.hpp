/// @file
/// To say that one works at something long.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "nn/distributed/communicator.hpp"

namespace nn {

/// While it lives, the other ranks hear now and then that this one is at work, so that they wait
/// for it longer than their timeout:
///
///     {
///       const nn::AtWork at_work(world);
///       ...  // hours, in which nobody else uses the communicator
///     }
///
/// A thread says it, and sleeps in between. A rank that is stopped or cut off says nothing.
class AtWork {
 public:
  /// Begins to say so, where there are others.
  explicit AtWork(Communicator& world) : world_(world) {
    if (world.size() > 1) thread_ = std::thread([this] { tell(); });
  }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;
  /// Says no more.
  ~AtWork() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  void tell() {
    const std::chrono::duration<double> interval(world_.timeout() / 5);
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, interval, [this] { return done_; })) world_.tell_at_work();
  }

  Communicator& world_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace nn
