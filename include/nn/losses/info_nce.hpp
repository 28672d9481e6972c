/// @file
/// InfoNCE: to find the partner of each sample among a batch.
#pragma once

#include <algorithm>
#include <cmath>

#include "nn/core/memory.hpp"
#include "nn/core/rounding.hpp"
#include "nn/kernels/gemm.hpp"
#include "nn/losses/loss.hpp"

namespace nn {

namespace detail {

/// Numbers for a loss to work on, for the calling thread until it asks again. Allocates only for
/// more than ever before. (`thread_workspace` is what matrix products use.)
template <class T>
[[nodiscard]] T* loss_workspace(Index count) {
  static thread_local AlignedVector<T> block;
  if (static_cast<Index>(block.size()) < count) block.resize(static_cast<std::size_t>(count));
  return block.data();
}

}  // namespace detail

/// Similarities s are cosines of outputs divided by the temperature; the other samples of a batch
/// are the negatives.
///
/// Against targets, one for each sample, such as the outputs for another view of it, which get no
/// gradient: the mean of ln sum_j exp(s_ij) - s_ii, with s_ij between output i and target j (van
/// den Oord, Li and Vinyals, "Representation learning with contrastive predictive coding", 2018,
/// equation 4).
///
/// Against labels, where samples of the same label are each other's partners P: the mean of
/// ln sum_{j != i} exp(s_ij) - mean_{p in P(i)} s_ip over the samples that have any (Khosla et al.,
/// "Supervised contrastive learning", 2020, equation 2). With two views of each image, labelled by
/// the image's number, that is SimCLR's NT-Xent (Chen et al., "A simple framework for contrastive
/// learning of visual representations", 2020).
///
/// What a sample's loss is depends on the batch: where processes share batches, each piece is
/// compared by itself, and weights of samples do not fit.
struct InfoNCE {
  double temperature = 0.1;  ///< by which cosines are divided; positive

  [[nodiscard]] std::string settings() const {
    return detail::settings("InfoNCE", {{"temperature", temperature}});
  }

  /// A batch without two samples of one label has the loss 0.
  /// @throws ShapeError unless there is a label for each sample.
  template <class T>
  T operator()(TensorView<const T> outputs, TensorView<const Label> labels,
               detail::ViewOf<T> gradient) const {
    check(outputs, gradient);
    require<ShapeError>(labels.size() == outputs.shape().front(), labels.size(), " labels for ",
                        outputs.shape().front(), " embeddings");
    return mean<T>(outputs, nullptr, labels.data(), gradient);
  }

  /// @throws ShapeError unless targets and outputs have the same shape.
  template <class T>
  T operator()(TensorView<const T> outputs, detail::ViewOf<const T> targets,
               detail::ViewOf<T> gradient) const {
    check(outputs, gradient);
    detail::require_targets_fit<T>(outputs, targets);
    return mean<T>(outputs, targets.data(), nullptr, gradient);
  }

 private:
  template <class T>
  void check(TensorView<const T> outputs, TensorView<T> gradient) const {
    detail::require_gradient_fits(outputs, gradient);
    require(temperature > 0, "InfoNCE needs a positive temperature, got ", temperature);
  }

  /// Who is whose partner: by labels, or each sample and its own target.
  struct Partners {
    const Label* labels;
    Index count;

    [[nodiscard]] bool compares(Index i, Index j) const { return labels == nullptr || i != j; }
    [[nodiscard]] bool are(Index i, Index j) const {
      return labels == nullptr ? i == j : i != j && labels[i] == labels[j];
    }
    [[nodiscard]] Index of(Index i) const {
      Index partners = 0;
      for (Index j = 0; j < count; ++j) partners += are(i, j) ? 1 : 0;
      return partners;
    }
  };

  template <class T>
  T mean(TensorView<const T> outputs, const T* targets, const Label* labels,
         TensorView<T> gradient) const {
    const Partners partners{labels, outputs.shape().front()};
    const Index n = partners.count;
    const Index width = outputs.size() / n;
    T* const units = detail::loss_workspace<T>(n * (3 * width + n + 1));
    T* const lengths = units + n * width;
    T* const slopes = lengths + n;  // of the units
    T* const similarities = slopes + n * width;
    T* const others = targets == nullptr ? units : similarities + n * n;
    normalize(n, width, outputs.data(), units, lengths);
    if (targets != nullptr) normalize<T>(n, width, targets, others, nullptr);
    gemm<T>(Transpose::no, Transpose::yes, n, n, width, units, width, others, width, similarities,
            n);
    Index counted = 0;
    for (Index i = 0; i < n; ++i) counted += partners.of(i) > 0 ? 1 : 0;
    const double share = counted > 0 ? 1 / static_cast<double>(counted) : 0;
    const bool wants_gradient = !gradient.empty();
    const double sum = parallel_sum(n, 1, [&](Index begin, Index end) {
      double partial = 0;
      for (Index i = begin; i < end; ++i) {
        partial += static_cast<double>(
            row_loss(partners, i, similarities + i * n, static_cast<T>(share), wants_gradient));
      }
      return partial;
    });
    if (wants_gradient) {
      gemm<T>(Transpose::no, Transpose::no, n, width, n, similarities, n, others, width, slopes,
              width);
      if (labels != nullptr) {
        gemm<T>(Transpose::yes, Transpose::no, n, width, n, similarities, n, units, width, slopes,
                width, true);
      }
      normalize_backward(n, width, units, lengths, slopes, gradient.data());
    }
    return static_cast<T>(sum * share);
  }

  /// Rows of length 1; a row of zeros stays one.
  template <class T>
  static void normalize(Index rows, Index width, const T* from, T* units, T* lengths) {
    parallel_for(rows, [&](Index i) {
      const T* const x = from + i * width;
      double squares = 0;
      for (Index k = 0; k < width; ++k) {
        squares += detail::product(static_cast<double>(x[k]), static_cast<double>(x[k]));
      }
      const double length = std::sqrt(squares);
      const T inverse = static_cast<T>(length > 0 ? 1 / length : length);
      for (Index k = 0; k < width; ++k) units[i * width + k] = inverse * x[k];
      if (lengths != nullptr) lengths[i] = inverse;
    });
  }

  /// dx = (du - u (u . du)) / |x|
  template <class T>
  static void normalize_backward(Index rows, Index width, const T* units, const T* inverses,
                                 const T* slopes, T* gradient) {
    parallel_for(rows, [&](Index i) {
      const T* const u = units + i * width;
      const T* const du = slopes + i * width;
      double along = 0;
      for (Index k = 0; k < width; ++k) {
        along += detail::product(static_cast<double>(u[k]), static_cast<double>(du[k]));
      }
      for (Index k = 0; k < width; ++k) {
        gradient[i * width + k] =
            inverses[i] * (du[k] - detail::product(static_cast<T>(along), u[k]));
      }
    });
  }

  /// The loss of one sample, whose cosines become their slopes.
  template <class T>
  T row_loss(const Partners& partners, Index i, T* cosines, T share, bool wants_gradient) const {
    const Index n = partners.count;
    const Index count = partners.of(i);
    if (count == 0) {
      if (wants_gradient) std::fill_n(cosines, n, T(0));
      return T(0);
    }
    const T inverse = static_cast<T>(1 / temperature);
    const T most = inverse;  // no cosine is above 1
    const T part = static_cast<T>(1 / static_cast<double>(count));
    T sum = 0;
    T wanted = 0;
    for (Index j = 0; j < n; ++j) {
      if (!partners.compares(i, j)) continue;
      const T s = detail::product(inverse, cosines[j]);
      sum += detail::exponential(s - most);
      if (partners.are(i, j)) wanted += detail::product(part, s);
    }
    const T log_sum = most + detail::logarithm(sum);
    if (wants_gradient) {
      const T scale = share * inverse;
      for (Index j = 0; j < n; ++j) {
        const bool compared = partners.compares(i, j);
        const T s = detail::product(inverse, cosines[j]);
        const T p = compared ? detail::exponential(s - log_sum) : T(0);
        cosines[j] = scale * (p - (partners.are(i, j) ? part : T(0)));
      }
    }
    return log_sum - wanted;
  }
};

}  // namespace nn
