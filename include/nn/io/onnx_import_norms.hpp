/// @file
/// ONNX nodes that normalise each sample by itself, as layers.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/onnx_import_chain.hpp"
#include "nn/layers/group_norm.hpp"
#include "nn/layers/layer_norm.hpp"
#include "nn/layers/rms_norm.hpp"

namespace nn::detail {

/// @throws Error unless the node normalises along the last axis, and that of the channels.
inline void expect_last_axis(const OnnxNode& node, const ImportedChain& chain) {
  const Index rank = chain.shape.rank() + 1;
  const Index axis = node.axis(-1, rank);
  node.expect(axis == rank - 1 && channel_axis(chain) == axis,
              "only the last axis, where it is that of the features, is supported, not ", axis,
              " of samples of ", chain.shape);
}

/// Input `index` as a weight of a normalisation: one element for each of `count` channels.
inline bool take_channels(const OnnxNode& node, int index, Index count, const char* name,
                          std::map<std::string, OnnxConstant>& weights) {
  if (!node.has_input(index)) return false;
  OnnxConstant constant = node.constant(index);
  node.expect(static_cast<Index>(constant.values.size()) == count, "input ", index, " has ",
              constant.values.size(), " elements for ", count, " channels");
  weights[name] = {{count}, std::move(constant.values)};
  return true;
}

inline void import_layer_norm(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"axis", "epsilon", "stash_type"});
  expect_last_axis(node, chain);
  std::map<std::string, OnnxConstant> weights;
  LayerNorm layer{.epsilon = node.number("epsilon", 1e-5F)};
  layer.scale = take_channels(node, 1, chain.shape.back(), "weight", weights);
  layer.shift = take_channels(node, 2, chain.shape.back(), "bias", weights);
  chain.append(layer, std::move(weights));
}

inline void import_rms_norm(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"axis", "epsilon", "stash_type"});
  expect_last_axis(node, chain);
  std::map<std::string, OnnxConstant> weights;
  RMSNorm layer{.epsilon = node.number("epsilon", 1e-5F)};
  layer.scale = take_channels(node, 1, chain.shape.back(), "weight", weights);
  chain.append(layer, std::move(weights));
}

inline void import_instance_norm(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"consumed_inputs", "epsilon"});
  expect_image(node, chain);
  std::map<std::string, OnnxConstant> weights;
  InstanceNorm layer{.epsilon = node.number("epsilon", 1e-5F)};
  layer.scale = take_channels(node, 1, chain.shape[2], "weight", weights);
  layer.shift = take_channels(node, 2, chain.shape[2], "bias", weights);
  chain.append(layer, std::move(weights));
}

/// Scale and shift are those of groups before opset 21, and of channels from there on.
inline void import_group_norm(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"epsilon", "num_groups", "stash_type"});
  expect_image(node, chain);
  const Index channels = chain.shape[2];
  const Index groups = node.integer("num_groups", 0);
  node.expect(groups > 0 && channels % groups == 0, groups, " groups of ", channels, " channels");
  std::map<std::string, OnnxConstant> weights;
  const auto take = [&](int index, const char* name) {
    const bool of_groups =
        node.opset() < 21 && node.has_input(index) && node.constant(index).extents.size() == 1;
    if (!take_channels(node, index, of_groups ? groups : channels, name, weights)) return false;
    if (!of_groups) return true;
    const std::vector<double> values = std::move(weights[name].values);
    weights[name] = {{channels}, {}};
    for (Index channel = 0; channel < channels; ++channel) {
      weights[name].values.push_back(
          values[static_cast<std::size_t>(channel / (channels / groups))]);
    }
    return true;
  };
  GroupNorm layer{.groups = groups, .epsilon = node.number("epsilon", 1e-5F)};
  layer.scale = take(1, "weight");
  layer.shift = take(2, "bias");
  chain.append(layer, std::move(weights));
}

}  // namespace nn::detail
