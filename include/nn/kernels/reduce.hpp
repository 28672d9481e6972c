/// @file
/// Sums along one axis whose order of adding is the same on every processor.
#ifndef NN_KERNELS_REDUCE_HPP
#define NN_KERNELS_REDUCE_HPP

#include <array>

#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/lanes.hpp"
#include "nn/kernels/simd/shuffle.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// The sum of `count` terms: term(i, lanes) is the vector of those from i on, or as many as `lanes`
/// has. Term i goes to lane i % sum_lanes, each lane adds its own in order, and in the end
/// neighbouring lanes are added, then the neighbours of these sums, until there is one.
template <class T, class Term>
[[nodiscard, gnu::always_inline]] inline T sum_of_terms(Index count, const Term& term) {
  if constexpr (has_vectors<T>) {
    constexpr int vectors = sum_lanes<T> / lanes<T>;
    Packet<T> sums[vectors] = {};
    Index i = 0;
    for (; i + sum_lanes<T> <= count; i += sum_lanes<T>) {
      for (int v = 0; v < vectors; ++v) sums[v] += term(i + v * lanes<T>, AllLanes<T>{});
    }
    for (int v = 0; i < count; ++v, i += lanes<T>) {
      const FirstLanes<T> some(count - i);
      sums[v] += some.only(term(i, some));
    }
    std::array<T, static_cast<std::size_t>(vectors + lanes<T>)> totals;
    add_lanes<T, 1>(sums, totals.data());
    return totals[0];
  } else {
    T sum = 0;
    for (Index i = 0; i < count; ++i) sum += term(i, OneLane<T>{});
    return sum;
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_REDUCE_HPP
