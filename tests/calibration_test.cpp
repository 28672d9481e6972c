#include "nn/train/calibration.hpp"

#include <doctest/doctest.h>

namespace calibration_test {

using doctest::Approx;
using nn::Index;
using nn::Label;
using nn::Tensor;

TEST_CASE("calibration: softmax of rows") {
  const Tensor<double> logits({2, 2}, {0, std::log(3.0), 1000, 0});
  const auto plain = nn::softmax_rows(logits);
  CHECK(plain(0, 1) == Approx(0.75).epsilon(1e-15));
  CHECK(plain(1, 0) == 1);
  const auto softer = nn::softmax_rows(logits, 2);
  CHECK(softer(0, 1) == Approx(std::sqrt(3.0) / (1 + std::sqrt(3.0))).epsilon(1e-15));
  CHECK_THROWS_AS((void)nn::softmax_rows(logits, 0), nn::Error);
}

TEST_CASE("calibration: bins and expected error, by hand") {
  const Tensor<double> probabilities({5, 2}, {0.95, 0.05,  // right
                                              0.05, 0.95,  // wrong
                                              0.75, 0.25,  // right
                                              0.5, 0.5,    // right, and on the edge of two bins
                                              1.0, 0.0});  // right
  const Tensor<Label> labels({5}, {0, 0, 0, 0, 0});
  const auto bins = nn::reliability_bins(probabilities, labels, 4);
  REQUIRE(bins.size() == 4);
  CHECK(bins[0].count == 0);
  CHECK(bins[1].count == 1);  // (0.25, 0.5]
  CHECK(bins[1].confidence == 0.5);
  CHECK(bins[1].accuracy == 1);
  CHECK(bins[2].count == 1);  // (0.5, 0.75]
  CHECK(bins[3].count == 3);
  CHECK(bins[3].confidence == Approx((0.95 + 0.95 + 1) / 3));
  CHECK(bins[3].accuracy == Approx(2.0 / 3));
  CHECK(bins[3].lower == 0.75);
  CHECK(bins[3].upper == 1);
  // (1 |0.5 - 1| + 1 |0.75 - 1| + 3 |2.9/3 - 2/3|) / 5
  CHECK(nn::expected_calibration_error(bins) == Approx((0.5 + 0.25 + 0.9) / 5));
  CHECK(nn::expected_calibration_error(probabilities, labels, 4) ==
        nn::expected_calibration_error(bins));
  CHECK_THROWS_AS((void)nn::reliability_bins(probabilities, labels, 0), nn::Error);
  CHECK_THROWS_AS((void)nn::reliability_bins(Tensor<double>({5, 1}), labels, 4), nn::Error);
}

TEST_CASE("calibration: temperature") {
  // Nine of ten are right by a margin of ln 81 = 2 ln 9. The margin that costs least is ln 9, the
  // log-odds of the truth: a temperature of 2.
  Tensor<float> logits({10, 2});
  Tensor<Label> labels({10});
  for (Index i = 0; i < 10; ++i) {
    logits(i, 1) = std::log(81.0F);
    labels[i] = i == 0 ? 0 : 1;
  }
  CHECK(nn::fit_temperature(logits, labels) == Approx(2).epsilon(1e-5));
  const auto calibrated = nn::softmax_rows(logits, nn::fit_temperature(logits, labels));
  CHECK(calibrated(3, 1) == Approx(0.9).epsilon(1e-5));
  CHECK(nn::expected_calibration_error(calibrated, labels) < 1e-5);
}

TEST_CASE("calibration: a NaN is refused, and what exceeds 1 stays in the last bin") {
  const double nan = std::nan("");
  const Tensor<Label> labels({2}, {0, 0});
  CHECK_THROWS_WITH_AS(
      (void)nn::reliability_bins(Tensor<double>({2, 2}, {0.5, 0.5, 0.75, nan}), labels, 4),
      "a probability of sample 1 is NaN", nn::DivergenceError);
  CHECK_THROWS_WITH_AS((void)nn::fit_temperature(Tensor<double>({2, 2}, {0, nan, 1, 2}), labels),
                       "a logit of sample 0 is NaN", nn::DivergenceError);
  // Logits that were taken for probabilities, too large for any integer.
  const auto bins = nn::reliability_bins(Tensor<double>({2, 2}, {1e300, 0, 0.1, 0}), labels, 4);
  CHECK(bins[3].count == 1);
  CHECK(bins[0].count == 1);
  // A row of logits with a NaN or an infinity has no probabilities.
  const auto rows = nn::softmax_rows(Tensor<double>({2, 2}, {1, nan, HUGE_VAL, 0}));
  for (Index i = 0; i < 4; ++i) CHECK((std::isnan(rows[i]) || i == 3));
  CHECK(!(rows[3] > 0));
}

}  // namespace calibration_test
