/// @file
/// Pictures in memory: 8-bit pixels, made from tensors, resized and put together.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "nn/core/error.hpp"
#include "nn/core/tensor.hpp"

namespace nn::viz {

/// A colour of 8 bits a channel.
struct Colour {
  std::uint8_t red = 0;    ///< 0 to 255
  std::uint8_t green = 0;  ///< 0 to 255
  std::uint8_t blue = 0;   ///< 0 to 255
  constexpr bool operator==(const Colour&) const = default;
};

/// Paper.
inline constexpr Colour white{255, 255, 255};
/// Ink.
inline constexpr Colour black{0, 0, 0};

/// A picture of H x W pixels with one channel (grey) or three (red, green, blue).
class Image {
 public:
  Image() = default;

  /// One colour all over; a grey image takes the colour's red channel.
  /// @throws ShapeError for a negative extent or a number of channels other than 1 and 3.
  Image(Index height, Index width, Index channels, Colour fill = white)
      : pixels_(checked(Shape{height, width, channels})) {
    for (Index y = 0; y < height; ++y) {
      for (Index x = 0; x < width; ++x) set(y, x, fill);
    }
  }

  /// @throws ShapeError unless the pixels are HxW, HxWx1 or HxWx3.
  explicit Image(TensorView<const std::uint8_t> pixels)
      : pixels_(pixels.reshaped(checked(pixels.shape().rank() == 2
                                            ? Shape{pixels.shape()[0], pixels.shape()[1], 1}
                                            : pixels.shape()))) {}

  /// Rows; 0 for an empty image.
  [[nodiscard]] Index height() const {
    return pixels_.shape().rank() == 3 ? pixels_.shape()[0] : 0;
  }
  /// Columns; 0 for an empty image.
  [[nodiscard]] Index width() const { return pixels_.shape().rank() == 3 ? pixels_.shape()[1] : 0; }
  /// One (grey) or three (red, green, blue).
  [[nodiscard]] Index channels() const {
    return pixels_.shape().rank() == 3 ? pixels_.shape()[2] : 1;
  }
  [[nodiscard]] bool empty() const { return pixels_.empty(); }

  /// The pixels, H x W x C.
  [[nodiscard]] const Tensor<std::uint8_t>& pixels() const { return pixels_; }
  /// Likewise, to change.
  [[nodiscard]] Tensor<std::uint8_t>& pixels() { return pixels_; }

  /// The colour at a position inside the image, unchecked.
  [[nodiscard]] Colour at(Index y, Index x) const {
    const std::uint8_t* p = &pixels_(y, x, 0);
    return channels() == 1 ? Colour{p[0], p[0], p[0]} : Colour{p[0], p[1], p[2]};
  }

  /// Colours the pixel at a position; positions outside the image are ignored. A grey image takes
  /// the red channel.
  void set(Index y, Index x, Colour colour) {
    if (y < 0 || x < 0 || y >= height() || x >= width()) return;
    std::uint8_t* p = &pixels_(y, x, 0);
    p[0] = colour.red;
    if (channels() == 1) return;
    p[1] = colour.green;
    p[2] = colour.blue;
  }

  bool operator==(const Image&) const = default;

 private:
  static const Shape& checked(const Shape& shape) {
    require<ShapeError>(shape.rank() == 3 && (shape[2] == 1 || shape[2] == 3),
                        "an image must be HxWx1 or HxWx3, got ", shape);
    return shape;
  }

  Tensor<std::uint8_t> pixels_;
};

/// The values shown as black and as white.
struct ValueRange {
  float low = 0;   ///< shown as black
  float high = 1;  ///< shown as white
};

/// The smallest and the largest finite value; {0, 1} when there is none.
[[nodiscard]] inline ValueRange value_range(TensorView<const float> values) {
  std::optional<ValueRange> range;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    if (!range) range = ValueRange{value, value};
    range->low = std::min(range->low, value);
    range->high = std::max(range->high, value);
  }
  return range.value_or(ValueRange{});
}

/// A sample as a picture. Values outside the range are clamped to it, NaN is shown as black.
/// @param sample HxW, HxWx1 or HxWx3
/// @throws ShapeError for any other shape.
[[nodiscard]] inline Image to_image(TensorView<const float> sample, ValueRange range) {
  Tensor<std::uint8_t> pixels(sample.shape());
  const float width = range.high - range.low;
  const float scale = width > 0 ? 255.0F / width : 0.0F;
  std::transform(sample.begin(), sample.end(), pixels.begin(), [&](float value) {
    if (value > range.high) return std::uint8_t{255};  // an infinity too, in an image of one level
    if (!(value > range.low)) return std::uint8_t{0};  // NaN too
    return static_cast<std::uint8_t>(std::min((value - range.low) * scale, 255.0F) + 0.5F);
  });
  return Image(pixels);
}

/// A sample as a picture whose smallest value is black and whose largest is white.
[[nodiscard]] inline Image to_image(TensorView<const float> sample) {
  return to_image(sample, value_range(sample));
}

/// The pixels as values from 0 (black) to 1 (white), H x W x C.
[[nodiscard]] inline Tensor<float> to_tensor(const Image& image) {
  Tensor<float> values(image.pixels().shape());
  std::transform(image.pixels().begin(), image.pixels().end(), values.begin(),
                 [](std::uint8_t level) { return static_cast<float>(level) / 255.0F; });
  return values;
}

/// The image with three channels.
[[nodiscard]] inline Image to_rgb(const Image& image) {
  if (image.channels() == 3) return image;
  Image result(image.height(), image.width(), 3);
  for (Index y = 0; y < image.height(); ++y) {
    for (Index x = 0; x < image.width(); ++x) result.set(y, x, image.at(y, x));
  }
  return result;
}

/// The image with one channel: the luma of ITU-R BT.601, rounded.
[[nodiscard]] inline Image to_grey(const Image& image) {
  if (image.channels() == 1) return image;
  Image result(image.height(), image.width(), 1);
  for (Index y = 0; y < image.height(); ++y) {
    for (Index x = 0; x < image.width(); ++x) {
      const Colour c = image.at(y, x);
      const int luma = (299 * c.red + 587 * c.green + 114 * c.blue + 500) / 1000;
      result.pixels()(y, x, 0) = static_cast<std::uint8_t>(luma);
    }
  }
  return result;
}

/// Puts `image` on `canvas` with its upper left corner at (top, left); what lies outside is cut
/// off.
inline void paste(Image& canvas, const Image& image, Index top, Index left) {
  for (Index y = 0; y < image.height(); ++y) {
    for (Index x = 0; x < image.width(); ++x) canvas.set(top + y, left + x, image.at(y, x));
  }
}

/// The `height` x `width` pixels from (top, left) on.
/// @throws ShapeError unless they lie inside the image.
[[nodiscard]] inline Image crop(const Image& image, Index top, Index left, Index height,
                                Index width) {
  require<ShapeError>(top >= 0 && left >= 0 && height >= 0 && width >= 0 &&
                          top + height <= image.height() && left + width <= image.width(),
                      "cannot cut ", height, "x", width, " pixels at (", top, ", ", left,
                      ") out of an image of ", image.height(), "x", image.width());
  Image result(height, width, image.channels());
  for (Index y = 0; y < height; ++y) {
    for (Index x = 0; x < width; ++x) result.set(y, x, image.at(top + y, left + x));
  }
  return result;
}

/// Every pixel as a square of `factor` x `factor` pixels.
/// @throws Error unless the factor is positive.
[[nodiscard]] inline Image upscaled(const Image& image, Index factor) {
  require(factor >= 1, "an image cannot be enlarged by the factor ", factor);
  Image result(image.height() * factor, image.width() * factor, image.channels());
  for (Index y = 0; y < result.height(); ++y) {
    for (Index x = 0; x < result.width(); ++x) result.set(y, x, image.at(y / factor, x / factor));
  }
  return result;
}

/// How the pixels of a resized image come from those of the original.
enum class Resampling {
  nearest,  ///< the pixel under the new pixel's centre
  area,     ///< the mean over what the new pixel covers: what to shrink photographs with
};

namespace detail {

/// What one new pixel covers along an axis: old pixels from `first` on, with weights that sum to 1.
struct Coverage {
  Index first = 0;
  std::vector<double> weights;
};

[[nodiscard]] inline std::vector<Coverage> coverage(Index from, Index to, Resampling method) {
  std::vector<Coverage> result;
  const double step = static_cast<double>(from) / static_cast<double>(to);
  for (Index i = 0; i < to; ++i) {
    if (method == Resampling::nearest) {
      result.push_back({(2 * i + 1) * from / (2 * to), {1.0}});
      continue;
    }
    const double begin = static_cast<double>(i) * step;
    const double end = std::min(begin + step, static_cast<double>(from));
    Coverage one{.first = std::min(static_cast<Index>(begin), from - 1), .weights = {}};
    for (Index k = one.first; k < from && (k == one.first || static_cast<double>(k) < end); ++k) {
      const double covered =
          std::min(end, static_cast<double>(k + 1)) - std::max(begin, static_cast<double>(k));
      one.weights.push_back(std::max(covered, 0.0) / (end - begin));
    }
    result.push_back(std::move(one));
  }
  return result;
}

}  // namespace detail

/// The image in another size.
/// @throws ShapeError unless both images have pixels.
[[nodiscard]] inline Image resized(const Image& image, Index height, Index width,
                                   Resampling method = Resampling::area) {
  require<ShapeError>(!image.empty() && height > 0 && width > 0, "cannot resize an image of ",
                      image.height(), "x", image.width(), " to ", height, "x", width);
  const auto rows = detail::coverage(image.height(), height, method);
  const auto columns = detail::coverage(image.width(), width, method);
  Image result(height, width, image.channels());
  for (Index y = 0; y < height; ++y) {
    for (Index x = 0; x < width; ++x) {
      const auto& row = rows[static_cast<std::size_t>(y)];
      const auto& column = columns[static_cast<std::size_t>(x)];
      for (Index c = 0; c < image.channels(); ++c) {
        double sum = 0;
        for (std::size_t i = 0; i < row.weights.size(); ++i) {
          for (std::size_t j = 0; j < column.weights.size(); ++j) {
            sum += row.weights[i] * column.weights[j] *
                   image.pixels()(row.first + static_cast<Index>(i),
                                  column.first + static_cast<Index>(j), c);
          }
        }
        result.pixels()(y, x, c) = static_cast<std::uint8_t>(std::min(sum + 0.5, 255.0));
      }
    }
  }
  return result;
}

}  // namespace nn::viz
