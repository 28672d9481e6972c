#include "nn/kernels/portable_math.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace portable_math_test {

namespace {

using namespace nn;  // NOLINT

TEST_CASE_TEMPLATE("portable functions agree with the standard library's", T, float, double) {
  const double ulp = static_cast<double>(std::numeric_limits<T>::epsilon());
  for (int i = -400; i <= 400; ++i) {
    const T x = static_cast<T>(0.05 * i);
    const double exact = std::exp(static_cast<double>(x));
    CHECK(std::abs(static_cast<double>(portable::exponential(x)) - exact) <= 1.01 * ulp * exact);
    if (x > 0) {
      const double logarithm = std::log(static_cast<double>(x));
      CHECK(std::abs(static_cast<double>(portable::logarithm(x)) - logarithm) <=
            1.01 * ulp * std::max(1.0, std::abs(logarithm)));
    }
    CHECK(portable::sine(static_cast<double>(x)) ==
          doctest::Approx(std::sin(static_cast<double>(x))).epsilon(1e-14));
    CHECK(portable::cosine(static_cast<double>(x)) ==
          doctest::Approx(std::cos(static_cast<double>(x))).epsilon(1e-14));
  }
  CHECK(portable::logarithm(T(0)) == -std::numeric_limits<T>::infinity());
  CHECK(std::isnan(portable::logarithm(T(-1))));
}

TEST_CASE("a portable product is rounded before it is added to anything") {
  // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24, of which a float keeps all but the last term.
  const float a = 1.0F + 0x1p-12F;
  volatile float minus = -(1.0F + 0x1p-11F);
  CHECK(portable::product(a, a) + minus == 0.0F);
}

}  // namespace

}  // namespace portable_math_test
