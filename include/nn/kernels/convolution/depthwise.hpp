/// @file
/// Depthwise convolutions along the pixels of a row, each of which is read once a row of taps.
#ifndef NN_KERNELS_CONVOLUTION_DEPTHWISE_HPP
#define NN_KERNELS_CONVOLUTION_DEPTHWISE_HPP

#include <algorithm>
#include <array>

#include "nn/core/activation.hpp"
#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"
#include "nn/kernels/convolution/blocking.hpp"
#include "nn/kernels/convolution/call.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/tile/tile.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// A row of outputs: where the first of them goes, and the pixel and the weight that it meets
/// first.
template <class T>
struct DepthwiseRow {
  const T* pixel;
  Index pixel_pitch;  ///< elements from one pixel to the next that later taps meet
  Index row_pitch;    ///< ... from the pixels of a row of taps to those of the next
  Range inside;       ///< the pixels, counted from the first, that the image has; others are zero,
                      ///< and fewer than the taps on either side
  const T* weight;
  Index weight_pitch;      ///< elements from the weight of a tap to the next tap's
  Index weight_row_pitch;  ///< ... of a row of taps to the next row's
  Index tap_rows;
  T* output;
  Index output_pitch;  ///< elements from one output to the next
  Index outputs;
  Epilogue<T> epilogue;
};

/// Computes a row for a vector of channels, `Together` outputs at a time, which are `Stride` pixels
/// apart; the last overlap those before. All of their sums are held in registers, and pixel by
/// pixel each gets the product that it lacks: so every sum has its taps in order.
template <class T, int Taps, int Stride, int Together>
void multiply_depthwise_row(const DepthwiseRow<T>& row, Index channel) {
  constexpr int pixels = (Together - 1) * Stride + Taps;
  alignas(alignment) static constexpr std::array<T, static_cast<std::size_t>(lanes<T>)> zero{};
  const DepthwiseRow<T> r = row;
  const float slope = r.epilogue.activation.slope;
  const T* const bias = r.epilogue.bias;
  const Packet<T> start = bias == nullptr ? broadcast(T(0)) : load(bias + channel);
  for (Index next = 0; next < r.outputs; next += Together) {
    const Index first = std::min(next, r.outputs - Together);
    const Index begin = r.inside.begin - first * Stride;
    const Index end = r.inside.end - first * Stride;
    const T* pixel = r.pixel + first * Stride * r.pixel_pitch + channel;
    const T* weight = r.weight + channel;
    Packet<T> sum[Together];
#pragma GCC unroll 8
    for (int j = 0; j < Together; ++j) sum[j] = start;
    for (Index tap_row = 0; tap_row < r.tap_rows; ++tap_row) {
      Packet<T> weights[Taps];
#pragma GCC unroll 8
      for (int t = 0; t < Taps; ++t) weights[t] = load(weight + t * r.weight_pitch);
#pragma GCC unroll 32
      for (int x = 0; x < pixels; ++x) {
        const bool outside = (x < Taps - 1 && x < begin) || (x > pixels - Taps && x >= end);
        const Packet<T> value = load(outside ? zero.data() : pixel + x * r.pixel_pitch);
#pragma GCC unroll 8
        for (int j = 0; j < Together; ++j) {
          const int t = x - j * Stride;
          if (t >= 0 && t < Taps) sum[j] = multiply_add(value, weights[t], sum[j]);
        }
      }
      pixel += r.row_pitch;
      weight += r.weight_row_pitch;
    }
    T* const output = r.output + first * r.output_pitch + channel;
#pragma GCC unroll 8
    for (int j = 0; j < Together; ++j) {
      if (slope != 1) sum[j] = activate<T>(sum[j], slope);
      store(sum[j], output + j * r.output_pitch);
    }
  }
}

/// The forward pass of a depthwise convolution, or the gradient of its input where the stride is 1.
/// The weights are read where they are: vectors of channels, tap by tap.
template <class T>
class DepthwiseProduct {
 public:
  DepthwiseProduct(const ConvolutionCall<T>& call, Arena /*scratch*/)
      : call_(call),
        gather_(call.gather()),
        y_(gather_.y(0)),
        x_(gather_.x(0)),
        blocking_(GatherBlocking::of<T>(gather_)) {}

  static Index scratch_bytes(const Gather& /*gather*/) { return 0; }

  void run() const {
    parallel_for(
        blocking_.items(), [&](Index item) { run_item(item); },
        gather_.geometry.multiply_adds() > 50000);
  }

 private:
  /// Some images, or some rows of one.
  void run_item(Index item) const {
    const Index first = item / blocking_.bands * blocking_.images;
    const Index images = std::min(blocking_.images, gather_.geometry.batch - first);
    const Index begin = item % blocking_.bands * blocking_.rows;
    const Index end = std::min(begin + blocking_.rows, y_.outputs);
    for (Index image = first; image < first + images; ++image) {
      for (Index row = begin; row < end; ++row) multiply_row(image, row);
    }
  }

  /// A row of outputs. Where later taps meet earlier pixels, as in the gradient of the input, it is
  /// taken from its end.
  void multiply_row(Index image, Index row) const {
    const ConvolutionGeometry& g = gather_.geometry;
    const Range taps = y_.taps_inside(row);
    const Index kernel_row = g.kernel_width * g.channels;
    const Index image_row = gather_.input_width() * g.channels;
    const Index last = x_.tap_step < 0 ? x_.outputs - 1 : 0;
    const Index column = x_.origin + last * x_.step;
    const Index y = y_.origin + row * y_.step + taps.begin * y_.tap_step;
    multiply_row(
        {call_.left + image * gather_.input_size() + y * image_row + column * g.channels,
         x_.tap_step * g.channels, y_.tap_step * image_row,
         x_.tap_step < 0 ? Range{column - gather_.input_width() + 1, column + 1}
                         : Range{-column, gather_.input_width() - column},
         call_.right + (y_.kernel_first + taps.begin * y_.kernel_step) * kernel_row +
             x_.kernel_first * g.channels,
         x_.kernel_step * g.channels, y_.kernel_step * kernel_row, taps.size(),
         call_.result + image * gather_.output_size() + (row * x_.outputs + last) * g.channels,
         x_.tap_step * g.channels, x_.outputs, call_.epilogue});
  }

  void multiply_row(const DepthwiseRow<T>& row) const {
    if (x_.step == 2) {
      multiply_row<2>(row);
    } else {
      multiply_row<1>(row);
    }
  }
  template <int Stride>
  void multiply_row(const DepthwiseRow<T>& row) const {
    if (x_.taps == 5) {
      multiply_row<5, Stride>(row);
    } else {
      multiply_row<3, Stride>(row);
    }
  }
  /// Eight outputs at a time, or four.
  template <int Taps, int Stride>
  void multiply_row(const DepthwiseRow<T>& row) const {
    constexpr int few = least_depthwise_outputs;
    for_each_channel_vector<T>(gather_.geometry.channels, [&](Index channel) {
      if (x_.outputs >= 2 * few) {
        multiply_depthwise_row<T, Taps, Stride, 2 * few>(row, channel);
      } else {
        multiply_depthwise_row<T, Taps, Stride, few>(row, channel);
      }
    });
  }

  const ConvolutionCall<T>& call_;
  Gather gather_;
  GatherAxis y_;
  GatherAxis x_;
  GatherBlocking blocking_;
};

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_CONVOLUTION_DEPTHWISE_HPP
