/// @file
/// Layers one after another.
#pragma once

#include "nn/layers/composite.hpp"

namespace nn {

namespace detail {

/// Chooses the buffers of a chain's layers (see Chain).
[[gnu::cold, gnu::noinline]] inline void assign_buffers(Plan& plan) {
  plan.buffer_sizes = {plan.input.size()};
  bool may_overwrite =
      false;  // whether the current buffer is ours and not read again by its writer
  for (std::size_t i = 0; i < plan.children.size(); ++i) {
    Plan& child = plan.children[i];
    const bool last = i + 1 == plan.children.size();
    const bool from_input = plan.buffer_sizes.size() == 1;
    // The chain's output has to be written even when it is its input in another shape.
    const bool shares =
        child.traits.view ? !(last && from_input) : child.traits.in_place && may_overwrite;
    if (!shares) plan.buffer_sizes.push_back(child.output.size());
    child.buffer = static_cast<Index>(plan.buffer_sizes.size()) - 1;
    if (!child.traits.view)
      may_overwrite = !child.traits.reads_output;
    else if (!shares)
      may_overwrite = true;
  }
  plan.traits.reads_output = !may_overwrite;
}

}  // namespace detail

/// What every chain of layers does, whether its layers are known to the compiler (Sequential) or
/// only at run time (Sequential<AnyLayer>). `Derived` is as Composite wants it.
///
/// *Buffers.* The output of a layer goes to a buffer. A layer that works in place shares
/// its predecessor's buffer, unless the predecessor reads its own output again; a layer that
/// only changes the shape always does. Buffer 0 is the chain's input, the last one its output;
/// those between are kept from the forward to the backward pass. In inference two buffers take
/// turns instead.
template <class Derived>
class Chain : private Composite<Derived> {
 public:
  [[nodiscard]] std::string name() const { return "Sequential"; }

  /// @throws ShapeError naming the layer and its place when a shape does not fit.
  [[gnu::cold]] [[nodiscard]] Plan plan(const Shape& input) const {
    require(length() > 0, "a chain needs at least one layer");
    Plan plan;
    plan.name = name();
    plan.input = input;
    Shape shape = input;
    for (Index i = 0; i < length(); ++i) {
      plan.children.push_back(child_plan(i, shape, "layer"));
      shape = plan.children.back().output;
    }
    plan.output = shape;
    detail::assign_buffers(plan);
    return plan;
  }

  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    Memory total;
    for (Index i = 0; i < length(); ++i) {
      const Memory child = this->template child_memory<T>(plan, i, batch, training);
      total.kept += child.kept;
      total.scratch = std::max(total.scratch, child.scratch);
    }
    if (training) {
      for (Index buffer = 1; buffer + 1 < buffer_count(plan); ++buffer) {
        total.kept += buffer_bytes<T>(plan, buffer, batch);
      }
    }
    // Two activations in inference, two gradients in training.
    total.scratch += 2 * largest_buffer_bytes<T>(plan, batch);
    return total;
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    Buffers<T> buffers = make_buffers(context, x.shape().front());
    forward(context, {0, length()}, buffers, x, y);
  }

  /// The memory of `predict_in_parts`.
  template <class T>
  [[nodiscard]] Memory memory_in_parts(const Plan& plan, Index batch, Index together) const {
    Memory total = this->template memory<T>(plan, batch, false);
    total.scratch -= 2 * largest_buffer_bytes<T>(plan, batch);
    total.scratch += 2 * largest_buffer_bytes<T>(plan, together);
    total.scratch += 3 * later_buffer_bytes<T>(plan, batch);
    return total;
  }

  /// A prediction whose first layers (Plan::leading) go through the batch by `together` samples at
  /// a time. Kernels are chosen for the whole batch, so that it has the bits of `forward`.
  template <class T>
  void predict_in_parts(const Context<T>& context, TensorView<const T> x, TensorView<T> y,
                        Index together) const {
    const Plan& plan = *context.plan;
    const Index batch = x.shape().front();
    Context<T> part = context;
    part.whole_batch = batch;
    Buffers<T> buffers = make_buffers(part, together);
    const Index later = later_buffer_bytes<T>(plan, batch) / static_cast<Index>(sizeof(T));
    TensorView<T> between = y;
    if (plan.leading < length()) {
      between = {buffers.scratch.template take<T>(later),
                 child_of(plan, plan.leading - 1).output.prepended(batch)};
    }
    Buffers<T> whole = buffers;
    for (T*& turn : whole.turn) turn = whole.scratch.template take<T>(later);
    for (Index first = 0; first < batch; first += together) {
      Buffers<T> again = whole;  // the same kept memory and scratch for all samples
      again.turn = buffers.turn;
      const Index count = std::min(together, batch - first);
      part.first_sample = context.first_sample + first;
      part.mask = context.mask.from(first);
      part.carried = context.carried.from(first);
      forward(part, {0, plan.leading}, again, x.samples(first, count),
              between.samples(first, count));
      part.weights_are_packed = true;
      if (first + count == batch) whole.kept = again.kept;
    }
    if (plan.leading == length()) return;
    forward(context, {plan.leading, length()}, whole, TensorView<const T>(between), y);
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    const Plan& plan = *context.plan;
    const Index batch = x.shape().front();
    Buffers<T> buffers = make_buffers(context, batch);
    const Index first = first_wanted(context);
    Arena kept = buffers.kept;
    Index kept_end = all_kept_bytes<T>(plan, batch);
    TensorView<const T> gradient = dy;
    TensorView<const T> output = y;
    bool owned = false;  // whether `gradient` stands in one of our buffers and may be written over
    for (Index i = length() - 1; i >= first; --i) {
      Activation activation;
      if (i > first && fuses(plan, i - 1, i) &&
          child_of(plan, i - 1).traits.fuses_activation_gradient) {
        activation = child_of(plan, i).traits.activation;
        --i;
      }
      const Plan& child = child_of(plan, i);
      Context<T> child_context = context.for_child(i);
      child_context.activation = activation;
      const Index kept_bytes = this->template child_memory<T>(plan, i, batch, true).kept;
      kept_end -= kept_bytes;
      child_context.kept = Arena(kept.data() + kept_end, kept_bytes);
      child_context.scratch = buffers.scratch;
      child_context.wants_input_gradient = i > first || (i == 0 && context.wants_input_gradient);
      const TensorView<const T> input = i == 0 ? x : saved_output(plan, i - 1, x, y, buffers);
      TensorView<T> target;
      if (child_context.wants_input_gradient) {
        const Shape shape = child.input.prepended(batch);
        if (i == 0 || child_of(plan, i - 1).buffer == 0) {
          target = {dx.data(), shape};  // nothing but changes of shape comes before
        } else if (child.traits.view) {
          gradient = gradient.reshaped(shape);
          output = input;
          continue;
        } else if ((child.traits.in_place || child.traits.gradient_in_place) && owned) {
          target = {buffers.turn[0], shape};
        } else {
          std::swap(buffers.turn[0], buffers.turn[1]);
          target = {buffers.turn[0], shape};
          owned = true;
        }
      }
      visit(i, [&](const auto& layer) {
        run_backward(layer, child_context, input, output, gradient, target);
      });
      gradient = target;
      output = input;
    }
  }

 private:
  /// Where outputs and gradients live during one pass.
  template <class T>
  struct Buffers {
    std::byte* outputs = nullptr;  // training: the buffers between the first and the last
    std::array<T*, 2> turn{};      // two buffers that take turns
    Arena kept;                    // the children's
    Arena scratch;                 // the children's
  };

  /// Layers [begin, end) of the chain.
  struct Part {
    Index begin;
    Index end;
  };

  friend Composite<Derived>;
  using Composite<Derived>::length;
  using Composite<Derived>::visit;
  using Composite<Derived>::child_of;
  using Composite<Derived>::child_plan;

  /// The forward pass of a part, whose first layer reads x and whose last writes y.
  template <class T>
  void forward(const Context<T>& context, const Part& part, Buffers<T>& buffers,
               TensorView<const T> x, TensorView<T> y) const {
    const Plan& plan = *context.plan;
    const Index batch = x.shape().front();
    TensorView<const T> current = x;
    Index current_buffer = part.begin == 0 ? 0 : child_of(plan, part.begin - 1).buffer;
    for (Index i = part.begin; i < part.end; ++i) {
      const Plan& child = child_of(plan, i);
      Context<T> child_context = context.for_child(i);
      child_context.kept =
          buffers.kept.take_arena(this->template child_memory<T>(context, i, batch).kept);
      child_context.scratch = buffers.scratch;
      const TensorView<const T> input = current;
      if (child.buffer == current_buffer && child.traits.view) {
        current = current.reshaped(child.output.prepended(batch));
        continue;
      }
      TensorView<T> output = output_view(plan, child, child_of(plan, part.end - 1).buffer, x, y,
                                         current, buffers, context.training);
      const Index next = after_folded(plan, i + 1);
      const bool fused = fuses(plan, i, next);
      if (fused) child_context.activation = child_of(plan, next).traits.activation;
      visit(i, [&](const auto& layer) { run_forward(layer, child_context, input, output); });
      current = output;
      current_buffer = child.buffer;
      if (fused) i = next;  // an activation keeps nothing, so there is no memory to step over
    }
  }

  /// The largest buffer from the output of the leading layers on.
  template <class T>
  [[nodiscard]] static Index later_buffer_bytes(const Plan& plan, Index batch) {
    Index bytes = 0;
    for (Index buffer = child_of(plan, plan.leading - 1).buffer; buffer < buffer_count(plan);
         ++buffer) {
      bytes = std::max(bytes, buffer_bytes<T>(plan, buffer, batch));
    }
    return bytes;
  }

  template <class T>
  [[nodiscard]] Index all_kept_bytes(const Plan& plan, Index batch) const {
    Index bytes = 0;
    for (Index i = 0; i < length(); ++i)
      bytes += this->template child_memory<T>(plan, i, batch, true).kept;
    return bytes;
  }

  [[nodiscard]] static Index buffer_count(const Plan& plan) {
    return static_cast<Index>(plan.buffer_sizes.size());
  }
  template <class T>
  [[nodiscard]] static Index buffer_bytes(const Plan& plan, Index buffer, Index batch) {
    return bytes_for<T>(plan.buffer_sizes[static_cast<std::size_t>(buffer)] * batch);
  }
  /// The last buffer counts too: its gradient may pass through a layer that works in place.
  template <class T>
  [[gnu::noinline]] [[nodiscard]] static Index largest_buffer_bytes(const Plan& plan, Index batch) {
    Index bytes = 0;
    for (Index buffer = 1; buffer < buffer_count(plan); ++buffer) {
      bytes = std::max(bytes, buffer_bytes<T>(plan, buffer, batch));
    }
    return bytes;
  }

  template <class T>
  [[gnu::noinline]] Buffers<T> make_buffers(const Context<T>& context, Index batch) const {
    const Plan& plan = *context.plan;
    Buffers<T> buffers;
    buffers.kept = context.kept;
    buffers.scratch = context.scratch;
    if (context.training) {
      Index bytes = 0;
      for (Index buffer = 1; buffer + 1 < buffer_count(plan); ++buffer)
        bytes += buffer_bytes<T>(plan, buffer, batch);
      buffers.outputs = buffers.kept.take_arena(bytes).data();
    }
    const Index largest = largest_buffer_bytes<T>(plan, batch) / static_cast<Index>(sizeof(T));
    for (T*& turn : buffers.turn) turn = buffers.scratch.template take<T>(largest);
    return buffers;
  }

  /// The first element of a buffer between the first and the last, in training.
  template <class T>
  static T* kept_buffer(const Plan& plan, Index buffer, Index batch, const Buffers<T>& buffers) {
    Index offset = 0;
    for (Index before = 1; before < buffer; ++before)
      offset += buffer_bytes<T>(plan, before, batch);
    return reinterpret_cast<T*>(buffers.outputs + offset);  // NOLINT: laid out by make_buffers
  }

  /// Where `child` writes, in the forward pass; y is buffer `last`.
  template <class T>
  [[gnu::noinline]] static TensorView<T> output_view(const Plan& plan, const Plan& child,
                                                     Index last, TensorView<const T> x,
                                                     TensorView<T> y, TensorView<const T> current,
                                                     Buffers<T>& buffers, bool training) {
    const Index batch = x.shape().front();
    const Shape shape = child.output.prepended(batch);
    if (child.buffer == last) return {y.data(), shape};
    if (training) return {kept_buffer(plan, child.buffer, batch, buffers), shape};
    // In inference the two buffers take turns, unless the layer works on the one it reads.
    const bool in_place = current.data() == buffers.turn[0] && child.traits.in_place;
    if (!in_place) std::swap(buffers.turn[0], buffers.turn[1]);
    return {buffers.turn[0], shape};
  }

  /// What layer `index` wrote in the forward pass.
  template <class T>
  [[gnu::noinline]] static TensorView<const T> saved_output(const Plan& plan, Index index,
                                                            TensorView<const T> x,
                                                            TensorView<const T> y,
                                                            const Buffers<T>& buffers) {
    const Plan& child = child_of(plan, index);
    const Index batch = x.shape().front();
    const Shape shape = child.output.prepended(batch);
    if (child.buffer == 0) return {x.data(), shape};
    if (child.buffer == buffer_count(plan) - 1) return {y.data(), shape};
    return {kept_buffer(plan, child.buffer, batch, buffers), shape};
  }

  /// The first layer from `index` on that is there to run.
  [[nodiscard]] Index after_folded(const Plan& plan, Index index) const {
    while (index < length() && child_of(plan, index).folded) ++index;
    return index;
  }

  /// Whether layer `index` applies the activation `next`.
  [[nodiscard]] bool fuses(const Plan& plan, Index index, Index next) const {
    if (next >= length()) return false;
    const Plan& child = child_of(plan, index);
    const Plan& activation = child_of(plan, next);
    return child.traits.fuses_activation && activation.traits.is_activation &&
           activation.buffer == child.buffer;
  }

  /// The first layer that has to be run backward.
  template <class T>
  [[nodiscard]] Index first_wanted(const Context<T>& context) const {
    if (context.wants_input_gradient) return 0;
    for (Index i = 0; i < length(); ++i) {
      if (context.wants_parameter_gradients && child_of(*context.plan, i).has_trainable) return i;
    }
    return length();
  }
};

/// Layers one after another, known to the compiler: no virtual calls, and a network whose shapes do
/// not fit can be refused at compile time. Made by `sequential(...)`.
template <class... Layers>
class Sequential : public Chain<Sequential<Layers...>>, private detail::LayerTuple<Layers...> {
 public:
  /// The chain of the given layers.
  constexpr explicit Sequential(const Layers&... layers)
      : detail::LayerTuple<Layers...>(layers...) {}

  using detail::LayerTuple<Layers...>::length;
  using detail::LayerTuple<Layers...>::visit;
  using detail::LayerTuple<Layers...>::get;

  /// @throws ShapeError when a layer cannot take what the one before it gives.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    return std::apply(
        [&input](const auto&... layer) {
          Shape shape = input;
          ((shape = layer.output_shape(shape)), ...);
          return shape;
        },
        this->layers_);
  }

  [[gnu::cold]] void fields(Fields& fields) const {
    fields.layer("Sequential");
    std::apply([&](const auto&... layer) { (fields.child(layer), ...); }, this->layers_);
  }
};

/// The network that runs `layers` in order.
template <class... Layers>
[[nodiscard]] constexpr Sequential<Layers...> sequential(const Layers&... layers) {
  return Sequential<Layers...>(layers...);
}

}  // namespace nn
