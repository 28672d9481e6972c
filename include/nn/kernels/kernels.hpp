/// @file
/// The kernels, compiled once for a program of several files. To be included by all that use the
/// library, and in one file after
///
///     #define NN_COMPILE_KERNELS
///     #include <nn/kernels/kernels.hpp>
///
/// All with the same flags, for the kernels' instructions are those of that file. Without it the
/// linker misses `nn::gemm` and others. A program of one file does not need this header: there the
/// kernels are compiled as they are used.
#pragma once

#include "nn/kernels/convolution.hpp"
#include "nn/kernels/gemm.hpp"

/// @cond declared_and_documented_elsewhere
// NOLINTBEGIN(bugprone-macro-parentheses): T is a type
#ifdef NN_COMPILE_KERNELS
#define NN_INSTANCE template
#else
#define NN_INSTANCE extern template
#endif

#define NN_INSTANCES(T)                                                                            \
  NN_INSTANCE void gemm<T>(Transpose, Transpose, Index, Index, Index, const T*, Index, const T*,   \
                           Index, T*, Index, bool, const Epilogue<T>&);                            \
  NN_INSTANCE void sum_rows<T>(Index, Index, const T*, Index, T*, bool);                           \
  NN_INSTANCE Index convolution_scratch_bytes<T>(const ConvolutionGeometry&, ConvolutionPass,      \
                                                 ConvolutionAlgorithm);                            \
  NN_INSTANCE void convolution_forward<T>(const ConvolutionGeometry&, const T*, const T*, T*,      \
                                          const Epilogue<T>&, Arena, ConvolutionAlgorithm);        \
  NN_INSTANCE void convolution_backward_data<T>(const ConvolutionGeometry&, const T*, const T*,    \
                                                T*, const Epilogue<T>&, Arena,                     \
                                                ConvolutionAlgorithm);                             \
  NN_INSTANCE void convolution_backward_weights<T>(const ConvolutionGeometry&, const T*, const T*, \
                                                   T*, bool, Arena, ConvolutionAlgorithm);

namespace nn {

NN_INSTANCES(float)
NN_INSTANCES(double)

}  // namespace nn

#undef NN_INSTANCES
#undef NN_INSTANCE
// NOLINTEND(bugprone-macro-parentheses)
/// @endcond
