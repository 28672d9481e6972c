/// @file
/// The Mahalanobis distance of a sample to the nearest class.
#pragma once

#include <cmath>
#include <vector>

#include "nn/core/parallel.hpp"
#include "nn/core/tensor.hpp"

namespace nn {

/// The Mahalanobis distance to the nearest class, the classes being normal distributions around
/// their means with one covariance that they share (Lee et al., "A simple unified framework for
/// detecting out-of-distribution samples and adversarial attacks", 2018, equations 1 and 2). Fit it
/// to the features of the training set; features are N x anything, taken as flat.
class MahalanobisDistance {
 public:
  /// `ridge` times the mean variance is added to every variance, so that directions in which the
  /// features never vary do not count without bound.
  /// @throws Error when features and labels do not go together, a class has no samples, or a
  /// feature is NaN.
  template <class T>
  MahalanobisDistance(const Tensor<T>& features, TensorView<const Label> labels, Index classes,
                      double ridge = 1e-6) {
    require<ShapeError>(features.shape().rank() > 1 && features.shape()[0] == labels.size(),
                        "features of shape ", features.shape(), " for ", labels.size(), " labels");
    const RowMatrix<double> x = features.rows().template cast<double>();
    for (Index i = 0; i < x.rows(); ++i) {
      require<DivergenceError>(!x.row(i).hasNaN(), "a feature of sample ", i, " is NaN");
    }
    find_means(x, labels, classes);
    RowMatrix<double> centered = x;
    for (Index i = 0; i < centered.rows(); ++i) centered.row(i) -= means_.row(labels[i]);
    RowMatrix<double> covariance = covariance_of(centered);
    const double variance = covariance.trace() / static_cast<double>(covariance.rows());
    require(variance > 0, "features that never vary within a class have no distances");
    covariance.diagonal().array() += ridge * variance;
    find_whitening(covariance);
    means_ = whitened(means_);
  }

  /// The distance of every sample to the nearest class; NaN where a feature is, which every
  /// threshold rejects.
  /// @throws ShapeError when the features are not as many as those it was fitted to.
  template <class T>
  [[nodiscard]] std::vector<double> operator()(const Tensor<T>& features) const {
    require<ShapeError>(
        features.shape().rank() > 1 && features.shape().without_front().size() == means_.cols(),
        "features of shape ", features.shape(), ", expected ", means_.cols(), " for each sample");
    const RowMatrix<double> x = whitened(features.rows().template cast<double>());
    std::vector<double> distances(static_cast<std::size_t>(x.rows()));
    parallel_for_pieces(x.rows(), 256, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        const double square = (means_.rowwise() - x.row(i))
                                  .rowwise()
                                  .squaredNorm()
                                  .template minCoeff<Eigen::PropagateNaN>();
        distances[static_cast<std::size_t>(i)] = std::sqrt(square);
      }
    });
    return distances;
  }

  /// Fitted elsewhere, from its `means()` and `whitening()`.
  /// @throws ShapeError unless both are matrices for the same number of features.
  MahalanobisDistance(const Tensor<double>& means, const Tensor<double>& whitening) {
    const bool fits = means.shape().rank() == 2 && !means.empty() &&
                      whitening.shape() == Shape{means.shape()[1], means.shape()[1]};
    require<ShapeError>(fits, "a distance with means of ", means.shape(), " and a whitening of ",
                        whitening.shape());
    means_ = means.rows();
    whitening_ = whitening.rows();
  }

  /// The means of the classes, whitened: classes x features.
  [[nodiscard]] Tensor<double> means() const { return as_tensor(means_); }
  /// The matrix that multiplies rows of features and makes distances Euclidean: features x
  /// features.
  [[nodiscard]] Tensor<double> whitening() const { return as_tensor(whitening_); }

 private:
  [[nodiscard]] static Tensor<double> as_tensor(const RowMatrix<double>& matrix) {
    Tensor<double> tensor({matrix.rows(), matrix.cols()});
    std::copy(matrix.data(), matrix.data() + matrix.size(), tensor.begin());
    return tensor;
  }

  void find_means(const RowMatrix<double>& x, TensorView<const Label> labels, Index classes) {
    means_ = RowMatrix<double>::Zero(classes, x.cols());
    std::vector<Index> counts(static_cast<std::size_t>(classes));
    for (Index i = 0; i < x.rows(); ++i) {
      require(labels[i] >= 0 && labels[i] < classes, "sample ", i, " has the label ", labels[i],
              ", but there are ", classes, " classes");
      means_.row(labels[i]) += x.row(i);
      ++counts[static_cast<std::size_t>(labels[i])];
    }
    for (Index c = 0; c < classes; ++c) {
      const Index count = counts[static_cast<std::size_t>(c)];
      require(count > 0, "class ", c, " has no samples to find its mean by");
      means_.row(c) /= static_cast<double>(count);
    }
  }

  [[nodiscard]] static RowMatrix<double> covariance_of(const RowMatrix<double>& centered) {
    const Index size = centered.cols();
    RowMatrix<double> covariance(size, size);
    // By rows of the result, so that threads share the work and no sum is split.
    parallel_for_pieces(size, 16, [&](Index begin, Index end) {
      covariance.middleRows(begin, end - begin).noalias() =
          centered.middleCols(begin, end - begin).transpose() * centered;
    });
    return covariance / static_cast<double>(centered.rows());
  }

  /// With the covariance L L^T (Cholesky), x^T covariance^-1 x is the square of L^-1 x: finds
  /// L^-T, by which rows are multiplied.
  void find_whitening(const RowMatrix<double>& covariance) {
    const Index size = covariance.rows();
    RowMatrix<double> lower = RowMatrix<double>::Zero(size, size);
    for (Index i = 0; i < size; ++i) {
      for (Index j = 0; j <= i; ++j) {
        const double left = covariance(i, j) - lower.row(i).head(j).dot(lower.row(j).head(j));
        require(i != j || left > 0, "the covariance of these features cannot be inverted; ",
                "a larger ridge helps");
        lower(i, j) = i == j ? std::sqrt(left) : left / lower(j, j);
      }
    }
    RowMatrix<double> inverse = RowMatrix<double>::Zero(size, size);
    for (Index i = 0; i < size; ++i) {
      inverse.row(i) = -lower.row(i).head(i) * inverse.topRows(i);
      inverse(i, i) = 1;
      inverse.row(i) /= lower(i, i);
    }
    whitening_ = inverse.transpose();
  }

  [[nodiscard]] RowMatrix<double> whitened(const RowMatrix<double>& x) const {
    RowMatrix<double> result(x.rows(), x.cols());
    parallel_for_pieces(x.rows(), 512, [&](Index begin, Index end) {
      result.middleRows(begin, end - begin).noalias() =
          x.middleRows(begin, end - begin) * whitening_;
    });
    return result;
  }

  RowMatrix<double> means_;      // of the classes, whitened
  RowMatrix<double> whitening_;  // L^-T
};

}  // namespace nn
