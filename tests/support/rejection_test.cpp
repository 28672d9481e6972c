#include <doctest/doctest.h>

#include "support/study/rejection.hpp"
#include "support/study/rejection_others.hpp"

namespace {

using example::rejection::Criterion;
using example::rejection::Scores;
using nn::Dataset;
using nn::Index;
using nn::Label;
using nn::Reject;

TEST_CASE(
    "rejection: the means of parts of feature maps, those of a row and of all channels first") {
  // 3 x 3 pixels of two channels, 0 ... 8 and 100 ... 108, cut after the first row and column.
  nn::Tensor<float> maps({1, 3, 3, 2});
  for (Index i = 0; i < 9; ++i) {
    maps[2 * i] = static_cast<float>(i);
    maps[2 * i + 1] = static_cast<float>(100 + i);
  }
  const nn::Tensor<float> means = example::rejection::means_by_place(maps, 2);
  REQUIRE(means.shape() == nn::Shape{1, 8});
  const std::vector<float> expected{0, 100, 1.5F, 101.5F, 4.5F, 104.5F, 6, 106};
  for (Index i = 0; i < 8; ++i) {
    CHECK(means[i] == doctest::Approx(expected[static_cast<std::size_t>(i)]));
  }
}

TEST_CASE(
    "rejection: thresholds reject their share of the validation set, the first rejects none") {
  Scores validation;
  for (int k = 1; k <= 10; ++k) validation.distance.push_back(k);
  const Criterion distance{"distance", Reject::above, &Scores::distance, 100};
  const std::vector<double> at = example::rejection::thresholds(distance, validation, {0.2, 0.5});
  REQUIRE(at.size() == 3);
  CHECK(at[0] == 100);
  const auto rejected = [&](double threshold) {
    return example::rejection::rejected_share(validation.distance, threshold, Reject::above);
  };
  CHECK(rejected(at[0]) == 0);
  CHECK(rejected(at[1]) == doctest::Approx(0.2));
  CHECK(rejected(at[2]) == doctest::Approx(0.5));
}

TEST_CASE("rejection: thresholds near 1 are written with as many digits as tell them apart") {
  using example::rejection::threshold_text;
  CHECK(threshold_text(12.3, Reject::above) == "12.30");
  CHECK(threshold_text(0.5, Reject::below) == "0.5000");
  CHECK(threshold_text(0.9995, Reject::below) == "0.99950");
  CHECK(threshold_text(0.99995, Reject::below) == "0.999950");
}

TEST_CASE("rejection: whoever rejects errors alone is always right once all are rejected") {
  const nn::viz::Curve best = example::rejection::best_possible(0.75);
  for (std::size_t k = 0; k < best.x.size(); ++k) {
    const double expected = best.x[k] < 0.25 ? 0.75 / (1 - best.x[k]) : 1.0;
    CHECK(best.y[k] == doctest::Approx(expected));
  }
  CHECK(best.x.back() == 0.5);
}

TEST_CASE("rejection: an image may be rejected by either criterion or by both") {
  Scores validation;
  for (int k = 1; k <= 20; ++k) {
    validation.posterior.push_back(0.05 * k);  // one in twenty is below 0.1
    validation.distance.push_back(k);          // or above 19
  }
  const Scores shown{.posterior = {0.05, 0.5, 0.05, 0.9},
                     .distance = {25, 25, 3, 3},
                     .correct = {true, true, false, false}};
  const auto verdict = example::rejection::verdict_on("shown", shown, validation);
  CHECK(verdict.images == 4);
  CHECK(verdict.ambiguity == 0.5);
  CHECK(verdict.distance == 0.5);
  CHECK(verdict.either == 0.75);
  CHECK(verdict.mean_posterior == doctest::Approx(0.375));
}

TEST_CASE("rejection: digits are turned by a quarter, and the 0 is left out") {
  nn::Tensor<std::uint8_t> images({2, 2, 2, 1});
  const std::vector<std::uint8_t> pixels{9, 9, 9, 9, 1, 2, 3, 4};
  std::copy(pixels.begin(), pixels.end(), images.begin());
  const Dataset digits(std::move(images), std::vector<Label>{0, 1}, {"0", "1"}, "two");
  const Dataset turned = example::rejection::turned(digits);
  REQUIRE(turned.size() == 1);
  CHECK(turned.label(0) == 1);
  const auto image = turned.image(0);
  const std::vector<int> expected{2, 4, 1, 3};
  for (Index i = 0; i < 4; ++i) CHECK(int{image[i]} == expected[static_cast<std::size_t>(i)]);
}

}  // namespace
