/// @file
/// The three products of a two-dimensional convolution, channels last.
#pragma once

#include <algorithm>

#include "nn/core/activation.hpp"
#include "nn/core/memory.hpp"
#include "nn/kernels/convolution/geometry.hpp"
#include "nn/kernels/convolution/planes.hpp"
#include "nn/kernels/convolution/planes_weights.hpp"
#include "nn/kernels/convolution/product.hpp"
#include "nn/kernels/convolution/weights.hpp"
#include "nn/kernels/winograd/weights.hpp"
#include "nn/kernels/winograd/winograd.hpp"

namespace nn {

/// How a convolution is computed. `automatic` takes Winograd's F(4x4, 3x3) for 3x3 taps of stride
/// 1, and F(4x4, 2x2) for 4x4 taps of stride 2, where they are the faster; their rounding errors
/// are two to three times those of a plain sum in the same precision (in float, 3x3 taps and
/// 64 channels, 6.5e-7 of the magnitude of the outputs against 2.8e-7; 4x4 taps, 1.1e-6
/// against 3.9e-7). `direct` forbids that, `winograd` takes it wherever it applies: these taps and
/// strides, dilation 1, one group, whole vectors of channels and filters.
enum class ConvolutionAlgorithm { automatic, direct, winograd };

namespace detail {

/// Product is WinogradProduct<T> or WinogradWeights<T>; Problem what it is made from.
template <class Product, class Problem>
[[nodiscard]] bool takes_winograd(const Problem& problem, ConvolutionAlgorithm algorithm) {
  switch (algorithm) {
    case ConvolutionAlgorithm::direct:
      return false;
    case ConvolutionAlgorithm::winograd:
      return Product::applies(problem);
    case ConvolutionAlgorithm::automatic:
      break;
  }
  return Product::is_worth_it(problem);
}

/// The bytes that Direct needs, or that of the Winograds which is taken where that is more.
template <class Direct, class Winograd3, class Winograd2, class Problem>
[[nodiscard]] Index scratch_bytes(const Problem& problem, ConvolutionAlgorithm algorithm) {
  Index bytes = Direct::scratch_bytes(problem);
  if (takes_winograd<Winograd3>(problem, algorithm)) {
    bytes = std::max(bytes, Winograd3::scratch_bytes(problem));
  } else if (takes_winograd<Winograd2>(problem, algorithm)) {
    bytes = std::max(bytes, Winograd2::scratch_bytes(problem));
  }
  return bytes;
}

template <class T>
void convolve(const Gather& gather, const T* input, const T* weights, T* output,
              const Epilogue<T>& epilogue, Arena scratch, ConvolutionAlgorithm algorithm) {
  if (takes_winograd<WinogradProduct<T, 3>>(gather, algorithm)) {
    WinogradProduct<T, 3>(gather, input, weights, output, epilogue, scratch).run();
  } else if (takes_winograd<WinogradProduct<T, 2>>(gather, algorithm)) {
    WinogradProduct<T, 2>(gather, input, weights, output, epilogue, scratch).run();
  } else if (PlaneProduct<T>::is_worth_it(gather)) {
    PlaneProduct<T>(gather, input, weights, output, epilogue, scratch).run();
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
    return detail::scratch_bytes<detail::WeightsProduct<T>, detail::WinogradWeights<T, 3>,
                                 detail::WinogradWeights<T, 2>>(geometry, algorithm);
  }
  return detail::scratch_bytes<detail::GatherProduct<T>, detail::WinogradProduct<T, 3>,
                               detail::WinogradProduct<T, 2>>(
      detail::Gather{geometry, pass == ConvolutionPass::backward_data}, algorithm);
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
void convolution_backward_weights(
    const ConvolutionGeometry& geometry, const T* x, const T* dy, T* dweights, bool accumulate,
    Arena scratch, ConvolutionAlgorithm algorithm = ConvolutionAlgorithm::automatic) {
  if (detail::takes_winograd<detail::WinogradWeights<T, 3>>(geometry, algorithm)) {
    detail::WinogradWeights<T, 3>(geometry, x, dy, dweights, accumulate, scratch).run();
  } else if (detail::takes_winograd<detail::WinogradWeights<T, 2>>(geometry, algorithm)) {
    detail::WinogradWeights<T, 2>(geometry, x, dy, dweights, accumulate, scratch).run();
  } else if (detail::PlaneWeights<T>::is_worth_it(geometry)) {
    detail::PlaneWeights<T>(geometry, x, dy, dweights, accumulate, scratch).run();
  } else {
    detail::WeightsProduct<T>(geometry, x, dy, dweights, accumulate, scratch).run();
  }
}

}  // namespace nn
