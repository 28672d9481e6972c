/// @file
/// The three products of a two-dimensional convolution, channels last.
#pragma once

#include "nn/core/activation.hpp"
#include "nn/core/convolution_geometry.hpp"
#include "nn/core/convolution_product.hpp"
#include "nn/core/convolution_weights.hpp"
#include "nn/core/memory.hpp"

namespace nn {

/// Bytes of scratch that one pass needs.
template <class T>
[[nodiscard]] Index convolution_scratch_bytes(const ConvolutionGeometry& geometry,
                                              ConvolutionPass pass) {
  if (pass == ConvolutionPass::backward_weights) {
    return detail::WeightsProduct<T>::scratch_bytes(geometry);
  }
  return detail::GatherProduct<T>::scratch_bytes(
      {geometry, pass == ConvolutionPass::backward_data});
}

/// y = the convolution of x with the weights, then the epilogue (its bias has one value a filter).
template <class T>
void convolution_forward(const ConvolutionGeometry& geometry, const T* x, const T* weights, T* y,
                         const Epilogue<T>& epilogue, Arena scratch) {
  detail::GatherProduct<T>({geometry, false}, x, weights, y, epilogue, scratch).run();
}

/// dx = the gradient of the input: the transposed convolution of dy with the weights, then the
/// epilogue (its bias has one value a channel), so that it is a transposed convolution's forward.
template <class T>
void convolution_backward_data(const ConvolutionGeometry& geometry, const T* dy, const T* weights,
                               T* dx, const Epilogue<T>& epilogue, Arena scratch) {
  detail::GatherProduct<T>({geometry, true}, dy, weights, dx, epilogue, scratch).run();
}

/// dweights = the gradient of the weights, added to what is there when `accumulate`.
template <class T>
void convolution_backward_weights(const ConvolutionGeometry& geometry, const T* x, const T* dy,
                                  T* dweights, bool accumulate, Arena scratch) {
  detail::WeightsProduct<T>(geometry, x, dy, dweights, accumulate, scratch).run();
}

}  // namespace nn
