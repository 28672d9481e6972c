/// @file
/// What Winograd's filtering reads of images, and its transforms along both axes.
#ifndef NN_KERNELS_WINOGRAD_TRANSFORMS_HPP
#define NN_KERNELS_WINOGRAD_TRANSFORMS_HPP

#include <algorithm>

#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/tile/tile.hpp"
#include "nn/kernels/winograd/grid.hpp"
#include "nn/kernels/winograd/line.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// From the matrix of one point to that of the next: a line more than its elements, as a transform
/// reads or writes all points at once, and where they are a power of two apart their lines would
/// share one set of the cache.
[[nodiscard]] constexpr Index point_pitch(Index elements) { return elements + 16; }

/// Square patches of images, or of every `step`-th row and column of them, which may reach beyond
/// the images, where there are zeros.
template <class T>
struct PatchSource {
  const T* images;
  Index height;
  Index width;
  Index channels;
  Index side;
  Index step;
  T* buffer;  ///< for side * side * channels elements

  /// What the transforms read: the channels at (y, x) are data + y * row + x * column.
  struct Patch {
    const T* data;
    Index row;
    Index column;

    /// A transform's reader of the vectors from `channel` on.
    [[nodiscard]] auto vectors(Index channel) const {
      const Patch patch{data + channel, row, column};
      return [patch](int y, int x) { return load(patch.data + y * patch.row + x * patch.column); };
    }
  };

  [[nodiscard]] Patch at(Index image, Index y0, Index x0) const {
    const T* from = images + image * height * width * channels;
    const Index reach = (side - 1) * step + 1;
    if (y0 >= 0 && x0 >= 0 && y0 + reach <= height && x0 + reach <= width) {
      return {from + (y0 * width + x0) * channels, step * width * channels, step * channels};
    }
    T* to = buffer;
    for (Index y = y0; y < y0 + reach; y += step) {
      for (Index x = x0; x < x0 + reach; x += step, to += channels) {
        const bool inside = y >= 0 && y < height && x >= 0 && x < width;
        const T* const pixel = inside ? from + (y * width + x) * channels : nullptr;
        for (Index c = 0; c < channels; c += lanes<T>) {
          store(inside ? load(pixel + c) : broadcast(T(0)), to + c);
        }
      }
    }
    return {buffer, side * channels, channels};
  }
};

/// What Winograd's filtering F(Outputs x Outputs, Taps x Taps) makes of a tile, by vectors of
/// channels.
template <class T, int Outputs, int Taps>
struct Winograd {
  using V = Packet<T>;
  using Line = WinogradLine<T, Outputs, Taps>;
  static constexpr int taps = Taps;
  static constexpr int inputs = Outputs + Taps - 1;  ///< of a tile, a side
  static constexpr int outputs = Outputs;            ///< of a tile, a side
  static constexpr int points = inputs * inputs;

  /// How a transform reads and writes the values at the points, which are `pitch` apart.
  static auto at_points(const T* from, Index pitch) {
    return [=](int y, int x) { return load(from + (y * inputs + x) * pitch); };
  }
  static auto to_points(T* to, Index pitch) {
    return [=](int y, int x, const V& v) { store(v, to + (y * inputs + x) * pitch); };
  }

  /// Applies a transform from `From` to `To` values along both axes: read(row, column) and
  /// write(row, column, value).
  template <int From, int To, class Transform, class Read, class Write>
  static void both_axes(Transform&& transform, Read&& read, Write&& write) {
    V half[To][From];
#pragma GCC unroll 8
    for (int x = 0; x < From; ++x) {
      transform([&](int y) { return read(y, x); }, [&](int y, const V& v) { half[y][x] = v; });
    }
#pragma GCC unroll 8
    for (int y = 0; y < To; ++y) {
      transform([&](int x) { return half[y][x]; }, [&](int x, const V& v) { write(y, x, v); });
    }
  }

  template <class Read, class Write>
  static void input(Read&& read, Write&& write) {
    both_axes<inputs, inputs>([](auto&& d, auto&& t) { Line::input(d, t); }, read, write);
  }
  template <class Read, class Write>
  static void filter(Read&& read, Write&& write) {
    both_axes<taps, inputs>([](auto&& g, auto&& t) { Line::filter(g, t); }, read, write);
  }
  template <class Read, class Write>
  static void output_transposed(Read&& read, Write&& write) {
    both_axes<outputs, inputs>([](auto&& y, auto&& t) { Line::output_transposed(y, t); }, read,
                               write);
  }
  template <class Read, class Write>
  static void filter_transposed(Read&& read, Write&& write) {
    both_axes<inputs, taps>([](auto&& p, auto&& g) { Line::filter_transposed(p, g); }, read, write);
  }
  template <class Read, class Write>
  static void output(Read&& read, Write&& write) {
    both_axes<inputs, outputs>([](auto&& m, auto&& y) { Line::output(m, y); }, read, write);
  }
};

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_WINOGRAD_TRANSFORMS_HPP
