/// @file
/// The smooth activations, and their gradients.
#if !defined(NN_KERNELS_LOOPS_FUNCTIONS_HPP) && \
    (defined(NN_ISA_PASS) || !defined(NN_SEPARATE_KERNELS))
#define NN_KERNELS_LOOPS_FUNCTIONS_HPP

#include <numbers>

#include "nn/kernels/loops/settings.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/lanes.hpp"
#include "nn/kernels/simd/math.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// @{ f(v), and g * f'(v) or what it is as a function of the output.
template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V value_of(const SigmoidFunction& /*f*/, const V& v) {
  return logistic(v);
}
template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V gradient_of(const SigmoidFunction& /*f*/, const V& v,
                                                       const V& g) {
  return g * (v * (T(1) - v));
}

template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V value_of(const TanhFunction& /*f*/, const V& v) {
  return hyperbolic_tangent(v);
}
template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V gradient_of(const TanhFunction& /*f*/, const V& v,
                                                       const V& g) {
  return g * (T(1) - rounded_product(v, v));
}

template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V value_of(const EluFunction& f, const V& v) {
  const V zero{};
  return v > zero ? v : static_cast<T>(f.alpha) * exponential_minus_1(v > zero ? zero : v);
}
template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V gradient_of(const EluFunction& f, const V& v,
                                                       const V& g) {
  const V zero{};
  return v > zero ? g : g * (v + static_cast<T>(f.alpha));
}

template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V value_of(const SeluFunction& /*f*/, const V& v) {
  const V zero{};
  return v > zero ? T(SeluFunction::lambda) * v
                  : T(SeluFunction::lambda * SeluFunction::alpha) *
                        exponential_minus_1(v > zero ? zero : v);
}
template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V gradient_of(const SeluFunction& /*f*/, const V& v,
                                                       const V& g) {
  const V zero{};
  return v > zero ? T(SeluFunction::lambda) * g
                  : g * (v + T(SeluFunction::lambda * SeluFunction::alpha));
}

template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V value_of(const ClipFunction& f, const V& v) {
  const V least = static_cast<T>(f.low) - V{};  // a NaN stays one
  const V most = static_cast<T>(f.high) - V{};
  const V above = v < least ? least : v;
  return above > most ? most : above;
}
template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V gradient_of(const ClipFunction& f, const V& v,
                                                       const V& g) {
  const V above = v > static_cast<T>(f.low) - V{} ? g : V{};
  return v < static_cast<T>(f.high) - V{} ? above : V{};
}

template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V value_of(const SoftplusFunction& /*f*/, const V& v) {
  const V zero{};
  const V small = exponential(v > zero ? -v : v);
  return (v < zero ? zero : v) + logarithm_of_1_plus(small);
}
template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V gradient_of(const SoftplusFunction& /*f*/, const V& v,
                                                       const V& g) {
  return g * -exponential_minus_1(-v);
}

template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V value_of(const SiluFunction& /*f*/, const V& v) {
  return v / (T(1) + exponential(-v));
}
template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V gradient_of(const SiluFunction& /*f*/, const V& v,
                                                       const V& g) {
  const V sigmoid = logistic(v);
  return g * (sigmoid * (T(1) + rounded_product(v, T(1) - sigmoid)));
}

inline constexpr double gelu_root = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;  // sqrt(2 / pi)
inline constexpr double gelu_cubic = 0.044715;

template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V value_of(const GeluFunction& /*f*/, const V& v) {
  return v * normal_probability(v);
}
template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V gradient_of(const GeluFunction& /*f*/, const V& v,
                                                       const V& g) {
  const V decline = normal_decline(v);
  const V density = T(gelu_root / 2) * decline;  // root / 2 = (2 pi)^-1/2
  return g * (normal_probability(v, decline) + rounded_product(v, density));
}

template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V bend_for_gelu(const V& v) {
  return T(gelu_root) * (v + rounded_product(T(gelu_cubic), v * v * v));
}
template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V value_of(const TanhGeluFunction& /*f*/, const V& v) {
  return v * (T(0.5) + rounded_product(T(0.5), hyperbolic_tangent(bend_for_gelu<T>(v))));
}
template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V gradient_of(const TanhGeluFunction& /*f*/, const V& v,
                                                       const V& g) {
  const V t = hyperbolic_tangent(bend_for_gelu<T>(v));
  const V slope = T(gelu_root) * (T(1) + rounded_product(T(3 * gelu_cubic), v * v));
  const V bent = rounded_product(v * (T(1) - rounded_product(t, t)), slope);
  return g * (T(0.5) * (T(1) + t + bent));
}

/// tanh(ln(1 + e^v)) = n / (n + 2) with n = e^v (e^v + 2), which is 1 long before it overflows.
template <class V>
struct MishParts {
  V e;
  V below;  ///< n + 2
  V tanh;

  template <class T>
  [[gnu::always_inline]] MishParts(const V& v, T most) {
    const V cap = most - V{};
    e = exponential(v > cap ? cap : v);
    const V n = rounded_product(e, e + T(2));
    below = n + T(2);
    tanh = n / below;
  }
};
template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V value_of(const MishFunction& /*f*/, const V& v) {
  return v * MishParts<V>(v, T(40)).tanh;
}
template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V gradient_of(const MishFunction& /*f*/, const V& v,
                                                       const V& g) {
  const MishParts<V> parts(v, T(40));
  const V sigmoid = parts.e / (T(1) + parts.e);
  const V slope = T(2) / parts.below * (T(1) + parts.tanh) * sigmoid;  // of the tanh
  return g * (parts.tanh + rounded_product(v, slope));
}

template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V value_of(const HardSwishFunction& /*f*/, const V& v) {
  const V zero{};
  const V most = T(6) - zero;
  const V shifted = v + T(3);
  const V above = shifted < zero ? zero : shifted;
  return v * (above > most ? most : above) / T(6);
}
template <class T, class V>
[[nodiscard, gnu::always_inline]] inline V gradient_of(const HardSwishFunction& /*f*/, const V& v,
                                                       const V& g) {
  const V zero{};
  const V inside = g * (rounded_product(v, zero + T(1) / T(3)) + T(0.5));
  const V above = v < zero - T(3) ? zero : inside;
  return v > zero + T(3) ? g : above;
}
/// @}

/// y = f(x), lane by lane, so that a value never depends on where in a batch it stands. y may be x.
template <class T, class F>
void map_values(const F& f, Index count, const T* x, T* y) {
  for_each_long_vector<T>(count, [&](Index i, const auto& some) {
    some.store(value_of<T>(f, some.load(x + i)), y + i);
  });
}

/// dx = dy * (f's derivative), which is read off `at`: x for GELU and SiLU, y for the others. dx
/// may be dy.
template <class T, class F>
void map_gradients(const F& f, Index count, const T* at, const T* dy, T* dx) {
  for_each_long_vector<T>(count, [&](Index i, const auto& some) {
    some.store(gradient_of<T>(f, some.load(at + i), some.load(dy + i)), dx + i);
  });
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif
