/// @file
/// The steps of a sequence and their features, exchanged.
#pragma once

#include <algorithm>

#include "nn/core/parallel.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/positions.hpp"
#include "nn/layers/window.hpp"

namespace nn {

/// Exchanges the axes of a sequence: y[f, t] = x[t, f], T x F to F x T. Between two of them, a
/// Dense works along the steps, with the same weights for every feature: the token mixing of
/// MLP-Mixer (Tolstikhin et al., "MLP-Mixer: an all-MLP architecture for vision", 2021):
///
///     residual(LayerNorm{}, SwapAxes{}, Dense{128}, GELU{}, Dense{steps}, SwapAxes{})
///
/// Backward: dx[t, f] = dy[f, t]. It changes what the steps are: inside of Masked, no layer that
/// needs the mask may stand between two of them.
struct SwapAxes {
  [[nodiscard]] std::string name() const { return "SwapAxes{}"; }
  void fields(Fields& fields) { fields.layer("SwapAxes"); }

  /// @throws ShapeError unless the input are rows of features.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    detail::require_rows(input);
    return {input[1], input[0]};
  }

  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    turn(context.plan->input[0], context.plan->input[1], x, y);
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    turn(context.plan->input[1], context.plan->input[0], dy, dx);
  }

 private:
  /// Samples of rows x columns to columns x rows, some columns at a time: the lines of the cache
  /// that a row of these fills are read again for the next ones.
  template <class T>
  static void turn(Index rows, Index columns, TensorView<const T> from, TensorView<T> to) {
    constexpr Index together = 16;
    const Index size = rows * columns;
    parallel_for_pieces(from.shape().front(), detail::samples_per_piece(size),
                        [&](Index begin, Index end) {
                          for (Index sample = begin; sample < end; ++sample) {
                            const T* x = from.data() + sample * size;
                            T* y = to.data() + sample * size;
                            for (Index first = 0; first < columns; first += together) {
                              const Index last = std::min(first + together, columns);
                              for (Index row = 0; row < rows; ++row) {
                                for (Index c = first; c < last; ++c)
                                  y[c * rows + row] = x[row * columns + c];
                              }
                            }
                          }
                        });
  }
};

}  // namespace nn
