/// @file
/// Matrix products by Eigen: of scalars that have no kernels of their own (long double), and, where
/// NN_EIGEN_GEMM is defined, of all. Their bits depend on the sizes of the caches that Eigen finds.
#pragma once

#include <algorithm>
#include <type_traits>

#include "nn/core/activation.hpp"
#include "nn/core/eigen.hpp"
#include "nn/core/parallel.hpp"
#include "nn/kernels/check.hpp"
#include "nn/kernels/gemm/problem.hpp"
#include "nn/kernels/scratch.hpp"

namespace nn::detail {

/// Whether products of T are left to Eigen.
#ifdef NN_EIGEN_GEMM
template <class T>
inline constexpr bool takes_eigen_product = true;
#else
template <class T>
inline constexpr bool takes_eigen_product = !std::is_same_v<T, float> && !std::is_same_v<T, double>;
#endif

/// C = op(A) op(B) as `gemm` has it, in pieces of rows that depend on the problem alone.
template <class T>
void multiply_by_eigen(Transpose transpose_a, Transpose transpose_b, Index m, Index n, Index k,
                       const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc,
                       bool accumulate, const Epilogue<T>& epilogue) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Stride = Eigen::OuterStride<>;
  using Stored = Eigen::Map<const Matrix, Eigen::Unaligned, Stride>;
  const bool turn_a = transpose_a == Transpose::yes;
  const bool turn_b = transpose_b == Transpose::yes;
  const Stored right(b, turn_b ? n : k, turn_b ? k : n, Stride(ldb));
  const Index piece = std::max<Index>(8, (Index{1} << 16) / std::max<Index>(1, n * k));
  parallel_for_pieces(m, piece, [&](Index begin, Index end) {
    const Index rows = end - begin;
    const Stored left(turn_a ? a + begin : a + begin * lda, turn_a ? k : rows, turn_a ? rows : k,
                      Stride(lda));
    Eigen::Map<Matrix, Eigen::Unaligned, Stride> result(c + begin * ldc, rows, n, Stride(ldc));
    if (!accumulate) result.setZero();
    if (turn_a && turn_b) {
      result.noalias() += left.transpose() * right.transpose();
    } else if (turn_a) {
      result.noalias() += left.transpose() * right;
    } else if (turn_b) {
      result.noalias() += left * right.transpose();
    } else {
      result.noalias() += left * right;
    }
    if (epilogue.is_identity()) return;
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < n; ++j) {
        T& value = result(i, j);
        if (epilogue.bias != nullptr) value += epilogue.bias[j];
        value = epilogue.activation(value);
      }
    }
  });
}

}  // namespace nn::detail

namespace nn {

/// The product that nn/kernels/gemm.hpp declares, by Eigen, which chooses for itself: what is asked
/// for is not looked at, and `automatic` is returned.
template <class T>
requires detail::takes_eigen_product<T> Algorithm
gemm(Transpose transpose_a, Transpose transpose_b, Index m, Index n, Index k, const T* a, Index lda,
     const T* b, Index ldb, T* c, Index ldc, bool accumulate = false,
     const Epilogue<T>& epilogue = {}, Algorithm /*algorithm*/ = Algorithm::automatic,
     ProductScratch /*scratch*/ = {}) {
  detail::check(detail::GemmProblem<T>{transpose_a == Transpose::yes, transpose_b == Transpose::yes,
                                       m, n, k, a, lda, b, ldb, c, ldc, accumulate, epilogue});
  detail::multiply_by_eigen(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, accumulate,
                            epilogue);
  return Algorithm::automatic;
}

}  // namespace nn
