/// @file
/// Batches of mixed images with mixed targets. Each is a `BatchTransform`:
///
///     nn::Loader loader(train, {.transform = nn::MixUp{.alpha = 0.2}});
///
/// Sample i is mixed with sample N - 1 - i: in a shuffled batch, with any other. The targets become
/// distributions over the classes, which SoftmaxCrossEntropy takes as they are; the labels stay.
#pragma once

#include <algorithm>
#include <cmath>

#include "nn/core/rounding.hpp"
#include "nn/data/batch.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/kernels/simd/math.hpp"

namespace nn {

namespace detail {

/// A number in [0, 1] from the symmetric beta distribution, by Jöhnk's method for alpha below 1 and
/// Ulrich's above (Devroye, "Non-uniform random variate generation", 1986, chapter IX).
[[nodiscard]] inline double symmetric_beta(Random& random, double alpha) {
  constexpr double two_pi = 6.283185307179586;
  if (alpha >= 1) {
    const double radius = std::sqrt(1 - power(random.uniform(), 2 / (2 * alpha - 1)));
    return 0.5 + product(0.5 * radius, cosine(two_pi * random.uniform()));
  }
  for (;;) {
    const double x = power(random.uniform(), 1 / alpha);
    const double y = power(random.uniform(), 1 / alpha);
    if (x + y > 0 && x + y <= 1) return x / (x + y);
  }
}

/// Makes of a and b: share * a + (1 - share) * b, and the same with a and b exchanged.
template <class T>
void blend(TensorView<T> a, TensorView<T> b, double share) {
  const T more = static_cast<T>(share);
  const T less = static_cast<T>(1 - share);
  detail::blend_elements(a.size(), more, less, a.data(), b.data());
}

/// Calls mix(i, N - 1 - i) for every pair of samples of a batch.
template <class T, class Mix>
void for_each_pair(const BatchBuffer<T>& batch, const Mix& mix) {
  for (Index i = 0; 2 * i + 1 < batch.size(); ++i) mix(i, batch.size() - 1 - i);
}

}  // namespace detail

/// Mixes images and targets in the proportion lambda to 1 - lambda, lambda from Beta(alpha, alpha)
/// for each batch (Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond empirical risk
/// minimization", 2018).
struct MixUp {
  double alpha = 0.2;      ///< of the Beta(alpha, alpha) distribution of the shares
  double probability = 1;  ///< with which a batch is mixed

  /// @throws Error unless alpha is positive.
  template <class T>
  void operator()(BatchBuffer<T>& batch, Random& random) const {
    require(alpha > 0, "MixUp with an alpha of ", alpha);
    batch.make_targets();
    if (!random.bernoulli(probability)) return;
    const double lambda = detail::symmetric_beta(random, alpha);
    detail::for_each_pair(batch, [&](Index i, Index j) {
      detail::blend(batch.inputs.sample(i), batch.inputs.sample(j), lambda);
      detail::blend(batch.targets.sample(i), batch.targets.sample(j), lambda);
    });
  }
};

/// Exchanges a rectangle between two images, and mixes the targets by its area: 1 - lambda of the
/// image, lambda from Beta(alpha, alpha) for each batch; it may lie partly outside (Yun et al.,
/// "CutMix: Regularization strategy to train strong classifiers with localizable features", 2019).
struct CutMix {
  double alpha = 1;        ///< of the Beta(alpha, alpha) distribution of the areas
  double probability = 1;  ///< with which a batch is mixed

  /// @throws Error unless alpha is positive, ShapeError unless the samples are images.
  template <class T>
  void operator()(BatchBuffer<T>& batch, Random& random) const {
    require(alpha > 0, "CutMix with an alpha of ", alpha);
    require<ShapeError>(batch.inputs.shape().rank() == 4, "CutMix takes batches of images, got ",
                        batch.inputs.shape());
    batch.make_targets();
    if (!random.bernoulli(probability)) return;
    const Index height = batch.inputs.shape()[1];
    const Index width = batch.inputs.shape()[2];
    const double side = std::sqrt(1 - detail::symmetric_beta(random, alpha));
    const Range rows = range(random, height, side);
    const Range columns = range(random, width, side);
    const double exchanged =
        static_cast<double>(rows.size() * columns.size()) / static_cast<double>(height * width);
    detail::for_each_pair(batch, [&](Index i, Index j) {
      exchange(batch.inputs.sample(i), batch.inputs.sample(j), rows, columns);
      detail::blend(batch.targets.sample(i), batch.targets.sample(j), 1 - exchanged);
    });
  }

 private:
  struct Range {
    Index begin;
    Index end;
    [[nodiscard]] Index size() const { return end - begin; }
  };

  /// Of length `side` * `size` about a random centre, as far as it lies inside.
  [[nodiscard]] static Range range(Random& random, Index size, double side) {
    const auto length = static_cast<Index>(side * static_cast<double>(size));
    const Index begin = random.below(size) - length / 2;
    return {std::max(begin, Index{0}), std::min(begin + length, size)};
  }

  template <class T>
  static void exchange(TensorView<T> a, TensorView<T> b, const Range& rows, const Range& columns) {
    const Index channels = a.shape().back();
    for (Index y = rows.begin; y < rows.end; ++y) {
      T* begin = a.data() + (y * a.shape()[1] + columns.begin) * channels;
      std::swap_ranges(begin, begin + columns.size() * channels, b.data() + (begin - a.data()));
    }
  }
};

}  // namespace nn
