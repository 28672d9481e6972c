/// @file
/// Random changes to images that do not change their class. Each is a small struct that is called
/// with an image, height x width x channels in [0, 1], which it changes in place, and an
/// ImageContext with the random numbers. Its options say how strong the change is; with all of them
/// at 0 the image stays exactly as it is. `compose` joins several:
///
///     nn::Loader loader(train, {.augmentation = nn::compose(nn::RandomShift{.pixels = 2},
///                                                           nn::RandomFlip{}, nn::Cutout{8})});
#pragma once

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "nn/core/rounding.hpp"
#include "nn/data/batch.hpp"
#include "nn/data/warp.hpp"

namespace nn {

/// Moves an image by whole pixels, up to `pixels` in each direction.
struct RandomShift {
  Index pixels = 2;              ///< in each direction, at most
  Border border = Border::zero;  ///< what comes in from outside

  void operator()(TensorView<float> image, ImageContext& context) const {
    const Index down = context.random.below(2 * pixels + 1) - pixels;
    const Index right = context.random.below(2 * pixels + 1) - pixels;
    const TensorView<float> original{context.scratch(image.size()).data(), image.shape()};
    std::copy(image.begin(), image.end(), original.begin());
    shift_image<float>(original, image, down, right, border);
  }
};

/// Mirrors an image left to right, with a probability.
struct RandomFlip {
  double probability = 0.5;  ///< of mirroring

  void operator()(TensorView<float> image, ImageContext& context) const {
    if (context.random.bernoulli(probability)) flip_horizontally(image);
  }
};

/// Mirrors half of the images in the first epoch, and then each image in every second epoch, so
/// that any two consecutive epochs show it both ways (Jordan, "94% on CIFAR-10 in 3.29 seconds on a
/// single GPU", 2024).
struct AlternatingFlip {
  void operator()(TensorView<float> image, ImageContext& context) const {
    const bool flipped_first =
        Random(context.seed, key, context.sample)() >> 63U != 0;  // the same in every epoch
    if (flipped_first != (context.epoch % 2 != 0)) flip_horizontally(image);
  }

 private:
  static constexpr std::uint64_t key = 0x666c6970;
};

/// Rotates, scales, shears and moves an image about its centre, as one map with
/// bilinear interpolation; each amount is drawn uniformly.
struct RandomAffine {
  double rotation = 0;           ///< up to so many degrees, either way
  double scale = 0;              ///< by a factor in [1 - scale, 1 + scale]; below 1
  double shear = 0;              ///< each row moves up to so many pixels against the next
  double shift = 0;              ///< up to so many pixels in each direction
  Border border = Border::zero;  ///< what comes in from outside

  /// @throws Error when the scale is not in [0, 1).
  void operator()(TensorView<float> image, ImageContext& context) const {
    require(scale >= 0 && scale < 1, "RandomAffine scales by 1 - ", scale,
            "; expected a scale in [0, 1)");
    const auto within = [&](double bound) {
      return static_cast<float>(context.random.uniform(-bound, bound));
    };
    const AffineMap map{.rotation = within(rotation),
                        .scale = 1 + within(scale),
                        .shear = within(shear),
                        .down = within(shift),
                        .right = within(shift)};
    map.apply(image, context.scratch(image.size()), border);
  }
};

/// Moves every pixel by a smooth random field: uniform numbers in [-1, 1], smoothed by a Gaussian
/// of standard deviation `sigma` pixels and multiplied by `alpha` (Simard, Steinkraus and Platt,
/// "Best practices for convolutional neural networks applied to visual document analysis", 2003,
/// section 2). Pixels move by about 0.16 alpha / sigma.
struct ElasticDistortion {
  double alpha = 34;             ///< how far pixels move, before smoothing
  double sigma = 4;              ///< of the smoothing, in pixels
  Border border = Border::zero;  ///< what comes in from outside

  /// @throws Error unless sigma is positive.
  void operator()(TensorView<float> image, ImageContext& context) const {
    require(sigma > 0, "ElasticDistortion with a sigma of ", sigma);
    detail::check_image(image.shape());
    const Index height = image.shape()[0];
    const Index width = image.shape()[1];
    const auto pixels = static_cast<std::size_t>(height * width);
    const auto deviation = static_cast<float>(sigma);
    const Index needed = std::max(image.size(), detail::blur_scratch(height, width, deviation));
    const std::span<float> scratch = context.scratch(2 * height * width + needed);
    const std::span<float> down = scratch.first(pixels);
    const std::span<float> right = scratch.subspan(pixels, pixels);
    for (const std::span<float> field : {down, right}) {
      for (float& value : field) value = static_cast<float>(alpha * context.random.uniform(-1, 1));
      detail::blur(field, height, width, deviation, scratch.subspan(2 * pixels));
    }
    warp_image(image, scratch.subspan(2 * pixels), border, [&](Index y, Index x) {
      const auto pixel = static_cast<std::size_t>(y * width + x);
      return Position{static_cast<float>(y) + down[pixel], static_cast<float>(x) + right[pixel]};
    });
  }
};

/// Fills a square of `size` x `size` pixels with `value`. Its centre is a random pixel, so part
/// of the square may lie outside (DeVries and Taylor, "Improved regularization of convolutional
/// neural networks with cutout", 2017).
struct Cutout {
  Index size = 8;   ///< of a side, in pixels
  float value = 0;  ///< to fill it with, in [0, 1]

  void operator()(TensorView<float> image, ImageContext& context) const {
    detail::check_image(image.shape());
    const Index height = image.shape()[0];
    const Index width = image.shape()[1];
    const Index channels = image.shape()[2];
    const Index top = context.random.below(height) - size / 2;
    const Index left = context.random.below(width) - size / 2;
    const Index first = std::max(left, Index{0});
    const Index last = std::min(left + size, width);
    for (Index y = std::max(top, Index{0}); y < std::min(top + size, height); ++y) {
      if (first < last) std::fill_n(&image(y, first, 0), (last - first) * channels, value);
    }
  }
};

/// Changes the brightness, by up to `brightness` either way, and the contrast, by a factor in
/// [1 - contrast, 1 + contrast] about the image's mean. The result stays in [0, 1].
struct RandomBrightnessContrast {
  double brightness = 0;  ///< added to every pixel, at most; pixels are in [0, 1]
  double contrast = 0;    ///< from the image's mean, at most

  void operator()(TensorView<float> image, ImageContext& context) const {
    const auto offset = static_cast<float>(context.random.uniform(-brightness, brightness));
    const auto factor = static_cast<float>(1 + context.random.uniform(-contrast, contrast));
    const double sum = std::accumulate(image.begin(), image.end(), 0.0);
    const auto mean = static_cast<float>(sum / static_cast<double>(image.size()));
    const float constant = detail::product(mean, 1 - factor) + offset;
    for (float& pixel : image)
      pixel = std::clamp(detail::product(pixel, factor) + constant, 0.0F, 1.0F);
  }
};

/// Applies `augmentation` with a probability.
template <class Augmentation>
struct Sometimes {
  double probability = 0.5;     ///< of applying it
  Augmentation augmentation{};  ///< the one to apply

  void operator()(TensorView<float> image, ImageContext& context) const {
    if (context.random.bernoulli(probability)) augmentation(image, context);
  }
};
/// Sometimes{0.5, Cutout{8}} is a Sometimes<Cutout>.
template <class Augmentation>
Sometimes(double, Augmentation) -> Sometimes<Augmentation>;

/// Applies several augmentations, one after another.
template <class... Augmentations>
class Composed {
 public:
  /// Applies the given augmentations in their order.
  explicit constexpr Composed(Augmentations... augmentations)
      : augmentations_(std::move(augmentations)...) {}

  void operator()(TensorView<float> image, ImageContext& context) const {
    std::apply([&](const auto&... each) { (each(image, context), ...); }, augmentations_);
  }

 private:
  std::tuple<Augmentations...> augmentations_;
};

/// One augmentation that applies the given ones in order.
template <class... Augmentations>
[[nodiscard]] constexpr Composed<Augmentations...> compose(Augmentations... augmentations) {
  return Composed<Augmentations...>(std::move(augmentations)...);
}

}  // namespace nn
