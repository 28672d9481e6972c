/// @file
/// How layers are run: as they are, or piece by piece where processes share a batch.
#pragma once

#include "nn/core/parallel.hpp"
#include "nn/layers/layer.hpp"

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

/// The context of a layer for a piece, which is to it a batch of its own.
template <class T>
[[gnu::cold, gnu::noinline]] [[nodiscard]] Context<T> context_of_piece(const Context<T>& whole,
                                                                       Index piece) {
  const BatchSharing& sharing = *whole.sharing;
  Context<T> context = whole;
  context.sharing = nullptr;
  context.first_sample = sharing.first_sample() + sharing.begin(piece);
  context.accumulate = false;
  context.mask = whole.mask.from(sharing.begin(piece));
  if (whole.piece_gradients != nullptr) {
    context.gradient_block = whole.piece_gradients + sharing.block(piece) * whole.parameter_count;
  }
  return context;
}

/// A pass of a layer over a batch, or over the piece that it is at.
template <class T>
struct Pass {
  Context<T> context;
  TensorView<const T> x;
  TensorView<const T> y;
  TensorView<const T> dy;
  TensorView<T> result;  ///< y or dx
};

template <class Element>
[[nodiscard]] TensorView<Element> piece_of(TensorView<Element> samples, const BatchSharing& sharing,
                                           Index piece) {
  if (samples.empty()) return samples;
  const Index begin = sharing.begin(piece);
  return samples.samples(begin, sharing.begin(piece + 1) - begin);
}

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

/// After a piece: adds up the gradients of this layer's parameters as far as the tree goes.
template <class T>
[[gnu::cold, gnu::noinline]] void join_gradients(const Context<T>& context, Index piece) {
  const std::vector<Variable>& parameters = context.plan->parameters;
  if (!context.wants_gradients() || parameters.empty()) return;
  const BatchSharing& sharing = *context.sharing;
  const Index first = parameters.front().offset;
  const Index size = parameters.back().offset + parameters.back().shape.size() - first;
  T* last = context.piece_gradients + sharing.block(piece) * context.parameter_count + first;
  for (Index join = 0; join < sharing.joins(piece); ++join, last -= context.parameter_count) {
    T* const before = last - context.parameter_count;
    const T* const added = last;
    parallel_for_pieces(size, Index{1} << 15U, [before, added](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) before[i] += added[i];
    });
  }
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
