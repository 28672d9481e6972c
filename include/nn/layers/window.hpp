/// @file
/// Windows that slide over an image: their extents, and the padding around the image.
#pragma once

#include <algorithm>
#include <ostream>

#include "nn/kernels/convolution/geometry.hpp"

namespace nn {

/// A height and a width in pixels. One number stands for a square: `Extent2D{3}` is 3x3.
struct Extent2D {
  Index height = 1;  ///< rows
  Index width = 1;   ///< columns

  constexpr Extent2D() = default;
  /// A square.
  constexpr Extent2D(Index side)  // NOLINT(google-explicit-constructor): `.kernel = 3`
      : height(side), width(side) {}
  /// A rectangle.
  constexpr Extent2D(Index rows, Index columns) : height(rows), width(columns) {}

  /// Pixels.
  [[nodiscard]] constexpr Index size() const { return height * width; }
  constexpr bool operator==(const Extent2D&) const = default;

  /// "3x3".
  [[nodiscard]] std::string to_string() const { return detail::text(height, 'x', width); }
  friend std::ostream& operator<<(std::ostream& out, const Extent2D& extent) {
    return out << extent.to_string();
  }
};

/// Rows and columns around an image: `Padding{2}` on all four sides, `Padding{1, 2}` above and
/// below, left and right, or each side by itself. `Padding::same()` is whatever makes the output as
/// large as the input divided by the stride, rounded up; where that is an odd number, the larger
/// half goes below and to the right.
struct Padding {
  Index top = 0;         ///< rows above
  Index bottom = 0;      ///< rows below
  Index left = 0;        ///< columns to the left
  Index right = 0;       ///< columns to the right
  bool is_same = false;  ///< made by same(): as many as it takes

  constexpr Padding() = default;
  /// The same on all sides.
  constexpr Padding(Index all)  // NOLINT(google-explicit-constructor): `.padding = 2`
      : Padding(all, all) {}
  /// The same above and below, and left and right.
  constexpr Padding(Index vertical, Index horizontal)
      : Padding(vertical, vertical, horizontal, horizontal) {}
  /// Each side by itself.
  constexpr Padding(Index above, Index below, Index at_left, Index at_right)
      : top(above), bottom(below), left(at_left), right(at_right) {}

  /// So that the output is as large as the input divided by the stride.
  [[nodiscard]] static constexpr Padding same() {
    Padding padding;
    padding.is_same = true;
    return padding;
  }
  /// None: windows lie inside the image.
  [[nodiscard]] static constexpr Padding valid() { return {}; }

  constexpr bool operator==(const Padding&) const = default;

  /// "same", "1", "1x2" or "0+1x2+3": above + below x left + right.
  [[nodiscard]] std::string to_string() const {
    if (is_same) return "same";
    if (top != bottom || left != right) {
      return detail::text(top, '+', bottom, 'x', left, '+', right);
    }
    return top == left ? std::to_string(top) : detail::text(top, 'x', left);
  }
  friend std::ostream& operator<<(std::ostream& out, const Padding& padding) {
    return out << padding.to_string();
  }
};

namespace detail {

/// An option of a layer's name, where it is not what goes without saying: ", stride 2".
struct ExtentOption {
  const char* what;
  Extent2D extent;
  Extent2D usual = 1;

  [[nodiscard]] std::string to_string() const {
    if (extent == usual) return {};
    const std::string side = std::to_string(extent.height);
    return text(", ", what, ' ', extent.height == extent.width ? side : extent.to_string());
  }
};
struct PaddingOption {
  Padding padding;

  [[nodiscard]] std::string to_string() const {
    return padding == Padding{} ? std::string() : text(", padding ", padding);
  }
};

/// @throws ShapeError unless a layer's input is an image.
constexpr void require_image(const Shape& input) {
  require<ShapeError>(
      input.rank() == 3, "expects images of height x width x channels, got ", input,
      input.rank() == 1 ? "; put Reshape{{height, width, channels}} before it" : "");
  require<ShapeError>(input.size() > 0, "expects images with pixels and channels, got ", input);
}

/// @throws ShapeError unless both extents are positive.
constexpr void require_positive(const char* what, const Extent2D& extent) {
  require<ShapeError>(extent.height > 0 && extent.width > 0, "the ", what,
                      " must be positive, got ", extent);
}

constexpr void require_padding(const Padding& padding) {
  const bool fits =
      padding.top >= 0 && padding.bottom >= 0 && padding.left >= 0 && padding.right >= 0;
  require<ShapeError>(fits, "the padding must not be negative, got ", padding);
}

/// The rows or columns that a window spans, gaps between its taps included.
constexpr Index span_of(Index taps, Index dilation) { return (taps - 1) * dilation + 1; }

/// The rows (or columns) that `Padding::same()` adds in all.
constexpr Index same_padding(Index extent, Index span, Index stride) {
  const Index outputs = (extent + stride - 1) / stride;
  return std::max<Index>((outputs - 1) * stride + span - extent, 0);
}

/// Where windows lie on images of shape `input`: everything but the number of filters and groups,
/// which are those of pooling (as many filters as channels, each seeing one).
/// @throws ShapeError when the input is no image, an extent is not positive or no window fits.
constexpr ConvolutionGeometry place_windows(const Shape& input, const Extent2D& window,
                                            const Extent2D& stride, const Extent2D& dilation,
                                            const Padding& padding) {
  require_image(input);
  require_positive("window", window);
  require_positive("stride", stride);
  require_positive("dilation", dilation);
  require_padding(padding);
  ConvolutionGeometry g{.height = input[0],
                        .width = input[1],
                        .channels = input[2],
                        .filters = input[2],
                        .kernel_height = window.height,
                        .kernel_width = window.width,
                        .stride_height = stride.height,
                        .stride_width = stride.width,
                        .dilation_height = dilation.height,
                        .dilation_width = dilation.width,
                        .groups = input[2],
                        .pad_top = padding.top,
                        .pad_bottom = padding.bottom,
                        .pad_left = padding.left,
                        .pad_right = padding.right};
  const Extent2D span{span_of(window.height, dilation.height),
                      span_of(window.width, dilation.width)};
  if (padding.is_same) {
    const Index rows = same_padding(g.height, span.height, stride.height);
    const Index columns = same_padding(g.width, span.width, stride.width);
    g.pad_top = rows / 2;
    g.pad_bottom = rows - g.pad_top;
    g.pad_left = columns / 2;
    g.pad_right = columns - g.pad_left;
  }
  const Extent2D padded{g.height + g.pad_top + g.pad_bottom, g.width + g.pad_left + g.pad_right};
  require<ShapeError>(span.height <= padded.height && span.width <= padded.width,
                      "a window that spans ", span, " does not fit into the image ", input,
                      ", which is ", padded, " with its padding");
  return g;
}

/// How many samples of `size` elements make a piece of work worth a thread's while.
constexpr Index samples_per_piece(Index size) {
  return std::max<Index>(1, 16384 / std::max<Index>(size, 1));
}

}  // namespace detail

}  // namespace nn
