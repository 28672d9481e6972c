/// @file
/// How the outputs of a convolution, or of the gradient of its input, are divided into items of
/// work.
#pragma once

#include <algorithm>

#include "nn/kernels/convolution/gather.hpp"

namespace nn::detail {

/// How the outputs of a gather are divided into items of work, by the problem alone: `images` whole
/// images, or `rows` rows of one. What an item reads should leave space in the level-2 cache for
/// the weights it meets, and there should be enough items for every thread.
struct GatherBlocking {
  static constexpr Index window_bytes = 160 * 1024;
  static constexpr Index most_pixels = 2048;
  static constexpr Index enough_items = 8;

  Index images;
  Index rows;
  Index bands;   ///< items an image
  Index groups;  ///< items along the batch

  template <class T>
  static GatherBlocking of(const Gather& gather) {
    const Index height = std::max<Index>(gather.most_rows(), 1);
    const Index batch = gather.geometry.batch;
    const Index row_bytes = gather.columns().size() * gather.input_channels() *
                            static_cast<Index>(sizeof(T)) *
                            std::max<Index>(1, gather.input_height() / height);
    const Index row_pixels = std::max<Index>(1, gather.output_width() / gather.phases_x());
    const Index most_rows = std::max<Index>(
        1, std::min(window_bytes / std::max<Index>(row_bytes, 1), most_pixels / row_pixels));
    Index bands = divide_up(height, most_rows);
    // Every band reads all weights. Where they are more than an image, threads share the columns.
    const Index weights_bytes = gather.geometry.weights_size() * static_cast<Index>(sizeof(T));
    if (batch < enough_items && weights_bytes <= height * row_bytes) {
      bands = std::max(bands, std::min(divide_up(enough_items, batch), height / 4));
    }
    bands = std::max<Index>(bands, 1);
    const Index images =
        bands > 1 ? 1 : std::max<Index>(1, std::min(most_rows / height, batch / enough_items));
    return {images, divide_up(height, bands), bands, divide_up(batch, images)};
  }

  [[nodiscard]] Index items() const { return bands * groups; }
};

/// Outputs of an item that meet the same rows of taps.
struct GatherSegment {
  Index begin;  ///< in the tables of the item
  Index end;
  Range taps;  ///< along y
};

/// The columns of the outputs near the sides of the image lack some taps. Either the image gets a
/// frame of zeros, and they are multiplied like the rest, or every kind of column is taken as a
/// phase of its own with the taps it has. The second costs a packed copy of the weights for each
/// kind, and pays for small images under large kernels.
struct ColumnKinds {
  /// The multiply-adds saved must be worth so many times the weights copied.
  static constexpr Index worth = 64;
  /// Of fewer channels the columns beside the image are too little work.
  static constexpr Index least_channels = 4;

  Index packed_taps = 0;    ///< over all phases and kinds
  Index saved_columns = 0;  ///< columns x taps that are zero

  static ColumnKinds of(const Gather& gather) {
    ColumnKinds kinds;
    if (gather.input_group() < least_channels || gather.geometry.kernel_width == 1) return kinds;
    for (Index phase = 0; phase < gather.phases_x(); ++phase) {
      const GatherAxis x = gather.x(phase);
      for (Index begin = 0; begin < x.outputs;) {
        const Index end = x.same_taps_end(begin, x.outputs);
        const GatherAxis part = x.part({begin, end});
        kinds.packed_taps += part.taps;
        kinds.saved_columns += part.outputs * (x.taps - part.taps);
        begin = end;
      }
    }
    kinds.packed_taps *= gather.geometry.kernel_height;
    return kinds;
  }

  [[nodiscard]] bool pay(const Gather& gather) const {
    const ConvolutionGeometry& g = gather.geometry;
    const Index images = g.chosen_for > 0 ? g.chosen_for : g.batch;
    const Index saved = images * gather.most_rows() * saved_columns;
    return saved > worth * packed_taps;
  }
};

}  // namespace nn::detail
