/// @file
/// What `fit`, `evaluate`, `predict`, `features`, the Loader and the splits ask of data.
#pragma once

#include <concepts>

#include "nn/core/tensor.hpp"

namespace nn {

/// One sample, as a data source writes it: `input` always, the others as the source has them.
template <class T = float>
struct Sample {
  TensorView<T> input;   ///< to be written: the source's `sample_shape()`
  TensorView<T> target;  ///< to be written by a source with a `target_shape()`
  Label label = 0;       ///< to be set by a source with `classes()`
  double weight = 1;     ///< may be set by a source that is `weighted()`
  Index epoch = 0;       ///< of the training, 0 for the first: for data that change with it
};

/// Data to train, evaluate or predict on: anything with these members, all of them const.
///
///     nn::Index size() const;           // the number of samples; of an epoch, if there is no end
///     nn::Shape sample_shape() const;   // of an input
///     void read(nn::Index index, nn::Sample<float>& sample) const;
///
/// and, to train on or to measure by, either or both of
///
///     nn::Index classes() const;        // the targets are labels below it; 0: none
///     nn::Shape target_shape() const;   // the targets are tensors; nn::Shape{0}: none
///
/// `read` writes sample `index` (0 to size() - 1). What it writes must depend on the index only,
/// and for endless data on `sample.epoch`: then a training can be repeated and resumed. It is
/// called from one thread at a time, but not always from the same. A model of doubles converts
/// floats, unless `read` takes `nn::Sample<double>&` as well. A source may also have
///
///     bool weighted() const;              // whether samples weigh differently in the loss
///     std::vector<std::string> class_names() const;
///     std::string name() const;           // what messages call it
///     std::string settings() const;       // see below
///     auto subset(std::span<const nn::Index> indices) const;  // for the splits, if it has a
///     better one
///
/// A checkpoint identifies data by their content: it reads all samples once, as of epoch 0. A
/// source whose `settings()` are not empty is identified by these instead.
///
/// `Dataset`, `TensorDataset` and `GeneratedDataset` are such sources.
template <class Source>
concept DataSource = requires(const Source& source) {
  { source.size() } -> std::convertible_to<Index>;
  { source.sample_shape() } -> std::convertible_to<Shape>;
}
&&(
    requires(const Source& source, Sample<float>& sample) { source.read(Index{}, sample); } ||
    requires(const Source& source, Sample<double>& sample) { source.read(Index{}, sample); });

/// A source whose samples have labels.
template <class Source>
concept HasLabels = requires(const Source& source) {
  { source.classes() } -> std::convertible_to<Index>;
};

/// A source whose samples have tensors as targets.
template <class Source>
concept HasTargets = requires(const Source& source) {
  { source.target_shape() } -> std::convertible_to<Shape>;
};

namespace detail {

/// Stops the compiler with a message that says what a source lacks.
template <class Source>
constexpr void check_data_source() {
  static_assert(
      requires(const Source& source) {
        { source.size() } -> std::convertible_to<Index>;
      },
      "the data lack `nn::Index size() const`: the number of samples (see nn::DataSource)");
  static_assert(
      requires(const Source& source) {
        { source.sample_shape() } -> std::convertible_to<Shape>;
      },
      "the data lack `nn::Shape sample_shape() const`: of one input (see nn::DataSource)");
  static_assert(
      requires(const Source& source, Sample<float>& sample) { source.read(Index{}, sample); } ||
          requires(const Source& source, Sample<double>& sample) { source.read(Index{}, sample); },
      "the data lack `void read(nn::Index index, nn::Sample<float>& sample) const`, which writes "
      "sample.input and sets sample.label or writes sample.target (see nn::DataSource)");
}

/// Likewise, for data to train on or to measure by.
template <class Source>
constexpr void check_target_source() {
  check_data_source<Source>();
  static_assert(HasLabels<Source> || HasTargets<Source>,
                "the data lack `nn::Index classes() const` (where their targets are labels) or "
                "`nn::Shape target_shape() const` (where they are tensors; see nn::DataSource)");
}

}  // namespace detail
}  // namespace nn
