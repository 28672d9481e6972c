/// @file
/// How a convolution, or the gradient of its input, gathers inputs: the geometry that the kernels
/// share.
#pragma once

#include <algorithm>
#include <cstring>
#include <numeric>

#include "nn/kernels/convolution/geometry.hpp"

namespace nn::detail {

/// A range of positions [begin, end).
struct Range {
  Index begin = 0;
  Index end = 0;
  [[nodiscard]] constexpr Index size() const { return std::max<Index>(end - begin, 0); }
  bool operator==(const Range&) const = default;
};

/// The smallest integer not below a / b, for b > 0.
constexpr Index divide_up(Index a, Index b) {
  if (b == 1) return a;  // mostly, and a division takes time
  return a >= 0 ? (a + b - 1) / b : -(-a / b);
}

/// One axis of a gather: output j, which lies at output_first + j * output_step, is the sum over
/// the taps t of the input at origin + j * step + t * tap_step times the weight at kernel index
/// kernel_first + t * kernel_step.
struct GatherAxis {
  Index outputs;
  Index output_first;
  Index output_step;
  Index taps;
  Index kernel_first;
  Index kernel_step;
  Index origin;
  Index step;
  Index tap_step;
  Index extent;  ///< of the input; what lies outside [0, extent) is zero

  /// The inputs that the outputs [range) touch, those outside the image included.
  [[nodiscard]] constexpr Range window(const Range& range) const {
    if (range.size() == 0 || taps == 0) return {};
    const Index last_tap = (taps - 1) * tap_step;
    return {origin + range.begin * step + std::min<Index>(0, last_tap),
            origin + (range.end - 1) * step + std::max<Index>(0, last_tap) + 1};
  }

  /// The taps of output j that lie inside the image.
  [[nodiscard]] constexpr Range taps_inside(Index j) const {
    const Index at = origin + j * step;
    const Index low =
        tap_step > 0 ? divide_up(-at, tap_step) : divide_up(at - extent + 1, -tap_step);
    const Index high =
        tap_step > 0 ? divide_up(extent - at, tap_step) : divide_up(at + 1, -tap_step);
    const Index begin = std::clamp<Index>(low, 0, taps);
    return {begin, std::clamp<Index>(high, begin, taps)};
  }

  /// The axis of the outputs [range) alone, with the taps that the first of them has inside the
  /// image.
  [[nodiscard]] constexpr GatherAxis part(const Range& range) const {
    const Range inside = taps_inside(range.begin);
    GatherAxis axis = *this;
    axis.outputs = range.size();
    axis.output_first += range.begin * output_step;
    axis.taps = inside.size();
    axis.kernel_first += inside.begin * kernel_step;
    axis.origin += range.begin * step + inside.begin * tap_step;
    return axis;
  }

  /// The end of the outputs from `begin` on that have the same taps inside the image.
  [[nodiscard]] constexpr Index same_taps_end(Index begin, Index limit) const {
    const Range inside = taps_inside(begin);
    Index end = begin + 1;
    if (taps > 0 && inside == Range{0, taps}) {  // most outputs: until the rightmost tap leaves it
      return std::max(end, outputs_inside(tap_step > 0 ? taps - 1 : 0, {begin, limit}).end);
    }
    while (end < limit && taps_inside(end) == inside) ++end;
    return end;
  }

  /// The outputs in `range` whose tap t lies inside the image.
  [[nodiscard]] constexpr Range outputs_inside(Index t, const Range& range) const {
    const Index at = origin + t * tap_step;
    const Index begin = std::clamp(divide_up(-at, step), range.begin, range.end);
    return {begin, std::clamp(divide_up(extent - at, step), begin, range.end)};
  }
};

/// A convolution of an axis: every output meets every tap.
[[nodiscard]] constexpr GatherAxis forward_axis(Index extent, Index outputs, Index kernel,
                                                Index stride, Index dilation, Index pad) {
  return {outputs, 0, 1, kernel, 0, 1, -pad, stride, dilation, extent};
}

/// The gradient of the input along an axis. Input i receives output o through tap k when
/// i + pad = o * stride + k * dilation; so the inputs fall into `stride` phases by the remainder of
/// i + pad, and within a phase the taps are those with k * dilation of that same remainder: a
/// convolution of stride 1 with every (stride / gcd(stride, dilation))-th tap, in reverse.
[[nodiscard]] constexpr GatherAxis backward_axis(Index extent, Index outputs, Index kernel,
                                                 Index stride, Index dilation, Index pad,
                                                 Index phase) {
  const Index first = ((phase - pad) % stride + stride) % stride;
  const Index common = std::gcd(stride, dilation);
  const Index every = stride / common;
  Index tap = 0;
  while (tap < every && (tap * dilation) % stride != phase) ++tap;
  const Index taps = tap < every && tap < kernel ? (kernel - 1 - tap) / every + 1 : 0;
  return {.outputs = first < extent ? (extent - 1 - first) / stride + 1 : 0,
          .output_first = first,
          .output_step = stride,
          .taps = taps,
          .kernel_first = tap,
          .kernel_step = every,
          .origin = taps == 0 ? 0 : (first + pad - tap * dilation) / stride,
          .step = 1,
          .tap_step = -dilation / common,
          .extent = outputs};
}

/// A forward pass, or the gradient of the input, as the same thing: images gathered through taps.
/// For the gradient there are stride_height x stride_width phases, each with axes of its own.
struct Gather {
  ConvolutionGeometry geometry;
  bool backward;

  [[nodiscard]] constexpr Index phases_y() const { return backward ? geometry.stride_height : 1; }
  [[nodiscard]] constexpr Index phases_x() const { return backward ? geometry.stride_width : 1; }
  [[nodiscard]] constexpr GatherAxis y(Index phase) const {
    const ConvolutionGeometry& g = geometry;
    return backward ? backward_axis(g.height, g.output_height(), g.kernel_height, g.stride_height,
                                    g.dilation_height, g.pad_top, phase)
                    : forward_axis(g.height, g.output_height(), g.kernel_height, g.stride_height,
                                   g.dilation_height, g.pad_top);
  }
  [[nodiscard]] constexpr GatherAxis x(Index phase) const {
    const ConvolutionGeometry& g = geometry;
    return backward ? backward_axis(g.width, g.output_width(), g.kernel_width, g.stride_width,
                                    g.dilation_width, g.pad_left, phase)
                    : forward_axis(g.width, g.output_width(), g.kernel_width, g.stride_width,
                                   g.dilation_width, g.pad_left);
  }

  [[nodiscard]] constexpr Index input_height() const {
    return backward ? geometry.output_height() : geometry.height;
  }
  [[nodiscard]] constexpr Index input_width() const {
    return backward ? geometry.output_width() : geometry.width;
  }
  [[nodiscard]] constexpr Index output_height() const {
    return backward ? geometry.height : geometry.output_height();
  }
  [[nodiscard]] constexpr Index output_width() const {
    return backward ? geometry.width : geometry.output_width();
  }
  [[nodiscard]] constexpr Index input_channels() const {
    return backward ? geometry.filters : geometry.channels;
  }
  [[nodiscard]] constexpr Index output_channels() const {
    return backward ? geometry.channels : geometry.filters;
  }
  [[nodiscard]] constexpr Index input_group() const { return input_channels() / geometry.groups; }
  [[nodiscard]] constexpr Index output_group() const { return output_channels() / geometry.groups; }
  /// Elements of one image that is read, and of one that is written.
  [[nodiscard]] constexpr Index input_size() const {
    return backward ? geometry.output_size() : geometry.input_size();
  }
  [[nodiscard]] constexpr Index output_size() const {
    return backward ? geometry.input_size() : geometry.output_size();
  }
  [[nodiscard]] constexpr Index taps() const {
    return geometry.kernel_height * geometry.kernel_width;
  }

  /// The input columns that any output touches.
  [[nodiscard]] constexpr Range columns() const {
    Range all{0, input_width()};
    for (Index phase = 0; phase < phases_x(); ++phase) {
      const GatherAxis axis = x(phase);
      const Range touched = axis.window({0, axis.outputs});
      if (touched.size() > 0) {
        all = {std::min(all.begin, touched.begin), std::max(all.end, touched.end)};
      }
    }
    return all;
  }

  /// The input rows that the outputs [rows) of any phase touch.
  [[nodiscard]] constexpr Range rows(const Range& outputs) const {
    Range all{input_height(), 0};
    for (Index phase = 0; phase < phases_y(); ++phase) {
      const GatherAxis axis = y(phase);
      const Range touched = axis.window({outputs.begin, std::min(outputs.end, axis.outputs)});
      if (touched.size() > 0) {
        all = {std::min(all.begin, touched.begin), std::max(all.end, touched.end)};
      }
    }
    return all;
  }

  /// The most outputs that any phase has along y.
  [[nodiscard]] constexpr Index most_rows() const {
    Index most = 0;
    for (Index phase = 0; phase < phases_y(); ++phase) most = std::max(most, y(phase).outputs);
    return most;
  }
};

/// table[i] = i * stride
inline void fill_multiples(Index count, Index stride, Index* table) {
  for (Index i = 0; i < count; ++i) table[i] = i * stride;
}

/// Where the taps lie, by rows, columns and channels, from the first of all; `row`, `pixel` and
/// `channel` are the elements from one to the next.
inline void fill_taps(const GatherAxis& y, const GatherAxis& x, Index channels, Index row,
                      Index pixel, Index channel, Index* steps) {
  for (Index ty = 0; ty < y.taps; ++ty) {
    for (Index tx = 0; tx < x.taps; ++tx) {
      for (Index c = 0; c < channels; ++c) {
        *steps++ = ty * y.tap_step * row + tx * x.tap_step * pixel + c * channel;
      }
    }
  }
}

/// Part of a batch of images, with or without a frame of zeros: what the tiles read from.
template <class T>
struct Window {
  const T* data;  ///< of row rows.begin, column columns.begin of the first image
  Range rows;
  Range columns;
  Index pixel;  ///< elements from one column to the next: the channels
  Index row;    ///< ... from one row to the next
  Index image;  ///< ... from one image to the next

  [[nodiscard]] Index offset(Index n, Index y, Index x) const {
    return n * image + (y - rows.begin) * row + (x - columns.begin) * pixel;
  }
};

/// Images read where they are; or, where `to` has space for it, a copy of rows and columns of them,
/// which may reach beyond them: what is outside becomes zero.
template <class T>
Window<T> window_of(const T* from, Index images, Index height, Index width, Index channels,
                    const Range& rows, const Range& columns, T* to) {
  const Index from_row = width * channels;
  if (to == nullptr) return {from, {0, height}, {0, width}, channels, from_row, height * from_row};
  const Index left = -columns.begin * channels;
  const Index right = (columns.end - width) * channels;
  const Index row_size = columns.size() * channels;
  const Window<T> window{to, rows, columns, channels, row_size, rows.size() * row_size};
  for (Index n = 0; n < images; ++n) {
    for (Index y = rows.begin; y < rows.end; ++y, to += row_size) {
      if (y < 0 || y >= height) {
        std::fill_n(to, row_size, T(0));
        continue;
      }
      std::fill_n(to, left, T(0));
      std::copy_n(from + (n * height + y) * from_row, from_row, to + left);
      std::fill_n(to + left + from_row, right, T(0));
    }
  }
  return window;
}

}  // namespace nn::detail
