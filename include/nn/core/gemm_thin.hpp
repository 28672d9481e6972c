/// @file
/// Matrix products with a single row or very few columns.
#pragma once

#include <algorithm>
#include <array>

#include "nn/core/gemm_blocks.hpp"
#include "nn/core/tile_dots.hpp"

namespace nn::detail {

/// A single row of C: a sum of rows of B, too little work to copy anything. Eight vectors of
/// columns at a time are enough accumulators, and read B in long pieces.
template <class T>
void multiply_single_row(const GemmProblem<T>& p) {
  constexpr Index wide = 8 * lanes<T>;
  constexpr Index block = 256;
  std::array<Index, block> steps;
  const Index step = p.transpose_a ? p.lda : 1;
  for (Index l = 0; l < block; ++l) steps[static_cast<std::size_t>(l)] = l * step;
  const Index zero = 0;
  for (Index first = 0; first < p.n;) {
    const Index left = p.n - first;
    const Index width = left >= wide ? wide : left >= panel_columns<T> ? panel_columns<T> : left;
    Index k0 = 0;
    do {
      const Index depth = std::min(block, p.k - k0);
      Epilogue<T> epilogue;
      if (k0 == 0 && p.epilogue.bias != nullptr) epilogue.bias = p.epilogue.bias + first;
      if (k0 + depth >= p.k) epilogue.activation = p.epilogue.activation;
      const T* b = p.b + k0 * p.ldb + first;
      const TileInput<T> input{p.a + k0 * step, &zero, steps.data(), depth, b, p.ldb};
      const TileOutput<T> output{p.c + first, &zero, width, p.accumulate || k0 > 0, epilogue};
      if (width == wide) {
        multiply_tiles<T, 1, 8>(1, input, output);
      } else if (width == panel_columns<T>) {
        multiply_tiles<T, 1, 2>(1, input, output);
      } else {
        std::array<T, static_cast<std::size_t>(block * panel_columns<T>)> tail;
        pack_rows(depth, width, panel_columns<T>, b, p.ldb, tail.data());
        multiply_narrower_tiles<T, 2>(
            1, 1, {input.a, &zero, steps.data(), depth, tail.data(), panel_columns<T>}, output);
      }
      k0 += block;
    } while (k0 < p.k);
    first += width;
  }
}

/// Up to three columns, rows of A contiguous: dot products, with the columns of B packed, and what
/// is left of k after whole vectors packed with zeros.
template <class T>
void multiply_few_columns(const GemmProblem<T>& p) {
  constexpr Index block = 512;
  std::array<T, static_cast<std::size_t>(block * most_dot_columns)> columns;
  std::array<Index, block> steps;
  for (Index l = 0; l < block; ++l) steps[static_cast<std::size_t>(l)] = l;
  constexpr Index tile = 8;
  std::array<Index, tile> a_rows;
  std::array<Index, tile> c_rows;
  for (Index i = 0; i < tile; ++i) {
    a_rows[static_cast<std::size_t>(i)] = i * p.lda;
    c_rows[static_cast<std::size_t>(i)] = i * p.ldc;
  }
  for (Index k0 = 0; k0 < p.k; k0 += block) {
    const Index depth = std::min(block, p.k - k0);
    const Index whole = depth / lanes<T> * lanes<T>;
    for (Index j = 0; j < p.n; ++j) {
      for (Index l = 0; l < depth; ++l) {
        columns[static_cast<std::size_t>(j * block + l)] =
            p.transpose_b ? p.b[j * p.ldb + k0 + l] : p.b[(k0 + l) * p.ldb + j];
      }
    }
    for (Index row = 0; row < p.m; row += tile) {
      const Index rows = std::min(tile, p.m - row);
      T* c = p.c + row * p.ldc;
      const T* a = p.a + row * p.lda + k0;
      multiply_dot_rows<T>(rows, {a, a_rows.data(), steps.data(), whole, columns.data(), block},
                           {c, c_rows.data(), p.n, p.accumulate || k0 > 0, {}});
      for (Index i = 0; i < rows; ++i) {
        for (Index j = 0; j < p.n; ++j) {
          T& sum = c[i * p.ldc + j];
          for (Index l = whole; l < depth; ++l) {
            sum += a[i * p.lda + l] * columns[static_cast<std::size_t>(j * block + l)];
          }
          if (k0 + depth < p.k) continue;
          if (p.epilogue.bias != nullptr) sum += p.epilogue.bias[j];
          sum = p.epilogue.activation(sum);
        }
      }
    }
  }
}

}  // namespace nn::detail
