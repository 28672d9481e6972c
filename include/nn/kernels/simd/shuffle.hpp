/// @file
/// Elements of vectors in another order: sums across vectors, and planes woven into pixels and
/// back.
#ifndef NN_KERNELS_SIMD_SHUFFLE_HPP
#define NN_KERNELS_SIMD_SHUFFLE_HPP

#include <algorithm>
#include <bit>
#include <utility>

#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/vector.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// Elements in 128 bits, within which shuffles are cheapest, or in a vector where that is less.
template <class T>
inline constexpr int short_lanes = std::min(lanes<T>, static_cast<int>(16 / sizeof(T)));

/// One step of adding up across vectors: the sums of neighbours in `a`, then of those in `b`. Where
/// neighbours are single elements, while Step is so small, within every 128 bits by themselves;
/// later neighbours are 128 bits each.
template <class T, int Step>
[[nodiscard, gnu::always_inline]] inline Packet<T> add_neighbours(const Packet<T>& a,
                                                                  const Packet<T>& b) {
  constexpr int n = lanes<T>;
  constexpr bool single = (2 << Step) <= short_lanes<T>;
  constexpr int size = single ? 1 : short_lanes<T>;
  constexpr int block = single ? short_lanes<T> : n;
  constexpr auto source = [](int lane, int neighbour) {
    const int half = lane % block / (block / 2);
    const int at = lane % (block / 2);
    return half * n + lane / block * block + at / size * 2 * size + at % size + neighbour * size;
  };
  return [&]<int... Lane>(std::integer_sequence<int, Lane...>)->Packet<T> {
    return __builtin_shufflevector(a, b, source(Lane, 0)...) +
           __builtin_shufflevector(a, b, source(Lane, 1)...);
  }
  (std::make_integer_sequence<int, n>{});
}

/// The step `Step` and all after it, of Count vectors, a power of two.
template <class T, int Count, int Step = 0>
[[nodiscard, gnu::always_inline]] inline Packet<T> add_all_neighbours(const Packet<T>* sums) {
  if constexpr ((1 << Step) >= lanes<T>) {
    return sums[0];
  } else {
    constexpr int half = std::max(1, Count / 2);
    Packet<T> halves[half];
#pragma GCC unroll 16
    for (int i = 0; i < half; ++i) {
      halves[i] = add_neighbours<T, Step>(sums[2 * i % Count], sums[(2 * i + 1) % Count]);
    }
    return add_all_neighbours<T, half, Step + 1>(halves);
  }
}

/// totals[i] = the sum of the elements of vector i. There must be space for whole vectors of
/// totals.
template <class T, int Count>
[[gnu::always_inline]] inline void add_across(const Packet<T>* sums, T* totals) {
  constexpr int n = lanes<T>;
  constexpr int together = std::min(n, Count);
  constexpr int padded = static_cast<int>(std::bit_ceil(static_cast<unsigned>(together)));
  Packet<T> vectors[padded];
#pragma GCC unroll 16
  for (int i = 0; i < padded; ++i) vectors[i] = sums[std::min(i, together - 1)];
  store<T>(add_all_neighbours<T, padded>(vectors), totals);
  if constexpr (Count > n) add_across<T, Count - n>(sums + n, totals + n);
}

/// totals[i] = the sum of the sum_lanes elements of the vectors that are sum i, one after the
/// other: neighbours first, then the neighbours of these sums, as whatever the vectors. There must
/// be space for the sums of all vectors, and for a vector more.
template <class T, int Count>
[[gnu::always_inline]] inline void add_lanes(const Packet<T>* sums, T* totals) {
  constexpr int vectors = sum_lanes<T> / lanes<T>;
  add_across<T, Count * vectors>(sums, totals);
  for (int left = vectors; left > 1; left /= 2) {
    for (int i = 0; i < Count * left / 2; ++i) totals[i] = totals[2 * i] + totals[2 * i + 1];
  }
}

/// Every second element of `a`, then of `b`, from the element `First` on.
template <class T, int First>
[[nodiscard, gnu::always_inline]] inline Packet<T> every_second(const Packet<T>& a,
                                                                const Packet<T>& b) {
  return [&]<int... Lane>(std::integer_sequence<int, Lane...>)->Packet<T> {
    return __builtin_shufflevector(a, b, (2 * Lane + First)...);
  }
  (std::make_integer_sequence<int, lanes<T>>{});
}

/// The elements of `a` and `b` in turn, from the element `First` of both on.
template <class T, int First>
[[nodiscard, gnu::always_inline]] inline Packet<T> in_turn(const Packet<T>& a, const Packet<T>& b) {
  return [&]<int... Lane>(std::integer_sequence<int, Lane...>)->Packet<T> {
    return __builtin_shufflevector(a, b, (First + Lane / 2 + Lane % 2 * lanes<T>)...);
  }
  (std::make_integer_sequence<int, lanes<T>>{});
}

/// Count vectors, a power of two, of one plane each become the same elements pixel by pixel: that
/// of every plane, then those of the next pixel.
template <class T, int Count, int Step = 1>
[[gnu::always_inline]] inline void weave(Packet<T>* vectors) {
  if constexpr (Step < Count) {
    Packet<T> planes[Count];
#pragma GCC unroll 16
    for (int i = 0; i < Count; ++i) planes[i] = vectors[i];
#pragma GCC unroll 16
    for (int i = 0; i < Count / 2; ++i) {
      vectors[2 * i] = in_turn<T, 0>(planes[i], planes[i + Count / 2]);
      vectors[2 * i + 1] = in_turn<T, lanes<T> / 2>(planes[i], planes[i + Count / 2]);
    }
    weave<T, Count, 2 * Step>(vectors);
  }
}

/// The reverse of weave.
template <class T, int Count, int Step = 1>
[[gnu::always_inline]] inline void unweave(Packet<T>* vectors) {
  if constexpr (Step < Count) {
    Packet<T> pixels[Count];
#pragma GCC unroll 16
    for (int i = 0; i < Count; ++i) pixels[i] = vectors[i];
#pragma GCC unroll 16
    for (int i = 0; i < Count / 2; ++i) {
      vectors[i] = every_second<T, 0>(pixels[2 * i], pixels[2 * i + 1]);
      vectors[i + Count / 2] = every_second<T, 1>(pixels[2 * i], pixels[2 * i + 1]);
    }
    unweave<T, Count, 2 * Step>(vectors);
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_SIMD_SHUFFLE_HPP
