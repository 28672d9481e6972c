/// @file
/// Activations as ONNX nodes; see nn/io/onnx_export_layers.hpp.
#pragma once

#include <numbers>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/onnx_graph.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/gated_linear_unit.hpp"
#include "nn/layers/hard_swish.hpp"
#include "nn/layers/mish.hpp"
#include "nn/layers/prelu.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/softmax.hpp"

namespace nn {

namespace detail {

/// The last axis of samples of this shape, along which LayerNorm and Softmax work.
[[nodiscard]] inline Index last_axis(const Shape& sample) {
  return sample.rank() == 3 ? 1 : sample.rank();
}

/// A constant of one number.
inline std::string scalar(OnnxGraph& graph, const Plan& plan, double value) {
  const auto number = static_cast<float>(value);
  return graph.constant(plan.path + "/constant", {}, std::span(&number, 1));
}

}  // namespace detail

inline std::string write_onnx(OnnxGraph& graph, const ReLU& /*layer*/, const Plan& plan,
                              const std::string& input) {
  return graph.add("Relu", plan, {input});
}

inline std::string write_onnx(OnnxGraph& graph, const LeakyReLU& layer, const Plan& plan,
                              const std::string& input) {
  return graph.add("LeakyRelu", plan, {input}, {{"alpha", layer.negative_slope}});
}

/// The slopes are matched with the last axes of a sample, of which the channel's is the first of
/// three in images.
inline std::string write_onnx(OnnxGraph& graph, const PReLU& layer, const Plan& plan,
                              const std::string& input) {
  const bool is_image = layer.per_channel && plan.input.rank() == 3;
  return graph.add("PRelu", plan, {input, graph.parameter(plan, 0, is_image ? 2 : 0)});
}

inline std::string write_onnx(OnnxGraph& graph, const ELU& layer, const Plan& plan,
                              const std::string& input) {
  return graph.add("Elu", plan, {input}, {{"alpha", layer.alpha}});
}

inline std::string write_onnx(OnnxGraph& graph, const Clip& layer, const Plan& plan,
                              const std::string& input) {
  const auto low = detail::scalar(graph, plan, static_cast<double>(layer.low));
  const auto high = detail::scalar(graph, plan, static_cast<double>(layer.high));
  return graph.add("Clip", plan, {input, low, high});
}

inline std::string write_onnx(OnnxGraph& graph, const SELU& /*layer*/, const Plan& plan,
                              const std::string& input) {
  return graph.add(
      "Selu", plan, {input},
      {{"alpha", static_cast<float>(SELU::alpha)}, {"gamma", static_cast<float>(SELU::lambda)}});
}

inline std::string write_onnx(OnnxGraph& graph, const Sigmoid& /*layer*/, const Plan& plan,
                              const std::string& input) {
  return graph.add("Sigmoid", plan, {input});
}

inline std::string write_onnx(OnnxGraph& graph, const Tanh& /*layer*/, const Plan& plan,
                              const std::string& input) {
  return graph.add("Tanh", plan, {input});
}

inline std::string write_onnx(OnnxGraph& graph, const Softplus& /*layer*/, const Plan& plan,
                              const std::string& input) {
  return graph.add("Softplus", plan, {input});
}

inline std::string write_onnx(OnnxGraph& graph, const SiLU& /*layer*/, const Plan& plan,
                              const std::string& input) {
  return graph.add("Mul", plan, {input, graph.add("Sigmoid", plan, {input})});
}

inline std::string write_onnx(OnnxGraph& graph, const GELU& layer, const Plan& plan,
                              const std::string& input) {
  const auto times = [&](const std::string& x, double factor) {
    return graph.add("Mul", plan, {x, detail::scalar(graph, plan, factor)});
  };
  std::string bent;
  if (layer.approximate) {
    const auto square = graph.add("Mul", plan, {input, input});
    const auto cube = graph.add("Mul", plan, {square, input});
    const auto sum = graph.add("Add", plan, {input, times(cube, 0.044715)});
    bent = graph.add("Tanh", plan, {times(sum, std::numbers::sqrt2 * std::numbers::inv_sqrtpi)});
  } else {
    bent = graph.add("Erf", plan, {times(input, 1 / std::numbers::sqrt2)});
  }
  const auto raised = graph.add("Add", plan, {bent, detail::scalar(graph, plan, 1)});
  return graph.add("Mul", plan, {times(input, 0.5), raised});
}

/// x tanh(softplus(x)).
inline std::string write_onnx(OnnxGraph& graph, const Mish& /*layer*/, const Plan& plan,
                              const std::string& input) {
  const auto bent = graph.add("Softplus", plan, {input});
  return graph.add("Mul", plan, {input, graph.add("Tanh", plan, {bent})});
}

/// x min(max(x + 3, 0), 6) / 6; opset 13 has no operation of that name.
inline std::string write_onnx(OnnxGraph& graph, const HardSwish& /*layer*/, const Plan& plan,
                              const std::string& input) {
  const auto number = [&](double value) { return detail::scalar(graph, plan, value); };
  const auto raised = graph.add("Add", plan, {input, number(3)});
  const auto cut = graph.add("Clip", plan, {raised, number(0), number(6)});
  return graph.add("Mul", plan, {input, graph.add("Div", plan, {cut, number(6)})});
}

inline std::string write_onnx(OnnxGraph& graph, const GatedLinearUnit& layer, const Plan& plan,
                              const std::string& input) {
  const Index axis = detail::last_axis(plan.input);
  const Index half = plan.output.back();
  const auto part = [&](Index first) {
    const auto number = [&](Index one) {
      return graph.constant(plan.path + "/half", std::vector<Index>{one});
    };
    return graph.add("Slice", plan, {input, number(first), number(first + half), number(axis)});
  };
  const auto value = part(0);
  const auto gate = part(half);
  auto open = graph.add("Sigmoid", plan, {gate});
  if (layer.swish) open = graph.add("Mul", plan, {gate, open});
  return graph.add("Mul", plan, {value, open});
}

inline std::string write_onnx(OnnxGraph& graph, const Softmax& /*layer*/, const Plan& plan,
                              const std::string& input) {
  return graph.add("Softmax", plan, {input}, {{"axis", detail::last_axis(plan.input)}});
}

inline std::string write_onnx(OnnxGraph& graph, const LogSoftmax& /*layer*/, const Plan& plan,
                              const std::string& input) {
  return graph.add("LogSoftmax", plan, {input}, {{"axis", detail::last_axis(plan.input)}});
}

}  // namespace nn
