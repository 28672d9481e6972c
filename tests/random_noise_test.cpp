#include "nn/data/random_noise.hpp"

#include <doctest/doctest.h>

#include <set>

namespace random_noise_test {

namespace {

using namespace nn;  // NOLINT

template <class Noise>
Tensor<std::uint8_t> drawn(const Noise& noise, const Shape& shape, std::uint64_t seed = 1) {
  Tensor<std::uint8_t> image(shape);
  Random random(seed);
  noise(random, image.view());
  return image;
}

struct Moments {
  double mean = 0;
  double deviation = 0;
};

Moments moments(TensorView<const std::uint8_t> levels) {
  double sum = 0;
  double squares = 0;
  for (const double level : levels) {
    sum += level;
    squares += level * level;
  }
  const auto count = static_cast<double>(levels.size());
  return {sum / count, std::sqrt(squares / count - sum / count * sum / count)};
}

double share_of(TensorView<const std::uint8_t> levels, int low, int high) {
  const auto inside = std::count_if(levels.begin(), levels.end(), [&](std::uint8_t level) {
    return level >= low && level <= high;
  });
  return static_cast<double>(inside) / static_cast<double>(levels.size());
}

}  // namespace

TEST_CASE("uniform noise has every level equally often") {
  const Tensor<std::uint8_t> image = drawn(UniformNoise{}, {256, 256});
  const Moments found = moments(image);
  CHECK(found.mean == doctest::Approx(127.5).epsilon(0.01));
  CHECK(found.deviation == doctest::Approx(std::sqrt((256.0 * 256.0 - 1) / 12)).epsilon(0.01));
  CHECK(std::set<std::uint8_t>(image.begin(), image.end()).size() == 256);
}

TEST_CASE("normal noise has the mean, the deviation and the tails of its distribution") {
  const Tensor<std::uint8_t> image =
      drawn(NormalNoise{.mean = {128, 128}, .deviation = {10, 10}}, {256, 256});
  const Moments found = moments(image);
  CHECK(found.mean == doctest::Approx(128).epsilon(0.002));
  CHECK(found.deviation == doctest::Approx(10).epsilon(0.02));
  CHECK(share_of(image, 118, 138) == doctest::Approx(0.7063).epsilon(0.02));  // 2 Phi(1.05) - 1
}

TEST_CASE("normal noise is cut off at black and white") {
  const Tensor<std::uint8_t> image =
      drawn(NormalNoise{.mean = {0, 0}, .deviation = {50, 50}}, {256, 256});
  CHECK(share_of(image, 0, 0) == doctest::Approx(0.504).epsilon(0.02));  // Phi(0.5 / 50)
}

TEST_CASE("Bernoulli noise is white as often as asked") {
  const Tensor<std::uint8_t> image = drawn(BernoulliNoise{.probability = {0.3, 0.3}}, {256, 256});
  CHECK(share_of(image, 255, 255) == doctest::Approx(0.3).epsilon(0.02));
  CHECK(share_of(image, 0, 0) == doctest::Approx(0.7).epsilon(0.02));
}

TEST_CASE("histogram noise has the levels of the images it was given, as often") {
  const Dataset given(Tensor<std::uint8_t>({2, 1, 2, 1}, {7, 200, 7, 7}), {0, 0});
  const Tensor<std::uint8_t> image = drawn(HistogramNoise(given), {256, 256});
  CHECK(share_of(image, 7, 7) == doctest::Approx(0.75).epsilon(0.01));
  CHECK(share_of(image, 200, 200) == doctest::Approx(0.25).epsilon(0.03));
}

TEST_CASE("pixelwise noise has each pixel's own mean and deviation") {
  const Dataset given(Tensor<std::uint8_t>({2, 1, 2, 1}, {10, 100, 10, 120}), {0, 0});
  const PixelwiseNoise noise(given);
  Tensor<std::uint8_t> first({2000});
  Tensor<std::uint8_t> second({2000});
  for (Index i = 0; i < 2000; ++i) {
    const auto image = drawn(noise, {1, 2}, static_cast<std::uint64_t>(i));
    first[i] = image[0];
    second[i] = image[1];
  }
  CHECK(moments(first).mean == 10);
  CHECK(moments(first).deviation == 0);
  CHECK(moments(second).mean == doctest::Approx(110).epsilon(0.01));
  CHECK(moments(second).deviation == doctest::Approx(10).epsilon(0.05));
}

TEST_CASE("noise that imitates images refuses what it cannot imitate") {
  CHECK_THROWS_WITH_AS(HistogramNoise{Dataset{}}, "histogram noise needs at least one image",
                       Error);
  const Dataset colour(Tensor<std::uint8_t>({2, 4, 4, 3}), {0, 0}, {"any"}, "photographs");
  CHECK_THROWS_WITH_AS(
      PixelwiseNoise{colour},
      "pixelwise noise needs grey images, HxWx1, got photographs (2 images of 4x4x3)", ShapeError);
  const Dataset grey(Tensor<std::uint8_t>({2, 4, 4, 1}), {0, 0});
  CHECK_THROWS_WITH_AS(drawn(PixelwiseNoise(grey), {5, 5}),
                       "an image of 5x5 cannot have the statistics of 16 pixels", ShapeError);
}

}  // namespace random_noise_test
