/// @file
/// The one inner loop of the library: a tile of a matrix product held in registers.
///
/// Every dense layer and every pass of a convolution is a sum of outer products
///
///     C[i][j] += A[i][l] * B[l][j]       i: rows, l: depth, j: columns
///
/// in which a row of B is contiguous and A[i][l] lies at a + rows[i] + steps[l]: the address is a
/// sum of two tables. That is what lets one kernel do all of them. For a matrix the tables are
/// multiples of its leading dimension. For a convolution one table holds the pixels and the other
/// the taps (and channels) of the kernel; forward and backward-data take pixels as rows and taps as
/// depth, backward-weights the other way round. No patch of the image is ever copied out
/// ("im2col").
#ifndef NN_KERNELS_TILE_TILE_HPP
#define NN_KERNELS_TILE_TILE_HPP

#include <algorithm>
#include <array>
#include <type_traits>

#include "nn/core/activation.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/vector.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// A wide tile is two vectors across. With 16 vector registers it is 6 rows high: 12 accumulators,
/// 2 vectors of B and one broadcast element of A fill 15 of them, and each of the 12 multiply-adds
/// needs but 8 / 12 loads, below the 2 loads and 2 multiply-adds a cycle of current cores. (At
/// least 2 units x 4 cycles latency = 8 independent accumulators are needed to keep them busy.) A
/// narrow tile, for the last columns, is one vector across and 8 rows high, for the same reason.
inline constexpr int narrow_rows = 8;
inline constexpr int wide_rows = vector_registers >= 32 ? 8 : 6;
/// With 32 registers of 64 bytes two panels side by side make a tile of 4 vectors and 6 rows: 24
/// accumulators, for 11 loads. (One thread of a Sapphire Rapids, depth 144: 189 GFLOP/s by 8 rows
/// of 2 vectors, 202 by 6 of 4, of a peak of 210.)
inline constexpr bool joins_panels = vector_registers >= 32 && vector_bytes == 64;
inline constexpr int joined_rows = 6;
template <int Vectors>
inline constexpr int tile_rows = Vectors == 1   ? narrow_rows
                                 : Vectors == 4 ? joined_rows
                                                : wide_rows;

/// The columns of a wide tile.
template <class T>
inline constexpr Index panel_columns = 2 * lanes<T>;

/// The factors of a tile: A[i][l] = a[rows[i] + steps[l]], B[l][j] = b[l * ldb + j]. `b` must be
/// readable for the whole width of the tile. Of two panels, the second is `next` elements after the
/// first.
template <class T>
struct TileInput {
  const T* a;
  const Index* rows;
  const Index* steps;
  Index depth;
  const T* b;
  Index ldb;
  Index next = 0;
};

/// Where a tile goes: C[i][j] = c[rows[i] + j] for j < columns, which may be fewer than the tile
/// has. When `add`, the sums start from what is there; then the epilogue follows (a bias at least
/// as long as `columns`, from the tile's first).
template <class T>
struct TileOutput {
  T* c;
  const Index* rows;
  Index columns;
  bool add;
  Epilogue<T> epilogue;
};

/// Activation on a vector; not a number stays what it is.
template <class T>
[[nodiscard]] Packet<T> activate(const Packet<T>& x, float slope) {
  const Packet<T> zero{};
  if (slope == 0) return x < zero ? zero : x;
  return x > zero ? x : broadcast(T(slope)) * x;
}

/// What a tile does besides multiplying.
enum class Tiling {
  plain,
  packed,       ///< copies the rows of B that it reads to a panel
  channelwise,  ///< of A it reads vectors: lane j of C is the sum over l of lane j of A times B
};

/// Computes `tiles` tiles of Rows x (Vectors * lanes) elements, one below the other. All columns
/// must be wanted, unless lanes can be masked. The loops over rows and vectors are unrolled so that
/// `sum` lives in registers.
template <class T, int Rows, int Vectors, Tiling Way = Tiling::plain>
void multiply_tiles(Index tiles, const TileInput<T>& input, const TileOutput<T>& output,
                    T* panel = nullptr) {
  constexpr int n = lanes<T>;
  const Index* a_rows = input.rows;
  const Index* c_rows = output.rows;
  const T* const bias = output.epilogue.bias;
  const float slope = output.epilogue.activation.slope;
  const bool add = output.add;
  T* const c = output.c;
  FirstLanes<T> wanted[Vectors];
  for (int v = 0; v < Vectors; ++v) {
    wanted[v] = FirstLanes<T>(masks_lanes ? output.columns - v * n : n);
  }
  for (Index tile = 0; tile < tiles; ++tile, a_rows += Rows, c_rows += Rows) {
    Packet<T> sum[Rows][Vectors];
    const T* row[Rows];
#pragma GCC unroll 9
    for (int v = 0; v < Vectors; ++v) {
      const Packet<T> start = bias != nullptr ? wanted[v].load(bias + v * n) : broadcast(T(0));
#pragma GCC unroll 9
      for (int i = 0; i < Rows; ++i) sum[i][v] = start;
    }
#pragma GCC unroll 9
    for (int i = 0; i < Rows; ++i) {
      row[i] = input.a + a_rows[i];
      if (!add) continue;
#pragma GCC unroll 9
      for (int v = 0; v < Vectors; ++v) {
        sum[i][v] += wanted[v].load(c + c_rows[i] + v * n);
      }
    }

    const T* b = input.b;
#pragma GCC unroll 2
    for (Index l = 0; l < input.depth; ++l, b += input.ldb) {
      const Index step = input.steps[l];
      Packet<T> right[Vectors];
#pragma GCC unroll 9
      for (int v = 0; v < Vectors; ++v) {
        right[v] = load(Vectors == 4 ? b + v / 2 * input.next + v % 2 * n : b + v * n);
        if constexpr (Way == Tiling::packed) store(right[v], panel + (l * Vectors + v) * n);
      }
#pragma GCC unroll 9
      for (int i = 0; i < Rows; ++i) {
        const Packet<T> left =
            Way == Tiling::channelwise ? load(row[i] + step) : broadcast(row[i][step]);
#pragma GCC unroll 9
        for (int v = 0; v < Vectors; ++v) sum[i][v] = multiply_add(left, right[v], sum[i][v]);
      }
    }

#pragma GCC unroll 9
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 9
      for (int v = 0; v < Vectors; ++v) {
        if (slope != 1) sum[i][v] = activate<T>(sum[i][v], slope);
        wanted[v].store(sum[i][v], c + c_rows[i] + v * n);
      }
    }
  }
}

/// A depthwise convolution, in which no sum runs over channels: every channel of the vector at
/// a + rows[i] + steps[l] is multiplied by its own element of the vector b + l * ldb. A single row
/// would wait for each of its sums, so it joins 8 others where there are: the 9 taps of a 3x3
/// window are a tile, and the 25 of a 5x5 are three.
template <class T>
void multiply_channel_rows(Index count, TileInput<T> input, TileOutput<T> output) {
  const auto multiply = [&]<int Rows>(std::integral_constant<int, Rows> /*rows*/, Index tiles) {
    multiply_tiles<T, Rows, 1, Tiling::channelwise>(tiles, input, output);
    input.rows += tiles * Rows;
    output.rows += tiles * Rows;
    count -= tiles * Rows;
  };
  if (count > 8 && count % 8 == 1) multiply(std::integral_constant<int, 9>{}, 1);
  multiply(std::integral_constant<int, 8>{}, count / 8);
  multiply(std::integral_constant<int, 4>{}, count / 4);
  multiply(std::integral_constant<int, 1>{}, count);
}

/// Calls visit(first) for vectors of channels that cover `channels`, which are at least one vector:
/// the last overlaps the one before.
template <class T, class Visit>
void for_each_channel_vector(Index channels, Visit&& visit) {
  for (Index first = 0; first < channels; first += lanes<T>) {
    visit(std::min(first, channels - lanes<T>));
  }
}

/// Each height of a tile is compiled by itself, which takes time. With vectors of 16 bytes, those
/// of programs compiled for any processor, there are but a few heights: the highest, 4, 2 and 1.
inline constexpr bool every_height = vector_bytes > 16;
/// The next lower height that there is.
[[nodiscard]] constexpr Index lower_height(Index height) {
  return every_height ? height - 1 : height > 4 ? 4 : height / 2;
}

/// Computes tiles of one of those heights, at most Rows, known only at run time.
template <class T, int Vectors, int Rows = tile_rows<Vectors>>
void multiply_tiles_of(Index rows, Index tiles, const TileInput<T>& input,
                       const TileOutput<T>& output) {
  if (rows == Rows) {
    multiply_tiles<T, Rows, Vectors>(tiles, input, output);
  } else if constexpr (Rows > 1) {
    multiply_tiles_of<T, Vectors, lower_height(Rows)>(rows, tiles, input, output);
  }
}

/// Copies at most 2 * lanes elements.
template <class T>
void copy_columns(const T* from, Index count, T* to) {
  for (; count >= lanes<T>; count -= lanes<T>, from += lanes<T>, to += lanes<T>) {
    store(load(from), to);
  }
  copy_fewer<lanes<T> / 2>(from, count, to);
}

/// The same as multiply_tiles_of for fewer columns than a tile has: by way of a buffer, for several
/// tiles at a time.
template <class T, int Vectors>
void multiply_buffered_tiles(Index rows, Index tiles, TileInput<T> input,
                             const TileOutput<T>& output) {
  if (tiles <= 0) return;
  constexpr Index width = Vectors * lanes<T>;
  constexpr Index buffered = 8 * tile_rows<Vectors>;
  std::array<T, static_cast<std::size_t>(buffered * width)> buffer;
  std::array<T, static_cast<std::size_t>(width)> bias{};
  std::array<Index, static_cast<std::size_t>(buffered)> buffer_rows;
  const Index most = std::min(tiles, buffered / rows);
  for (Index i = 0; i < most * rows; ++i) buffer_rows[static_cast<std::size_t>(i)] = i * width;
  TileOutput<T> whole{buffer.data(), buffer_rows.data(), width, output.add, output.epilogue};
  if (output.epilogue.bias != nullptr) {
    copy_columns(output.epilogue.bias, output.columns, bias.data());
    whole.epilogue.bias = bias.data();
  }
  if (output.add) buffer.fill(T(0));
  const Index* c_rows = output.rows;
  for (Index first = 0; first < tiles; first += most) {
    const Index together = std::min(most, tiles - first);
    const Index count = together * rows;
    if (output.add) {
      for (Index i = 0; i < count; ++i) {
        copy_columns(output.c + c_rows[i], output.columns, buffer.data() + i * width);
      }
    }
    multiply_tiles_of<T, Vectors>(rows, together, input, whole);
    for (Index i = 0; i < count; ++i) {
      copy_columns(buffer.data() + i * width, output.columns, output.c + c_rows[i]);
    }
    input.rows += count;
    c_rows += count;
  }
}

/// Computes tiles whose height and number of columns are known only at run time.
template <class T, int Vectors>
void multiply_any_tiles(Index rows, Index tiles, const TileInput<T>& input,
                        const TileOutput<T>& output) {
  if (masks_lanes || output.columns == Vectors * lanes<T>) {
    multiply_tiles_of<T, Vectors>(rows, tiles, input, output);
  } else {
    multiply_buffered_tiles<T, Vectors>(rows, tiles, input, output);
  }
}

/// Divides `count` rows into as few tiles as possible, of sizes that differ by one at most: 8 rows
/// make 4 + 4, not 6 + 2, as a tile of 2 rows would leave the multiply-add units waiting. The
/// higher tiles come first.
struct RowTiling {
  Index tiles;
  Index height;  ///< of the lower tiles
  Index higher;  ///< tiles of one row more

  RowTiling(Index count, Index most_rows)
      : tiles((count + most_rows - 1) / most_rows),
        height(tiles == 0 ? 0 : count / tiles),
        higher(tiles == 0 ? 0 : count % tiles) {}
};

/// C[i][j] for `count` rows and up to Vectors * lanes columns, tile by tile.
template <class T, int Vectors>
void multiply_rows(Index count, TileInput<T> input, TileOutput<T> output) {
  const auto multiply = [&input, &output](Index height, Index tiles) {
    if (tiles > 0) multiply_any_tiles<T, Vectors>(height, tiles, input, output);
    input.rows += height * tiles;
    output.rows += height * tiles;
  };
  if constexpr (every_height) {
    const RowTiling tiling(count, tile_rows<Vectors>);
    multiply(tiling.height + 1, tiling.higher);
    multiply(tiling.height, tiling.tiles - tiling.higher);
  } else {
    for (Index height = tile_rows<Vectors>; count > 0; height = lower_height(height)) {
      multiply(height, count / height);
      count %= height;
    }
  }
}

/// The same for a panel of `width` columns: a narrow one, a wide one, or two of these.
template <class T>
void multiply_panel(Index count, Index width, const TileInput<T>& input,
                    const TileOutput<T>& output) {
  if (width == lanes<T>) {
    multiply_rows<T, 1>(count, input, output);
  } else if (joins_panels && width > panel_columns<T>) {
    if constexpr (joins_panels) multiply_rows<T, 4>(count, input, output);
  } else {
    multiply_rows<T, 2>(count, input, output);
  }
}

/// `columns` padded to whole vectors: the width of all its panels together.
template <class T>
[[nodiscard]] constexpr Index padded_columns(Index columns) {
  return (columns + lanes<T> - 1) / lanes<T> * lanes<T>;
}

/// Calls visit(first, columns, width) for each panel of a matrix of `columns` columns: 2 * lanes
/// wide but for a last one of `lanes` when so many are enough.
template <class T, class Visit>
void for_each_panel(Index columns, Visit&& visit) {
  for (Index first = 0; first < columns; first += panel_columns<T>) {
    const Index left = columns - first;
    visit(first, std::min(left, panel_columns<T>),
          left > lanes<T> ? panel_columns<T> : Index{lanes<T>});
  }
}

/// The same, two whole wide panels together where they make a tile; `width` is then that of both.
template <class T, class Visit>
void for_each_joined_panel(Index columns, Visit&& visit) {
  constexpr Index both = 2 * panel_columns<T>;
  Index first = 0;
  for (; joins_panels && first + both <= columns; first += both) visit(first, both, both);
  for_each_panel<T>(columns - first,
                    [&](Index at, Index used, Index width) { visit(first + at, used, width); });
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_TILE_TILE_HPP
