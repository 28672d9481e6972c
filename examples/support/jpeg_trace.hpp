/// @file
/// Whether images went through JPEG before they became a data set.
#pragma once

#include <cmath>
#include <cstdlib>

#include "nn/data/dataset.hpp"

namespace example {

/// By what share neighbouring pixels of a row differ more across the borders of JPEG's blocks of
/// 8x8 pixels than one pixel to the left and right of them; the mean over all images. JPEG codes
/// each block by itself (ISO/IEC 10918-1, annex A), which leaves steps between them; images that
/// never were JPEG files of this size have no reason to be different there. 0 where there is
/// nothing to compare: images narrower than two blocks, or all of one colour.
[[nodiscard]] inline double block_steps(const nn::Dataset& data) {
  constexpr nn::Index block = 8;
  const nn::Index width = data.sample_shape()[1];
  const nn::Index channels = data.sample_shape()[2];
  const nn::Index row = width * channels;
  double across = 0;
  double beside = 0;
  for (nn::Index i = 0; i < data.size(); ++i) {
    const auto image = data.image(i);
    const auto difference = [&](nn::Index y, nn::Index x, nn::Index c) {
      const nn::Index at = y * row + x * channels + c;
      return std::abs(int{image[at]} - int{image[at - channels]});
    };
    for (nn::Index y = 0; y < data.sample_shape()[0]; ++y) {
      for (nn::Index x = block; x + 1 < width; x += block) {
        for (nn::Index c = 0; c < channels; ++c) {
          across += difference(y, x, c);
          beside += 0.5 * (difference(y, x - 1, c) + difference(y, x + 1, c));
        }
      }
    }
  }
  return beside > 0 ? across / beside - 1 : 0;
}

/// The least share of block_steps from which on images are said to have been JPEG files: chance
/// gives thousands of images some tenths of a percent.
inline constexpr double jpeg_steps = 0.02;

}  // namespace example
