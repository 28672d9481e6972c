/// @file
/// Images of noise: every pixel drawn on its own from a distribution.
///
/// Each kind is a small struct that is called with a stream of random numbers and the grey image to
/// fill, H x W bytes: `nn::UniformNoise{}(random, image)`.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "nn/core/random.hpp"
#include "nn/core/rounding.hpp"
#include "nn/core/tensor.hpp"
#include "nn/data/dataset.hpp"

namespace nn {

/// A parameter that is drawn anew, uniformly, for each image; equal ends make it fixed.
struct Interval {
  double low = 0;   ///< end
  double high = 1;  ///< end

  /// A value in the interval.
  [[nodiscard]] double draw(Random& random) const { return random.uniform(low, high); }
};

namespace detail {

/// The level nearest to `value`, from 0 (black) to 255 (white).
[[nodiscard]] inline std::uint8_t to_level(double value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0) + 0.5);
}

/// @throws Error for no images, ShapeError for coloured ones.
inline void require_grey(const Dataset& images, const char* what) {
  require(!images.empty(), what, " needs at least one image");
  require<ShapeError>(images.sample_shape().back() == 1, what, " needs grey images, HxWx1, got ",
                      images);
}

}  // namespace detail

/// Every level from 0 to 255 equally likely, each pixel on its own.
struct UniformNoise {
  void operator()(Random& random, TensorView<std::uint8_t> image) const {
    for (std::uint8_t& pixel : image) pixel = static_cast<std::uint8_t>(random() >> 56U);
  }
};

/// Normal levels, cut off at black and white.
struct NormalNoise {
  Interval mean{32, 224};      ///< of the levels
  Interval deviation{16, 96};  ///< of the levels

  void operator()(Random& random, TensorView<std::uint8_t> image) const {
    const double centre = mean.draw(random);
    const double spread = deviation.draw(random);
    for (std::uint8_t& pixel : image) pixel = detail::to_level(random.normal(centre, spread));
  }
};

/// White with a probability drawn for each image, else black.
struct BernoulliNoise {
  Interval probability{0.05, 0.95};  ///< of white

  void operator()(Random& random, TensorView<std::uint8_t> image) const {
    const double white = probability.draw(random);
    for (std::uint8_t& pixel : image) pixel = random.bernoulli(white) ? 255 : 0;
  }
};

/// Levels as often as in given images, each pixel on its own: the right amount of ink in no order.
class HistogramNoise {
 public:
  /// @throws Error for no images, ShapeError for coloured ones.
  explicit HistogramNoise(const Dataset& images) {
    detail::require_grey(images, "histogram noise");
    for (Index i = 0; i < images.size(); ++i) {
      for (const std::uint8_t level : images.image(i)) ++up_to_[level];
    }
    for (std::size_t level = 1; level < up_to_.size(); ++level) up_to_[level] += up_to_[level - 1];
  }

  void operator()(Random& random, TensorView<std::uint8_t> image) const {
    for (std::uint8_t& pixel : image) {
      const Index rank = random.below(up_to_.back());
      const auto level = std::upper_bound(up_to_.begin(), up_to_.end(), rank) - up_to_.begin();
      pixel = static_cast<std::uint8_t>(level);
    }
  }

 private:
  std::array<Index, 256> up_to_{};  // how many pixels have this level or a darker one
};

/// Normal levels with the mean and variance that the pixel in this place has in given images: ink
/// where those images have it.
class PixelwiseNoise {
 public:
  /// @throws Error for no images, ShapeError for coloured ones.
  explicit PixelwiseNoise(const Dataset& images) {
    detail::require_grey(images, "pixelwise noise");
    mean_.assign(static_cast<std::size_t>(images.sample_shape().size()), 0);
    deviation_ = mean_;
    for (Index i = 0; i < images.size(); ++i) {
      const TensorView<const std::uint8_t> image = images.image(i);
      for (std::size_t pixel = 0; pixel < mean_.size(); ++pixel) {
        const double level = image[static_cast<Index>(pixel)];
        mean_[pixel] += level;
        deviation_[pixel] += level * level;
      }
    }
    const auto count = static_cast<double>(images.size());
    for (std::size_t i = 0; i < mean_.size(); ++i) {
      mean_[i] /= count;
      const double variance = deviation_[i] / count - detail::product(mean_[i], mean_[i]);
      deviation_[i] = std::sqrt(std::max(variance, 0.0));
    }
  }

  /// @throws ShapeError unless the image has the size of those given.
  void operator()(Random& random, TensorView<std::uint8_t> image) const {
    require<ShapeError>(image.size() == static_cast<Index>(mean_.size()), "an image of ",
                        image.shape(), " cannot have the statistics of ", mean_.size(), " pixels");
    for (Index i = 0; i < image.size(); ++i) {
      const auto place = static_cast<std::size_t>(i);
      image[i] = detail::to_level(random.normal(mean_[place], deviation_[place]));
    }
  }

 private:
  std::vector<double> mean_;
  std::vector<double> deviation_;
};

}  // namespace nn
