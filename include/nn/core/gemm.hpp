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

/// How a product is cut. A panel of B, k x panel_columns, is read again for every tile of a block
/// and should stay in the level-1 cache: 256 x 16 floats are 16 KiB of 32. The block of packed B, k
/// x n, should stay in level 2: 128 KiB of 512. Below `unpacked_m` rows it is not worth copying B,
/// and below `unpacked_n` columns, A.
template <class T>
struct GemmBlocks {
  static constexpr Index k = 1024 / static_cast<Index>(sizeof(T));
  static constexpr Index n = 128;
  static constexpr Index m = 96;
  static constexpr Index unpacked_m = 12;
  static constexpr Index unpacked_n = 32;
};

/// A transposed A is stored with its rows running along l, and the tiles would jump by lda at every
/// step: this copies it so that, for each l, `lanes` rows are consecutive.
template <class T>
void pack_left(Index rows, Index depth, const T* a, Index lda, T* packed) {
  for (Index first = 0; first < rows; first += lanes<T>) {
    pack_rows(depth, std::min<Index>(lanes<T>, rows - first), lanes<T>, a + first, lda,
              packed + first * depth);
  }
}

/// One block of C: rows [m0, m1), columns [n0, n1), all of k.
template <class T>
class GemmBlock {
 public:
  GemmBlock(const GemmProblem<T>& problem, Index m0, Index m1, Index n0, Index n1)
      : p_(problem),
        m0_(m0),
        n0_(n0),
        rows_(m1 - m0),
        columns_(n1 - n0),
        pack_a_(p_.transpose_a && columns_ > Blocks::unpacked_n),
        pack_b_(p_.transpose_b || rows_ > Blocks::unpacked_m || columns_ % lanes<T> != 0) {
    constexpr Index size_b = Blocks::k * Blocks::n;
    constexpr Index size_a = Blocks::k * padded_columns<T>(Blocks::m);
    Arena arena = thread_workspace(bytes_for<T>(size_b) + bytes_for<T>(size_a) +
                                   bytes_for<Index>(Blocks::k) + 2 * bytes_for<Index>(Blocks::m));
    packed_b_ = arena.take<T>(size_b);
    packed_a_ = arena.take<T>(size_a);
    steps_ = arena.take<Index>(Blocks::k);
    a_rows_ = arena.take<Index>(Blocks::m);
    c_rows_ = arena.take<Index>(Blocks::m);
    fill_multiples(std::min(Blocks::k, p_.k),
                   pack_a_          ? lanes<T>
                   : p_.transpose_a ? p_.lda
                                    : 1,
                   steps_);
    fill_multiples(rows_, p_.transpose_a ? 1 : p_.lda, a_rows_);
    fill_multiples(rows_, p_.ldc, c_rows_);
  }

  void multiply() {
    Index k0 = 0;
    do {  // at least once: a sum of nothing still writes zeros and the epilogue
      multiply(k0, std::min(Blocks::k, p_.k - k0));
      k0 += Blocks::k;
    } while (k0 < p_.k);
  }

 private:
  using Blocks = GemmBlocks<T>;

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
      for (Index i = 0; i < rows_; ++i) a_rows_[i] = i % lanes<T> + i / lanes<T> * lanes<T> * depth;
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
  bool pack_a_;
  bool pack_b_;
  T* packed_a_;
  T* packed_b_;
  Index* steps_;
  Index* a_rows_;
  Index* c_rows_;
};

}  // namespace detail

/// C (m x n) = op(A) op(B), plus C itself when `accumulate`, then the epilogue (bias of length n).
/// All matrices are row-major with the leading dimensions given: A is stored m x k (k x m when
/// transposed), B k x n (n x k when transposed). Runs on several threads, over pieces of C whose
/// size depends on the problem alone.
template <class T>
void gemm(Transpose transpose_a, Transpose transpose_b, Index m, Index n, Index k, const T* a,
          Index lda, const T* b, Index ldb, T* c, Index ldc, bool accumulate = false,
          const Epilogue<T>& epilogue = {}) {
  using Blocks = detail::GemmBlocks<T>;
  const detail::GemmProblem<T> problem{transpose_a == Transpose::yes,
                                       transpose_b == Transpose::yes,
                                       m,
                                       n,
                                       k,
                                       a,
                                       lda,
                                       b,
                                       ldb,
                                       c,
                                       ldc,
                                       accumulate,
                                       epilogue};
  const Index pieces_m = (m + Blocks::m - 1) / Blocks::m;
  const Index pieces_n = (n + Blocks::n - 1) / Blocks::n;
  const Index block_m = (m + pieces_m - 1) / std::max<Index>(pieces_m, 1);
  parallel_for(
      pieces_m * pieces_n,
      [&](Index piece) {
        const Index m0 = piece % pieces_m * block_m;
        const Index n0 = piece / pieces_m * Blocks::n;
        detail::GemmBlock<T>(problem, m0, std::min(m0 + block_m, m), n0,
                             std::min(n0 + Blocks::n, n))
            .multiply();
      },
      m * n * k > 100000);
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
