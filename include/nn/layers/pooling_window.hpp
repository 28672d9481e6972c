/// @file
/// The windows of pooling layers, each at its place in an image.
#pragma once

#include <algorithm>

#include "nn/layers/window.hpp"

namespace nn::detail {

/// The windows of a pooling layer.
/// @throws ShapeError when a window could lie in the padding entirely.
constexpr ConvolutionGeometry place_pooling_windows(const Shape& input, const Extent2D& window,
                                                    const Extent2D& stride,
                                                    const Padding& padding) {
  const ConvolutionGeometry g = place_windows(input, window, stride, 1, padding);
  require<ShapeError>(std::max(g.pad_top, g.pad_bottom) < window.height &&
                          std::max(g.pad_left, g.pad_right) < window.width,
                      "the padding ", padding, " must be smaller than the window ", window);
  return g;
}

}  // namespace nn::detail
