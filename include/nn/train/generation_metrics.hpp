/// @file
/// How good generated images are, in numbers, from a classifier's features and probabilities, one
/// row a sample. nearest_neighbours.hpp has the figures that compare samples one by one.
#pragma once

#include "nn/core/eigen.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "nn/core/tensor.hpp"
#include "nn/kernels/gemm.hpp"

namespace nn {

/// The normal distribution that is fitted to a set of features.
struct FeatureStatistics {
  Eigen::VectorXd mean;          ///< of each feature
  RowMatrix<double> covariance;  ///< unbiased: divided by the number of samples less one
};

namespace detail {

/// a b, or a^T b, by the library's own product, which gives the same bits for any number of
/// threads; added to c.
inline void multiply(Transpose transpose_a, const RowMatrix<double>& a, const RowMatrix<double>& b,
                     RowMatrix<double>& c) {
  const Index inner = b.rows();
  gemm(transpose_a, Transpose::no, c.rows(), c.cols(), inner, a.data(), a.cols(), b.data(),
       b.cols(), c.data(), c.cols(), true);
}

/// The square root of a symmetric positive semidefinite matrix; eigenvalues that rounding has made
/// negative count as 0.
[[nodiscard]] inline RowMatrix<double> symmetric_root(const RowMatrix<double>& matrix) {
  const Eigen::SelfAdjointEigenSolver<RowMatrix<double>> solver(matrix);
  const Eigen::VectorXd roots = solver.eigenvalues().cwiseMax(0).cwiseSqrt();
  const RowMatrix<double> transposed = solver.eigenvectors().transpose();
  const RowMatrix<double> scaled = roots.asDiagonal() * transposed;
  RowMatrix<double> root = RowMatrix<double>::Zero(matrix.rows(), matrix.cols());
  multiply(Transpose::yes, transposed, scaled, root);
  return root;
}

/// @throws DivergenceError for an element that is NaN.
inline void require_numbers(TensorView<const float> rows, std::string_view what) {
  const Index width = rows.size() / rows.shape().front();
  for (Index i = 0; i < rows.size(); ++i) {
    require<DivergenceError>(!std::isnan(rows[i]), what, " of sample ", i / width, " is NaN");
  }
}

}  // namespace detail

/// @param features N x D (or N x anything: a sample's elements are its features)
/// @throws ShapeError for less than two samples, DivergenceError for a feature that is NaN.
[[nodiscard]] inline FeatureStatistics feature_statistics(TensorView<const float> features) {
  require<ShapeError>(features.shape().rank() >= 2 && features.shape().front() >= 2,
                      "statistics need at least two samples, one a row, got ", features.shape());
  detail::require_numbers(features, "a feature");
  const auto rows = features.rows();
  FeatureStatistics statistics;
  statistics.mean = rows.cast<double>().colwise().mean().transpose();
  statistics.covariance = RowMatrix<double>::Zero(rows.cols(), rows.cols());
  constexpr Index chunk = 1024;  // of rows: what is copied at a time
  for (Index first = 0; first < rows.rows(); first += chunk) {
    const Index count = std::min(chunk, rows.rows() - first);
    RowMatrix<double> centred = rows.middleRows(first, count).cast<double>();
    centred.rowwise() -= statistics.mean.transpose();
    detail::multiply(Transpose::yes, centred, centred, statistics.covariance);
  }
  statistics.covariance /= static_cast<double>(rows.rows() - 1);
  return statistics;
}

/// The Frechet (2-Wasserstein) distance, squared, between two normal distributions:
///
///     |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)),
///
/// where the trace of the root is that of the symmetric (C1^(1/2) C2 C1^(1/2))^(1/2) (Dowson and
/// Landau, "The Frechet distance between multivariate normal distributions", 1982; used on features
/// by Heusel et al., "GANs trained by a two time-scale update rule", 2017). 0 for the same
/// distribution; in the features' units, so that values compare for the same features only.
/// @throws ShapeError when the dimensions differ.
[[nodiscard]] inline double frechet_distance(const FeatureStatistics& a,
                                             const FeatureStatistics& b) {
  require<ShapeError>(a.mean.size() == b.mean.size(), "features of ", a.mean.size(), " and of ",
                      b.mean.size(), " dimensions have no distance");
  const RowMatrix<double> root = detail::symmetric_root(a.covariance);
  RowMatrix<double> half = RowMatrix<double>::Zero(root.rows(), root.cols());
  RowMatrix<double> product = half;
  detail::multiply(Transpose::no, root, b.covariance, half);
  detail::multiply(Transpose::no, half, root, product);
  const Eigen::SelfAdjointEigenSolver<RowMatrix<double>> solver(product, Eigen::EigenvaluesOnly);
  const double cross = solver.eigenvalues().cwiseMax(0).cwiseSqrt().sum();
  const double distance =
      (a.mean - b.mean).squaredNorm() + a.covariance.trace() + b.covariance.trace() - 2 * cross;
  return std::max(distance, 0.0);
}

/// The classifier score ("inception score"; Salimans et al., "Improved techniques for training
/// GANs", 2016): exp(E KL(p(y|x) || p(y))), where p(y) is the mean of p(y|x) over the samples. From
/// 1, when every image looks the same to the classifier, to the number of classes, when it is sure
/// of every image and finds all classes equally often.
/// @param probabilities N x classes; each row sums to 1
/// @throws ShapeError for anything but a batch of rows, DivergenceError for a NaN.
[[nodiscard]] inline double classifier_score(TensorView<const float> probabilities) {
  require<ShapeError>(probabilities.shape().rank() == 2 && !probabilities.empty(),
                      "a classifier's score needs probabilities N x classes, got ",
                      probabilities.shape());
  detail::require_numbers(probabilities, "a probability");
  const auto rows = probabilities.matrix();
  const Eigen::VectorXd marginal = rows.cast<double>().colwise().mean().transpose();
  double divergence = 0;
  for (Index sample = 0; sample < rows.rows(); ++sample) {
    for (Index y = 0; y < rows.cols(); ++y) {
      const double p = static_cast<double>(rows(sample, y));
      if (p > 0) divergence += p * std::log(p / marginal[y]);
    }
  }
  return std::exp(divergence / static_cast<double>(rows.rows()));
}

/// The share of the samples that a classifier puts into each class: of generated images, whether
/// all modes are covered. The first class wins a tie.
/// @param scores N x classes, probabilities or logits
/// @throws ShapeError for anything but a batch of rows, DivergenceError for a NaN.
[[nodiscard]] inline std::vector<double> class_shares(TensorView<const float> scores) {
  require<ShapeError>(scores.shape().rank() == 2 && !scores.empty(),
                      "class shares need scores N x classes, got ", scores.shape());
  detail::require_numbers(scores, "a score");
  const auto rows = scores.matrix();
  std::vector<double> shares(static_cast<std::size_t>(rows.cols()), 0.0);
  for (Index sample = 0; sample < rows.rows(); ++sample) {
    Index best = 0;
    rows.row(sample).maxCoeff(&best);
    shares[static_cast<std::size_t>(best)] += 1;
  }
  for (double& share : shares) share /= static_cast<double>(rows.rows());
  return shares;
}

}  // namespace nn
