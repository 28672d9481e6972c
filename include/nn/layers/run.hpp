/// @file
/// How layers are run: as they are, or piece by piece where processes share a batch.
#pragma once

#include "nn/layers/layer.hpp"
#include "nn/layers/pieces.hpp"

namespace nn {

namespace detail {

/// @{ Tells the observer, whose arithmetic is the caller's.
template <class T>
[[gnu::cold, gnu::noinline]] void tell_before(const Context<T>& context, bool is_backward) {
  const CallersArithmetic arithmetic;
  context.observer->before(*context.plan, is_backward);
}
template <class T>
[[gnu::cold, gnu::noinline]] void tell_after(const Context<T>& context, bool is_backward,
                                             TensorView<const T> result) {
  const CallersArithmetic arithmetic;
  context.observer->after(*context.plan, is_backward, result);
}
/// @}

/// A pass of a layer over a batch, or over the piece that it is at.
template <class T>
struct Pass {
  Context<T> context;
  TensorView<const T> x;
  TensorView<const T> y;
  TensorView<const T> dy;
  TensorView<T> result;  ///< y or dx
};

/// Goes to a piece of the whole pass.
template <class T>
[[gnu::cold, gnu::noinline]] void take_piece(const Pass<T>& whole, Index piece, Pass<T>& pass) {
  const BatchSharing& sharing = *whole.context.sharing;
  pass.context = context_of_piece(whole.context, piece);
  const Index kept = whole.context.kept.bytes_left() / sharing.pieces();
  pass.context.kept = Arena(whole.context.kept.data() + piece * kept, kept);
  pass.x = piece_of(whole.x, sharing, piece);
  pass.y = piece_of(whole.y, sharing, piece);
  pass.dy = piece_of(whole.dy, sharing, piece);
  pass.result = piece_of(whole.result, sharing, piece);
}

/// How often a layer is run for a pass: once, or once for each piece.
template <class T>
[[nodiscard]] Index runs(const Context<T>& context) {
  return context.sharing != nullptr && context.plan->is_cut() ? context.sharing->pieces() : 0;
}

}  // namespace detail

/// Runs the layer forward, telling the observer.
template <class T, class L>
[[gnu::noinline]] void run_forward(const L& layer, const Context<T>& context, TensorView<const T> x,
                                   TensorView<T> y) {
  if (context.observer != nullptr) detail::tell_before(context, false);
  const detail::Pass<T> whole{context, x, {}, {}, y};
  detail::Pass<T> pass = whole;
  const Index pieces = detail::runs(context);
  Index piece = 0;
  do {
    if (pieces > 0) detail::take_piece(whole, piece, pass);
    layer.forward(pass.context, pass.x, pass.result);
  } while (++piece < pieces);
  if (context.observer != nullptr) detail::tell_after<T>(context, false, y);
}

/// Runs the layer backward, telling the observer.
template <class T, class L>
[[gnu::noinline]] void run_backward(const L& layer, const Context<T>& context,
                                    TensorView<const T> x, TensorView<const T> y,
                                    TensorView<const T> dy, TensorView<T> dx) {
  if (context.observer != nullptr) detail::tell_before(context, true);
  const detail::Pass<T> whole{context, x, y, dy, dx};
  detail::Pass<T> pass = whole;
  const Index pieces = detail::runs(context);
  Index piece = 0;
  do {
    if (pieces > 0) detail::take_piece(whole, piece, pass);
    layer.backward(pass.context, pass.x, pass.y, pass.dy, pass.result);
    if (pieces > 0) detail::join_gradients(context, piece);
  } while (++piece < pieces);
  if (context.observer != nullptr) detail::tell_after<T>(context, true, dx);
}

}  // namespace nn
