/// @file
/// Layers that change the shape of a sample as ONNX nodes; see nn/io/onnx_export_layers.hpp.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "nn/io/channels_last.hpp"
#include "nn/io/flatten_channels_first.hpp"
#include "nn/io/onnx_graph.hpp"
#include "nn/layers/flatten.hpp"

namespace nn {

namespace detail {

/// Gives samples another shape, in ONNX's order of axes.
inline std::string reshape(OnnxGraph& graph, const Plan& plan, const std::string& input,
                           std::vector<Index> extents) {
  extents.insert(extents.begin(), 0);  // the batch's
  return graph.add("Reshape", plan, {input, graph.constant(plan.path + "/shape", extents)});
}

}  // namespace detail

inline std::string write_onnx(OnnxGraph& graph, const Flatten& /*layer*/, const Plan& plan,
                              const std::string& input) {
  return graph.add("Flatten", plan, {input}, {{"axis", Index{1}}});
}

inline std::string write_onnx(OnnxGraph& graph, const Reshape& /*layer*/, const Plan& plan,
                              const std::string& input) {
  return detail::reshape(graph, plan, input, OnnxGraph::extents(plan.output));
}

inline std::string write_onnx(OnnxGraph& /*graph*/, const Identity& /*layer*/, const Plan& /*plan*/,
                              const std::string& input) {
  return input;
}

inline std::string write_onnx(OnnxGraph& graph, const FlattenChannelsFirst& /*layer*/,
                              const Plan& plan, const std::string& input) {
  return graph.add("Flatten", plan, {input}, {{"axis", Index{1}}});
}

inline std::string write_onnx(OnnxGraph& graph, const FlattenChannelsLast& /*layer*/,
                              const Plan& plan, const std::string& input) {
  const auto turned =
      graph.add("Transpose", plan, {input}, {{"perm", std::vector<Index>{0, 2, 3, 1}}});
  return graph.add("Flatten", plan, {turned}, {{"axis", Index{1}}});
}

inline std::string write_onnx(OnnxGraph& graph, const ReshapeChannelsLast& layer, const Plan& plan,
                              const std::string& input) {
  const auto image =
      detail::reshape(graph, plan, input, {layer.shape[0], layer.shape[1], layer.shape[2]});
  return graph.add("Transpose", plan, {image}, {{"perm", std::vector<Index>{0, 3, 1, 2}}});
}

}  // namespace nn
