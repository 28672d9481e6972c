#include "nn/train/test_time.hpp"

#include <doctest/doctest.h>

#include "nn/layers/flatten.hpp"

namespace test_time_test {

using nn::Index;
using nn::Tensor;

/// One image of 3x3 pixels, 1 to 9, as numbers that a byte holds exactly.
nn::Dataset digits() {
  Tensor<std::uint8_t> image({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  return nn::Dataset(std::move(image), {0})
      .with_normalization({.mean = {0}, .deviation = {1.0 / 255}});
}

/// A network that gives out what it sees.
nn::Model<nn::Flatten> mirror() { return {nn::Flatten{}, {3, 3, 1}}; }

/// What the network sees in each view, one after another.
std::vector<std::vector<int>> seen(const nn::ViewOptions& options) {
  std::vector<std::vector<int>> result;
  for (const nn::Augmentation& view : nn::views(options)) {
    const Tensor<float> output = nn::predict(mirror(), digits(), {.augmentation = view});
    std::vector<int> pixels;
    for (const float value : output) pixels.push_back(static_cast<int>(std::lround(value)));
    result.push_back(pixels);
  }
  return result;
}

TEST_CASE("views: the image as it is comes first, then its mirror image") {
  using Views = std::vector<std::vector<int>>;
  CHECK(seen({.flip = false}) == Views{{1, 2, 3, 4, 5, 6, 7, 8, 9}});
  CHECK(seen({}) == Views{{1, 2, 3, 4, 5, 6, 7, 8, 9}, {3, 2, 1, 6, 5, 4, 9, 8, 7}});
}

TEST_CASE("views: moved up and left, then down and right, each mirrored as well") {
  using Views = std::vector<std::vector<int>>;
  CHECK(seen({.flip = false, .shift = 1}) == Views{{1, 2, 3, 4, 5, 6, 7, 8, 9},
                                                   {5, 6, 5, 8, 9, 8, 5, 6, 5},
                                                   {5, 4, 5, 2, 1, 2, 5, 4, 5}});
  CHECK(
      seen({.flip = false, .shift = 1, .border = nn::Border::zero}) ==
      Views{{1, 2, 3, 4, 5, 6, 7, 8, 9}, {5, 6, 0, 8, 9, 0, 0, 0, 0}, {0, 0, 0, 0, 1, 2, 0, 4, 5}});
  const Views six = seen({.flip = true, .shift = 1, .border = nn::Border::zero});
  REQUIRE(six.size() == 6);
  CHECK(six[3] == std::vector<int>{5, 4, 0, 8, 7, 0, 0, 0, 0});  // mirrored, then moved
  CHECK_THROWS_AS(static_cast<void>(nn::views({.shift = -1})), nn::Error);
}

TEST_CASE("predict_views: the mean over the views") {
  const Tensor<float> mean = nn::predict_views(mirror(), digits());
  const std::vector<float> expected{2, 2, 2, 5, 5, 5, 8, 8, 8};
  for (Index i = 0; i < 9; ++i) {
    CHECK(mean[i] == doctest::Approx(expected[static_cast<std::size_t>(i)]));
  }
  // One view is what predict gives, to the bit.
  CHECK(nn::predict_views(mirror(), digits(), {.flip = false}) == nn::predict(mirror(), digits()));
  CHECK_THROWS_AS(
      static_cast<void>(nn::predict_views(mirror(), digits(), std::span<const nn::Augmentation>())),
      nn::Error);
}

}  // namespace test_time_test
