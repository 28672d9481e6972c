/// @file
/// What the programs of this folder share: how a loop is measured, and a main function.
#pragma once

#include <benchmark/benchmark.h>

#include <nn/train/build_info.hpp>

namespace bench {

/// Measures calls of `step`. The first, in which memory is laid out, is not counted.
void measure(benchmark::State& state, const auto& step) {
  step();
  for (auto _ : state) {
    step();
    benchmark::ClobberMemory();
  }
}

/// A counter of so many thousand millions an iteration, shown as a rate.
inline void count_rate(benchmark::State& state, const char* name, double an_iteration) {
  state.counters[name] = benchmark::Counter(
      1e-9 * an_iteration * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

/// Runs the registered benchmarks that the command line asks for, and says how they were built.
inline int run(int& argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::AddCustomContext("nn", nn::build_info());
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace bench
