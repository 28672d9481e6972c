/// @file
/// Numbers of any shape with labels, with tensors as targets, or with both.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nn/core/tensor.hpp"
#include "nn/data/class_labels.hpp"
#include "nn/data/data_source.hpp"

namespace nn {

/// Samples of floats of any one shape, and what is wanted for each: a label, a tensor (regression,
/// several labels at once, another signal), or both (soft labels). A value that is cheap to copy,
/// because copies, subsets and concatenations share the numbers. Nothing of it ever changes, so any
/// number of threads may read.
///
///     const nn::TensorDataset xor_gate(nn::Tensor<float>({4, 2}, {0, 0, 0, 1, 1, 0, 1, 1}),
///                                      nn::Tensor<float>({4, 1}, {0, 1, 1, 0}));
class TensorDataset {
 public:
  /// No samples.
  TensorDataset() : contents_(std::make_shared<const Contents>()) {}

  /// Takes over `inputs`, N x ..., and their N labels. Without class names the classes are "0",
  /// "1", ... up to the highest label.
  /// @throws ShapeError when there are not as many inputs as labels, and Error for a label below 0
  /// or beyond the class names, which says where it stands.
  TensorDataset(Tensor<float> inputs, std::vector<Label> labels,
                std::vector<std::string> class_names = {}, std::string name = {})
      : contents_(with(start(std::move(inputs), std::move(name)), std::move(labels),
                       std::move(class_names))) {}

  /// Takes over `inputs`, N x ..., and `targets`, N x ... of any other shape: N x 1 for one number.
  /// @throws ShapeError when there are not as many inputs as targets.
  TensorDataset(Tensor<float> inputs, Tensor<float> targets, std::string name = {})
      : contents_(with(start(std::move(inputs), std::move(name)), std::move(targets))) {}

  [[nodiscard]] Index size() const { return static_cast<Index>(contents_->inputs.starts.size()); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// Of every input.
  [[nodiscard]] const Shape& sample_shape() const { return contents_->sample_shape; }
  /// Of every target; {0} where there are none.
  [[nodiscard]] const Shape& target_shape() const { return contents_->target_shape; }
  /// Whether samples have tensors as targets.
  [[nodiscard]] bool has_targets() const { return target_shape() != Shape{0}; }
  /// Whether samples have labels.
  [[nodiscard]] bool has_labels() const { return contents_->has_labels; }
  /// The number of classes; 0 without labels.
  [[nodiscard]] Index classes() const { return static_cast<Index>(class_names().size()); }
  /// One name a class.
  [[nodiscard]] const std::vector<std::string>& class_names() const {
    return contents_->class_names;
  }
  /// What the inputs' columns (their last axis) are called; none where nobody said.
  [[nodiscard]] const std::vector<std::string>& feature_names() const {
    return contents_->feature_names;
  }
  /// What the targets' columns (their last axis) are called; none where nobody said.
  [[nodiscard]] const std::vector<std::string>& target_names() const {
    return contents_->target_names;
  }
  /// What the data set is called in messages.
  [[nodiscard]] const std::string& name() const { return contents_->name; }
  /// Whether samples weigh differently.
  [[nodiscard]] bool weighted() const { return contents_->weighted; }

  /// Input `index`. @throws Error when there is no such sample.
  [[nodiscard]] TensorView<const float> input(Index index) const {
    return {contents_->inputs.starts[checked(index)], sample_shape()};
  }
  /// Target `index`. @throws Error when there is no such sample, or no targets.
  [[nodiscard]] TensorView<const float> target(Index index) const {
    require(has_targets(), *this, " has no tensors as targets");
    return {contents_->targets.starts[checked(index)], target_shape()};
  }
  /// The class of sample `index`. @throws Error when there is no such sample, or no labels.
  [[nodiscard]] Label label(Index index) const {
    require(has_labels(), *this, " has no labels");
    return contents_->labels[checked(index)];
  }
  /// The classes of all samples, in their order; empty without labels.
  [[nodiscard]] TensorView<const Label> labels() const {
    return {contents_->labels.data(), Shape{static_cast<Index>(contents_->labels.size())}};
  }
  /// How much sample `index` counts in the loss: 1 where nobody said.
  /// @throws Error when there is no such sample.
  [[nodiscard]] double weight(Index index) const {
    const std::size_t position = checked(index);
    return weighted() ? static_cast<double>(contents_->weights[position]) : 1.0;
  }

  /// Writes sample `index`, as a `DataSource` does.
  template <class T>
  void read(Index index, Sample<T>& sample) const {
    const std::size_t position = checked(index);
    copy(contents_->inputs.starts[position], sample.input);
    if (has_targets()) copy(contents_->targets.starts[position], sample.target);
    if (has_labels()) sample.label = contents_->labels[position];
    if (weighted()) sample.weight = static_cast<double>(contents_->weights[position]);
  }

  /// All inputs in one tensor, N x ...
  template <class T = float>
  [[nodiscard]] Tensor<T> inputs() const {
    return gathered<T>(contents_->inputs.starts, sample_shape());
  }
  /// All targets in one tensor, N x ... @throws Error where there are none.
  template <class T = float>
  [[nodiscard]] Tensor<T> targets() const {
    require(has_targets(), *this, " has no tensors as targets");
    return gathered<T>(contents_->targets.starts, target_shape());
  }

  /// How many samples each class has.
  [[nodiscard]] std::vector<Index> class_counts() const {
    std::vector<Index> counts(class_names().size());
    for (const Label label : labels()) ++counts[static_cast<std::size_t>(label)];
    return counts;
  }

  /// The samples at the given positions, in that order; a position may come more than once.
  /// @throws Error for a position outside [0, size()).
  [[nodiscard]] TensorDataset subset(std::span<const Index> indices) const;
  /// The `count` samples from `first` on. @throws Error when there are not so many.
  [[nodiscard]] TensorDataset slice(Index first, Index count) const;
  /// The samples of `first` and then those of `second`, named as `first` is.
  /// @throws Error when shapes, classes, or what there is of labels, targets and weights differ.
  [[nodiscard]] friend TensorDataset concatenate(const TensorDataset& first,
                                                 const TensorDataset& second) {
    return first.joined(second);
  }

  /// @{ The same samples with something else in place of, or besides, what they have.
  /// @throws ShapeError when there is not one a sample, Error for what cannot be one.

  /// Other inputs, N x ..., such as the same ones standardised.
  [[nodiscard]] TensorDataset with_inputs(Tensor<float> inputs) const;
  /// Tensors as targets, N x ...
  [[nodiscard]] TensorDataset with_targets(Tensor<float> targets) const;
  /// The inputs themselves as targets, as for an autoencoder. They are stored once.
  [[nodiscard]] TensorDataset with_inputs_as_targets() const;
  /// Labels.
  [[nodiscard]] TensorDataset with_labels(std::vector<Label> labels,
                                          std::vector<std::string> class_names = {}) const;
  /// How much each counts in the loss: finite, not negative.
  [[nodiscard]] TensorDataset with_weights(std::vector<float> weights) const;
  /// Names of the inputs' and of the targets' columns; none, or as many as the last axis has.
  [[nodiscard]] TensorDataset with_column_names(std::vector<std::string> features,
                                                std::vector<std::string> targets = {}) const;
  /// Another name.
  [[nodiscard]] TensorDataset with_name(std::string name) const;
  /// @}

  /// "housing (506 samples of 13)"
  [[nodiscard]] std::string to_string() const {
    return detail::text(name().empty() ? "a data set" : name(), " (", size(), " samples of ",
                        sample_shape(), ")");
  }

 private:
  /// One tensor a sample.
  struct Rows {
    std::vector<std::shared_ptr<const Tensor<float>>> blocks;  ///< own the numbers
    std::vector<const float*> starts;                          ///< of every sample's, therein
  };
  struct Contents {
    Rows inputs;
    Rows targets;
    std::vector<Label> labels;
    std::vector<float> weights;
    Shape sample_shape{0};
    Shape target_shape{0};
    bool has_labels = false;
    bool weighted = false;
    std::vector<std::string> class_names;
    std::vector<std::string> feature_names;
    std::vector<std::string> target_names;
    std::string name;
  };
  using Made = std::shared_ptr<const Contents>;

  explicit TensorDataset(Made contents) : contents_(std::move(contents)) {}
  explicit TensorDataset(Contents contents)
      : contents_(std::make_shared<const Contents>(std::move(contents))) {}

  static Contents start(Tensor<float>&& inputs, std::string&& name);
  static Made with(Contents contents, std::vector<Label>&& labels,
                   std::vector<std::string>&& class_names);
  static Made with(Contents contents, Tensor<float>&& targets);
  static Rows rows_of(Tensor<float>&& block);
  static void append(Rows& rows, const Rows& more);
  static void check_columns(const std::vector<std::string>& names, const Shape& shape,
                            const char* what);
  [[nodiscard]] TensorDataset joined(const TensorDataset& other) const;

  template <class T>
  static void copy(const float* from, TensorView<T> to) {
    std::copy(from, from + to.size(), to.begin());
  }

  template <class T>
  [[nodiscard]] static Tensor<T> gathered(const std::vector<const float*>& rows,
                                          const Shape& shape) {
    Tensor<T> result(shape.prepended(static_cast<Index>(rows.size())));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      copy(rows[i], result.sample(static_cast<Index>(i)));
    }
    return result;
  }

  [[nodiscard]] std::size_t checked(Index index) const {
    require(index >= 0 && index < size(), "sample ", index, " of ", *this);
    return static_cast<std::size_t>(index);
  }

  Made contents_;
};

}  // namespace nn

#include "nn/data/tensor_dataset_parts.hpp"
