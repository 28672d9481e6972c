/// @file
/// The processor's instructions by name, without the warnings of gcc 12.
#pragma once

#if defined(__SSE2__) && !defined(__EMSCRIPTEN__)

// With AVX-512, gcc 12 and 13 take the vectors that their own header leaves undefined on purpose
// for values used uninitialised (gcc's bug 105593), and say so wherever they are used.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <immintrin.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#elif defined(__aarch64__)
#include <arm_neon.h>
#endif
