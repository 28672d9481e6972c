/// @file
/// The kernels compiled apart from the programs that use them, once for each instruction set, of
/// which the best that the processor has is chosen when the program runs. All files that use the
/// library are compiled with NN_SEPARATE_KERNELS defined, or include this before any other of its
/// headers; and one file holds the kernels:
///
///     #define NN_COMPILE_KERNELS
///     #include <nn/kernels/kernels.hpp>
///
/// It needs no flags but for optimisation (-O3). In CMake, linking to nn::kernels does both. A
/// program without this header compiles the kernels as it uses them, for the processor that its
/// flags name.
#pragma once

#if !defined(NN_SEPARATE_KERNELS) && defined(NN_KERNELS_SIMD_VECTOR_HPP)
#error \
    "<nn/kernels/kernels.hpp> has to come before the library's other headers (or define \
NN_SEPARATE_KERNELS)"
#endif
#ifndef NN_SEPARATE_KERNELS
#define NN_SEPARATE_KERNELS
#endif

#ifdef NN_COMPILE_KERNELS
#include "nn/kernels/compile/all.hpp"
#endif
#include "nn/kernels/entrances.hpp"
