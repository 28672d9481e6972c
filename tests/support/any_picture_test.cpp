#include "support/any_picture.hpp"

#include <doctest/doctest.h>

#include "nn/viz/draw.hpp"

namespace {

using nn::Index;
using nn::viz::Colour;
using nn::viz::Image;

const nn::Shape grey_shape{28, 28, 1};
const nn::Shape colour_shape{32, 32, 3};

/// Where the image is brighter than half: top, bottom, left, right.
std::array<Index, 4> bright_box(const Image& image) {
  std::array<Index, 4> box{image.height(), -1, image.width(), -1};
  for (Index y = 0; y < image.height(); ++y) {
    for (Index x = 0; x < image.width(); ++x) {
      if (image.pixels()(y, x, 0) < 128) continue;
      box = {std::min(box[0], y), std::max(box[1], y), std::min(box[2], x), std::max(box[3], x)};
    }
  }
  return box;
}

TEST_CASE("any_picture: an image of the data set's own kind stays as it is") {
  Image digit(28, 28, 1, nn::viz::black);
  nn::viz::fill_rectangle(digit, 6, 12, 18, 3, Colour{200, 200, 200});
  const auto prepared = example::prepare_picture(digit, "mnist", grey_shape);
  CHECK(prepared.image == digit);
  CHECK(prepared.done.empty());
  Image photograph(32, 32, 3, Colour{10, 200, 30});
  CHECK(example::prepare_picture(photograph, "cifar-10", colour_shape).image == photograph);
}

TEST_CASE("any_picture: ink on paper becomes white on black") {
  Image paper(28, 28, 1, nn::viz::white);
  nn::viz::fill_rectangle(paper, 6, 12, 18, 3, nn::viz::black);
  const auto prepared = example::prepare_picture(paper, "mnist", grey_shape);
  CHECK(bright_box(prepared.image) == std::array<Index, 4>{6, 23, 12, 14});
  CHECK(prepared.done == "black and white exchanged");
}

TEST_CASE("any_picture: what stands out is cut out, fitted and centred") {
  // A bar of 40 x 10 in a corner of coloured paper: 20 x 5 in the middle as a digit, 28 x 7 as
  // clothes.
  Image sheet(100, 160, 3, Colour{250, 240, 230});
  nn::viz::fill_rectangle(sheet, 7, 130, 40, 10, Colour{20, 10, 60});
  const auto digit = example::prepare_picture(sheet, "mnist", grey_shape);
  REQUIRE(digit.image.height() == 28);
  CHECK(bright_box(digit.image) == std::array<Index, 4>{4, 23, 12, 16});
  CHECK(digit.image.pixels()(14, 14, 0) == 255);
  CHECK(digit.image.pixels()(0, 0, 0) == 0);
  const auto clothes = example::prepare_picture(sheet, "fashion-mnist", grey_shape);
  CHECK(bright_box(clothes.image) == std::array<Index, 4>{0, 27, 11, 17});
}

TEST_CASE("any_picture: an empty sheet is refused") {
  const Image sheet(60, 60, 3, Colour{120, 121, 119});
  CHECK_THROWS_AS(static_cast<void>(example::prepare_picture(sheet, "mnist", grey_shape)),
                  nn::Error);
}

TEST_CASE("any_picture: of a photograph the central square is taken, in colours") {
  Image wide(4, 8, 3, Colour{200, 0, 0});
  nn::viz::fill_rectangle(wide, 0, 4, 4, 4, Colour{0, 0, 200});
  const auto prepared = example::prepare_picture(wide, "cifar-10", colour_shape);
  REQUIRE(prepared.image.height() == 32);
  CHECK(prepared.image.at(0, 15) == Colour{200, 0, 0});
  CHECK(prepared.image.at(31, 16) == Colour{0, 0, 200});
  CHECK(prepared.done == "its central square brought to 32x32 pixels");
  const auto grey =
      example::prepare_picture(Image(300, 400, 1, Colour{90, 90, 90}), "cifar-10", colour_shape);
  REQUIRE(grey.image.channels() == 3);
  CHECK(grey.image.at(16, 16) == Colour{90, 90, 90});
}

}  // namespace
