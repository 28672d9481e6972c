/// @file
/// The gradient of the weights of a convolution of 3x3 taps and stride 1 by Winograd's algorithm.
#pragma once

#include <algorithm>

#include "nn/core/convolution_winograd.hpp"

namespace nn::detail {

/// The forward pass is y = A^T [(G g G^T) * (B^T d B)] A for each tile; its transpose with respect
/// to the taps is
///
///     dg = G^T [ sum over the tiles of (B^T d B) * (A dy A^T) ] G
///
/// so at each of the 36 points transformed inputs, channels x tiles, are multiplied by transformed
/// output gradients, tiles x filters, and only the sums are transformed back. The tiles are taken
/// chunk by chunk: the transforms of a chunk run in parallel over its tiles, the products over
/// points.
template <class T>
class WinogradWeights {
 public:
  WinogradWeights(const ConvolutionGeometry& geometry, const T* x, const T* dy, T* dweights,
                  bool accumulate, Arena scratch)
      : g_(geometry),
        grid_(g_.output_height(), g_.output_width()),
        x_(x),
        dy_(dy),
        dweights_(dweights),
        accumulate_(accumulate),
        chunk_(chunk(g_)) {
    inputs_ = scratch.take<T>(W::points * chunk_ * g_.channels);
    outputs_ = scratch.take<T>(W::points * chunk_ * g_.filters);
    sums_ = scratch.take<T>(W::points * g_.channels * g_.filters);
    steps_ = scratch.take<Index>(chunk_);
    input_rows_ = scratch.take<Index>(g_.channels);
    sum_rows_ = scratch.take<Index>(g_.channels);
  }

  [[nodiscard]] static bool is_worth_it(const ConvolutionGeometry& g) {
    return WinogradProduct<T>::is_worth_it({g, false});
  }
  [[nodiscard]] static bool applies(const ConvolutionGeometry& g) {
    return WinogradProduct<T>::applies({g, false});
  }

  static Index scratch_bytes(const ConvolutionGeometry& g) {
    const Index tiles = chunk(g);
    return bytes_for<T>(W::points * tiles * g.channels) +
           bytes_for<T>(W::points * tiles * g.filters) +
           bytes_for<T>(W::points * g.channels * g.filters) + bytes_for<Index>(tiles) +
           2 * bytes_for<Index>(g.channels);
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
    parallel_for(g_.channels, [&](Index channel) { transform_sums(channel); });
  }

 private:
  using W = Winograd<T>;

  /// Long sums read and write their results seldom; but the chunk should stay in the level-3 cache.
  [[nodiscard]] static Index chunk(const ConvolutionGeometry& g) {
    constexpr Index bytes = 4 * 1024 * 1024;
    const WinogradGrid grid(g.output_height(), g.output_width());
    const Index fit =
        bytes / (W::points * (g.channels + g.filters) * static_cast<Index>(sizeof(T)));
    return std::min(std::clamp<Index>(fit, 32, 192), std::max<Index>(1, g.batch * grid.tiles()));
  }

  /// Both factors are stored in the order in which the tiles of the product read them: a vector of
  /// channels for every tile, then the next vector; a panel of filters for every tile, then the
  /// next.
  void transform_tiles(Index first, const Range& tiles, Index count) const {
    namespace packet = Eigen::internal;
    Arena arena = thread_workspace(bytes_for<T>(W::points * std::max(g_.channels, g_.filters)));
    T* room = arena.take<T>(W::points * std::max(g_.channels, g_.filters));
    const PatchSource<T> x{x_, g_.height, g_.width, g_.channels, W::inputs, room};
    const PatchSource<T> dy{dy_,        g_.output_height(), g_.output_width(),
                            g_.filters, W::outputs,         room};
    for (Index i = tiles.begin; i < tiles.end; ++i) {
      const WinogradTile tile = grid_.tile(first + i);
      const auto in = x.at(tile.image, tile.y - g_.pad_top, tile.x - g_.pad_left);
      for (Index channel = 0; channel < g_.channels; channel += lanes<T>) {
        T* to = inputs_ + channel * count + i * lanes<T>;
        W::input(
            [&](int r, int c) {
              return packet::ploadu<Packet<T>>(in.data + r * in.row + c * g_.channels + channel);
            },
            [&](int r, int c, const Packet<T>& v) {
              packet::pstoreu(to + (r * W::inputs + c) * chunk_ * g_.channels, v);
            });
      }
      const auto out = dy.at(tile.image, tile.y, tile.x);
      for_each_panel<T>(g_.filters, [&](Index panel, Index used, Index width) {
        for (Index j = 0; j < used; j += lanes<T>) {
          T* to = outputs_ + panel_offset(panel, count) + i * width + j;
          W::output_transposed(
              [&](int r, int c) {
                return packet::ploadu<Packet<T>>(out.data + r * out.row + c * g_.filters + panel +
                                                 j);
              },
              [&](int r, int c, const Packet<T>& v) {
                packet::pstoreu(to + (r * W::inputs + c) * chunk_ * g_.filters, v);
              });
        }
      });
    }
  }

  void fill_tables(Index count) const {
    for (Index i = 0; i < count; ++i) steps_[i] = i * lanes<T>;
    for (Index channel = 0; channel < g_.channels; ++channel) {
      input_rows_[channel] = channel / lanes<T> * lanes<T> * count + channel % lanes<T>;
      sum_rows_[channel] = channel * g_.filters;
    }
  }

  void multiply_point(Index point, Index count, bool add) const {
    const T* outputs = outputs_ + point * chunk_ * g_.filters;
    for_each_panel<T>(g_.filters, [&](Index first, Index used, Index width) {
      multiply_panel<T>(
          g_.channels, width,
          {inputs_ + point * chunk_ * g_.channels, input_rows_, steps_, count,
           outputs + panel_offset(first, count), width},
          {sums_ + point * g_.channels * g_.filters + first, sum_rows_, used, add, {}});
    });
  }

  void transform_sums(Index channel) const {
    namespace packet = Eigen::internal;
    const Index tap = g_.channels * g_.filters;
    for (Index filter = 0; filter < g_.filters; filter += lanes<T>) {
      const Index at = channel * g_.filters + filter;
      W::filter_transposed(
          [&](int y, int x) {
            return packet::ploadu<Packet<T>>(sums_ + (y * W::inputs + x) * tap + at);
          },
          [&](int y, int x, const Packet<T>& v) {
            T* to = dweights_ + (y * W::taps + x) * tap + at;
            packet::pstoreu(to, accumulate_ ? packet::padd(packet::ploadu<Packet<T>>(to), v) : v);
          });
    }
  }

  ConvolutionGeometry g_;
  WinogradGrid grid_;
  const T* x_;
  const T* dy_;
  T* dweights_;
  bool accumulate_;
  Index chunk_;
  T* inputs_;
  T* outputs_;
  T* sums_;
  Index* steps_;
  Index* input_rows_;
  Index* sum_rows_;
};

}  // namespace nn::detail
