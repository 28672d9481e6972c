#include <doctest/doctest.h>

#include <cmath>

#include "support/study/detector_images.hpp"
#include "support/study/detector_pictures.hpp"
#include "support/study/detector_sheet.hpp"

namespace {

using example::detector::Card;
using example::detector::LeftOut;
using example::detector::side;
using nn::Dataset;
using nn::Index;
using nn::Label;

/// Images of 28 x 28 pixels, all of one level each.
Dataset plain_images(const std::vector<std::uint8_t>& levels) {
  nn::Tensor<std::uint8_t> images({static_cast<Index>(levels.size()), side, side, 1});
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const auto image = images.sample(static_cast<Index>(i));
    std::fill(image.begin(), image.end(), levels[i]);
  }
  return Dataset(std::move(images), std::vector<Label>(levels.size(), 0), {"any"}, "plain");
}

TEST_CASE("detector: kinds are chosen and left out by name, and an unknown one is refused") {
  const std::vector<nn::ImageGenerator> kinds{
      {"uniform", nn::UniformNoise{}}, {"normal", nn::NormalNoise{}}, {"texture", nn::Texture{}}};
  CHECK(example::detector::chosen(kinds, "").size() == 3);
  const auto two = example::detector::chosen(kinds, "texture,uniform");
  REQUIRE(two.size() == 2);
  CHECK(two[0].name == "texture");
  CHECK(two[1].name == "uniform");
  const auto left = example::detector::without(kinds, {"normal"});
  REQUIRE(left.size() == 2);
  CHECK(left[1].name == "texture");
  CHECK_THROWS_WITH_AS((void)example::detector::chosen(kinds, "clouds"),
                       "--kinds: there is no kind 'clouds'; there are: uniform normal texture",
                       nn::Error);
}

TEST_CASE("detector: digits come first with the label 1, other images after them with 0") {
  const Dataset both = example::detector::joined(plain_images({10, 20}), plain_images({30}));
  REQUIRE(both.size() == 3);
  CHECK(std::vector<Label>(both.labels().begin(), both.labels().end()) ==
        std::vector<Label>{1, 1, 0});
  CHECK(int{both.image(1)(5, 5, 0)} == 20);
  CHECK(int{both.image(2)(27, 27, 0)} == 30);
}

TEST_CASE("detector: changed digits have the pixels that the change gives") {
  const Dataset changed =
      example::detector::changed(plain_images({10, 20}), [](Index image, Index y, Index x) {
        return static_cast<std::uint8_t>(100 * image + y + (x == 3 ? 50 : 0));
      });
  CHECK(int{changed.image(0)(7, 2, 0)} == 7);
  CHECK(int{changed.image(1)(7, 3, 0)} == 157);
  CHECK(changed.label(1) == 1);
}

TEST_CASE("detector: cards do not overlap, lie within the sheet, and every third is no digit") {
  nn::Tensor<std::uint8_t> sheet({300, 400});
  const std::vector<Card> cards =
      example::detector::lay_cards(sheet, plain_images({255}), plain_images({0}), 5);
  REQUIRE(cards.size() > 10);
  for (std::size_t i = 0; i < cards.size(); ++i) {
    const Card& card = cards[i];
    CHECK(card.digit == (i % 3 != 2));
    CHECK((card.top >= 0 && card.top + side <= 300 && card.left >= 0 && card.left + side <= 400));
    CHECK(int{sheet(card.top, card.left)} == (card.digit ? 255 : 0));
    CHECK(int{sheet(card.top + side - 1, card.left + side - 1)} == (card.digit ? 255 : 0));
    for (std::size_t j = 0; j < i; ++j) {
      CHECK((std::abs(card.top - cards[j].top) >= side ||
             std::abs(card.left - cards[j].left) >= side));
    }
  }
}

TEST_CASE("detector: of windows near each other the surest is kept, and none that is unsure") {
  nn::Tensor<float> map({10, 20});
  map(0, 0) = 0.7F;
  map(0, 1) = 0.9F;   // two pixels to the right of it
  map(9, 15) = 0.8F;  // far away
  map(5, 9) = 0.5F;   // no digit
  const std::vector<Card> found = example::detector::find_digits(map);
  REQUIRE(found.size() == 2);
  CHECK(found[0].top == 0);
  CHECK(found[0].left == 2);
  CHECK(found[1].top == 18);
  CHECK(found[1].left == 30);
}

TEST_CASE("detector: the worst kind is a single one, though a group of kinds be detected less") {
  const std::vector<LeftOut> studies{{.name = "a", .kinds = {"a"}, .detected = 0.9},
                                     {.name = "b", .kinds = {"b"}, .detected = 0.8},
                                     {.name = "both", .kinds = {"a", "b"}, .detected = 0.1}};
  CHECK(example::detector::worst_of(studies).name == "b");
}

TEST_CASE("detector: errors come by how certain the detector was") {
  const Dataset both = example::detector::joined(plain_images({1, 2, 3}), plain_images({4, 5}));
  const std::vector<float> logits{2, -1, -3, 0.5F, -4};  // right, wrong, wrong, wrong, right
  CHECK(example::detector::errors_of(both, logits) == std::vector<Index>{2, 1, 3});
  CHECK(example::detector::probability(0) == 0.5);
  CHECK(example::detector::probability(-2) == doctest::Approx(1 / (1 + std::exp(2.0))));
}

}  // namespace
