/// @file
/// Matrix products of row-major matrices, the work of every dense layer.
#pragma once

#include <algorithm>

#include "nn/core/activation.hpp"
#include "nn/core/parallel.hpp"
#include "nn/core/tensor.hpp"

namespace nn {

/// Whether a matrix enters a product as it is stored or transposed.
enum class Transpose { no, yes };

namespace detail {

template <class T>
using StridedMap = Eigen::Map<RowMatrix<T>, 0, Eigen::OuterStride<>>;
template <class T>
using ConstStridedMap = Eigen::Map<const RowMatrix<T>, 0, Eigen::OuterStride<>>;

template <class T>
void apply_epilogue(Index rows, Index columns, T* c, Index ldc, const Epilogue<T>& epilogue) {
  if (epilogue.is_identity()) return;
  for (Index row = 0; row < rows; ++row) {
    T* values = c + row * ldc;
    if (epilogue.bias != nullptr) {
      for (Index column = 0; column < columns; ++column) values[column] += epilogue.bias[column];
    }
    if (!epilogue.activation.is_identity()) {
      for (Index column = 0; column < columns; ++column) {
        values[column] = epilogue.activation(values[column]);
      }
    }
  }
}

}  // namespace detail

/// C (m x n) = op(A) op(B), plus C itself when `accumulate`, then the epilogue (bias of length n).
/// All matrices are row-major with the leading dimensions given: A is stored m x k (k x m when
/// transposed), B k x n (n x k when transposed). Runs on several threads, over pieces of C whose
/// size depends on the problem alone.
template <class T>
void gemm(Transpose transpose_a, Transpose transpose_b, Index m, Index n, Index k, const T* a,
          Index lda, const T* b, Index ldb, T* c, Index ldc, bool accumulate = false,
          const Epilogue<T>& epilogue = {}) {
  using Input = detail::ConstStridedMap<T>;
  const bool ta = transpose_a == Transpose::yes;
  const bool tb = transpose_b == Transpose::yes;
  const Input right(b, tb ? n : k, tb ? k : n, Eigen::OuterStride<>(ldb));
  constexpr Index piece = 48;
  parallel_for_pieces(m, piece, [&](Index begin, Index end) {
    const Index rows = end - begin;
    detail::StridedMap<T> result(c + begin * ldc, rows, n, Eigen::OuterStride<>(ldc));
    const Input left(ta ? a + begin : a + begin * lda, ta ? k : rows, ta ? rows : k,
                     Eigen::OuterStride<>(lda));
    if (!accumulate) result.setZero();
    if (ta && tb) {
      result.noalias() += left.transpose() * right.transpose();
    } else if (ta) {
      result.noalias() += left.transpose() * right;
    } else if (tb) {
      result.noalias() += left * right.transpose();
    } else {
      result.noalias() += left * right;
    }
    detail::apply_epilogue(rows, n, c + begin * ldc, ldc, epilogue);
  });
}

/// out[j] = the sum over i of a[i * lda + j], plus out[j] itself when `accumulate`; the rows are
/// added in a fixed order, whatever the number of threads.
template <class T>
void sum_rows(Index rows, Index columns, const T* a, Index lda, T* out, bool accumulate) {
  if (!accumulate) std::fill_n(out, columns, T(0));
  for (Index row = 0; row < rows; ++row) {
    for (Index column = 0; column < columns; ++column) out[column] += a[row * lda + column];
  }
}

}  // namespace nn
