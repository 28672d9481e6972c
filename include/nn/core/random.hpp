/// @file
/// Random numbers that are the same on every machine and with every standard library.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "nn/core/rounding.hpp"
#include "nn/core/shape.hpp"

namespace nn {

namespace detail {

/// One step of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
/// OOPSLA 2014): turns similar seeds into unrelated states.
constexpr std::uint64_t split_mix(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

/// The natural logarithm of a positive finite number from additions and multiplications alone, so
/// that it does not depend on the standard library's: x = m * 2^e with m near 1, and
/// ln m = 2 (s + s^3/3 + s^5/5 + ...) with s = (m - 1) / (m + 1), |s| < 0.172.
constexpr double portable_log(double x) {
  const auto bits = bit_cast<std::uint64_t>(x);
  auto exponent = static_cast<int>(bits >> 52U) - 1023;
  double m = bit_cast<double>((bits & 0x000fffffffffffffU) | 0x3ff0000000000000U);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double s = (m - 1) / (m + 1);
  const double square = s * s;
  double sum = 0;
  for (int k = 23; k >= 1; k -= 2) sum = product(sum, square) + 1.0 / k;
  return product(2 * s, sum) + product(exponent, 0.6931471805599453);
}

/// The square root by Newton's iteration, correctly rounded but for the last bit.
constexpr double portable_sqrt(double x) {
  double root = bit_cast<double>((bit_cast<std::uint64_t>(x) >> 1U) + 0x1ff8000000000000U);
  for (int step = 0; step < 6; ++step) root = 0.5 * (root + x / root);
  return root;
}

template <std::size_t N>
constexpr double polynomial(const std::array<double, N>& coefficients, double x) {
  double sum = 0;
  for (std::size_t k = N; k-- > 0;) sum = product(sum, x) + coefficients[k];
  return sum;
}

/// The quantile of the standard normal distribution for 0 < p < 1, to about 1e-16 (Wichura,
/// "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37,
/// 1988, PPND16).
constexpr double normal_quantile(double p) {
  constexpr std::array<double, 8> a{3.3871328727963666080e0, 1.3314166789178437745e2,
                                    1.9715909503065514427e3, 1.3731693765509461125e4,
                                    4.5921953931549871457e4, 6.7265770927008700853e4,
                                    3.3430575583588128105e4, 2.5090809287301226727e3};
  constexpr std::array<double, 8> b{1.0,
                                    4.2313330701600911252e1,
                                    6.8718700749205790830e2,
                                    5.3941960214247511077e3,
                                    2.1213794301586595867e4,
                                    3.9307895800092710610e4,
                                    2.8729085735721942674e4,
                                    5.2264952788528545610e3};
  constexpr std::array<double, 8> c{1.42343711074968357734e0,  4.63033784615654529590e0,
                                    5.76949722146069140550e0,  3.64784832476320460504e0,
                                    1.27045825245236838258e0,  2.41780725177450611770e-1,
                                    2.27238449892691845833e-2, 7.74545014278341407640e-4};
  constexpr std::array<double, 8> d{1.0,
                                    2.05319162663775882187e0,
                                    1.67638483018380384940e0,
                                    6.89767334985100004550e-1,
                                    1.48103976427480074590e-1,
                                    1.51986665636164571966e-2,
                                    5.47593808499534494600e-4,
                                    1.05075007164441684324e-9};
  constexpr std::array<double, 8> e{6.65790464350110377720e0,  5.46378491116411436990e0,
                                    1.78482653991729133580e0,  2.96560571828504891230e-1,
                                    2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                    2.71155556874348757815e-5, 2.01033439929228813265e-7};
  constexpr std::array<double, 8> f{1.0,
                                    5.99832206555887937690e-1,
                                    1.36929880922735805310e-1,
                                    1.48753612908506148525e-2,
                                    7.86869131145613259100e-4,
                                    1.84631831751005468180e-5,
                                    1.42151175831644588870e-7,
                                    2.04426310338993978564e-15};
  const double q = p - 0.5;
  if (q >= -0.425 && q <= 0.425) {
    const double r = 0.180625 - product(q, q);
    return q * polynomial(a, r) / polynomial(b, r);
  }
  const double tail = q < 0 ? p : 1 - p;
  const double r = portable_sqrt(-portable_log(tail));
  const double quantile = r <= 5 ? polynomial(c, r - 1.6) / polynomial(d, r - 1.6)
                                 : polynomial(e, r - 5) / polynomial(f, r - 5);
  return q < 0 ? -quantile : quantile;
}

}  // namespace detail

/// A stream of random numbers: xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom
/// number generators", 2019). It is an explicit object, 32 bytes, copied to be repeated and saved
/// to be continued. Streams for different purposes are told apart by their keys, as in
/// `Random(seed, epoch, sample)`: equal keys give equal streams, others unrelated ones. Also a
/// standard uniform random bit generator.
class Random {
 public:
  using result_type = std::uint64_t;
  /// The whole state of a stream.
  using State = std::array<std::uint64_t, 4>;

  /// The stream of a seed without keys.
  explicit constexpr Random(std::uint64_t seed = 0) : Random(seed, std::uint64_t{0}) {}

  /// The stream of a seed and keys.
  template <class... Keys>
  constexpr Random(std::uint64_t seed, std::uint64_t key, Keys... keys) {
    std::uint64_t mixer = seed;
    const auto mix = [&mixer](std::uint64_t value) {
      mixer = detail::split_mix(mixer) ^ (value * 0xd6e8feb86659fd93U);
    };
    mix(key);
    (mix(static_cast<std::uint64_t>(keys)), ...);
    for (std::uint64_t& word : state_) word = detail::split_mix(mixer);
  }

  /// The stream that goes on where another's `state()` was.
  static constexpr Random from_state(const State& state) {
    Random random;
    random.state_ = state;
    return random;
  }
  /// The state, for `from_state`.
  [[nodiscard]] constexpr const State& state() const { return state_; }

  /// The smallest number that the stream returns.
  static constexpr result_type min() { return 0; }
  /// The largest number that the stream returns.
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

  /// 64 random bits.
  constexpr result_type operator()() {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  /// Uniform in [0, 1), a multiple of 2^-53.
  constexpr double uniform() { return static_cast<double>((*this)() >> 11U) * 0x1p-53; }

  /// Uniform in [low, high).
  constexpr double uniform(double low, double high) {
    return low + detail::product(high - low, uniform());
  }

  /// Uniform in {0, ..., count - 1} (Lemire, "Fast random integer generation in an interval",
  /// 2019).
  /// @throws Error unless count is positive.
  constexpr Index below(Index count) {
    require(count > 0, "a random number below ", count);
    const auto bound = static_cast<std::uint64_t>(count);
    // Rejecting the lowest 2^64 mod bound products leaves every result equally likely.
    const std::uint64_t threshold = (0 - bound) % bound;
    for (;;) {
      const auto [high, low] = multiply((*this)(), bound);
      if (low >= threshold) return static_cast<Index>(high);
    }
  }

  /// True with the given probability.
  constexpr bool bernoulli(double probability) { return uniform() < probability; }

  /// Normal, by inversion: one uniform number each, so that streams stay aligned.
  constexpr double normal(double mean = 0, double deviation = 1) {
    const double p = (static_cast<double>((*this)() >> 12U) + 0.5) * 0x1p-52;  // in (0, 1)
    return mean + detail::product(deviation, detail::normal_quantile(p));
  }

  /// Puts `items` into a random order, each equally likely (Fisher and Yates).
  template <class T>
  constexpr void shuffle(std::span<T> items) {
    for (std::size_t left = items.size(); left > 1; --left) {
      const auto chosen = static_cast<std::size_t>(below(static_cast<Index>(left)));
      std::swap(items[left - 1], items[chosen]);
    }
  }

  constexpr bool operator==(const Random&) const = default;

 private:
  /// The high and the low 64 bits of a product.
  static constexpr std::pair<std::uint64_t, std::uint64_t> multiply(std::uint64_t x,
                                                                    std::uint64_t y) {
    constexpr std::uint64_t mask = 0xffffffffU;
    const std::uint64_t low = (x & mask) * (y & mask);
    const std::uint64_t middle = (x >> 32U) * (y & mask) + (low >> 32U);
    const std::uint64_t other = (x & mask) * (y >> 32U) + (middle & mask);
    return {(x >> 32U) * (y >> 32U) + (middle >> 32U) + (other >> 32U),
            (other << 32U) | (low & mask)};
  }

  State state_{};
};

}  // namespace nn
