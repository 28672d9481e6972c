// The matrix products of the dense layers of W1 to W6, in GFLOP/s (2 per multiply-add):
//
//     gemm/W2.2/forward/nn      nn::gemm
//     gemm/W2.2/forward/eigen   Eigen's product

#include <nn/core/eigen.hpp>
#include <nn/core/random.hpp>
#include <nn/core/tensor.hpp>
#include <nn/kernels/gemm.hpp>
#include <string>

#include "run.hpp"
#include "shapes.hpp"

namespace {

struct Operands {
  explicit Operands(const bench::ProductShape& shape)
      : a({shape.transpose_a ? shape.k : shape.m, shape.transpose_a ? shape.m : shape.k}),
        b({shape.transpose_b ? shape.n : shape.k, shape.transpose_b ? shape.k : shape.n}),
        c({shape.m, shape.n}) {
    nn::Random random(1);
    for (float& value : a) value = static_cast<float>(random.normal());
    for (float& value : b) value = static_cast<float>(random.normal());
  }
  nn::Tensor<float> a;
  nn::Tensor<float> b;
  nn::Tensor<float> c;
};

void count(benchmark::State& state, const bench::ProductShape& shape) {
  bench::count_rate(state, "GFLOP/s", 2 * shape.multiply_adds());
  state.SetLabel(nn::detail::text(shape.m, " x ", shape.n, " x ", shape.k));
}

void own(benchmark::State& state, const bench::ProductShape& shape) {
  Operands o(shape);
  const auto stored = [](bool transposed) {
    return transposed ? nn::Transpose::yes : nn::Transpose::no;
  };
  bench::measure(state, [&] {
    nn::gemm(stored(shape.transpose_a), stored(shape.transpose_b), shape.m, shape.n, shape.k,
             o.a.data(), o.a.shape().back(), o.b.data(), o.b.shape().back(), o.c.data(), shape.n);
  });
  count(state, shape);
}

void eigen(benchmark::State& state, const bench::ProductShape& shape) {
  Operands o(shape);
  auto a = o.a.matrix();
  auto b = o.b.matrix();
  auto c = o.c.matrix();
  bench::measure(state, [&] {
    if (shape.transpose_a)
      c.noalias() = a.transpose() * b;
    else if (shape.transpose_b)
      c.noalias() = a * b.transpose();
    else
      c.noalias() = a * b;
  });
  count(state, shape);
}

}  // namespace

int main(int argc, char** argv) {
  for (const bench::ProductShape& shape : bench::product_shapes()) {
    const std::string name = "gemm/" + shape.name;
    benchmark::RegisterBenchmark((name + "/nn").c_str(), [=](benchmark::State& s) {
      own(s, shape);
    })->UseRealTime();
    benchmark::RegisterBenchmark((name + "/eigen").c_str(), [=](benchmark::State& s) {
      eigen(s, shape);
    })->UseRealTime();
  }
  return bench::run(argc, argv);
}
