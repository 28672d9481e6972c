#include "nn/train/regression_metrics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace regression_metrics_test {

using namespace nn;  // NOLINT

TEST_CASE("errors and R^2 of one output are those computed by hand") {
  // Errors 1, -1, 0, 2; targets 1, 3, 5, 7 of mean 4 with squared distances 9 + 1 + 1 + 9 = 20.
  const Tensor<float> outputs({4, 1}, {2, 2, 5, 9});
  const Tensor<float> targets({4, 1}, {1, 3, 5, 7});
  const RegressionMetrics metrics = regression_metrics(outputs, targets);
  CHECK(metrics.mean_absolute_error == doctest::Approx(1));
  CHECK(metrics.mean_squared_error == doctest::Approx(1.5));
  CHECK(metrics.root_mean_squared_error == doctest::Approx(std::sqrt(1.5)));
  CHECK(metrics.r_squared == doctest::Approx(1 - 6.0 / 20));
}

TEST_CASE("several outputs are measured each, and together by their means") {
  // The first output is right; the second says its mean, 4, of the targets 1, 4, 7.
  const Tensor<double> outputs({3, 2}, {1, 4, 2, 4, 4, 4});
  const Tensor<double> targets({3, 2}, {1, 1, 2, 4, 4, 7});
  const auto each = regression_metrics_per_output(outputs, targets);
  REQUIRE(each.size() == 2);
  CHECK(each[0].mean_absolute_error == 0);
  CHECK(each[0].r_squared == 1);
  CHECK(each[1].mean_absolute_error == doctest::Approx(2));
  CHECK(each[1].mean_squared_error == doctest::Approx(6));
  CHECK(each[1].r_squared == doctest::Approx(0));
  const RegressionMetrics all = regression_metrics(outputs, targets);
  CHECK(all.mean_absolute_error == doctest::Approx(1));
  CHECK(all.mean_squared_error == doctest::Approx(3));
  CHECK(all.root_mean_squared_error == doctest::Approx(std::sqrt(3.0)));
  CHECK(all.r_squared == doctest::Approx(0.5));
}

TEST_CASE(
    "R^2 is below 0 for who does worse than the mean, and NaN for targets that never change") {
  CHECK(regression_metrics(Tensor<float>({2}, {2, 0}), Tensor<float>({2}, {0, 2})).r_squared ==
        doctest::Approx(-3));
  CHECK(std::isnan(
      regression_metrics(Tensor<float>({2}, {1, 1}), Tensor<float>({2}, {1, 1})).r_squared));
}

TEST_CASE("an output that is NaN, and a target that is not finite, are refused with their places") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor<float> good({2, 2}, {1, 2, 3, 4});
  const Tensor<float> bad({2, 2}, {1, 2, 3, nan});
  CHECK_THROWS_WITH_AS((void)regression_metrics(bad, good), "output 1 of sample 1 is NaN",
                       DivergenceError);
  CHECK_THROWS_WITH_AS((void)regression_metrics(good, bad), "target 1 of sample 1 is nan", Error);
  CHECK_THROWS_WITH_AS((void)regression_metrics(good, Tensor<float>({4})),
                       "outputs of shape 2x2 for targets of shape 4", ShapeError);
  CHECK_THROWS_AS((void)regression_metrics(Tensor<float>({0, 1}), Tensor<float>({0, 1})), Error);
}

}  // namespace regression_metrics_test
