#include "nn/data/random_images.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

namespace random_images_test {

namespace {

using namespace nn;  // NOLINT

Dataset unlabelled(Tensor<std::uint8_t> images) {
  const Index count = images.shape().front();
  return {std::move(images), std::vector<Label>(static_cast<std::size_t>(count))};
}

/// Images 0, 1, 2, ... of one level each: 1, 2, 3, ...
Dataset plain_images(Index count, Index height, Index width) {
  Tensor<std::uint8_t> images({count, height, width, 1});
  for (Index i = 0; i < count; ++i) images.sample(i).fill(static_cast<std::uint8_t>(i + 1));
  return unlabelled(std::move(images));
}

/// All bytes of a data set's images, in order.
std::vector<std::uint8_t> bytes(const Dataset& data) {
  std::vector<std::uint8_t> all;
  for (Index i = 0; i < data.size(); ++i) {
    all.insert(all.end(), data.image(i).begin(), data.image(i).end());
  }
  return all;
}

}  // namespace

TEST_CASE("a patch is a part of the image, from every place equally often") {
  Tensor<std::uint8_t> source({1, 12, 12, 1});
  for (Index i = 0; i < source.size(); ++i) source[i] = static_cast<std::uint8_t>(i);
  const Patches patches({unlabelled(source)});
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
  Patches({unlabelled(source)})(random, image.view());
  CHECK(image == Tensor<std::uint8_t>({1, 4}, {76, 150, 29, 90}));
}

TEST_CASE("patches come from all sources, every image as likely") {
  const Dataset few = plain_images(1, 3, 3);
  const Dataset many = unlabelled(Tensor<std::uint8_t>({3, 4, 4, 3}, 9));
  const Patches patches({few, many});
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
  const Dataset large = plain_images(2, 40, 40);
  const Dataset small = plain_images(2, 20, 30);
  Tensor<std::uint8_t> image({28, 28});
  Random random(1);
  CHECK_THROWS_WITH_AS(Patches({large, small})(random, image.view()),
                       "cannot cut patches of 28x28 out of images as small as 20x30", ShapeError);
  CHECK_THROWS_AS(Patches({}), Error);
  CHECK_THROWS_AS(Patches({unlabelled(Tensor<std::uint8_t>({2, 40, 40, 2}))}), ShapeError);
}

TEST_CASE("a mosaic puts tiles of several images together") {
  const Dataset source = plain_images(200, 6, 6);
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
  const Dataset drawn = random_images(generators, 5, 2, 3, 1);
  CHECK(drawn.size() == 5);
  CHECK(drawn.sample_shape() == Shape{2, 3, 1});
  CHECK(drawn.class_names() == std::vector<std::string>{"black", "white"});
  for (Index i = 0; i < 5; ++i) {
    CHECK(drawn.label(i) == i % 2);
    CHECK(drawn.image(i)(1, 2, 0) == (i % 2 == 0 ? 0 : 255));
  }
}

TEST_CASE("random images depend on the seed and their place alone") {
  const Dataset digits = plain_images(20, 28, 28);
  std::vector<ImageGenerator> generators = standard_generators(digits);
  generators.push_back({"patches", Patches({digits})});
  const auto many = bytes(random_images(generators, 300, 28, 28, 1));
  const auto few = bytes(random_images(generators, 150, 28, 28, 1));
  CHECK(std::equal(few.begin(), few.end(), many.begin()));
  CHECK(bytes(random_images(generators, 150, 28, 28, 2)) != few);

  const int before = threads();
  set_threads(1);
  const auto one = bytes(random_images(generators, 300, 28, 28, 1));
  set_threads(2);
  const auto two = bytes(random_images(generators, 300, 28, 28, 1));
  set_threads(before);
  CHECK(one == two);
}

TEST_CASE("the standard generators have names of their own and draw something") {
  const Dataset digits = plain_images(20, 28, 28);
  std::set<std::string> names;
  for (const ImageGenerator& generator : standard_generators(digits)) {
    names.insert(generator.name);
    const Dataset drawn = random_images({generator}, 2, 28, 28, 1);
    const auto first = bytes(drawn.slice(0, 1));
    CHECK_MESSAGE(std::set<int>(first.begin(), first.end()).size() > 1, generator.name);
    CHECK_MESSAGE(bytes(drawn.slice(1, 1)) != first, generator.name);
  }
  CHECK(names.size() == 10);
}

TEST_CASE("random images refuse an empty list and pass on what a generator refuses") {
  CHECK_THROWS_AS((void)random_images({}, 5, 28, 28, 1), Error);
  const Patches patches({plain_images(20, 8, 8)});
  CHECK_THROWS_AS((void)random_images({{"patches", patches}}, 1000, 28, 28, 1), ShapeError);
}

}  // namespace random_images_test
