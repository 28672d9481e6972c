// What the processor can do at the most, for one thread and for all: multiply-adds on registers, in
// GFLOP/s, and bytes from memory, in GB/s, as layers add to one another and as a dense layer reads
// its weights for a single image. The rates of the kernels are fractions of these.

#include <nn/core/eigen.hpp>
#include <nn/core/parallel.hpp>
#include <nn/core/tensor.hpp>

#include "run.hpp"

namespace {

using Packet = Eigen::internal::packet_traits<float>::type;
constexpr int lanes = Eigen::internal::packet_traits<float>::size;
// Enough independent sums to hide the latency of a multiply-add: 4 or 5 cycles, two a cycle.
constexpr int chains = 12;
// Long enough for the begin and end of a parallel loop not to count.
constexpr int rounds = 100000;

float multiply_add_rounds() {
  using namespace Eigen::internal;
  Packet sums[chains];  // NOLINT: std::array would drop the packet's alignment attribute
  // Different starting values, so that no two chains can be found to be the same.
  for (int i = 0; i < chains; ++i) {
    sums[i] = pset1<Packet>(1.0F + 0.01F * static_cast<float>(i));
  }
  Packet factor = pset1<Packet>(0.999F);
  Packet term = pset1<Packet>(0.001F);
  benchmark::DoNotOptimize(factor);
  benchmark::DoNotOptimize(term);
  for (int round = 0; round < rounds; ++round) {
    for (Packet& sum : sums) sum = pmadd(sum, factor, term);
  }
  Packet total = sums[0];
  for (int i = 1; i < chains; ++i) total = padd(total, sums[i]);
  return predux(total);
}

void multiply_adds(benchmark::State& state, int threads) {
  bench::measure(state, [&] {
    nn::parallel_for(threads, [](nn::Index) {
      float result = multiply_add_rounds();
      benchmark::DoNotOptimize(result);
    });
  });
  bench::count_rate(state, "GFLOP/s", 2.0 * lanes * chains * rounds * threads);
}

/// y += 0.5 x over arrays of `bytes` together: two reads and a write.
void memory(benchmark::State& state, int threads, nn::Index bytes) {
  const nn::Index count = bytes / 8 / threads;
  nn::Tensor<float> x({threads, count}, 1.0F);
  nn::Tensor<float> y({threads, count}, 2.0F);
  bench::measure(state, [&] {
    nn::parallel_for(threads, [&](nn::Index thread) {
      y.sample(thread).array() += 0.5F * x.sample(thread).array();
    });
  });
  bench::count_rate(state, "GB/s", 12.0 * static_cast<double>(count) * threads);
}

/// A sum over all of `count` numbers, whose number is a multiple of the chains.
float sum_of(const float* numbers, nn::Index count) {
  using namespace Eigen::internal;
  Packet sums[chains];  // NOLINT: as above
  for (Packet& sum : sums) sum = pset1<Packet>(0.0F);
  for (nn::Index i = 0; i < count; i += chains * lanes) {
    for (int k = 0; k < chains; ++k) {
      sums[k] = padd(sums[k], ploadu<Packet>(numbers + i + k * lanes));
    }
  }
  Packet total = sums[0];
  for (int k = 1; k < chains; ++k) total = padd(total, sums[k]);
  return predux(total);
}

/// Reads an array of `bytes`, each thread its share.
void reads(benchmark::State& state, int threads, nn::Index bytes) {
  constexpr nn::Index round = chains * lanes;
  const nn::Index count = bytes / 4 / threads / round * round;
  const nn::Tensor<float> numbers({threads, count}, 1.0F);
  bench::measure(state, [&] {
    nn::parallel_for(threads, [&](nn::Index thread) {
      float result = sum_of(numbers.sample(thread).data(), count);
      benchmark::DoNotOptimize(result);
    });
  });
  bench::count_rate(state, "GB/s", 4.0 * static_cast<double>(count) * threads);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<int> counts{1};
  if (nn::threads() > 1) counts.push_back(nn::threads());
  for (const int threads : counts) {
    const std::string suffix = "/threads:" + std::to_string(threads);
    benchmark::RegisterBenchmark(("multiply_adds" + suffix).c_str(), [=](benchmark::State& s) {
      multiply_adds(s, threads);
    })->UseRealTime();
    const std::pair<const char*, nn::Index> sizes[]{
        {"L1", 16 << 10}, {"L2", 256 << 10}, {"L3", 8 << 20}, {"memory", 512 << 20}};
    for (const auto& [where, bytes] : sizes) {
      benchmark::RegisterBenchmark((where + suffix).c_str(), [=,
                                                              bytes = bytes](benchmark::State& s) {
        memory(s, threads, bytes * threads);
      })->UseRealTime();
    }
    for (const nn::Index kilobytes : {1024, 2560, 5120, 20480}) {
      benchmark::RegisterBenchmark(("reads/KB:" + std::to_string(kilobytes) + suffix).c_str(),
                                   [=](benchmark::State& s) { reads(s, threads, kilobytes << 10); })
          ->UseRealTime();
    }
  }
  return bench::run(argc, argv);
}
