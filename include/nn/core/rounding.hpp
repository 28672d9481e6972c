/// @file
/// Which products are rounded by themselves.
///
/// A processor with fused multiply-add can round a * b + c once instead of twice, and compilers use
/// that as they see fit: gcc wherever it can, but for sums where it thinks the processor slow at
/// it; clang within an expression. So that every build has the same bits, what is to be fused is
/// written as `multiply_add` (kernels/simd/vector.hpp), and a product that is added to something
/// but is to be rounded by itself as `product`. docs/arithmetic.md says which is used where.
#pragma once

#include <type_traits>

#ifdef __FAST_MATH__
#error "nn needs exact arithmetic, without -ffast-math or -Ofast: it tells NaN from numbers"
#endif

namespace nn::detail {

/// a * b, rounded by itself whatever is done with it: never part of a fused multiply-add. Takes
/// numbers, vectors of them, or one of each.
template <class A, class B>
[[nodiscard, gnu::always_inline]] constexpr auto product(const A& a, const B& b) {
#if defined(__clang__)
#pragma clang fp contract(off)
  return a * b;
#else
  auto result = a * b;
  // To gcc a value that an assembler instruction, even none, may have changed is not a product.
#if defined(__x86_64__)
#if defined(__AVX512F__)
  constexpr bool fits_register = sizeof(result) <= 64;
#elif defined(__AVX__)
  constexpr bool fits_register = sizeof(result) <= 32;
#else  // a function with `#pragma GCC target` may still have such instructions
  constexpr bool fits_register = sizeof(result) <= 16;
#endif
  if (!std::is_constant_evaluated()) {
    if constexpr (std::is_same_v<decltype(result), long double>) {
      // has no fused multiply-add
    } else if constexpr (fits_register) {
      __asm__("" : "+x"(result));
    } else {
      __asm__("" : "+m"(result));
    }
  }
#elif defined(__aarch64__)
  if (!std::is_constant_evaluated()) {
    if constexpr (sizeof(result) <= 16 && !std::is_same_v<decltype(result), long double>) {
      __asm__("" : "+w"(result));
    } else {
      __asm__("" : "+m"(result));
    }
  }
#elif !defined(__i386__)
  if (!std::is_constant_evaluated()) __asm__("" : "+m"(result));
#endif
  return result;
#endif
}

}  // namespace nn::detail
