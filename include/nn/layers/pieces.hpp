/// @file
/// The pieces of a batch that processes share, for layers that are given all of them at once.
#pragma once

#include <algorithm>
#include <vector>

#include "nn/core/parallel.hpp"
#include "nn/layers/layer.hpp"

namespace nn::detail {

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
  context.carried = whole.carried.from(sharing.begin(piece));
  if (whole.piece_gradients != nullptr) {
    context.gradient_block = whole.piece_gradients + sharing.block(piece) * whole.parameter_count;
  }
  return context;
}

/// The samples of a piece; nothing of nothing.
template <class Element>
[[nodiscard]] TensorView<Element> piece_of(TensorView<Element> samples, const BatchSharing& sharing,
                                           Index piece) {
  if (samples.empty()) return samples;
  const Index begin = sharing.begin(piece);
  return samples.samples(begin, sharing.begin(piece + 1) - begin);
}

/// After a piece: adds the last block to the one before it as often as the tree says, from element
/// `first` of a block to `last`.
template <class T>
void join_blocks(const Context<T>& context, Index piece, Index first, Index last) {
  const BatchSharing& sharing = *context.sharing;
  T* added = context.piece_gradients + sharing.block(piece) * context.parameter_count;
  for (Index join = 0; join < sharing.joins(piece); ++join, added -= context.parameter_count) {
    T* const sum = added - context.parameter_count;
    const T* const next = added;
    parallel_for_pieces(last - first, Index{1} << 15U, [=](Index begin, Index end) {
      for (Index i = first + begin; i < first + end; ++i) sum[i] += next[i];
    });
  }
}

/// The same for the gradients of all parameters of the layer.
template <class T>
[[gnu::cold, gnu::noinline]] void join_gradients(const Context<T>& context, Index piece) {
  const std::vector<Variable>& parameters = context.plan->parameters;
  if (!context.wants_gradients() || parameters.empty()) return;
  const Variable& last = parameters.back();
  join_blocks(context, piece, parameters.front().offset, last.offset + last.shape.size());
}

/// Calls body(piece) for each piece of this process, in order.
template <class T, class Body>
void for_each_piece(const Context<T>& context, const Body& body) {
  for (Index piece = 0; piece < context.sharing->pieces(); ++piece) body(piece);
}

/// Calls compute(context, x, dy), which writes the gradients of a layer's parameters for these
/// samples: once; or, where processes share the batch, for each piece, and adds up the pieces.
template <class T, class Compute>
void sum_over_samples(const Context<T>& context, TensorView<const T> x, TensorView<const T> dy,
                      const Compute& compute) {
  if (context.sharing == nullptr) return compute(context, x, dy);
  for_each_piece(context, [&](Index piece) {
    compute(context_of_piece(context, piece), piece_of(x, *context.sharing, piece),
            piece_of(dy, *context.sharing, piece));
    join_gradients(context, piece);
  });
}

}  // namespace nn::detail
