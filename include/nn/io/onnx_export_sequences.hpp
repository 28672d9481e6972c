/// @file
/// Layers for sequences as ONNX nodes; see nn/io/onnx_export_layers.hpp.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nn/io/onnx_export_activations.hpp"
#include "nn/io/onnx_export_masks.hpp"
#include "nn/io/onnx_export_shapes.hpp"
#include "nn/io/onnx_graph.hpp"
#include "nn/layers/attention.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/gru.hpp"
#include "nn/layers/lstm.hpp"
#include "nn/layers/positions.hpp"
#include "nn/layers/rms_norm.hpp"
#include "nn/layers/swap_axes.hpp"

namespace nn {

namespace detail {

inline std::string transposed(OnnxGraph& graph, const Plan& plan, const std::string& value,
                              const std::vector<Index>& order) {
  return graph.add("Transpose", plan, {value}, {{"perm", order}});
}

/// value W + b for each row, with parameters `weight` and, where it is not -1, `bias` of the layer.
inline std::string rows_product(OnnxGraph& graph, const Plan& plan, const std::string& value,
                                Index weight, Index bias) {
  const auto turned = transposed(graph, plan, graph.parameter(plan, weight), {1, 0});
  const auto product = graph.add("MatMul", plan, {value, turned});
  return bias < 0 ? product : graph.add("Add", plan, {product, graph.parameter(plan, bias)});
}

/// Elements [first, last) along an axis.
inline std::string slice(OnnxGraph& graph, const Plan& plan, const std::string& value, Index axis,
                         Index first, Index last) {
  const auto number = [&](Index one) {
    return graph.constant(plan.path + "/slice", std::vector<Index>{one});
  };
  return graph.add("Slice", plan, {value, number(first), number(last), number(axis)});
}

/// value / sqrt(mean of the squares along an axis, the batch's being 0, + epsilon).
inline std::string divide_by_root(OnnxGraph& graph, const Plan& plan, const std::string& value,
                                  Index axis, float epsilon) {
  const auto square = graph.add("Mul", plan, {value, value});
  const auto mean = graph.add("ReduceMean", plan, {square}, {{"axes", std::vector<Index>{axis}}});
  const auto raised =
      graph.add("Add", plan, {mean, scalar(graph, plan, static_cast<double>(epsilon))});
  return graph.add("Div", plan, {value, graph.add("Sqrt", plan, {raised})});
}

/// Blocks of rows of a parameter, as many as `order` has, in that order: ONNX has gates in another
/// one than PyTorch. One axis of extent 1, that of directions, stands before.
inline std::string gates(OnnxGraph& graph, const Plan& plan, Index index,
                         const std::vector<Index>& order) {
  const auto value = graph.parameter(plan, index);
  const Index units = plan.parameters[static_cast<std::size_t>(index)].shape.back() /
                      static_cast<Index>(order.size());
  std::vector<std::string> blocks;
  for (const Index gate : order) {
    blocks.push_back(slice(graph, plan, value, 0, gate * units, (gate + 1) * units));
  }
  const auto joined = graph.add("Concat", plan, blocks, {{"axis", Index{0}}});
  const auto front = graph.constant(plan.path + "/front", std::vector<Index>{0});
  return graph.add("Unsqueeze", plan, {joined, front});
}

/// A recurrent layer: `operation` is ONNX's, whose gates come in `order`.
template <class L>
std::string write_recurrent(OnnxGraph& graph, const L& layer, const Plan& plan,
                            const std::string& input, const char* operation,
                            const std::vector<Index>& order,
                            std::vector<OnnxAttribute> attributes) {
  const auto real = real_steps(graph, plan.input[0]);
  const auto steps = real.empty() ? input : real_steps_first(graph, plan, input, real);
  std::vector<std::string> inputs{transposed(graph, plan, steps, {1, 0, 2}),
                                  gates(graph, plan, 0, order), gates(graph, plan, 1, order)};
  if (layer.bias) {
    inputs.push_back(graph.add("Concat", plan,
                               {gates(graph, plan, 2, order), gates(graph, plan, 3, order)},
                               {{"axis", Index{1}}}));
  }
  if (!real.empty()) {
    if (!layer.bias) inputs.emplace_back();
    inputs.push_back(steps_to_read(graph, plan, real));
  }
  attributes.push_back({"hidden_size", layer.units});
  attributes.push_back({"direction", layer.reverse ? "reverse" : "forward"});
  // All states are the first output, the last one the second: steps x directions x batch x units
  // and directions x batch x units.
  const auto result = graph.add(operation, plan, inputs, attributes);
  if (!layer.return_sequence) {
    ::onnx::NodeProto& node = *graph.graph().mutable_node(graph.graph().node_size() - 1);
    node.set_output(0, "");
    node.add_output(result);
  }
  const auto direction = graph.constant(
      plan.path + "/direction", std::vector<Index>{layer.return_sequence ? Index{1} : Index{0}});
  const auto states = graph.add("Squeeze", plan, {result, direction});
  if (!layer.return_sequence) {
    return real.empty() ? states : states_or_zero(graph, plan, states, real);
  }
  const auto rows = transposed(graph, plan, states, {1, 0, 2});
  return real.empty() ? rows : states_of_all_steps(graph, plan, rows, real, layer.reverse);
}

/// Pairs of features a half apart, turned by the angles of their steps: value holds
/// batch x heads x steps x features of a head.
inline std::string turned_by_steps(OnnxGraph& graph, const Plan& plan, const std::string& value,
                                   Index part, double base) {
  const Index steps = plan.input[0];
  const Index half = part / 2;
  auto cosines = graph.new_elements(steps, part);
  auto sines = graph.new_elements(steps, part);
  for (Index i = 0; i < part; ++i) {
    const StepAngles angles(base, i % half, half);
    for (Index step = 0; step < steps; ++step) {
      const auto at = static_cast<std::size_t>(step * part + i);
      cosines[at] = static_cast<float>(angles.cosine_at(step));
      sines[at] = static_cast<float>((i < half ? -1 : 1) * angles.sine_at(step));
    }
  }
  const auto straight = graph.constant(plan.path + "/cosines", {steps, part}, cosines);
  const auto across = graph.constant(plan.path + "/sines", {steps, part}, sines);
  const auto first = slice(graph, plan, value, 3, 0, half);
  const auto second = slice(graph, plan, value, 3, half, part);
  const auto swapped = graph.add("Concat", plan, {second, first}, {{"axis", Index{3}}});
  return graph.add(
      "Add", plan,
      {graph.add("Mul", plan, {value, straight}), graph.add("Mul", plan, {swapped, across})});
}

/// A matrix for the steps that ask and those that they ask: `allowed` where a step is asked that is
/// not after the one that asks, and else `forbidden`.
inline std::string causal_numbers(OnnxGraph& graph, const Plan& plan, Index steps, float allowed,
                                  float forbidden) {
  auto numbers = graph.new_elements(steps, steps);
  for (Index step = 0; step < steps; ++step) {
    for (Index other = 0; other < steps; ++other) {
      numbers[static_cast<std::size_t>(step * steps + other)] = other <= step ? allowed : forbidden;
    }
  }
  return graph.constant(plan.path + "/causal", {steps, steps}, numbers);
}

/// A score that has no share beside others.
inline constexpr float no_score = std::numeric_limits<float>::lowest() / 2;

/// The shares of the steps that are asked, from their scores: softmax over those that count.
inline std::string attention_shares(OnnxGraph& graph, const Plan& plan,
                                    const MultiHeadAttention& layer, std::string scores) {
  const Index steps = plan.input[0];
  const auto softmax = [&] { return graph.add("Softmax", plan, {scores}, {{"axis", Index{3}}}); };
  const auto real = real_steps(graph, steps);
  if (real.empty()) {
    if (layer.causal) {
      scores = graph.add("Add", plan, {scores, causal_numbers(graph, plan, steps, 0.0F, no_score)});
    }
    return softmax();
  }
  const auto keys = layer.queries > 0 ? slice(graph, plan, real, 1, layer.queries, steps) : real;
  auto counts = graph.add("Unsqueeze", plan, {keys, axes(graph, plan, {1, 2})});
  if (layer.causal) {
    counts = graph.add("Mul", plan, {counts, causal_numbers(graph, plan, steps, 1.0F, 0.0F)});
  }
  const auto lacking = graph.add("Sub", plan, {counts, scalar(graph, plan, 1)});
  const auto lowered =
      graph.add("Mul", plan, {lacking, scalar(graph, plan, -static_cast<double>(no_score))});
  scores = graph.add("Add", plan, {scores, lowered});
  // Where no step counts, all have an equal share, which has to go.
  return graph.add("Mul", plan, {softmax(), counts});
}

}  // namespace detail

/// Tokens come in as floating-point numbers, as they do here.
inline std::string write_onnx(OnnxGraph& graph, const Embedding& /*layer*/, const Plan& plan,
                              const std::string& input) {
  const auto tokens = graph.add("Cast", plan, {input}, {{"to", Index{::onnx::TensorProto::INT64}}});
  return graph.add("Gather", plan, {graph.parameter(plan, 0), tokens}, {{"axis", Index{0}}});
}

inline std::string write_onnx(OnnxGraph& graph, const LearnedPositions& /*layer*/, const Plan& plan,
                              const std::string& input) {
  return graph.add("Add", plan, {input, graph.parameter(plan, 0)});
}

inline std::string write_onnx(OnnxGraph& graph, const SinusoidalPositions& layer, const Plan& plan,
                              const std::string& input) {
  const Index steps = plan.input[0];
  const Index features = plan.input[1];
  auto waves = graph.new_elements(steps, features);
  for (Index i = 0; i < features; ++i) {
    const detail::StepAngles angles(static_cast<double>(layer.base), i / 2 * 2, features);
    for (Index step = 0; step < steps; ++step) {
      const double wave = i % 2 == 0 ? angles.sine_at(step) : angles.cosine_at(step);
      waves[static_cast<std::size_t>(step * features + i)] = static_cast<float>(wave);
    }
  }
  return graph.add("Add", plan,
                   {input, graph.constant(plan.path + "/waves", {steps, features}, waves)});
}

inline std::string write_onnx(OnnxGraph& graph, const SwapAxes& /*layer*/, const Plan& plan,
                              const std::string& input) {
  return detail::transposed(graph, plan, input, {0, 2, 1});
}

/// @throws Error where samples are images, whose last axis is another one in ONNX.
inline std::string write_onnx(OnnxGraph& graph, const RMSNorm& layer, const Plan& plan,
                              const std::string& input) {
  require(plan.input.rank() != 3, plan.name, " (layer ", plan.path, ") of samples of ", plan.input,
          " cannot be expressed in ONNX: they must be flat or sequences");
  const auto value = detail::divide_by_root(graph, plan, input, plan.input.rank(), layer.epsilon);
  return layer.scale ? graph.add("Mul", plan, {value, graph.parameter(plan, 0)}) : value;
}

/// ONNX has the gates i, o, f, g.
inline std::string write_onnx(OnnxGraph& graph, const LSTM& layer, const Plan& plan,
                              const std::string& input) {
  return detail::write_recurrent(graph, layer, plan, input, "LSTM", {0, 3, 1, 2}, {});
}

/// ONNX has the gates z, r, n.
inline std::string write_onnx(OnnxGraph& graph, const GRU& layer, const Plan& plan,
                              const std::string& input) {
  return detail::write_recurrent(graph, layer, plan, input, "GRU", {1, 0, 2},
                                 {{"linear_before_reset", Index{1}}});
}

/// As it is written in the layer's description, with all scores at once.
inline std::string write_onnx(OnnxGraph& graph, const MultiHeadAttention& layer, const Plan& plan,
                              const std::string& input) {
  const Index steps = plan.input[0];
  const Index width = plan.input[1];
  const Index part = width / layer.heads;
  const auto all = detail::rows_product(graph, plan, input, 0, layer.bias ? 1 : -1);
  // The third of each row from `which` on, of steps [first, last), by heads.
  const auto take = [&](Index which, Index first, Index last, const std::vector<Index>& order) {
    auto value = detail::slice(graph, plan, all, 2, which * width, (which + 1) * width);
    if (last - first < steps) value = detail::slice(graph, plan, value, 1, first, last);
    value = detail::reshape(graph, plan, value, {last - first, layer.heads, part});
    return detail::transposed(graph, plan, value, order);
  };
  const std::vector<Index> by_heads{0, 2, 1, 3};
  const Index asking = layer.queries > 0 ? layer.queries : steps;
  auto queries = take(0, 0, asking, by_heads);
  auto keys = take(1, layer.queries, steps, by_heads);
  if (layer.rotary) {
    const auto base = static_cast<double>(layer.rotary_base);
    queries = detail::turned_by_steps(graph, plan, queries, part, base);
    keys = detail::turned_by_steps(graph, plan, keys, part, base);
  }
  const auto products =
      graph.add("MatMul", plan, {queries, detail::transposed(graph, plan, keys, {0, 1, 3, 2})});
  const auto scores =
      graph.add("Mul", plan,
                {products, detail::scalar(graph, plan, 1 / std::sqrt(static_cast<double>(part)))});
  const auto shares = detail::attention_shares(graph, plan, layer, scores);
  const auto mixed = graph.add("MatMul", plan, {shares, take(2, layer.queries, steps, by_heads)});
  const auto rows = detail::reshape(graph, plan, detail::transposed(graph, plan, mixed, by_heads),
                                    {asking, width});
  return detail::rows_product(graph, plan, rows, layer.bias ? 2 : 1, layer.bias ? 3 : -1);
}

}  // namespace nn
