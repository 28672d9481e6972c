#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <nn/core/random.hpp>
#include <nn/kernels/gemm.hpp>

namespace nn {
namespace eigen_product_test {
namespace {

std::vector<long double> random_values(Index count, std::uint64_t seed) {
  Random random(seed);
  std::vector<long double> values;
  for (Index i = 0; i < count; ++i) {
    // More digits than a double has.
    values.push_back(static_cast<long double>(random.normal()) +
                     static_cast<long double>(random.normal()) * 0x1p-56L);
  }
  return values;
}

struct Case {
  Index m;
  Index n;
  Index k;
  Transpose transpose_a;
  Transpose transpose_b;
  bool accumulate;
};

/// The largest difference to the definition, with a bias and a leaky ReLU, of matrices with gaps
/// between their rows.
long double error_of(const Case& c) {
  const bool turn_a = c.transpose_a == Transpose::yes;
  const bool turn_b = c.transpose_b == Transpose::yes;
  const Index lda = (turn_a ? c.m : c.k) + 2;
  const Index ldb = (turn_b ? c.k : c.n) + 1;
  const Index ldc = c.n + 3;
  const auto a = random_values((turn_a ? c.k : c.m) * lda, 1);
  const auto b = random_values((turn_b ? c.n : c.k) * ldb, 2);
  const auto bias = random_values(c.n, 3);
  const auto before = random_values(c.m * ldc, 4);
  auto result = before;
  gemm(c.transpose_a, c.transpose_b, c.m, c.n, c.k, a.data(), lda, b.data(), ldb, result.data(),
       ldc, c.accumulate, Epilogue<long double>{bias.data(), {0.25F}});
  const auto at = [](const std::vector<long double>& values, Index i) {
    return values[static_cast<std::size_t>(i)];
  };
  long double largest = 0;
  for (Index i = 0; i < c.m; ++i) {
    for (Index j = 0; j < ldc; ++j) {
      long double expected = at(before, i * ldc + j);
      if (j < c.n) {
        long double sum = at(bias, j) + (c.accumulate ? expected : 0.0L);
        for (Index l = 0; l < c.k; ++l) {
          sum +=
              at(a, turn_a ? l * lda + i : i * lda + l) * at(b, turn_b ? j * ldb + l : l * ldb + j);
        }
        expected = sum > 0 ? sum : 0.25L * sum;
      }
      largest = std::max(largest, std::abs(at(result, i * ldc + j) - expected));
    }
  }
  return largest;
}

TEST_CASE("products of long double are Eigen's, with all their digits") {
  for (const auto transpose_a : {Transpose::no, Transpose::yes}) {
    for (const auto transpose_b : {Transpose::no, Transpose::yes}) {
      for (const bool accumulate : {false, true}) {
        CHECK(error_of({1, 1, 1, transpose_a, transpose_b, accumulate}) < 1e-17L);
        CHECK(error_of({37, 19, 23, transpose_a, transpose_b, accumulate}) < 1e-17L);
        CHECK(error_of({5, 3, 0, transpose_a, transpose_b, accumulate}) < 1e-18L);
      }
    }
  }
  // Cut into pieces of rows.
  CHECK(error_of({150, 40, 60, Transpose::no, Transpose::no, false}) < 1e-17L);
}

}  // namespace
}  // namespace eigen_product_test
}  // namespace nn
