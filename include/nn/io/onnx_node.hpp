/// @file
/// Nodes and constants of an ONNX graph, read with suspicion.
#pragma once

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "nn/core/shape.hpp"
#include "nn/io/element_type.hpp"
#include "nn/layers/window.hpp"

namespace nn::detail {

/// A constant of the graph: its extents and its elements, in a type that holds all others.
struct OnnxConstant {
  std::vector<Index> extents;
  std::vector<double> values;
};

/// The product of extents. @throws FileError for a negative one, or when it is beyond 2^40.
[[nodiscard]] inline Index checked_count(const std::vector<Index>& extents) {
  Index count = 1;
  for (const Index extent : extents) {
    require<FileError>(extent >= 0 && extent <= nn::detail::at_most(std::uint64_t{1} << 40U) /
                                                    std::max<Index>(count, 1),
                       "its extents are no size");
    count *= extent;
  }
  return count;
}

[[nodiscard]] inline ElementType element_type_of(const ::onnx::TensorProto& tensor) {
  switch (tensor.data_type()) {
    case ::onnx::TensorProto::FLOAT:
      return ElementType::f32;
    case ::onnx::TensorProto::DOUBLE:
      return ElementType::f64;
    case ::onnx::TensorProto::FLOAT16:
      return ElementType::f16;
    case ::onnx::TensorProto::BFLOAT16:
      return ElementType::bf16;
    case ::onnx::TensorProto::INT32:
      return ElementType::i32;
    case ::onnx::TensorProto::INT64:
      return ElementType::i64;
    case ::onnx::TensorProto::BOOL:
      return ElementType::boolean;
    default:
      throw FileError(text("its data type ", tensor.data_type(), " cannot be read"));
  }
}

/// The elements of a tensor, from whichever field they are in.
/// @throws FileError unless there are as many as its extents say.
[[nodiscard]] inline OnnxConstant read_constant(const ::onnx::TensorProto& tensor) {
  OnnxConstant constant;
  constant.extents.assign(tensor.dims().begin(), tensor.dims().end());
  const Index count = checked_count(constant.extents);
  const ElementType type = element_type_of(tensor);
  require<FileError>(
      tensor.data_location() != ::onnx::TensorProto::EXTERNAL && tensor.external_data_size() == 0,
      "its data are in another file");
  const auto require_count = [count](Index found) {
    require<FileError>(found == count, "its extents say ", count, " elements, and it has ", found);
  };
  const auto take = [&](const auto& field) {
    require_count(field.size());
    constant.values.assign(field.begin(), field.end());
  };
  if (tensor.has_raw_data()) {
    const std::string& raw = tensor.raw_data();
    require<FileError>(raw.size() % static_cast<std::size_t>(bytes_of(type)) == 0,
                       "its last element is cut");
    require_count(static_cast<Index>(raw.size()) / bytes_of(type));
    constant.values.resize(static_cast<std::size_t>(count));
    decode<double>(type, raw, constant.values.data());
  } else if (type == ElementType::f32) {
    take(tensor.float_data());
  } else if (type == ElementType::f64) {
    take(tensor.double_data());
  } else if (type == ElementType::i64) {
    take(tensor.int64_data());
  } else if (type == ElementType::i32 || type == ElementType::boolean) {
    take(tensor.int32_data());
  } else {  // the bits of a 16-bit float in each 32-bit integer
    std::string raw;
    for (const std::int32_t bits : tensor.int32_data()) {
      raw += static_cast<char>(bits & 0xff);
      raw += static_cast<char>((bits >> 8) & 0xff);
    }
    require_count(static_cast<Index>(raw.size()) / 2);
    constant.values.resize(static_cast<std::size_t>(count));
    decode<double>(type, raw, constant.values.data());
  }
  return constant;
}

/// The constants of a graph by name. They are converted when they are asked for.
class OnnxConstants {
 public:
  void add(const std::string& name, const ::onnx::TensorProto& tensor) {
    require<FileError>(tensors_.emplace(name, &tensor).second, "the value '", name,
                       "' is defined twice");
  }
  [[nodiscard]] bool contains(const std::string& name) const { return tensors_.contains(name); }
  [[nodiscard]] const ::onnx::TensorProto& tensor(const std::string& name) const {
    return *tensors_.at(name);
  }

 private:
  std::map<std::string, const ::onnx::TensorProto*> tensors_;
};

/// A node, with its constants at hand. Every refusal names it.
class OnnxNode {
 public:
  OnnxNode(const ::onnx::NodeProto& proto, const OnnxConstants& constants, Index opset)
      : proto_(&proto), constants_(&constants), opset_(opset) {}

  [[nodiscard]] const std::string& operation() const { return proto_->op_type(); }
  [[nodiscard]] Index opset() const { return opset_; }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    const std::string& name =
        proto_->name().empty() && proto_->output_size() > 0 ? proto_->output(0) : proto_->name();
    throw Error(text(operation(), " '", name, "': ", parts...));
  }
  template <class... Parts>
  void expect(bool condition, const Parts&... parts) const {
    if (!condition) refuse(parts...);
  }

  /// The inputs that are computed, as opposed to constants.
  [[nodiscard]] std::vector<std::string> variable_inputs() const {
    std::vector<std::string> names;
    for (const std::string& name : proto_->input()) {
      if (!name.empty() && !constants_->contains(name)) names.push_back(name);
    }
    return names;
  }

  /// The place of the one input that is computed.
  [[nodiscard]] int variable_index() const {
    for (int i = 0; i < proto_->input_size(); ++i) {
      if (!proto_->input(i).empty() && !constants_->contains(proto_->input(i))) return i;
    }
    refuse("none of its inputs is computed");
  }

  /// Which of its outputs has this name.
  [[nodiscard]] int output_index(const std::string& name) const {
    for (int i = 0; i < proto_->output_size(); ++i) {
      if (proto_->output(i) == name) return i;
    }
    refuse("it does not make '", name, "'");
  }

  [[nodiscard]] bool has_input(int index) const {
    return index < proto_->input_size() && !proto_->input(index).empty();
  }

  /// Input `index`, which has to be a constant.
  [[nodiscard]] OnnxConstant constant(int index) const {
    expect(has_input(index), "input ", index, " is missing");
    const std::string& name = proto_->input(index);
    expect(constants_->contains(name), "input ", index, " ('", name, "') is no constant");
    try {
      return read_constant(constants_->tensor(name));
    } catch (const Error& error) {
      refuse("the constant '", name, "': ", error.what());
    }
  }

  /// The same, of `rank` axes.
  [[nodiscard]] OnnxConstant constant(int index, std::size_t rank) const {
    OnnxConstant value = constant(index);
    expect(value.extents.size() == rank, "input ", index, " has ", value.extents.size(),
           " axes; only ", rank, " are supported");
    return value;
  }

  /// The same, as whole numbers.
  [[nodiscard]] std::vector<Index> whole_numbers(int index) const {
    std::vector<Index> numbers;
    for (const double value : constant(index).values) {
      expect(value >= -0x1p40 && value <= 0x1p40, "input ", index, " has the number ", value);
      numbers.push_back(static_cast<Index>(value));
    }
    return numbers;
  }

  /// Refuses attributes of other names: they would change what the node means.
  void expect_attributes(std::initializer_list<std::string_view> known) const {
    for (const auto& attribute : proto_->attribute()) {
      expect(std::find(known.begin(), known.end(), attribute.name()) != known.end(),
             "the attribute '", attribute.name(), "' is not supported");
    }
  }

  [[nodiscard]] bool has_attribute(std::string_view name) const { return find(name) != nullptr; }

  [[nodiscard]] float number(std::string_view name, float otherwise) const {
    const auto* attribute = find(name);
    return attribute == nullptr ? otherwise : attribute->f();
  }
  [[nodiscard]] Index integer(std::string_view name, Index otherwise) const {
    const auto* attribute = find(name);
    return attribute == nullptr ? otherwise : attribute->i();
  }
  [[nodiscard]] std::string word(std::string_view name, std::string_view otherwise) const {
    const auto* attribute = find(name);
    return attribute == nullptr ? std::string(otherwise) : attribute->s();
  }
  /// Several words; none where they are not given.
  [[nodiscard]] std::vector<std::string> words(std::string_view name) const {
    const auto* attribute = find(name);
    if (attribute == nullptr) return {};
    return {attribute->strings().begin(), attribute->strings().end()};
  }
  [[nodiscard]] std::vector<Index> integers(std::string_view name,
                                            std::vector<Index> otherwise) const {
    const auto* attribute = find(name);
    if (attribute == nullptr) return otherwise;
    return {attribute->ints().begin(), attribute->ints().end()};
  }

  /// A height and a width. Their bound keeps what is computed from them within an Index.
  [[nodiscard]] Extent2D extent(std::string_view name, const Extent2D& otherwise,
                                Index least = 1) const {
    const auto values = integers(name, {otherwise.height, otherwise.width});
    expect(values.size() == 2, name, " has ", values.size(), " numbers; only images are supported");
    for (const Index value : values) {
      expect(value >= least && value <= largest_extent, name, " has the number ", value);
    }
    return {values[0], values[1]};
  }

  /// An axis, counted from the front, of values with `rank` axes.
  [[nodiscard]] Index axis(Index otherwise, Index rank) const {
    const Index value = integer("axis", otherwise);
    expect(value >= -rank && value <= rank, "axis ", value, " of values with ", rank, " axes");
    return value < 0 ? value + rank : value;
  }

  static constexpr Index largest_extent = 65535;

 private:
  [[nodiscard]] const ::onnx::AttributeProto* find(std::string_view name) const {
    for (const auto& attribute : proto_->attribute()) {
      if (attribute.name() == name) return &attribute;
    }
    return nullptr;
  }

  const ::onnx::NodeProto* proto_;
  const OnnxConstants* constants_;
  Index opset_;
};

/// The axes that the node names, counted from the front of values with `rank` axes, in order: an
/// input from opset 13 on, an attribute before.
[[nodiscard]] inline std::vector<Index> named_axes(const OnnxNode& node, Index rank) {
  auto axes = node.has_input(1) ? node.whole_numbers(1) : node.integers("axes", {});
  for (Index& axis : axes) {
    if (axis < 0) axis += rank;
    node.expect(axis >= 0 && axis < rank, "an axis beyond values with ", rank);
  }
  std::sort(axes.begin(), axes.end());
  node.expect(std::adjacent_find(axes.begin(), axes.end()) == axes.end(), "an axis named twice");
  return axes;
}

}  // namespace nn::detail
