/// @file
/// Copies of matrices in the order in which the tiles read them.
#pragma once

#include <algorithm>

#include "nn/core/tile.hpp"

namespace nn::detail {

/// Where column `first` of a matrix of `depth` rows starts in its packed panels.
[[nodiscard]] constexpr Index panel_offset(Index first, Index depth) { return first * depth; }

/// Copies `depth` rows of `columns` elements, `ldb` apart, into a panel of `width` columns. What
/// the panel holds beyond `columns` is of no consequence: a tile never stores those columns.
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

/// The same for a matrix stored transposed: column j of the panel is the row b + j * ldb. Squares
/// of lanes x lanes are turned in registers.
template <class T>
void pack_columns(Index depth, Index columns, Index width, const T* b, Index ldb, T* panel) {
  constexpr int n = lanes<T>;
  for (Index j = 0; j < width; j += n) {
    Index l = 0;
    if (j + n <= columns) {
      for (; l + n <= depth; l += n) {
        Packet<T> square[n];
#pragma GCC unroll 16
        for (int i = 0; i < n; ++i) {
          square[i] = load(b + (j + i) * ldb + l);
        }
        transpose<T>(square);
#pragma GCC unroll 16
        for (int i = 0; i < n; ++i) {
          store(square[i], panel + (l + i) * width + j);
        }
      }
    }
    for (; l < depth; ++l) {
      for (Index i = j; i < j + n; ++i) panel[l * width + i] = i < columns ? b[i * ldb + l] : T(0);
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

/// Packs a block of op(B), depth x columns, into panels for wide and narrow tiles; takes depth *
/// padded_columns(columns) elements.
template <class T>
void pack_panels(bool transposed, Index depth, Index columns, const T* b, Index ldb, T* packed) {
  const Index whole = transposed ? 0 : columns / panel_columns<T>;
  pack_whole_panels(depth, whole, b, ldb, packed);
  b += whole * panel_columns<T>;
  packed += panel_offset(whole * panel_columns<T>, depth);
  for_each_panel<T>(columns - whole * panel_columns<T>, [&](Index first, Index used, Index width) {
    T* panel = packed + panel_offset(first, depth);
    if (transposed) {
      pack_columns(depth, used, width, b + first * ldb, ldb, panel);
    } else {
      pack_rows(depth, used, width, b + first, ldb, panel);
    }
  });
}

}  // namespace nn::detail
