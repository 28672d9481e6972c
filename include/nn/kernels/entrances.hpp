/// @file
/// All functions of the kernels that layers and others call, and, under NN_ISA_PASS, a table of
/// those of that instruction set.
#ifndef NN_KERNELS_ENTRANCES_HPP
#define NN_KERNELS_ENTRANCES_HPP

#include "nn/kernels/convolution.hpp"
#include "nn/kernels/gemm.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/table.hpp"

#ifdef NN_ISA_PASS
namespace nn::detail::NN_ISA {

/// @cond list
#define NN_ENTRY(T, result, name, member, parameters, arguments) .member = name<T>,
template <class T>
inline constexpr LoopsOf<T> loops_of{NN_LOOPS(NN_ENTRY, T)};
#undef NN_ENTRY
/// @endcond

template <class T>
inline constexpr KernelsOf<T> kernels_of{
    .gemm = nn::NN_ISA::gemm<T>,
    .sum_rows = nn::NN_ISA::sum_rows<T>,
    .convolution_scratch_bytes = nn::NN_ISA::convolution_scratch_bytes<T>,
    .convolution = nn::NN_ISA::convolution<T>,
    .loops = loops_of<T>,
};

#define NN_TEXT_OF(name) #name
#define NN_NAME_OF(macro) NN_TEXT_OF(macro)
extern const Kernels kernels;
const Kernels kernels{NN_NAME_OF(NN_ISA), kernels_of<float>, kernels_of<double>};
#undef NN_NAME_OF
#undef NN_TEXT_OF

}  // namespace nn::detail::NN_ISA
#endif

#endif  // NN_KERNELS_ENTRANCES_HPP
