/// @file
/// Convolutions of 3x3 taps and stride 1, and of 4x4 and stride 2, by Winograd's minimal filtering.
#ifndef NN_KERNELS_WINOGRAD_WINOGRAD_HPP
#define NN_KERNELS_WINOGRAD_WINOGRAD_HPP

#include <algorithm>

#include "nn/core/activation.hpp"
#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"
#include "nn/core/workspace.hpp"
#include "nn/kernels/convolution/call.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/tile/pack.hpp"
#include "nn/kernels/tile/tile.hpp"
#include "nn/kernels/winograd/transforms.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// The forward pass, or the gradient of the input: the inputs are transformed tile by tile, at each
/// of the points the transformed tiles x channels are multiplied by the transformed weights,
/// channels x filters, and the products are transformed back to Outputs x Outputs outputs. The
/// phases of inputs are taken as so many more channels, those of outputs as so many more filters.
template <class T, int Outputs, int Taps>
class WinogradProduct {
 public:
  WinogradProduct(const ConvolutionCall<T>& call, Arena scratch)
      : call_(call),
        gather_(call.gather()),
        g_(gather_.geometry),
        depth_(depth(gather_)),
        width_(width(gather_)),
        weight_pitch_(point_pitch(depth_ * width_)),
        first_y_(Phases::first(gather_, g_.pad_top)),
        first_x_(Phases::first(gather_, g_.pad_left)),
        grid_(Phases::grid(gather_, Outputs)) {
    transformed_ = scratch.take<T>(W::points * weight_pitch_);
    steps_ = scratch.take<Index>(depth_);
    if (call.is_filled) return;
    fill_multiples(depth_, 1, steps_);
    transform_weights();
  }

  static Index scratch_bytes(const Gather& gather) {
    return bytes_for<T>(W::points * point_pitch(depth(gather) * width(gather))) +
           bytes_for<Index>(depth(gather));
  }

  void run() const {
    const Index tiles = g_.batch * grid_.tiles();
    if (shares_columns(tiles)) {
      const Index panels = divide_up(width_, panel_columns<T>);
      parallel_for_pieces(panels, divide_up(panels, threads()), [&](Index begin, Index end) {
        const Range columns{begin * panel_columns<T>, std::min(end * panel_columns<T>, width_)};
        for (Index first = 0; first < tiles; first += tiles_an_item()) {
          run_tiles({first, std::min(first + tiles_an_item(), tiles)}, columns);
        }
      });
      return;
    }
    constexpr Index least_tiles = 8;  // for a thread; how they are cut is no matter of the bits
    const Index threads_worth = std::min<Index>(threads(), tiles / least_tiles);
    const Index items = std::max({Index{1}, divide_up(tiles, tiles_an_item()), threads_worth});
    const Index even = items > 1 ? (items + 1) / 2 * 2 : items;  // to share between two threads
    parallel_for_pieces(tiles, divide_up(tiles, even), [&](Index begin, Index end) {
      run_tiles({begin, end}, {0, width_});
    });
  }

 private:
  using W = Winograd<T, Outputs, Taps>;
  using Phases = WinogradPhases<Taps>;
  /// The channels of the inputs, in all phases.
  [[nodiscard]] static Index depth(const Gather& gather) {
    return gather.input_channels() * (gather.backward ? 1 : Phases::count);
  }
  /// The channels of the outputs, in all phases.
  [[nodiscard]] static Index width(const Gather& gather) {
    return gather.output_channels() * (gather.backward ? Phases::count : 1);
  }
  /// The transformed tiles of an item should stay in the level-2 cache, but the transformed weights
  /// of every point are read once an item, and that should pay too.
  [[nodiscard]] Index tiles_an_item() const {
    constexpr Index bytes = 384 * 1024;
    return std::clamp<Index>(
        bytes / (W::points * (depth_ + width_) * static_cast<Index>(sizeof(T))), 24, 48);
  }

  /// Threads that share tiles read all weights each. Where these are more than what is made of the
  /// images, threads share the columns, and each transforms all inputs.
  [[nodiscard]] bool shares_columns(Index tiles) const {
    return threads() > 1 && width_ > panel_columns<T> &&
           depth_ * width_ > tiles * (depth_ + width_);
  }

  /// The transformed weights: a packed matrix, depth x width, for each point.
  [[nodiscard]] T* panel(Index point, Index column) const {
    return transformed_ + point * weight_pitch_ + panel_offset(column, depth_);
  }

  /// In pieces that write whole lines of the cache: turned, a row of a panel holds channels.
  void transform_weights() const {
    const Index piece = gather_.backward ? panel_columns<T> : Index{lanes<T>};
    const Index pieces = divide_up(g_.channels, piece);
    parallel_for(
        Phases::count * pieces,
        [&](Index index) {
          const Index phase = index / pieces;
          const Index first = index % pieces * piece;
          const Index end = std::min(first + piece, g_.channels);
          for (Index channel = first; channel < end; channel += lanes<T>) {
            for (Index filter = 0; filter < g_.filters; filter += lanes<T>) {
              if (gather_.backward) {
                transform_turned(phase, channel, filter);
              } else {
                transform_forward(phase, channel, filter);
              }
            }
          }
        },
        depth_ * width_ > 1000);
  }

  /// The weights of tap (y, x) of a phase.
  [[nodiscard]] Index tap(Index phase, Index y, Index x) const {
    return ((y * Phases::stride + Phases::y(phase)) * Phases::kernel + x * Phases::stride +
            Phases::x(phase)) *
           g_.channels * g_.filters;
  }

  /// A vector of filters of lanes channels, as the forward pass needs them.
  void transform_forward(Index phase, Index first_channel, Index filter) const {
    const Index column = filter / panel_columns<T> * panel_columns<T>;
    const Index width = std::min(width_ - column, panel_columns<T>);
    for (Index channel = first_channel; channel < first_channel + lanes<T>; ++channel) {
      const T* from = call_.right + channel * g_.filters + filter;
      T* to = panel(0, column) + (phase * g_.channels + channel) * width + filter - column;
      W::filter([&](int y, int x) { return load(from + tap(phase, y, x)); },
                W::to_points(to, weight_pitch_));
    }
  }

  /// A square of filters x channels, as the gradient of the input needs them: with the taps in
  /// reverse, and channels as the columns.
  void transform_turned(Index phase, Index first_channel, Index filter) const {
    constexpr int n = lanes<T>;
    std::array<T, static_cast<std::size_t>(W::points * n * n)> values;
    for (int i = 0; i < n; ++i) {
      const T* from = call_.right + (first_channel + i) * g_.filters + filter;
      W::filter([&](int y, int x) { return load(from + tap(phase, Taps - 1 - y, Taps - 1 - x)); },
                W::to_points(values.data() + i * n, n * n));
    }
    const Index at = phase * g_.channels + first_channel;
    const Index column = at / panel_columns<T> * panel_columns<T>;
    const Index width = std::min(width_ - column, panel_columns<T>);
    std::array<T, static_cast<std::size_t>(n * n)> turned;
    for (int point = 0; point < W::points; ++point) {
      pack_columns<T>(n, n, n, values.data() + point * n * n, n, turned.data());
      for (int i = 0; i < n; ++i) {
        store(load(turned.data() + i * n),
              panel(point, column) + (filter + i) * width + at - column);
      }
    }
  }

  /// Some columns, which are whole panels, of the outputs of some tiles.
  void run_tiles(const Range& tiles, const Range& columns) const {
    const Index count = tiles.size();
    const Index width = columns.size();
    const Index input_pitch = point_pitch(count * depth_);
    const Index output_pitch = point_pitch(count * width);
    const Index channels = gather_.input_channels();
    Arena arena = thread_workspace(
        bytes_for<T>(W::points * input_pitch) + bytes_for<T>(W::points * output_pitch) +
        bytes_for<T>(W::points * channels) + 2 * bytes_for<Index>(count));
    T* inputs = arena.take<T>(W::points * input_pitch);
    T* outputs = arena.take<T>(W::points * output_pitch);
    T* patch = arena.take<T>(W::points * channels);
    Index* input_rows = arena.take<Index>(count);
    Index* output_rows = arena.take<Index>(count);
    const PatchSource<T> source{call_.left,
                                gather_.input_height(),
                                gather_.input_width(),
                                channels,
                                W::inputs,
                                gather_.backward ? 1 : Phases::stride,
                                patch};
    for (Index i = 0; i < count; ++i) {
      transform_input(grid_.tile(tiles.begin + i), source, inputs + i * depth_, input_pitch);
    }
    fill_multiples(count, depth_, input_rows);
    fill_multiples(count, width, output_rows);
    for (Index point = 0; point < W::points; ++point) {
      for_each_joined_panel<T>(width, [&](Index first, Index used, Index padded) {
        const Index row = std::min(padded, panel_columns<T>);
        for_each_depth_block(
            depth_, depth_for<T>(padded), false, Epilogue<T>{},
            [&](Index k, Index depth, bool add, const Epilogue<T>& epilogue) {
              multiply_panel<T>(
                  count, padded,
                  {inputs + point * input_pitch, input_rows, steps_ + k, depth,
                   panel(point, columns.begin + first) + k * row, row, panel_offset(row, depth_)},
                  {outputs + point * output_pitch + first, output_rows, used, add, epilogue});
            });
      });
    }
    for (Index i = 0; i < count; ++i) {
      transform_output(grid_.tile(tiles.begin + i), columns, outputs + i * width, output_pitch);
    }
  }

  /// The transformed values of a tile, for all channels of all phases; those of a point are `pitch`
  /// from the next's.
  void transform_input(const WinogradTile& tile, const PatchSource<T>& source, T* to,
                       Index pitch) const {
    for (Index phase = 0; phase * source.channels < depth_; ++phase, to += source.channels) {
      const auto patch =
          gather_.backward
              ? source.at(tile.image, tile.y + first_y_ - (Taps - 1),
                          tile.x + first_x_ - (Taps - 1))
              : source.at(tile.image, tile.y * Phases::stride + Phases::y(phase) - g_.pad_top,
                          tile.x * Phases::stride + Phases::x(phase) - g_.pad_left);
      for (Index channel = 0; channel < source.channels; channel += lanes<T>) {
        W::input(patch.vectors(channel), W::to_points(to + channel, pitch));
      }
    }
  }

  /// The outputs of a tile from its sums at the points, of some columns.
  void transform_output(const WinogradTile& tile, const Range& columns, const T* from,
                        Index pitch) const {
    const Index step = gather_.backward ? Phases::stride : 1;
    const Index channels = gather_.output_channels();
    const Index height = gather_.output_height();
    const Index width = gather_.output_width();
    const float slope = call_.epilogue.activation.slope;
    T* const image = call_.result + tile.image * height * width * channels;
    for (Index phase = 0; phase * channels < width_; ++phase) {
      const Index top =
          gather_.backward ? (tile.y + first_y_) * step + Phases::y(phase) - g_.pad_top : tile.y;
      const Index left =
          gather_.backward ? (tile.x + first_x_) * step + Phases::x(phase) - g_.pad_left : tile.x;
      const Index end = std::min(columns.end - phase * channels, channels);
      for (Index channel = std::max<Index>(columns.begin - phase * channels, 0); channel < end;
           channel += lanes<T>) {
        const T* const sums = from + phase * channels + channel - columns.begin;
        const Packet<T> bias =
            call_.epilogue.bias == nullptr ? broadcast(T(0)) : load(call_.epilogue.bias + channel);
        W::output(W::at_points(sums, pitch), [&](int y, int x, const Packet<T>& v) {
          const Index row = top + y * step;
          const Index column = left + x * step;
          if (row < 0 || row >= height || column < 0 || column >= width) return;
          const Packet<T> sum = v + bias;
          store(slope == 1 ? sum : activate<T>(sum, slope),
                image + (row * width + column) * channels + channel);
        });
      }
    }
  }

  const ConvolutionCall<T>& call_;
  Gather gather_;
  ConvolutionGeometry g_;
  Index depth_;
  Index width_;
  Index weight_pitch_;
  Index first_y_;
  Index first_x_;
  WinogradGrid grid_;
  T* transformed_;
  Index* steps_;
};

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_WINOGRAD_WINOGRAD_HPP
