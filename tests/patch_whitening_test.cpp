#include "nn/data/patch_whitening.hpp"

#include <doctest/doctest.h>

#include "blobs.hpp"

namespace patch_whitening_test {

using nn::Index;
using nn::Tensor;

/// Two images of one pixel and two channels: (1, 0.2) and (0.2, 1).
nn::Dataset two_pixels() {
  return nn::Dataset(Tensor<std::uint8_t>({2, 1, 1, 2}, {255, 51, 51, 255}), {0, 0});
}

TEST_CASE("patch_whitening: two channels by hand") {
  // The moments are [[0.52, 0.2], [0.2, 0.52]]: 0.72 along (1, 1) and 0.32 along (1, -1).
  const Tensor<double> weights =
      nn::patch_whitening<double>(two_pixels(), {.kernel = 1, .epsilon = 0});
  REQUIRE(weights.shape() == nn::Shape{1, 1, 2, 4});
  const double sum = std::sqrt(0.5 / 0.72);
  const double difference = std::sqrt(0.5 / 0.32);
  CHECK(weights[0] == doctest::Approx(weights[4]));
  CHECK(std::abs(weights[0]) == doctest::Approx(sum));
  CHECK(weights[1] == doctest::Approx(-weights[5]));
  CHECK(std::abs(weights[1]) == doctest::Approx(difference));
  for (const Index element : {0, 4}) {  // the other half is the first with the sign turned
    CHECK(weights[element + 2] == -weights[element]);
    CHECK(weights[element + 3] == -weights[element + 1]);
  }
}

TEST_CASE("patch_whitening: epsilon is added to the variances") {
  const Tensor<double> weights =
      nn::patch_whitening<double>(two_pixels(), {.kernel = 1, .epsilon = 0.28});
  CHECK(std::abs(weights[0]) == doctest::Approx(std::sqrt(0.5)));
  CHECK(std::abs(weights[1]) == doctest::Approx(std::sqrt(0.5 / 0.6)));
}

TEST_CASE("patch_whitening: fewer components are the first of all") {
  nn::Dataset data = blobs(40, 1);
  const Tensor<float> all = nn::patch_whitening(data, {.kernel = 2});
  const Tensor<float> some = nn::patch_whitening(data, {.kernel = 2, .components = 3});
  REQUIRE(some.shape() == nn::Shape{2, 2, 1, 6});
  for (Index element = 0; element < 4; ++element) {
    for (Index i = 0; i < 3; ++i) {
      CHECK(some[element * 6 + i] == all[element * 8 + i]);
      CHECK(some[element * 6 + 3 + i] == all[element * 8 + 4 + i]);
    }
  }
}

TEST_CASE("patch_whitening: the filters' answers are uncorrelated and equally strong") {
  nn::Dataset data = blobs(40, 1);
  data = data.with_normalization(nn::normalization_of(data));
  const Tensor<double> weights = nn::patch_whitening<double>(data, {.kernel = 2, .epsilon = 0});
  const Tensor<double> images = data.inputs<double>();
  Eigen::Matrix4d moments = Eigen::Matrix4d::Zero();
  Index patches = 0;
  for (Index n = 0; n < data.size(); ++n) {
    for (Index y = 0; y + 1 < 6; ++y) {
      for (Index x = 0; x + 1 < 6; ++x, ++patches) {
        Eigen::Vector4d answer = Eigen::Vector4d::Zero();
        for (Index f = 0; f < 4; ++f) {
          for (Index i = 0; i < 4; ++i) {
            answer[f] += weights(i / 2, i % 2, 0, f) * images(n, y + i / 2, x + i % 2, 0);
          }
        }
        moments += answer * answer.transpose();
      }
    }
  }
  moments /= static_cast<double>(patches);
  CHECK((moments - Eigen::Matrix4d::Identity()).cwiseAbs().maxCoeff() < 1e-10);
}

TEST_CASE("patch_whitening: refuses what it cannot do") {
  CHECK_THROWS_AS(static_cast<void>(nn::patch_whitening(nn::Dataset())), nn::Error);
  CHECK_THROWS_AS(static_cast<void>(nn::patch_whitening(two_pixels())), nn::Error);  // 1x1 images
  CHECK_THROWS_WITH_AS(
      static_cast<void>(nn::patch_whitening(blobs(4, 1), {.kernel = 2, .components = 5})),
      "patches of 4 elements have no 5 components", nn::Error);
  const nn::Dataset black(Tensor<std::uint8_t>({2, 3, 3, 1}), {0, 0});
  CHECK_THROWS_AS(static_cast<void>(nn::patch_whitening(black, {.kernel = 2, .epsilon = 0})),
                  nn::Error);
}

}  // namespace patch_whitening_test
