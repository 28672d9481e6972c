/// @file
/// The instruction set that the kernels are compiled for, and the namespace that bears its name.
///
/// The kernels' headers have no `#pragma once`, since nn/kernels/compile/all.hpp includes them once
/// for each instruction set: under NN_ISA_PASS 1 for that of the compiler's flags, 2 for AVX2 with
/// FMA and 3 for AVX-512. Without it, in a program that compiles the kernels as it uses them, that
/// of the flags is all there is. In the kernels these macros stand for the compiler's own
/// (`__AVX512F__`): gcc does not change its own under `#pragma GCC target`.
///
/// | macro | what it is |
/// |---|---|
/// | NN_ISA | the namespace in nn::detail: `baseline`, `avx`, `avx2`, `avx512`, `neon` |
/// | NN_ISA_NAMESPACE | the same, inline where it is the only one |
/// | NN_ENTRANCES | the namespace of the functions for layers, in nn: the same, or `dispatched` |
/// | NN_ISA_AVX, NN_ISA_FMA, NN_ISA_AVX512 | whether there is that; 1 or 0 |

// No guard: it is asked anew by each header.
#undef NN_ISA
#undef NN_ISA_NAMESPACE
#undef NN_ENTRANCES
#undef NN_ISA_AVX
#undef NN_ISA_FMA
#undef NN_ISA_AVX512

#if (defined(NN_ISA_PASS) && NN_ISA_PASS == 3) ||                              \
    (defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && \
     defined(__AVX512VL__) && defined(__FMA__))
#define NN_ISA avx512
#define NN_ISA_AVX 1
#define NN_ISA_FMA 1
#define NN_ISA_AVX512 1
#elif (defined(NN_ISA_PASS) && NN_ISA_PASS == 2) || (defined(__AVX2__) && defined(__FMA__))
#define NN_ISA avx2
#define NN_ISA_AVX 1
#define NN_ISA_FMA 1
#define NN_ISA_AVX512 0
#elif defined(__AVX__)
#define NN_ISA avx
#define NN_ISA_AVX 1
#define NN_ISA_FMA 0
#define NN_ISA_AVX512 0
#else
#ifdef __aarch64__
#define NN_ISA neon
#else
#define NN_ISA baseline
#endif
#define NN_ISA_AVX 0
#define NN_ISA_FMA 0
#define NN_ISA_AVX512 0
#endif

#ifdef NN_ISA_PASS
#define NN_ISA_NAMESPACE NN_ISA
#define NN_ENTRANCES NN_ISA
#elif defined(NN_SEPARATE_KERNELS)
#ifdef NN_ISA_DECLARED  // by the file that compiles the kernels, where it is one of several
#define NN_ISA_NAMESPACE NN_ISA
#else
#define NN_ISA_NAMESPACE inline NN_ISA
#endif
#define NN_ENTRANCES inline dispatched
#else
#define NN_ISA_NAMESPACE inline NN_ISA
#define NN_ENTRANCES inline NN_ISA
#endif
