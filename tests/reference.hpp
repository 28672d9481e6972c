/// @file
/// The products that the kernels compute, written as their definitions. Slow, and meant to be read:
/// this is the documentation of what `nn::gemm` and `nn::convolution_*` return.
#pragma once

#include <vector>

#include "nn/core/shape.hpp"
#include "nn/kernels/convolution/geometry.hpp"

namespace reference {

using nn::ConvolutionGeometry;
using nn::Index;

/// C[i][j] = (accumulate ? C[i][j] : 0) + sum over l of op(A)[i][l] * op(B)[l][j]
template <class T>
void gemm(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const T* a, Index lda,
          const T* b, Index ldb, T* c, Index ldc, bool accumulate) {
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      double sum = accumulate ? static_cast<double>(c[i * ldc + j]) : 0.0;
      for (Index l = 0; l < k; ++l) {
        const T left = transpose_a ? a[l * lda + i] : a[i * lda + l];
        const T right = transpose_b ? b[j * ldb + l] : b[l * ldb + j];
        sum += static_cast<double>(left) * static_cast<double>(right);
      }
      c[i * ldc + j] = static_cast<T>(sum);
    }
  }
}

/// Calls visit(x index, weight index, y index) for every multiply-add of a convolution: the output
/// at (n, oy, ox, filter) meets, for each tap (ky, kx) and each channel of the filter's group, the
/// input at row oy * stride + ky * dilation - pad and the column likewise, unless that lies
/// outside.
template <class Visit>
void for_each_multiply_add(const ConvolutionGeometry& geometry, Visit&& visit) {
  const ConvolutionGeometry g = geometry;
  const Index output_height = g.output_height();
  const Index output_width = g.output_width();
  const Index group_channels = g.group_channels();
  const Index group_filters = g.group_filters();
  for (Index n = 0; n < g.batch; ++n)
    for (Index oy = 0; oy < output_height; ++oy)
      for (Index ox = 0; ox < output_width; ++ox)
        for (Index ky = 0; ky < g.kernel_height; ++ky)
          for (Index kx = 0; kx < g.kernel_width; ++kx) {
            const Index iy = oy * g.stride_height + ky * g.dilation_height - g.pad_top;
            const Index ix = ox * g.stride_width + kx * g.dilation_width - g.pad_left;
            if (iy < 0 || iy >= g.height || ix < 0 || ix >= g.width) continue;
            for (Index c = 0; c < group_channels; ++c)
              for (Index filter = 0; filter < g.filters; ++filter) {
                const Index channel = filter / group_filters * group_channels + c;
                visit(((n * g.height + iy) * g.width + ix) * g.channels + channel,
                      ((ky * g.kernel_width + kx) * group_channels + c) * g.filters + filter,
                      ((n * output_height + oy) * output_width + ox) * g.filters + filter);
              }
          }
}

/// y = sum of x * w over the multiply-adds of each output.
template <class T>
std::vector<double> convolution_forward(const ConvolutionGeometry& g, const T* x, const T* w) {
  std::vector<double> y(static_cast<std::size_t>(g.batch * g.output_size()));
  for_each_multiply_add(g, [&, to = y.data()](Index xi, Index wi, Index yi) {
    to[yi] += static_cast<double>(x[xi]) * static_cast<double>(w[wi]);
  });
  return y;
}

/// dx = sum of dy * w over the multiply-adds in which each input takes part.
template <class T>
std::vector<double> convolution_backward_data(const ConvolutionGeometry& g, const T* dy,
                                              const T* w) {
  std::vector<double> dx(static_cast<std::size_t>(g.batch * g.input_size()));
  for_each_multiply_add(g, [&, to = dx.data()](Index xi, Index wi, Index yi) {
    to[xi] += static_cast<double>(dy[yi]) * static_cast<double>(w[wi]);
  });
  return dx;
}

/// dw = sum of x * dy over the multiply-adds in which each weight takes part.
template <class T>
std::vector<double> convolution_backward_weights(const ConvolutionGeometry& g, const T* x,
                                                 const T* dy) {
  std::vector<double> dw(static_cast<std::size_t>(g.weights_size()));
  for_each_multiply_add(g, [&, to = dw.data()](Index xi, Index wi, Index yi) {
    to[wi] += static_cast<double>(x[xi]) * static_cast<double>(dy[yi]);
  });
  return dw;
}

}  // namespace reference
