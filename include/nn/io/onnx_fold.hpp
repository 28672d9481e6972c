/// @file
/// What of an ONNX graph can be worked out before there is a sample: constants, and shapes made of
/// the number of samples and constants.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/onnx_node.hpp"

namespace nn::detail {

/// The constants of a graph, those among them that nodes make.
class OnnxFolder {
 public:
  /// The graph uses version `opset` of the operations; `is_computed` tells the values that need a
  /// sample.
  OnnxFolder(Index opset, std::function<bool(const std::string&)> is_computed)
      : opset_(opset), is_computed_(std::move(is_computed)) {}

  /// What is constant so far.
  [[nodiscard]] const OnnxConstants& constants() const { return constants_; }

  /// Notes a constant that the file gives.
  void add(const ::onnx::TensorProto& tensor) { constants_.add(tensor.name(), tensor); }

  /// Whether the node's output could be worked out.
  bool fold(const ::onnx::NodeProto& proto) {
    return add_constant(proto) || fold_constant(proto) || fold_size(proto);
  }

 private:
  [[nodiscard]] OnnxNode node_of(const ::onnx::NodeProto& proto) const {
    return {proto, constants_, opset_};
  }

  bool add_constant(const ::onnx::NodeProto& proto) {
    if (proto.op_type() != "Constant") return false;
    const OnnxNode node = node_of(proto);
    node.expect(proto.output_size() == 1 && proto.attribute_size() == 1 &&
                    proto.attribute(0).name() == "value" && proto.attribute(0).has_t(),
                "only a tensor can be a constant");
    node.expect(!is_computed_(proto.output(0)), "'", proto.output(0), "' is made twice");
    constants_.add(proto.output(0), proto.attribute(0).t());
    return true;
  }

  /// Whether the node only passes a constant on, which its output then is.
  bool fold_constant(const ::onnx::NodeProto& proto) {
    const OnnxNode node = node_of(proto);
    const bool reshapes = proto.op_type() == "Reshape";
    if ((!reshapes && proto.op_type() != "Identity") || proto.output_size() != 1 ||
        !node.variable_inputs().empty() || !node.has_input(0)) {
      return false;
    }
    ::onnx::TensorProto tensor = constants_.tensor(proto.input(0));
    if (reshapes) {
      node.expect_attributes({"shape"});
      auto target = node.has_input(1) ? node.whole_numbers(1) : node.integers("shape", {});
      const Index count = checked_count({tensor.dims().begin(), tensor.dims().end()});
      Index known = 1;
      for (std::size_t i = 0; i < target.size(); ++i) {
        if (target[i] == 0 && static_cast<int>(i) < tensor.dims_size()) {
          target[i] = tensor.dims(static_cast<int>(i));
        }
        if (target[i] == -1) continue;
        node.expect(target[i] > 0 && target[i] <= count / known, "a constant of ", count,
                    " elements does not fit");
        known *= target[i];
      }
      const auto open = std::find(target.begin(), target.end(), -1);
      if (open != target.end()) *open = count / known;
      node.expect(std::find(target.begin(), target.end(), -1) == target.end() &&
                      checked_count(target) == count,
                  "a constant of ", count, " elements does not fit");
      tensor.clear_dims();
      for (const Index extent : target) tensor.add_dims(extent);
    }
    new_constant(proto) = std::move(tensor);
    return true;
  }

  /// Whether the node takes part in working out a shape that keeps the number of samples, as
  /// exporters write `x.view(x.size(0), -1)`: Shape, Gather of its first number, Unsqueeze and
  /// Concat with constants. The last becomes a constant, with 0 (the same as before) in front.
  bool fold_size(const ::onnx::NodeProto& proto) {
    const OnnxNode node = node_of(proto);
    const std::string& operation = proto.op_type();
    if (proto.input_size() == 0 || proto.output_size() != 1) return false;
    const std::string& first = proto.input(0);
    if (operation == "Shape" && is_computed_(first)) {
      node.expect_attributes({});
      return shapes_.insert(proto.output(0)).second;
    }
    if (shapes_.contains(first)) {
      node.expect(operation == "Gather" && node.axis(0, 1) == 0 &&
                      node.whole_numbers(1) == std::vector<Index>{0},
                  "of a computed shape only the number of samples is supported");
      return batches_.insert(proto.output(0)).second;
    }
    if (!batches_.contains(first)) return false;
    if (operation == "Unsqueeze") return batches_.insert(proto.output(0)).second;
    node.expect(operation == "Concat", "the number of samples is only supported in a shape");
    ::onnx::TensorProto shape;
    shape.set_data_type(::onnx::TensorProto::INT64);
    shape.add_int64_data(0);
    for (int i = 1; i < proto.input_size(); ++i) {
      for (const Index extent : node.whole_numbers(i)) shape.add_int64_data(extent);
    }
    shape.add_dims(shape.int64_data_size());
    new_constant(proto) = std::move(shape);
    return true;
  }

  ::onnx::TensorProto& new_constant(const ::onnx::NodeProto& proto) {
    const std::string& name = proto.output(0);
    node_of(proto).expect(!is_computed_(name), "'", name, "' is made twice");
    ::onnx::TensorProto& tensor = made_.emplace_back();
    constants_.add(name, tensor);
    return tensor;
  }

  Index opset_;
  std::function<bool(const std::string&)> is_computed_;
  OnnxConstants constants_;
  std::deque<::onnx::TensorProto> made_;  ///< constants worked out here
  std::set<std::string> shapes_;          ///< values that are a computed value's shape
  std::set<std::string> batches_;         ///< values that are the number of samples
};

}  // namespace nn::detail
