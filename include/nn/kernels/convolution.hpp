/// @file
/// The three products of a two-dimensional convolution, channels last. Each is computed as `choose`
/// says, unless another algorithm is asked for, and returns the one that did it; Error when that
/// one cannot compute the shape.
#ifndef NN_KERNELS_CONVOLUTION_HPP
#define NN_KERNELS_CONVOLUTION_HPP

#include "nn/core/memory.hpp"
#include "nn/kernels/convolution/call.hpp"
#include "nn/kernels/scratch.hpp"
#include "nn/kernels/simd/instruction_set.hpp"

namespace nn::NN_ENTRANCES {

/// Bytes of scratch that one pass needs. They suffice for every smaller batch, too.
template <class T>
[[nodiscard]] Index convolution_scratch_bytes(const ConvolutionGeometry& geometry,
                                              ConvolutionPass pass,
                                              Algorithm algorithm = Algorithm::automatic);

/// Any pass.
template <class T>
Algorithm convolution(const detail::ConvolutionCall<T>& call, Arena scratch);

/// y = the convolution of x with the weights, then the epilogue (its bias has one value a filter).
template <class T>
Algorithm convolution_forward(const ConvolutionGeometry& geometry, const T* x, const T* weights,
                              T* y, const Epilogue<T>& epilogue, const ProductScratch& scratch,
                              Algorithm algorithm = Algorithm::automatic) {
  return convolution<T>({geometry, ConvolutionPass::forward, x, weights, y, epilogue, false,
                         scratch.is_filled, algorithm},
                        scratch.memory);
}

/// dx = the gradient of the input: the transposed convolution of dy with the weights, then the
/// epilogue (its bias has one value a channel), so that it is a transposed convolution's forward.
template <class T>
Algorithm convolution_backward_data(const ConvolutionGeometry& geometry, const T* dy,
                                    const T* weights, T* dx, const Epilogue<T>& epilogue,
                                    const ProductScratch& scratch,
                                    Algorithm algorithm = Algorithm::automatic) {
  return convolution<T>({geometry, ConvolutionPass::backward_data, dy, weights, dx, epilogue, false,
                         scratch.is_filled, algorithm},
                        scratch.memory);
}

/// dweights = the gradient of the weights, added to what is there when `accumulate`.
template <class T>
Algorithm convolution_backward_weights(const ConvolutionGeometry& geometry, const T* x, const T* dy,
                                       T* dweights, bool accumulate, Arena scratch,
                                       Algorithm algorithm = Algorithm::automatic) {
  return convolution<T>({geometry,
                         ConvolutionPass::backward_weights,
                         x,
                         dy,
                         dweights,
                         {},
                         accumulate,
                         false,
                         algorithm},
                        scratch);
}

}  // namespace nn::NN_ENTRANCES

#if defined(NN_ISA_PASS) || !defined(NN_SEPARATE_KERNELS)
#include "nn/kernels/convolution/passes.hpp"
#endif

#endif  // NN_KERNELS_CONVOLUTION_HPP
