/// @file
/// Matrix products in blocks that fit the caches.
#ifndef NN_KERNELS_GEMM_BLOCKS_HPP
#define NN_KERNELS_GEMM_BLOCKS_HPP

#include <algorithm>

#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"
#include "nn/core/workspace.hpp"
#include "nn/kernels/gemm/problem.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/tile/pack.hpp"
#include "nn/kernels/tile/tile.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// The blocks of a product. A panel of B should stay in the level-1 cache (see most_depth), and a
/// block of A, m x k, in level 2: 240 KiB of 512, or 400 of the MiB and more of processors with
/// AVX-512. Within these bounds there should be as many blocks of C for every thread, all about as
/// large, so they are halved while there are not; but a block of rows packs B again, and a block of
/// columns A. How C is cut is no matter of the bits: only the depth is, by the sizes alone.
struct GemmBlocking {
  static constexpr bool has_large_cache = lanes<float> == 16;
  static constexpr Index most_n = has_large_cache ? 256 : 128;
  static constexpr Index most_m = has_large_cache ? 320 : 192;
  static constexpr Index enough_blocks = 4;
  static constexpr Index least_m = 32;
  static constexpr Index least_n = 40;
  /// Up to so many rows it is not worth copying B.
  static constexpr Index unpacked_m = 12;
  /// Up to so many columns it is not worth copying A, whose rows are `lda` apart: with vectors of
  /// 16 floats each element read is worth twice as many multiply-adds. Rows a multiple of 256 bytes
  /// apart share few sets of the level-1 cache, and are copied (9216 x 128 x 128: 98 to 149
  /// GFLOP/s).
  template <class T>
  [[nodiscard]] static Index unpacked_n(Index lda) {
    const bool collide = lda * static_cast<Index>(sizeof(T)) % 256 == 0;
    return vector_registers == 32 && !collide ? 1024 : 32;
  }

  Index m;
  Index n;
  Index k;

  template <class T>
  static GemmBlocking of(const GemmProblem<T>& p) {
    const bool by_rows = p.transpose_a || p.n < 2 * panel_columns<T>;
    const auto rounded = [](Index size, Index multiple) {
      return divide_up(size, multiple) * multiple;
    };
    const Index together = joins_panels && p.n >= 2 * panel_columns<T> ? 2 : 1;
    const Index blocks_k = divided(p.k, depth_for<T>(together * panel_columns<T>));
    Index blocks_m = divided(p.m, most_m);
    Index blocks_n = divided(p.n, most_n);
    if (p.is_large()) {
      Index& blocks = by_rows ? blocks_m : blocks_n;
      const Index size = by_rows ? p.m : p.n;
      const Index least = by_rows ? least_m : least_n;
      const auto too_few = [&](Index all) { return all < enough_blocks && all % threads() != 0; };
      while (too_few(blocks_m * blocks_n) && size >= 2 * blocks * least) blocks *= 2;
      if (blocks > 1) blocks += blocks % 2;  // to share between two threads
    }
    return {rounded(divided(p.m, blocks_m), lanes<T>),
            rounded(divided(p.n, blocks_n), panel_columns<T>), divided(p.k, blocks_k)};
  }

 private:
  /// How many blocks of at most `other`, or the size of each of `other` blocks.
  static Index divided(Index size, Index other) {
    return std::max<Index>(1, divide_up(size, other));
  }
};

/// A transposed A is stored with its rows running along l, and the tiles would jump by lda at every
/// step. This copies it in columns as wide as a panel, a cache line of floats: for each l, so many
/// rows of A are consecutive.
template <class T>
void pack_left(Index rows, Index depth, const T* a, Index lda, T* packed) {
  const Index whole = rows / panel_columns<T> * panel_columns<T>;
  pack_whole_panels(depth, whole / panel_columns<T>, a, lda, packed);
  if (whole == rows) return;
  pack_rows(depth, rows - whole, panel_columns<T>, a + whole, lda, packed + whole * depth);
}

/// All of B, panel by panel, to where it is kept.
template <class T>
void pack_right(const GemmProblem<T>& p) {
  const auto pack = [&p](Index index) {
    const Index first = index * panel_columns<T>;
    const Index columns = std::min(p.n - first, panel_columns<T>);
    pack_rows(p.k, columns, columns > lanes<T> ? panel_columns<T> : Index{lanes<T>}, p.b + first,
              p.ldb, p.packed + panel_offset(first, p.k));
  };
  parallel_for(divide_up(p.n, panel_columns<T>), pack, p.n * p.k > 50000);
}

/// One block of C: rows [m0, m1), columns [n0, n1), all of k.
template <class T>
class GemmBlock {
 public:
  GemmBlock(const GemmProblem<T>& problem, const GemmBlocking& blocking, Index m0, Index n0)
      : p_(problem),
        m0_(m0),
        n0_(n0),
        rows_(std::min(blocking.m, p_.m - m0)),
        columns_(std::min(blocking.n, p_.n - n0)),
        block_k_(blocking.k),
        pack_a_(p_.transpose_a && columns_ > GemmBlocking::unpacked_n<T>(p_.lda)),
        pack_b_(p_.packed == nullptr &&
                (p_.transpose_b || rows_ > GemmBlocking::unpacked_m || columns_ % lanes<T> != 0)) {
    const Index size_b = pack_b_ ? 2 * block_k_ * panel_columns<T> : 0;
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
    for_each_depth_block(p_.k, block_k_, p_.accumulate, p_.epilogue,
                         [&](Index k0, Index depth, bool add, const Epilogue<T>& epilogue) {
                           multiply(k0, depth, add, epilogue);
                         });
  }

 private:
  /// Adds the terms [k0, k0 + depth) of every sum.
  void multiply(Index k0, Index depth, bool add, const Epilogue<T>& epilogue) {
    const T* a = p_.a + (p_.transpose_a ? k0 * p_.lda + m0_ : m0_ * p_.lda + k0);
    const T* b = p_.b + (p_.transpose_b ? n0_ * p_.ldb + k0 : k0 * p_.ldb + n0_);
    if (pack_a_) {
      pack_left(rows_, depth, a, p_.lda, packed_a_);
      for (Index i = 0; i < rows_; ++i) {
        const Index within = i % panel_columns<T>;
        a_rows_[i] = within + (i - within) * depth;
      }
      a = packed_a_;
    }
    for_each_joined_panel<T>(columns_, [&](Index first, Index used, Index width) {
      const Index row = std::min(width, panel_columns<T>);
      TileInput<T> input{a,      a_rows_, steps_, depth, b + first * (p_.transpose_b ? p_.ldb : 1),
                         p_.ldb, row};
      TileOutput<T> output{p_.c + m0_ * p_.ldc + n0_ + first, c_rows_, used, add,
                           epilogue.from(n0_ + first)};
      if (p_.packed != nullptr) {
        input.b = p_.packed + panel_offset(n0_ + first, p_.k) + k0 * row;
        input.ldb = row;
        input.next = panel_offset(row, p_.k);
      } else if (pack_b_) {
        const Index done = pack_panels(width, row, input, output);
        input = {a, a_rows_ + done, steps_, depth, packed_b_, row, panel_offset(row, depth)};
        output.rows += done;
      }
      const Index left = rows_ - (output.rows - c_rows_);
      multiply_panel<T>(left, width, input, output);
    });
  }

  /// Packs a panel, or two. Where a first tile can read B where it is, and pack it for those below,
  /// its rows are done, whose number is returned.
  Index pack_panels(Index width, Index row, const TileInput<T>& input,
                    const TileOutput<T>& output) {
    constexpr Index first_rows = tile_rows<2>;
    const bool by_tile =
        !p_.transpose_b && output.columns >= panel_columns<T> && rows_ >= first_rows;
    for (Index at = 0; at < width; at += row) {
      const T* const b = input.b + at * (p_.transpose_b ? p_.ldb : 1);
      const Index columns = std::min(row, output.columns - at);
      T* const packed = packed_b_ + panel_offset(at, input.depth);
      if (by_tile) {
        multiply_tiles<T, first_rows, 2, Tiling::packed>(
            1, {input.a, input.rows, input.steps, input.depth, b, input.ldb},
            {output.c + at, output.rows, columns, output.add, output.epilogue.from(at)}, packed);
      } else if (p_.transpose_b) {
        pack_columns(input.depth, columns, row, b, input.ldb, packed);
      } else {
        pack_rows(input.depth, columns, row, b, input.ldb, packed);
      }
    }
    return by_tile ? first_rows : 0;
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

template <class T>
void multiply_in_blocks(const GemmProblem<T>& p) {
  const GemmBlocking blocking = GemmBlocking::of(p);
  const Index blocks_m = divide_up(p.m, blocking.m);
  const Index blocks_n = divide_up(p.n, blocking.n);
  parallel_for(
      blocks_m * blocks_n,
      [&](Index block) {
        GemmBlock<T>(p, blocking, block % blocks_m * blocking.m, block / blocks_m * blocking.n)
            .multiply();
      },
      p.is_large());
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_GEMM_BLOCKS_HPP
