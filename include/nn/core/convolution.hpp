/// @file
/// The three products of a two-dimensional convolution, channels last.
#pragma once

#include <algorithm>

#include "nn/core/convolution_geometry.hpp"
#include "nn/core/gemm.hpp"
#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"

namespace nn {

namespace detail {

/// The output columns [begin, end) whose tap at `offset` (dilated, before padding) is in the image.
struct TapRange {
  Index begin;
  Index end;
};
constexpr TapRange tap_range(Index offset, Index pad, Index stride, Index extent, Index outputs) {
  const Index first = pad - offset;  // the smallest output * stride that reads inside
  const Index begin = first <= 0 ? 0 : (first + stride - 1) / stride;
  const Index last = extent - 1 + pad - offset;
  const Index end = last < 0 ? 0 : std::min(outputs, last / stride + 1);
  return {std::min(begin, end), end};
}

/// Calls visit(x offset, weight offset, y offset, pixels) for every row of taps of one image that
/// lies inside it: `pixels` outputs from y, `filters` apart, meet inputs `stride * channels` apart.
template <class Visit>
void for_each_tap_row(const ConvolutionGeometry& g, Index group, Visit&& visit) {
  for (Index oy = 0; oy < g.output_height(); ++oy) {
    for (Index ky = 0; ky < g.kernel_height; ++ky) {
      const Index iy = oy * g.stride_height + ky * g.dilation_height - g.pad_top;
      if (iy < 0 || iy >= g.height) continue;
      for (Index kx = 0; kx < g.kernel_width; ++kx) {
        const Index shift = kx * g.dilation_width;
        const auto [begin, end] =
            tap_range(shift, g.pad_left, g.stride_width, g.width, g.output_width());
        if (begin == end) continue;
        const Index ix = begin * g.stride_width + shift - g.pad_left;
        visit(
            (iy * g.width + ix) * g.channels + group * g.group_channels(),
            (ky * g.kernel_width + kx) * g.group_channels() * g.filters + group * g.group_filters(),
            (oy * g.output_width() + begin) * g.filters + group * g.group_filters(), end - begin);
      }
    }
  }
}

}  // namespace detail

/// Bytes of scratch that one pass needs.
template <class T>
[[nodiscard]] Index convolution_scratch_bytes(const ConvolutionGeometry& /*geometry*/,
                                              ConvolutionPass /*pass*/) {
  return 0;
}

/// y = the convolution of x with the weights, then the epilogue (its bias has one value a filter).
template <class T>
void convolution_forward(const ConvolutionGeometry& g, const T* x, const T* weights, T* y,
                         const Epilogue<T>& epilogue, Arena /*scratch*/) {
  parallel_for(g.batch, [&](Index image) {
    const T* input = x + image * g.input_size();
    T* output = y + image * g.output_size();
    std::fill_n(output, g.output_size(), T(0));
    for (Index group = 0; group < g.groups; ++group) {
      detail::for_each_tap_row(g, group, [&](Index from, Index weight, Index to, Index pixels) {
        detail::StridedMap<T>(output + to, pixels, g.group_filters(),
                              Eigen::OuterStride<>(g.filters))
            .noalias() +=
            detail::ConstStridedMap<T>(input + from, pixels, g.group_channels(),
                                       Eigen::OuterStride<>(g.stride_width * g.channels)) *
            detail::ConstStridedMap<T>(weights + weight, g.group_channels(), g.group_filters(),
                                       Eigen::OuterStride<>(g.filters));
      });
    }
    detail::apply_epilogue(g.output_height() * g.output_width(), g.filters, output, g.filters,
                           epilogue);
  });
}

/// dx = the gradient of the input: the transposed convolution of dy with the weights, then the
/// epilogue (its bias has one value a channel), so that it is a transposed convolution's forward.
template <class T>
void convolution_backward_data(const ConvolutionGeometry& g, const T* dy, const T* weights, T* dx,
                               const Epilogue<T>& epilogue, Arena /*scratch*/) {
  parallel_for(g.batch, [&](Index image) {
    const T* output = dy + image * g.output_size();
    T* input = dx + image * g.input_size();
    std::fill_n(input, g.input_size(), T(0));
    for (Index group = 0; group < g.groups; ++group) {
      detail::for_each_tap_row(g, group, [&](Index from, Index weight, Index to, Index pixels) {
        detail::StridedMap<T>(input + from, pixels, g.group_channels(),
                              Eigen::OuterStride<>(g.stride_width * g.channels))
            .noalias() +=
            detail::ConstStridedMap<T>(output + to, pixels, g.group_filters(),
                                       Eigen::OuterStride<>(g.filters)) *
            detail::ConstStridedMap<T>(weights + weight, g.group_channels(), g.group_filters(),
                                       Eigen::OuterStride<>(g.filters))
                .transpose();
      });
    }
    detail::apply_epilogue(g.height * g.width, g.channels, input, g.channels, epilogue);
  });
}

/// dweights = the gradient of the weights, added to what is there when `accumulate`.
template <class T>
void convolution_backward_weights(const ConvolutionGeometry& g, const T* x, const T* dy,
                                  T* dweights, bool accumulate, Arena /*scratch*/) {
  if (!accumulate) std::fill_n(dweights, g.weights_size(), T(0));
  parallel_for(g.groups, [&](Index group) {
    for (Index image = 0; image < g.batch; ++image) {
      const T* input = x + image * g.input_size();
      const T* output = dy + image * g.output_size();
      detail::for_each_tap_row(g, group, [&](Index from, Index weight, Index to, Index pixels) {
        detail::StridedMap<T>(dweights + weight, g.group_channels(), g.group_filters(),
                              Eigen::OuterStride<>(g.filters))
            .noalias() +=
            detail::ConstStridedMap<T>(input + from, pixels, g.group_channels(),
                                       Eigen::OuterStride<>(g.stride_width * g.channels))
                .transpose() *
            detail::ConstStridedMap<T>(output + to, pixels, g.group_filters(),
                                       Eigen::OuterStride<>(g.filters));
      });
    }
  });
}

}  // namespace nn
