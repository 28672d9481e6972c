/// @file
/// Convolutions of 3x3 taps and stride 1 by Winograd's minimal filtering.
#pragma once

#include <algorithm>

#include "nn/core/activation.hpp"
#include "nn/core/convolution_gather.hpp"
#include "nn/core/memory.hpp"
#include "nn/core/pack.hpp"
#include "nn/core/parallel.hpp"
#include "nn/core/tile.hpp"
#include "nn/core/winograd.hpp"
#include "nn/core/workspace.hpp"

namespace nn::detail {

/// The forward pass, or the gradient of the input, of a convolution of 3x3 taps and stride 1: the
/// inputs are transformed tile by tile (6x6, overlapping by 2), at each of the 36 points the
/// transformed tiles x channels are multiplied by the transformed weights, channels x filters, and
/// the products are transformed back to 4x4 outputs.
template <class T>
class WinogradProduct {
 public:
  WinogradProduct(const Gather& gather, const T* input, const T* weights, T* output,
                  const Epilogue<T>& epilogue, Arena scratch)
      : gather_(gather),
        g_(gather.geometry),
        y_(gather.y(0)),
        x_(gather.x(0)),
        channels_(gather.input_channels()),
        filters_(gather.output_channels()),
        grid_(y_.outputs, x_.outputs),
        origin_y_(y_.window({0, 1}).begin),
        origin_x_(x_.window({0, 1}).begin),
        input_(input),
        output_(output),
        epilogue_(epilogue) {
    transformed_ = scratch.take<T>(W::points * channels_ * filters_);
    steps_ = scratch.take<Index>(channels_);
    for (Index channel = 0; channel < channels_; ++channel) steps_[channel] = channel;
    transform_weights(weights);
  }

  /// Whether it applies and is likely to be the faster: a vector of channels on both sides, enough
  /// of them to make up for the transforms, and enough tiles for those of the weights.
  [[nodiscard]] static bool is_worth_it(const Gather& gather) {
    const ConvolutionGeometry& g = gather.geometry;
    const Index tiles = g.batch * divide_up(gather.output_height(), W::outputs) *
                        divide_up(gather.output_width(), W::outputs);
    return applies(gather) && std::min(g.channels, g.filters) >= fewest_channels &&
           tiles >= fewest_tiles &&
           tiles * W::outputs * W::outputs <
               2 * g.batch * gather.output_height() * gather.output_width();
  }

  [[nodiscard]] static bool applies(const Gather& gather) {
    const ConvolutionGeometry& g = gather.geometry;
    return g.kernel_height == 3 && g.kernel_width == 3 && g.stride_height == 1 &&
           g.stride_width == 1 && g.dilation_height == 1 && g.dilation_width == 1 &&
           g.groups == 1 && g.channels % lanes<T> == 0 && g.filters % lanes<T> == 0;
  }

  static Index scratch_bytes(const Gather& gather) {
    const Index channels = gather.input_channels();
    return bytes_for<T>(W::points * channels * gather.output_channels()) +
           bytes_for<Index>(channels);
  }

  void run() const {
    const Index tiles = g_.batch * grid_.tiles();
    const Index items = std::max<Index>(1, divide_up(tiles, tiles_an_item()));
    const Index even = items > 1 ? (items + 1) / 2 * 2 : items;  // to share between two threads
    parallel_for_pieces(tiles, divide_up(tiles, even), [&](Index begin, Index end) {
      run_tiles({begin, end});
    });
  }

 private:
  using W = Winograd<T>;
  static constexpr Index fewest_channels = 32;
  static constexpr Index fewest_tiles = 16;

  /// The transformed tiles of an item should stay in the level-2 cache, but the transformed weights
  /// of every point are read once an item, and that should pay too.
  [[nodiscard]] Index tiles_an_item() const {
    constexpr Index bytes = 384 * 1024;
    return std::clamp<Index>(
        bytes / (W::points * (channels_ + filters_) * static_cast<Index>(sizeof(T))), 24, 48);
  }

  /// The transformed weights: a packed matrix, channels x filters, for each point.
  [[nodiscard]] T* panel(Index point, Index first) const {
    return transformed_ + point * channels_ * filters_ + panel_offset(first, channels_);
  }

  void transform_weights(const T* weights) const {
    const Index blocks = g_.channels / lanes<T>;
    parallel_for(
        blocks,
        [&](Index block) {
          for (Index filter = 0; filter < g_.filters; filter += lanes<T>) {
            if (gather_.backward) {
              transform_turned(weights, block * lanes<T>, filter);
            } else {
              transform_forward(weights, block * lanes<T>, filter);
            }
          }
        },
        channels_ * filters_ > 1000);
  }

  /// A vector of filters of lanes channels, as the forward pass needs them.
  void transform_forward(const T* weights, Index first_channel, Index filter) const {
    namespace packet = Eigen::internal;
    const Index first = filter / panel_columns<T> * panel_columns<T>;
    const Index width = std::min(filters_ - first, panel_columns<T>);
    for (Index channel = first_channel; channel < first_channel + lanes<T>; ++channel) {
      const T* from = weights + channel * g_.filters + filter;
      T* to = panel(0, first) + channel * width + filter - first;
      W::filter(
          [&](int y, int x) {
            return packet::ploadu<Packet<T>>(from + (y * 3 + x) * g_.channels * g_.filters);
          },
          [&](int y, int x, const Packet<T>& v) {
            packet::pstoreu(to + (y * W::inputs + x) * channels_ * filters_, v);
          });
    }
  }

  /// A square of filters x channels, as the gradient of the input needs them: with the taps in
  /// reverse, and channels as the columns.
  void transform_turned(const T* weights, Index first_channel, Index filter) const {
    namespace packet = Eigen::internal;
    constexpr int n = lanes<T>;
    std::array<T, static_cast<std::size_t>(W::points * n * n)> values;
    for (int i = 0; i < n; ++i) {
      const T* from = weights + (first_channel + i) * g_.filters + filter;
      W::filter(
          [&](int y, int x) {
            return packet::ploadu<Packet<T>>(from + (8 - y * 3 - x) * g_.channels * g_.filters);
          },
          [&](int y, int x, const Packet<T>& v) {
            packet::pstoreu(values.data() + ((y * W::inputs + x) * n + i) * n, v);
          });
    }
    const Index first = first_channel / panel_columns<T> * panel_columns<T>;
    const Index width = std::min(filters_ - first, panel_columns<T>);
    for (int point = 0; point < W::points; ++point) {
      pack_columns<T>(n, n, n, values.data() + point * n * n, n, values.data() + point * n * n);
      for (int i = 0; i < n; ++i) {
        packet::pstoreu(panel(point, first) + (filter + i) * width + first_channel - first,
                        packet::ploadu<Packet<T>>(values.data() + (point * n + i) * n));
      }
    }
  }

  void run_tiles(const Range& tiles) const {
    const Index count = tiles.size();
    // A line more between the points keeps the 36 streams out of one set of the cache.
    const Index input_pitch = count * channels_ + 16;
    const Index output_pitch = count * filters_ + 16;
    Arena arena = thread_workspace(
        bytes_for<T>(W::points * input_pitch) + bytes_for<T>(W::points * output_pitch) +
        bytes_for<T>(W::points * channels_) + 2 * bytes_for<Index>(count));
    T* inputs = arena.take<T>(W::points * input_pitch);
    T* outputs = arena.take<T>(W::points * output_pitch);
    T* patch = arena.take<T>(W::points * channels_);
    Index* input_rows = arena.take<Index>(count);
    Index* output_rows = arena.take<Index>(count);
    const PatchSource<T> source{
        input_, gather_.input_height(), gather_.input_width(), channels_, W::inputs, patch};
    for (Index i = 0; i < count; ++i) {
      transform_input(grid_.tile(tiles.begin + i), source, inputs + i * channels_, input_pitch);
      input_rows[i] = i * channels_;
      output_rows[i] = i * filters_;
    }
    constexpr Index most_depth = 1280 / static_cast<Index>(sizeof(T));
    const Index blocks = divide_up(channels_, most_depth);
    for (Index point = 0; point < W::points; ++point) {
      for_each_panel<T>(filters_, [&](Index first, Index used, Index width) {
        for (Index block = 0; block < blocks; ++block) {
          const Index k = channels_ * block / blocks;
          multiply_panel<T>(
              count, width,
              {inputs + point * input_pitch, input_rows, steps_ + k,
               channels_ * (block + 1) / blocks - k, panel(point, first) + k * width, width},
              {outputs + point * output_pitch + first, output_rows, used, block > 0, {}});
        }
      });
    }
    for (Index i = 0; i < count; ++i) {
      transform_output(grid_.tile(tiles.begin + i), outputs + i * filters_, output_pitch);
    }
  }

  /// The 36 transformed values of a tile, for all channels, `pitch` apart.
  void transform_input(const WinogradTile& tile, const PatchSource<T>& source, T* to,
                       Index pitch) const {
    namespace packet = Eigen::internal;
    const auto patch = source.at(tile.image, tile.y + origin_y_, tile.x + origin_x_);
    for (Index channel = 0; channel < channels_; channel += lanes<T>) {
      W::input(
          [&](int y, int x) {
            return packet::ploadu<Packet<T>>(patch.data + y * patch.row + x * channels_ + channel);
          },
          [&](int y, int x, const Packet<T>& v) {
            packet::pstoreu(to + (y * W::inputs + x) * pitch + channel, v);
          });
    }
  }

  void transform_output(const WinogradTile& tile, const T* from, Index pitch) const {
    namespace packet = Eigen::internal;
    const Index rows = std::min<Index>(W::outputs, y_.outputs - tile.y);
    const Index columns = std::min<Index>(W::outputs, x_.outputs - tile.x);
    const Index row = x_.outputs * filters_;
    const float slope = epilogue_.activation.slope;
    T* to = output_ + (tile.image * y_.outputs + tile.y) * row + tile.x * filters_;
    for (Index filter = 0; filter < filters_; filter += lanes<T>) {
      const Packet<T> bias = epilogue_.bias == nullptr
                                 ? packet::pset1<Packet<T>>(T(0))
                                 : packet::ploadu<Packet<T>>(epilogue_.bias + filter);
      W::output(
          [&](int y, int x) {
            return packet::ploadu<Packet<T>>(from + (y * W::inputs + x) * pitch + filter);
          },
          [&](int y, int x, const Packet<T>& v) {
            if (y >= rows || x >= columns) return;
            const Packet<T> sum = packet::padd(v, bias);
            packet::pstoreu(to + y * row + x * filters_ + filter,
                            slope == 1 ? sum : activate<T>(sum, slope));
          });
    }
  }

  Gather gather_;
  ConvolutionGeometry g_;
  GatherAxis y_;
  GatherAxis x_;
  Index channels_;
  Index filters_;
  WinogradGrid grid_;
  Index origin_y_;
  Index origin_x_;
  const T* input_;
  T* output_;
  Epilogue<T> epilogue_;
  T* transformed_;
  Index* steps_;
};

}  // namespace nn::detail
