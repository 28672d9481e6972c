/// @file
/// Loops over all elements of a tensor, for activations.
#pragma once

#include "nn/core/eigen.hpp"
#include "nn/core/parallel.hpp"
#include "nn/layers/layer.hpp"

namespace nn::detail {

/// How many elements are taken at a time. Eigen computes a block with whole vector registers, the
/// last, unfilled block too: so a value never depends on where in a batch it stands.
inline constexpr Index block_size = 32;

template <class T>
using Block = Eigen::Array<T, block_size, 1>;

/// Elements of a piece of work: a multiple of `block_size`.
inline constexpr Index elements_per_piece = Index{1} << 13;

/// y = f(x), block by block: f changes a block in place. y may be x.
template <class T, class F>
void map_blocks(Index count, const T* x, T* y, const F& f) {
  Block<T> block = Block<T>::Zero();
  for (Index i = 0; i < count; i += block_size) {
    const Index filled = std::min(block_size, count - i);
    std::copy_n(x + i, filled, block.data());
    f(block);
    std::copy_n(block.data(), filled, y + i);
  }
}

/// y = f(x) over a whole tensor, on several threads.
template <class T, class F>
void map_elements(TensorView<const T> x, TensorView<T> y, const F& f) {
  parallel_for_pieces(x.size(), elements_per_piece, [&](Index begin, Index end) {
    map_blocks(end - begin, x.data() + begin, y.data() + begin, f);
  });
}

/// dx = f(at, dy) over a whole tensor, on several threads: f(at block, block) changes the second
/// from dy to dx. Does nothing when dx is not wanted. dx may be dy.
template <class T, class F>
void map_gradients(const Context<T>& context, TensorView<const T> at, TensorView<const T> dy,
                   TensorView<T> dx, const F& f) {
  if (!context.wants_input_gradient) return;
  parallel_for_pieces(dy.size(), elements_per_piece, [&](Index begin, Index end) {
    Block<T> points = Block<T>::Zero();
    Block<T> gradients = Block<T>::Zero();
    for (Index i = begin; i < end; i += block_size) {
      const Index filled = std::min(block_size, end - i);
      std::copy_n(at.data() + i, filled, points.data());
      std::copy_n(dy.data() + i, filled, gradients.data());
      f(points, gradients);
      std::copy_n(gradients.data(), filled, dx.data() + i);
    }
  });
}

}  // namespace nn::detail
