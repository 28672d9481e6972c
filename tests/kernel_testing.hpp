/// @file
/// What the tests of the kernels share.
#pragma once

#include <limits>
#include <random>
#include <vector>

#include "nn/core/shape.hpp"
#include "nn/kernels/simd/vector.hpp"
#include "nn/kernels/table.hpp"

namespace kernel_testing {

/// From -1 to 1. The generator's bits are used as they come: sanitized and without optimisation, a
/// distribution of the standard library takes longer than the kernels.
template <class T>
std::vector<T> random_values(nn::Index count, std::mt19937& generator) {
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) {
    value = static_cast<T>(static_cast<double>(generator()) / 2147483648.0 - 1);
  }
  return values;
}

/// The elements of the kernels' vectors.
template <class T>
nn::Index lanes() {
#ifdef NN_SEPARATE_KERNELS
  const std::string_view name = nn::detail::kernels_in_use().name;
  const nn::Index bytes = name == "avx512" ? 64 : name == "avx2" || name == "avx" ? 32 : 16;
  return bytes / static_cast<nn::Index>(sizeof(T));
#else
  return nn::detail::lanes<T>;
#endif
}

/// The rounding of a sum of products of magnitude 1, with room to spare; a mistake is far larger.
template <class T>
double tolerance(nn::Index terms) {
  return static_cast<double>(std::numeric_limits<T>::epsilon()) * (32 + static_cast<double>(terms));
}

}  // namespace kernel_testing
