/// @file
/// What a matrix product is made of.
#pragma once

#include "nn/core/activation.hpp"
#include "nn/core/memory.hpp"
#include "nn/kernels/choose.hpp"

namespace nn {

/// Whether a matrix enters a product as it is stored or transposed.
enum class Transpose { no, yes };

namespace detail {

/// The elements of a packed B of n columns and depth k, for the widest vectors.
template <class T>
[[nodiscard]] constexpr Index packed_elements(Index n, Index k) {
  constexpr Index widest = static_cast<Index>(alignment / sizeof(T));
  return k * ((n + widest - 1) / widest * widest);
}

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
  T* packed = nullptr;            ///< where a wide B may be kept packed, if anywhere
  bool packed_is_filled = false;  ///< by an earlier product with this B

  /// Whether it is worth handing out to threads.
  [[nodiscard]] bool is_large() const {
    return static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) > 200000;
  }
};

}  // namespace detail
}  // namespace nn
