/// @file
/// Where the kernels of one instruction set are found when a program runs.
#pragma once

#include <string>
#include <string_view>

#include "nn/core/memory.hpp"
#include "nn/kernels/convolution/call.hpp"
#include "nn/kernels/gemm/problem.hpp"
#include "nn/kernels/loops/list.hpp"

namespace nn::detail {

/// The entrances for numbers of one type.
template <class T>
struct KernelsOf {
  Algorithm (*gemm)(const GemmProblem<T>&);
  void (*sum_rows)(Index, Index, const T*, Index, T*, bool);
  Index (*convolution_scratch_bytes)(const ConvolutionGeometry&, ConvolutionPass, Algorithm);
  Algorithm (*convolution)(const ConvolutionCall<T>&, Arena);
  LoopsOf<T> loops;
};

/// Those of one instruction set.
struct Kernels {
  std::string_view name;  ///< "avx2", as NN_INSTRUCTION_SET takes it
  KernelsOf<float> of_float;
  KernelsOf<double> of_double;
};

/// The kernels that this program uses, chosen by the first call.
/// @throws Error when the environment asks for kernels that are not there, or not for this machine.
[[nodiscard]] const Kernels& kernels_in_use();

/// The names of those that it could use on this processor, from the lowest up, with commas.
[[nodiscard]] std::string kernels_to_choose_from();

}  // namespace nn::detail
