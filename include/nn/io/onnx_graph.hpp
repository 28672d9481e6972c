/// @file
/// An ONNX graph in the making: what the exporters of layers write to.
#pragma once

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "nn/core/tensor.hpp"
#include "nn/io/weight_layout.hpp"

namespace nn {

namespace detail {

/// The version of ONNX's operations in files that are written.
inline constexpr Index exported_opset = 13;

}  // namespace detail

/// A named setting of an ONNX node.
struct OnnxAttribute {
  std::string name;  ///< as ONNX calls it
  std::variant<float, Index, std::vector<Index>, std::string>
      value;  ///< of one of the types ONNX knows
};

/// Which steps of sequences are real, in a graph; see nn/io/onnx_export_masks.hpp.
struct OnnxMask {
  std::string real;  ///< the value that tells, batch x steps; empty where every step is real
  Index steps = 0;   ///< of a sample
};

/// The graph that a network becomes, layer by layer. Values are known by their names. A sample that
/// is an image here (height x width x channels) is one there (channels x height x width); a flat
/// sample made from an image has the channel first there; all others are the same on both sides.
class OnnxGraph {
 public:
  /// @throws Error naming a change of shape that means something else with channels first.
  explicit OnnxGraph(const Plan& root)
      : orders_(root), variables_(detail::stored_variables(root, WeightLayout::pytorch)) {}

  /// Adds a node for (a part of) the layer `plan`, and returns the name of its one output.
  std::string add(const std::string& operation, const Plan& plan,
                  const std::vector<std::string>& inputs,
                  const std::vector<OnnxAttribute>& attributes = {}) {
    ::onnx::NodeProto& node = *graph_.add_node();
    node.set_op_type(operation);
    for (const std::string& input : inputs) node.add_input(input);
    for (const OnnxAttribute& attribute : attributes) set(*node.add_attribute(), attribute);
    std::string name = unique(plan.path.empty() ? operation : plan.path + "/" + operation);
    node.set_name(name);
    node.add_output(name);
    return name;
  }

  /// Adds a constant of the given extents, and returns its name.
  std::string constant(const std::string& name, const std::vector<Index>& extents,
                       std::span<const float> values) {
    ::onnx::TensorProto& tensor = new_constant(name, extents, ::onnx::TensorProto::FLOAT);
    if (!values.empty()) tensor.set_raw_data(values.data(), values.size_bytes());
    return tensor.name();
  }
  /// Adds a constant of whole numbers, such as a shape, and returns its name.
  std::string constant(const std::string& name, const std::vector<Index>& values) {
    ::onnx::TensorProto& tensor =
        new_constant(name, {static_cast<Index>(values.size())}, ::onnx::TensorProto::INT64);
    for (const Index value : values) tensor.add_int64_data(value);
    return tensor.name();
  }
  /// Adds a whole number, and returns its name.
  std::string constant(const std::string& name, Index value) {
    ::onnx::TensorProto& tensor = new_constant(name, {}, ::onnx::TensorProto::INT64);
    tensor.add_int64_data(value);
    return tensor.name();
  }

  /// Adds a constant with the values of parameter `index` of the layer, in ONNX's order of axes,
  /// and returns its name. `ones` axes of extent 1 follow its own.
  std::string parameter(const Plan& plan, Index index, Index ones = 0) {
    return variable(variables_.parameters, parameters_, plan, plan.parameters, index, ones);
  }
  /// The same for state `index`.
  std::string state(const Plan& plan, Index index) {
    return variable(variables_.states, states_, plan, plan.state, index, 0);
  }

  /// Where the values of parameters and states are. Without this, their constants have extents and
  /// no values: for a graph that is only compared with another.
  void set_blocks(std::span<const float> parameters, std::span<const float> states) {
    parameters_ = parameters;
    states_ = states;
    has_values_ = true;
  }

  /// Which parameters and states the constants hold, by the constants' names: "2.weight" and the
  /// like.
  [[nodiscard]] const std::map<std::string, std::string>& held() const { return held_; }

  /// The elements of a constant of rows x columns that is to be computed, zeros for now.
  /// @throws Error for more elements than `limit_constants` allows.
  [[nodiscard]] std::vector<float> new_elements(Index rows, Index columns = 1) const {
    require(rows <= largest_constant_ / std::max<Index>(columns, 1), "a constant of ", rows, " x ",
            columns, " elements is larger than all that the file has");
    return std::vector<float>(static_cast<std::size_t>(rows * columns));
  }
  /// Bounds the elements of constants that are computed.
  void limit_constants(Index elements) { largest_constant_ = elements; }

  /// The order of the elements of flat samples on either side of a layer.
  [[nodiscard]] const detail::FlatOrders& orders() const { return orders_; }

  /// What the layers that are being written are told of their steps.
  [[nodiscard]] const OnnxMask& mask() const { return mask_; }
  /// Sets it, for the layers that are written from now on.
  void set_mask(OnnxMask mask) { mask_ = std::move(mask); }

  /// What has been made so far.
  [[nodiscard]] ::onnx::GraphProto& graph() { return graph_; }

  /// The extents of a sample in ONNX's order.
  [[nodiscard]] static std::vector<Index> extents(const Shape& sample) {
    if (sample.rank() == 3) return {sample[2], sample[0], sample[1]};
    std::vector<Index> result;
    for (Index axis = 0; axis < sample.rank(); ++axis) result.push_back(sample[axis]);
    return result;
  }

 private:
  static void set(::onnx::AttributeProto& proto, const OnnxAttribute& attribute) {
    proto.set_name(attribute.name);
    if (const auto* number = std::get_if<float>(&attribute.value)) {
      proto.set_type(::onnx::AttributeProto::FLOAT);
      proto.set_f(*number);
    } else if (const auto* count = std::get_if<Index>(&attribute.value)) {
      proto.set_type(::onnx::AttributeProto::INT);
      proto.set_i(*count);
    } else if (const auto* text = std::get_if<std::string>(&attribute.value)) {
      proto.set_type(::onnx::AttributeProto::STRING);
      proto.set_s(*text);
    } else {
      proto.set_type(::onnx::AttributeProto::INTS);
      for (const Index value : std::get<std::vector<Index>>(attribute.value)) proto.add_ints(value);
    }
  }

  /// Names are of use once: "3/Mul", "3/Mul_1", ...
  std::string unique(const std::string& name) {
    const Index count = names_[name]++;
    return count == 0 ? name : name + "_" + std::to_string(count);
  }

  ::onnx::TensorProto& new_constant(const std::string& name, const std::vector<Index>& extents,
                                    ::onnx::TensorProto::DataType type) {
    ::onnx::TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(unique(name));
    tensor.set_data_type(type);
    for (const Index extent : extents) tensor.add_dims(extent);
    return tensor;
  }

  std::string variable(const std::vector<detail::StoredVariable>& all, std::span<const float> block,
                       const Plan& plan, const std::vector<Variable>& own, Index index,
                       Index ones) {
    const Variable& wanted = own[static_cast<std::size_t>(index)];
    const std::string name =
        (plan.path.empty() ? "" : plan.path + ".") + detail::pytorch_name(wanted.name);
    const auto stored = std::find_if(all.begin(), all.end(),
                                     [&](const auto& variable) { return variable.name == name; });
    std::vector<float> values;
    if (has_values_) {
      values.resize(static_cast<std::size_t>(stored->shape.size()));
      detail::for_each_element(*stored, [&](Index in_model, Index in_file) {
        values[static_cast<std::size_t>(in_file)] =
            block[static_cast<std::size_t>(stored->offset + in_model)];
      });
    }
    std::vector<Index> extents;
    for (Index axis = 0; axis < stored->shape.rank(); ++axis) {
      extents.push_back(stored->shape[axis]);
    }
    extents.insert(extents.end(), static_cast<std::size_t>(ones), 1);
    std::string constant_name = constant(name, extents, values);
    held_[constant_name] = name;
    return constant_name;
  }

  ::onnx::GraphProto graph_;
  OnnxMask mask_;
  detail::FlatOrders orders_;
  detail::StoredVariables variables_;
  std::span<const float> parameters_;
  std::span<const float> states_;
  bool has_values_ = false;
  Index largest_constant_ = std::numeric_limits<Index>::max();
  std::map<std::string, Index> names_;
  std::map<std::string, std::string> held_;
};

}  // namespace nn
