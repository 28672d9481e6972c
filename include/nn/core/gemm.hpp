/// @file
/// Matrix products of row-major matrices, the work of every dense layer.
#pragma once

#include <algorithm>
#include <array>

#include "nn/core/activation.hpp"
#include "nn/core/pack.hpp"
#include "nn/core/parallel.hpp"
#include "nn/core/tensor.hpp"
#include "nn/core/tile.hpp"
#include "nn/core/workspace.hpp"

namespace nn {

/// Whether a matrix enters a product as it is stored or transposed.
enum class Transpose { no, yes };

namespace detail {

/// Everything that defines a matrix product.
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
};

/// How a product is cut, by its sizes alone. A panel of B, k x 16 columns, is read again for every
/// tile of a block and should stay in the level-1 cache: 320 x 16 floats are 20 KiB of 32. The
/// packed blocks of B, k x n, and of a transposed A, m x k, should stay in level 2: 160 + 240 KiB
/// of 512. Within these bounds there should be enough blocks of C for every thread; but a block of
/// rows packs B again, and a block of columns A.
struct GemmCut {
  static constexpr Index most_k_bytes = 1280;
  static constexpr Index most_n = 128;
  static constexpr Index most_m = 192;
  static constexpr Index enough_blocks = 4;
  /// Below so many rows it is not worth copying B, and below so many columns, A.
  static constexpr Index unpacked_m = 12;
  static constexpr Index unpacked_n = 32;

  Index m;
  Index n;
  Index k;

  template <class T>
  static GemmCut of(const GemmProblem<T>& p) {
    const bool by_rows = p.transpose_a || p.n < 2 * panel_columns<T>;
    const auto rounded = [](Index size, Index multiple) {
      return (size + multiple - 1) / multiple * multiple;
    };
    GemmCut cut{even(p.m, most_m), even(p.n, most_n),
                even(p.k, most_k_bytes / static_cast<Index>(sizeof(T)))};
    cut.n = rounded(cut.n, panel_columns<T>);
    const Index blocks = ((p.m + cut.m - 1) / cut.m) * ((p.n + cut.n - 1) / cut.n);
    if (blocks < enough_blocks && p.m * p.n * p.k > 200000) {
      const Index more = (enough_blocks + blocks - 1) / blocks;
      if (by_rows) {
        cut.m = std::max<Index>(rounded((cut.m + more - 1) / more, 24), 48);
      } else {
        cut.n =
            std::max(rounded((cut.n + more - 1) / more, panel_columns<T>), 4 * panel_columns<T>);
      }
    }
    return cut;
  }

 private:
  /// The size of as few blocks as possible, all about as large.
  static Index even(Index size, Index most) {
    const Index blocks = std::max<Index>(1, (size + most - 1) / most);
    return std::max<Index>(1, (size + blocks - 1) / blocks);
  }
};

/// A transposed A is stored with its rows running along l, and the tiles would jump by lda at every
/// step. This copies it in columns as wide as a panel, a cache line of floats: for each l, so many
/// rows of A are consecutive.
template <class T>
void pack_left(Index rows, Index depth, const T* a, Index lda, T* packed) {
  for (Index first = 0; first < rows; first += panel_columns<T>) {
    pack_rows(depth, std::min(panel_columns<T>, rows - first), panel_columns<T>, a + first, lda,
              packed + first * depth);
  }
}

/// One block of C: rows [m0, m1), columns [n0, n1), all of k.
template <class T>
class GemmBlock {
 public:
  GemmBlock(const GemmProblem<T>& problem, const GemmCut& cut, Index m0, Index n0)
      : p_(problem),
        m0_(m0),
        n0_(n0),
        rows_(std::min(cut.m, p_.m - m0)),
        columns_(std::min(cut.n, p_.n - n0)),
        block_k_(cut.k),
        pack_a_(p_.transpose_a && columns_ > GemmCut::unpacked_n),
        pack_b_(p_.transpose_b || rows_ > GemmCut::unpacked_m || columns_ % lanes<T> != 0) {
    const Index size_b = pack_b_ ? block_k_ * padded_columns<T>(columns_) : 0;
    const Index size_a = pack_a_ ? block_k_ * (rows_ + panel_columns<T>) : 0;
    Arena arena = thread_workspace(bytes_for<T>(size_b) + bytes_for<T>(size_a) +
                                   bytes_for<Index>(block_k_) + 2 * bytes_for<Index>(rows_));
    packed_b_ = arena.take<T>(size_b);
    packed_a_ = arena.take<T>(size_a);
    steps_ = arena.take<Index>(block_k_);
    a_rows_ = arena.take<Index>(rows_);
    c_rows_ = arena.take<Index>(rows_);
    fill_multiples(block_k_, pack_a_ ? panel_columns<T> : p_.transpose_a ? p_.lda : 1, steps_);
    fill_multiples(rows_, p_.transpose_a ? 1 : p_.lda, a_rows_);
    fill_multiples(rows_, p_.ldc, c_rows_);
  }

  void multiply() {
    Index k0 = 0;
    do {  // at least once: a sum of nothing still writes zeros and the epilogue
      multiply(k0, std::min(block_k_, p_.k - k0));
      k0 += block_k_;
    } while (k0 < p_.k);
  }

 private:
  static void fill_multiples(Index count, Index stride, Index* table) {
    for (Index i = 0; i < count; ++i) table[i] = i * stride;
  }

  /// Adds the terms [k0, k0 + depth) of every sum.
  void multiply(Index k0, Index depth) {
    const T* a = p_.a + (p_.transpose_a ? k0 * p_.lda + m0_ : m0_ * p_.lda + k0);
    const T* b = p_.b + (p_.transpose_b ? n0_ * p_.ldb + k0 : k0 * p_.ldb + n0_);
    if (pack_b_) pack_panels(p_.transpose_b, depth, columns_, b, p_.ldb, packed_b_);
    if (pack_a_) {
      pack_left(rows_, depth, a, p_.lda, packed_a_);
      for (Index i = 0; i < rows_; ++i) {
        const Index within = i % panel_columns<T>;
        a_rows_[i] = within + (i - within) * depth;
      }
      a = packed_a_;
    }
    for_each_panel<T>(columns_, [&](Index first, Index used, Index width) {
      Epilogue<T> epilogue;
      if (k0 == 0 && p_.epilogue.bias != nullptr) epilogue.bias = p_.epilogue.bias + n0_ + first;
      if (k0 + depth >= p_.k) epilogue.activation = p_.epilogue.activation;
      multiply_panel<T>(
          rows_, width,
          {a, a_rows_, steps_, depth, pack_b_ ? packed_b_ + panel_offset(first, depth) : b + first,
           pack_b_ ? width : p_.ldb},
          {p_.c + m0_ * p_.ldc + n0_ + first, c_rows_, used, p_.accumulate || k0 > 0, epilogue});
    });
  }

  const GemmProblem<T>& p_;
  Index m0_;
  Index n0_;
  Index rows_;
  Index columns_;
  Index block_k_;
  bool pack_a_;
  bool pack_b_;
  T* packed_a_;
  T* packed_b_;
  Index* steps_;
  Index* a_rows_;
  Index* c_rows_;
};

/// A single row of C: a sum of rows of B, too little work to copy anything. Eight vectors of
/// columns at a time are enough accumulators, and read B in long pieces.
template <class T>
void multiply_single_row(const GemmProblem<T>& p) {
  constexpr Index wide = 8 * lanes<T>;
  constexpr Index block = 256;
  std::array<Index, block> steps;
  const Index step = p.transpose_a ? p.lda : 1;
  for (Index l = 0; l < block; ++l) steps[static_cast<std::size_t>(l)] = l * step;
  const Index zero = 0;
  for (Index first = 0; first < p.n;) {
    const Index left = p.n - first;
    const Index width = left >= wide ? wide : left >= panel_columns<T> ? panel_columns<T> : left;
    Index k0 = 0;
    do {
      const Index depth = std::min(block, p.k - k0);
      Epilogue<T> epilogue;
      if (k0 == 0 && p.epilogue.bias != nullptr) epilogue.bias = p.epilogue.bias + first;
      if (k0 + depth >= p.k) epilogue.activation = p.epilogue.activation;
      const T* b = p.b + k0 * p.ldb + first;
      const TileInput<T> input{p.a + k0 * step, &zero, steps.data(), depth, b, p.ldb};
      const TileOutput<T> output{p.c + first, &zero, width, p.accumulate || k0 > 0, epilogue};
      if (width == wide) {
        multiply_tiles<T, 1, 8>(1, input, output);
      } else if (width == panel_columns<T>) {
        multiply_tiles<T, 1, 2>(1, input, output);
      } else {
        std::array<T, static_cast<std::size_t>(block * panel_columns<T>)> tail;
        pack_rows(depth, width, panel_columns<T>, b, p.ldb, tail.data());
        multiply_narrower_tiles<T, 2>(
            1, 1, {input.a, &zero, steps.data(), depth, tail.data(), panel_columns<T>}, output);
      }
      k0 += block;
    } while (k0 < p.k);
    first += width;
  }
}

/// Up to three columns, rows of A contiguous: dot products, with the columns of B packed, and what
/// is left of k after whole vectors packed with zeros.
template <class T>
void multiply_few_columns(const GemmProblem<T>& p) {
  constexpr Index block = 512;
  std::array<T, static_cast<std::size_t>(block * most_dot_columns)> columns;
  std::array<Index, block> steps;
  for (Index l = 0; l < block; ++l) steps[static_cast<std::size_t>(l)] = l;
  constexpr Index tile = 8;
  std::array<Index, tile> a_rows;
  std::array<Index, tile> c_rows;
  for (Index i = 0; i < tile; ++i) {
    a_rows[static_cast<std::size_t>(i)] = i * p.lda;
    c_rows[static_cast<std::size_t>(i)] = i * p.ldc;
  }
  for (Index k0 = 0; k0 < p.k; k0 += block) {
    const Index depth = std::min(block, p.k - k0);
    const Index whole = depth / lanes<T> * lanes<T>;
    for (Index j = 0; j < p.n; ++j) {
      for (Index l = 0; l < depth; ++l) {
        columns[static_cast<std::size_t>(j * block + l)] =
            p.transpose_b ? p.b[j * p.ldb + k0 + l] : p.b[(k0 + l) * p.ldb + j];
      }
    }
    for (Index row = 0; row < p.m; row += tile) {
      const Index rows = std::min(tile, p.m - row);
      T* c = p.c + row * p.ldc;
      const T* a = p.a + row * p.lda + k0;
      multiply_dot_rows<T>(rows, {a, a_rows.data(), steps.data(), whole, columns.data(), block},
                           {c, c_rows.data(), p.n, p.accumulate || k0 > 0, {}});
      for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < p.n; ++j) {
          T& sum = c[i * p.ldc + j];
          for (Index l = whole; l < depth; ++l) {
            sum += a[i * p.lda + l] * columns[static_cast<std::size_t>(j * block + l)];
          }
          if (k0 + depth < p.k) continue;
          if (p.epilogue.bias != nullptr) sum += p.epilogue.bias[j];
          sum = p.epilogue.activation(sum);
        }
      }
    }
  }
}

template <class T>
void multiply_in_blocks(const GemmProblem<T>& p) {
  const GemmCut cut = GemmCut::of(p);
  const Index pieces_m = (p.m + cut.m - 1) / cut.m;
  const Index pieces_n = (p.n + cut.n - 1) / cut.n;
  parallel_for(
      pieces_m * pieces_n,
      [&](Index piece) {
        GemmBlock<T>(p, cut, piece % pieces_m * cut.m, piece / pieces_m * cut.n).multiply();
      },
      p.m * p.n * p.k > 200000);
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
