/// @file
/// The windows of pooling, each at its place in an image.
#ifndef NN_KERNELS_LOOPS_WINDOWS_HPP
#define NN_KERNELS_LOOPS_WINDOWS_HPP

#include <algorithm>

#include "nn/kernels/convolution/geometry.hpp"
#include "nn/kernels/simd/instruction_set.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// The taps [begin, end) of window number `position` that lie inside the image.
struct Taps {
  Index begin;
  Index end;
};
constexpr Taps taps_inside(Index position, Index stride, Index pad, Index taps, Index extent) {
  const Index first = position * stride - pad;  // the image row or column of tap 0
  return {std::max<Index>(-first, 0), std::min(taps, extent - first)};
}

/// Whether windows neither overlap nor leave a pixel out, so that each pixel gets its gradient from
/// one window.
constexpr bool tiles(const ConvolutionGeometry& g) {
  return g.stride_height == g.kernel_height && g.stride_width == g.kernel_width && g.pad_top == 0 &&
         g.pad_left == 0 && g.output_height() * g.stride_height == g.height &&
         g.output_width() * g.stride_width == g.width;
}

/// A window at its place: the taps of it that lie inside the image.
struct PlacedWindow {
  Taps rows;
  Taps columns;
  Index first_pixel;  ///< of the image, where tap (0, 0) lies or would lie
  Index line;         ///< pixels from one row of the image to the next

  [[nodiscard]] constexpr Index taps() const {
    return (rows.end - rows.begin) * (columns.end - columns.begin);
  }
  /// Calls visit(row, column, pixel) for the taps inside.
  template <class Visit>
  void for_each_tap(const Visit& visit) const {
    for (Index row = rows.begin; row < rows.end; ++row) {
      for (Index column = columns.begin; column < columns.end; ++column) {
        visit(row, column, first_pixel + row * line + column);
      }
    }
  }
};

/// Calls visit(output pixel, window) for every window of one image.
template <class Visit>
void for_each_window(const ConvolutionGeometry& g, const Visit& visit) {
  const Index columns = g.output_width();
  for (Index oy = 0; oy < g.output_height(); ++oy) {
    const Taps rows = taps_inside(oy, g.stride_height, g.pad_top, g.kernel_height, g.height);
    const Index line = (oy * g.stride_height - g.pad_top) * g.width;
    for (Index ox = 0; ox < columns; ++ox) {
      const PlacedWindow window{
          rows, taps_inside(ox, g.stride_width, g.pad_left, g.kernel_width, g.width),
          line + ox * g.stride_width - g.pad_left, g.width};
      visit(oy * columns + ox, window);
    }
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_LOOPS_WINDOWS_HPP
