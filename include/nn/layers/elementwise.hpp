/// @file
/// Loops over all elements of a tensor, for activations.
#pragma once

#include "nn/core/parallel.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/layer.hpp"

namespace nn::detail {

/// Elements of a piece of work: whole vectors.
inline constexpr Index elements_per_piece = Index{1} << 13;

/// y = f(x) over a whole tensor, on several threads.
template <class T, class F>
void map_elements(TensorView<const T> x, TensorView<T> y, const F& f) {
  parallel_for_pieces(x.size(), elements_per_piece, [&](Index begin, Index end) {
    detail::map_values<T>(f, end - begin, x.data() + begin, y.data() + begin);
  });
}

/// dx = dy * (f's derivative) over a whole tensor, on several threads, as f reads it off `at`. Does
/// nothing when dx is not wanted. dx may be dy.
template <class T, class F>
void map_gradients(const Context<T>& context, TensorView<const T> at, TensorView<const T> dy,
                   TensorView<T> dx, const F& f) {
  if (!context.wants_input_gradient) return;
  parallel_for_pieces(dy.size(), elements_per_piece, [&](Index begin, Index end) {
    detail::map_gradients<T>(f, end - begin, at.data() + begin, dy.data() + begin,
                             dx.data() + begin);
  });
}

}  // namespace nn::detail
