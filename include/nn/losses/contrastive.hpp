/// @file
/// Losses of embeddings by their distances: samples of a class are to be near each other.
///
/// They compare the samples of a batch with each other, so what a sample's loss is depends on the
/// others: batches have to be shuffled and large enough to have several samples of a class. Where
/// processes share batches, each piece is compared by itself; weights of samples do not fit.
#pragma once

#include <algorithm>
#include <cmath>

#include "nn/core/rounding.hpp"
#include "nn/core/workspace.hpp"
#include "nn/losses/loss.hpp"

namespace nn {

namespace detail {

/// The embeddings of a batch: a row for each label.
template <class T>
struct Embeddings {
  const T* rows;
  const Label* labels;
  Index count;
  Index width = 0;

  Embeddings(TensorView<const T> outputs, TensorView<const Label> given, TensorView<T> gradient)
      : rows(outputs.data()), labels(given.data()), count(given.size()) {
    require_gradient_fits(outputs, gradient);
    require<ShapeError>(count == outputs.shape().front(), count, " labels for ",
                        outputs.shape().front(), " embeddings");
    width = outputs.size() / count;
  }

  [[nodiscard]] bool alike(Index i, Index j) const { return labels[i] == labels[j]; }

  /// The Euclidean distance of two rows.
  [[nodiscard]] double distance(Index i, Index j) const {
    const T* const a = rows + i * width;
    const T* const b = rows + j * width;
    double sum = 0;
    for (Index k = 0; k < width; ++k) {
      const double d = static_cast<double>(a[k]) - static_cast<double>(b[k]);
      sum += product(d, d);
    }
    return std::sqrt(sum);
  }

  /// Adds factor * (row i - row j) to `to`.
  void add_difference(double factor, Index i, Index j, T* to) const {
    const T* const a = rows + i * width;
    const T* const b = rows + j * width;
    const T by = static_cast<T>(factor);
    for (Index k = 0; k < width; ++k) to[k] += product(by, a[k] - b[k]);
  }
};

}  // namespace detail

/// The mean over all pairs of a batch of d^2 / 2 for two samples of one label, and of
/// max(0, margin - d)^2 / 2 for two of different labels, where d is the Euclidean distance of their
/// outputs (Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant mapping",
/// 2006, equation 4). Two different samples at one place have no gradient.
struct Contrastive {
  double margin = 1;  ///< the distance beyond which two labels are far enough apart

  [[nodiscard]] std::string settings() const {
    return detail::settings("Contrastive", {{"margin", margin}});
  }

  /// A batch of a single sample has the loss 0.
  /// @throws ShapeError unless there is a label for each sample.
  template <class T>
  T operator()(TensorView<const T> outputs, TensorView<const Label> labels,
               detail::ViewOf<T> gradient) const {
    const detail::Embeddings<T> all(outputs, labels, gradient);
    require(margin > 0, "Contrastive needs a positive margin, got ", margin);
    const double pairs =
        std::max(1.0, static_cast<double>(all.count) * static_cast<double>(all.count - 1) / 2);
    // Every pair is seen from both sides, so that each row of the gradient is one thread's.
    const double sum = parallel_sum(all.count, 1, [&](Index begin, Index end) {
      double partial = 0;
      for (Index i = begin; i < end; ++i) {
        T* const to = gradient.empty() ? nullptr : gradient.data() + i * all.width;
        if (to != nullptr) std::fill_n(to, all.width, T(0));
        for (Index j = 0; j < all.count; ++j) {
          if (j != i) partial += pair_loss(all, i, j, 1 / pairs, to);
        }
      }
      return partial;
    });
    return static_cast<T>(sum / 2 / pairs);
  }

 private:
  template <class T>
  double pair_loss(const detail::Embeddings<T>& all, Index i, Index j, double scale, T* to) const {
    const double distance = all.distance(i, j);
    if (all.alike(i, j)) {
      if (to != nullptr) all.add_difference(scale, i, j, to);
      return detail::product(distance, distance) / 2;
    }
    const double lack = margin - distance;
    if (lack <= 0) return 0;
    if (to != nullptr && distance > 0) all.add_difference(-scale * lack / distance, i, j, to);
    return detail::product(lack, lack) / 2;
  }
};

/// The mean over the samples of a batch of max(0, margin + d_p - d_n), where d_p is the Euclidean
/// distance to the farthest sample of the same label and d_n that to the nearest of another
/// (Schroff et al., "FaceNet: a unified embedding for face recognition and clustering", 2015, with
/// the triplets of Hermans et al., "In defense of the triplet loss for person re-identification",
/// 2017, equation 5). Samples without the one or the other do not count. Of equal distances the
/// first sample counts; two samples at one place have no gradient.
struct Triplet {
  double margin = 1;  ///< by which another label is to be farther away

  [[nodiscard]] std::string settings() const {
    return detail::settings("Triplet", {{"margin", margin}});
  }

  /// @throws ShapeError unless there is a label for each sample.
  template <class T>
  T operator()(TensorView<const T> outputs, TensorView<const Label> labels,
               detail::ViewOf<T> gradient) const {
    const detail::Embeddings<T> all(outputs, labels, gradient);
    require(margin > 0, "Triplet needs a positive margin, got ", margin);
    Arena arena = detail::thread_workspace(bytes_for<Choice>(all.count));
    Choice* const choices = arena.take<Choice>(all.count);
    parallel_for(all.count, [&](Index i) { choices[i] = choice_of(all, i); });
    double sum = 0;
    Index counted = 0;
    for (Index i = 0; i < all.count; ++i) {
      counted += choices[i].counts() ? 1 : 0;
      if (choices[i].counts() && !(lack(choices[i]) <= 0)) sum += lack(choices[i]);
    }
    const double scale = counted > 0 ? 1 / static_cast<double>(counted) : 0;
    if (!gradient.empty()) write_gradient(all, choices, scale, gradient.data());
    return static_cast<T>(sum * scale);
  }

 private:
  /// The farthest of the same label and the nearest of another, as seen from a sample.
  struct Choice {
    Index positive = -1;
    Index negative = -1;
    double far = 0;
    double near = 0;

    [[nodiscard]] bool counts() const { return positive >= 0 && negative >= 0; }
  };

  /// A distance that is not a number is taken, so that the loss shows it.
  template <class T>
  [[nodiscard]] static Choice choice_of(const detail::Embeddings<T>& all, Index i) {
    Choice choice;
    for (Index j = 0; j < all.count; ++j) {
      if (j == i) continue;
      const double distance = all.distance(i, j);
      if (all.alike(i, j)) {
        if (choice.positive >= 0 && !(distance > choice.far) && !std::isnan(distance)) continue;
        choice.positive = j;
        choice.far = distance;
      } else {
        if (choice.negative >= 0 && !(distance < choice.near) && !std::isnan(distance)) continue;
        choice.negative = j;
        choice.near = distance;
      }
    }
    return choice;
  }

  [[nodiscard]] double lack(const Choice& choice) const {
    return margin + choice.far - choice.near;
  }

  /// Row k's gradient comes from the triplets in which it stands, in their order.
  template <class T>
  void write_gradient(const detail::Embeddings<T>& all, const Choice* choices, double scale,
                      T* gradient) const {
    parallel_for(all.count, [&](Index k) {
      T* const to = gradient + k * all.width;
      std::fill_n(to, all.width, T(0));
      for (Index i = 0; i < all.count; ++i) {
        const Choice& choice = choices[i];
        if (!choice.counts() || lack(choice) <= 0) continue;
        const double far = choice.far > 0 ? scale / choice.far : 0;
        const double near = choice.near > 0 ? scale / choice.near : 0;
        if (k == i) {
          all.add_difference(far, i, choice.positive, to);
          all.add_difference(-near, i, choice.negative, to);
        }
        if (k == choice.positive) all.add_difference(far, k, i, to);
        if (k == choice.negative) all.add_difference(-near, k, i, to);
      }
    });
  }
};

}  // namespace nn
