/// @file
/// What nn/kernels/convolution.hpp declares.
#ifndef NN_KERNELS_CONVOLUTION_PASSES_HPP
#define NN_KERNELS_CONVOLUTION_PASSES_HPP

#include <algorithm>

#include "nn/kernels/convolution.hpp"
#include "nn/kernels/convolution/planes.hpp"
#include "nn/kernels/convolution/planes_weights.hpp"
#include "nn/kernels/convolution/product.hpp"
#include "nn/kernels/convolution/weights.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/winograd/weights.hpp"
#include "nn/kernels/winograd/winograd.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

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

}  // namespace nn::detail::NN_ISA_NAMESPACE

namespace nn::NN_ENTRANCES {

namespace kernels = detail::NN_ISA;

template <class T>
Index convolution_scratch_bytes(const ConvolutionGeometry& geometry, ConvolutionPass pass,
                                ConvolutionAlgorithm algorithm) {
  if (pass == ConvolutionPass::backward_weights) {
    return kernels::scratch_bytes<kernels::WeightsProduct<T>, kernels::WinogradWeights<T, 3>,
                                  kernels::WinogradWeights<T, 2>>(geometry, algorithm);
  }
  return kernels::scratch_bytes<kernels::GatherProduct<T>, kernels::WinogradProduct<T, 3>,
                                kernels::WinogradProduct<T, 2>>(
      detail::Gather{geometry, pass == ConvolutionPass::backward_data}, algorithm);
}

template <class T>
void convolution_forward(const ConvolutionGeometry& geometry, const T* x, const T* weights, T* y,
                         const Epilogue<T>& epilogue, Arena scratch,
                         ConvolutionAlgorithm algorithm) {
  kernels::convolve({geometry, false}, x, weights, y, epilogue, scratch, algorithm);
}

template <class T>
void convolution_backward_data(const ConvolutionGeometry& geometry, const T* dy, const T* weights,
                               T* dx, const Epilogue<T>& epilogue, Arena scratch,
                               ConvolutionAlgorithm algorithm) {
  kernels::convolve({geometry, true}, dy, weights, dx, epilogue, scratch, algorithm);
}

template <class T>
void convolution_backward_weights(const ConvolutionGeometry& geometry, const T* x, const T* dy,
                                  T* dweights, bool accumulate, Arena scratch,
                                  ConvolutionAlgorithm algorithm) {
  if (kernels::takes_winograd<kernels::WinogradWeights<T, 3>>(geometry, algorithm)) {
    kernels::WinogradWeights<T, 3>(geometry, x, dy, dweights, accumulate, scratch).run();
  } else if (kernels::takes_winograd<kernels::WinogradWeights<T, 2>>(geometry, algorithm)) {
    kernels::WinogradWeights<T, 2>(geometry, x, dy, dweights, accumulate, scratch).run();
  } else if (kernels::PlaneWeights<T>::is_worth_it(geometry)) {
    kernels::PlaneWeights<T>(geometry, x, dy, dweights, accumulate, scratch).run();
  } else {
    kernels::WeightsProduct<T>(geometry, x, dy, dweights, accumulate, scratch).run();
  }
}

}  // namespace nn::NN_ENTRANCES

#endif  // NN_KERNELS_CONVOLUTION_PASSES_HPP
