/// @file
/// The three products of a two-dimensional convolution, channels last.
#ifndef NN_KERNELS_CONVOLUTION_HPP
#define NN_KERNELS_CONVOLUTION_HPP

#include "nn/core/activation.hpp"
#include "nn/core/memory.hpp"
#include "nn/kernels/convolution/algorithm.hpp"
#include "nn/kernels/convolution/geometry.hpp"
#include "nn/kernels/simd/instruction_set.hpp"

namespace nn::NN_ENTRANCES {

/// Bytes of scratch that one pass needs. They suffice for every smaller batch, too.
template <class T>
[[nodiscard]] Index convolution_scratch_bytes(
    const ConvolutionGeometry& geometry, ConvolutionPass pass,
    ConvolutionAlgorithm algorithm = ConvolutionAlgorithm::automatic);

/// y = the convolution of x with the weights, then the epilogue (its bias has one value a filter).
template <class T>
void convolution_forward(const ConvolutionGeometry& geometry, const T* x, const T* weights, T* y,
                         const Epilogue<T>& epilogue, Arena scratch,
                         ConvolutionAlgorithm algorithm = ConvolutionAlgorithm::automatic);

/// dx = the gradient of the input: the transposed convolution of dy with the weights, then the
/// epilogue (its bias has one value a channel), so that it is a transposed convolution's forward.
template <class T>
void convolution_backward_data(const ConvolutionGeometry& geometry, const T* dy, const T* weights,
                               T* dx, const Epilogue<T>& epilogue, Arena scratch,
                               ConvolutionAlgorithm algorithm = ConvolutionAlgorithm::automatic);

/// dweights = the gradient of the weights, added to what is there when `accumulate`.
template <class T>
void convolution_backward_weights(const ConvolutionGeometry& geometry, const T* x, const T* dy,
                                  T* dweights, bool accumulate, Arena scratch,
                                  ConvolutionAlgorithm algorithm = ConvolutionAlgorithm::automatic);

}  // namespace nn::NN_ENTRANCES

#if defined(NN_ISA_PASS) || !defined(NN_SEPARATE_KERNELS)
#include "nn/kernels/convolution/passes.hpp"
#endif

#endif  // NN_KERNELS_CONVOLUTION_HPP
