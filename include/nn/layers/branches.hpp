/// @file
/// Parallel layers: all read the same input, and their outputs are joined. The base of residual
/// blocks and concatenations.
#pragma once

#include "nn/core/parallel.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/composite.hpp"

namespace nn {

/// The base of layers with branches. `Derived` meets Composite's requirements, and also has
///
///     // The shape of the joined outputs. Throws ShapeError.
///     Shape join_shapes(const Plan& plan) const;
///     // Additions for one sample.
///     Index additions(const Plan& plan) const;
///     // Whether outputs are added; else they are concatenated.
///     static constexpr bool sums;
///     // Writes or adds the output of one branch to y.
///     void join(context, branch, from, y) const;
///     // The branch's share of dy; `buffer` holds it where it has to be copied.
///     TensorView<const T> gradient_of(context, branch, dy, buffer) const;
///
/// A branch that only changes the shape (Identity{}) costs nothing. A branch's output is kept for
/// its backward pass only if that pass reads it.
template <class Derived>
class Branches : private Composite<Derived> {
 public:
  /// @throws ShapeError naming the branch that cannot take the input, or those that do not join.
  [[nodiscard]] Plan plan(const Shape& input) const {
    Plan plan;
    plan.name = derived().name();
    plan.input = input;
    for (Index i = 0; i < length(); ++i) plan.children.push_back(child_plan(i, input, "branch"));
    plan.output = derived().join_shapes(plan);
    plan.multiply_adds = derived().additions(plan);
    plan.traits = {.reads_output = false, .fuses_activation = true};
    return plan;
  }

  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    Memory total;
    Index largest_output = 0;
    for (Index i = 0; i < length(); ++i) {
      const Memory child = this->template child_memory<T>(plan, i, batch, training);
      const Index output = bytes_for<T>(batch * child_of(plan, i).output.size());
      total.kept += child.kept + (training && keeps_output(plan, i) ? output : 0);
      total.scratch = std::max(total.scratch, child.scratch);
      largest_output = std::max(largest_output, output);
    }
    total.scratch += largest_output;
    if (training) total.scratch += bytes_for<T>(batch * plan.input.size());
    return total;
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const Plan& plan = *context.plan;
    const Index batch = x.shape().front();
    Arena kept = context.kept;
    Arena scratch = context.scratch;
    T* buffer = scratch.take<T>(largest_output(plan, batch));
    for (Index i = 0; i < length(); ++i) {
      const Plan& child = child_of(plan, i);
      const Shape shape = child.output.prepended(batch);
      if (child.traits.view) {
        derived().join(context, i, x.reshaped(shape), y);
        continue;
      }
      Context<T> child_context = context.for_child(i);
      child_context.scratch = scratch;
      T* output = buffer;
      const Memory memory = this->template child_memory<T>(context, i, batch);
      child_context.kept = kept.take_arena(memory.kept);
      if (context.training && keeps_output(plan, i)) {
        output = kept.take<T>(shape.size());
      } else if (Derived::sums && i == 0) {
        output = y.data();  // the first term is written to the place of the sum
      }
      const TensorView<T> target{output, shape};
      visit(i, [&](const auto& layer) { run_forward<T>(layer, child_context, x, target); });
      derived().template join<T>(context, i, target, y);
    }
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    const Plan& plan = *context.plan;
    const Index batch = x.shape().front();
    Arena kept = context.kept;
    Arena scratch = context.scratch;
    T* buffer = scratch.take<T>(largest_output(plan, batch));
    T* term = scratch.take<T>(x.size());
    bool is_first = true;  // whether dx has yet to be written
    for (Index i = 0; i < length(); ++i) {
      const Plan& child = child_of(plan, i);
      const Shape shape = child.output.prepended(batch);
      Context<T> child_context = context.for_child(i);
      child_context.scratch = scratch;
      // Not read unless it was kept.
      TensorView<const T> output{y.data(), shape};
      if (!child.traits.view) {
        const Memory memory = this->template child_memory<T>(plan, i, batch, true);
        child_context.kept = kept.take_arena(memory.kept);
        if (keeps_output(plan, i)) output = {kept.take<T>(shape.size()), shape};
      }
      const bool learns = context.wants_parameter_gradients && child.has_trainable;
      if (!context.wants_input_gradient && !learns) continue;
      const TensorView<const T> gradient = derived().gradient_of(context, i, dy, buffer);
      if (child.traits.view) {
        add(gradient.data(), dx, is_first);
      } else {
        TensorView<T> target;
        if (context.wants_input_gradient) target = {is_first ? dx.data() : term, x.shape()};
        visit(i, [&](const auto& layer) {
          run_backward<T>(layer, child_context, x, output, gradient, target);
        });
        if (context.wants_input_gradient && !is_first) add(term, dx, false);
      }
      is_first = false;
    }
  }

 private:
  friend Composite<Derived>;
  using Composite<Derived>::length;
  using Composite<Derived>::visit;
  using Composite<Derived>::child_of;
  using Composite<Derived>::child_plan;
  const Derived& derived() const { return static_cast<const Derived&>(*this); }

  [[nodiscard]] static bool keeps_output(const Plan& plan, Index index) {
    const LayerTraits& traits = child_of(plan, index).traits;
    return traits.reads_output && !traits.view;
  }

  /// Elements.
  [[nodiscard]] Index largest_output(const Plan& plan, Index batch) const {
    Index size = 0;
    for (Index i = 0; i < length(); ++i) {
      size = std::max(size, batch * child_of(plan, i).output.size());
    }
    return size;
  }

  /// Adds the values to the sum, or makes them its first term.
  template <class T>
  static void add(const T* values, TensorView<T> sum, bool is_first) {
    constexpr Index piece = Index{1} << 15;
    parallel_for_pieces(sum.size(), piece, [&](Index begin, Index end) {
      if (is_first) {
        std::copy(values + begin, values + end, sum.data() + begin);
      } else {
        detail::add_to(end - begin, values + begin, sum.data() + begin);
      }
    });
  }
};

}  // namespace nn
