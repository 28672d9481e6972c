/// @file
/// Which values of an ONNX graph are images with the channel last.
///
/// Files of Keras's networks take images as N x H x W x C, and put the channel first by a Transpose
/// before a convolution. Nothing but that node tells.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "nn/io/onnx_node.hpp"

namespace nn::detail {

/// Whether a Reshape puts the only channel of the graph's input first: a Transpose, in other words.
[[nodiscard]] inline bool turns_input(const OnnxNode& node, const ::onnx::NodeProto& proto,
                                      const ::onnx::ValueInfoProto& input,
                                      const OnnxConstants& constants) {
  const auto& dims = input.type().tensor_type().shape().dim();
  if (proto.input(0) != input.name() || dims.size() != 4 || dims[3].dim_value() != 1) return false;
  const bool has_constant = node.has_input(1) && constants.contains(proto.input(1));
  if (!has_constant && !node.has_attribute("shape")) return false;
  const auto target = has_constant ? node.whole_numbers(1) : node.integers("shape", {});
  return target.size() == 4 && target[1] == 1 && target[2] == dims[1].dim_value() &&
         target[3] == dims[2].dim_value();
}

/// The values that a Transpose reads to put their channel first, itself or through nodes that are
/// the same for any order of axes. `input` is the graph's.
[[nodiscard]] inline std::set<std::string> read_channels_last(const ::onnx::GraphProto& graph,
                                                              const ::onnx::ValueInfoProto& input,
                                                              const OnnxConstants& constants,
                                                              Index opset) {
  static const std::set<std::string> any_order{
      "Add",   "Clip", "Concat", "Dropout", "Elu",     "Identity", "LeakyRelu", "LogSoftmax", "Mul",
      "PRelu", "Pad",  "Relu",   "Selu",    "Sigmoid", "Softmax",  "Softplus",  "Tanh"};
  std::set<std::string> found;
  for (int i = graph.node_size() - 1; i >= 0; --i) {
    const ::onnx::NodeProto& proto = graph.node(i);
    if (proto.input_size() == 0 || proto.output_size() == 0) continue;
    const OnnxNode node(proto, constants, opset);
    const std::string& operation = node.operation();
    const bool turns =
        (operation == "Transpose" && node.integers("perm", {}) == std::vector<Index>{0, 3, 1, 2}) ||
        (operation == "Reshape" && turns_input(node, proto, input, constants));
    if (turns) found.insert(proto.input(0));
    if (!any_order.contains(operation) || !found.contains(proto.output(0))) continue;
    for (const std::string& name : node.variable_inputs()) found.insert(name);
  }
  return found;
}

}  // namespace nn::detail
