/// @file
/// What the tests of the kernels share.
#pragma once

#include <limits>
#include <random>
#include <type_traits>
#include <vector>

#include "nn/core/shape.hpp"
#include "nn/kernels/choose.hpp"
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

/// A pass as the kernels' chooser is asked about it.
template <class T>
nn::detail::ConvolutionProblem problem_of(const nn::ConvolutionGeometry& geometry,
                                          nn::ConvolutionPass pass) {
  return {geometry, pass, lanes<T>(), 64 / sizeof(T)};
}

/// Whether it has rounding errors, and an order of adding, of its own.
inline bool is_winograd(nn::Algorithm algorithm) {
  return algorithm == nn::Algorithm::winograd_3x3 ||
         algorithm == nn::Algorithm::winograd_3x3_small || algorithm == nn::Algorithm::winograd_2x2;
}

/// The one that is chosen, by itself, then all others that can compute it.
template <class Problem>
std::vector<nn::Algorithm> algorithms_for(const Problem& problem) {
  std::vector<nn::Algorithm> algorithms{nn::Algorithm::automatic};
  const auto add = [&](nn::Algorithm algorithm) {
    if (algorithm == nn::detail::choose(problem)) return;
    if (nn::detail::computes(algorithm, problem)) algorithms.push_back(algorithm);
  };
  if constexpr (std::is_same_v<Problem, nn::detail::GemmShape>) {
    for (const nn::Algorithm algorithm : nn::detail::gemm_algorithms) add(algorithm);
  } else {
    for (const nn::Algorithm algorithm : nn::detail::convolution_algorithms) add(algorithm);
  }
  return algorithms;
}

/// The rounding of a sum of products of magnitude 1, with room to spare; a mistake is far larger.
template <class T>
double tolerance(nn::Index terms) {
  return static_cast<double>(std::numeric_limits<T>::epsilon()) * (32 + static_cast<double>(terms));
}

}  // namespace kernel_testing
