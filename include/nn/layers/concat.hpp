/// @file
/// Concatenations.
#pragma once

#include "nn/kernels/loops.hpp"
#include "nn/layers/branches.hpp"
#include "nn/layers/flatten.hpp"

namespace nn {

namespace detail {

/// The base of concatenations, whether their branches are known to the compiler or only at run
/// time. `Derived` meets Composite's requirements.
template <class Derived>
class SideBySide : public Branches<Derived> {
 public:
  [[nodiscard]] std::string name() const { return "Concat"; }

 protected:
  /// The shape of two concatenated outputs.
  /// @throws ShapeError unless they agree in all extents but the last.
  static constexpr Shape beside(const Shape& left, const Shape& right) {
    require<ShapeError>(
        left.rank() > 0 && left.rank() == right.rank() && left.with_back(1) == right.with_back(1),
        "outputs of ", left, " and ", right,
        " cannot stand side by side: all extents but the last must agree");
    return left.with_back(left.back() + right.back());
  }

 private:
  friend Branches<Derived>;
  static constexpr bool sums = false;

  [[nodiscard]] Shape join_shapes(const Plan& plan) const {
    Shape joined = plan.children[0].output;
    for (std::size_t i = 1; i < plan.children.size(); ++i) {
      joined = beside(joined, plan.children[i].output);
    }
    return joined;
  }
  [[nodiscard]] Index additions(const Plan& /*plan*/) const { return 0; }

  /// The column of y at which a branch's output starts.
  [[nodiscard]] static Index column_of(const Plan& plan, Index branch) {
    Index column = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(branch); ++i) {
      column += plan.children[i].output.back();
    }
    return column;
  }

  /// Calls visit(from, to, count) for the rows of a branch's output: where one starts there and in
  /// y, and its length.
  template <class Visit>
  static void for_each_row(const Plan& plan, Index branch, Index batch, const Visit& visit) {
    const Index width = plan.output.back();
    const Index count = plan.children[static_cast<std::size_t>(branch)].output.back();
    const Index column = column_of(plan, branch);
    const Index rows = batch * plan.output.size() / width;
    const Index piece = std::max<Index>(1, 16384 / count);
    parallel_for_pieces(rows, piece, [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) visit(row * count, row * width + column, count);
    });
  }

  template <class T>
  void join(const Context<T>& context, Index branch, TensorView<const T> branch_output,
            TensorView<T> y) const {
    for_each_row(*context.plan, branch, y.shape().front(), [&](Index from, Index to, Index count) {
      detail::activate_elements(count, context.activation, branch_output.data() + from,
                                y.data() + to);
    });
  }

  template <class T>
  TensorView<const T> gradient_of(const Context<T>& context, Index branch, TensorView<const T> dy,
                                  T* buffer) const {
    const Index batch = dy.shape().front();
    for_each_row(*context.plan, branch, batch, [&](Index to, Index from, Index count) {
      std::copy_n(dy.data() + from, count, buffer + to);
    });
    const Plan& child = context.plan->children[static_cast<std::size_t>(branch)];
    return {buffer, child.output.prepended(batch)};
  }
};

}  // namespace detail

/// Concatenates the outputs of several branches, which all read the same input, along the last
/// axis: the channels of images, the features of flat samples. `Identity{}` is a branch that passes
/// the input on. An activation after it is applied while copying.
///
///     concat(Conv2D{.filters = 8, .kernel = 1}, sequential(MaxPool2D{3, 1, 1}, ...), Identity{})
template <class... Layers>
class Concat : public detail::SideBySide<Concat<Layers...>>, private detail::LayerTuple<Layers...> {
 public:
  /// The branches in the order of their channels in the output.
  constexpr explicit Concat(const Layers&... branches)
      : detail::LayerTuple<Layers...>(branches...) {
    static_assert(sizeof...(Layers) > 0, "Concat needs at least one branch");
  }

  using detail::LayerTuple<Layers...>::length;
  using detail::LayerTuple<Layers...>::visit;
  using detail::LayerTuple<Layers...>::get;

  [[gnu::cold]] void fields(Fields& fields) const {
    fields.layer("Concat");
    std::apply([&](const auto&... branch) { (fields.child(branch), ...); }, this->layers_);
  }

  /// @throws ShapeError unless the branches' outputs agree in all extents but the last.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    return std::apply(
        [&](const auto& first, const auto&... others) {
          Shape joined = first.output_shape(input);
          ((joined = Concat::beside(joined, others.output_shape(input))), ...);
          return joined;
        },
        this->layers_);
  }
};

/// The concatenation of `branches`.
template <class... Layers>
[[nodiscard]] constexpr Concat<Layers...> concat(const Layers&... branches) {
  return Concat<Layers...>(branches...);
}

}  // namespace nn
