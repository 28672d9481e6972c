/// @file
/// Moving the pixels of an image: by whole pixels, by an affine map, by a smooth random field.
///
/// Images are height x width x channels. Everything here is deterministic; what draws the numbers
/// is in augmentation.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "nn/core/rounding.hpp"
#include "nn/core/tensor.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/kernels/simd/math.hpp"

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

/// Writes a row of an image moved to the right.
template <class T>
void shift_row(const T* from, T* to, Index width, Index channels, Index right, Border border) {
  const auto come_from_outside = [&](Index begin, Index end) {
    for (Index x = begin; x < end; ++x) {
      if (border == Border::zero) {
        std::fill_n(to + x * channels, channels, T(0));
      } else {
        std::copy_n(from + reflected(x - right, width) * channels, channels, to + x * channels);
      }
    }
  };
  const Index first = std::clamp(right, Index{0}, width);
  const Index last = std::clamp(width + right, first, width);
  come_from_outside(0, first);
  if (first < last)
    std::copy_n(from + (first - right) * channels, (last - first) * channels,
                to + first * channels);
  come_from_outside(last, width);
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
  const Index row = width * channels;
  for (Index y = 0; y < height; ++y) {
    const Index from_y = y - down;
    if (border == Border::zero && (from_y < 0 || from_y >= height)) {
      std::fill_n(shifted.data() + y * row, row, T(0));
    } else {
      detail::shift_row(image.data() + detail::reflected(from_y, height) * row,
                        shifted.data() + y * row, width, channels, right, border);
    }
  }
}

/// A position between pixels, in rows and columns from the centre of the first pixel.
struct Position {
  float y = 0;  ///< rows
  float x = 0;  ///< columns
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
    const std::array<float, 4> weights{(1 - below) * (1 - beside), (1 - below) * beside,
                                       below * (1 - beside), below * beside};
    if (row >= 0 && row + 1 < height_ && column >= 0 && column + 1 < width_) {
      const float* corner = pixels_ + (row * width_ + column) * channels_;
      const float* under = corner + width_ * channels_;
      for (Index c = 0; c < channels_; ++c) {
        const float above =
            product(weights[0], corner[c]) + product(weights[1], corner[channels_ + c]);
        out[c] = above + product(weights[2], under[c]) + product(weights[3], under[channels_ + c]);
      }
    } else {
      std::fill_n(out, channels_, 0.0F);
      add(weights[0], row, column, out);
      add(weights[1], row, column + 1, out);
      add(weights[2], row + 1, column, out);
      add(weights[3], row + 1, column + 1, out);
    }
  }

 private:
  /// Adds the share `weight` of a pixel that may lie outside.
  void add(float weight, Index y, Index x, float* out) const {
    const bool inside = y >= 0 && y < height_ && x >= 0 && x < width_;
    if (!inside && border_ == Border::zero) return;
    const Index pixel = reflected(y, height_) * width_ + reflected(x, width_);
    for (Index c = 0; c < channels_; ++c) out[c] += product(weight, pixels_[pixel * channels_ + c]);
  }

  const float* pixels_;
  Index height_;
  Index width_;
  Index channels_;
  Border border_;
};

}  // namespace detail

/// Gives every pixel (y, x) of `image` the colour that is at `source_of(y, x)`, a `Position`.
/// `scratch` holds as many floats as the image.
template <class SourceOf>
void warp_image(TensorView<float> image, std::span<float> scratch, Border border,
                const SourceOf& source_of) {
  detail::check_image(image.shape());
  require(static_cast<Index>(scratch.size()) >= image.size(), "an image of ", image.shape(),
          " is warped with scratch for ", scratch.size(), " floats");
  std::copy(image.begin(), image.end(), scratch.begin());
  const detail::BilinearImage original(scratch.data(), image.shape(), border);
  const Index height = image.shape()[0];
  const Index width = image.shape()[1];
  const Index channels = image.shape()[2];
  float* pixel = image.data();
  for (Index y = 0; y < height; ++y) {
    for (Index x = 0; x < width; ++x, pixel += channels) original.sample(source_of(y, x), pixel);
  }
}

/// An affine map about the centre of an image: it scales, shears, rotates and then moves it.
struct AffineMap {
  float rotation = 0;  ///< in degrees, counter-clockwise as seen
  float scale = 1;     ///< a factor, positive
  float shear = 0;     ///< how far a row moves to the right for each row that it is higher
  float down = 0;      ///< in pixels
  float right = 0;     ///< in pixels

  /// Applies the map. `scratch` holds as many floats as the image.
  /// @throws Error unless the scale is positive.
  void apply(TensorView<float> image, std::span<float> scratch, Border border) const {
    require(scale > 0, "an image scaled by ", scale);
    detail::check_image(image.shape());
    const float centre_y = static_cast<float>(image.shape()[0] - 1) / 2;
    const float centre_x = static_cast<float>(image.shape()[1] - 1) / 2;
    const float angle = rotation * 0.017453292519943295F;
    const float cosine = static_cast<float>(detail::cosine(static_cast<double>(angle))) / scale;
    const float sine = static_cast<float>(detail::sine(static_cast<double>(angle))) / scale;
    // The inverse map, from where a pixel is to where it was: the steps in the opposite order.
    warp_image(image, scratch, border, [&](Index row, Index column) {
      const float y = static_cast<float>(row) - centre_y - down;
      const float x = static_cast<float>(column) - centre_x - right;
      const float was_y = detail::product(sine, x) + detail::product(cosine, y);
      const float was_x =
          detail::product(cosine, x) - detail::product(sine, y) + detail::product(shear, was_y);
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
    sum += kernel[k + radius] = exponential(-0.5F * distance * distance);
  }
  for (Index k = 0; k <= 2 * radius; ++k) kernel[k] /= sum;

  for (Index y = 0; y < height; ++y) {
    float* row = smoothed + y * width;
    std::fill_n(row, width, 0.0F);
    for (Index k = -radius; k <= radius; ++k) {
      const float* from = field.data() + reflected(y + k, height) * width;
      detail::add_multiple(width, kernel[k + radius], from, row);
    }
  }
  for (Index y = 0; y < height; ++y) {
    for (Index x = -radius; x < width + radius; ++x)
      padded[x + radius] = smoothed[y * width + reflected(x, width)];
    float* row = field.data() + y * width;
    std::fill_n(row, width, 0.0F);
    for (Index k = 0; k <= 2 * radius; ++k) {
      detail::add_multiple(width, kernel[k], padded + k, row);
    }
  }
}

}  // namespace detail

}  // namespace nn
