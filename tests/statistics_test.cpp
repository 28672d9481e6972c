#include "nn/train/statistics.hpp"

#include <doctest/doctest.h>

#include <array>

namespace statistics_test {

using doctest::Approx;

TEST_CASE("statistics: mean and spread") {
  const std::array values{2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0};  // squares about 5 sum to 32
  const nn::Spread spread = nn::spread_of(values);
  CHECK(spread.count == 8);
  CHECK(spread.mean == 5);
  CHECK(spread.deviation == Approx(std::sqrt(32.0 / 7)).epsilon(1e-15));
  CHECK(spread.least == 2);
  CHECK(spread.greatest == 9);
  CHECK(nn::spread_of(std::array{3.0}).deviation == 0);
  CHECK_THROWS_AS((void)nn::spread_of({}), nn::Error);
}

TEST_CASE("statistics: Wilson's interval") {
  // Python: from math import sqrt; from statistics import NormalDist; z =
  // NormalDist().inv_cdf(.975) f = lambda k, n: [(k + z*z/2 + s * z * sqrt(k * (n - k) / n +
  // z*z/4)) / (n + z*z) for s in (-1, 1)] f(8, 10), f(0, 20)
  CHECK(nn::proportion(8, 10).estimate == 0.8);
  CHECK(nn::proportion(8, 10).lower == Approx(0.4901624715366418).epsilon(1e-12));
  CHECK(nn::proportion(8, 10).upper == Approx(0.9433178485456246).epsilon(1e-12));
  CHECK(nn::proportion(0, 20).lower == 0);
  CHECK(nn::proportion(0, 20).upper == Approx(0.16112515805281932).epsilon(1e-12));
  CHECK(nn::proportion(20, 20).upper == 1);
  CHECK_THROWS_AS((void)nn::proportion(1, 0), nn::Error);
  CHECK_THROWS_AS((void)nn::proportion(3, 2), nn::Error);
}

TEST_CASE("statistics: priors of classes") {
  const std::array<nn::Index, 3> counts{8, 0, 2};
  const auto priors = nn::class_priors(counts);
  REQUIRE(priors.size() == 3);
  CHECK(priors[0].estimate == 0.8);
  CHECK(priors[0].total == 10);
  CHECK(priors[1].estimate == 0);
  CHECK(priors[1].upper > 0.2);
  CHECK(priors[2].lower == Approx(1 - 0.9433178485456246).epsilon(1e-12));
}

TEST_CASE("statistics: the area under a curve") {
  const std::array x{0.0, 1.0, 3.0};
  const std::array y{2.0, 4.0, 0.0};
  CHECK(nn::area_under_curve(x, y) == 7);
  CHECK_THROWS_AS((void)nn::area_under_curve(x, {}), nn::Error);
}

TEST_CASE("statistics: a measurement that is NaN is named, not passed over") {
  CHECK_THROWS_WITH_AS((void)nn::spread_of(std::array{0.5, std::nan(""), 0.75}),
                       "measurement 1 is NaN", nn::DivergenceError);
}

}  // namespace statistics_test
