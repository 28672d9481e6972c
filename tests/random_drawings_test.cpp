#include "nn/data/random_drawings.hpp"

#include <doctest/doctest.h>

#include <set>

namespace random_drawings_test {

namespace {

using namespace nn;  // NOLINT

template <class Kind>
Tensor<std::uint8_t> drawn(const Kind& kind, const Shape& shape, std::uint64_t seed) {
  Tensor<std::uint8_t> image(shape);
  Random random(seed);
  kind(random, image.view());
  return image;
}

/// The mean difference between a pixel and the one to its right, in levels.
double roughness(TensorView<const std::uint8_t> image) {
  double sum = 0;
  for (Index y = 0; y < image.shape()[0]; ++y) {
    for (Index x = 0; x + 1 < image.shape()[1]; ++x) sum += std::abs(image(y, x) - image(y, x + 1));
  }
  return sum / static_cast<double>(image.shape()[0] * (image.shape()[1] - 1));
}

/// The share of an image's pixels that differ from the commonest level, averaged over many images.
template <class Kind>
double ink(const Kind& kind) {
  double sum = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Tensor<std::uint8_t> image = drawn(kind, {28, 28}, seed);
    std::array<Index, 256> counts{};
    for (const std::uint8_t level : image) ++counts[level];
    sum += 1 - static_cast<double>(*std::max_element(counts.begin(), counts.end())) / 784.0;
  }
  return sum / 200;
}

}  // namespace

TEST_CASE("a texture reaches from its darkest to its brightest level") {
  const Texture texture{.darkest = {20, 20}, .brightest = {220, 220}};
  const Tensor<std::uint8_t> image = drawn(texture, {28, 28}, 1);
  CHECK(*std::min_element(image.begin(), image.end()) == 20);
  CHECK(*std::max_element(image.begin(), image.end()) == 220);
}

TEST_CASE("a texture is the smoother the wider its grids") {
  const auto with = [](Index spacing) {
    const Texture texture{.spacings = {spacing, spacing, spacing, spacing},
                          .darkest = {0, 0},
                          .brightest = {255, 255}};
    return roughness(drawn(texture, {64, 96}, 3));
  };
  CHECK(with(2) > 2 * with(8));
  CHECK(with(8) > 2 * with(32));
  // A cell of 32 pixels is crossed with a slope of at most 1.5 / 32 of the range.
  CHECK(with(32) < 255 * 1.5 / 32);
}

TEST_CASE("grains are as dense as their texture, within a spot if there is one") {
  // The density is 1 everywhere at power 0; at a high power only its peak is left.
  const auto share = [](double power, double spots) {
    const Tensor<std::uint8_t> image =
        drawn(Grain{.contrast = {power, power}, .spots = spots, .radius = {8, 8}}, {128, 128}, 4);
    const auto grains =
        std::count_if(image.begin(), image.end(), [](std::uint8_t level) { return level >= 32; });
    const auto black = std::count(image.begin(), image.end(), std::uint8_t{0});
    CHECK(grains + black == 128 * 128);
    return static_cast<double>(grains) / (128 * 128);
  };
  CHECK(share(0, 0) == 1);
  CHECK(share(1, 0) > 1.3 * share(2, 0));
  CHECK(share(200, 0) < 0.02);
  // The integral of a spot's density is 2 pi r^2.
  CHECK(share(0, 1) == doctest::Approx(6.2832 * 64 / (128 * 128)).epsilon(0.15));
}

TEST_CASE("a line covers the pixels within half its thickness") {
  Tensor<std::uint8_t> image({6, 8});
  const std::array<detail::Point, 2> points{detail::Point{2, -5}, detail::Point{2, 20}};
  detail::draw_line(image, points, 2, 200);
  for (Index x = 0; x < 8; ++x) {
    CHECK(image(0, x) == 0);
    CHECK(image(1, x) == 200);
    CHECK(image(2, x) == 200);
    CHECK(image(3, x) == 0);
  }
}

TEST_CASE("the edge of a line shares its pixel between ink and background") {
  Tensor<std::uint8_t> image({3, 3}, 100);
  const std::array<detail::Point, 2> points{detail::Point{1.5, -5}, detail::Point{1.5, 20}};
  detail::draw_line(image, points, 2, 200);
  CHECK(image(1, 1) == 200);
  CHECK(image(0, 1) == 150);  // its centre is 1 away: half covered
  CHECK(image(2, 1) == 150);
}

TEST_CASE("a line ends round") {
  Tensor<std::uint8_t> image({9, 9});
  const std::array<detail::Point, 2> points{detail::Point{4.5, 4.5}, detail::Point{4.5, 4.5}};
  detail::draw_line(image, points, 6, 255);
  double area = 0;
  for (const double level : image) area += level / 255;
  CHECK(area == doctest::Approx(3.14159 * 9).epsilon(0.03));
}

TEST_CASE("the distance to a segment is that to its nearest point") {
  const detail::Point a{0, 0};
  const detail::Point b{0, 4};
  CHECK(detail::squared_distance({3, 2}, a, b) == 9);    // beside it
  CHECK(detail::squared_distance({3, -4}, a, b) == 25);  // before it
  CHECK(detail::squared_distance({0, 6}, a, b) == 4);    // after it
  CHECK(detail::squared_distance({3, 4}, a, a) == 25);   // a segment of no length
}

TEST_CASE("strokes and shapes leave ink, and room") {
  CHECK(ink(Strokes{}) > 0.1);
  CHECK(ink(Strokes{}) < 0.6);
  CHECK(ink(Shapes{}) > 0.1);
  CHECK(ink(Shapes{}) < 0.6);
}

TEST_CASE("more strokes leave more ink") {
  CHECK(ink(Strokes{.fewest = 8, .most = 8}) > 1.5 * ink(Strokes{.fewest = 2, .most = 2}));
  CHECK(ink(Strokes{.thickness = {4, 4}}) > 1.5 * ink(Strokes{.thickness = {1, 1}}));
}

TEST_CASE("drawings repeat for the same seed and differ for others") {
  CHECK(drawn(Strokes{}, {28, 28}, 1) == drawn(Strokes{}, {28, 28}, 1));
  CHECK(drawn(Strokes{}, {28, 28}, 1) != drawn(Strokes{}, {28, 28}, 2));
  CHECK(drawn(Shapes{}, {28, 28}, 1) == drawn(Shapes{}, {28, 28}, 1));
  CHECK(drawn(Shapes{}, {28, 28}, 1) != drawn(Shapes{}, {28, 28}, 2));
  CHECK(drawn(Texture{}, {28, 28}, 1) == drawn(Texture{}, {28, 28}, 1));
  CHECK(drawn(Texture{}, {28, 28}, 1) != drawn(Texture{}, {28, 28}, 2));
}

TEST_CASE("a filled triangle covers its area") {
  // Corners on a circle of radius 20 around a centre inside: 3 sqrt(3) / 4 * 20^2 pixels.
  Tensor<std::uint8_t> image({64, 64});
  std::array<detail::Point, 4> corners{};
  for (std::size_t i = 0; i < 4; ++i) {
    const double angle = 2.0943951023931953 * static_cast<double>(i % 3);
    corners[i] = {32 + 20 * std::sin(angle), 32 + 20 * std::cos(angle)};
  }
  detail::fill_polygon(image, corners, 255);
  const auto inside = std::count(image.begin(), image.end(), std::uint8_t{255});
  CHECK(static_cast<double>(inside) == doctest::Approx(519.6).epsilon(0.02));
}

}  // namespace random_drawings_test
