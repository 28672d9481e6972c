// The matrix products of the dense layers in a BLAS (OpenBLAS), under the names of peer_onednn.

#include <benchmark/benchmark.h>
#include <cblas.h>

#include <vector>

#include "../shapes.hpp"

namespace {

void product(benchmark::State& state, const bench::ProductShape& shape) {
  const auto m = static_cast<int>(shape.m);
  const auto n = static_cast<int>(shape.n);
  const auto k = static_cast<int>(shape.k);
  const std::vector<float> a(static_cast<std::size_t>(m * k), 0.5F);
  const std::vector<float> b(static_cast<std::size_t>(k * n), 0.25F);
  std::vector<float> c(static_cast<std::size_t>(m * n));
  const auto once = [&] {
    cblas_sgemm(CblasRowMajor, shape.transpose_a ? CblasTrans : CblasNoTrans,
                shape.transpose_b ? CblasTrans : CblasNoTrans, m, n, k, 1.0F, a.data(),
                shape.transpose_a ? m : k, b.data(), shape.transpose_b ? k : n, 0.0F, c.data(), n);
    benchmark::ClobberMemory();
  };
  once();
  for (auto _ : state) once();
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * shape.multiply_adds() * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const bench::ProductShape& shape : bench::product_shapes()) {
    benchmark::RegisterBenchmark(("gemm/" + shape.name).c_str(), [=](benchmark::State& state) {
      product(state, shape);
    })->UseRealTime();
  }
  benchmark::AddCustomContext("BLAS", openblas_get_config());
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
