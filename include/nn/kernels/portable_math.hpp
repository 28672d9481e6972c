/// @file
/// Functions of numbers whose results have the same bits on every processor, by every compiler and
/// with every standard library, for programs whose own arithmetic should keep what the library's
/// promises (docs/arithmetic.md). `std::exp` and its kin differ in their last bits from library to
/// library, and a compiler may round `a * b + c` once or twice.
#pragma once

#include "nn/core/rounding.hpp"
#include "nn/kernels/simd/math.hpp"

namespace nn::portable {

/// a * b, rounded by itself: never part of a fused multiply-add with what it is added to.
template <class T>
[[nodiscard]] constexpr T product(T a, T b) {
  return detail::product(a, b);
}

/// e^x, to 1 unit in the last place.
template <class T>
[[nodiscard]] constexpr T exponential(T x) {
  return detail::exponential(x);
}

/// ln x, to 1 unit in the last place; minus infinity for 0, NaN below.
template <class T>
[[nodiscard]] constexpr T logarithm(T x) {
  return detail::logarithm(x);
}

/// The sine of x, in radians, to 1e-15 for |x| up to 1e5.
[[nodiscard]] constexpr double sine(double x) { return detail::sine(x); }

/// The cosine of x, likewise.
[[nodiscard]] constexpr double cosine(double x) { return detail::cosine(x); }

}  // namespace nn::portable
