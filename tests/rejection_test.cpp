#include "nn/train/rejection.hpp"

#include <doctest/doctest.h>

#include <array>

#include <Eigen/LU>

#include "nn/core/random.hpp"
#include "nn/train/mahalanobis.hpp"

namespace rejection_test {

using doctest::Approx;
using nn::Index;
using nn::Label;
using nn::Reject;
using nn::Tensor;

const std::array confidence{0.9, 0.6, 0.8, 0.4};
const std::vector<bool> correct{true, false, true, true};

TEST_CASE("rejection: curves, by hand") {
  const std::array thresholds{0.0, 0.5, 0.8, 0.95};
  const auto curve = nn::rejection_curve(confidence, correct, thresholds, Reject::below);
  REQUIRE(curve.size() == 4);
  CHECK(curve[0].rejection_rate == 0);
  CHECK(curve[0].accuracy_accepted == 0.75);  // the plain accuracy, exactly
  CHECK(curve[0].overall_rate == 0.75);
  CHECK(curve[0].error_rate == 0.25);
  CHECK(curve[1].rejection_rate == 0.25);
  CHECK(curve[1].accuracy_accepted == Approx(2.0 / 3));
  CHECK(curve[1].error_rate == 0.25);
  CHECK(curve[1].overall_rate == 0.5);
  CHECK(curve[2].rejection_rate == 0.5);  // a score on the threshold is accepted
  CHECK(curve[2].accuracy_accepted == 1);
  CHECK(curve[3].rejection_rate == 1);
  CHECK(std::isnan(curve[3].accuracy_accepted));
  CHECK(curve[3].overall_rate == 0);

  const std::array distances{1.0, 4.0, 2.0, 3.0};
  const auto far = nn::rejection_curve(distances, correct, std::array{3.0}, Reject::above);
  CHECK(far[0].rejection_rate == 0.25);
  CHECK(far[0].accuracy_accepted == 1);
  CHECK_THROWS_AS((void)nn::rejection_curve(confidence, {true}, thresholds, Reject::below),
                  nn::Error);
  CHECK_THROWS_AS((void)nn::rejection_curve({}, {}, thresholds, Reject::below), nn::Error);
}

TEST_CASE("rejection: monotone in the threshold, and the three shares add up to 1") {
  nn::Random random(1);
  std::vector<double> scores;
  std::vector<bool> right;
  for (int i = 0; i < 200; ++i) {
    scores.push_back(std::floor(20 * random.uniform()) / 20);  // with ties
    right.push_back(random.bernoulli(scores.back()));
  }
  std::vector<double> thresholds;
  for (int i = 0; i <= 30; ++i) thresholds.push_back(i / 30.0);
  const auto curve = nn::rejection_curve(scores, right, thresholds, Reject::below);
  for (std::size_t i = 0; i < curve.size(); ++i) {
    CHECK(curve[i].rejection_rate + curve[i].error_rate + curve[i].overall_rate ==
          Approx(1).epsilon(1e-12));
    if (i > 0) CHECK(curve[i].rejection_rate >= curve[i - 1].rejection_rate);
  }
}

TEST_CASE("rejection: thresholds for a rate") {
  for (const auto side : {Reject::below, Reject::above}) {
    for (const double rate : {0.0, 0.25, 0.3, 0.5, 0.75, 1.0}) {
      CAPTURE(rate);
      const double threshold = nn::threshold_for_rate(confidence, rate, side);
      const auto point = nn::rejection_curve(confidence, correct, std::array{threshold}, side)[0];
      CHECK(point.rejection_rate == std::floor(4 * rate) / 4);
    }
  }
  CHECK(nn::threshold_for_rate(confidence, 0.25, Reject::below) == 0.6);
  CHECK_THROWS_AS((void)nn::threshold_for_rate({}, 0.5, Reject::below), nn::Error);
  CHECK_THROWS_AS((void)nn::threshold_for_rate(confidence, 1.5, Reject::below), nn::Error);
}

TEST_CASE("rejection: a rate whose product rounds down rejects as many as it says") {
  std::vector<double> scores(100);
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = static_cast<double>(i * 37 % 100);
  for (const int percent : {7, 14, 28, 29, 55, 57, 58}) {  // of 100, 0.29 is 28.999999999999996
    CAPTURE(percent);
    const double rate = percent / 100.0;
    CHECK(nn::threshold_for_rate(scores, rate, Reject::below) == percent);
    CHECK(nn::threshold_for_rate(scores, rate, Reject::above) == 99 - percent);
  }
}

TEST_CASE("rejection: the area under recognition against rejection") {
  // From the surest: right, right, wrong, right: rates 1, 1, 2/3, 3/4.
  CHECK(nn::area_under_rejection(confidence, correct, Reject::below) ==
        Approx((1 + 1 + 2.0 / 3 + 0.75) / 4).epsilon(1e-15));
  const std::array distances{1.0, 4.0, 2.0, 3.0};  // right, right, right, wrong
  CHECK(nn::area_under_rejection(distances, correct, Reject::above) ==
        Approx((1 + 1 + 1 + 0.75) / 4).epsilon(1e-15));
  // Scores that say nothing leave the plain accuracy.
  CHECK(nn::area_under_rejection(std::array{5.0, 5.0, 5.0, 5.0}, correct, Reject::above) ==
        Approx(0.75).epsilon(1e-15));
}

TEST_CASE("rejection: posteriors and margins") {
  const Tensor<float> probabilities({3, 3}, {0.25F, 0.5F, 0.25F, 0.125F, 0.25F, 0.625F,  //
                                             0.75F, 0.125F, 0.125F});
  CHECK(nn::largest_posteriors(probabilities) == std::vector<double>{0.5, 0.625, 0.75});
  CHECK(nn::posterior_margins(probabilities) == std::vector<double>{0.25, 0.375, 0.625});
  CHECK_THROWS_AS((void)nn::posterior_margins(Tensor<float>({3, 1})), nn::ShapeError);
}

TEST_CASE("rejection: Mahalanobis distance, by hand") {
  // Two classes around (0, 0) and (10, 0), each four points at +-2 along the first axis and +-1
  // along the second, so that the shared covariance is diag(2, 1/2).
  Tensor<double> features({8, 2});
  Tensor<Label> labels({8});
  const double corners[4][2] = {{2, 0}, {-2, 0}, {0, 1}, {0, -1}};
  for (Index i = 0; i < 8; ++i) {
    features(i, 0) = corners[i % 4][0] + (i < 4 ? 0 : 10);
    features(i, 1) = corners[i % 4][1];
    labels[i] = i < 4 ? 0 : 1;
  }
  const nn::MahalanobisDistance distance(features, labels, 2, 0);
  const auto found = distance(Tensor<double>({4, 2}, {0, 0, 2, 0, 10, 3, 4, 0}));
  CHECK(found[0] == Approx(0).epsilon(1e-12));
  CHECK(found[1] == Approx(std::sqrt(2.0)));   // 2^2 / 2
  CHECK(found[2] == Approx(std::sqrt(18.0)));  // 3^2 / 0.5, from the second class
  CHECK(found[3] == Approx(std::sqrt(8.0)));   // 4^2 / 2, from the first
}

TEST_CASE("rejection: Mahalanobis distance against its definition") {
  // d^2 = (x - m)^T S^-1 (x - m), S inverted by another road: Eigen's partial pivoting.
  constexpr Index size = 7;
  constexpr Index count = 60;
  nn::Random random(3);
  Tensor<double> features({count, size});
  Tensor<Label> labels({count});
  for (Index i = 0; i < count; ++i) {
    labels[i] = static_cast<Label>(i % 3);
    for (Index j = 0; j < size; ++j) {
      const double before = j == 0 ? 0.0 : features(i, j - 1);  // correlated
      features(i, j) = random.normal(labels[i] * static_cast<double>(j), 1) + 0.7 * before;
    }
  }
  Eigen::MatrixXd means = Eigen::MatrixXd::Zero(3, size);
  for (Index i = 0; i < count; ++i) means.row(labels[i]) += features.rows().row(i) / (count / 3);
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(size, size);
  for (Index i = 0; i < count; ++i) {
    const Eigen::RowVectorXd centered = features.rows().row(i) - means.row(labels[i]);
    covariance += centered.transpose() * centered / count;
  }
  const Eigen::MatrixXd inverse = covariance.partialPivLu().inverse();
  const auto found = nn::MahalanobisDistance(features, labels, 3, 0)(features);
  for (Index i = 0; i < count; ++i) {
    double least = 1e300;
    for (Index c = 0; c < 3; ++c) {
      const Eigen::RowVectorXd centered = features.rows().row(i) - means.row(c);
      least = std::min(least, (centered * inverse * centered.transpose())(0, 0));
    }
    CHECK(found[static_cast<std::size_t>(i)] == Approx(std::sqrt(least)).epsilon(1e-10));
  }
}

TEST_CASE("rejection: a Mahalanobis distance is made again from its means and whitening") {
  const nn::Tensor<nn::Label> labels({6}, {0, 0, 0, 1, 1, 1});
  const Tensor<double> features({6, 2}, {0, 1, 2, 3, 1, 5, 9, 2, 7, 1, 8, 4});
  const nn::MahalanobisDistance fitted(features, labels, 2);
  CHECK(fitted.means().shape() == nn::Shape{2, 2});
  const nn::MahalanobisDistance again(fitted.means(), fitted.whitening());
  CHECK(again(features) == fitted(features));

  // By hand: at whitened means (0, 0) and (3, 0), with a whitening that doubles the first axis.
  const nn::MahalanobisDistance given(Tensor<double>({2, 2}, {0, 0, 3, 0}),
                                      Tensor<double>({2, 2}, {2, 0, 0, 1}));
  CHECK(given(Tensor<double>({1, 2}, {1.5, 4})).front() == Approx(4));
  CHECK(given(Tensor<double>({1, 2}, {0, 2})).front() == Approx(2));
  CHECK_THROWS_AS(nn::MahalanobisDistance(Tensor<double>({2, 2}), Tensor<double>({2, 3})),
                  nn::ShapeError);
  CHECK_THROWS_AS(nn::MahalanobisDistance(Tensor<double>({2}), Tensor<double>({2, 2})),
                  nn::ShapeError);
}

TEST_CASE("rejection: features that have no distance") {
  const Tensor<Label> labels({4}, {0, 0, 1, 1});
  Tensor<float> features({4, 2}, {1, 5, 2, 5, 3, 5, 4, 5});  // the second never varies
  CHECK_THROWS_AS(nn::MahalanobisDistance(features, labels, 2, 0), nn::Error);
  CHECK_NOTHROW(nn::MahalanobisDistance(features, labels, 2));
  CHECK_THROWS_AS(nn::MahalanobisDistance(features, labels, 3), nn::Error);
  CHECK_THROWS_AS(nn::MahalanobisDistance(features, labels, 1), nn::Error);
  CHECK_THROWS_AS(nn::MahalanobisDistance(Tensor<float>({4, 2}), labels, 2), nn::Error);
  const nn::MahalanobisDistance distance(features, labels, 2);
  CHECK_THROWS_AS((void)distance(Tensor<float>({1, 3})), nn::ShapeError);
}

TEST_CASE("rejection: a score that is NaN is rejected at every threshold, on either side") {
  const double nan = std::nan("");
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double threshold : {-infinity, 0.0, 0.5, infinity}) {
    CHECK(nn::is_rejected(nan, threshold, nn::Reject::below));
    CHECK(nn::is_rejected(nan, threshold, nn::Reject::above));
  }
  for (const nn::Reject side : {nn::Reject::below, nn::Reject::above}) {
    const std::vector<double> scores{nan, 0.5, nan, 0.5};
    const auto curve =
        nn::rejection_curve(scores, {true, true, false, false}, std::vector<double>{0.5}, side);
    CHECK(curve[0].rejection_rate == 0.5);
    CHECK(curve[0].accuracy_accepted == 0.5);
    CHECK(curve[0].overall_rate == 0.25);
    CHECK_THROWS_WITH_AS((void)nn::threshold_for_rate(std::vector<double>{1, 0.5, nan}, 0.5, side),
                         "the score of sample 2 is NaN", nn::DivergenceError);
    CHECK_THROWS_WITH_AS(
        (void)nn::area_under_rejection(std::vector<double>{0.5, nan}, {true, true}, side),
        "the score of sample 1 is NaN", nn::DivergenceError);
  }
}

TEST_CASE("rejection: the scores of a row with a NaN are NaN, wherever it stands") {
  const float nan = std::nanf("");
  const Tensor<float> rows({4, 3},
                           {nan, 0.7F, 0.3F, 0.7F, nan, 0.3F, 0.7F, 0.3F, nan, 0.75F, 0.25F, 0.0F});
  const std::vector<double> largest = nn::largest_posteriors(rows);
  const std::vector<double> margins = nn::posterior_margins(rows);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(std::isnan(largest[i]));
    CHECK(std::isnan(margins[i]));
  }
  CHECK(largest[3] == 0.75);
  CHECK(margins[3] == 0.5);
}

TEST_CASE("rejection: no distance to a NaN, and none learned from one") {
  const float nan = std::nanf("");
  const Tensor<Label> labels({4}, {0, 0, 1, 1});
  Tensor<float> features({4, 2}, {1, 5, 2, 7, 3, 6, 4, 2});
  const nn::MahalanobisDistance distance(features, labels, 2);
  const auto found = distance(Tensor<float>({3, 2}, {1, nan, nan, 1, 1, 5}));
  CHECK(std::isnan(found[0]));
  CHECK(std::isnan(found[1]));
  CHECK(std::isfinite(found[2]));
  features[5] = nan;
  CHECK_THROWS_WITH_AS(nn::MahalanobisDistance(features, labels, 2), "a feature of sample 2 is NaN",
                       nn::DivergenceError);
}

}  // namespace rejection_test
