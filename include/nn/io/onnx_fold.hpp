/// @file
/// What of an ONNX graph can be worked out before there is a sample: constants, and shapes made of
/// the number of samples and constants.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/onnx_fold_constants.hpp"
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
    return add_constant(proto) || fold_zeros(proto) || fold_constant(proto) || fold_size(proto);
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

  /// Whether the node gives a constant's elements as they are, perhaps in another shape: its output
  /// then is one.
  bool fold_constant(const ::onnx::NodeProto& proto) {
    const OnnxNode node = node_of(proto);
    if (proto.output_size() != 1 || !node.has_input(0) || !node.variable_inputs().empty()) {
      return false;
    }
    const std::string& operation = proto.op_type();
    if (operation == "Concat" && is_list_of_whole(proto)) return join_constants(proto);
    if (operation == "Concat") {
      return put(proto, joined_constants(node, proto.input_size()));
    }
    if (operation == "Transpose") return put(proto, transposed_constant(node));
    if (operation == "Slice") return put(proto, sliced_constant(node));
    const ::onnx::TensorProto& tensor = constants_.tensor(proto.input(0));
    std::vector<Index> extents(tensor.dims().begin(), tensor.dims().end());
    if (operation == "Reshape") {
      extents = reshaped(node, extents);
    } else if (operation == "Unsqueeze") {
      for (const Index axis : folded_axes(node, extents.size(), true)) {
        extents.insert(extents.begin() + axis, 1);
      }
    } else if (operation == "Squeeze") {
      const auto axes = folded_axes(node, extents.size(), false);
      for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
        node.expect(extents[static_cast<std::size_t>(*axis)] == 1, "axis ", *axis, " is not of 1");
        extents.erase(extents.begin() + *axis);
      }
    } else if (operation == "Cast") {
      // All elements are read as numbers that hold those of the other types. Whole numbers of what
      // was cast to them are only read of shapes, which are whole before.
      node.expect_attributes({"to"});
    } else if (operation != "Identity") {
      return false;
    }
    count_bytes(node, tensor.ByteSizeLong());
    ::onnx::TensorProto& made = new_constant(proto);
    made = tensor;
    made.clear_dims();
    for (const Index extent : extents) made.add_dims(extent);
    return true;
  }

  void count_bytes(const OnnxNode& node, std::size_t bytes) {
    made_bytes_ += bytes;
    node.expect(made_bytes_ <= most_bytes, "constants are repeated too often");
  }

  /// Notes the node's output as a constant.
  bool put(const ::onnx::NodeProto& proto, const OnnxConstant& constant) {
    count_bytes(node_of(proto), constant.values.size() * sizeof(double));
    ::onnx::TensorProto& made = new_constant(proto);
    made.set_data_type(::onnx::TensorProto::DOUBLE);
    for (const Index extent : constant.extents) made.add_dims(extent);
    for (const double value : constant.values) made.add_double_data(value);
    return true;
  }

  /// Whether all inputs are lists of whole numbers, such as shapes.
  [[nodiscard]] bool is_list_of_whole(const ::onnx::NodeProto& proto) const {
    return std::all_of(proto.input().begin(), proto.input().end(), [&](const std::string& name) {
      const ::onnx::TensorProto& tensor = constants_.tensor(name);
      const bool whole = tensor.data_type() == ::onnx::TensorProto::INT64 ||
                         tensor.data_type() == ::onnx::TensorProto::INT32;
      return whole && tensor.dims_size() <= 1;
    });
  }

  /// The extents that a Reshape of a constant gives.
  static std::vector<Index> reshaped(const OnnxNode& node, const std::vector<Index>& extents) {
    node.expect_attributes({"allowzero", "shape"});
    node.expect(node.integer("allowzero", 0) == 0, "allowzero is not supported");
    auto target = node.has_input(1) ? node.whole_numbers(1) : node.integers("shape", {});
    const Index count = checked_count(extents);
    Index known = 1;
    for (std::size_t i = 0; i < target.size(); ++i) {
      if (target[i] == 0 && i < extents.size()) target[i] = extents[i];
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
    return target;
  }

  /// The axes that an Unsqueeze adds or a Squeeze takes away, in order.
  static std::vector<Index> folded_axes(const OnnxNode& node, std::size_t rank, bool adds) {
    const std::size_t named =
        node.has_input(1) ? node.whole_numbers(1).size() : node.integers("axes", {}).size();
    node.expect(named > 0 && rank + named <= 16, "it has to say which axes, up to 16 in all");
    return named_axes(node, static_cast<Index>(adds ? rank + named : rank));
  }

  /// Joins lists of whole numbers, such as shapes.
  bool join_constants(const ::onnx::NodeProto& proto) {
    std::vector<Index> all;
    for (int i = 0; i < proto.input_size(); ++i) {
      const auto some = whole_list(proto, i);
      all.insert(all.end(), some.begin(), some.end());
    }
    put_list(proto, all);
    return true;
  }

  std::vector<Index> whole_list(const ::onnx::NodeProto& proto, int index) const {
    const OnnxNode node = node_of(proto);
    node.expect(node.integer("axis", 0) == 0 && node.constant(index).extents.size() <= 1,
                "of constants only lists are joined");
    auto numbers = node.whole_numbers(index);
    node.expect(numbers.size() <= longest_list, "a list of ", numbers.size(), " numbers");
    return numbers;
  }

  void put_list(const ::onnx::NodeProto& proto, const std::vector<Index>& numbers) {
    node_of(proto).expect(numbers.size() <= longest_list, "a list of ", numbers.size(), " numbers");
    ::onnx::TensorProto& list = new_constant(proto);
    list.set_data_type(::onnx::TensorProto::INT64);
    for (const Index number : numbers) list.add_int64_data(number);
    list.add_dims(list.int64_data_size());
  }

  /// Whether the node takes part in working out a shape that keeps the number of samples: Shape of
  /// what is computed, its first number (by Gather or Slice) and Concat of that with constants, and
  /// Cast, Squeeze and Unsqueeze between these. So exporters write `x.view(x.size(0), -1)`. The
  /// shape becomes a constant, with 0 (the same as before) in front.
  bool fold_size(const ::onnx::NodeProto& proto) {
    const OnnxNode node = node_of(proto);
    const std::string& operation = proto.op_type();
    if (proto.input_size() == 0 || proto.output_size() != 1) return false;
    const std::string& first = proto.input(0);
    if (operation == "Shape" && is_computed_(first)) {
      node.expect_attributes({});
      return note(shapes_, proto);
    }
    const bool passes = operation == "Cast" || operation == "Identity";
    const bool passes_number = passes || operation == "Unsqueeze" || operation == "Squeeze";
    if (shapes_.contains(first)) {
      if (passes) return note(shapes_, proto);
      if (takes_first(node)) return note(batches_, proto);
      return leave_open(proto, "of a computed shape only the number of samples is supported");
    }
    for (const std::string& input : proto.input()) {
      const auto found = open_.find(input);
      if (found == open_.end()) continue;
      require(passes_number || operation == "Concat", found->second);
      expect_new(proto);
      open_.emplace(proto.output(0), found->second);
      return true;
    }
    if (!batches_.contains(first)) {
      const bool later =
          operation == "Concat" &&
          std::any_of(proto.input().begin(), proto.input().end(),
                      [&](const std::string& input) { return batches_.contains(input); });
      return later && leave_open(proto, "the number of samples is only supported in front");
    }
    if (passes_number) return note(batches_, proto);
    node.expect(operation == "Concat", "the number of samples is only supported in a shape");
    std::vector<Index> shape{0};
    for (int i = 1; i < proto.input_size(); ++i) {
      const auto some = whole_list(proto, i);
      shape.insert(shape.end(), some.begin(), some.end());
    }
    put_list(proto, shape);
    return true;
  }

  /// Zeros of a size that depends on the number of samples, as recurrent layers begin with, and
  /// parts of them: a constant of one zero.
  bool fold_zeros(const ::onnx::NodeProto& proto) {
    const OnnxNode node = node_of(proto);
    const std::string& operation = proto.op_type();
    if (proto.output_size() != 1) return false;
    if (operation == "Slice" && proto.input_size() > 0 && zeros_.contains(proto.input(0))) {
      return put_zero(proto);
    }
    const bool expands = operation == "Expand" && proto.input_size() == 2;
    if (!expands && (operation != "ConstantOfShape" || proto.input_size() != 1)) return false;
    const std::string& size = proto.input(expands ? 1 : 0);
    if (!open_.contains(size) && !constants_.contains(size) && !batches_.contains(size)) {
      return false;
    }
    if (expands && !constants_.contains(proto.input(0))) return false;
    std::vector<double> values{0};
    if (expands) {
      values = node.constant(0).values;
    } else if (proto.attribute_size() > 0) {
      values = read_constant(proto.attribute(0).t()).values;
    }
    node.expect(std::all_of(values.begin(), values.end(), [](double value) { return value == 0; }),
                "only zeros can be repeated");
    return put_zero(proto);
  }

  bool put_zero(const ::onnx::NodeProto& proto) {
    zeros_.insert(proto.output(0));
    return put(proto, {{}, {0}});
  }

  /// Notes a number, or a list, that is not known before there is a sample. What needs it is
  /// refused, saying why.
  bool leave_open(const ::onnx::NodeProto& proto, const char* why) {
    expect_new(proto);
    open_.emplace(proto.output(0),
                  text(proto.op_type(), " '", proto.name().empty() ? proto.output(0) : proto.name(),
                       "': ", why));
    return true;
  }

  /// Whether the node takes the first of some numbers.
  static bool takes_first(const OnnxNode& node) {
    const auto is = [&](int index, const char* name, Index wanted, bool optional) {
      if (!node.has_input(index) && !node.has_attribute(name)) return optional;
      const auto given =
          node.has_input(index) ? node.whole_numbers(index) : node.integers(name, {});
      return given == std::vector<Index>{wanted};
    };
    if (node.operation() == "Gather") return node.axis(0, 1) == 0 && is(1, "", 0, false);
    return node.operation() == "Slice" && is(1, "starts", 0, false) && is(2, "ends", 1, false) &&
           is(3, "axes", 0, true) && is(4, "steps", 1, true);
  }

  bool note(std::set<std::string>& kind, const ::onnx::NodeProto& proto) {
    const std::string& name = proto.output(0);
    expect_new(proto);
    kind.insert(name);
    return true;
  }

  void expect_new(const ::onnx::NodeProto& proto) const {
    const std::string& name = proto.output(0);
    node_of(proto).expect(!is_computed_(name) && !constants_.contains(name) &&
                              !shapes_.contains(name) && !batches_.contains(name) &&
                              !open_.contains(name),
                          "'", name, "' is made twice");
  }

  ::onnx::TensorProto& new_constant(const ::onnx::NodeProto& proto) {
    expect_new(proto);
    ::onnx::TensorProto& tensor = made_.emplace_back();
    constants_.add(proto.output(0), tensor);
    return tensor;
  }

  static constexpr std::size_t most_bytes = std::size_t{1} << 30U;
  static constexpr std::size_t longest_list = 1000;

  Index opset_;
  std::function<bool(const std::string&)> is_computed_;
  OnnxConstants constants_;
  std::deque<::onnx::TensorProto> made_;     ///< constants worked out here
  std::size_t made_bytes_ = 0;               ///< of these
  std::set<std::string> shapes_;             ///< values that are a computed value's shape
  std::set<std::string> batches_;            ///< values that are the number of samples
  std::set<std::string> zeros_;              ///< constants that stand for more zeros
  std::map<std::string, std::string> open_;  ///< values that nobody knows yet, and why
};

}  // namespace nn::detail
