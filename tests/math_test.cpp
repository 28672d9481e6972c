#include "nn/kernels/simd/math.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nn/core/random.hpp"
#include "nn/kernels/simd/vector.hpp"

namespace math_test {

namespace {

using namespace nn::detail;  // NOLINT(google-build-using-namespace): the functions tested
using Exact = long double;

/// The error of f in units in the last place of the exact result, which has to be a normal number.
template <class T, class F, class G>
double error_at(T x, const F& f, const G& exact) {
  const Exact wanted = exact(static_cast<Exact>(x));
  if (!(std::abs(wanted) >= static_cast<Exact>(std::numeric_limits<T>::min()))) return 0;
  int exponent = 0;
  std::frexp(wanted, &exponent);
  const Exact ulp = std::ldexp(Exact(1), exponent - std::numeric_limits<T>::digits);
  return static_cast<double>(std::abs(static_cast<Exact>(f(x)) - wanted) / ulp);
}

/// The largest error over numbers in [low, high], a third of them of all magnitudes.
template <class T, class F, class G>
double worst(double low, double high, const F& f, const G& exact) {
  nn::Random random(1);
  double largest = 0;
  for (int i = 0; i < 60000; ++i) {
    double x = random.uniform(low, high);
    if (i % 3 == 0) x = std::ldexp(x, -static_cast<int>(random.below(30)));
    largest = std::max(largest, error_at(static_cast<T>(x), f, exact));
  }
  return largest;
}

Exact normal_probability_of(Exact x) { return std::erfc(-x / std::sqrt(Exact(2))) / 2; }

/// Every lane must be what the number by itself gives.
template <class T, class F>
void check_lanes(const F& f) {
  nn::Random random(2);
  for (int i = 0; i < 500; ++i) {
    T x[lanes<T>];
    for (T& value : x) value = static_cast<T>(random.uniform(-3, 0.5));
    T y[lanes<T>];
    store<T>(f(load(x)), y);
    for (int lane = 0; lane < lanes<T>; ++lane) CHECK(y[lane] == f(x[lane]));
  }
}

}  // namespace

TEST_CASE_TEMPLATE("functions have the errors that they state", T, float, double) {
  const bool single = sizeof(T) == 4;
  const double most = single ? 88 : 700;
  CHECK(worst<T>(
            -most, most, [](T x) { return exponential(x); }, [](Exact x) { return std::exp(x); }) <
        1);
  CHECK(worst<T>(
            -40, 0, [](T x) { return exponential_minus_1(x); },
            [](Exact x) { return std::expm1(x); }) < 2);
  CHECK(worst<T>(
            0, 1e30, [](T x) { return logarithm(x); }, [](Exact x) { return std::log(x); }) < 1);
  CHECK(worst<T>(
            0.5, 2, [](T x) { return logarithm(x); }, [](Exact x) { return std::log(x); }) < 1);
  CHECK(worst<T>(
            0, 1, [](T x) { return logarithm_of_1_plus(x); },
            [](Exact x) { return std::log1p(x); }) < 2);
  CHECK(worst<T>(
            -most, most, [](T x) { return logistic(x); },
            [](Exact x) { return 1 / (1 + std::exp(-x)); }) < 3);
  CHECK(worst<T>(
            -20, 20, [](T x) { return hyperbolic_tangent(x); },
            [](Exact x) { return std::tanh(x); }) < 3);
  CHECK(worst<T>(
            -1, 10, [](T x) { return normal_probability(x); }, normal_probability_of) < 5);
  nn::Random random(3);
  for (int i = 0; i < 20000; ++i) {
    const T x = static_cast<T>(random.uniform(-12, -1));
    const auto square = static_cast<double>(x * x);
    CHECK(error_at(
              x, [](T at) { return normal_probability(at); }, normal_probability_of) <
          5 + square / 2);
  }
}

TEST_CASE("sines, cosines and powers are as exact as they say") {
  nn::Random random(4);
  for (int i = 0; i < 50000; ++i) {
    const double x = random.uniform(-1, 1) * (i % 2 == 0 ? 10 : 1e5);
    CHECK(std::abs(static_cast<Exact>(sine(x)) - std::sin(static_cast<Exact>(x))) < 1e-15L);
    CHECK(std::abs(static_cast<Exact>(cosine(x)) - std::cos(static_cast<Exact>(x))) < 1e-15L);
    const double base = random.uniform();
    const double exponent = random.uniform(0, 10);
    const double bound = 2 + exponent * std::abs(std::log(base));
    CHECK(error_at(
              base, [&](double at) { return power(at, exponent); },
              [&](Exact at) { return std::pow(at, static_cast<Exact>(exponent)); }) < 2 * bound);
  }
  static_assert(power(2.0, nn::Index{10}) == 1024);
  CHECK(power(0.0, 2.5) == 0);
  CHECK(power(0.0, 0.0) == 1);
  CHECK(power(0.9, nn::Index{100000}) == 0);
}

TEST_CASE_TEMPLATE("functions keep infinities, zeros and NaN", T, float, double) {
  const T infinity = std::numeric_limits<T>::infinity();
  const T nan = std::numeric_limits<T>::quiet_NaN();
  CHECK(exponential(-infinity) == T(0));
  CHECK(exponential(infinity) == infinity);
  CHECK(exponential(T(0)) == T(1));
  CHECK(exponential_minus_1(-infinity) == T(-1));
  CHECK(logarithm(T(0)) == -infinity);
  CHECK(logarithm(T(1)) == T(0));
  CHECK(logarithm(infinity) == infinity);
  CHECK(std::isnan(logarithm(T(-1))));
  CHECK(logistic(-infinity) == T(0));
  CHECK(logistic(infinity) == T(1));
  CHECK(hyperbolic_tangent(-infinity) == T(-1));
  CHECK(hyperbolic_tangent(infinity) == T(1));
  CHECK(normal_probability(-infinity) == T(0));
  CHECK(normal_probability(infinity) == T(1));
  CHECK(normal_probability(T(0)) == T(0.5));
  CHECK(std::isnan(exponential(nan)));
  CHECK(std::isnan(exponential_minus_1(nan)));
  CHECK(std::isnan(logarithm(nan)));
  CHECK(std::isnan(hyperbolic_tangent(nan)));
  CHECK(std::isnan(normal_probability(nan)));
}

TEST_CASE_TEMPLATE("a lane has the bits of the number by itself", T, float, double) {
  check_lanes<T>([](const auto& x) { return exponential(x); });
  check_lanes<T>([](const auto& x) { return logarithm(exponential(x)); });
  check_lanes<T>([](const auto& x) { return hyperbolic_tangent(x); });
  check_lanes<T>([](const auto& x) { return normal_probability(x); });
  check_lanes<T>([](const auto& x) { return square_root(exponential(x)); });
}

}  // namespace math_test
