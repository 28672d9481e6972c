/// @file
/// Matrix products of row-major matrices, the work of every dense layer.
#ifndef NN_KERNELS_GEMM_HPP
#define NN_KERNELS_GEMM_HPP

#include "nn/core/shape.hpp"
#include "nn/kernels/gemm/problem.hpp"
#include "nn/kernels/scratch.hpp"
#include "nn/kernels/simd/instruction_set.hpp"

namespace nn::NN_ENTRANCES {

/// The same for a product as one object.
template <class T>
Algorithm gemm(const detail::GemmProblem<T>& problem);

/// C (m x n) = op(A) op(B), plus C itself when `accumulate`, then the epilogue (bias of length n).
/// All matrices are row-major with the leading dimensions given: A is stored m x k (k x m when
/// transposed), B k x n (n x k when transposed). Runs on several threads, over pieces of C, by
/// which the bits do not depend. Computed as `choose` says, unless another algorithm is asked for;
/// returns the one that did it. Where `scratch` has room for it, `packed_elements`, a wide B is
/// packed whole, to be used again by products with the same B and any number of rows.
/// @throws Error when that one cannot compute the product.
template <class T>
Algorithm gemm(Transpose transpose_a, Transpose transpose_b, Index m, Index n, Index k, const T* a,
               Index lda, const T* b, Index ldb, T* c, Index ldc, bool accumulate = false,
               const Epilogue<T>& epilogue = {}, Algorithm algorithm = Algorithm::automatic,
               ProductScratch scratch = {}) {
  const Index packed = scratch.memory.bytes_left() > 0 ? detail::packed_elements<T>(n, k) : 0;
  return gemm<T>(detail::GemmProblem<T>{
      transpose_a == Transpose::yes, transpose_b == Transpose::yes, m, n, k, a, lda, b, ldb, c, ldc,
      accumulate, epilogue, algorithm, packed > 0 ? scratch.memory.take<T>(packed) : nullptr,
      scratch.is_filled});
}

/// out[j] = the sum over i of a[i * lda + j], plus out[j] itself when `accumulate`; the rows are
/// added in an order that depends on the sizes alone.
template <class T>
void sum_rows(Index rows, Index columns, const T* a, Index lda, T* out, bool accumulate);

}  // namespace nn::NN_ENTRANCES

#if defined(NN_ISA_PASS) || !defined(NN_SEPARATE_KERNELS)
#include "nn/kernels/gemm/multiply.hpp"
#endif
#if !defined(NN_ISA_PASS) && !defined(NN_COMPILE_KERNELS)
#include "nn/kernels/gemm/eigen_product.hpp"
#endif

#endif  // NN_KERNELS_GEMM_HPP
