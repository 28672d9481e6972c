/// @file
/// Loops over elements in vectors, the last of which may not be full.
#ifndef NN_KERNELS_SIMD_LANES_HPP
#define NN_KERNELS_SIMD_LANES_HPP

#include <cstring>
#include <type_traits>

#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/vector.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// Scalars that come in vectors. Others, like long double, go one by one through the same loops.
template <class T>
inline constexpr bool has_vectors = std::is_same_v<T, float> || std::is_same_v<T, double>;

/// How a loop loads and stores a whole vector; FirstLanes does the last one.
template <class T>
struct AllLanes {
  [[nodiscard]] static Packet<T> load(const T* from) { return NN_ISA::load(from); }
  static void store(const Packet<T>& x, T* to) { NN_ISA::store<T>(x, to); }
  /// `x` in these lanes and 0 in the others, of which there are none.
  [[nodiscard]] static Packet<T> only(const Packet<T>& x) { return x; }
};

/// The same for a scalar without vectors.
template <class T>
struct OneLane {
  [[nodiscard]] static T load(const T* from) { return *from; }
  static void store(T x, T* to) { *to = x; }
  [[nodiscard]] static T only(T x) { return x; }
};

/// Calls body(i, lanes) for vectors of elements from i on that cover [0, count): `lanes` loads and
/// stores them.
template <class T, class Body>
[[gnu::always_inline]] inline void for_each_vector(Index count, const Body& body) {
  if constexpr (has_vectors<T>) {
    Index i = 0;
    for (; i + lanes<T> <= count; i += lanes<T>) body(i, AllLanes<T>{});
    if (i < count) body(i, FirstLanes<T>(count - i));
  } else {
    for (Index i = 0; i < count; ++i) body(i, OneLane<T>{});
  }
}

/// The same for a long body, which is compiled only once: it gets its lanes as those of a vector
/// that may not be full.
template <class T, class Body>
[[gnu::always_inline]] inline void for_each_long_vector(Index count, const Body& body) {
  if constexpr (has_vectors<T>) {
    for (Index i = 0; i < count; i += lanes<T>) {
      body(i, FirstLanes<T>(count - i));
    }
  } else {
    for (Index i = 0; i < count; ++i) body(i, OneLane<T>{});
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_SIMD_LANES_HPP
