/// @file
/// Matrix products of row-major matrices, the work of every dense layer.
#pragma once

#include "nn/core/activation.hpp"
#include "nn/core/gemm_blocks.hpp"
#include "nn/core/gemm_thin.hpp"
#include "nn/core/tensor.hpp"

namespace nn {

/// Whether a matrix enters a product as it is stored or transposed.
enum class Transpose { no, yes };

/// C (m x n) = op(A) op(B), plus C itself when `accumulate`, then the epilogue (bias of length n).
/// All matrices are row-major with the leading dimensions given: A is stored m x k (k x m when
/// transposed), B k x n (n x k when transposed). Runs on several threads, over pieces of C whose
/// size depends on the problem alone.
template <class T>
void gemm(Transpose transpose_a, Transpose transpose_b, Index m, Index n, Index k, const T* a,
          Index lda, const T* b, Index ldb, T* c, Index ldc, bool accumulate = false,
          const Epilogue<T>& epilogue = {}) {
  const detail::GemmProblem<T> problem{.transpose_a = transpose_a == Transpose::yes,
                                       .transpose_b = transpose_b == Transpose::yes,
                                       .m = m,
                                       .n = n,
                                       .k = k,
                                       .a = a,
                                       .lda = lda,
                                       .b = b,
                                       .ldb = ldb,
                                       .c = c,
                                       .ldc = ldc,
                                       .accumulate = accumulate,
                                       .epilogue = epilogue};
  if (m == 1 && transpose_b == Transpose::no) {
    detail::multiply_single_row(problem);
  } else if (n <= detail::most_dot_columns && transpose_a == Transpose::no && k >= 32) {
    detail::multiply_few_columns(problem);
  } else {
    detail::multiply_in_blocks(problem);
  }
}

/// out[j] = the sum over i of a[i * lda + j], plus out[j] itself when `accumulate`; the rows are
/// added in a fixed order, whatever the number of threads.
template <class T>
void sum_rows(Index rows, Index columns, const T* a, Index lda, T* out, bool accumulate) {
  using Row = Eigen::Array<T, 1, Eigen::Dynamic>;
  Eigen::Map<Row> sum(out, columns);
  if (!accumulate) sum.setZero();
  for (Index row = 0; row < rows; ++row) sum += Eigen::Map<const Row>(a + row * lda, columns);
}

}  // namespace nn
