/// @file
/// Matrix products of a single row, of a single term, and of few columns.
#ifndef NN_KERNELS_GEMM_THIN_HPP
#define NN_KERNELS_GEMM_THIN_HPP

#include <algorithm>
#include <array>
#include <utility>

#include "nn/kernels/choose.hpp"
#include "nn/kernels/gemm/blocks.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/tile/dots.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// A matrix of a single column without gaps is a row too, and what is written as a product by a
/// column can be the product of a row, which reads its other factor in long runs.
template <class T>
void turn_columns_into_rows(GemmProblem<T>& p) {
  if (p.k == 1 && p.transpose_b && p.ldb == 1) {
    p.transpose_b = false;
    p.ldb = p.n;
  }
  if (p.n == 1 && p.ldc == 1 && p.transpose_a && p.epilogue.bias == nullptr) {
    std::swap(p.m, p.n);
    std::swap(p.a, p.b);
    std::swap(p.lda, p.ldb);
    p.transpose_a = !p.transpose_b;
    p.transpose_b = false;
  }
}

/// The block of the depth of a single row, whose table is on the stack.
inline constexpr Index row_depth = 256;

/// Columns [begin, end) of a single row of C.
template <class T>
void multiply_row_piece(const GemmProblem<T>& p, Index begin, Index end) {
  constexpr Index wide = 8 * lanes<T>;
  std::array<Index, row_depth> steps;
  const Index step = p.transpose_a ? p.lda : 1;
  fill_multiples(std::min(row_depth, p.k), step, steps.data());
  const Index zero = 0;
  for (Index first = begin; first < end;) {
    const Index left = end - first;
    const Index width = left >= wide               ? wide
                        : left >= wide / 2         ? wide / 2
                        : left >= panel_columns<T> ? panel_columns<T>
                                                   : left;
    for_each_depth_block(
        p.k, row_depth, p.accumulate, p.epilogue,
        [&](Index k0, Index depth, bool add, const Epilogue<T>& epilogue) {
          const T* b = p.b + k0 * p.ldb + first;
          const TileInput<T> input{p.a + k0 * step, &zero,           steps.data(), depth, b,
                                   p.ldb,           panel_columns<T>};
          const TileOutput<T> output{p.c + first, &zero, width, add, epilogue.from(first)};
          if (width == wide) {
            multiply_tiles<T, 1, 8>(1, input, output);
          } else if (width == wide / 2) {
            multiply_tiles<T, 1, 4>(1, input, output);
          } else if (width == panel_columns<T>) {
            multiply_tiles<T, 1, 2>(1, input, output);
          } else {
            std::array<T, static_cast<std::size_t>(row_depth * panel_columns<T>)> tail;
            pack_rows(depth, width, panel_columns<T>, b, p.ldb, tail.data());
            multiply_any_tiles<T, 2>(
                1, 1, {input.a, &zero, steps.data(), depth, tail.data(), panel_columns<T>}, output);
          }
        });
    first += width;
  }
}

/// Whole panels of a packed B, from column `first` on, times a single row.
template <class T, int Panels>
void multiply_packed_panels(const GemmProblem<T>& p, Index first) {
  constexpr int vectors = 2 * Panels;
  constexpr Index width = panel_columns<T>;
  const Index step = p.transpose_a ? p.lda : 1;
  const T* const bias = p.epilogue.bias;
  Packet<T> sum[vectors];
  const T* panel[Panels];
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) {
    sum[v] = bias == nullptr ? broadcast(T(0)) : load(bias + first + v * lanes<T>);
  }
#pragma GCC unroll 4
  for (int i = 0; i < Panels; ++i) panel[i] = p.packed + panel_offset(first + i * width, p.k);
  const T* a = p.a;
  for (Index l = 0; l < p.k; ++l, a += step) {
    const Packet<T> left = broadcast(*a);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      sum[v] = multiply_add(left, load(panel[v / 2] + l * width + v % 2 * lanes<T>), sum[v]);
    }
  }
  const float slope = p.epilogue.activation.slope;
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) {
    if (slope != 1) sum[v] = activate<T>(sum[v], slope);
    store(sum[v], p.c + first + v * lanes<T>);
  }
}

/// What is left of the columns after whole panels.
template <class T>
void multiply_packed_rest(const GemmProblem<T>& p, Index first) {
  const Index zero = 0;
  std::array<Index, row_depth> steps;
  fill_multiples(row_depth, p.transpose_a ? p.lda : 1, steps.data());
  const Index columns = p.n - first;
  const Index width = columns > lanes<T> ? panel_columns<T> : Index{lanes<T>};
  for_each_depth_block(p.k, row_depth, false, p.epilogue,
                       [&](Index k0, Index depth, bool add, const Epilogue<T>& epilogue) {
                         multiply_panel<T>(
                             1, width,
                             {p.a + k0 * (p.transpose_a ? p.lda : 1), &zero, steps.data(), depth,
                              p.packed + panel_offset(first, p.k) + k0 * width, width},
                             {p.c + first, &zero, columns, add, epilogue.from(first)});
                       });
}

/// A single row of C, B packed. Half of the columns of an unpacked B lie in half of the sets of a
/// cache where its rows are 2 KiB apart; packed, they use all. (784 x 512 and 512 x 512, two
/// threads of a Sapphire Rapids: 16.8 to 51.5 k rows a second.)
template <class T>
void multiply_packed_row(const GemmProblem<T>& p) {
  constexpr Index width = panel_columns<T>;
  constexpr Index wide = 4 * width;
  const Index columns = p.n < 2 * wide && p.is_large() && threads() > 1 ? 2 * width : wide;
  parallel_for(
      divide_up(p.n, columns),
      [&](Index piece) {
        const Index end = std::min(p.n, (piece + 1) * columns);
        Index first = piece * columns;
        for (; first + wide <= end; first += wide) multiply_packed_panels<T, 4>(p, first);
        for (; first + 2 * width <= end; first += 2 * width) multiply_packed_panels<T, 2>(p, first);
        for (; first + width <= end; first += width) multiply_packed_panels<T, 1>(p, first);
        if (first < end) multiply_packed_rest(p, first);
      },
      p.is_large());
}

/// A single row of C: a sum of rows of B, too little work to copy anything. Eight vectors of
/// columns at a time are enough accumulators, and read B in long runs; half as many where several
/// threads would have nothing to share, which is no matter of the bits. Each thread reads a part of
/// the columns, which then stays in its caches from one product to the next.
template <class T>
void multiply_single_row(const GemmProblem<T>& p) {
  if constexpr (every_height) {
    if (p.packed != nullptr) return multiply_packed_row(p);
  }
  constexpr Index wide = 8 * lanes<T>;
  const bool narrow = p.n < 2 * wide && p.is_large() && threads() > 1;
  const Index columns = narrow ? wide / 2 : wide;
  const Index pieces = std::max<Index>(1, divide_up(p.n, columns));
  parallel_for(
      pieces,
      [&](Index piece) {
        multiply_row_piece(p, piece * columns, std::min(p.n, (piece + 1) * columns));
      },
      p.is_large());
}

/// Sums of a single term without an epilogue: every row of C a multiple of the row of B. Bound by
/// writing C, which is fastest one long row after the other.
template <class T>
void multiply_column_by_row(const GemmProblem<T>& p) {
  const auto multiply_row = [&p](Index i) {
    const T left = p.a[i * (p.transpose_a ? 1 : p.lda)];
    const Packet<T> all_left = broadcast(left);
    const T* const b = p.b;
    T* const c = p.c + i * p.ldc;
    const Index n = p.n;
    const bool add = p.accumulate;
    Index j = 0;
    for (; j + lanes<T> <= n; j += lanes<T>) {
      store(multiply_add(all_left, load(b + j), add ? load(c + j) : Packet<T>{}), c + j);
    }
    for (; j < n; ++j) c[j] = multiply_add(left, b[j], add ? c[j] : T(0));
  };
  parallel_for(p.m, multiply_row, p.is_large());
}

/// Up to three columns, rows of A contiguous: dot products. The columns of B are packed unless they
/// are contiguous; what is left of k after whole vectors is added at the end.
template <class T>
class FewColumns {
 public:
  explicit FewColumns(const GemmProblem<T>& problem)
      : p_(problem), columns_(p_.b), pitch_(p_.transpose_b ? p_.ldb : p_.k) {
    if (!p_.transpose_b && (p_.n > 1 || p_.ldb > 1)) pack();
    fill_multiples(block, 1, steps_.data());
  }

  void multiply() const {
    parallel_for(
        divide_up(p_.m, tile),
        [&](Index piece) { multiply(piece * tile, std::min(tile, p_.m - piece * tile)); },
        p_.is_large());
  }

 private:
  static constexpr Index block = 512;
  static constexpr Index tile = 8;
  /// One after the other where each kernel is compiled for few sizes.
  static constexpr Index together = every_height ? most_dot_columns : 1;

  void pack() {
    T* const packed = thread_workspace(bytes_for<T>(p_.n * p_.k)).template take<T>(p_.n * p_.k);
    for (Index l = 0; l < p_.k; ++l) {
      for (Index j = 0; j < p_.n; ++j) packed[j * p_.k + l] = p_.b[l * p_.ldb + j];
    }
    columns_ = packed;
  }

  void multiply(Index row, Index rows) const {
    std::array<Index, tile> a_rows;
    std::array<Index, tile> c_rows;
    fill_multiples(tile, p_.lda, a_rows.data());
    fill_multiples(tile, p_.ldc, c_rows.data());
    const T* const a = p_.a + row * p_.lda;
    T* const c = p_.c + row * p_.ldc;
    const Index whole = p_.k / sum_lanes<T> * sum_lanes<T>;
    for (Index k0 = 0; k0 < whole; k0 += block) {
      for (Index j = 0; j < p_.n; j += together) {
        multiply_dot_rows<T, together>(
            rows,
            {a + k0, a_rows.data(), steps_.data(), std::min(block, whole - k0),
             columns_ + j * pitch_ + k0, pitch_},
            {c + j, c_rows.data(), std::min(together, p_.n - j), p_.accumulate || k0 > 0, {}});
      }
    }
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < p_.n; ++j) {
        T sum = c[i * p_.ldc + j];
        for (Index l = whole; l < p_.k; ++l) {
          sum = multiply_add(a[i * p_.lda + l], columns_[j * pitch_ + l], sum);
        }
        if (p_.epilogue.bias != nullptr) sum += p_.epilogue.bias[j];
        c[i * p_.ldc + j] = p_.epilogue.activation(sum);
      }
    }
  }

  const GemmProblem<T>& p_;
  const T* columns_;
  Index pitch_;
  std::array<Index, block> steps_;
};

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_GEMM_THIN_HPP
