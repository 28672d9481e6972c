/// @file
/// What the kernels of a convolution are called with.
#pragma once

#include "nn/core/activation.hpp"
#include "nn/kernels/choose.hpp"

namespace nn::detail {

/// A forward pass, or the gradient of the input: the bias has one value an output channel.
template <class T>
struct GatherCall {
  Gather gather;
  const T* input;
  const T* weights;
  T* output;
  Epilogue<T> epilogue;
  Algorithm algorithm;
};

/// The gradient of the weights, added to what is there when `accumulate`.
template <class T>
struct WeightsCall {
  ConvolutionGeometry geometry;
  const T* x;
  const T* dy;
  T* dweights;
  bool accumulate;
  Algorithm algorithm;
};

}  // namespace nn::detail
