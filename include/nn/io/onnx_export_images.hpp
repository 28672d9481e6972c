/// @file
/// Less common layers for images as ONNX nodes; see nn/io/onnx_export_layers.hpp.
#pragma once

#include <string>
#include <vector>

#include "nn/io/onnx_export_sequences.hpp"
#include "nn/layers/adaptive_pooling.hpp"
#include "nn/layers/bilinear.hpp"
#include "nn/layers/drop_path.hpp"
#include "nn/layers/group_norm.hpp"
#include "nn/layers/pixel_shuffle.hpp"
#include "nn/layers/squeeze_excitation.hpp"

namespace nn {

namespace detail {

/// Normalises groups of channels of each sample by the formula: `scale` and `shift` are the
/// layer's.
inline std::string normalize_groups(OnnxGraph& graph, const Plan& plan, const std::string& input,
                                    Index groups, float epsilon, bool scale, bool shift) {
  // In ONNX the channels of images stand first already.
  const bool is_image = plan.input.rank() == 3;
  const bool is_flat = plan.input.rank() == 1;
  require(is_image || is_flat || plan.input.rank() == 2, plan.name, " (layer ", plan.path,
          ") of samples of ", plan.input,
          " cannot be expressed in ONNX: they must be flat, sequences or images");
  auto value = is_image || is_flat ? input : transposed(graph, plan, input, {0, 2, 1});
  value = reshape(graph, plan, value, {groups, plan.input.size() / groups});
  const auto mean = graph.add("ReduceMean", plan, {value}, {{"axes", std::vector<Index>{2}}});
  value = divide_by_root(graph, plan, graph.add("Sub", plan, {value, mean}), 2, epsilon);
  if (is_image || is_flat) {
    value = reshape(graph, plan, value, OnnxGraph::extents(plan.input));
  } else {
    value = reshape(graph, plan, value, {plan.input[1], plan.input[0]});
    value = transposed(graph, plan, value, {0, 2, 1});
  }
  const Index ones = is_image ? 2 : 0;
  if (scale) value = graph.add("Mul", plan, {value, graph.parameter(plan, 0, ones)});
  if (shift) {
    value = graph.add("Add", plan, {value, graph.parameter(plan, scale ? 1 : 0, ones)});
  }
  return value;
}

/// Windows that divide an image evenly. @throws Error when they do not.
inline std::string pool_evenly(OnnxGraph& graph, const Plan& plan, const std::string& input,
                               const char* operation) {
  const Shape& from = plan.input;
  const Shape& to = plan.output;
  require(from[0] % to[0] == 0 && from[1] % to[1] == 0, plan.name, " (layer ", plan.path,
          ") cannot be expressed in ONNX: windows of ", from, " to ", to, " are of several sizes");
  const std::vector<Index> window{from[0] / to[0], from[1] / to[1]};
  return graph.add(operation, plan, {input}, {{"kernel_shape", window}, {"strides", window}});
}

}  // namespace detail

inline std::string write_onnx(OnnxGraph& graph, const GlobalMaxPool2D& /*layer*/, const Plan& plan,
                              const std::string& input) {
  const auto largest = graph.add("GlobalMaxPool", plan, {input});
  return graph.add("Flatten", plan, {largest}, {{"axis", Index{1}}});
}

inline std::string write_onnx(OnnxGraph& graph, const AdaptiveAveragePool2D& /*layer*/,
                              const Plan& plan, const std::string& input) {
  return detail::pool_evenly(graph, plan, input, "AveragePool");
}

inline std::string write_onnx(OnnxGraph& graph, const AdaptiveMaxPool2D& /*layer*/,
                              const Plan& plan, const std::string& input) {
  return detail::pool_evenly(graph, plan, input, "MaxPool");
}

inline std::string write_onnx(OnnxGraph& graph, const BilinearUpSample2D& layer, const Plan& plan,
                              const std::string& input) {
  const std::vector<float> scales{1, 1, static_cast<float>(layer.factor.height),
                                  static_cast<float>(layer.factor.width)};
  const auto factors = graph.constant(plan.path + "/scales", {4}, scales);
  return graph.add(
      "Resize", plan, {input, "", factors},
      {{"mode", "linear"},
       {"coordinate_transformation_mode", layer.align_corners ? "align_corners" : "half_pixel"}});
}

inline std::string write_onnx(OnnxGraph& graph, const PixelShuffle& layer, const Plan& plan,
                              const std::string& input) {
  return graph.add("DepthToSpace", plan, {input}, {{"blocksize", layer.factor}, {"mode", "CRD"}});
}

inline std::string write_onnx(OnnxGraph& graph, const GroupNorm& layer, const Plan& plan,
                              const std::string& input) {
  return detail::normalize_groups(graph, plan, input, layer.groups, layer.epsilon, layer.scale,
                                  layer.shift);
}

inline std::string write_onnx(OnnxGraph& graph, const InstanceNorm& layer, const Plan& plan,
                              const std::string& input) {
  return detail::normalize_groups(graph, plan, input, plan.input.back(), layer.epsilon, layer.scale,
                                  layer.shift);
}

/// In inference it changes nothing.
inline std::string write_onnx(OnnxGraph& /*graph*/, const DropPath& /*layer*/, const Plan& /*plan*/,
                              const std::string& input) {
  return input;
}

template <class Gate>
std::string write_onnx(OnnxGraph& graph, const ChannelGate<Gate>& layer, const Plan& plan,
                       const std::string& input) {
  auto gate = write_onnx(graph, layer.gate(), plan.children[0], input);
  if (plan.input.rank() == 3) {
    gate = detail::reshape(graph, plan, gate, {plan.input[2], 1, 1});
  } else if (plan.input.rank() == 2) {
    gate = detail::reshape(graph, plan, gate, {1, plan.input[1]});
  }
  return graph.add("Mul", plan, {input, gate});
}

}  // namespace nn
