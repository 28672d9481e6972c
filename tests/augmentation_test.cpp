#include "nn/data/augmentation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

namespace augmentation_test {

using namespace nn;  // NOLINT

/// An image whose values all differ, in (0, 1).
Tensor<float> patterned(Index height, Index width, Index channels) {
  Tensor<float> image(Shape{height, width, channels});
  Random random(7);
  for (float& value : image) value = static_cast<float>(0.01 + 0.98 * random.uniform());
  return image;
}

/// The stream of one sample in one epoch.
ImageContext stream(Index sample, Index epoch = 0, std::uint64_t seed = 1) {
  ImageContext context;
  context.begin(seed, epoch, sample);
  return context;
}

/// What an augmentation makes of an image.
template <class Augment>
Tensor<float> augmented(const Augment& augment, Tensor<float> image, ImageContext context) {
  augment(image.view(), context);
  return image;
}

/// Calls visit(augmentation) for one of each kind.
template <class Visit>
void for_each_augmentation(const Visit& visit) {
  visit(RandomShift{.pixels = 3});
  visit(RandomShift{.pixels = 3, .border = Border::reflect});
  visit(RandomFlip{});
  visit(AlternatingFlip{});
  visit(RandomAffine{.rotation = 20, .scale = 0.2, .shear = 0.2, .shift = 2});
  visit(RandomAffine{.rotation = 20, .border = Border::reflect});
  visit(ElasticDistortion{.alpha = 8, .sigma = 2});
  visit(Cutout{4});
  visit(RandomBrightnessContrast{.brightness = 0.2, .contrast = 0.3});
  visit(Sometimes{0.5, RandomShift{.pixels = 3}});
  visit(compose(RandomShift{.pixels = 2}, RandomFlip{}, Cutout{3}));
}

TEST_CASE("with nothing to do the image is identical") {
  for (const Index channels : {1, 3}) {
    for (const Shape& shape :
         {Shape{9, 9, channels}, Shape{8, 5, channels}, Shape{1, 1, channels}}) {
      const Tensor<float> image = patterned(shape[0], shape[1], channels);
      for (const Border border : {Border::zero, Border::reflect}) {
        CHECK(augmented(RandomShift{.pixels = 0, .border = border}, image, stream(0)) == image);
        CHECK(augmented(RandomAffine{.border = border}, image, stream(0)) == image);
        CHECK(augmented(ElasticDistortion{.alpha = 0, .border = border}, image, stream(0)) ==
              image);
      }
      CHECK(augmented(RandomFlip{.probability = 0}, image, stream(0)) == image);
      CHECK(augmented(Cutout{.size = 0}, image, stream(0)) == image);
      CHECK(augmented(RandomBrightnessContrast{}, image, stream(0)) == image);
      CHECK(augmented(Sometimes{0.0, Cutout{100}}, image, stream(0)) == image);
      CHECK(augmented(compose(), image, stream(0)) == image);
    }
  }
}

TEST_CASE("the same stream gives the same image, another stream another") {
  const Tensor<float> image = patterned(12, 10, 3);
  for_each_augmentation([&](const auto& augment) {
    std::set<std::vector<float>> results;
    for (Index sample = 0; sample < 16; ++sample) {
      const Tensor<float> once = augmented(augment, image, stream(sample, 5));
      CHECK(once == augmented(augment, image, stream(sample, 5)));
      CHECK(once.shape() == image.shape());
      results.emplace(once.begin(), once.end());
    }
    CHECK(results.size() > 1);
    results.clear();
    for (Index epoch = 0; epoch < 16; ++epoch) {
      const Tensor<float> once = augmented(augment, image, stream(3, epoch));
      results.emplace(once.begin(), once.end());
    }
    CHECK(results.size() > 1);
  });
}

TEST_CASE("used memory does not show in the next image") {
  const Tensor<float> image = patterned(12, 10, 3);
  for_each_augmentation([&](const auto& augment) {
    ImageContext used = stream(8);
    Tensor<float> other = patterned(20, 20, 3);
    for (float& value : used.scratch(10000)) value = std::nanf("");
    augment(other.view(), used);
    used.begin(1, 5, 3);
    Tensor<float> result = image;
    augment(result.view(), used);
    CHECK(result == augmented(augment, image, stream(3, 5)));
  });
}

TEST_CASE("a shift by 3 moves pixels by 3") {
  const Tensor<float> image = patterned(7, 8, 2);
  Tensor<float> moved(image.shape());
  for (const auto& [down, right] : {std::pair<Index, Index>{3, 0}, {0, 3}, {-3, 2}, {1, -3}}) {
    shift_image<float>(image, moved, down, right);
    for (Index y = 0; y < 7; ++y) {
      for (Index x = 0; x < 8; ++x) {
        for (Index c = 0; c < 2; ++c) {
          const Index from_y = y - down;
          const Index from_x = x - right;
          const bool inside = from_y >= 0 && from_y < 7 && from_x >= 0 && from_x < 8;
          CHECK(moved(y, x, c) == (inside ? image(from_y, from_x, c) : 0.0F));
        }
      }
    }
  }
  Tensor<float> other(Shape{7, 8, 1});
  CHECK_THROWS_AS(shift_image<float>(image, other, 1, 1), ShapeError);
}

TEST_CASE("a reflected border mirrors at the edge pixels") {
  const Tensor<float> row(Shape{1, 4, 1}, {1, 2, 3, 4});
  Tensor<float> moved(row.shape());
  shift_image<float>(row, moved, 0, 3, Border::reflect);
  CHECK(moved == Tensor<float>(row.shape(), {4, 3, 2, 1}));
  shift_image<float>(row, moved, 5, -2, Border::reflect);
  CHECK(moved == Tensor<float>(row.shape(), {3, 4, 3, 2}));
  shift_image<float>(row, moved, 0, 6, Border::reflect);  // a whole period
  CHECK(moved == row);
}

TEST_CASE("random shifts reach every distance up to the bound, and none beyond") {
  Tensor<float> point(Shape{9, 9, 1});
  point(4, 4, 0) = 1;
  std::set<std::pair<Index, Index>> places;
  for (Index sample = 0; sample < 400; ++sample) {
    const Tensor<float> moved = augmented(RandomShift{.pixels = 2}, point, stream(sample));
    const Index place = std::find(moved.begin(), moved.end(), 1.0F) - moved.begin();
    places.emplace(place / 9, place % 9);
  }
  CHECK(places.size() == 25);
  CHECK(*places.begin() == std::pair<Index, Index>{2, 2});
  CHECK(*places.rbegin() == std::pair<Index, Index>{6, 6});
}

TEST_CASE("a flip exchanges left and right") {
  for (const Index width : {1, 4, 5}) {
    Tensor<float> images = patterned(6, width, 3);
    images.resize({2, 3, width, 3});  // a batch
    const Tensor<float> original = images;
    flip_horizontally(images.view());
    for (Index n = 0; n < 2; ++n) {
      for (Index y = 0; y < 3; ++y) {
        for (Index x = 0; x < width; ++x) {
          for (Index c = 0; c < 3; ++c)
            CHECK(images(n, y, x, c) == original(n, y, width - 1 - x, c));
        }
      }
    }
  }
}

TEST_CASE("half of the images are flipped at random") {
  const Tensor<float> image = patterned(3, 4, 1);
  int flipped = 0;
  for (Index sample = 0; sample < 1000; ++sample)
    flipped += augmented(RandomFlip{}, image, stream(sample)) == image ? 0 : 1;
  CHECK(flipped > 440);  // within four standard deviations
  CHECK(flipped < 560);
}

TEST_CASE("alternating flips show every image from the other side in the next epoch") {
  const Tensor<float> image = patterned(3, 4, 1);
  int flipped_first = 0;
  for (Index sample = 0; sample < 1000; ++sample) {
    const auto flipped = [&](Index epoch) {
      return augmented(AlternatingFlip{}, image, stream(sample, epoch)) != image;
    };
    CHECK(flipped(0) != flipped(1));
    CHECK(flipped(0) == flipped(2));
    CHECK(flipped(1) == flipped(7));
    if (flipped(0)) ++flipped_first;
  }
  CHECK(flipped_first > 440);
  CHECK(flipped_first < 560);
}

/// An image transformed by `map`.
Tensor<float> transformed(const AffineMap& map, Tensor<float> image, Border border = Border::zero) {
  std::vector<float> scratch(static_cast<std::size_t>(image.size()));
  map.apply(image, scratch, border);
  return image;
}

void check_near(const Tensor<float>& image, const Tensor<float>& expected) {
  REQUIRE(image.shape() == expected.shape());
  for (Index i = 0; i < image.size(); ++i)
    CHECK(image[i] == doctest::Approx(expected[i]).epsilon(1e-4));
}

TEST_CASE("a quarter turn takes the right edge to the top") {
  const Tensor<float> image = patterned(6, 6, 2);
  const Tensor<float> turned = transformed({.rotation = 90}, image, Border::reflect);
  for (Index y = 0; y < 6; ++y) {
    for (Index x = 0; x < 6; ++x) {
      for (Index c = 0; c < 2; ++c)
        CHECK(turned(y, x, c) == doctest::Approx(image(x, 5 - y, c)).epsilon(1e-4));
    }
  }
  const Tensor<float> half = transformed({.rotation = 180}, image, Border::reflect);
  CHECK(half(1, 2, 0) == doctest::Approx(image(4, 3, 0)).epsilon(1e-4));
}

TEST_CASE("an affine move by whole pixels is a shift") {
  const Tensor<float> image = patterned(7, 8, 3);
  for (const Border border : {Border::zero, Border::reflect}) {
    Tensor<float> shifted(image.shape());
    shift_image<float>(image, shifted, 3, -2, border);
    check_near(transformed({.down = 3, .right = -2}, image, border), shifted);
  }
}

TEST_CASE("between pixels an image is interpolated") {
  const Tensor<float> image(Shape{2, 3, 1}, {0, 8, 4, 2, 6, 2});
  const Tensor<float> moved = transformed({.down = 0.5F, .right = -0.25F}, image);
  // By hand: at (1, 0) lies what was at (0.5, 0.25), between 0.75 * 0 + 0.25 * 8 and
  // 0.75 * 2 + 0.25 * 6; at (0, 1) what was at (-0.5, 1.25), half of it black.
  CHECK(moved(1, 0, 0) == doctest::Approx(2.5));
  CHECK(moved(0, 1, 0) == doctest::Approx(0.5 * (0.75 * 8 + 0.25 * 4)));
  // On the right, a quarter is black.
  CHECK(moved(1, 2, 0) == doctest::Approx(0.75 * (4 + 2) / 2));
}

TEST_CASE("an affine map moves a ramp as the map says") {
  // Interpolation is exact on the image that is 2 x + 3 y about its centre; with rotation t, scale
  // s and shear h the point (x, y), y down, goes to s R(t) (x - h y, y).
  constexpr Index size = 21;
  Tensor<float> ramp(Shape{size, size, 1});
  for (Index y = 0; y < size; ++y) {
    for (Index x = 0; x < size; ++x)
      ramp(y, x, 0) = static_cast<float>(2 * (x - 10) + 3 * (y - 10));
  }
  const AffineMap map{.rotation = 30, .scale = 1.5F, .shear = 0.25F, .down = 1, .right = 2};
  const Tensor<float> moved = transformed(map, ramp);
  const double cosine = std::sqrt(0.75);
  const double sine = 0.5;
  for (const auto& [x, y] : {std::pair<double, double>{0, 0}, {2, 1}, {-3, 2}, {1, -4}}) {
    const double sheared = x - 0.25 * y;
    const double to_x = 1.5 * (cosine * sheared + sine * y) + 2;
    const double to_y = 1.5 * (-sine * sheared + cosine * y) + 1;
    // The moved image is a ramp too: interpolate it where the point has gone.
    const auto row = static_cast<Index>(std::floor(to_y + 10));
    const auto column = static_cast<Index>(std::floor(to_x + 10));
    const double below = to_y + 10 - static_cast<double>(row);
    const double beside = to_x + 10 - static_cast<double>(column);
    const double value =
        (1 - below) * ((1 - beside) * moved(row, column, 0) + beside * moved(row, column + 1, 0)) +
        below * ((1 - beside) * moved(row + 1, column, 0) + beside * moved(row + 1, column + 1, 0));
    CHECK(value == doctest::Approx(2 * x + 3 * y).epsilon(1e-4));
  }
}

TEST_CASE("random affine maps stay within their bounds") {
  // A ramp from left to right shows where each pixel was.
  constexpr Index size = 41;
  Tensor<float> ramp(Shape{size, size, 1});
  for (Index i = 0; i < ramp.size(); ++i) ramp[i] = static_cast<float>(i % size - 20);
  double smallest = 0;
  double largest = 0;
  for (Index sample = 0; sample < 300; ++sample) {
    const Tensor<float> moved = augmented(RandomAffine{.shift = 3}, ramp, stream(sample));
    const double right = -moved(20, 20, 0);
    smallest = std::min(smallest, right);
    largest = std::max(largest, right);
    const Tensor<float> turned = augmented(RandomAffine{.rotation = 10}, ramp, stream(sample));
    const double angle = std::asin((turned(19, 20, 0) - turned(21, 20, 0)) / 2.0) * 57.29578;
    CHECK(std::abs(angle) < 10.001);
    const Tensor<float> scaled = augmented(RandomAffine{.scale = 0.2}, ramp, stream(sample));
    const double factor = 10.0 / scaled(20, 30, 0);
    CHECK(factor > 0.7999);
    CHECK(factor < 1.2001);
  }
  CHECK(smallest > -3);
  CHECK(smallest < -2.8);
  CHECK(largest < 3);
  CHECK(largest > 2.8);
}

/// The Gaussian smoothing of `field` at a point, by its definition.
double smoothed(const std::vector<double>& field, Index height, Index width, double sigma, Index y,
                Index x) {
  const auto mirror = [](Index position, Index size) {
    while (position < 0 || position >= size)
      position = position < 0 ? -position : 2 * (size - 1) - position;
    return position;
  };
  const auto radius = static_cast<Index>(std::ceil(3 * sigma));
  double sum = 0;
  double weights = 0;
  for (Index dy = -radius; dy <= radius; ++dy) {
    for (Index dx = -radius; dx <= radius; ++dx) {
      const double weight = std::exp(-static_cast<double>(dy * dy + dx * dx) / (2 * sigma * sigma));
      const Index from = mirror(y + dy, height) * width + mirror(x + dx, width);
      sum += weight * field[static_cast<std::size_t>(from)];
      weights += weight;
    }
  }
  return sum / weights;
}

TEST_CASE("an elastic distortion moves pixels by the smoothed random field") {
  constexpr Index height = 16;
  constexpr Index width = 18;
  constexpr double alpha = 10;
  constexpr double sigma = 1.5;
  // The field, from the same stream: first down, then right.
  Random random = stream(4).random;
  std::vector<double> down(height * width);
  std::vector<double> right(height * width);
  for (auto* field : {&down, &right}) {
    for (double& value : *field) value = alpha * random.uniform(-1, 1);
  }
  // On a ramp the new value is where the pixel was.
  Tensor<float> ramp(Shape{height, width, 2});
  for (Index y = 0; y < height; ++y) {
    for (Index x = 0; x < width; ++x) {
      ramp(y, x, 0) = static_cast<float>(y);
      ramp(y, x, 1) = static_cast<float>(x);
    }
  }
  const Tensor<float> moved =
      augmented(ElasticDistortion{.alpha = alpha, .sigma = sigma}, ramp, stream(4));
  double moves = 0;
  for (Index y = 5; y < height - 5; ++y) {
    for (Index x = 5; x < width - 5; ++x) {
      const double by_y = smoothed(down, height, width, sigma, y, x);
      const double by_x = smoothed(right, height, width, sigma, y, x);
      CHECK(moved(y, x, 0) == doctest::Approx(static_cast<double>(y) + by_y).epsilon(1e-4));
      CHECK(moved(y, x, 1) == doctest::Approx(static_cast<double>(x) + by_x).epsilon(1e-4));
      moves += by_y * by_y + by_x * by_x;
    }
  }
  // 0.16 alpha / sigma, as its documentation says: a rough figure over 48 dependent places.
  const double typical = std::sqrt(moves / (2 * 6 * 8));
  CHECK(typical == doctest::Approx(0.16 * alpha / sigma).epsilon(0.5));
}

TEST_CASE("a smoothed field beyond its edges is mirrored, however far the kernel reaches") {
  constexpr Index height = 5;
  constexpr Index width = 3;
  std::vector<float> field(height * width);
  std::vector<double> original(height * width);
  Random random(3);
  for (std::size_t i = 0; i < field.size(); ++i)
    original[i] = static_cast<double>(field[i] = static_cast<float>(random.uniform()));
  std::vector<float> scratch(static_cast<std::size_t>(detail::blur_scratch(height, width, 4)));
  detail::blur(field, height, width, 4, scratch);
  for (Index y = 0; y < height; ++y) {
    for (Index x = 0; x < width; ++x) {
      CHECK(field[static_cast<std::size_t>(y * width + x)] ==
            doctest::Approx(smoothed(original, height, width, 4, y, x)).epsilon(1e-5));
    }
  }
}

TEST_CASE("a cutout is a square of one value that may lie partly outside") {
  const Tensor<float> image = patterned(10, 12, 3);
  std::set<Index> sizes;
  for (Index sample = 0; sample < 500; ++sample) {
    const Tensor<float> cut = augmented(Cutout{.size = 4, .value = 0.5F}, image, stream(sample));
    Index top = 10;
    Index bottom = 0;
    Index left = 12;
    Index right = 0;
    Index count = 0;
    for (Index i = 0; i < cut.size(); ++i) {
      if (cut[i] == image[i]) continue;
      CHECK(cut[i] == 0.5F);
      ++count;
      top = std::min(top, i / 36);
      bottom = std::max(bottom, i / 36 + 1);
      left = std::min(left, i / 3 % 12);
      right = std::max(right, i / 3 % 12 + 1);
    }
    CHECK(count == (bottom - top) * (right - left) * 3);  // nothing but a rectangle
    CHECK(bottom - top <= 4);
    CHECK(right - left <= 4);
    sizes.insert(count / 3);
  }
  CHECK(*sizes.begin() == 4);  // in a corner
  CHECK(*sizes.rbegin() == 16);
}

TEST_CASE("brightness and contrast change an image as they say") {
  const Tensor<float> image(Shape{2, 2, 1}, {0.4F, 0.5F, 0.5F, 0.6F});
  for (Index sample = 0; sample < 50; ++sample) {
    const Tensor<float> brighter =
        augmented(RandomBrightnessContrast{.brightness = 0.3}, image, stream(sample));
    const float offset = brighter[1] - 0.5F;
    CHECK(std::abs(offset) < 0.3F);
    CHECK(brighter[0] == doctest::Approx(0.4F + offset));
    CHECK(brighter[3] == doctest::Approx(0.6F + offset));

    const Tensor<float> stronger =
        augmented(RandomBrightnessContrast{.contrast = 0.5}, image, stream(sample));
    CHECK(stronger[1] == doctest::Approx(0.5));  // the mean stays
    const float factor = (stronger[3] - stronger[0]) / 0.2F;
    CHECK(factor > 0.499F);
    CHECK(factor < 1.501F);
    CHECK(stronger[0] == doctest::Approx(0.5F - 0.1F * factor));
  }
  const Tensor<float> extremes(Shape{1, 2, 1}, {0, 1});
  for (Index sample = 0; sample < 20; ++sample) {
    for (const float value : augmented(RandomBrightnessContrast{.brightness = 5, .contrast = 0.9},
                                       extremes, stream(sample))) {
      CHECK(value >= 0);
      CHECK(value <= 1);
    }
  }
}

TEST_CASE("brightness and contrast together: contrast about the mean, then the brightness") {
  const Tensor<float> image(Shape{2, 2, 1}, {0.3F, 0.4F, 0.45F, 0.65F});  // of mean 0.45
  for (Index sample = 0; sample < 50; ++sample) {
    CAPTURE(sample);
    // The brightness is drawn first, then the contrast, each evenly.
    ImageContext drawn = stream(sample);
    const double offset = drawn.random.uniform(-0.1, 0.1);
    const double factor = 1 + drawn.random.uniform(-0.4, 0.4);
    const Tensor<float> changed = augmented(
        RandomBrightnessContrast{.brightness = 0.1, .contrast = 0.4}, image, stream(sample));
    for (Index i = 0; i < image.size(); ++i) {
      const double expected = 0.45 + factor * (static_cast<double>(image[i]) - 0.45) + offset;
      CHECK(changed[i] == doctest::Approx(std::clamp(expected, 0.0, 1.0)).epsilon(1e-5));
    }
  }
}

TEST_CASE("composed augmentations come one after another, from one stream") {
  const Tensor<float> image = patterned(8, 8, 1);
  ImageContext context = stream(6);
  Tensor<float> expected = image;
  RandomShift{.pixels = 3}(expected.view(), context);
  Cutout{.size = 3}(expected.view(), context);
  CHECK(augmented(compose(RandomShift{.pixels = 3}, Cutout{.size = 3}), image, stream(6)) ==
        expected);
}

TEST_CASE("what is only done sometimes is done as often as it should") {
  const Tensor<float> image = patterned(4, 4, 1);
  int done = 0;
  for (Index sample = 0; sample < 1000; ++sample) {
    const auto result = augmented(Sometimes{0.25, Cutout{.size = 9}}, image, stream(sample));
    done += result == image ? 0 : 1;
  }
  CHECK(done > 195);
  CHECK(done < 305);
}

TEST_CASE("impossible options are refused") {
  const Tensor<float> image = patterned(4, 4, 1);
  CHECK_THROWS_AS(augmented(RandomAffine{.scale = 1}, image, stream(0)), Error);
  CHECK_THROWS_AS(augmented(RandomShift{.pixels = -1}, image, stream(0)), Error);
  CHECK_THROWS_AS(augmented(ElasticDistortion{.sigma = 0}, image, stream(0)), Error);
  CHECK_THROWS_AS(transformed({.scale = 0}, image), Error);
  CHECK_THROWS_AS(augmented(Cutout{}, Tensor<float>(Shape{4, 4}), stream(0)), ShapeError);
}

}  // namespace augmentation_test
