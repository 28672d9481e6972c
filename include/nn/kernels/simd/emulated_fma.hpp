/// @file
/// a * b + c in single precision, rounded once, for processors that have no instruction for it:
/// what NN_EMULATE_FMA makes of `multiply_add`.
#pragma once

#include <cstdint>
#include <cstring>

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

namespace nn::detail {

using FourFloats __attribute__((vector_size(16))) = float;
using FourWords __attribute__((vector_size(16))) = std::int32_t;
using TwoDoubles __attribute__((vector_size(16))) = double;
using TwoLongs __attribute__((vector_size(16))) = std::int64_t;

/// Whether a double lies in the middle between two floats.
[[nodiscard]] inline bool is_between_floats(double x) {
  std::int64_t bits = 0;
  std::memcpy(&bits, &x, sizeof(bits));
  return (bits & 0x1fffffff) == 0x10000000;
}

/// The double `sum`, which is product + c rounded, moved to the side of its neighbours on which the
/// exact sum lies. For sums in the middle between two floats, which the next rounding would take to
/// the even one, even if the exact sum is nearer to the other.
[[nodiscard]] inline double leaning(double product, double c, double sum) {
  // What the rounding has lost (Knuth, The Art of Computer Programming 2, section 4.2.2).
  const double others = sum - product;
  const double lost = (product - (sum - others)) + (c - others);
  if (lost == 0) return sum;
  std::int64_t bits = 0;
  std::memcpy(&bits, &sum, sizeof(bits));
  bits += (lost > 0) == (sum > 0) ? 1 : -1;
  std::memcpy(&sum, &bits, sizeof(bits));
  return sum;
}

/// The same for two sums, of which one or none is such a one.
[[nodiscard, gnu::noinline, gnu::cold]] inline TwoDoubles leaning(TwoDoubles product, TwoDoubles c,
                                                                  TwoDoubles sum) {
  for (int i = 0; i < 2; ++i) {
    if (is_between_floats(sum[i])) sum[i] = leaning(product[i], c[i], sum[i]);
  }
  return sum;
}

[[nodiscard, gnu::always_inline]] inline TwoDoubles lower_doubles(const FourFloats& x) {
#ifdef __wasm_simd128__
  return TwoDoubles(wasm_f64x2_promote_low_f32x4(v128_t(x)));
#else
  return __builtin_convertvector(__builtin_shufflevector(x, x, 0, 1), TwoDoubles);
#endif
}

[[nodiscard, gnu::always_inline]] inline TwoDoubles upper_doubles(const FourFloats& x) {
  return lower_doubles(__builtin_shufflevector(x, x, 2, 3, 2, 3));
}

/// Four doubles, rounded.
[[nodiscard, gnu::always_inline]] inline FourFloats floats_of(const TwoDoubles& lower,
                                                              const TwoDoubles& upper) {
#ifdef __wasm_simd128__
  const FourFloats low(wasm_f32x4_demote_f64x2_zero(v128_t(lower)));
  const FourFloats high(wasm_f32x4_demote_f64x2_zero(v128_t(upper)));
  return __builtin_shufflevector(low, high, 0, 1, 4, 5);
#else
  using TwoFloats __attribute__((vector_size(8))) = float;
  return __builtin_shufflevector(__builtin_convertvector(lower, TwoFloats),
                                 __builtin_convertvector(upper, TwoFloats), 0, 1, 2, 3);
#endif
}

/// a * b + c, each lane rounded once. In double precision the product is exact, so there is one
/// rounding of the sum to double and another to float. Two roundings are one but where the first
/// ends in the middle between two floats, whose last 29 bits are 1 and zeros; these sums, one in
/// 500 million by chance, are looked at again.
///
/// Results below the least normal number (1.2e-38) may be rounded twice.
[[nodiscard, gnu::always_inline]] inline FourFloats emulated_fma(const FourFloats& a,
                                                                 const FourFloats& b,
                                                                 const FourFloats& c) {
  const TwoDoubles product = lower_doubles(a) * lower_doubles(b);
  const TwoDoubles upper_product = upper_doubles(a) * upper_doubles(b);
  const TwoDoubles term = lower_doubles(c);
  const TwoDoubles upper_term = upper_doubles(c);
  TwoDoubles sum = product + term;
  TwoDoubles upper_sum = upper_product + upper_term;
  const FourWords last = __builtin_shufflevector(FourWords(sum), FourWords(upper_sum), 0, 2, 4, 6);
  const FourWords middle = (last << 3) == INT32_MIN;
#ifdef __wasm_simd128__
  const bool any = wasm_v128_any_true(v128_t(middle));
#else
  const auto found = TwoLongs(middle);
  const bool any = (found[0] | found[1]) != 0;
#endif
  if (__builtin_expect(static_cast<long>(any), 0) != 0) {
    sum = leaning(product, term, sum);
    upper_sum = leaning(upper_product, upper_term, upper_sum);
  }
  return floats_of(sum, upper_sum);
}

/// The same for one number.
[[nodiscard]] inline float emulated_fma(float a, float b, float c) {
  const double product = static_cast<double>(a) * static_cast<double>(b);
  const auto term = static_cast<double>(c);
  const double sum = product + term;
  return static_cast<float>(is_between_floats(sum) ? leaning(product, term, sum) : sum);
}

}  // namespace nn::detail
