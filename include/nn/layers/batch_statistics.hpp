/// @file
/// The sums over a batch that its normalisation needs.
#pragma once

#include <numeric>

#include "nn/core/rounding.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/run.hpp"

namespace nn::detail {

/// How a batch is read. It is a matrix of `rows` x `channels`; since few channels would
/// leave vector registers half empty, several rows are read at a time, `width` elements, and
/// per-channel values are repeated to that width: whole vectors of any processor, where that
/// does not make it long.
struct BatchLayout {
  Index channels;
  Index rows;
  Index width;
  Index piece;  ///< elements; a multiple of `width`

  BatchLayout(const Plan& plan, Index batch)
      : channels(plan.input.back()),
        rows(batch * plan.input.size() / channels),
        width(width_of(channels)),
        piece(width * std::max<Index>(16, 8192 / width)) {}

  [[nodiscard]] static Index width_of(Index channels) {
    const Index whole = std::lcm(channels, Index{16});
    const Index least = whole <= 512 ? whole : channels;
    return least * std::max<Index>(1, 64 / least);
  }
  [[nodiscard]] Index size() const { return rows * channels; }
  [[nodiscard]] Index pieces() const { return (size() + piece - 1) / piece; }

  /// Calls body(piece, begin, end) for the elements [begin, end) of every piece, on several
  /// threads.
  template <class Body>
  void for_each_piece(const Body& body) const {
    parallel_for(pieces(), [&](Index index) {
      body(index, index * piece, std::min(index * piece + piece, size()));
    });
  }
  /// Repeats the first `channels` values up to the whole width.
  template <class T>
  void repeat(T* values) const {
    for (Index i = channels; i < width; ++i) values[i] = values[i - channels];
  }
  /// Adds up the values that belong to the same channel.
  template <class T>
  void fold(T* values) const {
    for (Index i = channels; i < width; ++i) values[i % channels] += values[i];
  }
};

/// Joins the statistics of a piece to those of all before it.
template <class T>
void merge_moments(const BatchLayout& layout, Index piece, T* partial) {
  const Index before = piece * layout.piece / layout.channels;
  const Index rows = std::min(layout.piece / layout.channels, layout.rows - before);
  const T share = static_cast<T>(rows) / static_cast<T>(before + rows);
  const T weight = share * static_cast<T>(before);
  T* mean = partial;
  T* squares = partial + layout.width;
  const T* other_mean = partial + 2 * piece * layout.width;
  const T* other_squares = other_mean + layout.width;
  for (Index c = 0; c < layout.channels; ++c) {
    const T difference = other_mean[c] - mean[c];
    mean[c] += product(difference, share);
    squares[c] += other_squares[c] + product(difference * difference, weight);
  }
}

/// Mean and squared deviations of every piece, then of the whole batch: partial[0, channels) and
/// partial[width, width + channels) are mean and biased variance of x - origin.
template <class T>
void batch_statistics(const BatchLayout& layout, const T* x, const T* origin, T* partial) {
  layout.for_each_piece([&](Index piece, Index begin, Index end) {
    T* mean = partial + 2 * piece * layout.width;
    T* squares = mean + layout.width;
    const T share = T(1) / static_cast<T>((end - begin) / layout.channels);
    std::fill_n(mean, 2 * layout.width, T(0));
    detail::add_differences(end - begin, layout.width, x + begin, origin, mean);
    layout.fold(mean);
    for (Index c = 0; c < layout.channels; ++c) mean[c] *= share;
    layout.repeat(mean);
    detail::add_squares(end - begin, layout.width, x + begin, origin, mean, squares);
    layout.fold(squares);
  });
  for (Index piece = 1; piece < layout.pieces(); ++piece) merge_moments(layout, piece, partial);
  T* variance = partial + layout.width;
  for (Index c = 0; c < layout.channels; ++c) variance[c] /= static_cast<T>(layout.rows);
}

/// The length of a record of means and squared deviations: the rows, the means, the sums of
/// squares.
[[nodiscard]] constexpr Index moments_size(Index channels) { return 1 + 2 * channels; }

/// The same for the pieces of a batch that processes share: `mean`, and the variance in
/// partial[width, width + channels). Returns the rows of the whole batch. `scratch` holds a
/// record for each piece: its rows, its means, its sums of squared deviations.
template <class T>
[[gnu::cold, gnu::noinline]] Index shared_statistics(const Context<T>& context,
                                                     TensorView<const T> x, T* origin, T* partial,
                                                     Arena scratch, T* mean) {
  BatchSharing& sharing = *context.sharing;
  const Index channels = context.plan->input.back();
  const Index size = moments_size(channels);
  double* const records = scratch.take<double>(sharing.pieces() * size);
  for (Index piece = 0; piece < sharing.pieces(); ++piece) {
    const TensorView<const T> samples = piece_of(x, sharing, piece);
    const BatchLayout layout(*context.plan, samples.shape().front());
    std::copy_n(samples.data(), channels, origin);
    layout.repeat(origin);
    batch_statistics(layout, samples.data(), origin, partial);
    double* const record = records + piece * size;
    record[0] = static_cast<double>(layout.rows);
    for (Index c = 0; c < channels; ++c) {
      record[1 + c] = static_cast<double>(origin[c]) + static_cast<double>(partial[c]);
      record[1 + channels + c] = product(static_cast<double>(partial[layout.width + c]), record[0]);
    }
  }
  sharing.join(records, size, [channels](double* left, const double* right) {
    const double share = right[0] / (left[0] + right[0]);
    const double weight = product(share, left[0]);
    for (Index c = 1; c <= channels; ++c) {
      const double difference = right[c] - left[c];
      left[c] += product(difference, share);
      left[channels + c] += right[channels + c] + product(difference * difference, weight);
    }
    left[0] += right[0];
  });
  T* const variance = partial + BatchLayout::width_of(channels);
  for (Index c = 0; c < channels; ++c) {
    mean[c] = static_cast<T>(records[1 + c]);
    variance[c] = static_cast<T>(records[1 + channels + c] / records[0]);
  }
  return static_cast<Index>(records[0]);
}

/// partial[0, channels) = sum of dz, partial[width, width + channels) = sum of dz (x - mean), where
/// dz is dy before the activation.
template <class T>
void sum_gradients(const BatchLayout& layout, const T* x, const T* dy, const T* means,
                   const NormalizedActivation<T>& after, T* partial) {
  layout.for_each_piece([&](Index piece, Index begin, Index end) {
    T* sums = partial + 2 * piece * layout.width;
    T* products = sums + layout.width;
    std::fill_n(sums, 2 * layout.width, T(0));
    detail::add_gradients(end - begin, layout.width, dy + begin, x + begin, means, after, sums,
                          products);
    layout.fold(sums);
    layout.fold(products);
  });
  for (Index piece = 1; piece < layout.pieces(); ++piece) {
    const T* other = partial + 2 * piece * layout.width;
    for (Index c = 0; c < layout.channels; ++c) {
      partial[c] += other[c];
      partial[layout.width + c] += other[layout.width + c];
    }
  }
}

}  // namespace nn::detail
