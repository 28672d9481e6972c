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
  Index batch = 1;             ///< images
  Index height = 1;            ///< of an image
  Index width = 1;             ///< of an image
  Index channels = 1;          ///< of an image
  Index filters = 1;           ///< channels of the output
  Index kernel_height = 1;     ///< taps of a column of the kernel
  Index kernel_width = 1;      ///< taps of a row of the kernel
  Index stride_height = 1;     ///< rows from one window to the next
  Index stride_width = 1;      ///< columns from one window to the next
  Index dilation_height = 1;   ///< rows from one tap to the next
  Index dilation_width = 1;    ///< columns from one tap to the next
  Index groups = 1;            ///< that share no channels or filters
  Index pad_top = 0;           ///< rows of zeros above the image
  Index pad_bottom = 0;        ///< rows of zeros below the image
  Index pad_left = 0;          ///< columns of zeros left of the image
  Index pad_right = 0;         ///< columns of zeros right of the image
  Index chosen_for = 0;        ///< images to choose the kernel for, or 0: for the batch
  bool keeps_weights = false;  ///< whether they are packed once for many calls (ProductScratch)

  /// Rows of the output; 0 or less when the padded image is smaller than the dilated kernel.
  [[nodiscard]] constexpr Index output_height() const {
    return output_extent(height + pad_top + pad_bottom, kernel_height, stride_height,
                         dilation_height);
  }
  /// Columns of the output; 0 or less when the padded image is smaller than the dilated kernel.
  [[nodiscard]] constexpr Index output_width() const {
    return output_extent(width + pad_left + pad_right, kernel_width, stride_width, dilation_width);
  }
  /// Whether every channel has a single filter of its own.
  [[nodiscard]] constexpr bool is_depthwise() const {
    return groups == channels && groups == filters && groups > 1;
  }
  /// Channels that a filter sees.
  [[nodiscard]] constexpr Index group_channels() const { return channels / groups; }
  /// Filters of a group.
  [[nodiscard]] constexpr Index group_filters() const { return filters / groups; }
  /// Elements of one image.
  [[nodiscard]] constexpr Index input_size() const { return height * width * channels; }
  /// Elements of one output.
  [[nodiscard]] constexpr Index output_size() const {
    return output_height() * output_width() * filters;
  }
  /// Elements of all kernels.
  [[nodiscard]] constexpr Index weights_size() const {
    return kernel_height * kernel_width * group_channels() * filters;
  }
  /// Multiply-adds of one pass over the batch, those with padding included.
  [[nodiscard]] constexpr Index multiply_adds() const {
    return batch * output_height() * output_width() * weights_size();
  }

 private:
  static constexpr Index output_extent(Index padded, Index kernel, Index stride, Index dilation) {
    const Index last = padded - ((kernel - 1) * dilation + 1);
    return last < 0 ? 0 : last / stride + 1;
  }
};

/// The three products of a convolutional layer: its output, the gradient of its input, and the
/// gradient of its weights.
enum class ConvolutionPass { forward, backward_data, backward_weights };

}  // namespace nn
