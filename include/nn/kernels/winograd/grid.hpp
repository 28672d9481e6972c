/// @file
/// What Winograd's filtering makes of a convolution: its phases, and its tiles of outputs.
#pragma once

#include "nn/kernels/convolution/gather.hpp"

namespace nn::detail {

/// The position of one tile: its image and its first output.
struct WinogradTile {
  Index image;
  Index y;
  Index x;
};

/// The tiles of side x side outputs that cover a batch of images, numbered row by row.
struct WinogradGrid {
  Index side;
  Index tiles_y;
  Index tiles_x;

  constexpr WinogradGrid(Index outputs, Index height, Index width)
      : side(outputs), tiles_y((height + side - 1) / side), tiles_x((width + side - 1) / side) {}

  [[nodiscard]] constexpr Index tiles() const { return tiles_y * tiles_x; }
  [[nodiscard]] constexpr WinogradTile tile(Index index) const {
    const Index in_image = index % tiles();
    return {index / tiles(), in_image / tiles_x * side, in_image % tiles_x * side};
  }
};

/// What is computed by Winograd's filtering, in terms of an axis divided into phases: 3 taps with
/// stride 1, where there is one phase, and 4 taps with stride 2. There output j is the sum over the
/// taps 2 * t + phase of the input at 2 * (j + t) + phase - pad: two filters of 2 taps, each over
/// every second input. And gradients of inputs that lie at 2 * j + phase - pad are, for each phase,
/// a filter of 2 taps over the gradients of outputs.
template <int Taps>
struct WinogradPhases {
  static_assert(Taps == 2 || Taps == 3);
  static constexpr Index stride = 4 - Taps;
  static constexpr Index count = stride * stride;
  static constexpr Index kernel = stride * Taps;

  [[nodiscard]] static constexpr Index y(Index phase) { return phase / stride; }
  [[nodiscard]] static constexpr Index x(Index phase) { return phase % stride; }

  [[nodiscard]] static constexpr bool fit(const ConvolutionGeometry& g) {
    return g.kernel_height == kernel && g.kernel_width == kernel && g.stride_height == stride &&
           g.stride_width == stride && g.dilation_height == 1 && g.dilation_width == 1 &&
           g.groups == 1;
  }
  /// The first output of an axis, counted in phases.
  [[nodiscard]] static constexpr Index first(const Gather& gather, Index pad) {
    return gather.backward ? pad / stride : 0;
  }
  /// The tiles of one image and phase, of side x side outputs.
  [[nodiscard]] static constexpr WinogradGrid grid(const Gather& gather, Index side) {
    const ConvolutionGeometry& g = gather.geometry;
    const auto outputs = [&](Index extent, Index pad) {
      return gather.backward ? (extent - 1 + pad) / stride + 1 - first(gather, pad) : extent;
    };
    return {side, outputs(gather.output_height(), g.pad_top),
            outputs(gather.output_width(), g.pad_left)};
  }
};

}  // namespace nn::detail
