/// @file
/// What each ONNX operation becomes, by its name, and which of its forms are refused.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <string>

#include "nn/io/onnx_import_chain.hpp"
#include "nn/io/onnx_import_dense.hpp"
#include "nn/io/onnx_import_norms.hpp"
#include "nn/io/onnx_import_resize.hpp"
#include "nn/io/onnx_import_sequences.hpp"
#include "nn/io/onnx_import_shapes.hpp"
#include "nn/io/onnx_import_windows.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/gated_linear_unit.hpp"
#include "nn/layers/hard_swish.hpp"
#include "nn/layers/mish.hpp"
#include "nn/layers/prelu.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/softmax.hpp"

namespace nn::detail {

inline void import_batch_norm(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes(
      {"consumed_inputs", "epsilon", "is_test", "momentum", "spatial", "training_mode"});
  node.expect(node.integer("training_mode", 0) == 0, "training_mode is not supported");
  node.expect(node.integer("spatial", 1) == 1, "spatial = 0 is not supported");
  node.expect(chain.shape.rank() == 1 || chain.shape.rank() == 3 || chain.has_rows,
              "only flat samples and images are supported, not ", chain.shape);
  if (chain.shape.rank() == 3) expect_image(node, chain);
  std::map<std::string, OnnxConstant> weights;
  int index = 1;
  for (const char* name : {"weight", "bias", "running_mean", "running_var"}) {
    weights[name] = node.constant(index++, 1);
    node.expect(weights[name].extents[0] == chain.shape.back(), weights[name].extents[0],
                " elements for ", chain.shape.back(), " channels");
  }
  chain.append(BatchNorm{.momentum = 1 - node.number("momentum", 0.9F),
                         .epsilon = node.number("epsilon", 1e-5F)},
               std::move(weights));
}

inline void import_dropout(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"is_test", "ratio", "seed"});
  float rate = node.number("ratio", 0.5F);
  if (node.has_input(1)) {
    const OnnxConstant ratio = node.constant(1);
    node.expect(ratio.values.size() == 1, "a ratio of ", ratio.values.size(), " numbers");
    rate = static_cast<float>(ratio.values[0]);
  }
  if (node.has_input(2)) {
    for (const double value : node.constant(2).values) {
      node.expect(value == 0, "training_mode is not supported");
    }
  }
  node.expect(rate >= 0 && rate < 1, "a ratio of ", rate);
  chain.append(Dropout{rate});
}

/// Before opset 13 the default was axis 1, and all axes from there on were taken together.
template <class L>
void import_softmax(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"axis"});
  const Index rank = chain.shape.rank() + 1;
  const Index axis = node.axis(node.opset() < 13 ? 1 : -1, rank);
  const Index channels = channel_axis(chain);
  node.expect(axis == channels, "only the axis of the channels, ", channels,
              ", is supported, and it is ", axis);
  node.expect(node.opset() >= 13 || axis == rank - 1,
              "of images with the channel first it is supported from opset 13 on");
  chain.append(L{});
}

inline void import_leaky_relu(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"alpha", "consumed_inputs"});
  const float slope = node.number("alpha", 0.01F);
  node.expect(slope >= 0, "a slope of ", slope);
  if (slope == 0)
    chain.append(ReLU{});
  else
    chain.append(LeakyReLU{slope});
}

inline void import_prelu(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"consumed_inputs"});
  std::vector<double> slopes = channel_values(node, chain, 1);
  const auto count = static_cast<Index>(slopes.size());
  chain.append(PReLU{.per_channel = count == chain.shape.back()},
               {{"weight", {{count}, std::move(slopes)}}});
}

/// The limits are attributes before opset 11, and inputs from there on.
inline void import_clip(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"consumed_inputs", "max", "min"});
  constexpr float widest = std::numeric_limits<float>::max();
  const auto limit = [&](int index, const char* name, float otherwise) {
    if (!node.has_input(index)) return node.number(name, otherwise);
    const OnnxConstant given = node.constant(index);
    node.expect(given.values.size() == 1, name, " of ", given.values.size(), " numbers");
    return static_cast<float>(given.values[0]);
  };
  const Clip layer{limit(1, "min", -widest), limit(2, "max", widest)};
  node.expect(layer.low < layer.high, "the limits ", layer.low, " and ", layer.high);
  if (layer.low == 0 && layer.high >= widest)
    chain.append(ReLU{});
  else
    chain.append(layer);
}

inline void import_elu(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"alpha", "consumed_inputs"});
  node.expect(node.number("alpha", 1) >= 0, "an alpha of ", node.number("alpha", 1));
  chain.append(ELU{node.number("alpha", 1)});
}

inline void import_selu(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"alpha", "consumed_inputs", "gamma"});
  const auto alpha = static_cast<float>(SELU::alpha);
  const auto gamma = static_cast<float>(SELU::lambda);
  const bool usual = std::abs(node.number("alpha", alpha) - alpha) < 1e-4F &&
                     std::abs(node.number("gamma", gamma) - gamma) < 1e-4F;
  node.expect(usual, "only the constants of the paper are supported");
  chain.append(SELU{});
}

template <class L>
void import_simple(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"consumed_inputs"});
  chain.append(L{});
}

inline void import_gelu(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"approximate"});
  const std::string how = node.word("approximate", "none");
  node.expect(how == "none" || how == "tanh", "approximate '", how, "' is not supported");
  chain.append(GELU{.approximate = how == "tanh"});
}

/// One half of the channels times the sigmoid of the other: how io/onnx_compositions.hpp puts it.
inline void import_gated(const OnnxNode& node, ImportedChain& chain) {
  const Index axis = node.axis(-1, chain.shape.rank() + 1);
  node.expect(axis == channel_axis(chain) && chain.shape.back() % 2 == 0,
              "only halves of the channels are supported, and samples are ", chain.shape);
  chain.append(GatedLinearUnit{});
}

/// A concatenation of one value is that value.
inline void import_concat(const OnnxNode& node, ImportedChain& /*chain*/) {
  node.expect_attributes({"axis"});
  node.expect(!node.has_input(1), "a constant cannot be joined to what is computed");
}

inline void import_identity(const OnnxNode& node, ImportedChain& /*chain*/) {
  node.expect_attributes({});
}

/// The operations with one computed input, by name.
[[nodiscard]] inline const auto& onnx_operations() {
  static const std::map<std::string, std::function<void(const OnnxNode&, ImportedChain&)>> all{
      {"Add", import_bias},
      {"AveragePool", import_average_pool},
      {"BatchNormalization", import_batch_norm},
      {"Cast", import_cast},
      {"Clip", import_clip},
      {"Concat", import_concat},
      {"Conv", import_conv},
      {"ConvTranspose", import_conv_transpose},
      {"DepthToSpace", import_depth_to_space},
      {"Dropout", import_dropout},
      {"Elu", import_elu},
      {"Flatten", import_flatten},
      {"GRU", import_gru},
      {"Gather", import_gather},
      {"GatedLinearUnit", import_gated},
      {"Gelu", import_gelu},
      {"Gemm", import_gemm},
      {"GlobalAveragePool", import_global_average_pool},
      {"GlobalMaxPool", import_global_max_pool},
      {"GroupNormalization", import_group_norm},
      {"HardSwish", import_simple<HardSwish>},
      {"Identity", import_identity},
      {"InstanceNormalization", import_instance_norm},
      {"LSTM", import_lstm},
      {"LayerNormalization", import_layer_norm},
      {"LeakyRelu", import_leaky_relu},
      {"LogSoftmax", import_softmax<LogSoftmax>},
      {"MatMul", import_mat_mul},
      {"MaxPool", import_max_pool},
      {"Mish", import_simple<Mish>},
      {"PRelu", import_prelu},
      {"Pad", import_pad},
      {"RMSNormalization", import_rms_norm},
      {"ReduceMean", import_reduce_mean},
      {"Relu", import_simple<ReLU>},
      {"Reshape", import_reshape},
      {"Resize", import_resize},
      {"Selu", import_selu},
      {"Sigmoid", import_simple<Sigmoid>},
      {"Softmax", import_softmax<Softmax>},
      {"Softplus", import_simple<Softplus>},
      {"Squeeze", import_squeeze},
      {"Tanh", import_simple<Tanh>},
      {"Transpose", import_transpose},
      {"Unsqueeze", import_unsqueeze},
  };
  return all;
}

}  // namespace nn::detail
