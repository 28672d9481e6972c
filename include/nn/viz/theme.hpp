/// @file
/// The colours and the type of every figure.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <string_view>

#include "nn/viz/pixels.hpp"

namespace nn::viz {

/// Colours that people with any colour vision tell apart (Okabe and Ito, "Color universal design",
/// 2008), without the yellow, which does not show on white.
inline constexpr std::array<Colour, 7> series_colours{{{0, 114, 178},
                                                       {213, 94, 0},
                                                       {0, 158, 115},
                                                       {204, 121, 167},
                                                       {86, 180, 233},
                                                       {230, 159, 0},
                                                       {90, 90, 90}}};

/// What a colour says, wherever right and wrong are shown.
inline constexpr Colour right_colour = series_colours[0];
/// Likewise, of what is wrong.
inline constexpr Colour wrong_colour = series_colours[1];

/// Of words.
inline constexpr Colour text_colour{51, 51, 51};
/// Of words beside the point.
inline constexpr Colour faint_colour{118, 118, 118};
/// Of axes.
inline constexpr Colour axis_colour{154, 160, 166};
/// Of the lines behind the data.
inline constexpr Colour grid_colour{228, 230, 233};

/// The size of a figure in the pixels of a page; PNG files have twice as many each way, so that
/// they stay crisp in print and on dense screens.
struct FigureSize {
  Index width = 640;   ///< in pixels of a page
  Index height = 400;  ///< in pixels of a page
};

/// The font of the figures (packaged with everything that draws text on Debian) and its size in
/// points, chosen to be legible when a figure is shown at half its size on a telephone.
inline constexpr std::string_view figure_font = "DejaVu Sans";
/// The size of the font.
inline constexpr double figure_points = 11.5;

/// Ways to show a value from 0 to 1 as a colour.
enum class ColourScale {
  blues,     ///< white to dark blue: counts and shares on paper
  oranges,   ///< white to dark orange
  viridis,   ///< dark violet over green to yellow: images and long ordered series
  diverging  ///< blue over white to orange: values around 0.5
};

namespace detail {

[[nodiscard]] inline Colour between(std::span<const Colour> stops, double value) {
  const double place = std::clamp(value, 0.0, 1.0) * static_cast<double>(stops.size() - 1);
  const auto first = std::min(static_cast<std::size_t>(place), stops.size() - 2);
  const double share = place - static_cast<double>(first);
  const auto mix = [share](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(std::lround(a + (b - a) * share));
  };
  const Colour a = stops[first];
  const Colour b = stops[first + 1];
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

inline constexpr std::array<Colour, 4> blues{
    {{255, 255, 255}, {176, 208, 230}, {58, 138, 194}, {0, 60, 112}}};
inline constexpr std::array<Colour, 4> oranges{
    {{255, 255, 255}, {252, 205, 164}, {230, 122, 42}, {140, 52, 0}}};
/// Five samples of the scale that matplotlib has given to the public domain.
inline constexpr std::array<Colour, 5> viridis{
    {{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}}};
inline constexpr std::array<Colour, 5> diverging{
    {{0, 84, 148}, {120, 178, 216}, {247, 247, 247}, {244, 165, 96}, {178, 72, 0}}};

/// "#rrggbb", as gnuplot, SVG and CSS write colours.
[[nodiscard]] inline std::string hex(Colour colour) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "#";
  for (const unsigned level : {colour.red, colour.green, colour.blue}) {
    text += digits[level / 16];
    text += digits[level % 16];
  }
  return text;
}

}  // namespace detail

/// The colour of `value`, clamped to [0, 1]; NaN is light grey.
[[nodiscard]] inline Colour colour_of(double value, ColourScale scale) {
  if (std::isnan(value)) return {224, 224, 224};
  switch (scale) {
    case ColourScale::oranges:
      return detail::between(detail::oranges, value);
    case ColourScale::viridis:
      return detail::between(detail::viridis, value);
    case ColourScale::diverging:
      return detail::between(detail::diverging, value);
    case ColourScale::blues:
      break;
  }
  return detail::between(detail::blues, value);
}

/// Black or white, whichever reads better on `background`.
[[nodiscard]] inline Colour text_on(Colour background) {
  const int luma = 299 * background.red + 587 * background.green + 114 * background.blue;
  return luma > 140 * 1000 ? text_colour : white;
}

/// The colour of series `index` out of `count`: one of the series_colours, or, where the series
/// have an order, of a scale from dark to light.
[[nodiscard]] inline Colour series_colour(Index index, Index count, bool ordered = false) {
  if (!ordered) return series_colours[static_cast<std::size_t>(index) % series_colours.size()];
  const double place = count > 1 ? static_cast<double>(index) / static_cast<double>(count - 1) : 0;
  return colour_of(0.9 * place, ColourScale::viridis);
}

/// A map of values, such as a detector's response at every place of a picture, as a picture.
/// @param values HxW or HxWx1
/// @param range the values with the first and the last colour of the scale
[[nodiscard]] inline Image colour_map(TensorView<const float> values, ValueRange range,
                                      ColourScale scale = ColourScale::viridis) {
  const Shape& shape = values.shape();
  require<ShapeError>(shape.rank() == 2 || (shape.rank() == 3 && shape[2] == 1),
                      "a colour map needs HxW or HxWx1 values, got ", shape);
  Image image(shape[0], shape[1], 3);
  const double width = range.high > range.low ? range.high - range.low : 1;
  for (Index y = 0; y < image.height(); ++y) {
    for (Index x = 0; x < image.width(); ++x) {
      const double value = values[y * image.width() + x];
      image.set(y, x, colour_of((value - range.low) / width, scale));
    }
  }
  return image;
}

}  // namespace nn::viz
