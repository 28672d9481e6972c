/// @file
/// What exporters write as several ONNX nodes because their version of the operations has no such
/// operation, or PyTorch's exporter knows none.
///
/// The last node of each composition becomes one node that reads what the first one read: an
/// operation of a later version (LayerNormalization, Gelu, ...), or, for halves times sigmoids of
/// halves, "GatedLinearUnit". The nodes between are left to themselves: nothing reads them any
/// more, unless something else did.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/onnx_node.hpp"

namespace nn::detail {

/// Recognises compositions by their last node.
class OnnxCompositions {
 public:
  /// `maker` gives the node that makes a value, or null.
  OnnxCompositions(const OnnxConstants& constants, Index opset,
                   std::function<const ::onnx::NodeProto*(const std::string&)> maker)
      : constants_(constants), opset_(opset), maker_(std::move(maker)) {}

  /// The node in whose place the composition stands that ends with `node`; nothing where none does.
  [[nodiscard]] std::optional<::onnx::NodeProto> shorten(const ::onnx::NodeProto& node) const {
    if (node.output_size() != 1 || node.input_size() == 0) return std::nullopt;
    if (node.op_type() == "Div" && node.input_size() == 2) return normalization(node);
    if (node.op_type() == "Reshape") return group_normalization(node);
    if ((node.op_type() != "Mul" && node.op_type() != "Add") || node.input_size() != 2) {
      return std::nullopt;
    }
    for (const auto& [a, b] :
         {std::pair(node.input(0), node.input(1)), std::pair(node.input(1), node.input(0))}) {
      auto found = node.op_type() == "Add" ? with_weight(node, a, b, 2) : product(node, a, b);
      if (found) return found;
    }
    return std::nullopt;
  }

 private:
  using Node = ::onnx::NodeProto;
  using Found = std::optional<Node>;

  /// The node that makes the value, if it is this operation.
  [[nodiscard]] const Node* made_by(const std::string& value, const char* operation) const {
    const Node* node = maker_(value);
    if (node == nullptr || node->op_type() != operation || node->input_size() == 0) return nullptr;
    return node;
  }

  /// A node of the operation in the place of `node`.
  static Node instead(const Node& node, const char* operation,
                      const std::vector<std::string>& inputs) {
    Node made;
    made.set_name(node.name());
    made.set_op_type(operation);
    for (const std::string& input : inputs) made.add_input(input);
    *made.mutable_output() = node.output();
    return made;
  }

  [[nodiscard]] OnnxNode view(const Node& node) const { return {node, constants_, opset_}; }

  /// Whether the value is a constant of one number, to the rounding of floats.
  [[nodiscard]] bool is_number(const std::string& value, double number) const {
    const auto found = one_number(value);
    return found && std::abs(*found - number) <= 1e-6 * std::abs(number);
  }
  [[nodiscard]] std::optional<double> one_number(const std::string& value) const {
    if (!constants_.contains(value)) return std::nullopt;
    const ::onnx::TensorProto& tensor = constants_.tensor(value);
    for (const auto extent : tensor.dims()) {
      if (extent != 1) return std::nullopt;
    }
    const OnnxConstant constant = read_constant(tensor);
    return constant.values.at(0);
  }

  /// Whether the value is `of` times a number.
  [[nodiscard]] bool is_multiple(const std::string& value, const std::string& of,
                                 double number) const {
    if (const Node* quotient = made_by(value, "Div")) {
      return quotient->input_size() == 2 && quotient->input(0) == of &&
             is_number(quotient->input(1), 1 / number);
    }
    const Node* product = made_by(value, "Mul");
    if (product == nullptr || product->input_size() != 2) return false;
    return (product->input(0) == of && is_number(product->input(1), number)) ||
           (product->input(1) == of && is_number(product->input(0), number));
  }

  /// The values that a node of two inputs of this operation has besides a given one; nothing where
  /// the value is made otherwise.
  [[nodiscard]] std::vector<std::string> partners(const std::string& value, const char* operation,
                                                  const std::string& one) const {
    const Node* node = made_by(value, operation);
    if (node == nullptr || node->input_size() != 2) return {};
    std::vector<std::string> found;
    if (node->input(0) == one) found.push_back(node->input(1));
    if (node->input(1) == one) found.push_back(node->input(0));
    return found;
  }

  /// The input of the last node of one of these operations, each of which has one.
  [[nodiscard]] bool comes_from(const std::string& value,
                                std::initializer_list<const char*> operations,
                                const std::string& from) const {
    const std::string* at = &value;
    for (const char* operation : operations) {
      const Node* node = made_by(*at, operation);
      if (node == nullptr || node->input_size() != 1) return false;
      at = &node->input(0);
    }
    return *at == from;
  }

  /// a * b.
  [[nodiscard]] Found product(const Node& node, const std::string& a, const std::string& b) const {
    if (comes_from(b, {"Tanh", "Softplus"}, a)) return instead(node, "Mish", {a});
    if (is_hard_swish(a, b)) return instead(node, "HardSwish", {a});
    if (auto found = gelu(node, a, b)) return found;
    if (auto found = gated(node, a, b)) return found;
    return with_weight(node, a, b, 1);
  }

  /// a * HardSigmoid(a), or a * (a + 3, bounded by 0 and 6) / 6.
  [[nodiscard]] bool is_hard_swish(const std::string& a, const std::string& b) const {
    if (const Node* sixth = made_by(b, "Div")) {
      if (sixth->input_size() != 2 || !is_number(sixth->input(1), 6)) return false;
      const Node* cut = made_by(sixth->input(0), "Clip");
      if (cut == nullptr || cut->input_size() != 3 || one_number(cut->input(1)) != 0.0 ||
          one_number(cut->input(2)) != 6.0) {
        return false;
      }
      const auto raised = partners(cut->input(0), "Add", a);
      return raised.size() == 1 && is_number(raised[0], 3);
    }
    const Node* gate = made_by(b, "HardSigmoid");
    if (gate == nullptr || gate->input(0) != a) return false;
    const OnnxNode node = view(*gate);
    return std::abs(node.number("alpha", 0.2F) - 1.0F / 6) < 1e-6F &&
           std::abs(node.number("beta", 0.5F) - 0.5F) < 1e-6F;
  }

  /// (x / 2) (1 + e), or x (1 + e) / 2, where e is erf(x / sqrt(2)) or its approximation.
  [[nodiscard]] Found gelu(const Node& node, const std::string& a, const std::string& b) const {
    std::string x;
    std::string raised;
    if (is_number(b, 0.5)) {
      const Node* whole = made_by(a, "Mul");
      if (whole == nullptr || whole->input_size() != 2) return std::nullopt;
      const bool first = made_by(whole->input(1), "Add") != nullptr;
      x = whole->input(first ? 0 : 1);
      raised = whole->input(first ? 1 : 0);
      if (auto found = gelu_of(node, x, raised)) return found;
      return gelu_of(node, raised, x);
    }
    const Node* half = made_by(a, "Mul");
    if (half == nullptr || half->input_size() != 2) return std::nullopt;
    for (const int i : {0, 1}) {
      if (!is_number(half->input(1 - i), 0.5)) continue;
      if (auto found = gelu_of(node, half->input(i), b)) return found;
    }
    return std::nullopt;
  }

  [[nodiscard]] Found gelu_of(const Node& node, const std::string& x,
                              const std::string& raised) const {
    const Node* sum = made_by(raised, "Add");
    if (sum == nullptr || sum->input_size() != 2) return std::nullopt;
    for (const int i : {0, 1}) {
      if (!is_number(sum->input(1 - i), 1)) continue;
      const std::string& bent = sum->input(i);
      if (const Node* exact = made_by(bent, "Erf")) {
        if (!is_multiple(exact->input(0), x, 1 / std::numbers::sqrt2)) continue;
        return instead(node, "Gelu", {x});
      }
      const Node* tanh = made_by(bent, "Tanh");
      if (tanh == nullptr || !is_cubic(tanh->input(0), x)) continue;
      Node made = instead(node, "Gelu", {x});
      auto& how = *made.add_attribute();
      how.set_name("approximate");
      how.set_type(::onnx::AttributeProto::STRING);
      how.set_s("tanh");
      return made;
    }
    return std::nullopt;
  }

  /// Whether the value is sqrt(2 / pi) (x + 0.044715 x^3).
  [[nodiscard]] bool is_cubic(const std::string& value, const std::string& x) const {
    const Node* outer = made_by(value, "Mul");
    if (outer == nullptr || outer->input_size() != 2) return false;
    for (const std::string& sum : outer->input()) {
      if (!is_multiple(value, sum, std::numbers::sqrt2 * std::numbers::inv_sqrtpi)) continue;
      for (const std::string& term : partners(sum, "Add", x)) {
        const Node* scaled = made_by(term, "Mul");
        if (scaled == nullptr || scaled->input_size() != 2) continue;
        for (const std::string& cube : scaled->input()) {
          if (is_multiple(term, cube, 0.044715) && is_cube(cube, x)) return true;
        }
      }
    }
    return false;
  }
  [[nodiscard]] bool is_cube(const std::string& value, const std::string& x) const {
    if (const Node* power = made_by(value, "Pow")) {
      return power->input_size() == 2 && power->input(0) == x && is_number(power->input(1), 3);
    }
    const auto squares = partners(value, "Mul", x);
    return std::any_of(squares.begin(), squares.end(),
                       [&](const std::string& square) { return is_square(square, x); });
  }
  [[nodiscard]] bool is_square(const std::string& value, const std::string& x) const {
    if (const Node* power = made_by(value, "Pow")) {
      return power->input_size() == 2 && power->input(0) == x && is_number(power->input(1), 2);
    }
    const Node* product = made_by(value, "Mul");
    return product != nullptr && product->input_size() == 2 && product->input(0) == x &&
           product->input(1) == x;
  }

  /// One half of what a Split gives times the sigmoid of the other.
  [[nodiscard]] Found gated(const Node& node, const std::string& a, const std::string& b) const {
    const Node* open = made_by(b, "Sigmoid");
    const Node* split = made_by(a, "Split");
    if (open == nullptr || split == nullptr || split->output_size() != 2) return std::nullopt;
    if (split->output(0) != a || open->input(0) != split->output(1)) return std::nullopt;
    const OnnxNode halves = view(*split);
    const auto sizes = halves.has_input(1) ? halves.whole_numbers(1) : halves.integers("split", {});
    const bool even = sizes.empty() || (sizes.size() == 2 && sizes[0] == sizes[1]);
    if (!even) return std::nullopt;
    Node made = instead(node, "GatedLinearUnit", {split->input(0)});
    auto& axis = *made.add_attribute();
    axis.set_name("axis");
    axis.set_type(::onnx::AttributeProto::INT);
    axis.set_i(halves.integer("axis", 0));
    return made;
  }

  /// A constant by which a normalisation is multiplied (input 1), or which is added to it (input
  /// 2).
  [[nodiscard]] Found with_weight(const Node& node, const std::string& a, const std::string& b,
                                  int input) const {
    if (!constants_.contains(b) || one_number(b)) return std::nullopt;
    for (const char* operation : {"LayerNormalization", "RMSNormalization", "GroupNormalization"}) {
      const Node* made = made_by(a, operation);
      if (made == nullptr || !is_ours(*made)) continue;
      const bool is_free = made->input(input).empty() && (input == 2 || made->input(2).empty());
      if (!is_free || !is_for_channels(b, operation)) continue;
      if (input == 2 && std::string(operation) == "RMSNormalization") continue;
      Node longer = *made;
      longer.set_name(node.name());
      *longer.mutable_output() = node.output();
      longer.set_input(input, b);
      return longer;
    }
    return std::nullopt;
  }

  /// Whether a normalisation was put together here: it has three inputs, of which some are empty.
  [[nodiscard]] static bool is_ours(const Node& node) {
    return node.input_size() == 3 && (node.input(1).empty() || node.input(2).empty());
  }

  /// Whether a constant is matched with the axis along which the operation has its weights: the
  /// last one, or, of images in groups, that of the channels.
  [[nodiscard]] bool is_for_channels(const std::string& value, const std::string& operation) const {
    const auto& dims = constants_.tensor(value).dims();
    if (operation != "GroupNormalization") return dims.size() == 1;
    const int first = dims.size() - 3;
    return first >= 0 && dims[first + 1] == 1 && dims[first + 2] == 1 &&
           (first == 0 || (first == 1 && dims[0] == 1));
  }

  /// (x - mean) / sqrt(variance + epsilon), or x / sqrt(mean of x^2 + epsilon), along the last
  /// axis.
  [[nodiscard]] Found normalization(const Node& node) const {
    const std::string& above = node.input(0);
    const Node* root = made_by(node.input(1), "Sqrt");
    const Node* sum = root == nullptr ? nullptr : made_by(root->input(0), "Add");
    if (sum == nullptr || sum->input_size() != 2) return std::nullopt;
    for (const int i : {0, 1}) {
      const auto epsilon = one_number(sum->input(1 - i));
      const Node* mean = made_by(sum->input(i), "ReduceMean");
      if (!epsilon || mean == nullptr || !is_square(mean->input(0), above)) continue;
      const auto axis = kept_axis(*mean);
      if (!axis) continue;
      const Node* difference = made_by(above, "Sub");
      const Node* middle = difference == nullptr || difference->input_size() != 2
                               ? nullptr
                               : made_by(difference->input(1), "ReduceMean");
      const bool centred = middle != nullptr && middle->input(0) == difference->input(0) &&
                           kept_axis(*middle) == axis;
      Node made = centred ? instead(node, "LayerNormalization", {difference->input(0), "", ""})
                          : instead(node, "RMSNormalization", {above, "", ""});
      set(made, *axis, *epsilon);
      return made;
    }
    return std::nullopt;
  }

  static void set(Node& node, Index axis, double epsilon) {
    auto& along = *node.add_attribute();
    along.set_name("axis");
    along.set_type(::onnx::AttributeProto::INT);
    along.set_i(axis);
    set_epsilon(node, static_cast<float>(epsilon));
  }
  static void set_epsilon(Node& node, float epsilon) {
    auto& added = *node.add_attribute();
    added.set_name("epsilon");
    added.set_type(::onnx::AttributeProto::FLOAT);
    added.set_f(epsilon);
  }

  /// The one axis along which a ReduceMean goes, if it keeps it.
  [[nodiscard]] std::optional<Index> kept_axis(const Node& proto) const {
    const OnnxNode node = view(proto);
    const bool constant = !node.has_input(1) || constants_.contains(proto.input(1));
    if (!constant || node.integer("keepdims", 1) == 0) return std::nullopt;
    const auto axes = node.has_input(1) ? node.whole_numbers(1) : node.integers("axes", {});
    if (axes.size() != 1) return std::nullopt;
    return axes[0];
  }

  /// Groups as channels of one row each, normalised, and put back into the shape that they had.
  [[nodiscard]] Found group_normalization(const Node& node) const {
    const Node* inner = made_by(node.input(0), "InstanceNormalization");
    const Node* rows = inner == nullptr ? nullptr : made_by(inner->input(0), "Reshape");
    if (rows == nullptr || rows->input_size() != 2 || !constants_.contains(rows->input(1))) {
      return std::nullopt;
    }
    const Node* shape = node.input_size() == 2 ? maker_(node.input(1)) : nullptr;
    const bool put_back = shape != nullptr && shape->op_type() == "Shape" &&
                          shape->input_size() == 1 && shape->attribute_size() == 0 &&
                          shape->input(0) == rows->input(0);
    const auto target = view(*rows).whole_numbers(1);
    const bool grouped = target.size() == 3 && target[0] == 0 && target[1] > 0 && target[2] == -1;
    if (!put_back || !grouped || inner->input_size() != 3 || !is_all(inner->input(1), 1) ||
        !is_all(inner->input(2), 0)) {
      return std::nullopt;
    }
    Node made = instead(node, "GroupNormalization", {rows->input(0), "", ""});
    auto& groups = *made.add_attribute();
    groups.set_name("num_groups");
    groups.set_type(::onnx::AttributeProto::INT);
    groups.set_i(target[1]);
    set_epsilon(made, view(*inner).number("epsilon", 1e-5F));
    return made;
  }

  [[nodiscard]] bool is_all(const std::string& value, double number) const {
    if (!constants_.contains(value)) return false;
    const auto values = read_constant(constants_.tensor(value)).values;
    return std::all_of(values.begin(), values.end(),
                       [number](double element) { return element == number; });
  }

  const OnnxConstants& constants_;
  Index opset_;
  std::function<const ::onnx::NodeProto*(const std::string&)> maker_;
};

}  // namespace nn::detail
