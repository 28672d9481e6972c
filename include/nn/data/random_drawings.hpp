/// @file
/// Images drawn at random: smooth textures, strokes and shapes. Used as those of random_noise.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "nn/core/rounding.hpp"
#include "nn/data/random_noise.hpp"
#include "nn/kernels/simd/math.hpp"

namespace nn {

namespace detail {

[[nodiscard]] inline double sum_of_squares(double a, double b) {
  return product(a, a) + product(b, b);
}

}  // namespace detail

/// Smooth textures: random values on grids of several spacings, interpolated and added, stretched
/// to a random range of levels (value noise; Ebert et al., "Texturing and Modeling", 3rd ed. 2003,
/// chapter 2).
struct Texture {
  std::array<Index, 4> spacings{2, 4, 8, 16};  ///< in pixels; each has a random weight
  Interval darkest{0, 96};                     ///< the level of the darkest pixel
  Interval brightest{128, 255};                ///< the level of the brightest pixel

  void operator()(Random& random, TensorView<std::uint8_t> image) const {
    const Index height = image.shape()[0];
    const Index width = image.shape()[1];
    std::vector<double> sum(static_cast<std::size_t>(height * width), 0.0);
    for (const Index spacing : spacings) add_octave(random, height, width, spacing, sum);
    const auto [low, high] = std::minmax_element(sum.begin(), sum.end());
    const double base = *low;
    const double extent = std::max(*high - base, 1e-9);
    const double dark = darkest.draw(random);
    const double bright = brightest.draw(random);
    for (Index i = 0; i < image.size(); ++i) {
      const double share = (sum[static_cast<std::size_t>(i)] - base) / extent;
      image[i] = detail::to_level(dark + detail::product(bright - dark, share));
    }
  }

 private:
  /// 3t^2 - 2t^3: from 0 to 1 with no slope at either end.
  static double smooth(double t) { return t * t * (3 - detail::product(2.0, t)); }

  static double between(double from, double to, double share) {
    return detail::product(from, 1 - share) + detail::product(to, share);
  }

  static void add_octave(Random& random, Index height, Index width, Index spacing,
                         std::vector<double>& sum) {
    const double share = random.uniform();
    const double weight = share * share * share;  // so that one scale often outweighs the others
    const Index columns = width / spacing + 2;
    const Index rows = height / spacing + 2;
    std::vector<double> grid(static_cast<std::size_t>(rows * columns));
    for (double& value : grid) value = weight * random.uniform();
    const auto at = [&](Index row, Index column) {
      return grid[static_cast<std::size_t>(row * columns + column)];
    };
    for (Index y = 0; y < height; ++y) {
      const Index row = y / spacing;
      const double v = smooth(static_cast<double>(y % spacing) / static_cast<double>(spacing));
      for (Index x = 0; x < width; ++x) {
        const Index column = x / spacing;
        const double u = smooth(static_cast<double>(x % spacing) / static_cast<double>(spacing));
        const double upper = between(at(row, column), at(row, column + 1), u);
        const double lower = between(at(row + 1, column), at(row + 1, column + 1), u);
        sum[static_cast<std::size_t>(y * width + x)] += between(upper, lower, v);
      }
    }
  }
};

/// Grains on black whose density follows a smooth texture, in half of the images within a round
/// spot only: noise that is thicker in some places than in others.
struct Grain {
  Texture density{.spacings = {8, 8, 16, 16},
                  .darkest = {0, 0},
                  .brightest = {255, 255}};  ///< of grains at each place
  Interval contrast{0.2, 5};  ///< the power to which the density, from 0 to 1, is raised
  double spots = 0.5;         ///< the share of the images with a spot
  Interval radius{3, 10};     ///< of spots: where the density has fallen to 0.6, in pixels

  void operator()(Random& random, TensorView<std::uint8_t> image) const {
    density(random, image);
    const double power = contrast.draw(random);
    const bool has_spot = random.bernoulli(spots);
    const double row = static_cast<double>(image.shape()[0]) * random.uniform(0.3, 0.7);
    const double column = static_cast<double>(image.shape()[1]) * random.uniform(0.3, 0.7);
    const double width = radius.draw(random);
    for (Index y = 0; y < image.shape()[0]; ++y) {
      for (Index x = 0; x < image.shape()[1]; ++x) {
        const double v = (static_cast<double>(y) - row) / width;
        const double u = (static_cast<double>(x) - column) / width;
        const double share =
            has_spot ? detail::exponential(-0.5 * detail::sum_of_squares(v, u)) : 1.0;
        const bool grain = random.bernoulli(share * detail::power(image(y, x) / 255.0, power));
        const double level = random.uniform(32, 255);
        image(y, x) = grain ? detail::to_level(level) : std::uint8_t{0};
      }
    }
  }
};

namespace detail {

[[nodiscard]] inline double sum_of_products(double a, double b, double c, double d) {
  return product(a, b) + product(c, d);
}

struct Point {
  double y = 0;
  double x = 0;
};

[[nodiscard]] inline Point random_point(Random& random, TensorView<std::uint8_t> image) {
  const double y = random.uniform(0, static_cast<double>(image.shape()[0]));
  return {y, random.uniform(0, static_cast<double>(image.shape()[1]))};
}

/// The square of the distance from p to the segment from a to b.
[[nodiscard]] inline double squared_distance(Point p, Point a, Point b) {
  const Point d{b.y - a.y, b.x - a.x};
  const double length = sum_of_squares(d.y, d.x);
  const double along = length > 0 ? sum_of_products(p.y - a.y, d.y, p.x - a.x, d.x) / length : 0.0;
  const double t = std::clamp(along, 0.0, 1.0);
  const double dy = p.y - a.y - product(t, d.y);
  const double dx = p.x - a.x - product(t, d.x);
  return sum_of_squares(dy, dx);
}

/// Mixes `ink` into each pixel by the share, from 0 to 1, of it that `coverage(centre)` says.
template <class Coverage>
void paint(TensorView<std::uint8_t> image, double ink, const Coverage& coverage) {
  for (Index y = 0; y < image.shape()[0]; ++y) {
    for (Index x = 0; x < image.shape()[1]; ++x) {
      const Point centre{static_cast<double>(y) + 0.5, static_cast<double>(x) + 0.5};
      const double share = std::clamp(coverage(centre), 0.0, 1.0);
      std::uint8_t& pixel = image(y, x);
      pixel = to_level(pixel + product(ink - pixel, share));
    }
  }
}

/// Draws the line through `points` with round ends.
inline void draw_line(TensorView<std::uint8_t> image, std::span<const Point> points,
                      double thickness, double ink) {
  paint(image, ink, [&](Point centre) {
    double nearest = squared_distance(centre, points[0], points[0]);
    for (std::size_t i = 1; i < points.size(); ++i) {
      nearest = std::min(nearest, squared_distance(centre, points[i - 1], points[i]));
    }
    return product(0.5, thickness) + 0.5 - std::sqrt(nearest);
  });
}

/// Fills the polygon whose corners, the first again at the end, are given with the inside to the
/// right (y points down). It must be convex, so that it is the common part of half-planes.
inline void fill_polygon(TensorView<std::uint8_t> image, std::span<const Point> outline,
                         double ink) {
  paint(image, ink, [&](Point p) {
    for (std::size_t i = 1; i < outline.size(); ++i) {
      const Point a = outline[i - 1];
      const Point b = outline[i];
      if (product(b.x - a.x, p.y - a.y) < product(b.y - a.y, p.x - a.x)) return 0.0;
    }
    return 1.0;
  });
}

/// A background and an ink that can be told from it: mostly bright on dark, as digits are.
struct Inks {
  double background;
  double ink;
};
[[nodiscard]] inline Inks random_inks(Random& random) {
  const double dark = random.bernoulli(0.5) ? 0.0 : random.uniform(0, 96);
  const double bright = random.uniform(160, 255);
  return random.bernoulli(0.75) ? Inks{dark, bright} : Inks{bright, dark};
}

}  // namespace detail

/// Straight and curved strokes (quadratic Bezier curves) anywhere in the image.
struct Strokes {
  Index fewest = 2;          ///< in an image
  Index most = 8;            ///< in an image
  Interval thickness{1, 4};  ///< in pixels

  void operator()(Random& random, TensorView<std::uint8_t> image) const {
    const detail::Inks inks = detail::random_inks(random);
    image.fill(detail::to_level(inks.background));
    const Index count = fewest + random.below(most - fewest + 1);
    for (Index stroke = 0; stroke < count; ++stroke) {
      const std::array<detail::Point, 9> points = curve(random, image);
      detail::draw_line(image, points, thickness.draw(random), inks.ink);
    }
  }

 private:
  static std::array<detail::Point, 9> curve(Random& random, TensorView<std::uint8_t> image) {
    const detail::Point a = detail::random_point(random, image);
    const detail::Point c = detail::random_point(random, image);
    detail::Point b{0.5 * (a.y + c.y), 0.5 * (a.x + c.x)};
    if (random.bernoulli(0.6)) b = detail::random_point(random, image);
    std::array<detail::Point, 9> points{};
    for (std::size_t i = 0; i < points.size(); ++i) {
      const double t = static_cast<double>(i) / static_cast<double>(points.size() - 1);
      const double from = (1 - t) * (1 - t);
      const double by = 2 * t * (1 - t);
      const double to = t * t;
      points[i] = {detail::sum_of_products(from, a.y, by, b.y) + detail::product(to, c.y),
                   detail::sum_of_products(from, a.x, by, b.x) + detail::product(to, c.x)};
    }
    return points;
  }
};

/// Ellipses, rectangles and triangles anywhere in the image, filled or in outline.
struct Shapes {
  Index fewest = 1;          ///< in an image
  Index most = 4;            ///< in an image
  Interval extent{3, 20};    ///< of a side or diameter, in pixels
  Interval thickness{1, 4};  ///< of outlines, in pixels

  void operator()(Random& random, TensorView<std::uint8_t> image) const {
    const detail::Inks inks = detail::random_inks(random);
    image.fill(detail::to_level(inks.background));
    const Index count = fewest + random.below(most - fewest + 1);
    for (Index shape = 0; shape < count; ++shape) {
      switch (random.below(3)) {
        case 0:
          ellipse(random, image, inks.ink);
          break;
        case 1:
          polygon(random, image, 4, inks.ink);
          break;
        default:
          polygon(random, image, 3, inks.ink);
          break;
      }
    }
  }

 private:
  void ellipse(Random& random, TensorView<std::uint8_t> image, double ink) const {
    const detail::Point centre = detail::random_point(random, image);
    const double height = 0.5 * extent.draw(random);
    const double width = 0.5 * extent.draw(random);
    const bool filled = random.bernoulli(0.5);
    const double line = thickness.draw(random);
    detail::paint(image, ink, [&](detail::Point p) {
      // The distance to the edge, as exact as levels need: (r - 1) times the mean radius.
      const double y = (p.y - centre.y) / height;
      const double x = (p.x - centre.x) / width;
      const double outside = (std::sqrt(detail::sum_of_squares(y, x)) - 1) * 0.5 * (height + width);
      return filled ? 0.5 - outside : detail::product(0.5, line) + 0.5 - std::abs(outside);
    });
  }

  /// A polygon with its corners on an ellipse, from a random one on.
  void polygon(Random& random, TensorView<std::uint8_t> image, std::size_t corners,
               double ink) const {
    const detail::Point centre = detail::random_point(random, image);
    const double height = 0.5 * extent.draw(random);
    const double width = 0.5 * extent.draw(random);
    const double turn = random.uniform(0, 6.283185307179586);
    std::array<detail::Point, 5> points{};
    for (std::size_t i = 0; i <= corners; ++i) {
      const double angle = turn + 6.283185307179586 * static_cast<double>(i % corners) /
                                      static_cast<double>(corners);
      points[i] = {centre.y + detail::product(height, detail::sine(angle)),
                   centre.x + detail::product(width, detail::cosine(angle))};
    }
    const std::span<const detail::Point> outline(points.data(), corners + 1);
    const bool filled = random.bernoulli(0.5);
    const double line = thickness.draw(random);
    if (filled) detail::fill_polygon(image, outline, ink);
    detail::draw_line(image, outline, filled ? 1.0 : line, ink);
  }
};

}  // namespace nn
