#include "nn/core/parallel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <thread>
#include <vector>

#include "nn/layers/activations.hpp"
#include "nn/layers/dense.hpp"
#include "nn/train/model.hpp"

namespace parallel_test {

using nn::Index;

/// Goes back to the threads there were.
struct KeepThreads {
  int before = nn::threads();
  KeepThreads() = default;
  KeepThreads(const KeepThreads&) = delete;
  KeepThreads& operator=(const KeepThreads&) = delete;
  ~KeepThreads() { nn::set_threads(before); }
};

TEST_CASE("a parallel loop calls its body once for every index") {
  const KeepThreads keep;
  for (const int threads : {1, 2, 3, 4}) {
    nn::set_threads(threads);
    for (const Index count : {0, 1, 2, 3, 63, 64, 65, 1000}) {
      CAPTURE(threads);
      CAPTURE(count);
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
      nn::parallel_for(count, [&](Index index) { ++calls[static_cast<std::size_t>(index)]; });
      CHECK(std::all_of(calls.begin(), calls.end(), [](const auto& times) { return times == 1; }));
    }
  }
}

TEST_CASE("of more threads than there are shares, any few do all of the work once") {
  for (const Index count : {1, 63, 64, 65, 1000}) {
    CAPTURE(count);
    std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
    const auto body = [&](Index index) { ++calls[static_cast<std::size_t>(index)]; };
    nn::detail::Shares shares(count, 70);
    std::vector<std::thread> threads;
    for (const Index number : {0, 37, 69}) {
      threads.emplace_back([&, number] { shares.work(number, body); });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(std::all_of(calls.begin(), calls.end(), [](const auto& times) { return times == 1; }));
  }
}

TEST_CASE("pieces of a parallel loop cover it without overlap") {
  const KeepThreads keep;
  nn::set_threads(3);
  for (const Index count : {0, 1, 9, 10, 11, 101}) {
    CAPTURE(count);
    std::vector<int> calls(static_cast<std::size_t>(count));  // each is touched by one thread
    nn::parallel_for_pieces(count, 10, [&](Index begin, Index end) {
      for (Index index = begin; index < end; ++index) ++calls[static_cast<std::size_t>(index)];
    });
    CHECK(std::all_of(calls.begin(), calls.end(), [](int times) { return times == 1; }));
  }
}

#ifdef _OPENMP
TEST_CASE("a thread that is done takes over what another has not begun") {
  const KeepThreads keep;
  nn::set_threads(2);
  std::atomic<int> done = 0;
  bool waited_for_all = false;
  // The first index lasts until all others are done, also those of its own thread's run.
  nn::parallel_for(64, [&](Index index) {
    if (index > 0) {
      ++done;
      return;
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (done < 63 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    waited_for_all = done == 63;
  });
  CHECK(waited_for_all);
}
#endif

TEST_CASE("a loop inside a loop runs in the calling thread") {
  const KeepThreads keep;
  nn::set_threads(3);
  std::atomic<bool> moved = false;
  nn::parallel_for(8, [&](Index) {
    const std::thread::id outer = std::this_thread::get_id();
    nn::parallel_for(8, [&](Index) {
      if (std::this_thread::get_id() != outer) moved = true;
    });
  });
  CHECK_FALSE(moved);
}

#ifdef __SSE2__  // elsewhere nothing is flushed
TEST_CASE(
    "a parallel loop takes subnormal numbers for zero, in every thread, and nobody else does") {
  const KeepThreads keep;
  volatile float least = std::numeric_limits<float>::min();
  volatile float subnormal = least / 2;
  for (const int threads : {1, 3}) {
    CAPTURE(threads);
    nn::set_threads(threads);
    std::vector<float> results(64);
    std::vector<float> operands(64);
    nn::parallel_for(64, [&](Index index) {
      results[static_cast<std::size_t>(index)] = least / 2;
      operands[static_cast<std::size_t>(index)] = subnormal * 4;
    });
    const auto is_zero = [](float value) { return value == 0; };
    CHECK(std::all_of(results.begin(), results.end(), is_zero));
    CHECK(std::all_of(operands.begin(), operands.end(), is_zero));
    CHECK(least / 2 == subnormal);
    CHECK(subnormal * 4 == 2 * least);
  }
}

/// Whether this thread's arithmetic keeps subnormal numbers.
bool keeps_subnormals() {
  volatile double least = std::numeric_limits<double>::min();
  volatile double subnormal = least / 4;
  return subnormal != 0 && subnormal * 4 == least;
}

#ifdef _OPENMP
/// How many of four OpenMP threads of the calling thread's own keep subnormal numbers.
int threads_that_keep_subnormals() {
  std::atomic<int> keep = 0;
#pragma omp parallel num_threads(4)
  if (keeps_subnormals()) ++keep;
  return keep;
}

TEST_CASE("threads that a loop starts calculate like the thread that called the library") {
  // A thread of its own has a pool of its own: nothing has been started there.
  int after_loop = 0;
  int with_own_flush = -1;
  std::thread([&] {
    nn::set_threads(4);
    const nn::detail::FlushSubnormals flush;  // as a model has it around its passes
    std::atomic<int> flushed = 0;
    nn::parallel_for(64, [&](Index) {
      const nn::detail::FlushSubnormals again;
      if (!keeps_subnormals()) ++flushed;
    });
    CHECK(flushed == 64);
    CHECK_FALSE(keeps_subnormals());
    const nn::detail::CallersArithmetic arithmetic;
    after_loop = threads_that_keep_subnormals();
  }).join();
  CHECK(after_loop == 4);
  std::thread([&] {
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040U);  // the caller's own wish
    nn::set_threads(4);
    nn::parallel_for(64, [](Index) {});
    with_own_flush = threads_that_keep_subnormals();
  }).join();
  CHECK(with_own_flush == 0);
}

TEST_CASE("an OpenMP loop of the user's own keeps subnormal numbers after a model's passes") {
  int keep = 0;
  std::thread([&] {
    nn::set_threads(4);
    nn::Model model(nn::sequential(nn::Dense{40}, nn::Tanh{}), nn::Shape{30}, {.seed = 1});
    const nn::Tensor<float> x({300, 30}, 0.5F);
    const auto y = model.forward(x);
    model.backward(y);
    static_cast<void>(model.predict(x));
    keep = threads_that_keep_subnormals();
  }).join();
  CHECK(keep == 4);
}
#endif

TEST_CASE("an observer calculates like the thread that called the model") {
  struct Observer : nn::Observer<float> {
    int calls = 0;
    int keep = 0;
    void before(const nn::Plan& /*plan*/, bool /*is_backward*/) override { note(); }
    void after(const nn::Plan& /*plan*/, bool /*is_backward*/,
               nn::TensorView<const float> /*result*/) override {
      note();
    }
    void note() {
      ++calls;
      if (keeps_subnormals()) ++keep;
    }
  } observer;
  nn::Model model(nn::sequential(nn::Dense{4}), nn::Shape{3}, {.seed = 1});
  model.observe(&observer);
  const nn::Tensor<float> x({2, 3}, 0.5F);
  model.backward(model.forward(x));
  CHECK(observer.calls == 8);
  CHECK(observer.keep == observer.calls);
  CHECK(keeps_subnormals());
}
#endif

}  // namespace parallel_test
