/// @file
/// Copies of matrices in the order in which the tiles read them.
#pragma once

#include <algorithm>
#include <array>

#include "nn/core/tile.hpp"

namespace nn::detail {

/// The first `count` elements, as many as there are; the rest of the vector is zero.
template <class T>
[[nodiscard]] Packet<T> load_some(const T* from, Index count) {
  if (count >= lanes<T>) return Eigen::internal::ploadu<Packet<T>>(from);
  std::array<T, static_cast<std::size_t>(lanes<T>)> padded{};
  if (count > 0) copy_fewer<lanes<T> / 2>(from, count, padded.data());
  return Eigen::internal::ploadu<Packet<T>>(padded.data());
}

/// Stores the first `count` elements, as many as there are.
template <class T>
void store_some(const Packet<T>& x, Index count, T* to) {
  if (count >= lanes<T>) return Eigen::internal::pstoreu(to, x);
  std::array<T, static_cast<std::size_t>(lanes<T>)> elements;
  Eigen::internal::pstoreu(elements.data(), x);
  copy_fewer<lanes<T> / 2>(elements.data(), count, to);
}

/// Where column `first` of a matrix of `depth` rows starts in its packed panels.
[[nodiscard]] constexpr Index panel_offset(Index first, Index depth) { return first * depth; }

/// Copies `depth` rows of `columns` elements, `ldb` apart, into a panel of `width` columns. What
/// the panel holds beyond `columns` is of no consequence: a tile never stores those columns.
template <class T>
void pack_rows(Index depth, Index columns, Index width, const T* b, Index ldb, T* panel) {
  namespace packet = Eigen::internal;
  // Rows of which whole vectors can be read without reading beyond the last element of the last
  // row.
  const Index beyond = width - columns;
  const Index safe =
      beyond == 0 ? depth : std::max<Index>(0, depth - 1 - beyond / std::max<Index>(1, ldb));
  if (width == panel_columns<T>) {
    for (Index l = 0; l < safe; ++l, b += ldb, panel += panel_columns<T>) {
      packet::pstoreu(panel, packet::ploadu<Packet<T>>(b));
      packet::pstoreu(panel + lanes<T>, packet::ploadu<Packet<T>>(b + lanes<T>));
    }
  } else {
    for (Index l = 0; l < safe; ++l, b += ldb, panel += lanes<T>) {
      packet::pstoreu(panel, packet::ploadu<Packet<T>>(b));
    }
  }
  for (Index l = safe; l < depth; ++l, b += ldb, panel += width) {
    for (Index j = 0; j < width; j += lanes<T>) {
      packet::pstoreu(panel + j, load_some(b + j, columns - j));
    }
  }
}

// A vector type as a template argument loses an attribute that does not matter here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
/// lanes<T> vectors, to be transposed in registers.
template <class T>
struct Square {
  Eigen::internal::PacketBlock<Packet<T>, lanes<T>> rows;
};
#pragma GCC diagnostic pop

/// The same for a matrix stored transposed: column j of the panel is the row b + j * ldb. Squares
/// of lanes x lanes are turned in registers.
template <class T>
void pack_columns(Index depth, Index columns, Index width, const T* b, Index ldb, T* panel) {
  namespace packet = Eigen::internal;
  constexpr int n = lanes<T>;
  for (Index j = 0; j < width; j += n) {
    Index l = 0;
    if (j + n <= columns) {
      for (; l + n <= depth; l += n) {
        Square<T> square;
#pragma GCC unroll 16
        for (int i = 0; i < n; ++i) {
          square.rows.packet[i] = packet::ploadu<Packet<T>>(b + (j + i) * ldb + l);
        }
        packet::ptranspose(square.rows);
#pragma GCC unroll 16
        for (int i = 0; i < n; ++i) {
          packet::pstoreu(panel + (l + i) * width + j, square.rows.packet[i]);
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
  namespace packet = Eigen::internal;
  const Index pitch = panel_offset(panel_columns<T>, depth);
  for (Index l = 0; l < depth; ++l, b += ldb, packed += panel_columns<T>) {
    const T* from = b;
    T* to = packed;
    for (Index panel = 0; panel < panels; ++panel, from += panel_columns<T>, to += pitch) {
      packet::pstoreu(to, packet::ploadu<Packet<T>>(from));
      packet::pstoreu(to + lanes<T>, packet::ploadu<Packet<T>>(from + lanes<T>));
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
