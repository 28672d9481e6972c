/// @file
/// What a matrix product is made of.
#pragma once

#include "nn/core/activation.hpp"
#include "nn/kernels/choose.hpp"

namespace nn {

/// Whether a matrix enters a product as it is stored or transposed.
enum class Transpose { no, yes };

namespace detail {

/// Everything that defines a matrix product; see `gemm`.
template <class T>
struct GemmProblem {
  bool transpose_a;
  bool transpose_b;
  Index m;
  Index n;
  Index k;
  const T* a;
  Index lda;
  const T* b;
  Index ldb;
  T* c;
  Index ldc;
  bool accumulate;
  Epilogue<T> epilogue;
  Algorithm algorithm = Algorithm::automatic;

  /// Whether it is worth handing out to threads.
  [[nodiscard]] bool is_large() const {
    return static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) > 200000;
  }
};

}  // namespace detail
}  // namespace nn
