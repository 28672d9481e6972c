/// @file
/// Matrix products narrower than a panel.
#ifndef NN_KERNELS_GEMM_NARROW_HPP
#define NN_KERNELS_GEMM_NARROW_HPP

#include <algorithm>
#include <array>

#include "nn/kernels/gemm/blocks.hpp"
#include "nn/kernels/simd/instruction_set.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// A product of fewer columns than a panel has, which would leave lanes idle: C^T = op(B)^T op(A)^T
/// has as many columns as C has rows. Its blocks are turned back on the way to C. Sums start from
/// the bias plus what is there, as everywhere, so that the bits are those of any other way.
template <class T>
class NarrowProduct {
 public:
  explicit NarrowProduct(const GemmProblem<T>& problem) : p_(problem), block_rows_(most_rows) {
    // At least two blocks, to share between two threads.
    const Index panels = divide_up(p_.m, panel_columns<T>);
    if (p_.is_large()) block_rows_ = std::min(most_rows, (panels + 1) / 2 * panel_columns<T>);
  }

  void multiply() const {
    parallel_for(
        divide_up(p_.m, block_rows_), [&](Index block) { multiply_block(block * block_rows_); },
        p_.is_large());
  }

 private:
  static constexpr Index most_rows = 4 * panel_columns<T>;

  void multiply_block(Index first) const {
    std::array<T, static_cast<std::size_t>(panel_columns<T> * most_rows)> turned;
    const Index rows = std::min(block_rows_, p_.m - first);
    const T* const a = p_.a + first * (p_.transpose_a ? 1 : p_.lda);
    const bool starts = p_.accumulate || p_.epilogue.bias != nullptr;
    const GemmProblem<T> problem{
        !p_.transpose_b, !p_.transpose_a, p_.n,      rows,   p_.k, p_.b, p_.ldb, a,
        p_.lda,          turned.data(),   most_rows, starts, {}};
    if (starts) start(first, rows, turned.data());
    const GemmBlocking whole = {.m = p_.n, .n = rows, .k = GemmBlocking::of(problem).k};
    GemmBlock<T>(problem, whole, 0, 0).multiply();
    for (Index column = 0; column < p_.n; column += lanes<T>) {
      write(first, rows, column, turned.data() + column * most_rows);
    }
  }

  void start(Index first, Index rows, T* turned) const {
    for (Index column = 0; column < p_.n; ++column) {
      const T bias = p_.epilogue.bias == nullptr ? T(0) : p_.epilogue.bias[column];
      T* const to = turned + column * most_rows;
      std::fill_n(to, rows, bias);
      const T* const from = p_.c + first * p_.ldc + column;
      for (Index row = 0; p_.accumulate && row < rows; ++row) to[row] += from[row * p_.ldc];
    }
  }

  /// Columns [column, column + lanes), as many as there are, of rows [first, first + rows) of C.
  void write(Index first, Index rows, Index column, const T* turned) const {
    constexpr int part = lanes_of_part<T>;
    const Index columns = std::min<Index>(lanes<T>, p_.n - column);
    const float slope = p_.epilogue.activation.slope;
    for (Index row = 0; row < rows; row += part) {
      Packet<T> sums[part];
      load_transposed(turned + row, most_rows, columns, sums);
      T* to = p_.c + (first + row) * p_.ldc + column;
      for (Index i = 0; i < std::min<Index>(part, rows - row); ++i, to += p_.ldc) {
        store_some(slope == 1 ? sums[i] : activate<T>(sums[i], slope), columns, to);
      }
    }
  }

  const GemmProblem<T>& p_;
  Index block_rows_;
};

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_GEMM_NARROW_HPP
