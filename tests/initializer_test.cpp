#include "nn/core/initializer.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace initializer_test {

using nn::Index;
using nn::Initializer;
using nn::Random;
using nn::Shape;
using nn::Tensor;

namespace {

Tensor<double> drawn(const Initializer& initializer, const Shape& shape, std::uint64_t seed = 1) {
  Tensor<double> weights(shape);
  nn::initialize(weights.view(), initializer, Random(seed));
  return weights;
}

struct Moments {
  double mean = 0;
  double variance = 0;
  double largest = 0;
};

Moments moments_of(const Tensor<double>& weights) {
  Moments moments;
  moments.mean = weights.array().mean();
  moments.variance = (weights.array() - moments.mean).square().mean();
  moments.largest = weights.array().abs().maxCoeff();
  return moments;
}

}  // namespace

TEST_CASE("the variances are those of the papers") {
  const Shape dense{300, 200};             // fan-in 300, fan-out 200
  const Shape convolution{3, 5, 40, 100};  // fan-in 600, fan-out 1500
  struct Case {
    Initializer initializer;
    double dense;
    double convolution;
    bool is_uniform;
  };
  const Case cases[] = {
      {nn::he_normal(), 2.0 / 300, 2.0 / 600, false},
      {nn::he_uniform(), 2.0 / 300, 2.0 / 600, true},
      {nn::glorot_normal(), 2.0 / 500, 2.0 / 2100, false},
      {nn::glorot_uniform(), 2.0 / 500, 2.0 / 2100, true},
      {nn::lecun_normal(), 1.0 / 300, 1.0 / 600, false},
      {nn::lecun_uniform(), 1.0 / 300, 1.0 / 600, true},
      {nn::normal(0.02), 0.0004, 0.0004, false},
      {nn::uniform(0.05), 0.0025 / 3, 0.0025 / 3, true},
  };
  for (const Case& one : cases) {
    for (const bool is_dense : {true, false}) {
      CAPTURE(&one - cases);
      CAPTURE(is_dense);
      const double variance = is_dense ? one.dense : one.convolution;
      const Moments moments = moments_of(drawn(one.initializer, is_dense ? dense : convolution));
      // 60000 numbers: five standard deviations of the estimates (of a normal's variance: 2 / n).
      CHECK(std::abs(moments.mean) < 5 * std::sqrt(variance / 60000));
      CHECK(std::abs(moments.variance / variance - 1) < 5 * std::sqrt(2.0 / 60000));
      const double limit = std::sqrt(3 * variance);
      if (one.is_uniform) {
        CHECK(moments.largest <= limit);
        CHECK(moments.largest > 0.99 * limit);
      } else {
        CHECK(moments.largest > 3 * std::sqrt(variance));
      }
    }
  }
}

TEST_CASE("a truncated normal ends at two deviations") {
  const Moments moments = moments_of(drawn(nn::truncated_normal(0.5), {300, 200}));
  CHECK(moments.largest < 1);
  CHECK(moments.largest > 0.99);
  // 1 - 2 * 2 * phi(2) / (2 Phi(2) - 1), by scipy's formula for a truncated normal's variance
  const double expected = 0.25 * 0.7737413035499232;
  CHECK(std::abs(moments.variance / expected - 1) < 5 * std::sqrt(2.0 / 60000));
}

TEST_CASE("constants are constant") {
  CHECK(drawn(nn::zeros(), {3, 4}) == Tensor<double>({3, 4}, 0.0));
  CHECK(drawn(nn::ones(), {3, 4}) == Tensor<double>({3, 4}, 1.0));
  CHECK(drawn(nn::constant(-2.5), {5}) == Tensor<double>({5}, -2.5));
}

TEST_CASE("orthogonal weights have orthonormal columns, or rows where these are fewer") {
  for (const Shape& shape : {Shape{20, 7}, Shape{7, 20}, Shape{9, 9}, Shape{3, 3, 4, 10}}) {
    CAPTURE(shape);
    for (const double gain : {1.0, 1.5}) {
      const Tensor<double> weights = drawn(nn::orthogonal(gain), shape);
      const Eigen::MatrixXd w = weights.matrix();
      const bool is_wide = w.cols() > w.rows();
      const Eigen::MatrixXd gram =
          is_wide ? Eigen::MatrixXd(w * w.transpose()) : Eigen::MatrixXd(w.transpose() * w);
      const auto unit = Eigen::MatrixXd::Identity(gram.rows(), gram.cols());
      CHECK((gram - gain * gain * unit).cwiseAbs().maxCoeff() < 1e-13);
    }
  }
}

TEST_CASE("dirac weights pass their inputs through") {
  const Tensor<double> weights = drawn(nn::dirac(), {3, 5, 2, 4});
  CHECK(weights(1, 2, 0, 0) == 1);
  CHECK(weights(1, 2, 1, 1) == 1);
  CHECK(weights.array().sum() == 2);
  CHECK_THROWS_AS(drawn(nn::dirac(), {3, 4}), nn::ShapeError);
}

TEST_CASE("dirac weights beyond the inputs are drawn when asked for") {
  const Index outputs = 3000;
  const Tensor<double> weights = drawn(nn::dirac(2), {3, 3, 4, 4 + outputs});
  const Tensor<double> silent = drawn(nn::dirac(), {3, 3, 4, 4 + outputs});
  double squares = 0;
  for (Index row = 0; row < 36; ++row) {
    for (Index c = 0; c < 4; ++c) {
      CHECK(weights[row * (4 + outputs) + c] == silent[row * (4 + outputs) + c]);
    }
    for (Index c = 4; c < 4 + outputs; ++c) {
      squares += weights[row * (4 + outputs) + c] * weights[row * (4 + outputs) + c];
    }
  }
  const auto count = static_cast<double>(36 * outputs);
  CHECK(std::abs(squares / count / (2.0 / 36) - 1) < 5 * std::sqrt(2 / count));
}

TEST_CASE("equal seeds give equal weights, in float the rounded ones") {
  for (const Initializer& initializer :
       {nn::he_normal(), nn::glorot_uniform(), nn::truncated_normal(1), nn::orthogonal()}) {
    const Tensor<double> weights = drawn(initializer, {6, 5}, 3);
    CHECK(drawn(initializer, {6, 5}, 3) == weights);
    CHECK(drawn(initializer, {6, 5}, 4) != weights);
    Tensor<float> rounded({6, 5});
    nn::initialize(rounded.view(), initializer, Random(3));
    for (Index i = 0; i < weights.size(); ++i) {
      CHECK(rounded[i] == static_cast<float>(weights[i]));
    }
  }
}

TEST_CASE("the weights of given seeds stay what they are") {
  // Worked out in Python: SplitMix64, xoshiro256++ and statistics.NormalDist().inv_cdf.
  const Tensor<double> weights = drawn(nn::normal(1), {3}, 42);
  CHECK(weights[0] == doctest::Approx(0.43752005028637964).epsilon(1e-15));
  CHECK(weights[1] == doctest::Approx(-1.3470675111276909).epsilon(1e-15));
  CHECK(weights[2] == doctest::Approx(1.131515123511756).epsilon(1e-15));
}

}  // namespace initializer_test
