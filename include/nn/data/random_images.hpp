/// @file
/// Random images of many kinds: what a network that knows digits from anything else is trained and
/// tested on. Noise and drawings come from the two headers below; this one adds patches of other
/// images, and draws whole sets of images, reproducibly.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "nn/core/parallel.hpp"
#include "nn/data/random_drawings.hpp"
#include "nn/data/random_noise.hpp"

namespace nn {

/// Patches taken at random from other images, in grey: the luma of ITU-R BT.601 for colour.
class Patches {
 public:
  /// @param sources images of any sizes; every image is as likely
  /// @throws Error without an image, ShapeError unless they have one or three channels.
  explicit Patches(std::vector<Dataset> sources) : sources_(std::move(sources)) {
    for (const Dataset& source : sources_) {
      const Shape& shape = source.sample_shape();
      require<ShapeError>(shape.back() == 1 || shape.back() == 3,
                          "patches are cut out of images of one or three channels, got ", source);
      images_ += source.size();
      smallest_ = {std::min(smallest_[0], shape[0]), std::min(smallest_[1], shape[1])};
    }
    require(images_ > 0, "patches need at least one image to be cut out of");
  }

  /// @throws ShapeError when the patch is larger than the smallest of the images.
  void operator()(Random& random, TensorView<std::uint8_t> image) const {
    const Shape& to = image.shape();
    require<ShapeError>(smallest_[0] >= to[0] && smallest_[1] >= to[1], "cannot cut patches of ",
                        to[0], "x", to[1], " out of images as small as ", smallest_[0], "x",
                        smallest_[1]);
    const TensorView<const std::uint8_t> source = choose(random);
    const Shape& from = source.shape();
    const Index top = random.below(from[0] - to[0] + 1);
    const Index left = random.below(from[1] - to[1] + 1);
    for (Index y = 0; y < to[0]; ++y) {
      for (Index x = 0; x < to[1]; ++x) image(y, x) = grey(&source(top + y, left + x, 0), from[2]);
    }
  }

 private:
  [[nodiscard]] TensorView<const std::uint8_t> choose(Random& random) const {
    Index chosen = random.below(images_);
    std::size_t source = 0;
    while (chosen >= sources_[source].size()) chosen -= sources_[source++].size();
    return sources_[source].image(chosen);
  }

  static std::uint8_t grey(const std::uint8_t* pixel, Index channels) {
    if (channels == 1) return *pixel;
    return static_cast<std::uint8_t>((299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2] + 500) /
                                     1000);
  }

  std::vector<Dataset> sources_;
  Index images_ = 0;
  std::array<Index, 2> smallest_{std::numeric_limits<Index>::max(),
                                 std::numeric_limits<Index>::max()};
};

/// Square tiles of given images put together at random: their strokes, but not their shapes.
class Mosaic {
 public:
  /// @param tile the side of a tile, in pixels
  /// @throws Error for no images or a tile that does not fit them, ShapeError for coloured ones.
  explicit Mosaic(Dataset images, Index tile = 7) : images_(std::move(images)), tile_(tile) {
    detail::require_grey(images_, "a mosaic");
    const Shape& shape = images_.sample_shape();
    require(tile > 0 && tile <= std::min(shape[0], shape[1]), "a mosaic of images of ", shape,
            " cannot have tiles of side ", tile);
  }

  void operator()(Random& random, TensorView<std::uint8_t> image) const {
    for (Index top = 0; top < image.shape()[0]; top += tile_) {
      for (Index left = 0; left < image.shape()[1]; left += tile_) {
        copy_tile(random, image, top, left);
      }
    }
  }

 private:
  void copy_tile(Random& random, TensorView<std::uint8_t> image, Index top, Index left) const {
    const TensorView<const std::uint8_t> source = images_.image(random.below(images_.size()));
    const Index from_top = random.below(source.shape()[0] - tile_ + 1);
    const Index from_left = random.below(source.shape()[1] - tile_ + 1);
    for (Index y = 0; y < std::min(tile_, image.shape()[0] - top); ++y) {
      for (Index x = 0; x < std::min(tile_, image.shape()[1] - left); ++x) {
        image(top + y, left + x) = source(from_top + y, from_left + x, 0);
      }
    }
  }

  Dataset images_;
  Index tile_;
};

/// A kind of random image and its name.
struct ImageGenerator {
  std::string name;                                             ///< for tables and file names
  std::function<void(Random&, TensorView<std::uint8_t>)> draw;  ///< fills an image
};

/// The kinds that need nothing, or nothing but the grey images to be told from them. Patches of
/// other images are for the caller to add.
[[nodiscard]] inline std::vector<ImageGenerator> standard_generators(const Dataset& images) {
  return {{"uniform", UniformNoise{}},
          {"normal", NormalNoise{}},
          {"bernoulli", BernoulliNoise{}},
          {"histogram", HistogramNoise(images)},
          {"pixelwise", PixelwiseNoise(images)},
          {"texture", Texture{}},
          {"grain", Grain{}},
          {"strokes", Strokes{}},
          {"shapes", Shapes{}},
          {"mosaic", Mosaic(images)}};
}

/// Draws `count` grey images of `height` x `width` pixels, all kinds in equal parts and in turn;
/// an image's class is its kind. Image i depends on the seed, on i and on its kind alone: not on
/// how many are drawn, nor on the number of threads.
/// @throws Error without a generator, and what a generator throws at the size.
[[nodiscard]] inline Dataset random_images(const std::vector<ImageGenerator>& generators,
                                           Index count, Index height, Index width,
                                           std::uint64_t seed) {
  require(!generators.empty(), "random images need at least one generator");
  const auto kinds = static_cast<Index>(generators.size());
  Tensor<std::uint8_t> images({count, height, width, 1});
  const auto draw = [&](Index i) {
    Random random(seed, static_cast<std::uint64_t>(i));
    const TensorView<std::uint8_t> image = images.sample(i).reshaped({height, width});
    generators[static_cast<std::size_t>(i % kinds)].draw(random, image);
  };
  // One of each kind first: they may refuse the size, which the parallel loop must not.
  const Index first = std::min(kinds, count);
  for (Index i = 0; i < first; ++i) draw(i);
  parallel_for_pieces(count - first, 64, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) draw(first + i);
  });

  std::vector<Label> kind_of;
  for (Index i = 0; i < count; ++i) kind_of.push_back(static_cast<Label>(i % kinds));
  std::vector<std::string> names;
  for (const ImageGenerator& generator : generators) names.push_back(generator.name);
  return Dataset(std::move(images), std::move(kind_of), std::move(names), "random images");
}

}  // namespace nn
