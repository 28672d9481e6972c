/// @file
/// Parts of any data source: by fractions, in k folds, by class. Every part is a function of the
/// data, the options and nothing else; parts of one split share no image and leave none out.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "nn/data/batch.hpp"
#include "nn/data/dataset.hpp"
#include "nn/data/sample_reader.hpp"
#include "nn/data/subset.hpp"

namespace nn {

/// How a data set is split.
struct SplitOptions {
  bool stratified = true;  ///< every part has every class in the whole's proportion; where samples
                           ///< have no labels, parts are random
  std::uint64_t seed = 0;  ///< of the choice
};

/// What one round of a cross-validation learns from, and is validated on.
template <class Part>
struct FoldOf {
  Part train;       ///< all but the validation's
  Part validation;  ///< each sample in one fold's
};

/// A round on images.
using Fold = FoldOf<Dataset>;

namespace detail {

/// Rounds the sizes n_c * f_k of part k of class c to whole numbers that add up to n_c in every
/// class. Each is off by less than one. The samples that rounding down leaves over in a class go to
/// the parts that lack most over all classes, so that the errors of a part do not add up.
class PartSizes {
 public:
  PartSizes(std::span<const double> fractions, Index samples) : fractions_(fractions) {
    for (const double fraction : fractions)
      lacking_.push_back(fraction * static_cast<double>(samples));
  }

  /// The sizes of the parts of the next class, of `count` samples. All classes have to be announced
  /// before the first.
  [[nodiscard]] std::vector<Index> of_class(Index count) {
    std::vector<Index> sizes = rounded_down(count);
    Index left = count;
    for (const Index size : sizes) left -= size;
    std::vector<std::size_t> parts = parts_with_remainder(count);
    std::stable_sort(parts.begin(), parts.end(),
                     [this](std::size_t a, std::size_t b) { return lacking_[a] > lacking_[b]; });
    for (Index i = 0; i < left; ++i) {
      const std::size_t part = parts[static_cast<std::size_t>(i)];
      ++sizes[part];
      lacking_[part] -= 1;
    }
    return sizes;
  }

  /// Tells that there is a class of `count` samples.
  void announce(Index count) {
    const std::vector<Index> sizes = rounded_down(count);
    for (std::size_t part = 0; part < sizes.size(); ++part)
      lacking_[part] -= static_cast<double>(sizes[part]);
  }

 private:
  /// Forgives the rounding of a product such as 0.29 * 100.
  static constexpr double tolerance = 1e-6;

  [[nodiscard]] std::vector<Index> rounded_down(Index count) const {
    std::vector<Index> sizes;
    for (const double fraction : fractions_) {
      const double size = fraction * static_cast<double>(count);
      sizes.push_back(static_cast<Index>(std::floor(size + tolerance)));
    }
    return sizes;
  }

  [[nodiscard]] std::vector<std::size_t> parts_with_remainder(Index count) const {
    std::vector<std::size_t> parts;
    for (std::size_t part = 0; part < fractions_.size(); ++part) {
      const double size = fractions_[part] * static_cast<double>(count);
      if (size - std::floor(size + tolerance) > tolerance) parts.push_back(part);
    }
    return parts;
  }

  std::span<const double> fractions_;
  std::vector<double> lacking_;  ///< what each part is still to get of the samples left over
};

inline void check_fractions(std::span<const double> fractions) {
  double sum = 0;
  for (const double fraction : fractions) {
    require(fraction >= 0 && fraction <= 1, "a part of ", fraction, " of a data set");
    sum += fraction;
  }
  require(std::abs(sum - 1) < 1e-6, "the parts of a split add up to ", sum, " instead of 1");
}

/// The class of every sample.
[[gnu::cold]] [[nodiscard]] inline std::vector<Label> labels_of(const DataView& data) {
  if (const Dataset* images = data.images()) {
    return {images->labels().begin(), images->labels().end()};
  }
  SampleReader<float> read(data);
  Tensor<float> input(read.facts().sample_shape);
  Tensor<float> target(read.facts().target_shape);
  std::vector<Label> labels;
  for (Index i = 0; i < read.facts().size; ++i) {
    Sample<float> sample{input, target};
    read(i, sample);
    labels.push_back(sample.label);
  }
  return labels;
}

/// The positions of each class's samples, or all of them as one class, each in a random order.
[[nodiscard]] inline std::vector<std::vector<Index>> shuffled_classes(const DataView& data,
                                                                      const SplitOptions& options) {
  const bool stratified = options.stratified && data.classes() > 0;
  const std::vector<Label> labels = stratified ? labels_of(data) : std::vector<Label>();
  std::vector<std::vector<Index>> classes(stratified ? static_cast<std::size_t>(data.classes())
                                                     : 1);
  const Index count = data.size();
  for (Index i = 0; i < count; ++i)
    classes[stratified ? static_cast<std::size_t>(labels[static_cast<std::size_t>(i)]) : 0]
        .push_back(i);
  for (std::size_t c = 0; c < classes.size(); ++c)
    data_random(options.seed, DataStream::split, c).shuffle(std::span<Index>(classes[c]));
  return classes;
}

}  // namespace detail

/// The positions of the samples of each part, in increasing order.
/// @throws Error unless the fractions are in [0, 1] and add up to 1.
[[nodiscard]] inline std::vector<std::vector<Index>> split_indices(
    const DataView& data, std::span<const double> fractions, const SplitOptions& options = {}) {
  detail::check_fractions(fractions);
  const auto classes = detail::shuffled_classes(data, options);
  detail::PartSizes part_sizes(fractions, data.size());
  for (const auto& samples : classes) part_sizes.announce(static_cast<Index>(samples.size()));
  std::vector<std::vector<Index>> parts(fractions.size());
  for (const auto& samples : classes) {
    auto next = samples.begin();
    const auto sizes = part_sizes.of_class(static_cast<Index>(samples.size()));
    for (std::size_t part = 0; part < parts.size(); ++part) {
      parts[part].insert(parts[part].end(), next, next + sizes[part]);
      next += sizes[part];
    }
  }
  for (auto& part : parts) std::sort(part.begin(), part.end());
  return parts;
}

/// Random parts of a data set:
///
///     auto [train, validation, test] = nn::split(data, {0.6, 0.2, 0.2}, {.seed = 1});
///
/// The size of each class in a part, where stratified, is off its fraction by less than one sample;
/// the size of a whole part by less than two, and by less than one when there are two parts or all
/// are equal. Any `DataSource` can be split; the parts of one that has no `subset` refer to it.
/// @throws Error unless the fractions are in [0, 1] and add up to 1.
template <class Source, std::size_t Parts>
[[nodiscard]] std::array<PartOf<Source>, Parts> split(
    const Source& data, const double (&fractions)[Parts],  // NOLINT: braces
    const SplitOptions& options = {}) {
  const auto indices = split_indices(data, fractions, options);
  std::array<PartOf<Source>, Parts> parts;
  for (std::size_t part = 0; part < Parts; ++part) {
    parts[part] = detail::part_of(data, indices[part]);
  }
  return parts;
}

/// The rounds of a k-fold cross-validation: the data set is cut into k random parts of the same
/// size (within one sample), each of which is the validation set of one round.
/// @throws Error unless k is at least 2 and there are k samples.
template <class Source>
[[nodiscard]] std::vector<FoldOf<PartOf<Source>>> k_folds(const Source& data, Index k,
                                                          const SplitOptions& options = {}) {
  require(k >= 2 && k <= data.size(), k, " folds of ", DataView(data),
          "; expected 2 folds at least, and no more than samples");
  const std::vector<double> fractions(static_cast<std::size_t>(k), 1 / static_cast<double>(k));
  const auto parts = split_indices(data, fractions, options);
  std::vector<FoldOf<PartOf<Source>>> folds;
  for (std::size_t out = 0; out < parts.size(); ++out) {
    std::vector<Index> rest;
    for (std::size_t part = 0; part < parts.size(); ++part) {
      if (part != out) rest.insert(rest.end(), parts[part].begin(), parts[part].end());
    }
    std::sort(rest.begin(), rest.end());
    folds.push_back({detail::part_of(data, rest), detail::part_of(data, parts[out])});
  }
  return folds;
}

/// `count` random samples, each at most once.
/// @throws Error when there are not so many.
template <class Source>
[[nodiscard]] PartOf<Source> random_subset(const Source& data, Index count,
                                           const SplitOptions& options = {}) {
  require(count >= 0 && count <= data.size() && data.size() > 0, count, " random samples of ",
          DataView(data));
  const double fraction = static_cast<double>(count) / static_cast<double>(data.size());
  return split(data, {fraction, 1 - fraction}, options)[0];
}

/// The images of one class, in their order.
/// @throws Error when there is no such class.
[[nodiscard]] inline Dataset images_of_class(const Dataset& data, Label label) {
  require(label >= 0 && label < data.classes(), "class ", label, " of the ", data.classes(), " of ",
          data);
  std::vector<Index> indices;
  for (Index i = 0; i < data.size(); ++i) {
    if (data.label(i) == label) indices.push_back(i);
  }
  return data.subset(indices);
}

}  // namespace nn
