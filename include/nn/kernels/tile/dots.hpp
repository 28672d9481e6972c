/// @file
/// The inner loop of sums across lanes.
#ifndef NN_KERNELS_TILE_DOTS_HPP
#define NN_KERNELS_TILE_DOTS_HPP

#include <algorithm>
#include <array>
#include <cstring>

#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/shuffle.hpp"
#include "nn/kernels/tile/tile.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// The other way to use the registers, for up to `most_dots` columns: vectors run along the depth,
/// which must be a whole number of them, as must every contiguous run of it in `steps`; B is
/// given transposed, column j at b + j * ldb. No lane is idle, but every sum must be added across.
///
/// Whatever the vectors, a sum has sum_lanes lanes: element l of the depth goes to lane
/// l % sum_lanes, so the depth must be a multiple of that. In the end neighbouring lanes are added,
/// then the neighbours of these sums, until there is one.
template <class T, int Rows, int Columns>
void multiply_dots(Index tiles, const TileInput<T>& input, const TileOutput<T>& output) {
  const Index* a_rows = input.rows;
  const Index* c_rows = output.rows;
  const T* const bias = output.epilogue.bias;
  const Activation activation = output.epilogue.activation;
  const bool plain = !output.add && output.epilogue.is_identity();
  constexpr int vectors = sum_lanes<T> / lanes<T>;
  // A single column has registers for all lanes; of more, one vector of lanes goes after the other.
  constexpr int together = Columns == 1 ? vectors : 1;
  for (Index tile = 0; tile < tiles; ++tile, a_rows += Rows, c_rows += Rows) {
    Packet<T> sums[Rows][Columns][vectors];
    for (int v0 = 0; v0 < vectors; v0 += together) {
      Packet<T> sum[Rows][Columns][together];
      const T* row[Rows];
#pragma GCC unroll 8
      for (int i = 0; i < Rows; ++i) {
        row[i] = input.a + a_rows[i];
#pragma GCC unroll 8
        for (int j = 0; j < Columns; ++j) {
#pragma GCC unroll 8
          for (int v = 0; v < together; ++v) sum[i][j][v] = broadcast(T(0));
        }
      }
      for (Index first = v0 * lanes<T>; first < input.depth; first += sum_lanes<T>) {
#pragma GCC unroll 8
        for (int v = 0; v < together; ++v) {
          const Index l = first + v * lanes<T>;
          const Index step = input.steps[l];
          Packet<T> right[Columns];
#pragma GCC unroll 8
          for (int j = 0; j < Columns; ++j) right[j] = load(input.b + j * input.ldb + l);
#pragma GCC unroll 8
          for (int i = 0; i < Rows; ++i) {
            const Packet<T> left = load(row[i] + step);
#pragma GCC unroll 8
            for (int j = 0; j < Columns; ++j) {
              sum[i][j][v] = multiply_add(left, right[j], sum[i][j][v]);
            }
          }
        }
      }
#pragma GCC unroll 8
      for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 8
        for (int j = 0; j < Columns; ++j) {
#pragma GCC unroll 8
          for (int v = 0; v < together; ++v) sums[i][j][v0 + v] = sum[i][j][v];
        }
      }
    }
    std::array<T, static_cast<std::size_t>(Rows * Columns * vectors + lanes<T>)> totals;
    add_lanes<T, Rows * Columns>(&sums[0][0][0], totals.data());
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
      T* const total = totals.data() + i * Columns;
      T* const to = output.c + c_rows[i];
      if (!plain) {
        for (int j = 0; output.add && j < Columns; ++j) total[j] += to[j];
        for (int j = 0; bias != nullptr && j < Columns; ++j) total[j] += bias[j];
        for (int j = 0; j < Columns; ++j) total[j] = activation(total[j]);
      }
      std::memcpy(to, total, Columns * sizeof(T));
    }
  }
}

/// The rows of a product of dots: at least 8 accumulators, and as many as fit into the registers.
template <class T, int Columns>
inline constexpr int dot_rows = Columns == 1   ? std::max(1, 8 * lanes<T> / sum_lanes<T>)
                                : Columns <= 3 ? 4
                                               : (3 * vector_registers / 4) / Columns;

/// C[i][j] for `count` rows and at most Most columns.
template <class T, Index Most, int Columns = 1>
void multiply_dot_rows(Index count, TileInput<T> input, TileOutput<T> output) {
  if (output.columns > Columns) {
    if constexpr (Columns < Most) multiply_dot_rows<T, Most, Columns + 1>(count, input, output);
    return;
  }
  constexpr Index rows = dot_rows<T, Columns>;
  const Index tiles = count / rows;
  multiply_dots<T, rows, Columns>(tiles, input, output);
  if constexpr (rows > 1) {
    input.rows += tiles * rows;
    output.rows += tiles * rows;
    multiply_dots<T, 1, Columns>(count - tiles * rows, input, output);
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_TILE_DOTS_HPP
