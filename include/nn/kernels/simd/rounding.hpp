/// @file
/// Products that are rounded by themselves, in the kernels.
#ifndef NN_KERNELS_SIMD_ROUNDING_HPP
#define NN_KERNELS_SIMD_ROUNDING_HPP

#include <cstddef>
#include <type_traits>

#include "nn/kernels/simd/instruction_set.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// a * b of numbers or vectors, or one of each, rounded by itself: `product` for this instruction
/// set.
template <class A, class B>
[[nodiscard, gnu::always_inline]] constexpr auto rounded_product(const A& a, const B& b) {
#if defined(__clang__)
#pragma clang fp contract(off)
  return a * b;
#else
  auto result = a * b;
#if NN_ISA_FMA || defined(__aarch64__)
  if (!std::is_constant_evaluated()) {
    constexpr std::size_t register_bytes = NN_ISA_AVX512 ? 64 : NN_ISA_AVX ? 32 : 16;
    if constexpr (std::is_same_v<decltype(result), long double>) {
      // has no fused multiply-add
    } else if constexpr (sizeof(result) > register_bytes) {
      __asm__("" : "+m"(result));
    } else {
#ifdef __aarch64__
      __asm__("" : "+w"(result));
#else
      __asm__("" : "+v"(result));
#endif
    }
  }
#endif
  return result;
#endif
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_SIMD_ROUNDING_HPP
