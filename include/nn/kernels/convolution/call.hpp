/// @file
/// What a pass of a convolution is made of.
#pragma once

#include <algorithm>

#include "nn/core/activation.hpp"
#include "nn/kernels/choose.hpp"

namespace nn::detail {

/// One pass: forward and the gradient of the input multiply `left`, which is x or dy, by `right`,
/// the weights; the gradient of the weights multiplies x by dy.
template <class T>
struct ConvolutionCall {
  ConvolutionGeometry geometry;
  ConvolutionPass pass;
  const T* left;
  const T* right;
  T* result;
  Epilogue<T> epilogue{};   ///< of an output or the gradient of an input
  bool accumulate = false;  ///< the gradient of the weights, to what is there
  bool is_filled = false;   ///< see ProductScratch; not for the gradient of the weights
  Algorithm algorithm = Algorithm::automatic;

  [[nodiscard]] constexpr Gather gather() const {
    return {geometry, pass == ConvolutionPass::backward_data};
  }
};

/// A pass without outputs: gradients of nothing are zero.
template <class T>
void convolve_nothing(const ConvolutionCall<T>& call) {
  const ConvolutionGeometry& g = call.geometry;
  if (call.pass == ConvolutionPass::backward_weights && !call.accumulate) {
    std::fill_n(call.result, g.weights_size(), T(0));
  } else if (call.pass == ConvolutionPass::backward_data) {
    for (Index i = 0; i < g.batch * g.input_size(); ++i) {
      const T* const bias = call.epilogue.from(i % g.channels).bias;
      call.result[i] = call.epilogue.activation(bias == nullptr ? T(0) : *bias);
    }
  }
}

}  // namespace nn::detail
