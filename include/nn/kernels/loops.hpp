/// @file
/// The loops over elements that layers, losses and optimizers call: each with a fixed order of
/// adding and rounding (docs/arithmetic.md), and compiled for each instruction set as the other
/// kernels are. What each does stands at its definition, in the folder loops.
///
/// A new loop is a function in one of those files and a line in loops/list.hpp. To a program whose
/// kernels are compiled apart, those files are empty.
#ifndef NN_KERNELS_LOOPS_HPP
#define NN_KERNELS_LOOPS_HPP

#include "nn/kernels/loops/list.hpp"
#include "nn/kernels/simd/instruction_set.hpp"

#if defined(NN_ISA_PASS) || !defined(NN_SEPARATE_KERNELS)
#include "nn/kernels/loops/attention.hpp"
#include "nn/kernels/loops/elementwise.hpp"
#include "nn/kernels/loops/functions.hpp"
#include "nn/kernels/loops/normalize.hpp"
#include "nn/kernels/loops/pooling.hpp"
#include "nn/kernels/loops/recurrent.hpp"
#include "nn/kernels/loops/softmax.hpp"
#include "nn/kernels/loops/steps.hpp"
#else
namespace nn::detail::NN_ENTRANCES {

/// @cond list
// NOLINTBEGIN(bugprone-macro-parentheses): a type, names and lists in brackets
#define NN_DECLARE(T, result, name, member, parameters, arguments) \
  template <class T>                                               \
  result name parameters;
NN_LOOPS(NN_DECLARE, T)
#undef NN_DECLARE
// NOLINTEND(bugprone-macro-parentheses)
/// @endcond

}  // namespace nn::detail::NN_ENTRANCES
#endif

#endif  // NN_KERNELS_LOOPS_HPP
