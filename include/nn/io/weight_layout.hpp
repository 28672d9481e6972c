/// @file
/// The layout of a model's variables in files of other libraries, which put channels first.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nn/layers/plan.hpp"

namespace nn {

/// The order of the elements of weights in a file.
enum class WeightLayout {
  /// As in memory: convolutions KH x KW x in x out, dense layers in x out, flat samples in the
  /// order height, width, channel.
  native,
  /// As PyTorch has them: convolutions out x in x KH x KW, transposed ones in x out x KH x KW,
  /// dense layers out x in; a flattened image in the order channel, height, width. ONNX has the
  /// same.
  pytorch,
};

namespace detail {

/// The order of the elements of flat samples. A flattened image has its elements in the order
/// height, width, channel here, and channel, height, width in libraries that put channels first. So
/// a file for these has the weights of the layers next to it permuted.
///
/// An order is the image's shape, or a shape of rank 1 where both orders are the same. Every
/// boundary between two layers of a chain has one, found by going through the chain forward from
/// each layer that makes an image flat, and backward from each that makes an image of a flat
/// sample.
class FlatOrders {
 public:
  /// @throws Error naming the layer where a sample is given another shape in a way that means
  /// something else with channels first.
  explicit FlatOrders(const Plan& root) { visit(root, {}, {}); }

  /// The order in which the layer reads flat samples.
  [[nodiscard]] Shape input(const Plan& plan) const {
    return orders_.at(&plan).first.value_or(Shape{plan.input.size()});
  }
  /// The order in which the layer writes flat samples.
  [[nodiscard]] Shape output(const Plan& plan) const {
    return orders_.at(&plan).second.value_or(Shape{plan.output.size()});
  }

 private:
  using Order = std::optional<Shape>;  // nothing: no image is near, so any order will do

  void visit(const Plan& plan, const Order& input, const Order& output) {
    std::vector<const Plan*> links;
    collect(plan, links);
    std::vector<Order> boundaries(links.size() + 1);
    boundaries.front() = input;
    for (std::size_t i = 0; i < links.size(); ++i) {
      boundaries[i + 1] = after(*links[i], boundaries[i]);
    }
    if (!links.empty()) settle(boundaries.back(), output, *links.back());
    for (std::size_t i = links.size(); i-- > 0;) {
      settle(boundaries[i], before(*links[i], boundaries[i + 1]), *links[i]);
    }
    for (std::size_t i = 0; i < links.size(); ++i) {
      orders_[links[i]] = {boundaries[i], boundaries[i + 1]};
      visit_branches(*links[i]);
    }
    orders_[&plan] = {boundaries.front(), boundaries.back()};
  }

  /// A layer made of layers reads one sample in all its branches. If it only adds what they give,
  /// that may be in any order; else (it joins them, say) in the plain one only.
  void visit_branches(const Plan& plan) {
    const auto [input, output] = orders_[&plan];
    for (const Plan& child : plan.children) {
      const bool same_output = plan.output.rank() != 1 || passes(plan);
      visit(child, input, same_output ? output : Shape{child.output.size()});
    }
  }

  /// The plan of a chain has buffers.
  static bool is_chain(const Plan& plan) { return !plan.buffer_sizes.empty(); }

  /// The layers of a chain and of chains in it; of anything else, itself.
  static void collect(const Plan& plan, std::vector<const Plan*>& links) {
    if (!is_chain(plan)) return links.push_back(&plan);
    for (const Plan& child : plan.children) collect(child, links);
  }

  /// The order of an image's elements made flat, where it matters.
  static Shape order_of(const Shape& shape) {
    const bool matters = shape.rank() == 3 && shape[2] > 1 && shape[0] * shape[1] > 1;
    return matters ? shape : Shape{shape.size()};
  }

  static bool is_dense(const Plan& plan) {
    return std::any_of(plan.parameters.begin(), plan.parameters.end(),
                       [](const Variable& variable) { return variable.axes == Axes::dense; });
  }

  /// Whether flat samples go through element by element.
  static bool passes(const Plan& plan) {
    return plan.input.rank() == 1 && plan.output == plan.input && !is_dense(plan);
  }

  static Order after(const Plan& plan, const Order& input) {
    if (passes(plan)) return input;
    if (plan.output.rank() != 1 || is_dense(plan)) return {};
    return plan.traits.view ? order_of(plan.input) : Shape{plan.output.size()};
  }

  static Order before(const Plan& plan, const Order& output) {
    if (passes(plan)) return output;
    if (!plan.traits.view) {
      // A layer without weights that makes an image of a flat sample has an order of its own.
      const bool makes_image = plan.children.empty() && !is_dense(plan) && plan.input.rank() == 1 &&
                               plan.output.rank() == 3;
      return makes_image ? Order(Shape{plan.input.size()}) : Order{};
    }
    if (plan.input.rank() == 1) return order_of(plan.output);
    require(plan.output.rank() == 1 || order_of(plan.input) == order_of(plan.output), plan.name,
            " (layer ", plan.path, ") makes ", plan.output, " of ", plan.input,
            ", which means something else where channels come first");
    return {};
  }

  static void settle(Order& order, const Order& needed, const Plan& plan) {
    require(!order || !needed || *order == *needed, plan.name, " (layer ", plan.path,
            ") takes a sample made flat from ", order.value_or(Shape{}), " for one of ",
            needed.value_or(Shape{}), ", which means something else where channels come first");
    if (!order) order = needed;
  }

  std::map<const Plan*, std::pair<Order, Order>> orders_;
};

/// How one variable of a model stands in a file.
struct StoredVariable {
  std::string name;          ///< "2.weight"
  Shape shape;               ///< in the file
  Shape split;               ///< in the model, with flat axes split into height, width and channel
  std::vector<Index> order;  ///< axis k of the file is axis order[k] of `split`
  Index offset = 0;          ///< of its first element in the model's block
};

/// Appends the axes of `flat` to `split`, and to `order` with the channel first.
inline void append_axes(const Shape& flat, Shape& split, std::vector<Index>& order) {
  const Index first = split.rank();
  for (Index axis = 0; axis < flat.rank(); ++axis) split.push_back(flat[axis]);
  if (flat.rank() == 3)
    order.insert(order.end(), {first + 2, first, first + 1});
  else
    order.push_back(first);
}

/// What PyTorch calls a variable.
[[nodiscard]] inline std::string pytorch_name(const std::string& name) {
  if (name == "scale") return "weight";
  if (name == "shift") return "bias";
  if (name == "running_variance") return "running_var";
  return name;
}

/// How a variable of the layer `plan` stands in a file of PyTorch's.
[[nodiscard]] inline StoredVariable pytorch_variable(const Plan& plan, const Variable& variable,
                                                     const FlatOrders& orders) {
  StoredVariable stored{pytorch_name(variable.name), variable.shape, {}, {}, variable.offset};
  const Shape& shape = variable.shape;
  if (variable.axes == Axes::dense) {
    std::vector<Index> inputs;
    // Only flat samples may be images in another order.
    const bool flat = plan.input.rank() == 1;
    append_axes(flat ? orders.input(plan) : Shape{shape[0]}, stored.split, inputs);
    append_axes(flat ? orders.output(plan) : Shape{shape[1]}, stored.split, stored.order);
    stored.order.insert(stored.order.end(), inputs.begin(), inputs.end());
    stored.shape = {shape[1], shape[0]};
  } else if (variable.axes == Axes::convolution || variable.axes == Axes::transposed_convolution) {
    stored.split = shape;
    stored.order = {3, 2, 0, 1};
    stored.shape = {shape[3], shape[2], shape[0], shape[1]};
  } else if (variable.axes == Axes::matrix) {
    stored.split = shape;
    stored.order = {1, 0};
    stored.shape = {shape[1], shape[0]};
  } else if (plan.output.rank() == 1 && shape == plan.output) {  // one element a feature
    append_axes(orders.output(plan), stored.split, stored.order);
  } else {
    stored.split = shape;
    for (Index axis = 0; axis < shape.rank(); ++axis) stored.order.push_back(axis);
  }
  return stored;
}

/// How the parameters (or the states) of a model stand in a file, in the order of the model's.
struct StoredVariables {
  std::vector<StoredVariable> parameters;
  std::vector<StoredVariable> states;
};

[[nodiscard]] inline StoredVariables stored_variables(const Plan& root, WeightLayout layout) {
  StoredVariables all;
  const std::optional<FlatOrders> orders =
      layout == WeightLayout::pytorch ? std::optional<FlatOrders>(root) : std::nullopt;
  const auto append = [&](const Plan& plan, const std::vector<Variable>& variables,
                          std::vector<StoredVariable>& stored) {
    for (const Variable& variable : variables) {
      stored.push_back(
          orders && variable.shape.rank() > 0
              ? pytorch_variable(plan, variable, *orders)
              : StoredVariable{
                    variable.name, variable.shape, {variable.shape.size()}, {0}, variable.offset});
      if (!plan.path.empty()) stored.back().name = plan.path + "." + stored.back().name;
    }
  };
  Plan::for_each(root, [&](const Plan& plan) {
    append(plan, plan.parameters, all.parameters);
    append(plan, plan.state, all.states);
  });
  return all;
}

/// Calls `visit(position in the model, position in the file)` for every element of a variable.
template <class Visit>
void for_each_element(const StoredVariable& variable, const Visit& visit) {
  const auto rank = variable.order.size();
  std::array<Index, Shape::max_rank> stride{};  // in the model, of each axis of the file
  std::array<Index, Shape::max_rank> extent{};
  std::array<Index, Shape::max_rank> position{};
  for (std::size_t k = 0; k < rank; ++k) {
    extent[k] = variable.split[variable.order[k]];
    stride[k] = 1;
    for (Index axis = variable.order[k] + 1; axis < variable.split.rank(); ++axis) {
      stride[k] *= variable.split[axis];
    }
  }
  Index in_model = 0;
  for (Index in_file = 0; in_file < variable.shape.size(); ++in_file) {
    visit(in_model, in_file);
    for (std::size_t k = rank; k-- > 0;) {
      in_model += stride[k];
      if (++position[k] < extent[k]) break;
      in_model -= stride[k] * extent[k];
      position[k] = 0;
    }
  }
}

}  // namespace detail

}  // namespace nn
