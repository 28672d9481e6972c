/// @file
/// Moving the pixels of an image: by whole pixels, by an affine map, by a smooth random field.
///
/// Images are height x width x channels. Everything here is deterministic; what draws the numbers
/// is in augmentation.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include "nn/core/tensor.hpp"

namespace nn {

/// What lies beyond the edges of an image.
enum class Border {
  zero,    ///< black
  reflect  ///< the image again, mirrored at the pixels of its edges: c b | a b c | b a
};

namespace detail {

/// Where the reflection of `position` lies within [0, size).
[[nodiscard]] inline Index reflected(Index position, Index size) {
  if (position >= 0 && position < size) return position;
  if (size == 1) return 0;
  const Index period = 2 * (size - 1);
  const Index within = (position % period + period) % period;
  return std::min(within, period - within);
}

inline void check_image(const Shape& shape) {
  require<ShapeError>(shape.rank() == 3, "expected an image of height x width x channels, got ",
                      shape);
}

}  // namespace detail

/// Mirrors an image, or every image of a batch, left to right.
template <class T>
void flip_horizontally(TensorView<T> images) {
  const Index width = images.shape()[-2];
  const Index channels = images.shape()[-1];
  for (T* row = images.begin(); row != images.end(); row += width * channels) {
    for (Index left = 0; 2 * left + 1 < width; ++left) {
      T* pixel = row + left * channels;
      std::swap_ranges(pixel, pixel + channels, row + (width - 1 - left) * channels);
    }
  }
}

/// Writes `image` moved `down` and to the `right` by whole pixels (up and left if negative) into
/// another one of the same shape.
/// @throws ShapeError unless they are images of the same shape.
template <class T>
void shift_image(TensorView<const T> image, TensorView<T> shifted, Index down, Index right,
                 Border border = Border::zero) {
  detail::check_image(image.shape());
  require<ShapeError>(shifted.shape() == image.shape(), "an image of ", image.shape(),
                      " cannot be moved into one of ", shifted.shape());
  const Index height = image.shape()[0];
  const Index width = image.shape()[1];
  const Index channels = image.shape()[2];
  const auto source = [border](Index position, Index size) {
    if (border == Border::reflect) return detail::reflected(position, size);
    return position >= 0 && position < size ? position : Index{-1};
  };
  for (Index y = 0; y < height; ++y) {
    const Index from_y = source(y - down, height);
    for (Index x = 0; x < width; ++x) {
      const Index from_x = source(x - right, width);
      T* pixel = shifted.data() + (y * width + x) * channels;
      if (from_y < 0 || from_x < 0) {
        std::fill_n(pixel, channels, T(0));
      } else {
        std::copy_n(image.data() + (from_y * width + from_x) * channels, channels, pixel);
      }
    }
  }
}

/// A position between pixels, in rows and columns from the centre of the first pixel.
struct Position {
  float y = 0;
  float x = 0;
};

namespace detail {

/// An image of floats seen as a function of the plane: bilinear between the centres of pixels.
class BilinearImage {
 public:
  BilinearImage(const float* pixels, const Shape& shape, Border border)
      : pixels_(pixels),
        height_(shape[0]),
        width_(shape[1]),
        channels_(shape[2]),
        border_(border) {}

  /// Writes the channels at a position.
  void sample(Position position, float* out) const {
    // So far outside, all is black or has been reflected many times over.
    constexpr float far = 1e6F;
    const float y = std::clamp(position.y, -far, far);
    const float x = std::clamp(position.x, -far, far);
    const float top = std::floor(y);
    const float left = std::floor(x);
    const auto row = static_cast<Index>(top);
    const auto column = static_cast<Index>(left);
    const float below = y - top;
    const float beside = x - left;
    const float* corners[4] = {at(row, column), at(row, column + 1), at(row + 1, column),
                               at(row + 1, column + 1)};
    const float weights[4] = {(1 - below) * (1 - beside), (1 - below) * beside,
                              below * (1 - beside), below * beside};
    for (Index c = 0; c < channels_; ++c) {
      float value = 0;
      for (int k = 0; k < 4; ++k) {
        if (corners[k] != nullptr) value += weights[k] * corners[k][c];
      }
      out[c] = value;
    }
  }

 private:
  /// The channels of a pixel, or null where it is black.
  [[nodiscard]] const float* at(Index y, Index x) const {
    const bool inside = y >= 0 && y < height_ && x >= 0 && x < width_;
    if (!inside && border_ == Border::zero) return nullptr;
    return pixels_ + (reflected(y, height_) * width_ + reflected(x, width_)) * channels_;
  }

  const float* pixels_;
  Index height_;
  Index width_;
  Index channels_;
  Border border_;
};

}  // namespace detail

/// Gives every pixel (y, x) of `image` the colour that is at `source_of(y, x)`, a `Position`.
/// `scratch` has room for a copy of the image.
template <class SourceOf>
void warp_image(TensorView<float> image, std::span<float> scratch, Border border,
                const SourceOf& source_of) {
  detail::check_image(image.shape());
  std::copy(image.begin(), image.end(), scratch.begin());
  const detail::BilinearImage original(scratch.data(), image.shape(), border);
  for (Index y = 0; y < image.shape()[0]; ++y) {
    for (Index x = 0; x < image.shape()[1]; ++x) original.sample(source_of(y, x), &image(y, x, 0));
  }
}

/// An affine map about the centre of an image: it scales, shears, rotates and then moves it.
struct AffineMap {
  float rotation = 0;  ///< in degrees, counter-clockwise as seen
  float scale = 1;     ///< a factor, positive
  float shear = 0;     ///< how far a row moves to the right for each row that it is higher
  float down = 0;      ///< in pixels
  float right = 0;     ///< in pixels

  /// Applies the map. `scratch` has room for a copy of the image.
  /// @throws Error unless the scale is positive.
  void apply(TensorView<float> image, std::span<float> scratch, Border border) const {
    require(scale > 0, "an image scaled by ", scale);
    detail::check_image(image.shape());
    const float centre_y = static_cast<float>(image.shape()[0] - 1) / 2;
    const float centre_x = static_cast<float>(image.shape()[1] - 1) / 2;
    const float angle = rotation * 0.017453292519943295F;
    const float cosine = std::cos(angle) / scale;
    const float sine = std::sin(angle) / scale;
    // The inverse map, from where a pixel is to where it was: the steps in the opposite order.
    warp_image(image, scratch, border, [&](Index row, Index column) {
      const float y = static_cast<float>(row) - centre_y - down;
      const float x = static_cast<float>(column) - centre_x - right;
      const float was_y = sine * x + cosine * y;
      const float was_x = cosine * x - sine * y + shear * was_y;
      return Position{was_y + centre_y, was_x + centre_x};
    });
  }
};

namespace detail {

/// How far the kernel of `blur` reaches.
[[nodiscard]] inline Index blur_radius(float sigma) {
  return static_cast<Index>(std::ceil(3 * sigma));
}

/// The floats of scratch that `blur` takes.
[[nodiscard]] inline Index blur_scratch(Index height, Index width, float sigma) {
  return height * width + width + 4 * blur_radius(sigma) + 1;
}

/// Smooths a height x width field by a Gaussian of standard deviation `sigma`, in pixels; beyond
/// the edges the field is reflected.
inline void blur(std::span<float> field, Index height, Index width, float sigma,
                 std::span<float> scratch) {
  const Index radius = blur_radius(sigma);
  float* smoothed = scratch.data();             // height x width
  float* padded = smoothed + height * width;    // width + 2 radius
  float* kernel = padded + width + 2 * radius;  // 2 radius + 1
  float sum = 0;
  for (Index k = -radius; k <= radius; ++k) {
    const float distance = static_cast<float>(k) / sigma;
    sum += kernel[k + radius] = std::exp(-0.5F * distance * distance);
  }
  for (Index k = 0; k <= 2 * radius; ++k) kernel[k] /= sum;

  for (Index y = 0; y < height; ++y) {
    float* row = smoothed + y * width;
    std::fill_n(row, width, 0.0F);
    for (Index k = -radius; k <= radius; ++k) {
      const float* from = field.data() + reflected(y + k, height) * width;
      for (Index x = 0; x < width; ++x) row[x] += kernel[k + radius] * from[x];
    }
  }
  for (Index y = 0; y < height; ++y) {
    for (Index x = -radius; x < width + radius; ++x)
      padded[x + radius] = smoothed[y * width + reflected(x, width)];
    float* row = field.data() + y * width;
    std::fill_n(row, width, 0.0F);
    for (Index k = 0; k <= 2 * radius; ++k) {
      for (Index x = 0; x < width; ++x) row[x] += kernel[k] * padded[x + k];
    }
  }
}

}  // namespace detail

}  // namespace nn
