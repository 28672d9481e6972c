/// @file
/// Products in blocks of their depth, and copies of matrices in the order in which the tiles
/// read them.
#ifndef NN_KERNELS_TILE_PACK_HPP
#define NN_KERNELS_TILE_PACK_HPP

#include <algorithm>

#include "nn/kernels/convolution/gather.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/tile/tile.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// The depth of a panel of B: 2 vectors of columns, packed by its first tile and read again for
/// every tile below, should stay in the level-1 cache: 320 x 16 floats are 20 KiB of 32, 320 x 32
/// are 40 of 48.
template <class T>
inline constexpr Index most_depth = 1280 / static_cast<Index>(sizeof(T));

/// Cuts the depth of a sum into blocks of about the same size, `most` or less, and calls
/// visit(first, size, add, epilogue) for each: later ones add to what is there, the first one has
/// the bias and the last one the activation. At least once: a sum of nothing still has an epilogue.
template <class T, class Visit>
void for_each_depth_block(Index depth, Index most, bool add, const Epilogue<T>& epilogue,
                          Visit&& visit) {
  const Index blocks = std::max<Index>(1, divide_up(depth, most));
  const Index size = divide_up(depth, blocks);
  for (Index block = 0; block < blocks; ++block) {
    const Index first = block * size;
    visit(first, std::min(size, depth - first), add || block > 0,
          Epilogue<T>{block == 0 ? epilogue.bias : nullptr,
                      block + 1 == blocks ? epilogue.activation : Activation{}});
  }
}

/// The same for a panel of `width` columns, or for two panels, which share that cache.
template <class T>
[[nodiscard]] constexpr Index depth_for(Index width) {
  return width > panel_columns<T> ? most_depth<T> / 2 : most_depth<T>;
}

/// Where column `first` of a matrix of `depth` rows starts in its packed panels.
[[nodiscard]] constexpr Index panel_offset(Index first, Index depth) { return first * depth; }

/// Copies `depth` rows of `columns` elements, `ldb` apart, into a panel of `width` columns. Padding
/// columns are unspecified; no tile stores them.
template <class T>
void pack_rows(Index depth, Index columns, Index width, const T* b, Index ldb, T* panel) {
  // Rows of which whole vectors can be read without reading beyond the last element of the last
  // row.
  const Index beyond = width - columns;
  const Index safe =
      beyond == 0 ? depth : std::max<Index>(0, depth - 1 - beyond / std::max<Index>(1, ldb));
  if (width == panel_columns<T>) {
    for (Index l = 0; l < safe; ++l, b += ldb, panel += panel_columns<T>) {
      store(load(b), panel);
      store(load(b + lanes<T>), panel + lanes<T>);
    }
  } else {
    for (Index l = 0; l < safe; ++l, b += ldb, panel += lanes<T>) {
      store(load(b), panel);
    }
  }
  for (Index l = safe; l < depth; ++l, b += ldb, panel += width) {
    for (Index j = 0; j < width; j += lanes<T>) {
      store(load_some(b + j, columns - j), panel + j);
    }
  }
}

/// The same for a matrix stored transposed: column j of the panel is the row b + j * ldb. A part of
/// a register of so many columns at a time, turned in it with the other parts.
template <class T>
void pack_columns(Index depth, Index columns, Index width, const T* b, Index ldb, T* panel) {
  constexpr int part = lanes_of_part<T>;
  const Index turned = depth / part * part;
  for (Index j = 0; j < width; j += lanes<T>) {
    const Index count = std::min<Index>(lanes<T>, columns - j);
    for (Index l = 0; l < turned; l += part) {
      Packet<T> rows[part];
      load_transposed(b + j * ldb + l, ldb, count, rows);
#pragma GCC unroll 4
      for (int i = 0; i < part; ++i) store(rows[i], panel + (l + i) * width + j);
    }
    for (Index l = turned; l < depth; ++l) {
      for (Index i = 0; i < count; ++i) panel[l * width + j + i] = b[(j + i) * ldb + l];
    }
  }
}

/// Copies `depth` rows of `panels` wide panels each. Row by row, as long reads are fetched ahead,
/// and the rows may lie a page apart.
template <class T>
void pack_whole_panels(Index depth, Index panels, const T* b, Index ldb, T* packed) {
  const Index pitch = panel_offset(panel_columns<T>, depth);
  for (Index l = 0; l < depth; ++l, b += ldb, packed += panel_columns<T>) {
    const T* from = b;
    T* to = packed;
    for (Index panel = 0; panel < panels; ++panel, from += panel_columns<T>, to += pitch) {
      store(load(from), to);
      store(load(from + lanes<T>), to + lanes<T>);
    }
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_TILE_PACK_HPP
