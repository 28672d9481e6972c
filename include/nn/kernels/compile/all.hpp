/// @file
/// Compiles the kernels: in nn::baseline for the instruction set of the compiler's flags, whatever
/// its name is then, and on x86-64 in nn::avx2 and nn::avx512 for those beyond it.
///
/// The others are not compiled with other flags, but within `#pragma GCC target`, after all that
/// the kernels include. So what they use of the standard library and of nn/core, of which the
/// linker keeps one copy for the whole program, never has instructions that a processor may lack;
/// what has them is in a namespace of its own. NN_KERNELS_PART makes it one of the parts below
/// alone, to compile them at the same time: 1 to 3 as NN_ISA_PASS, 0 what chooses, and 4 the layers
/// of chains known at run time, which are no kernels but compiled here once as well.
#pragma once

#ifdef NN_KERNELS_SIMD_VECTOR_HPP
#error "the kernels have to be compiled before any other header of the library is included"
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numbers>
#include <numeric>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "nn/core/activation.hpp"
#include "nn/core/error.hpp"
#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"
#include "nn/core/shape.hpp"
#include "nn/core/workspace.hpp"
#include "nn/kernels/check.hpp"
#include "nn/kernels/choose.hpp"
#include "nn/kernels/convolution/blocking.hpp"
#include "nn/kernels/convolution/call.hpp"
#include "nn/kernels/convolution/gather.hpp"
#include "nn/kernels/convolution/geometry.hpp"
#include "nn/kernels/gemm/problem.hpp"
#include "nn/kernels/loops/list.hpp"
#include "nn/kernels/scratch.hpp"
#include "nn/kernels/simd/intrinsics.hpp"
#ifdef NN_EMULATE_FMA
#include "nn/kernels/simd/emulated_fma.hpp"
#endif
#include "nn/kernels/table.hpp"
#include "nn/kernels/winograd/grid.hpp"

// What there is besides the instruction set of the flags.
#include "nn/kernels/simd/instruction_set.hpp"
#if defined(__x86_64__) && !NN_ISA_AVX512
#define NN_COMPILES_AVX512 1
#if !NN_ISA_FMA
#define NN_COMPILES_AVX2 1
#endif
#endif
#ifndef NN_COMPILES_AVX2
#define NN_COMPILES_AVX2 0
#endif
#ifndef NN_COMPILES_AVX512
#define NN_COMPILES_AVX512 0
#endif

#ifndef NN_KERNELS_PART
#define NN_KERNELS_PART -1
#endif

#if NN_COMPILES_AVX2 && (NN_KERNELS_PART == -1 || NN_KERNELS_PART == 2)
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt")
#endif
#define NN_ISA_PASS 2
#include "nn/kernels/entrances.hpp"
#undef NN_ISA_PASS
#include "nn/kernels/compile/again.hpp"
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

#if NN_COMPILES_AVX512 && (NN_KERNELS_PART == -1 || NN_KERNELS_PART == 3)
#ifdef __clang__
#pragma clang attribute push(                                                                 \
    __attribute__((target(                                                                    \
        "avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512cd,avx512dq,avx512vl"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target( \
    "avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512cd,avx512dq,avx512vl")
#endif
#define NN_ISA_PASS 3
#include "nn/kernels/entrances.hpp"
#undef NN_ISA_PASS
#include "nn/kernels/compile/again.hpp"
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

// The last one, so that what else this file includes of the kernels finds them as they are here.
#if NN_KERNELS_PART == -1 || NN_KERNELS_PART == 1
#define NN_ISA_PASS 1
#include "nn/kernels/entrances.hpp"
#undef NN_ISA_PASS
namespace nn::detail {
using namespace NN_ISA;
}
#define NN_ISA_DECLARED
#endif

// For layers, the entrances are those that choose.
#undef NN_KERNELS_CONVOLUTION_HPP
#undef NN_KERNELS_ENTRANCES_HPP
#undef NN_KERNELS_GEMM_HPP
#undef NN_KERNELS_LOOPS_HPP
#if NN_KERNELS_PART == -1 || NN_KERNELS_PART == 0
#include "nn/kernels/compile/dispatch.hpp"
#endif
#if NN_KERNELS_PART == -1 || NN_KERNELS_PART == 4
#include "nn/kernels/compile/layers.hpp"
#endif
