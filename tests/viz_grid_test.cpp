#include "nn/viz/grid.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace viz_grid_test {

namespace {

using namespace nn;       // NOLINT
using namespace nn::viz;  // NOLINT

constexpr Colour red{200, 0, 0};

}  // namespace

TEST_CASE("tiles stand in rows with the gap between and around them") {
  const std::vector<Image> images{Image(2, 2, 1, {10, 0, 0}), Image(2, 2, 1, {20, 0, 0}),
                                  Image(2, 2, 1, {30, 0, 0})};
  const Image grid = image_grid(images, 2, {.scale = 2, .gap = 1});
  CHECK(grid.height() == 1 + 2 * (4 + 1));
  CHECK(grid.width() == 1 + 2 * (4 + 1));
  CHECK(grid.at(0, 0) == white);
  CHECK(grid.at(1, 1) == Colour{10, 10, 10});
  CHECK(grid.at(4, 4) == Colour{10, 10, 10});
  CHECK(grid.at(1, 5) == white);
  CHECK(grid.at(1, 6) == Colour{20, 20, 20});
  CHECK(grid.at(6, 1) == Colour{30, 30, 30});
  CHECK(grid.at(6, 6) == white);
}

TEST_CASE("a grid is no wider than its images") {
  const std::vector<Image> images{Image(2, 2, 1), Image(2, 2, 1)};
  CHECK(image_grid(images, 10, {.scale = 1, .gap = 1}).width() == 1 + 2 * 3);
}

TEST_CASE("a frame surrounds its tile alone") {
  const std::vector<Image> images{Image(2, 2, 1, black), Image(2, 2, 1, black)};
  const Image grid =
      image_grid(images, 2, {.scale = 1, .gap = 2, .frames = {red, {}}, .frame_width = 1});
  CHECK(grid.at(2, 2) == red);
  CHECK(grid.at(5, 5) == red);
  CHECK(grid.at(3, 3) == black);
  CHECK(grid.at(2, 8) == white);
  CHECK(grid.at(3, 9) == black);
}

TEST_CASE("labels and titles make room for themselves") {
  const std::vector<Image> images(4, Image(2, 2, 1, black));
  const Image bare = image_grid(images, 2, {.scale = 1});
  const Image labelled = image_grid(images, 2, {.scale = 1, .labels = {"a wide label"}});
  CHECK(labelled.width() >= 2 * text_width("a wide label", 3));
  CHECK(labelled.height() >= bare.height() + 2 * text_height(3));
  const Image two_lines =
      image_grid(images, 2, {.scale = 1, .labels = {"a wide label\nx", "", ""}});
  CHECK(two_lines.width() == labelled.width());
  CHECK(two_lines.height() >= labelled.height() + 2 * text_height(3));
  const Image titled =
      image_grid(images, 2, {.scale = 1, .row_titles = {"zero"}, .column_titles = {"x"}});
  CHECK(titled.width() >= bare.width() + text_width("zero", 3));
  CHECK(titled.height() >= bare.height() + text_height(3));
}

TEST_CASE("smaller images stand in the middle of their tiles") {
  const std::vector<Image> images{Image(3, 3, 3, red), Image(1, 1, 1, black)};
  const Image grid = image_grid(images, 2, {.scale = 1, .gap = 0});
  CHECK(grid.at(1, 4) == black);
  CHECK(grid.at(0, 4) == white);
  CHECK(grid.at(1, 3) == white);
}

TEST_CASE("a grid of nothing, or of no columns, is refused") {
  const std::vector<Image> images(1, Image(2, 2, 1));
  CHECK_THROWS_AS(static_cast<void>(image_grid({}, 2)), Error);
  CHECK_THROWS_AS(static_cast<void>(image_grid(images, 0)), Error);
  CHECK_THROWS_AS(static_cast<void>(image_grid(images, 1, {.scale = 0})), Error);
}

TEST_CASE("a batch becomes images that share black and white") {
  const Tensor<float> batch({2, 1, 2, 1}, {0.0F, 1.0F, 2.0F, 4.0F});
  const auto images = to_images(batch);
  REQUIRE(images.size() == 2);
  CHECK(images[0].pixels() == Tensor<std::uint8_t>({1, 2, 1}, {0, 64}));
  CHECK(images[1].pixels() == Tensor<std::uint8_t>({1, 2, 1}, {128, 255}));
  CHECK(to_images(batch, ValueRange{0, 1})[0].pixels() ==
        Tensor<std::uint8_t>({1, 2, 1}, {0, 255}));
}

TEST_CASE("a full grid has exactly the height of its rows") {
  const std::vector<Image> images(4, Image(3, 5, 1, black));
  const Image grid = image_grid(images, 2, {.scale = 2, .gap = 1});
  CHECK(grid.height() == 1 + 2 * (3 * 2 + 1));
  CHECK(grid.width() == 1 + 2 * (5 * 2 + 1));
  const std::vector<Image> one_more(5, Image(3, 5, 1, black));
  CHECK(image_grid(one_more, 2, {.scale = 2, .gap = 1}).height() == 1 + 3 * (3 * 2 + 1));
}

}  // namespace viz_grid_test
