/// @file
/// Recurrent layers in both directions.
#pragma once

#include "nn/layers/concat.hpp"

namespace nn {

/// Two layers like `layer`, an LSTM or a GRU, which read the sequence from both ends (Schuster and
/// Paliwal, "Bidirectional recurrent neural networks", 1997). Their outputs stand side by side, the
/// forward one's first: 2 units, or steps x 2 units with `return_sequence`, where both belong to
/// the same step. Without it they are the states after the last step and, backward, after the
/// first.
///
///     sequential(bidirectional(LSTM{.units = 64, .return_sequence = true}),
///                bidirectional(LSTM{.units = 64}), Dense{10})
///
/// A file has them as two layers, "0.0" and "0.1". PyTorch's has one, whose names it takes with
/// `.names = {{"0.0", "0"}, {"0.1", "0"}}`.
template <class L>
[[nodiscard]] constexpr Concat<L, L> bidirectional(const L& layer) {
  L forward(layer);
  L backward(layer);
  forward.reverse = false;
  backward.reverse = true;
  return concat(forward, backward);
}

}  // namespace nn
