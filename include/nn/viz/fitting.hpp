/// @file
/// Pictures of any size brought to one size without changing their shapes.
#pragma once

#include <algorithm>

#include "nn/viz/pixels.hpp"

namespace nn::viz {

namespace detail {

/// `extent` times the ratio of two extents, rounded, but at least 1 and at most `most`.
[[nodiscard]] inline Index in_proportion(Index extent, Index to, Index from, Index most) {
  const double exact =
      static_cast<double>(extent) * static_cast<double>(to) / static_cast<double>(from);
  return std::clamp(static_cast<Index>(exact + 0.5), Index{1}, most);
}

/// @throws ShapeError unless both pictures have pixels.
[[gnu::cold]] inline void require_pixels(const Image& image, Index height, Index width) {
  require<ShapeError>(!image.empty() && height > 0 && width > 0, "cannot bring an image of ",
                      image.height(), "x", image.width(), " to ", height, "x", width);
}

}  // namespace detail

/// The whole picture within `height` x `width`, as large as its shape allows and in the middle;
/// what it leaves free has the colour `background`.
/// @throws ShapeError unless both pictures have pixels.
[[nodiscard]] inline Image fitted(const Image& image, Index height, Index width,
                                  Colour background = black) {
  detail::require_pixels(image, height, width);
  if (image.height() == height && image.width() == width) return image;
  // Which of the two extents is filled: products, so that nothing is rounded.
  const bool by_height = image.height() * width >= image.width() * height;
  const Index rows =
      by_height ? height : detail::in_proportion(image.height(), width, image.width(), height);
  const Index columns =
      by_height ? detail::in_proportion(image.width(), height, image.height(), width) : width;
  Image small = resized(image, rows, columns);
  if (rows == height && columns == width) return small;
  Image result(height, width, image.channels(), background);
  paste(result, small, (height - rows) / 2, (width - columns) / 2);
  return result;
}

/// The middle of the picture, as much of it as has the shape of `height` x `width`, in that size.
/// @throws ShapeError unless both pictures have pixels.
[[nodiscard]] inline Image filled(const Image& image, Index height, Index width) {
  detail::require_pixels(image, height, width);
  if (image.height() == height && image.width() == width) return image;
  const bool by_width = image.height() * width >= image.width() * height;
  const Index rows = by_width ? detail::in_proportion(height, image.width(), width, image.height())
                              : image.height();
  const Index columns = by_width
                            ? image.width()
                            : detail::in_proportion(width, image.height(), height, image.width());
  return resized(
      crop(image, (image.height() - rows) / 2, (image.width() - columns) / 2, rows, columns),
      height, width);
}

}  // namespace nn::viz
