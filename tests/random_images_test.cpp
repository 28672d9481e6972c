#include "nn/data/random_images.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

namespace {

using namespace nn;  // NOLINT

/// Images 0, 1, 2, ... of one level each: 1, 2, 3, ...
Tensor<std::uint8_t> plain_images(Index count, Index height, Index width) {
  Tensor<std::uint8_t> images({count, height, width, 1});
  for (Index i = 0; i < count; ++i) images.sample(i).fill(static_cast<std::uint8_t>(i + 1));
  return images;
}

}  // namespace

TEST_CASE("a patch is a piece of the image, from every place equally often") {
  Tensor<std::uint8_t> source({1, 12, 12, 1});
  for (Index i = 0; i < source.size(); ++i) source[i] = static_cast<std::uint8_t>(i);
  const Patches patches({source.view()});
  std::map<int, int> places;
  Tensor<std::uint8_t> image({5, 5});
  for (std::uint64_t seed = 0; seed < 6400; ++seed) {
    Random random(seed);
    patches(random, image.view());
    ++places[image(0, 0)];
    for (Index y = 0; y < 5; ++y) {
      for (Index x = 0; x < 5; ++x) REQUIRE(image(y, x) == image(0, 0) + 12 * y + x);
    }
  }
  CHECK(places.size() == 8 * 8);
  double deviation = 0;  // chi-squared with 63 degrees of freedom: below 103 with p = 0.999
  for (const auto& [place, count] : places) deviation += (count - 100) * (count - 100) / 100.0;
  CHECK(deviation < 103);
}

TEST_CASE("patches of colour images are grey") {
  const Tensor<std::uint8_t> source({1, 1, 4, 3}, {255, 0, 0, 0, 255, 0, 0, 0, 255, 90, 90, 90});
  Tensor<std::uint8_t> image({1, 4});
  Random random(1);
  Patches({source.view()})(random, image.view());
  CHECK(image == Tensor<std::uint8_t>({1, 4}, {76, 150, 29, 90}));
}

TEST_CASE("patches come from all sources, every image as likely") {
  const Tensor<std::uint8_t> few = plain_images(1, 3, 3);
  const Tensor<std::uint8_t> many({3, 4, 4, 3}, 9);
  const Patches patches({few.view(), many.view()});
  Tensor<std::uint8_t> image({2, 2});
  int from_few = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    Random random(seed);
    patches(random, image.view());
    if (image[0] == 1) ++from_few;
  }
  CHECK(from_few == doctest::Approx(1000).epsilon(0.1));
}

TEST_CASE("patches refuse images they cannot be cut out of") {
  const Tensor<std::uint8_t> source({2, 20, 30, 1});
  Tensor<std::uint8_t> image({28, 28});
  Random random(1);
  CHECK_THROWS_WITH_AS(Patches({source.view()})(random, image.view()),
                       "cannot cut patches of 28x28 out of images as small as 20x30", ShapeError);
  CHECK_THROWS_AS(Patches({}), ShapeError);
  const Tensor<std::uint8_t> two_channels({2, 40, 40, 2});
  CHECK_THROWS_AS(Patches({two_channels.view()}), ShapeError);
}

TEST_CASE("a mosaic puts tiles of several images together") {
  const Tensor<std::uint8_t> source = plain_images(200, 6, 6);
  Tensor<std::uint8_t> image({8, 10});
  Random random(1);
  Mosaic(source, 4)(random, image.view());
  std::set<int> levels;
  for (Index top = 0; top < 8; top += 4) {
    for (Index left = 0; left < 10; left += 4) {
      levels.insert(image(top, left));
      for (Index y = top; y < top + 4; ++y) {
        for (Index x = left; x < std::min<Index>(left + 4, 10); ++x) {
          CHECK(image(y, x) == image(top, left));
        }
      }
    }
  }
  CHECK(levels.size() >= 5);  // six tiles out of 200 images
  CHECK(*levels.begin() >= 1);
  CHECK_THROWS_AS(Mosaic(source, 7), Error);
  CHECK_THROWS_AS(Mosaic(source, 0), Error);
}

TEST_CASE("random images come in equal parts and in turn") {
  const std::vector<ImageGenerator> generators{
      {"black", [](Random&, TensorView<std::uint8_t> image) { image.fill(0); }},
      {"white", [](Random&, TensorView<std::uint8_t> image) { image.fill(255); }}};
  const RandomImages drawn = random_images(generators, 5, 2, 3, 1);
  CHECK(drawn.images.shape() == Shape{5, 2, 3, 1});
  CHECK(drawn.kinds == std::vector<Label>{0, 1, 0, 1, 0});
  for (Index i = 0; i < 5; ++i) CHECK(drawn.images(i, 1, 2, 0) == (i % 2 == 0 ? 0 : 255));
}

TEST_CASE("random images depend on the seed and their place alone") {
  const Tensor<std::uint8_t> digits = plain_images(20, 28, 28);
  std::vector<ImageGenerator> generators = standard_generators(digits.view());
  generators.push_back({"patches", Patches({digits.view()})});
  const Tensor<std::uint8_t> many = random_images(generators, 300, 28, 28, 1).images;
  const Tensor<std::uint8_t> few = random_images(generators, 150, 28, 28, 1).images;
  CHECK(std::equal(few.begin(), few.end(), many.begin()));
  CHECK(random_images(generators, 150, 28, 28, 2).images != few);

  const int before = threads();
  set_threads(1);
  const Tensor<std::uint8_t> one = random_images(generators, 300, 28, 28, 1).images;
  set_threads(2);
  const Tensor<std::uint8_t> two = random_images(generators, 300, 28, 28, 1).images;
  set_threads(before);
  CHECK(one == two);
}

TEST_CASE("the standard generators have names of their own and draw something") {
  const Tensor<std::uint8_t> digits = plain_images(20, 28, 28);
  std::set<std::string> names;
  for (const ImageGenerator& generator : standard_generators(digits.view())) {
    names.insert(generator.name);
    const RandomImages drawn = random_images({generator}, 2, 28, 28, 1);
    CHECK_MESSAGE(drawn.images.sample(0).array().cast<int>().sum() > 0, generator.name);
    const bool same = std::equal(drawn.images.sample(0).begin(), drawn.images.sample(0).end(),
                                 drawn.images.sample(1).begin());
    CHECK_MESSAGE(!same, generator.name);
  }
  CHECK(names.size() == 9);
}

TEST_CASE("random images refuse an empty list and pass on what a generator refuses") {
  CHECK_THROWS_AS((void)random_images({}, 5, 28, 28, 1), Error);
  const Tensor<std::uint8_t> small = plain_images(20, 8, 8);
  CHECK_THROWS_AS((void)random_images({{"patches", Patches({small.view()})}}, 1000, 28, 28, 1),
                  ShapeError);
}
