/// @file
/// The inner loop of depthwise convolutions.
#ifndef NN_KERNELS_TILE_CHANNELS_HPP
#define NN_KERNELS_TILE_CHANNELS_HPP

#include <algorithm>

#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/tile/tile.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// A depthwise convolution, in which no sum runs over channels: every channel of the vector at
/// a + rows[i] + steps[l] is multiplied by its own element of the vector b + l * ldb.
template <class T, int Rows>
void multiply_channels(Index tiles, const TileInput<T>& input, const TileOutput<T>& output) {
  const Index* a_rows = input.rows;
  const Index* c_rows = output.rows;
  const float slope = output.epilogue.activation.slope;
  const Packet<T> start =
      output.epilogue.bias == nullptr ? broadcast(T(0)) : load(output.epilogue.bias);
  for (Index tile = 0; tile < tiles; ++tile, a_rows += Rows, c_rows += Rows) {
    Packet<T> sum[Rows];
    const T* row[Rows];
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
      row[i] = input.a + a_rows[i];
      sum[i] = start;
      if (output.add) sum[i] = start + load(output.c + c_rows[i]);
    }
    const T* b = input.b;
    for (Index l = 0; l < input.depth; ++l, b += input.ldb) {
      const Index step = input.steps[l];
      const Packet<T> right = load(b);
#pragma GCC unroll 8
      for (int i = 0; i < Rows; ++i) {
        sum[i] = multiply_add(load(row[i] + step), right, sum[i]);
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
      if (slope != 1) sum[i] = activate<T>(sum[i], slope);
      store(sum[i], output.c + c_rows[i]);
    }
  }
}

/// The same for `count` rows.
template <class T>
void multiply_channel_rows(Index count, TileInput<T> input, TileOutput<T> output) {
  constexpr int rows = 8;
  const Index tiles = count / rows;
  multiply_channels<T, rows>(tiles, input, output);
  input.rows += tiles * rows;
  output.rows += tiles * rows;
  multiply_channels<T, 1>(count - tiles * rows, input, output);
}

/// Calls visit(first) for vectors of channels that cover `channels`, which are at least one vector:
/// the last overlaps the one before.
template <class T, class Visit>
void for_each_channel_vector(Index channels, Visit&& visit) {
  for (Index first = 0; first < channels; first += lanes<T>) {
    visit(std::min(first, channels - lanes<T>));
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_TILE_CHANNELS_HPP
