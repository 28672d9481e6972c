/// @file
/// Vectors as wide as the registers of the instruction set compiled for, and what the kernels do
/// with them. They are the compiler's own: +, -, *, comparisons and choices work on them as on
/// numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <utility>

#include "nn/core/shape.hpp"

namespace nn::detail {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr int vector_registers = 32;
#else
inline constexpr int vector_registers = 16;
#endif

/// A vector of elements T, in a register and anywhere in memory.
template <class T>
struct VectorOf {
  using Aligned __attribute__((vector_size(vector_bytes))) = T;
  using Anywhere __attribute__((vector_size(vector_bytes), aligned(alignof(T)), may_alias)) = T;
};

template <class T>
using Packet = typename VectorOf<T>::Aligned;

/// Elements in a Packet.
template <class T>
inline constexpr int lanes = vector_bytes / static_cast<int>(sizeof(T));

template <class T>
[[nodiscard]] inline Packet<T> load(const T* from) {
  return *reinterpret_cast<const typename VectorOf<T>::Anywhere*>(from);
}

template <class T>
inline void store(const Packet<T>& x, T* to) {
  *reinterpret_cast<typename VectorOf<T>::Anywhere*>(to) = x;
}

/// `value` in every lane; minus nothing, since plus nothing would change -0.
template <class T>
[[nodiscard]] inline Packet<T> broadcast(T value) {
  return value - Packet<T>{};
}

/// a * b + c, rounded once where there is such an instruction.
template <class V>
[[nodiscard]] inline V multiply_add(const V& a, const V& b, const V& c) {
  return a * b + c;
}

/// Copies count < 2 * Piece elements as two pieces of a fixed size, which overlap unless they are
/// all: that costs less than a call of memcpy.
template <int Piece, class T>
void copy_fewer(const T* from, Index count, T* to) {
  if (count >= Piece) {
    const Index second = count - Piece;
    std::memcpy(to, from, Piece * sizeof(T));
    std::memcpy(to + second, from + second, Piece * sizeof(T));
  } else if constexpr (Piece > 1) {
    copy_fewer<Piece / 2>(from, count, to);
  }
}

/// The first `count` elements, as many as there are; the rest of the vector is zero.
template <class T>
[[nodiscard]] inline Packet<T> load_some(const T* from, Index count) {
  if (count >= lanes<T>) return load(from);
  std::array<T, static_cast<std::size_t>(lanes<T>)> padded{};
  if (count > 0) copy_fewer<lanes<T> / 2>(from, count, padded.data());
  return load(padded.data());
}

/// Stores the first `count` elements, as many as there are.
template <class T>
inline void store_some(const Packet<T>& x, Index count, T* to) {
  if (count >= lanes<T>) return store(x, to);
  std::array<T, static_cast<std::size_t>(lanes<T>)> elements;
  store(x, elements.data());
  copy_fewer<lanes<T> / 2>(elements.data(), count, to);
}

/// Takes runs of `Run` lanes from x and y in turn, the first of each from the lower (or the upper)
/// half of every group of `Group` lanes.
template <int Run, int Group, bool Upper, class V, std::size_t... Lane>
[[nodiscard]] inline V interleave(const V& x, const V& y, std::index_sequence<Lane...> /*all*/) {
  constexpr auto source = [](int lane) {
    const int within = lane % Group;
    const int from = lane - within + within / (2 * Run) * Run + within % Run;
    return from + (Upper ? Group / 2 : 0) + (within / Run % 2) * static_cast<int>(sizeof...(Lane));
  };
  return __builtin_shufflevector(x, y, source(static_cast<int>(Lane))...);
}

/// Interleaves rows `distance` apart in place.
template <class T, int Run, int Group>
[[gnu::always_inline]] inline void interleave_rows(Packet<T>* rows, int distance) {
  constexpr std::make_index_sequence<static_cast<std::size_t>(lanes<T>)> all;
#pragma GCC unroll 16
  for (int i = 0; i < lanes<T>; ++i) {
    if (i / distance % 2 != 0) continue;
    const Packet<T> x = rows[i];
    const Packet<T> y = rows[i + distance];
    rows[i] = interleave<Run, Group, false>(x, y, all);
    rows[i + distance] = interleave<Run, Group, true>(x, y, all);
  }
}

/// Transposes blocks of Run x Run, whose elements are transposed already, in squares of lanes.
template <class T, int Run>
[[gnu::always_inline]] inline void transpose_blocks(Packet<T>* rows) {
  if constexpr (Run < lanes<T>) {
    interleave_rows<T, Run, 2 * Run>(rows, Run);
    transpose_blocks<T, 2 * Run>(rows);
  }
}

/// Transposes a square of as many rows as there are lanes. Parts of 16 bytes first, within which
/// all instruction sets have fast shuffles.
template <class T>
[[gnu::always_inline]] inline void transpose(Packet<T>* rows) {
  constexpr int part = 16 / static_cast<int>(sizeof(T));
  if constexpr (part == 4) {
    interleave_rows<T, 1, 4>(rows, 1);
    interleave_rows<T, 2, 4>(rows, 2);
#pragma GCC unroll 4
    for (int i = 1; i < lanes<T>; i += 4) std::swap(rows[i], rows[i + 1]);
    transpose_blocks<T, 4>(rows);
  } else {
    transpose_blocks<T, 1>(rows);
  }
}

/// The sum of the lanes.
template <class T, int Distance = lanes<T> / 2>
[[nodiscard]] inline T sum_of(const Packet<T>& x) {
  if constexpr (Distance == 0) {
    return x[0];
  } else {
    constexpr auto swapped =
        []<std::size_t... Lane>(const Packet<T>& v, std::index_sequence<Lane...> /*all*/) {
      return __builtin_shufflevector(v, v, (static_cast<int>(Lane) ^ Distance)...);
    };
    return sum_of<T, Distance / 2>(
        x + swapped(x, std::make_index_sequence<static_cast<std::size_t>(lanes<T>)>{}));
  }
}

}  // namespace nn::detail
