/// @file
/// How this program was built, as far as its speed depends on it.
#pragma once

#include <string>

#include "nn/core/eigen.hpp"
#include "nn/core/error.hpp"
#include "nn/core/parallel.hpp"
#include "nn/kernels/table.hpp"

namespace nn {

namespace detail {

[[nodiscard]] inline std::string instruction_set() {
#ifdef NN_SEPARATE_KERNELS
  return text("kernels for ", kernels_in_use().name, " (of ", kernels_to_choose_from(), ")");
#elif defined(__AVX512F__)
  return "AVX-512";
#elif defined(__AVX2__) && defined(__FMA__)
  return "AVX2 with FMA";
#elif defined(__AVX__)
  return "AVX";
#elif defined(__SSE4_2__)
  return "SSE4.2";
#elif defined(__SSE2__) || defined(_M_X64)
  return "SSE2";
#elif defined(__ARM_NEON)
  return "NEON";
#else
  return "no vector instructions";
#endif
}

[[nodiscard]] inline std::string compiler() {
#if defined(__clang__)
  return text("clang ", __clang_major__, ".", __clang_minor__, ".", __clang_patchlevel__);
#elif defined(__GNUC__)
  return text("gcc ", __GNUC__, ".", __GNUC_MINOR__, ".", __GNUC_PATCHLEVEL__);
#else
  return "an unknown compiler";
#endif
}

/// What makes this program slower than it could be, in words; empty for nothing.
[[nodiscard]] inline std::string build_warning() {
#if (defined(__GNUC__) || defined(__clang__)) && !defined(__OPTIMIZE__)
  return "NOT OPTIMISED, expect it to be ten times slower and more: build with "
         "-DCMAKE_BUILD_TYPE=Release, or -O3";
#elif (defined(__x86_64__) || defined(_M_X64)) && !defined(__AVX__) && !defined(NN_SEPARATE_KERNELS)
  return "built for any x86-64: nn::kernels, or -march=native, would let it use this processor's "
         "vectors";
#else
  return "";
#endif
}

}  // namespace detail

/// One line: instruction set (with nn/kernels/kernels.hpp, the kernels chosen and those to choose
/// from), threads, Eigen, compiler and kind of build, with a warning when the
/// build is not optimised.
[[nodiscard]] inline std::string build_info() {
#ifdef _OPENMP
  const std::string parallel = detail::text(threads(), threads() == 1 ? " thread" : " threads");
#else
  const std::string parallel = "1 thread (built without OpenMP)";
#endif
#ifdef NDEBUG
  const std::string kind = "release";
#else
  const std::string kind = "with assertions";
#endif
  const std::string warning = detail::build_warning();
  return detail::text(detail::instruction_set(), ", ", parallel, ", Eigen ", EIGEN_WORLD_VERSION,
                      ".", EIGEN_MAJOR_VERSION, ".", EIGEN_MINOR_VERSION, ", ", detail::compiler(),
                      ", ", kind, warning.empty() ? "" : "; ", warning);
}

}  // namespace nn
