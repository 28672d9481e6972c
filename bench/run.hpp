/// @file
/// What the programs of this folder share: how a loop is measured, and a main function.
#pragma once

#include <benchmark/benchmark.h>

#include <nn/layers/plan.hpp>
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

/// The multiply-adds of one sample's forward pass.
inline nn::Index forward_work(const nn::Plan& root) {
  nn::Index sum = 0;
  nn::Plan::for_each(root, [&](const nn::Plan& plan) { sum += plan.multiply_adds; });
  return sum;
}

/// The multiply-adds of one sample's training pass: three times the forward pass, without the
/// gradient of the input of the first layer that has weights.
inline nn::Index training_work(const nn::Plan& root) {
  const nn::Plan* first = nullptr;
  nn::Plan::for_each(root, [&](const nn::Plan& plan) {
    if (first == nullptr && !plan.parameters.empty()) first = &plan;
  });
  return 3 * forward_work(root) - (first == nullptr ? 0 : first->multiply_adds);
}

/// Counts the samples of a batch, and the operations at two for each of a sample's multiply-adds.
inline void count_work(benchmark::State& state, nn::Index batch, nn::Index multiply_adds) {
  state.SetItemsProcessed(state.iterations() * batch);
  count_rate(state, "GFLOP/s", 2 * static_cast<double>(multiply_adds * batch));
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
