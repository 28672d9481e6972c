#include "support/any_picture.hpp"

#include <doctest/doctest.h>

#include "nn/viz/draw.hpp"
#include "support/doubt.hpp"

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

/// A 7 of thick strokes in a sheet of 240 x 320, `left` of its left edge, on paper of the levels
/// that `paper(y, x)` gives; its ink takes away `ink`.
template <class Paper>
Image seven(const Paper& paper, int ink = 110, const std::vector<Index>& lefts = {120}) {
  Image strokes(240, 320, 1, nn::viz::black);
  for (const Index left : lefts) {
    nn::viz::fill_rectangle(strokes, 60, left, 16, 80, nn::viz::white);
    for (Index y = 60; y < 180; ++y) {
      nn::viz::fill_rectangle(strokes, y, left + 64 - (y - 60) / 3, 1, 16, nn::viz::white);
    }
  }
  for (Index y = 0; y < 240; ++y) {
    for (Index x = 0; x < 320; ++x) {
      std::uint8_t& level = strokes.pixels()(y, x, 0);
      level = static_cast<std::uint8_t>(std::clamp(paper(y, x) - (level > 0 ? ink : 0), 0, 255));
    }
  }
  return strokes;
}

int level_of_even_paper(Index, Index) { return 200; }
int uneven(Index y, Index x) { return static_cast<int>(200 - 50 * (x + y) / 560); }

/// The largest difference between two pictures, one of which may be shifted by a pixel: centres of
/// mass are rounded.
int difference(const Image& a, const Image& b) {
  REQUIRE(a.pixels().shape() == b.pixels().shape());
  int least = 255;
  for (const Index down : {-1, 0, 1}) {
    for (const Index right : {-1, 0, 1}) {
      Image shifted(b.height(), b.width(), 1, nn::viz::black);
      nn::viz::paste(shifted, b, down, right);
      int most = 0;
      for (Index i = 0; i < a.pixels().size(); ++i) {
        most = std::max(most, std::abs(int{a.pixels()[i]} - int{shifted.pixels()[i]}));
      }
      least = std::min(least, most);
    }
  }
  return least;
}

TEST_CASE("any_picture: a digit is seen alike on evenly and on unevenly lit paper") {
  const auto seen = [](const Image& picture) {
    return example::prepare_picture(picture, "mnist", grey_shape);
  };
  const auto even = seen(seven(level_of_even_paper));
  REQUIRE(bright_box(even.image)[1] - bright_box(even.image)[0] == 19);
  CHECK(even.done == "black and white exchanged, what stands out fitted into 28x28 pixels");
  CHECK(difference(seen(seven(uneven)).image, even.image) <= 16);

  SUBCASE("with a table's dark edge at two sides, thin or thick") {
    for (const Index wide : {12, 70}) {
      const auto edged = seen(seven(
          [&](Index y, Index x) { return x < wide || y > 239 - wide / 2 ? 25 : uneven(y, x); }));
      CHECK(difference(edged.image, even.image) <= 16);
    }
  }
  SUBCASE("in the corners of a lens's shade") {
    const auto shaded = seen(seven([&](Index y, Index x) {
      const double down = static_cast<double>(y - 120) / 150;
      const double across = static_cast<double>(x - 160) / 200;
      return static_cast<int>(210 * (1 - 0.8 * std::pow(down * down + across * across, 2)));
    }));
    CHECK(difference(shaded.image, even.image) <= 24);
    CHECK(shaded.done.find("edges cut off") != std::string::npos);
  }
  SUBCASE("with chalk on slate") {
    const auto slate = seen(seven([](Index y, Index x) { return 255 - uneven(y, x); }, -110));
    CHECK(difference(slate.image, even.image) <= 16);
    CHECK(slate.done == "what stands out fitted into 28x28 pixels");
  }
  SUBCASE("with a speck beside it") {
    Image specked = seven(uneven);
    nn::viz::fill_rectangle(specked, 215, 20, 7, 7, Colour{60, 60, 60});
    CHECK(difference(seen(specked).image, even.image) <= 16);
  }
  SUBCASE("cut out so closely that it reaches the edges") {
    const auto close = seen(nn::viz::crop(seven(uneven), 60, 120, 120, 80));
    CHECK(difference(close.image, even.image) <= 40);
  }
}

TEST_CASE("any_picture: several digits are refused, the parts of one are not") {
  const auto prepare = [](const Image& picture) {
    return example::prepare_picture(picture, "mnist", grey_shape);
  };
  CHECK_THROWS_WITH_AS(static_cast<void>(prepare(seven(uneven, 110, {20, 120}))),
                       doctest::Contains("2 things of like size"), nn::Error);
  CHECK_THROWS_WITH_AS(static_cast<void>(prepare(seven(uneven, 110, {10, 110, 220}))),
                       doctest::Contains("3 things of like size"), nn::Error);
  Image parted = seven(uneven);  // a bar of its own over the rest, as of a 5
  nn::viz::fill_rectangle(parted, 40, 125, 10, 90, Colour{60, 60, 60});
  const auto box = bright_box(prepare(parted).image);
  CHECK(box[1] - box[0] == 19);
  CHECK(prepare(parted).image.pixels()(box[0], (box[2] + box[3]) / 2, 0) > 128);
}

TEST_CASE("any_picture: an object on an unevenly lit cloth is told from it") {
  Image cloth(100, 100, 1, nn::viz::black);
  for (Index y = 0; y < 100; ++y) {
    for (Index x = 0; x < 100; ++x) cloth.pixels()(y, x, 0) = static_cast<std::uint8_t>(40 + x / 2);
  }
  nn::viz::fill_rectangle(cloth, 20, 30, 60, 40, Colour{220, 220, 220});
  const auto seen = example::prepare_picture(cloth, "fashion-mnist", grey_shape);
  CHECK(seen.image.pixels()(14, 0, 0) == 0);
  CHECK(bright_box(seen.image) == std::array<Index, 4>{0, 27, 5, 23});
}

TEST_CASE("doubt: a small probability, a small margin and no number at all are doubts") {
  const auto of = [](std::vector<float> row) {
    return example::doubt(nn::Tensor<float>({static_cast<Index>(row.size())}, row));
  };
  CHECK(of({0.05F, 0.9F, 0.05F}).empty());
  CHECK(of({0.497F, 0.3F, 0.203F}) == "unsure: the largest probability is below 70 %");
  CHECK(of({0.72F, 0.28F, 0.0F}) == "unsure: the two likeliest are less than 50 % apart");
  CHECK_FALSE(of({std::nanf(""), std::nanf(""), std::nanf("")}).empty());
}

}  // namespace
