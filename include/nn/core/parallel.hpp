/// @file
/// Loops over several threads whose results do not depend on how many there are.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>

#include "nn/core/shape.hpp"
#include "nn/core/subnormals.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace nn {

/// The number of threads that `parallel_for` uses (1 without OpenMP).
[[nodiscard]] inline int threads() {
#ifdef _OPENMP
  return omp_in_parallel() != 0 ? 1 : omp_get_max_threads();
#else
  return 1;
#endif
}

/// Sets the number of threads for the loops that follow, in this thread.
inline void set_threads([[maybe_unused]] int count) {
#ifdef _OPENMP
  omp_set_num_threads(std::max(1, count));
#endif
}

/// A reference to something callable, for the length of a call. The loops below take it, so that
/// each of them is compiled once and not for every body.
template <class Signature>
class FunctionRef;

/// For a function of these arguments and this result.
template <class Result, class... Arguments>
class FunctionRef<Result(Arguments...)> {
 public:
  /// To be called as `function(arguments...)`; it has to outlive this.
  template <class Function>
  FunctionRef(const Function& function)  // NOLINT(google-explicit-constructor): loops take lambdas
      : function_(std::addressof(function)),
        call_([](const void* erased, Arguments... arguments) -> Result {
          return (*static_cast<const Function*>(erased))(arguments...);
        }) {}

  /// Calls what it refers to.
  Result operator()(Arguments... arguments) const { return call_(function_, arguments...); }

 private:
  const void* function_;
  Result (*call_)(const void*, Arguments...);
};

namespace detail {

/// The indices in [0, count), shared among threads. Each thread begins with a range of its own, so
/// that it finds the same images in its cache from one loop over a batch to the next; then it helps
/// threads that are not done, since a core may be busy with something else.
class Shares {
 public:
  Shares(Index count, Index threads) : count_(count), shares_(std::min(threads, most)) {
    for (Index share = 0; share < shares_; ++share) {
      next_[static_cast<std::size_t>(share)].index.store(begin(share), std::memory_order_relaxed);
    }
  }

  /// What thread `thread` does of the work.
  void work(Index thread, const FunctionRef<void(Index)>& body) {
    const FlushSubnormals flush;
    for (Index turn = 0; turn < shares_; ++turn) {
      const Index share = (thread + turn) % shares_;
      std::atomic<Index>& next = next_[static_cast<std::size_t>(share)].index;
      const Index end = begin(share + 1);
      while (next.load(std::memory_order_relaxed) < end) {
        const Index index = next.fetch_add(1, std::memory_order_relaxed);
        if (index < end) body(index);
      }
    }
  }

 private:
  static constexpr Index most = 64;

  struct alignas(64) Next {  // a cache line of its own, so that threads do not share lines
    std::atomic<Index> index;
  };

  [[nodiscard]] Index begin(Index share) const { return count_ * share / shares_; }

  Index count_;
  Index shares_;
  std::array<Next, most> next_;
};

}  // namespace detail

/// Calls `body(index)` for every index in [0, count), on several threads when `worth_it`. The calls
/// must not depend on one another: which thread makes which call, and when, is not defined, and so
/// the result is the same for every number of threads as long as the *pieces* are cut by the
/// problem alone. Inside another `parallel_for` it runs in the calling thread. The calls'
/// arithmetic treats subnormal numbers as zero; after the loop, every thread has the caller's
/// setting again, since OpenMP uses the same threads in the caller's own loops. `body` must not
/// throw.
[[gnu::noinline]] inline void parallel_for(Index count, FunctionRef<void(Index)> body,
                                           [[maybe_unused]] bool worth_it = true) {
#ifdef _OPENMP
  if (worth_it && count > 1 && threads() > 1) {
    detail::Shares shares(count, threads());
    const detail::CallersArithmetic inherited;
#pragma omp parallel
    shares.work(omp_get_thread_num(), body);
    return;
  }
#endif
  const detail::FlushSubnormals flush;
  for (Index index = 0; index < count; ++index) body(index);
}

/// Cuts [0, count) into pieces of `piece` (the last may be shorter) and calls `body(begin, end)`
/// for each, on several threads. `piece` must come from the problem, not from the number of
/// threads.
inline void parallel_for_pieces(Index count, Index piece, FunctionRef<void(Index, Index)> body) {
  const Index pieces = (count + piece - 1) / piece;
  parallel_for(pieces, [&](Index index) {
    const Index begin = index * piece;
    body(begin, std::min(begin + piece, count));
  });
}

}  // namespace nn
