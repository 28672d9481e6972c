/// @file
/// Vectors as wide as the registers of the instruction set compiled for, and what the kernels do
/// with them. They are the compiler's own: +, -, *, comparisons and choices work on them as on
/// numbers.
#ifndef NN_KERNELS_SIMD_VECTOR_HPP
#define NN_KERNELS_SIMD_VECTOR_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "nn/core/shape.hpp"
#include "nn/kernels/simd/intrinsics.hpp"
#ifdef NN_EMULATE_FMA
#include "nn/kernels/simd/emulated_fma.hpp"
#endif
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/rounding.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

#if defined(NN_TEST_VECTOR_BYTES)  // the widths of other processors, to see that the bits agree
inline constexpr int vector_bytes = NN_TEST_VECTOR_BYTES;
#elif NN_ISA_AVX512
inline constexpr int vector_bytes = 64;
#elif NN_ISA_AVX
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

#if NN_ISA_AVX512 || defined(__aarch64__) || defined(NN_TEST_VECTOR_BYTES)
inline constexpr int vector_registers = 32;
#else
inline constexpr int vector_registers = 16;
#endif

/// A vector of elements T, in a register and anywhere in memory.
template <class T>
struct VectorOf {
  using Aligned __attribute__((vector_size(vector_bytes))) = T;
  using Anywhere __attribute__((vector_size(vector_bytes), aligned(alignof(T)), may_alias)) = T;
  using Part __attribute__((vector_size(16))) = T;
  using PartAnywhere __attribute__((vector_size(16), aligned(alignof(T)), may_alias)) = T;
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

/// The lanes of sums that run across lanes: as many on every processor, in several vectors where
/// one has fewer, so that the order of adding does not depend on it.
template <class T>
inline constexpr int sum_lanes = 64 / static_cast<int>(sizeof(T));

/// Whether `multiply_add` rounds once.
#if NN_ISA_FMA || defined(__aarch64__)
inline constexpr bool fuses = true;
#else
inline constexpr bool fuses = false;
#endif

/// a * b + c of numbers or vectors, rounded once where there is such an instruction, else twice;
/// once for floats everywhere if NN_EMULATE_FMA is defined (docs/arithmetic.md says what that
/// costs). By the instruction's name: left to itself, gcc would not use it in sums on some
/// processors.
template <class V>
[[nodiscard, gnu::always_inline]] inline V multiply_add(const V& a, const V& b, const V& c) {
  if constexpr (std::is_same_v<V, long double>) {
    return a * b + c;
#ifdef NN_EMULATE_FMA
  } else if constexpr (!fuses && std::is_same_v<V, float>) {
    return emulated_fma(a, b, c);
  } else if constexpr (!fuses && std::is_same_v<V, FourFloats>) {
    return emulated_fma(a, b, c);
#endif
  } else if constexpr (std::is_floating_point_v<V>) {
    if constexpr (!fuses) return rounded_product(a, b) + c;
    return std::is_same_v<V, float>
               ? static_cast<V>(__builtin_fmaf(static_cast<float>(a), static_cast<float>(b),
                                               static_cast<float>(c)))
               : static_cast<V>(__builtin_fma(a, b, c));
  } else {
    using T = std::remove_cvref_t<decltype(std::declval<V&>()[0])>;
    [[maybe_unused]] constexpr bool is_float = std::is_same_v<T, float>;
    [[maybe_unused]] constexpr bool is_double = std::is_same_v<T, double>;
#if NN_ISA_AVX512
    if constexpr (is_float && sizeof(V) == 64) return V(_mm512_fmadd_ps(a, b, c));
    if constexpr (is_double && sizeof(V) == 64) return V(_mm512_fmadd_pd(a, b, c));
#endif
#if NN_ISA_FMA
    if constexpr (is_float && sizeof(V) == 32) return V(_mm256_fmadd_ps(a, b, c));
    if constexpr (is_double && sizeof(V) == 32) return V(_mm256_fmadd_pd(a, b, c));
    if constexpr (is_float && sizeof(V) == 16) return V(_mm_fmadd_ps(a, b, c));
    if constexpr (is_double && sizeof(V) == 16) return V(_mm_fmadd_pd(a, b, c));
#elif defined(__aarch64__)
    if constexpr (is_float && sizeof(V) == 16) return V(vfmaq_f32(c, a, b));
    if constexpr (is_double && sizeof(V) == 16) return V(vfmaq_f64(c, a, b));
#endif
    if constexpr (fuses) {
      V result;
      for (std::size_t i = 0; i < sizeof(V) / sizeof(T); ++i)
        result[i] = multiply_add<T>(a[i], b[i], c[i]);
      return result;
    } else {
      return rounded_product(a, b) + c;
    }
  }
}

/// The square root of every lane, or of a number: rounded as IEEE 754 asks.
template <class V>
[[nodiscard, gnu::always_inline]] inline V square_root(const V& x) {
  if constexpr (std::is_floating_point_v<V>) {
    return std::sqrt(x);
  } else {
    using T = std::remove_cvref_t<decltype(std::declval<V&>()[0])>;
    [[maybe_unused]] constexpr bool is_float = std::is_same_v<T, float>;
    [[maybe_unused]] constexpr bool is_double = std::is_same_v<T, double>;
#if NN_ISA_AVX512
    if constexpr (is_float && sizeof(V) == 64) return V(_mm512_maskz_sqrt_ps(0xffff, x));
    if constexpr (is_double && sizeof(V) == 64) return V(_mm512_maskz_sqrt_pd(0xff, x));
#endif
#if NN_ISA_AVX
    if constexpr (is_float && sizeof(V) == 32) return V(_mm256_sqrt_ps(x));
    if constexpr (is_double && sizeof(V) == 32) return V(_mm256_sqrt_pd(x));
#endif
#if defined(__SSE2__) && !defined(__EMSCRIPTEN__)
    if constexpr (is_float && sizeof(V) == 16) return V(_mm_sqrt_ps(x));
    if constexpr (is_double && sizeof(V) == 16) return V(_mm_sqrt_pd(x));
#elif defined(__aarch64__)
    if constexpr (is_float && sizeof(V) == 16) return V(vsqrtq_f32(x));
    if constexpr (is_double && sizeof(V) == 16) return V(vsqrtq_f64(x));
#endif
    V result;
    for (std::size_t i = 0; i < sizeof(V) / sizeof(T); ++i) result[i] = std::sqrt(x[i]);
    return result;
  }
}

/// Copies count < 2 * Size elements as two runs of a fixed size, which overlap unless they are
/// all: that costs less than a call of memcpy.
template <int Size, class T>
void copy_fewer(const T* from, Index count, T* to) {
  if (count >= Size) {
    const Index second = count - Size;
    std::memcpy(to, from, Size * sizeof(T));
    std::memcpy(to + second, from + second, Size * sizeof(T));
  } else if constexpr (Size > 1) {
    copy_fewer<Size / 2>(from, count, to);
  }
}

/// Whether single lanes can be loaded and stored at no cost.
#if NN_ISA_AVX512
inline constexpr bool masks_lanes = true;
#else
inline constexpr bool masks_lanes = false;
#endif

/// The first `count` lanes, as many as there are, and none for a negative count.
template <class T>
class FirstLanes {
 public:
  FirstLanes() = default;
  explicit constexpr FirstLanes(Index count)
      : count_(count > lanes<T> ? lanes<T> : count),
        mask_(count >= lanes<T> ? ~0U
              : count > 0       ? (1U << count) - 1
                                : 0) {}

  /// The elements in those lanes; the others are zero.
  [[nodiscard]] Packet<T> load(const T* from) const {
#if NN_ISA_AVX512
    if constexpr (std::is_same_v<T, float>) {
      return _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask_), from);
    } else if constexpr (std::is_same_v<T, double>) {
      return _mm512_maskz_loadu_pd(static_cast<__mmask8>(mask_), from);
    }
#endif
    std::array<T, static_cast<std::size_t>(lanes<T>)> padded{};
    if (count_ == lanes<T>) return NN_ISA::load(from);
    if (count_ > 0) copy_fewer<lanes<T> / 2>(from, count_, padded.data());
    return NN_ISA::load(padded.data());
  }

  void store(const Packet<T>& x, T* to) const {
#if NN_ISA_AVX512
    if constexpr (std::is_same_v<T, float>) {
      return _mm512_mask_storeu_ps(to, static_cast<__mmask16>(mask_), x);
    } else if constexpr (std::is_same_v<T, double>) {
      return _mm512_mask_storeu_pd(to, static_cast<__mmask8>(mask_), x);
    }
#endif
    if (count_ == lanes<T>) return NN_ISA::store(x, to);
    std::array<T, static_cast<std::size_t>(lanes<T>)> elements;
    NN_ISA::store(x, elements.data());
    copy_fewer<lanes<T> / 2>(elements.data(), count_, to);
  }

  /// `x` in these lanes and 0 in the others.
  [[nodiscard]] Packet<T> only(const Packet<T>& x) const {
    std::array<T, static_cast<std::size_t>(lanes<T>)> elements;
    NN_ISA::store(x, elements.data());
    return load(elements.data());
  }

 private:
  Index count_ = 0;
  unsigned mask_ = 0;
};

/// The first `count` elements, as many as there are; the rest of the vector is zero.
template <class T>
[[nodiscard]] inline Packet<T> load_some(const T* from, Index count) {
  return count >= lanes<T> ? load(from) : FirstLanes<T>(count).load(from);
}

/// Stores the first `count` elements, as many as there are.
template <class T>
inline void store_some(const Packet<T>& x, Index count, T* to) {
  if (count >= lanes<T>) return store(x, to);
  FirstLanes<T>(count).store(x, to);
}

/// Parts of 16 bytes, within which all instruction sets have fast shuffles.
template <class T>
using Part = typename VectorOf<T>::Part;
template <class T>
inline constexpr int lanes_of_part = 16 / static_cast<int>(sizeof(T));

/// x then y, of `Count` lanes each.
template <class V, std::size_t... Lane>
[[nodiscard]] inline auto joined(const V& x, const V& y, std::index_sequence<Lane...> /*all*/) {
  return __builtin_shufflevector(x, y, static_cast<int>(Lane)...);
}

/// The vector of the Parts at from, from + pitch, ...
template <class T, int Parts>
[[nodiscard]] inline auto load_parts(const T* from, Index pitch) {
  if constexpr (Parts == 1) {
    return Part<T>(*reinterpret_cast<const typename VectorOf<T>::PartAnywhere*>(from));
  } else {
    constexpr std::make_index_sequence<static_cast<std::size_t>(Parts * lanes_of_part<T>)> all;
    return joined(load_parts<T, Parts / 2>(from, pitch),
                  load_parts<T, Parts / 2>(from + Parts / 2 * pitch, pitch), all);
  }
}

/// Takes runs of `Run` lanes from x and y in turn, the first of each from the lower (or the upper)
/// half of every part.
template <class T, int Run, bool Upper, class V, std::size_t... Lane>
[[nodiscard]] inline V interleave(const V& x, const V& y, std::index_sequence<Lane...> /*all*/) {
  constexpr auto source = [](int lane) {
    const int within = lane % lanes_of_part<T>;
    const int from = lane - within + within / (2 * Run) * Run + within % Run;
    return from + (Upper ? lanes_of_part<T> / 2 : 0) +
           (within / Run % 2) * static_cast<int>(sizeof...(Lane));
  };
  return __builtin_shufflevector(x, y, source(static_cast<int>(Lane))...);
}

/// rows[i] = element i of the first `count` of the runs of lanes_of_part elements at from, from +
/// pitch, ...: a block of a matrix, transposed. There are as many runs as lanes at the most.
template <class T>
inline void load_transposed(const T* from, Index pitch, Index count, Packet<T>* rows) {
  constexpr int part = lanes_of_part<T>;
  constexpr int parts = lanes<T> / part;
  constexpr std::make_index_sequence<static_cast<std::size_t>(lanes<T>)> all;
  std::array<T, static_cast<std::size_t>(lanes<T> * part)> gathered;
  if (count < lanes<T>) {
    for (Index i = 0; i < count; ++i) std::memcpy(gathered.data() + i * part, from + i * pitch, 16);
    for (Index i = count; i < lanes<T>; ++i) std::memset(gathered.data() + i * part, 0, 16);
    from = gathered.data();
    pitch = part;
  }
  Packet<T> x[part];
#pragma GCC unroll 4
  for (int i = 0; i < part; ++i) x[i] = load_parts<T, parts>(from + i * pitch, part * pitch);
  if constexpr (part == 4) {
    const Packet<T> a = interleave<T, 1, false>(x[0], x[1], all);
    const Packet<T> b = interleave<T, 1, true>(x[0], x[1], all);
    const Packet<T> c = interleave<T, 1, false>(x[2], x[3], all);
    const Packet<T> d = interleave<T, 1, true>(x[2], x[3], all);
    rows[0] = interleave<T, 2, false>(a, c, all);
    rows[1] = interleave<T, 2, true>(a, c, all);
    rows[2] = interleave<T, 2, false>(b, d, all);
    rows[3] = interleave<T, 2, true>(b, d, all);
  } else {
    rows[0] = interleave<T, 1, false>(x[0], x[1], all);
    rows[1] = interleave<T, 1, true>(x[0], x[1], all);
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_SIMD_VECTOR_HPP
