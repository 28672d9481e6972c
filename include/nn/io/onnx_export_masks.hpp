/// @file
/// Sequences of different lengths as ONNX nodes; see nn/io/onnx_export_layers.hpp.
///
/// ONNX has no mask beside a value. What Masked finds becomes numbers of the graph, 1 for each real
/// step and 0 for padding, and the layers in it compute with these.
#pragma once

#include <string>
#include <vector>

#include "nn/io/onnx_export_activations.hpp"
#include "nn/io/onnx_graph.hpp"
#include "nn/layers/masked.hpp"

namespace nn {

namespace detail {

/// The axes, as a constant.
inline std::string axes(OnnxGraph& graph, const Plan& plan, const std::vector<Index>& numbers) {
  return graph.constant(plan.path + "/axes", numbers);
}

inline std::string cast(OnnxGraph& graph, const Plan& plan, const std::string& value,
                        ::onnx::TensorProto::DataType type) {
  return graph.add("Cast", plan, {value}, {{"to", Index{type}}});
}

/// Which steps of `input` are not `padding`: batch x steps.
inline std::string find_real_steps(OnnxGraph& graph, const Plan& plan, const std::string& input,
                                   float padding) {
  const bool is_rows = plan.input.rank() == 2;
  // Tokens may come in as whole numbers.
  const auto numbers = is_rows ? input : cast(graph, plan, input, ::onnx::TensorProto::FLOAT);
  const auto equal =
      graph.add("Equal", plan, {numbers, scalar(graph, plan, static_cast<double>(padding))});
  auto padded = cast(graph, plan, equal, ::onnx::TensorProto::FLOAT);
  if (is_rows) {
    padded = graph.add("ReduceMin", plan, {padded},
                       {{"axes", std::vector<Index>{2}}, {"keepdims", Index{0}}});
  }
  return graph.add("Sub", plan, {scalar(graph, plan, 1), padded});
}

/// The real steps that a layer with `steps` of them is told, batch x steps; empty where it is told
/// nothing. @throws ShapeError where they are steps of other sequences.
inline std::string real_steps(const OnnxGraph& graph, Index steps) {
  if (!graph.mask().real.empty()) require_steps_of_mask(graph.mask().steps, steps);
  return graph.mask().real;
}

/// How many steps are real: batch x 1.
inline std::string count_steps(OnnxGraph& graph, const Plan& plan, const std::string& real) {
  return graph.add("ReduceSum", plan, {real, axes(graph, plan, {1})}, {{"keepdims", Index{1}}});
}

/// Rows of `value`, batch x steps x features, in the order of `places`, batch x steps.
inline std::string take_steps(OnnxGraph& graph, const Plan& plan, const std::string& value,
                              const std::string& places) {
  const auto whole = cast(graph, plan, places, ::onnx::TensorProto::INT64);
  const auto indices = graph.add("Unsqueeze", plan, {whole, axes(graph, plan, {2})});
  return graph.add("GatherND", plan, {value, indices}, {{"batch_dims", Index{1}}});
}

/// The real steps first, in their order, and then the others.
inline std::string real_steps_first(OnnxGraph& graph, const Plan& plan, const std::string& value,
                                    const std::string& real) {
  const Index steps = plan.input[0];
  auto places = graph.new_elements(steps);
  for (Index step = 0; step < steps; ++step) {
    places[static_cast<std::size_t>(step)] = static_cast<float>(step);
  }
  const auto raised =
      graph.add("Mul", plan, {real, scalar(graph, plan, static_cast<double>(steps))});
  const auto rank =
      graph.add("Sub", plan, {raised, graph.constant(plan.path + "/places", {steps}, places)});
  const auto largest = graph.add(
      "TopK", plan, {rank, graph.constant(plan.path + "/all", std::vector<Index>{steps})});
  // The second output says where the largest stand.
  ::onnx::NodeProto& node = *graph.graph().mutable_node(graph.graph().node_size() - 1);
  node.add_output(largest + "/places");
  return take_steps(graph, plan, value, node.output(1));
}

/// How many steps of each sequence a recurrent layer reads. It cannot be asked to read none; the
/// states of such a sequence become 0 afterwards.
inline std::string steps_to_read(OnnxGraph& graph, const Plan& plan, const std::string& real) {
  const auto counts =
      graph.add("Squeeze", plan, {count_steps(graph, plan, real), axes(graph, plan, {1})});
  const auto some = graph.add("Max", plan, {counts, scalar(graph, plan, 1)});
  return cast(graph, plan, some, ::onnx::TensorProto::INT32);
}

/// The states after all steps, from those of real steps one after another: padding leaves a state
/// as it is, and before the first real step it is 0. `states` are batch x steps x units.
inline std::string states_of_all_steps(OnnxGraph& graph, const Plan& plan,
                                       const std::string& states, const std::string& real,
                                       bool reverse) {
  const auto read = graph.add("CumSum", plan, {real, graph.constant(plan.path + "/axis", Index{1})},
                              {{"reverse", Index{reverse ? 1 : 0}}});
  // Read from the end, the state after the last of n real steps stands at count - n.
  const auto place =
      reverse ? graph.add("Sub", plan, {count_steps(graph, plan, real), read})
              : graph.add("Relu", plan, {graph.add("Sub", plan, {read, scalar(graph, plan, 1)})});
  const auto has_read =
      graph.add("Unsqueeze", plan, {graph.add("Sign", plan, {read}), axes(graph, plan, {2})});
  return graph.add("Mul", plan, {take_steps(graph, plan, states, place), has_read});
}

/// The last states, batch x units, and 0 where no step is real.
inline std::string states_or_zero(OnnxGraph& graph, const Plan& plan, const std::string& states,
                                  const std::string& real) {
  const auto has_read = graph.add("Sign", plan, {count_steps(graph, plan, real)});
  return graph.add("Mul", plan, {states, has_read});
}

}  // namespace detail

inline std::string write_onnx(OnnxGraph& graph, const MeanOverSteps& /*layer*/, const Plan& plan,
                              const std::string& input) {
  const auto real = detail::real_steps(graph, plan.input[0]);
  if (real.empty()) {
    return graph.add("ReduceMean", plan, {input},
                     {{"axes", std::vector<Index>{1}}, {"keepdims", Index{0}}});
  }
  const auto weights = graph.add("Unsqueeze", plan, {real, detail::axes(graph, plan, {2})});
  const auto sum = graph.add(
      "ReduceSum", plan, {graph.add("Mul", plan, {input, weights}), detail::axes(graph, plan, {1})},
      {{"keepdims", Index{0}}});
  const auto count = graph.add(
      "Max", plan, {detail::count_steps(graph, plan, real), detail::scalar(graph, plan, 1)});
  return graph.add("Div", plan, {sum, count});
}

template <class... Layers>
std::string write_onnx(OnnxGraph& graph, const Masked<Layers...>& layer, const Plan& plan,
                       const std::string& input) {
  const OnnxMask outside = graph.mask();
  graph.set_mask({detail::find_real_steps(graph, plan, input, layer.padding()), plan.input[0]});
  const Sequential<Layers...>& chain = layer;
  auto output = write_onnx(graph, chain, plan, input);
  graph.set_mask(outside);
  return output;
}

}  // namespace nn
