/// @file
/// Attention in blocks of rows and columns, of which only one is in memory at a time.
#pragma once

#include <algorithm>
#include <array>

#include "nn/kernels/gemm.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/kernels/simd/math.hpp"
#include "nn/layers/layer.hpp"

namespace nn::detail {

/// The sizes of an attention.
struct AttentionSizes {
  Index batch;
  Index steps;      ///< rows of a sample
  Index width;      ///< features
  Index heads;      ///< that share them
  Index queries;    ///< of a sample: its first rows
  Index first_key;  ///< the row from which on a sample's rows are attended to

  static constexpr Index block = 64;  ///< rows and columns of the scores made at a time

  [[nodiscard]] Index rows() const { return batch * steps; }
  [[nodiscard]] Index query_rows() const { return batch * queries; }
  [[nodiscard]] Index keys() const { return steps - first_key; }
  [[nodiscard]] Index part() const { return width / heads; }
  [[nodiscard]] static Index blocks(Index count) { return (count + block - 1) / block; }
};

/// What one pass of an attention works on.
template <class T>
struct AttentionPass {
  AttentionSizes n;
  const Context<T>& context;
  StepMask mask;
  bool causal;
  float dropout;

  T* projected = nullptr;  ///< rows x (q, k, v)
  T* mixed = nullptr;      ///< query rows x width
  T* logs = nullptr;       ///< for each sample, head and query the logarithm of a softmax's sum

  /// Computes `mixed` and `logs` for a block of queries of a sample and head: over blocks of keys,
  /// keeping the largest score and the sum so far, by which what was mixed before is rescaled.
  void mix(Index sample, Index head, Index query_block) const {
    const Index stride = 3 * n.width;
    const Index first = query_block * block;
    const Index rows = std::min(block, n.queries - first);
    T* const out = mixed + (sample * n.queries + first) * n.width + head * n.part();
    Block scores;
    Block real;
    std::array<T, side> largest;
    std::array<T, side> sums;
    std::array<T, side> factors;
    for (Index key_block = 0; key_block < key_blocks(query_block); ++key_block) {
      const Columns columns = columns_of(sample, head, key_block, real);
      gemm(Transpose::no, Transpose::yes, rows, columns.count, n.part(), query(sample, head, first),
           stride, columns.k, stride, scores.data(), columns.count);
      detail::softmax_block(rows, columns.count, limit(first, columns), scale(), columns.real,
                            key_block == 0, scores.data(), largest.data(), sums.data(),
                            factors.data());
      if (key_block > 0) detail::scale_rows(rows, n.part(), factors.data(), n.width, out);
      if (dropout > 0) drop(sample, head, query_block, key_block, rows * columns.count, scores);
      gemm(Transpose::no, Transpose::no, rows, n.part(), columns.count, scores.data(),
           columns.count, columns.v, stride, out, n.width, key_block > 0);
    }
    T* const log = logs + (sample * n.heads + head) * n.queries + first;
    for (Index row = 0; row < rows; ++row) {
      const auto at = static_cast<std::size_t>(row);
      const bool any = sums[at] > T(0);
      log[row] = any ? largest[at] + logarithm(sums[at]) : T(0);
      factors[at] = any ? T(1) / sums[at] : T(0);
    }
    detail::scale_rows(rows, n.part(), factors.data(), n.width, out);
  }

  /// Computes `dprojected` for a sample and head from `dmixed`; `dots` is room for a number for
  /// each query and head.
  void mix_backward(Index sample, Index head, const T* dmixed, T* dots, T* dprojected) const {
    const Index stride = 3 * n.width;
    const Index part = n.part();
    const Index first_out = sample * n.queries * n.width + head * part;
    const Index first_row = (sample * n.heads + head) * n.queries;
    detail::dots_of_rows(n.queries, part, n.width, dmixed + first_out, mixed + first_out,
                         dots + first_row);
    Block scores;
    Block slopes;
    Block real;
    for (Index key_block = 0; key_block < AttentionSizes::blocks(n.keys()); ++key_block) {
      const Columns columns = columns_of(sample, head, key_block, real);
      const Index keys = columns.count;
      T* const dk = dprojected + (columns.k - projected);
      T* const dv = dprojected + (columns.v - projected);
      const Index start = causal ? key_block : 0;
      for (Index query_block = start; query_block < AttentionSizes::blocks(n.queries);
           ++query_block) {
        const Index first = query_block * block;
        const Index rows = std::min(block, n.queries - first);
        const T* const q = query(sample, head, first);
        const T* const dout = dmixed + first_out + first * n.width;
        gemm(Transpose::no, Transpose::yes, rows, keys, part, q, stride, columns.k, stride,
             scores.data(), keys);
        gemm(Transpose::no, Transpose::yes, rows, keys, part, dout, n.width, columns.v, stride,
             slopes.data(), keys);
        if (dropout > 0) drop(sample, head, query_block, key_block, rows * keys, slopes);
        detail::softmax_block_backward(rows, keys, limit(first, columns), scale(), columns.real,
                                       logs + first_row + first, dots + first_row + first,
                                       scores.data(), slopes.data());
        gemm(Transpose::no, Transpose::no, rows, part, keys, slopes.data(), keys, columns.k, stride,
             dprojected + (q - projected), stride, key_block > 0);
        gemm(Transpose::yes, Transpose::no, keys, part, rows, slopes.data(), keys, q, stride, dk,
             stride, query_block > start);
        if (dropout > 0) drop(sample, head, query_block, key_block, rows * keys, scores);
        gemm(Transpose::yes, Transpose::no, keys, part, rows, scores.data(), keys, dout, n.width,
             dv, stride, query_block > start);
      }
    }
  }

 private:
  static constexpr Index block = AttentionSizes::block;
  static constexpr auto side = static_cast<std::size_t>(block);

  /// Lies on a cache line, as vectors like it.
  struct alignas(alignment) Block : std::array<T, side * side> {};

  /// A block of keys.
  struct Columns {
    Index first;
    Index count;
    const T* k;
    const T* v;
    const T* real;  ///< 1 for those that count, 0 for padding, or null
  };

  [[nodiscard]] Columns columns_of(Index sample, Index head, Index key_block, Block& real) const {
    Columns columns{};
    columns.first = key_block * block;
    columns.count = std::min(block, n.keys() - columns.first);
    const Index row = sample * n.steps + n.first_key + columns.first;
    columns.k = projected + row * 3 * n.width + n.width + head * n.part();
    columns.v = columns.k + n.width;
    if (!mask) return columns;
    const std::uint8_t* bytes = mask.of(sample) + n.first_key + columns.first;
    std::copy_n(bytes, columns.count, real.begin());
    columns.real = real.data();
    return columns;
  }

  [[nodiscard]] const T* query(Index sample, Index head, Index row) const {
    return projected + (sample * n.steps + row) * 3 * n.width + head * n.part();
  }

  /// The blocks of keys that a block of queries attends to.
  [[nodiscard]] Index key_blocks(Index query_block) const {
    return causal ? query_block + 1 : AttentionSizes::blocks(n.keys());
  }

  /// How many columns the first of the rows from `first` on attends to, those after it one more
  /// each.
  [[nodiscard]] Index limit(Index first, const Columns& columns) const {
    return causal ? first + 1 - columns.first : columns.count;
  }

  [[nodiscard]] T scale() const { return T(1) / std::sqrt(static_cast<T>(n.part())); }

  /// Multiplies a block by 0 or 1 / (1 - rate) at random, the same whenever it is asked for.
  void drop(Index sample, Index head, Index query_block, Index key_block, Index count,
            Block& values) const {
    constexpr std::uint32_t chances = 65536;
    const auto dropped = static_cast<std::uint32_t>(
        std::min(dropout * static_cast<float>(chances) + 0.5F, static_cast<float>(chances - 1)));
    const T factor = static_cast<T>(chances) / static_cast<T>(chances - dropped);
    const T table[] = {T(0), factor};
    Random random(context.seed, context.step, static_cast<std::uint64_t>(context.plan->number),
                  static_cast<std::uint64_t>(context.first_sample + sample),
                  static_cast<std::uint64_t>(head), static_cast<std::uint64_t>(query_block),
                  static_cast<std::uint64_t>(key_block));
    for (Index i = 0; i < count; i += 4) {
      std::uint64_t bits = random();
      for (Index at = i; at < std::min(i + 4, count); ++at, bits >>= 16U) {
        values[static_cast<std::size_t>(at)] *= table[(bits & 0xffffU) >= dropped ? 1 : 0];
      }
    }
  }
};

}  // namespace nn::detail
