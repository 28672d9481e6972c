// Runs a function in threads that are the ranks of a training.
#pragma once

#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "nn/core/parallel.hpp"
#include "nn/distributed/thread_ranks.hpp"

/// Calls body(communicator) for each of `size` ranks, in a thread each with `threads` threads for
/// its loops. Returns what each threw, or "".
template <class Body>
std::vector<std::string> run_ranks(nn::Index size, const Body& body, int threads = 1,
                                   double timeout = 60) {
  nn::ThreadRanks ranks(size);
  std::vector<std::string> errors(static_cast<std::size_t>(size));
  std::vector<std::thread> all;
  for (nn::Index rank = 0; rank < size; ++rank) {
    all.emplace_back([&, rank] {
      nn::set_threads(threads);
      nn::Communicator& communicator = ranks[rank];
      communicator.set_timeout(timeout);
      try {
        body(communicator);
      } catch (const std::exception& error) {
        errors[static_cast<std::size_t>(rank)] = error.what();
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  return errors;
}

/// The errors one after another: "" where no rank has any.
inline std::string joined(const std::vector<std::string>& errors) {
  std::string all;
  for (const std::string& error : errors) all += error;
  return all;
}
