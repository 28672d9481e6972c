/// @file
/// Eigen, without the warnings of gcc 12.
#pragma once

// With AVX-512, gcc 12 and 13 take the vectors that its own headers leave undefined on purpose for
// values used uninitialised (gcc's bug 105593), and say so in every program that uses them. Only
// what is included here is excused.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <Eigen/Core>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
