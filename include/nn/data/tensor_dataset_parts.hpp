/// @file
/// How a TensorDataset is put together from numbers, and taken apart.
#pragma once

#include "nn/data/tensor_dataset.hpp"

namespace nn {

[[gnu::cold]] inline TensorDataset::Contents TensorDataset::start(Tensor<float>&& inputs,
                                                                  std::string&& name) {
  require<ShapeError>(inputs.shape().rank() >= 2, name, name.empty() ? "" : ": ",
                      "a data set takes inputs of shape N x ..., got ", inputs.shape());
  Contents contents;
  contents.name = std::move(name);
  contents.sample_shape = inputs.shape().without_front();
  contents.inputs = rows_of(std::move(inputs));
  return contents;
}

[[gnu::cold]] inline TensorDataset::Rows TensorDataset::rows_of(Tensor<float>&& block) {
  const Index size = block.shape().without_front().size();
  Rows rows;
  rows.starts.resize(static_cast<std::size_t>(block.shape().front()));
  rows.blocks.push_back(std::make_shared<const Tensor<float>>(std::move(block)));
  const float* next = rows.blocks.front()->data();
  for (const float*& start : rows.starts) {
    start = next;
    next += size;
  }
  return rows;
}

[[gnu::cold]] inline void TensorDataset::append(Rows& rows, const Rows& more) {
  rows.blocks.insert(rows.blocks.end(), more.blocks.begin(), more.blocks.end());
  rows.starts.insert(rows.starts.end(), more.starts.begin(), more.starts.end());
}

[[gnu::cold]] inline TensorDataset::Made TensorDataset::with(
    Contents contents, std::vector<Label>&& labels, std::vector<std::string>&& class_names) {
  const std::string& name = contents.name;
  require<ShapeError>(contents.inputs.starts.size() == labels.size(), name,
                      name.empty() ? "" : ": ", contents.inputs.starts.size(), " inputs with ",
                      labels.size(), " labels");
  if (class_names.empty()) class_names = detail::numbered_classes(detail::classes_in(labels));
  detail::check_labels(labels, static_cast<Index>(class_names.size()), name);
  contents.labels = std::move(labels);
  contents.class_names = std::move(class_names);
  contents.has_labels = true;
  return std::make_shared<const Contents>(std::move(contents));
}

[[gnu::cold]] inline TensorDataset::Made TensorDataset::with(Contents contents,
                                                             Tensor<float>&& targets) {
  const std::string& name = contents.name;
  const auto count = static_cast<Index>(contents.inputs.starts.size());
  require<ShapeError>(targets.shape().rank() >= 2 && targets.shape().front() == count, name,
                      name.empty() ? "" : ": ", count, " inputs need targets of shape ", count,
                      " x ..., got ", targets.shape());
  contents.target_shape = targets.shape().without_front();
  require<ShapeError>(contents.target_shape.size() > 0, name, name.empty() ? "" : ": ",
                      "targets of shape ", contents.target_shape, " hold nothing");
  contents.target_names.clear();
  contents.targets = rows_of(std::move(targets));
  return std::make_shared<const Contents>(std::move(contents));
}

[[gnu::cold]] inline TensorDataset TensorDataset::subset(std::span<const Index> indices) const {
  Contents part = *contents_;
  const auto pick = [&](const auto& from, auto& to) {
    to.clear();
    if (from.empty()) return;
    to.reserve(indices.size());
    for (const Index index : indices) to.push_back(from[checked(index)]);
  };
  for (const Index index : indices) (void)checked(index);
  pick(contents_->inputs.starts, part.inputs.starts);
  pick(contents_->targets.starts, part.targets.starts);
  pick(contents_->labels, part.labels);
  pick(contents_->weights, part.weights);
  return TensorDataset(std::move(part));
}

[[gnu::cold]] inline TensorDataset TensorDataset::slice(Index first, Index count) const {
  require(first >= 0 && count >= 0 && first + count <= size(), "samples ", first, " to ",
          first + count, " of ", *this);
  std::vector<Index> indices(static_cast<std::size_t>(count));
  for (Index i = 0; i < count; ++i) indices[static_cast<std::size_t>(i)] = first + i;
  return subset(indices);
}

[[gnu::cold]] inline TensorDataset TensorDataset::joined(const TensorDataset& other) const {
  require<ShapeError>(sample_shape() == other.sample_shape(), "cannot join samples of ",
                      sample_shape(), " and of ", other.sample_shape());
  require<ShapeError>(target_shape() == other.target_shape(), "cannot join targets of ",
                      target_shape(), " and of ", other.target_shape());
  require(has_labels() == other.has_labels() && class_names() == other.class_names(),
          "cannot join ", *this, " and ", other, ": their classes differ");
  require(weighted() == other.weighted(), "cannot join ", *this, " and ", other,
          ": only one has weights");
  Contents both = *contents_;
  const Contents& more = *other.contents_;
  append(both.inputs, more.inputs);
  append(both.targets, more.targets);
  both.labels.insert(both.labels.end(), more.labels.begin(), more.labels.end());
  both.weights.insert(both.weights.end(), more.weights.begin(), more.weights.end());
  return TensorDataset(std::move(both));
}

[[gnu::cold]] inline TensorDataset TensorDataset::with_inputs(Tensor<float> inputs) const {
  Contents same = *contents_;
  require<ShapeError>(inputs.shape().rank() >= 2 && inputs.shape().front() == size(), *this,
                      " needs inputs of shape ", size(), " x ..., got ", inputs.shape());
  same.sample_shape = inputs.shape().without_front();
  if (sample_shape() != same.sample_shape) same.feature_names.clear();
  same.inputs = rows_of(std::move(inputs));
  return TensorDataset(std::move(same));
}

[[gnu::cold]] inline TensorDataset TensorDataset::with_targets(Tensor<float> targets) const {
  return TensorDataset(with(*contents_, std::move(targets)));
}

[[gnu::cold]] inline TensorDataset TensorDataset::with_inputs_as_targets() const {
  Contents same = *contents_;
  same.targets = same.inputs;
  same.target_shape = same.sample_shape;
  same.target_names = same.feature_names;
  return TensorDataset(std::move(same));
}

[[gnu::cold]] inline TensorDataset TensorDataset::with_labels(
    std::vector<Label> labels, std::vector<std::string> class_names) const {
  return TensorDataset(with(*contents_, std::move(labels), std::move(class_names)));
}

[[gnu::cold]] inline TensorDataset TensorDataset::with_weights(std::vector<float> weights) const {
  require<ShapeError>(static_cast<Index>(weights.size()) == size(), weights.size(), " weights for ",
                      *this);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    require(std::isfinite(weights[i]) && weights[i] >= 0, "sample ", i, " of ", *this,
            " cannot have the weight ", weights[i]);
  }
  Contents same = *contents_;
  same.weights = std::move(weights);
  same.weighted = true;
  return TensorDataset(std::move(same));
}

[[gnu::cold]] inline void TensorDataset::check_columns(const std::vector<std::string>& names,
                                                       const Shape& shape, const char* what) {
  require<ShapeError>(names.empty() || static_cast<Index>(names.size()) == shape.back(),
                      names.size(), " names for ", what, " of shape ", shape);
}

[[gnu::cold]] inline TensorDataset TensorDataset::with_column_names(
    std::vector<std::string> features, std::vector<std::string> targets) const {
  check_columns(features, sample_shape(), "inputs");
  check_columns(targets, target_shape(), "targets");
  Contents same = *contents_;
  same.feature_names = std::move(features);
  same.target_names = std::move(targets);
  return TensorDataset(std::move(same));
}

[[gnu::cold]] inline TensorDataset TensorDataset::with_name(std::string name) const {
  Contents same = *contents_;
  same.name = std::move(name);
  return TensorDataset(std::move(same));
}

}  // namespace nn
