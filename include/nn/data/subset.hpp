/// @file
/// Some of the samples of any data source.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nn/data/data_source.hpp"

namespace nn {

/// The samples at given positions of a source that has no `subset` of its own; a position may come
/// more than once. Refers to the source, which has to outlive it. Itself a `DataSource`, with
/// labels, targets and weights where the source has them.
template <class Source>
class Subset {
 public:
  /// No samples of no source: to be assigned to, and for nothing else.
  Subset() = default;
  /// @throws Error for a position outside [0, size()).
  Subset(const Source& source, std::span<const Index> indices)
      : source_(&source),
        indices_(std::make_shared<const std::vector<Index>>(indices.begin(), indices.end())) {
    for (const Index index : indices) {
      require(index >= 0 && index < source.size(), "sample ", index, " of a source of ",
              source.size());
    }
  }
  /// A temporary source would be gone before its samples are read.
  Subset(Source&& source, std::span<const Index> indices) = delete;

  [[nodiscard]] Index size() const {
    return indices_ == nullptr ? 0 : static_cast<Index>(indices_->size());
  }
  /// Of every input.
  [[nodiscard]] Shape sample_shape() const { return source_->sample_shape(); }
  /// The positions, in their order.
  [[nodiscard]] std::span<const Index> indices() const { return *indices_; }

  /// Writes sample `index`, as a `DataSource` does.
  template <class T>
  requires requires(const Source& source, Sample<T>& sample) { source.read(Index{}, sample); }
  void read(Index index, Sample<T>& sample) const {
    source_->read(indices_->at(static_cast<std::size_t>(index)), sample);
  }

  /// @{ As the source's, where it has them.
  [[nodiscard]] Index classes() const requires HasLabels<Source> { return source_->classes(); }
  [[nodiscard]] Shape target_shape() const requires HasTargets<Source> {
    return source_->target_shape();
  }
  [[nodiscard]] bool weighted() const requires requires(const Source& source) { source.weighted(); }
  { return source_->weighted(); }
  [[nodiscard]] std::vector<std::string> class_names() const requires
      requires(const Source& source) {
    source.class_names();
  }
  { return source_->class_names(); }
  [[nodiscard]] std::string name() const requires requires(const Source& source) { source.name(); }
  { return source_->name(); }
  /// @}

  /// Some of these samples. @throws Error for a position outside [0, size()).
  [[nodiscard]] Subset subset(std::span<const Index> places) const {
    std::vector<Index> picked;
    for (const Index place : places) {
      require(place >= 0 && place < size(), "sample ", place, " of a subset of ", size());
      picked.push_back((*indices_)[static_cast<std::size_t>(place)]);
    }
    return Subset(*source_, picked);
  }

 private:
  const Source* source_ = nullptr;
  std::shared_ptr<const std::vector<Index>> indices_;
};

namespace detail {

/// The samples at the given positions, as the source itself or a Subset has them.
template <class Source>
[[nodiscard]] auto part_of(const Source& source, std::span<const Index> indices) {
  check_data_source<Source>();
  if constexpr (requires { source.subset(indices); }) {
    return source.subset(indices);
  } else {
    return Subset<Source>(source, indices);
  }
}

}  // namespace detail

/// What parts of a source are: Datasets of a Dataset, Subsets of what has no parts of its own.
template <class Source>
using PartOf = decltype(detail::part_of(std::declval<const Source&>(), std::span<const Index>()));

}  // namespace nn
