/// @file
/// The inner loop of convolutions of few filters, whose vectors run along the pixels of a row.
#ifndef NN_KERNELS_TILE_PLANES_HPP
#define NN_KERNELS_TILE_PLANES_HPP

#include <algorithm>

#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/tile/tile.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// C[f][p] = sum over l of weights[f * filter_pitch + weight_steps[l]] * x[at + steps[l]], for
/// vectors of pixels p that begin at the given places of `x` and of the plane f of `planes`.
template <class T>
struct PlanesProduct {
  const T* weights;
  Index filter_pitch;
  const Index* weight_steps;
  const T* x;
  const Index* steps;
  Index depth;
  const Index* from;  ///< where the vectors of pixels begin in x
  const Index* to;    ///< ... and in a plane
  T* planes;
  Index plane;             ///< elements from one plane to the next
  Epilogue<T> epilogue{};  ///< its bias has one value a filter

  /// The filters from `first` on.
  [[nodiscard]] PlanesProduct after(Index first) const {
    PlanesProduct rest = *this;
    rest.weights += first * filter_pitch;
    rest.planes += first * plane;
    rest.epilogue = epilogue.from(first);
    return rest;
  }
};

/// Vectors of pixels in a tile: with the filters at most 12 accumulators of 16 registers, or 18 of
/// 32.
inline constexpr int plane_vectors = vector_registers >= 32 ? 3 : 2;
inline constexpr int plane_filters = 6;

/// Computes `tiles` tiles of Filters x plane_vectors.
template <class T, int Filters>
void multiply_planes(Index tiles, const PlanesProduct<T>& p) {
  constexpr int vectors = plane_vectors;
  const T* const bias = p.epilogue.bias;
  const float slope = p.epilogue.activation.slope;
  const T* weight[Filters];
  for (int f = 0; f < Filters; ++f) weight[f] = p.weights + f * p.filter_pitch;
  const Index* from = p.from;
  const Index* to = p.to;
  for (Index tile = 0; tile < tiles; ++tile, from += vectors, to += vectors) {
    Packet<T> sum[Filters][vectors];
    const T* x[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) x[v] = p.x + from[v];
#pragma GCC unroll 8
    for (int f = 0; f < Filters; ++f) {
      const Packet<T> start = broadcast(bias == nullptr ? T(0) : bias[f]);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) sum[f][v] = start;
    }
    for (Index l = 0; l < p.depth; ++l) {
      const Index step = p.steps[l];
      const Index weight_step = p.weight_steps[l];
      Packet<T> right[vectors];
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) right[v] = load(x[v] + step);
#pragma GCC unroll 8
      for (int f = 0; f < Filters; ++f) {
        const Packet<T> left = broadcast(weight[f][weight_step]);
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v) sum[f][v] = multiply_add(left, right[v], sum[f][v]);
      }
    }
#pragma GCC unroll 8
    for (int f = 0; f < Filters; ++f) {
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) {
        if (slope != 1) sum[f][v] = activate<T>(sum[f][v], slope);
        store(sum[f][v], p.planes + f * p.plane + to[v]);
      }
    }
  }
}

/// The same for `filters` filters, at most plane_filters at a time.
template <class T, int Filters = plane_filters>
void multiply_filters(Index filters, Index tiles, const PlanesProduct<T>& product) {
  if (filters > Filters) {
    const Index first = filters / 2;
    multiply_filters<T>(first, tiles, product);
    multiply_filters<T>(filters - first, tiles, product.after(first));
  } else if (filters == Filters) {
    multiply_planes<T, Filters>(tiles, product);
  } else if constexpr (Filters > 1) {
    multiply_filters<T, Filters - 1>(filters, tiles, product);
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_TILE_PLANES_HPP
