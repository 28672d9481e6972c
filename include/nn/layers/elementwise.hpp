/// @file
/// Loops over all elements of a tensor, for activations.
#pragma once

#include "nn/core/parallel.hpp"
#include "nn/kernels/simd/lanes.hpp"
#include "nn/kernels/simd/math.hpp"
#include "nn/layers/layer.hpp"

namespace nn::detail {

/// Elements of a piece of work: whole vectors.
inline constexpr Index elements_per_piece = Index{1} << 13;

/// y = f(x): f maps a vector, lane by lane, so that a value never depends on where in a batch it
/// stands. y may be x.
template <class T, class F>
void map_vectors(Index count, const T* x, T* y, const F& f) {
  for_each_long_vector<T>(
      count, [&](Index i, const auto& some) { some.store(f(some.load(x + i)), y + i); });
}

/// y = f(x) over a whole tensor, on several threads.
template <class T, class F>
void map_elements(TensorView<const T> x, TensorView<T> y, const F& f) {
  parallel_for_pieces(x.size(), elements_per_piece, [&](Index begin, Index end) {
    map_vectors(end - begin, x.data() + begin, y.data() + begin, f);
  });
}

/// dx = f(at, dy) over a whole tensor, on several threads. Does nothing when dx is not wanted. dx
/// may be dy.
template <class T, class F>
void map_gradients(const Context<T>& context, TensorView<const T> at, TensorView<const T> dy,
                   TensorView<T> dx, const F& f) {
  if (!context.wants_input_gradient) return;
  parallel_for_pieces(dy.size(), elements_per_piece, [&](Index begin, Index end) {
    for_each_long_vector<T>(end - begin, [&](Index i, const auto& some) {
      const Index from = begin + i;
      some.store(f(some.load(at.data() + from), some.load(dy.data() + from)), dx.data() + from);
    });
  });
}

}  // namespace nn::detail
