/// @file
/// Nearest neighbours, and what they say about generated images: whether they can be told from real
/// ones, and whether they copy training images. Every function takes one row for each sample, of
/// features or of pixels.
#pragma once

#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

#include "nn/core/parallel.hpp"
#include "nn/core/tensor.hpp"

namespace nn {

/// A sample's nearest neighbour in a set.
struct Neighbour {
  Index index = -1;                                    ///< its row; -1 when no distance is a number
  float distance = std::numeric_limits<float>::max();  ///< Euclidean
};

namespace detail {

/// @throws DivergenceError unless every sample has a neighbour: one with a NaN has none, and would
/// count as far from everything.
inline void require_found(const std::vector<Neighbour>& neighbours, std::string_view samples) {
  for (std::size_t i = 0; i < neighbours.size(); ++i) {
    require<DivergenceError>(neighbours[i].index >= 0, "sample ", i, " of the ", samples,
                             " has no nearest neighbour: are there NaN?");
  }
}

/// Whether a sample may be its own neighbour: not when a set is compared with itself.
enum class Self { allowed, excluded };

[[nodiscard]] inline Eigen::VectorXf squared_norms(TensorView<const float> samples) {
  return samples.rows().rowwise().squaredNorm();
}

/// Compares a block of queries with all references, a block at a time that stays in the cache:
/// |q - r|^2 = |q|^2 + |r|^2 - 2 q.r, where |q|^2 is the same for all. That form cancels, so it
/// only finds the neighbour; its distance is then computed from the difference.
inline void find_nearest(TensorView<const float> queries, TensorView<const float> references,
                         const Eigen::VectorXf& norms, Self self, Index first, Index count,
                         Neighbour* nearest) {
  constexpr Index block = 512;
  const auto query = queries.rows().middleRows(first, count);
  const auto reference = references.rows();
  std::vector<float> smallest(static_cast<std::size_t>(count), std::numeric_limits<float>::max());
  RowMatrix<float> products;
  for (Index begin = 0; begin < reference.rows(); begin += block) {
    const Index size = std::min(block, reference.rows() - begin);
    products.noalias() = query * reference.middleRows(begin, size).transpose();
    for (Index i = 0; i < count; ++i) {
      for (Index j = 0; j < size; ++j) {
        const float distance = norms[begin + j] - 2 * products(i, j);
        if (!(distance < smallest[static_cast<std::size_t>(i)])) continue;
        if (self == Self::excluded && first + i == begin + j) continue;
        smallest[static_cast<std::size_t>(i)] = distance;
        nearest[first + i].index = begin + j;
      }
    }
  }
  for (Index i = first; i < first + count; ++i) {
    if (nearest[i].index < 0) continue;  // nothing is near a NaN
    nearest[i].distance = (query.row(i - first) - reference.row(nearest[i].index)).norm();
  }
}

[[nodiscard]] inline std::vector<Neighbour> nearest(TensorView<const float> queries,
                                                    TensorView<const float> references, Self self) {
  const auto width = [](TensorView<const float> samples) {
    return samples.empty() ? 0 : samples.size() / samples.shape().front();
  };
  require<ShapeError>(width(queries) > 0 && width(queries) == width(references),
                      "samples of shape ", queries.shape(), " have no neighbours among ",
                      references.shape());
  require<ShapeError>(self == Self::allowed || references.shape().front() > 1,
                      "the only sample of a set has no neighbour");
  const Index count = queries.shape().front();
  std::vector<Neighbour> result(static_cast<std::size_t>(count));
  const auto norms = squared_norms(references);
  parallel_for_pieces(count, 96, [&](Index begin, Index end) {
    find_nearest(queries, references, norms, self, begin, end - begin, result.data());
  });
  return result;
}

/// The median.
[[nodiscard]] inline double median(std::vector<float> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  const auto upper = static_cast<double>(values[half]);
  return values.size() % 2 == 1 ? upper : 0.5 * (upper + static_cast<double>(values[half - 1]));
}

}  // namespace detail

/// The nearest of `references` to each of `queries`, by Euclidean distance.
/// @throws ShapeError unless both have samples, of the same number of elements.
[[nodiscard]] inline std::vector<Neighbour> nearest_neighbours(TensorView<const float> queries,
                                                               TensorView<const float> references) {
  return detail::nearest(queries, references, detail::Self::allowed);
}

/// What a two-sample test found: see `nearest_neighbour_test`.
struct TwoSampleResult {
  double accuracy = 0;            ///< over both: 0.5 is perfect
  double real_accuracy = 0;       ///< below 0.5: real images are surrounded by generated ones
  double generated_accuracy = 0;  ///< near 1: generated images are surrounded by generated ones
};

/// The accuracy of telling real from generated samples by their nearest neighbour among all others
/// (leave-one-out 1-NN two-sample test; Lopez-Paz and Oquab, "Revisiting classifier two-sample
/// tests", 2017; Xu et al., "An empirical study on evaluation metrics of GANs", 2018). 0.5 when the
/// two cannot be told apart, 1 when they are apart, below 0.5 when generated samples are copies of
/// the real ones. A tie counts as half a success.
/// @param real, generated as many samples each
/// @throws ShapeError unless both have as many samples, at least two, of the same size;
/// DivergenceError for a sample without a neighbour, as of NaN.
[[nodiscard]] inline TwoSampleResult nearest_neighbour_test(TensorView<const float> real,
                                                            TensorView<const float> generated) {
  require<ShapeError>(!real.empty() && real.shape().front() == generated.shape().front(),
                      "a two-sample test needs as many generated samples as real ones, got ",
                      real.shape(), " and ", generated.shape());
  const auto found_out = [](TensorView<const float> own, TensorView<const float> others,
                            std::string_view samples) {
    const auto near_own = detail::nearest(own, own, detail::Self::excluded);
    const auto near_other = detail::nearest(own, others, detail::Self::allowed);
    detail::require_found(near_own, samples);
    detail::require_found(near_other, samples);
    double correct = 0;
    for (std::size_t i = 0; i < near_own.size(); ++i) {
      if (near_own[i].distance < near_other[i].distance) correct += 1;
      if (near_own[i].distance == near_other[i].distance) correct += 0.5;
    }
    return correct / static_cast<double>(near_own.size());
  };
  TwoSampleResult result;
  result.real_accuracy = found_out(real, generated, "real ones");
  result.generated_accuracy = found_out(generated, real, "generated ones");
  result.accuracy = 0.5 * (result.real_accuracy + result.generated_accuracy);
  return result;
}

/// Whether a generator copies its training set: see `memorisation`.
struct Memorisation {
  double generated_distance =
      0;                     ///< median distance of generated samples to the nearest learned one
  double test_distance = 0;  ///< the same of test samples
  /// The probability that a generated sample is nearer to the learned ones than a test sample is:
  /// 0.5 when there is no difference, 1 when all generated samples are copies.
  double nearer = 0;
  /// The share of generated samples nearer to a learned one than 99 of 100 test samples are: 0.01
  /// when there is no difference.
  double copies = 0;
  std::vector<Neighbour> neighbours;  ///< the nearest learned sample to each generated one
};

namespace detail {

/// The probability that a value of `a` is below one of `b`, ties counting half (the Mann-Whitney
/// statistic, scaled). Both are sorted.
[[nodiscard]] inline double probability_below(const std::vector<float>& a,
                                              const std::vector<float>& b) {
  double pairs = 0;
  for (const float value : a) {
    const auto [equal, above] = std::equal_range(b.begin(), b.end(), value);
    pairs += static_cast<double>(b.end() - above) + 0.5 * static_cast<double>(above - equal);
  }
  return pairs / (static_cast<double>(a.size()) * static_cast<double>(b.size()));
}

[[nodiscard]] inline std::vector<float> sorted_distances(const std::vector<Neighbour>& neighbours) {
  std::vector<float> distances;
  for (const Neighbour& neighbour : neighbours) distances.push_back(neighbour.distance);
  std::sort(distances.begin(), distances.end());
  return distances;
}

}  // namespace detail

/// Compares the distances of generated samples and test samples to the training set (after Meehan
/// et al., "A non-parametric test to detect data-copying in generative models", 2020).
/// @throws ShapeError unless all three have samples, of the same size; DivergenceError for a sample
/// without a neighbour, as of NaN.
[[nodiscard]] inline Memorisation memorisation(TensorView<const float> learned,
                                               TensorView<const float> test,
                                               TensorView<const float> generated) {
  Memorisation result;
  result.neighbours = nearest_neighbours(generated, learned);
  const auto usual_neighbours = nearest_neighbours(test, learned);
  detail::require_found(result.neighbours, "generated ones");
  detail::require_found(usual_neighbours, "test set");
  const std::vector<float> near = detail::sorted_distances(result.neighbours);
  const std::vector<float> usual = detail::sorted_distances(usual_neighbours);
  result.generated_distance = detail::median(near);
  result.test_distance = detail::median(usual);
  result.nearer = detail::probability_below(near, usual);
  const float limit = usual[usual.size() / 100];
  const auto copies = std::lower_bound(near.begin(), near.end(), limit) - near.begin();
  result.copies = static_cast<double>(copies) / static_cast<double>(near.size());
  return result;
}

}  // namespace nn
