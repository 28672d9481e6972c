/// @file
/// First-layer filters that whiten the patches of images.
#pragma once

#include "nn/core/eigen.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>

#include "nn/data/dataset.hpp"

namespace nn {

/// What `patch_whitening` looks at.
struct PatchWhiteningOptions {
  Index kernel = 3;       ///< the side of the patches
  double epsilon = 5e-4;  ///< added to every variance, so that what hardly varies is not blown up
  Index images = 2000;    ///< to learn from at the most, spread evenly over the data set
  Index components = 0;   ///< how many, those that vary most; 0: all
};

namespace detail {

/// The mean of p p^T over all patches p of the images, whose elements stand in the order of
/// convolution weights: row, column, channel.
[[nodiscard]] inline Eigen::MatrixXd patch_moments(const Dataset& data,
                                                   const PatchWhiteningOptions& options) {
  const Shape& shape = data.sample_shape();
  const Index k = options.kernel;
  const Index rows = shape[0] - k + 1;
  const Index columns = shape[1] - k + 1;
  const Index row_size = k * shape[2];  // of a patch: contiguous in the image
  const Index count = std::min(options.images, data.size());
  Eigen::MatrixXd patches(k * row_size, rows * columns);
  Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(k * row_size, k * row_size);
  for (Index i = 0; i < count; ++i) {
    const Tensor<double> image = data.inputs<double>(i * data.size() / count, 1);
    for (Index y = 0; y < rows; ++y) {
      for (Index x = 0; x < columns; ++x) {
        for (Index row = 0; row < k; ++row) {
          std::copy_n(&image(0, y + row, x, 0), row_size,
                      patches.col(y * columns + x).data() + row * row_size);
        }
      }
    }
    sum.noalias() += patches * patches.transpose();
  }
  return sum / static_cast<double>(count * rows * columns);
}

}  // namespace detail

/// Convolution weights that take an image's patches apart into uncorrelated parts of equal
/// strength: kernel x kernel x channels x 2n for n components, of which there are kernel * kernel *
/// channels. Filter i is the patches' i-th principal component v_i / sqrt(lambda_i + epsilon), the
/// one that varies most first; filter n + i is its negative, so that a ReLU after it loses nothing
/// (Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, section 3.2; the idea is
/// Page's, "How to train your ResNet 8: bag of tricks", 2019). Inputs are expected to have a mean
/// near 0, so normalise the data set first. To be given to a network's first convolution and
/// frozen:
///
///     const nn::Tensor<float> filters = nn::patch_whitening(train, {.kernel = 2});
///     std::copy(filters.begin(), filters.end(), model.parameter("0.weight").begin());
///     model.freeze("0");
///
/// @throws Error when there are no images, they are smaller than the patches, or the options make
/// no sense.
template <class T = float>
[[nodiscard]] Tensor<T> patch_whitening(const Dataset& data,
                                        const PatchWhiteningOptions& options = {}) {
  const Shape& shape = data.sample_shape();
  const Index k = options.kernel;
  require(!data.empty(), "cannot whiten the patches of ", data.described(), ": it is empty");
  require(k > 0 && k <= shape[0] && k <= shape[1], "patches of ", k, "x", k, " pixels of ",
          data.described());
  require(options.epsilon >= 0 && options.images > 0, "patch_whitening with epsilon ",
          options.epsilon, " and ", options.images, " images");
  const Index all = k * k * shape[2];
  require(options.components >= 0 && options.components <= all, "patches of ", all,
          " elements have no ", options.components, " components");
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(detail::patch_moments(data, options));
  const Index n = options.components == 0 ? all : options.components;
  Tensor<T> weights({k, k, shape[2], 2 * n});
  auto filters = weights.matrix();  // one row an element of a patch
  for (Index i = 0; i < n; ++i) {
    const Index column = all - 1 - i;  // the solver's variances increase
    const double variance = std::max(solver.eigenvalues()[column], 0.0) + options.epsilon;
    require(variance > 0, "the patches of ", data.described(),
            " do not vary in every direction; patch_whitening needs an epsilon");
    for (Index element = 0; element < all; ++element) {
      const double weight = solver.eigenvectors()(element, column) / std::sqrt(variance);
      filters(element, i) = static_cast<T>(weight);
      filters(element, n + i) = static_cast<T>(-weight);
    }
  }
  return weights;
}

}  // namespace nn
