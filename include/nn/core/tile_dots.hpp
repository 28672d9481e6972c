/// @file
/// The inner loop of products of very few columns.
#pragma once

#include "nn/core/tile.hpp"

namespace nn::detail {

/// The other way to use the registers, for a product of one to three columns: vectors run along the
/// depth, which must be a whole number of them, as must every contiguous piece of it in `steps`; B
/// is given transposed, column j at b + j * ldb. No lane is idle, but every sum must be added
/// across.
template <class T, int Rows, int Columns>
void multiply_dots(Index tiles, const TileInput<T>& input, const TileOutput<T>& output) {
  const Index* a_rows = input.rows;
  const Index* c_rows = output.rows;
  for (Index tile = 0; tile < tiles; ++tile, a_rows += Rows, c_rows += Rows) {
    Packet<T> sum[Rows][Columns];
    const T* row[Rows];
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
      row[i] = input.a + a_rows[i];
#pragma GCC unroll 8
      for (int j = 0; j < Columns; ++j) sum[i][j] = broadcast(T(0));
    }
    for (Index l = 0; l < input.depth; l += lanes<T>) {
      const Index step = input.steps[l];
      Packet<T> right[Columns];
#pragma GCC unroll 8
      for (int j = 0; j < Columns; ++j) {
        right[j] = load(input.b + j * input.ldb + l);
      }
#pragma GCC unroll 8
      for (int i = 0; i < Rows; ++i) {
        const Packet<T> left = load(row[i] + step);
#pragma GCC unroll 8
        for (int j = 0; j < Columns; ++j) sum[i][j] = multiply_add(left, right[j], sum[i][j]);
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 8
      for (int j = 0; j < Columns; ++j) {
        T* to = output.c + c_rows[i] + j;
        T value = sum_of<T>(sum[i][j]);
        if (output.add) value += *to;
        if (output.epilogue.bias != nullptr) value += output.epilogue.bias[j];
        *to = output.epilogue.activation(value);
      }
    }
  }
}

/// The most columns that multiply_dots is the better for, and its rows: at least 8 accumulators.
inline constexpr Index most_dot_columns = 3;
template <int Columns>
inline constexpr int dot_rows = Columns == 1 ? 8 : 4;

/// C[i][j] for `count` rows and at most most_dot_columns columns.
template <class T, int Columns = 1>
void multiply_dot_rows(Index count, TileInput<T> input, TileOutput<T> output) {
  if (output.columns > Columns) {
    if constexpr (Columns < most_dot_columns) {
      multiply_dot_rows<T, Columns + 1>(count, input, output);
    }
    return;
  }
  constexpr Index rows = dot_rows<Columns>;
  const Index tiles = count / rows;
  multiply_dots<T, rows, Columns>(tiles, input, output);
  input.rows += tiles * rows;
  output.rows += tiles * rows;
  multiply_dots<T, 1, Columns>(count - tiles * rows, input, output);
}

}  // namespace nn::detail
