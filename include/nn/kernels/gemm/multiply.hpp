/// @file
/// What nn/kernels/gemm.hpp declares.
#ifndef NN_KERNELS_GEMM_MULTIPLY_HPP
#define NN_KERNELS_GEMM_MULTIPLY_HPP

#include <algorithm>
#include <array>

#include "nn/core/parallel.hpp"
#include "nn/kernels/check.hpp"
#include "nn/kernels/gemm.hpp"
#include "nn/kernels/loops/elementwise.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#define NN_LIST_OF_PRODUCTS
#include "nn/kernels/choose.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// The most columns that sum_rows takes at a time.
inline constexpr Index summed_columns = 256;

/// sum[j] = the sum of `rows` rows. Where rows are short and follow one another, as many as
/// possible are taken as one row, so that there are enough sums to fill the vector registers.
template <class T>
void sum_piece(Index rows, Index columns, const T* a, Index lda, T* sum) {
  const Index together = columns == lda ? std::max<Index>(1, summed_columns / columns) : 1;
  const Index wide = together * columns;
  std::array<T, static_cast<std::size_t>(summed_columns)> sums{};
  Index row = 0;
  for (; row + together <= rows; row += together, a += together * lda) {
    add_to(wide, a, sums.data());
  }
  std::copy_n(sums.begin(), columns, sum);
  for (Index at = columns; at < wide; at += columns) {
    for (Index j = 0; j < columns; ++j) sum[j] += sums[static_cast<std::size_t>(at + j)];
  }
  for (; row < rows; ++row, a += lda) {
    for (Index j = 0; j < columns; ++j) sum[j] += a[j];
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

namespace nn::NN_ENTRANCES {

namespace kernels = detail::NN_ISA;

template <class T>
Algorithm gemm(const detail::GemmProblem<T>& problem) {
  detail::check(problem);
  detail::GemmProblem<T> p = problem;
  if (p.k == 0) p.a = p.b = p.c;  // which are not read, and may be null
  // Whatever the number of rows, as the same packed B may serve for others.
  if (p.n < kernels::panel_columns<T> || p.k < 2 || p.transpose_b) p.packed = nullptr;
  if (p.algorithm == Algorithm::automatic) kernels::turn_columns_into_rows(p);
  p.algorithm =
      choose(detail::GemmShape{p.transpose_a, p.transpose_b, p.m, p.n, p.k,
                               !p.epilogue.is_identity(), kernels::lanes<T>, kernels::sum_lanes<T>},
             p.algorithm);
  // A row's kernel for packed panels adds to nothing, and is not worth compiling with vectors of 16
  // bytes.
  const bool takes_packed =
      p.algorithm == Algorithm::blocks ||
      (p.algorithm == Algorithm::row && kernels::every_height && !p.accumulate);
  if (!takes_packed) p.packed = nullptr;
  if (p.packed != nullptr && !p.packed_is_filled) kernels::pack_right(p);
  if (p.m > 0 && p.n > 0) kernels::multiply(p);
  return p.algorithm;
}

template <class T>
void sum_rows(Index rows, Index columns, const T* a, Index lda, T* out, bool accumulate) {
  detail::Operand sources[] = {{"the matrix", a, rows, columns, lda}};
  detail::check({"the result", out, 1, columns, columns}, sources, sizeof(T));
  constexpr Index block = kernels::summed_columns;
  constexpr Index most_pieces = 8;
  std::array<T, static_cast<std::size_t>(most_pieces * block)> partial;
  const Index pieces = std::clamp<Index>(rows * std::min(columns, block) / 16384, 1, most_pieces);
  for (Index first = 0; first < columns; first += block) {
    const Index count = std::min(block, columns - first);
    parallel_for(pieces, [&](Index piece) {
      const Index begin = rows * piece / pieces;
      kernels::sum_piece(rows * (piece + 1) / pieces - begin, count, a + begin * lda + first, lda,
                         partial.data() + piece * block);
    });
    for (Index j = 0; j < count; ++j) {
      T sum = accumulate ? out[first + j] : T(0);
      for (Index piece = 0; piece < pieces; ++piece) {
        sum += partial[static_cast<std::size_t>(piece * block + j)];
      }
      out[first + j] = sum;
    }
  }
}

}  // namespace nn::NN_ENTRANCES

#endif  // NN_KERNELS_GEMM_MULTIPLY_HPP
