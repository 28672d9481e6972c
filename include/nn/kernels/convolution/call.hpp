/// @file
/// What a pass of a convolution is made of.
#pragma once

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
  Algorithm algorithm = Algorithm::automatic;

  [[nodiscard]] constexpr Gather gather() const {
    return {geometry, pass == ConvolutionPass::backward_data};
  }
};

}  // namespace nn::detail
