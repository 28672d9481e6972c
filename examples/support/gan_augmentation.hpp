/// @file
/// Changes to the images that a discriminator sees, through which the generator's gradient finds
/// back.
#pragma once

#include <algorithm>
#include <utility>

#include "nn/nn.hpp"

namespace example {

/// Where there are few images, a discriminator learns them by heart. So it is shown each of them,
/// real and generated alike, changed at random: moved, brighter or darker, with more or less colour
/// and contrast, with a square cut out (Zhao et al., "Differentiable augmentation for
/// data-efficient GAN training", 2020). Unlike a data set's augmentation this one must hand the
/// gradient back, lest the generator learn to draw such changes.
///
/// Of an image x, all that happens is y = M (C K S x + b): S moves it, K and C bring its colours
/// nearer to their mean in the pixel and its values nearer to their mean in the image, or farther
/// away, and M cuts the square out. K = s I + (1 - s) P, where P takes means, and P is symmetric;
/// so are C and M. Hence dx = S^T K C M dy, and S^T moves the other way.
struct ImageChange {
  nn::Index down = 0, right = 0;  ///< how far it is moved; black comes in
  float brightness = 0;           ///< added to all of it
  float saturation = 1;           ///< of the colours, about the mean of a pixel's channels
  float contrast = 1;             ///< about the mean of the image
  nn::Index top = 0, left = 0;    ///< of the square, which may lie outside in part
  nn::Index cut_height = 0, cut_width = 0;

  /// Draws a change as the paper's authors do: moved by up to an eighth of the sides, a brightness
  /// within 0.5, a saturation up to 2, a contrast from 0.5 to 1.5, and a square of half the sides.
  [[nodiscard]] static ImageChange draw(const nn::Shape& image, nn::Random& random) {
    const auto within = [&](nn::Index bound) { return random.below(2 * bound + 1) - bound; };
    ImageChange change;
    change.down = within(image[0] / 8);
    change.right = within(image[1] / 8);
    change.brightness = static_cast<float>(random.uniform(-0.5, 0.5));
    change.saturation = static_cast<float>(random.uniform(0, 2));
    change.contrast = static_cast<float>(random.uniform(0.5, 1.5));
    change.cut_height = image[0] / 2;
    change.cut_width = image[1] / 2;
    change.top = random.below(image[0] + 1) - change.cut_height / 2;
    change.left = random.below(image[1] + 1) - change.cut_width / 2;
    return change;
  }

  /// @param x, y height x width x channels, not the same memory; values from -1 (black) to 1
  template <class T>
  void apply(nn::TensorView<const T> x, nn::TensorView<T> y) const {
    move(x, y, down, right, T(-1));
    saturate(y);
    stretch(y);
    for (T& value : y) value += static_cast<T>(brightness);
    cut(y);
  }

  /// The gradient with respect to x from that with respect to y, which is overwritten.
  template <class T>
  void apply_transposed(nn::TensorView<T> dy, nn::TensorView<T> dx) const {
    cut(dy);
    stretch(dy);
    saturate(dy);
    move(nn::TensorView<const T>(dy), dx, -down, -right, T(0));
  }

 private:
  template <class T>
  static void move(nn::TensorView<const T> from, nn::TensorView<T> to, nn::Index down,
                   nn::Index right, T outside) {
    const nn::Index height = to.shape()[0];
    const nn::Index width = to.shape()[1];
    const nn::Index channels = to.shape()[2];
    std::fill(to.begin(), to.end(), outside);
    const nn::Index first = std::max<nn::Index>(0, right);
    const nn::Index last = std::min(width, width + right);
    for (nn::Index y = std::max<nn::Index>(0, down); y < std::min(height, height + down); ++y) {
      if (first < last) {
        std::copy_n(&from(y - down, first - right, 0), (last - first) * channels, &to(y, first, 0));
      }
    }
  }

  /// Values at `factor` times their distance from their mean.
  template <class T>
  static void spread(T* values, nn::Index count, T factor) {
    T sum = 0;
    for (nn::Index k = 0; k < count; ++k) sum += values[k];
    const T offset = (1 - factor) * (sum / static_cast<T>(count));
    for (nn::Index k = 0; k < count; ++k) values[k] = factor * values[k] + offset;
  }
  template <class T>
  void saturate(nn::TensorView<T> image) const {
    const nn::Index channels = image.shape()[2];
    for (nn::Index at = 0; channels > 1 && at < image.size(); at += channels) {
      spread(image.data() + at, channels, static_cast<T>(saturation));
    }
  }
  template <class T>
  void stretch(nn::TensorView<T> image) const {
    spread(image.data(), image.size(), static_cast<T>(contrast));
  }

  template <class T>
  void cut(nn::TensorView<T> image) const {
    const nn::Index first = std::max<nn::Index>(0, left);
    const nn::Index last = std::min(image.shape()[1], left + cut_width);
    for (nn::Index y = std::max<nn::Index>(0, top);
         y < std::min(image.shape()[0], top + cut_height); ++y) {
      if (first < last) {
        std::fill_n(&image(y, first, 0), (last - first) * image.shape()[2], T(0));
      }
    }
  }
};

}  // namespace example
