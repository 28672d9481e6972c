/// @file
/// The gradient of the weights of a convolution by Winograd's algorithm: 3x3 taps and stride 1, or
/// 4x4 and stride 2.
#ifndef NN_KERNELS_WINOGRAD_WEIGHTS_HPP
#define NN_KERNELS_WINOGRAD_WEIGHTS_HPP

#include <algorithm>

#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/winograd/winograd.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// The forward pass is y = A^T [(G g G^T) * (B^T d B)] A for each tile; its transpose with respect
/// to the taps is
///
///     dg = G^T [ sum over the tiles of (B^T d B) * (A dy A^T) ] G
///
/// so at each of the points transformed inputs, channels x tiles, are multiplied by transformed
/// output gradients, tiles x filters, and only the sums are transformed back. The tiles are taken
/// chunk by chunk: the transforms of a chunk run in parallel over its tiles, the products over
/// points.
template <class T, int Taps>
class WinogradWeights {
 public:
  WinogradWeights(const ConvolutionCall<T>& call, Arena scratch)
      : call_(call),
        g_(call.geometry),
        depth_(depth(g_)),
        grid_(W::outputs, g_.output_height(), g_.output_width()),
        chunk_(chunk(g_)),
        input_pitch_(point_pitch(chunk_ * depth_)),
        output_pitch_(point_pitch(chunk_ * g_.filters)),
        sum_pitch_(point_pitch(depth_ * g_.filters)) {
    inputs_ = scratch.take<T>(W::points * input_pitch_);
    outputs_ = scratch.take<T>(W::points * output_pitch_);
    sums_ = scratch.take<T>(W::points * sum_pitch_);
    steps_ = scratch.take<Index>(chunk_);
    input_rows_ = scratch.take<Index>(depth_);
    sum_rows_ = scratch.take<Index>(depth_);
  }

  static Index scratch_bytes(const Gather& gather) {
    const ConvolutionGeometry& g = gather.geometry;
    const Index tiles = chunk(g);
    return bytes_for<T>(W::points * point_pitch(tiles * depth(g))) +
           bytes_for<T>(W::points * point_pitch(tiles * g.filters)) +
           bytes_for<T>(W::points * point_pitch(depth(g) * g.filters)) + bytes_for<Index>(tiles) +
           2 * bytes_for<Index>(depth(g));
  }

  void run() const {
    const Index tiles = g_.batch * grid_.tiles();
    for (Index first = 0; first < tiles; first += chunk_) {
      const Index count = std::min(chunk_, tiles - first);
      constexpr Index piece = 4;
      parallel_for_pieces(count, piece, [&](Index begin, Index end) {
        transform_tiles(first, {begin, end}, count);
      });
      fill_tables(count);
      parallel_for(W::points, [&](Index point) { multiply_point(point, count, first > 0); });
    }
    constexpr Index rows = 8;  // one row is less work than handing it to a thread
    parallel_for_pieces(depth_, rows, [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) transform_sums(row);
    });
  }

 private:
  using W = Winograd<T, 4, Taps>;
  using Phases = WinogradPhases<Taps>;

  /// The channels of the inputs, in all phases.
  [[nodiscard]] static Index depth(const ConvolutionGeometry& g) {
    return g.channels * Phases::count;
  }

  /// Long sums read and write their results seldom; but the chunk should stay in the level-3 cache.
  [[nodiscard]] static Index chunk(const ConvolutionGeometry& g) {
    constexpr Index bytes = 4 * 1024 * 1024;
    const WinogradGrid grid(W::outputs, g.output_height(), g.output_width());
    const Index fit = bytes / (W::points * (depth(g) + g.filters) * static_cast<Index>(sizeof(T)));
    return std::min(std::clamp<Index>(fit, 32, 192), std::max<Index>(1, g.batch * grid.tiles()));
  }

  /// Both factors are stored in the order in which the tiles of the product read them: a vector of
  /// channels for every tile, then the next vector; a panel of filters for every tile, then the
  /// next.
  void transform_tiles(Index first, const Range& tiles, Index count) const {
    const Index buffer_size = W::points * std::max(g_.channels, g_.filters);
    Arena arena = thread_workspace(bytes_for<T>(buffer_size));
    T* buffer = arena.take<T>(buffer_size);
    const PatchSource<T> x{call_.left, g_.height,      g_.width, g_.channels,
                           W::inputs,  Phases::stride, buffer};
    const PatchSource<T> dy{
        call_.right, g_.output_height(), g_.output_width(), g_.filters, W::outputs, 1, buffer};
    for (Index i = tiles.begin; i < tiles.end; ++i) {
      const WinogradTile tile = grid_.tile(first + i);
      for (Index phase = 0; phase < Phases::count; ++phase) {
        const auto in = x.at(tile.image, tile.y * Phases::stride + Phases::y(phase) - g_.pad_top,
                             tile.x * Phases::stride + Phases::x(phase) - g_.pad_left);
        for (Index channel = 0; channel < g_.channels; channel += lanes<T>) {
          T* to = inputs_ + (phase * g_.channels + channel) * count + i * lanes<T>;
          W::input(in.vectors(channel), W::to_points(to, input_pitch_));
        }
      }
      const auto out = dy.at(tile.image, tile.y, tile.x);
      for_each_panel<T>(g_.filters, [&](Index panel, Index used, Index width) {
        for (Index j = 0; j < used; j += lanes<T>) {
          T* to = outputs_ + panel_offset(panel, count) + i * width + j;
          W::output_transposed(out.vectors(panel + j), W::to_points(to, output_pitch_));
        }
      });
    }
  }

  void fill_tables(Index count) const {
    fill_multiples(count, lanes<T>, steps_);
    fill_multiples(depth_, g_.filters, sum_rows_);
    for (Index row = 0; row < depth_; ++row) {
      input_rows_[row] = row / lanes<T> * lanes<T> * count + row % lanes<T>;
    }
  }

  void multiply_point(Index point, Index count, bool add) const {
    const T* outputs = outputs_ + point * output_pitch_;
    for_each_joined_panel<T>(g_.filters, [&](Index first, Index used, Index width) {
      const Index row = std::min(width, panel_columns<T>);
      multiply_panel<T>(depth_, width,
                        {inputs_ + point * input_pitch_, input_rows_, steps_, count,
                         outputs + panel_offset(first, count), row, panel_offset(row, count)},
                        {sums_ + point * sum_pitch_ + first, sum_rows_, used, add, {}});
    });
  }

  /// The gradients of the weights of one channel and phase.
  void transform_sums(Index row) const {
    const Index phase = row / g_.channels;
    const Index tap = g_.channels * g_.filters;
    for (Index filter = 0; filter < g_.filters; filter += lanes<T>) {
      const Index at = row * g_.filters + filter;
      T* const target = call_.result + row % g_.channels * g_.filters + filter;
      W::filter_transposed(
          W::at_points(sums_ + at, sum_pitch_), [&](int y, int x, const Packet<T>& v) {
            T* to = target + ((y * Phases::stride + Phases::y(phase)) * Phases::kernel +
                              x * Phases::stride + Phases::x(phase)) *
                                 tap;
            store(call_.accumulate ? load(to) + v : v, to);
          });
    }
  }

  const ConvolutionCall<T>& call_;
  ConvolutionGeometry g_;
  Index depth_;
  WinogradGrid grid_;
  Index chunk_;
  Index input_pitch_;
  Index output_pitch_;
  Index sum_pitch_;
  T* inputs_;
  T* outputs_;
  T* sums_;
  Index* steps_;
  Index* input_rows_;
  Index* sum_rows_;
};

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_WINOGRAD_WEIGHTS_HPP
