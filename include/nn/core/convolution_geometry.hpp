/// @file
/// The sizes of a two-dimensional convolution.
#pragma once

#include "nn/core/shape.hpp"

namespace nn {

/// All sizes of one call, in elements. Images are batch x height x width x channels, weights
/// kernel_height x kernel_width x (channels / groups) x filters, outputs batch x output_height() x
/// output_width() x filters. Filters [g * filters / groups, (g + 1) * filters / groups) see the
/// channels [g * channels / groups, (g + 1) * channels / groups) only.
struct ConvolutionGeometry {
  Index batch = 1;
  Index height = 1;
  Index width = 1;
  Index channels = 1;
  Index filters = 1;
  Index kernel_height = 1;
  Index kernel_width = 1;
  Index stride_height = 1;
  Index stride_width = 1;
  Index dilation_height = 1;
  Index dilation_width = 1;
  Index groups = 1;
  Index pad_top = 0;
  Index pad_bottom = 0;
  Index pad_left = 0;
  Index pad_right = 0;

  /// Rows of the output; 0 or less when the padded image is smaller than the dilated kernel.
  [[nodiscard]] constexpr Index output_height() const {
    return output_extent(height + pad_top + pad_bottom, kernel_height, stride_height,
                         dilation_height);
  }
  /// Columns of the output; 0 or less when the padded image is smaller than the dilated kernel.
  [[nodiscard]] constexpr Index output_width() const {
    return output_extent(width + pad_left + pad_right, kernel_width, stride_width, dilation_width);
  }
  [[nodiscard]] constexpr Index group_channels() const { return channels / groups; }
  [[nodiscard]] constexpr Index group_filters() const { return filters / groups; }
  [[nodiscard]] constexpr Index input_size() const { return height * width * channels; }
  [[nodiscard]] constexpr Index output_size() const {
    return output_height() * output_width() * filters;
  }
  [[nodiscard]] constexpr Index weights_size() const {
    return kernel_height * kernel_width * group_channels() * filters;
  }
  /// Multiply-adds of one pass over the batch, those with padding included.
  [[nodiscard]] constexpr Index multiply_adds() const {
    return batch * output_height() * output_width() * weights_size();
  }

 private:
  static constexpr Index output_extent(Index padded, Index kernel, Index stride, Index dilation) {
    const Index room = padded - ((kernel - 1) * dilation + 1);
    return room < 0 ? 0 : room / stride + 1;
  }
};

/// The three products of a convolutional layer: its output, the gradient of its input, and the
/// gradient of its weights.
enum class ConvolutionPass { forward, backward_data, backward_weights };

}  // namespace nn
