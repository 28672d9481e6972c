/// @file
/// Functions that are the same bits on every processor: exp, log, tanh and others, of numbers and
/// of vectors, lane by lane. They are made of additions, multiplications and divisions that are
/// each rounded by themselves, where the C library's and Eigen's differ from one to the next.
///
/// Errors are in units in the last place (ulp) of the result, the largest found over dense samples
/// (tests/math_test.cpp). The polynomials are Chebyshev fits. A NaN stays one.
#ifndef NN_KERNELS_SIMD_MATH_HPP
#define NN_KERNELS_SIMD_MATH_HPP

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "nn/core/shape.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/rounding.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// What a number or a vector is made of, and integers as wide.
template <class V, bool = std::is_floating_point_v<V>>
struct VectorTraits {
  using Element = std::remove_cvref_t<decltype(std::declval<V&>()[0])>;
  using Integer = decltype(std::declval<V>() < std::declval<V>());
};
template <class T>
struct VectorTraits<T, true> {
  using Element = T;
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
};
template <class V>
using ElementOf = typename VectorTraits<V>::Element;

/// The bits of `from` as those of another type.
template <class To, class From>
[[nodiscard, gnu::always_inline]] constexpr To bits_as(const From& from) {
  return __builtin_bit_cast(To, from);
}

/// `value` in every lane.
template <class V>
[[nodiscard, gnu::always_inline]] constexpr V filled(double value) {
  return static_cast<ElementOf<V>>(value) - V{};
}

/// c0 + c1 x + c2 x^2 + ... by Horner's rule. Written out: a loop is left as one by gcc at -O2,
/// which then makes every coefficient a vector anew for every x.
template <class V, std::size_t N, std::size_t... K>
[[nodiscard, gnu::always_inline]] constexpr V polynomial_of(const V& x,
                                                            const std::array<double, N>& c,
                                                            std::index_sequence<K...> /*terms*/) {
  V sum = filled<V>(c[N - 1]);
  ((sum = rounded_product(sum, x) + filled<V>(c[N - 2 - K])), ...);
  return sum;
}
template <class V, std::size_t N>
[[nodiscard, gnu::always_inline]] constexpr V polynomial_of(const V& x,
                                                            const std::array<double, N>& c) {
  return polynomial_of(x, c, std::make_index_sequence<N - 1>{});
}

/// What the functions need of a format.
template <class T>
struct FloatFormat;
template <>
struct FloatFormat<float> {
  static constexpr int mantissa = 23;
  static constexpr std::int32_t bias = 127;
  static constexpr double to_integer = 0x1.8p23;    ///< added, leaves an integer in the last bits
  static constexpr double ln2_high = 0.6923828125;  ///< 10 bits, so that products are exact
  static constexpr double ln2_low = 0.0007643680599453094172321215;
  static constexpr double exp_least = -104;  ///< below, exp is 0
  static constexpr double exp_most = 89;     ///< above, it is infinite
  static constexpr std::int32_t sqrt_half = 0x3f3504f3;
  static constexpr double scale_up = 0x1p24;  ///< takes subnormal numbers to normal ones
  static constexpr std::array<double, 6> exp{0.50000000136201386764,   0.16666666681794625246,
                                             0.041666463386339526929,  0.008333310754576892517,
                                             0.0013933820489776019292, 0.0001989118015828214244};
  static constexpr std::array<double, 4> log{0.66666666553525361816, 0.40000122633698782862,
                                             0.28550730844773806074, 0.23332912804368642451};
  static constexpr std::array<double, 11> erfc{
      0.25539567631050574387,      0.17179015627467719916,    0.069867972898277676805,
      0.0091108745572907205147,    -0.0053766554413731292838, -0.0016218665338989730871,
      0.00076692352216885757346,   0.00021552001082114163528, -0.00015235954320614332612,
      -0.000018382180817855976727, 0.000022144207335727587711};
};
template <>
struct FloatFormat<double> {
  static constexpr int mantissa = 52;
  static constexpr std::int64_t bias = 1023;
  static constexpr double to_integer = 0x1.8p52;
  static constexpr double ln2_high = 0x1.62e42fefp-1;  ///< 33 bits
  static constexpr double ln2_low = 7.440617110012396716130157e-11;
  static constexpr double exp_least = -746;
  static constexpr double exp_most = 710;
  static constexpr std::int64_t sqrt_half = 0x3fe6a09e667f3bcd;
  static constexpr double scale_up = 0x1p54;
  static constexpr std::array<double, 12> exp{
      0.49999999999999999998,     0.16666666666666666667,   0.041666666666666676968,
      0.0083333333333333340199,   0.0013888888888878923771, 0.00019841269841263199002,
      0.000024801587336841621831, 2.7557319247484928842e-6, 2.7557262852470398052e-7,
      2.5052070809943926359e-8,   2.0918295266435272521e-9, 1.6086732952745415107e-10};
  static constexpr std::array<double, 8> log{0.66666666666666666461, 0.40000000000000890358,
                                             0.28571428570795430945, 0.22222222393566608674,
                                             0.18181795442371985421, 0.15386250447940188611,
                                             0.13268485680654426838, 0.13089629160674622641};
  static constexpr std::array<double, 27> erfc{
      0.25539567631050574387,    0.17179017110345255688,     0.069868023139013681527,
      0.0091105578767307083775,  -0.0053776654723716060387,  -0.0016197962673275070285,
      0.0007726530148281084661,  0.00020932402215890383142,  -0.00016576837726847050659,
      -8.5929200798368163094e-6, 0.000036117699050116606817, -8.5368701368131306144e-6,
      -5.4241330850273590911e-6, 4.028872093674045154e-6,    -2.8110086946471818661e-7,
      -9.0737511541984372355e-7, 4.9984052989545606654e-7,   -7.0865741284022794026e-9,
      -1.4192016684791096038e-7, 8.9541395075628029055e-8,   -1.6439818113801778627e-9,
      -3.4957995629055515553e-8, 1.4997898454574925143e-8,   6.6549142058527095935e-9,
      -5.0389068484937160898e-9, -5.3698532453038882604e-10, 6.2829361342980985316e-10};
};

/// x = count * ln 2 + rest, with |rest| <= ln 2 / 2, and exp(rest) - 1 - rest = rest^2 * series.
template <class V>
struct ExponentialParts {
  using Format = FloatFormat<ElementOf<V>>;
  using Integer = typename VectorTraits<V>::Integer;

  Integer count;
  V rest;
  V square_series;

  [[gnu::always_inline]] explicit constexpr ExponentialParts(const V& x) {
    const V magic = filled<V>(Format::to_integer);
    const V shifted = rounded_product(x, filled<V>(1.442695040888963407359924681)) + magic;
    count = bits_as<Integer>(shifted) - bits_as<Integer>(magic);
    const V whole = shifted - magic;
    rest = (x - rounded_product(whole, filled<V>(Format::ln2_high))) -
           rounded_product(whole, filled<V>(Format::ln2_low));
    square_series = rounded_product(rounded_product(rest, rest), polynomial_of(rest, Format::exp));
  }

  /// 2^n for n in the range of the format's exponents.
  [[nodiscard, gnu::always_inline]] static constexpr V power_of_two(const Integer& n) {
    return bits_as<V>((n + Format::bias) << Format::mantissa);
  }
};

/// e^x, to 1 ulp.
template <class V>
[[nodiscard, gnu::always_inline]] constexpr V exponential(const V& x) {
  using Parts = ExponentialParts<V>;
  const V least = filled<V>(Parts::Format::exp_least);
  const V most = filled<V>(Parts::Format::exp_most);
  const V above = x < least ? least : x;
  const Parts parts(above > most ? most : above);
  const V value = (parts.square_series + parts.rest) + filled<V>(1);
  // In two steps, since 2^count itself may be beyond the normal numbers.
  const auto half = parts.count >> 1;
  return rounded_product(rounded_product(value, Parts::power_of_two(half)),
                         Parts::power_of_two(parts.count - half));
}

/// e^x - 1 for x <= 0, to 2 ulp.
template <class V>
[[nodiscard, gnu::always_inline]] constexpr V exponential_minus_1(const V& x) {
  using Parts = ExponentialParts<V>;
  const V least = filled<V>(-0.5 * FloatFormat<ElementOf<V>>::exp_most);  // where it has been -1
  const Parts parts(x < least ? least : x);
  const V factor = Parts::power_of_two(parts.count);
  return rounded_product(parts.square_series + parts.rest, factor) + (factor - filled<V>(1));
}

/// ln x for x >= 0, to 1 ulp.
template <class V>
[[nodiscard, gnu::always_inline]] constexpr V logarithm(const V& x) {
  using T = ElementOf<V>;
  using Format = FloatFormat<T>;
  using Integer = typename VectorTraits<V>::Integer;
  const V one = filled<V>(1);
  const V normal = filled<V>(static_cast<double>(std::numeric_limits<T>::min()));
  const V up = x < normal ? filled<V>(Format::scale_up) : one;
  const V scaled = rounded_product(x, up);
  const V zero{};
  // x = m * 2^count with m from sqrt(1/2) to sqrt(2); ln m = 2 artanh(s) with s = (m - 1) / (m +
  // 1).
  const auto bits = bits_as<Integer>(scaled);
  const auto count = (bits - Format::sqrt_half) >> Format::mantissa;
  const V m = bits_as<V>(bits - (count << Format::mantissa));
  const V magic = filled<V>(Format::to_integer);
  const V exponent = bits_as<V>(count + bits_as<Integer>(magic)) - magic -
                     (x < normal ? filled<V>(Format::mantissa + 1 + Format::mantissa / 52) : zero);
  const V f = m - one;
  const V s = f / (m + one);
  const V square = rounded_product(s, s);
  const V series = rounded_product(square, polynomial_of(square, Format::log));
  const V low =
      rounded_product(exponent, filled<V>(Format::ln2_low)) - rounded_product(s, f - series);
  const V result = rounded_product(exponent, filled<V>(Format::ln2_high)) + (f + low);
  const V infinity = filled<V>(std::numeric_limits<double>::infinity());
  const V at_ends = x == zero ? zero - infinity : x < infinity ? result : x;
  // NOLINTNEXTLINE(misc-redundant-expression): it is NaN
  return x < zero ? infinity - infinity : at_ends;
}

/// ln(1 + x) for 0 <= x <= 1, to 2 ulp.
template <class V>
[[nodiscard, gnu::always_inline]] constexpr V logarithm_of_1_plus(const V& x) {
  const V one = filled<V>(1);
  const V sum = one + x;
  return logarithm(sum) - ((sum - one) - x) / sum;
}

/// 1 / (1 + e^-x), to 3 ulp.
template <class V>
[[nodiscard, gnu::always_inline]] constexpr V logistic(const V& x) {
  const V one = filled<V>(1);
  return one / (one + exponential(-x));
}

/// tanh x, to 3 ulp.
template <class V>
[[nodiscard, gnu::always_inline]] constexpr V hyperbolic_tangent(const V& x) {
  const V zero{};
  const V below = x > zero ? -x : x;
  const V e = exponential_minus_1(below + below);  // of -2 |x|
  const V size = e / (e + filled<V>(2));           // -tanh |x|
  return x > zero ? -size : size;
}

/// e^(-x^2 / 2), to (1 + x^2 / 2) ulp.
template <class V>
[[nodiscard, gnu::always_inline]] constexpr V normal_decline(const V& x) {
  return exponential(rounded_product(x, rounded_product(x, filled<V>(-0.5))));
}

/// P(a standard normal variable is below x): for x > -1 to 5 ulp; below, where it fades, to
/// (5 + x^2 / 2) ulp.
/// @param decline normal_decline(x)
template <class V>
[[nodiscard, gnu::always_inline]] constexpr V normal_probability(const V& x, const V& decline) {
  const V zero{};
  const V one = filled<V>(1);
  const V two = filled<V>(2);
  const V far = filled<V>(40);  // where nothing is left
  const V distance = rounded_product(x > zero ? x : -x, filled<V>(0.70710678118654752440));
  const V z = distance < far ? distance : far;
  // erfc z = e^(-z^2) (1 + u) series(u) with u = (2 - z) / (2 + z), which is from -1 to 1.
  const V u = (two - z) / (two + z);
  const V series = rounded_product(one + u, polynomial_of(u, FloatFormat<ElementOf<V>>::erfc));
  const V tail = rounded_product(rounded_product(series, filled<V>(0.5)), decline);
  return x > zero ? one - tail : tail;
}
template <class V>
[[nodiscard, gnu::always_inline]] constexpr V normal_probability(const V& x) {
  return normal_probability(x, normal_decline(x));
}

/// x^n, by squaring: each factor has an error of at most n / 2 ulp.
[[nodiscard]] constexpr double power(double x, Index n) {
  double result = 1;
  for (double square = x; n > 0; n /= 2) {
    if (n % 2 != 0) result = rounded_product(result, square);
    square = rounded_product(square, square);
  }
  return result;
}

/// x^y for x >= 0, to (2 + |y ln x|) ulp.
[[nodiscard]] constexpr double power(double x, double y) {
  if (y == 0) return 1;
  return exponential(rounded_product(y, logarithm(x)));
}

/// The sine of x + turns * pi / 2, to 1e-15 for |x| up to 1e5.
[[nodiscard]] constexpr double sine_of_turned(double x, int turns) {
  constexpr double magic = FloatFormat<double>::to_integer;
  const double shifted = rounded_product(x, 0.63661977236758134308) + magic;
  const double whole = shifted - magic;
  // pi / 2 in three parts, so that the products by the first two are exact.
  const double r =
      ((x - rounded_product(whole, 0x1.921fb544p+0)) - rounded_product(whole, 0x1.0b4611a6p-34)) -
      rounded_product(whole, 2.022266248795950732399685e-21);
  const double z = rounded_product(r, r);
  const auto quadrant =
      static_cast<int>((bits_as<std::int64_t>(shifted) - bits_as<std::int64_t>(magic) + turns) & 3);
  constexpr std::array<double, 7> sine{-0.16666666666666666665,    0.0083333333333333314699,
                                       -0.00019841269841265017028, 2.7557319219301918704e-6,
                                       -2.5052106219521894233e-8,  1.6058529572267876353e-10,
                                       -7.5865765881710724626e-13};
  constexpr std::array<double, 7> cosine{0.041666666666666666666,    -0.0013888888888888887853,
                                         0.000024801587301584619787, -2.7557319221382115583e-7,
                                         2.087675578389403842e-9,    -1.1470459749675606144e-11,
                                         4.745804889760674174e-14};
  const double value = quadrant % 2 == 0
                           ? r + rounded_product(rounded_product(r, z), polynomial_of(z, sine))
                           : (1 - rounded_product(0.5, z)) +
                                 rounded_product(rounded_product(z, z), polynomial_of(z, cosine));
  return quadrant < 2 ? value : -value;
}

/// sin x, as said there.
[[nodiscard]] constexpr double sine(double x) { return sine_of_turned(x, 0); }
/// cos x, likewise.
[[nodiscard]] constexpr double cosine(double x) { return sine_of_turned(x, 1); }

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_SIMD_MATH_HPP
