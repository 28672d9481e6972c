/// @file
/// The three products of a two-dimensional convolution, channels last.
#pragma once

#include <algorithm>

#include "nn/core/activation.hpp"
#include "nn/core/convolution_geometry.hpp"
#include "nn/core/convolution_product.hpp"
#include "nn/core/convolution_weights.hpp"
#include "nn/core/convolution_winograd.hpp"
#include "nn/core/memory.hpp"

namespace nn {

/// How a convolution is computed. `automatic` takes Winograd's F(4x4, 3x3) for 3x3 taps of stride 1
/// where it is the faster; its rounding errors are some two to three times those of a plain sum in
/// the same precision (in float, with 64 channels, 6.5e-7 of the magnitude of the outputs
/// against 2.8e-7). `direct` forbids that, `winograd` takes it wherever it applies: 3x3 taps,
/// stride and dilation 1, one group, whole vectors of channels and filters.
enum class ConvolutionAlgorithm { automatic, direct, winograd };

namespace detail {

template <class T>
[[nodiscard]] bool takes_winograd(const Gather& gather, ConvolutionAlgorithm algorithm) {
  switch (algorithm) {
    case ConvolutionAlgorithm::direct:
      return false;
    case ConvolutionAlgorithm::winograd:
      return WinogradProduct<T>::applies(gather);
    case ConvolutionAlgorithm::automatic:
      break;
  }
  return WinogradProduct<T>::is_worth_it(gather);
}

template <class T>
void convolve(const Gather& gather, const T* input, const T* weights, T* output,
              const Epilogue<T>& epilogue, Arena scratch, ConvolutionAlgorithm algorithm) {
  if (takes_winograd<T>(gather, algorithm)) {
    WinogradProduct<T>(gather, input, weights, output, epilogue, scratch).run();
  } else {
    GatherProduct<T>(gather, input, weights, output, epilogue, scratch).run();
  }
}

}  // namespace detail

/// Bytes of scratch that one pass needs. They suffice for every smaller batch, too.
template <class T>
[[nodiscard]] Index convolution_scratch_bytes(
    const ConvolutionGeometry& geometry, ConvolutionPass pass,
    ConvolutionAlgorithm algorithm = ConvolutionAlgorithm::automatic) {
  if (pass == ConvolutionPass::backward_weights) {
    return detail::WeightsProduct<T>::scratch_bytes(geometry);
  }
  const detail::Gather gather{geometry, pass == ConvolutionPass::backward_data};
  const Index direct = detail::GatherProduct<T>::scratch_bytes(gather);
  return detail::takes_winograd<T>(gather, algorithm)
             ? std::max(direct, detail::WinogradProduct<T>::scratch_bytes(gather))
             : direct;
}

/// y = the convolution of x with the weights, then the epilogue (its bias has one value a filter).
template <class T>
void convolution_forward(const ConvolutionGeometry& geometry, const T* x, const T* weights, T* y,
                         const Epilogue<T>& epilogue, Arena scratch,
                         ConvolutionAlgorithm algorithm = ConvolutionAlgorithm::automatic) {
  detail::convolve({geometry, false}, x, weights, y, epilogue, scratch, algorithm);
}

/// dx = the gradient of the input: the transposed convolution of dy with the weights, then the
/// epilogue (its bias has one value a channel), so that it is a transposed convolution's forward.
template <class T>
void convolution_backward_data(const ConvolutionGeometry& geometry, const T* dy, const T* weights,
                               T* dx, const Epilogue<T>& epilogue, Arena scratch,
                               ConvolutionAlgorithm algorithm = ConvolutionAlgorithm::automatic) {
  detail::convolve({geometry, true}, dy, weights, dx, epilogue, scratch, algorithm);
}

/// dweights = the gradient of the weights, added to what is there when `accumulate`.
template <class T>
void convolution_backward_weights(const ConvolutionGeometry& geometry, const T* x, const T* dy,
                                  T* dweights, bool accumulate, Arena scratch) {
  detail::WeightsProduct<T>(geometry, x, dy, dweights, accumulate, scratch).run();
}

}  // namespace nn
