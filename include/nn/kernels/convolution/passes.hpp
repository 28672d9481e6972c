/// @file
/// What nn/kernels/convolution.hpp declares.
#ifndef NN_KERNELS_CONVOLUTION_PASSES_HPP
#define NN_KERNELS_CONVOLUTION_PASSES_HPP

#include <algorithm>

#include "nn/kernels/convolution.hpp"
#include "nn/kernels/convolution/call.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/vector.hpp"
#define NN_LIST_OF_CONVOLUTIONS
#include "nn/kernels/choose.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

template <class T>
[[nodiscard]] ConvolutionProblem problem_of(const ConvolutionGeometry& geometry,
                                            ConvolutionPass pass) {
  return {geometry, pass, lanes<T>, sum_lanes<T>};
}

template <class T>
Algorithm convolve(const ConvolutionProblem& problem, GatherCall<T> call, Arena scratch) {
  call.algorithm = choose(problem, call.algorithm);
  with_product<T>(call.algorithm,
                  [&](auto kernel) { typename decltype(kernel)::type(call, scratch).run(); });
  return call.algorithm;
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

namespace nn::NN_ENTRANCES {

namespace kernels = detail::NN_ISA;

template <class T>
Index convolution_scratch_bytes(const ConvolutionGeometry& geometry, ConvolutionPass pass,
                                Algorithm algorithm) {
  const detail::ConvolutionProblem problem = kernels::problem_of<T>(geometry, pass);
  Index bytes = 0;
  const auto add = [&](Algorithm chosen) {
    if (problem.is_of_weights()) {
      kernels::with_weights<T>(chosen, [&](auto kernel) {
        bytes = std::max(bytes, decltype(kernel)::type::scratch_bytes(geometry));
      });
    } else {
      kernels::with_product<T>(chosen, [&](auto kernel) {
        bytes = std::max(bytes, decltype(kernel)::type::scratch_bytes(problem.gather()));
      });
    }
  };
  if (algorithm == Algorithm::automatic) {
    detail::for_each_choice(problem, add);
  } else {
    add(choose(problem, algorithm));
  }
  return bytes;
}

template <class T>
Algorithm convolution_forward(const ConvolutionGeometry& geometry, const T* x, const T* weights,
                              T* y, const Epilogue<T>& epilogue, Arena scratch,
                              Algorithm algorithm) {
  const auto problem = kernels::problem_of<T>(geometry, ConvolutionPass::forward);
  return kernels::convolve<T>(problem, {problem.gather(), x, weights, y, epilogue, algorithm},
                              scratch);
}

template <class T>
Algorithm convolution_backward_data(const ConvolutionGeometry& geometry, const T* dy,
                                    const T* weights, T* dx, const Epilogue<T>& epilogue,
                                    Arena scratch, Algorithm algorithm) {
  const auto problem = kernels::problem_of<T>(geometry, ConvolutionPass::backward_data);
  return kernels::convolve<T>(problem, {problem.gather(), dy, weights, dx, epilogue, algorithm},
                              scratch);
}

template <class T>
Algorithm convolution_backward_weights(const ConvolutionGeometry& geometry, const T* x, const T* dy,
                                       T* dweights, bool accumulate, Arena scratch,
                                       Algorithm algorithm) {
  algorithm =
      choose(kernels::problem_of<T>(geometry, ConvolutionPass::backward_weights), algorithm);
  const detail::WeightsCall<T> call{geometry, x, dy, dweights, accumulate, algorithm};
  kernels::with_weights<T>(
      algorithm, [&](auto kernel) { typename decltype(kernel)::type(call, scratch).run(); });
  return algorithm;
}

}  // namespace nn::NN_ENTRANCES

#endif  // NN_KERNELS_CONVOLUTION_PASSES_HPP
