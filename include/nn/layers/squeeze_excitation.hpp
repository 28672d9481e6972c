/// @file
/// Channels weighed by what the whole image shows.
#pragma once

#include <algorithm>

#include "nn/core/parallel.hpp"
#include "nn/core/rounding.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/composite.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/sequential.hpp"

namespace nn {

/// y = x times the gate's output, which is one number for each channel (the last axis) of x:
/// ChannelGate{sequential(GlobalAveragePool2D{}, Dense{16}, Sigmoid{})}.
template <class Gate>
class ChannelGate : private Composite<ChannelGate<Gate>>, private detail::LayerTuple<Gate> {
 public:
  /// Multiplies by what `gate` makes of the input.
  constexpr explicit ChannelGate(const Gate& gate) : detail::LayerTuple<Gate>(gate) {}

  using detail::LayerTuple<Gate>::length;
  using detail::LayerTuple<Gate>::visit;
  /// What the input is multiplied by.
  [[nodiscard]] constexpr const Gate& gate() const { return this->template get<0>(); }

  [[nodiscard]] std::string name() const { return "ChannelGate"; }
  [[gnu::cold]] void fields(Fields& fields) const {
    fields.layer("ChannelGate");
    fields.child(gate());
  }

  /// @throws ShapeError unless the gate gives one number for each channel.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    return fitting(input, gate().output_shape(input));
  }

  /// @throws ShapeError naming the gate when it cannot take the input, or does not fit it.
  [[nodiscard]] Plan plan(const Shape& input) const {
    Plan plan;
    plan.name = name();
    plan.input = input;
    plan.children.push_back(this->child_plan(0, input, "gate"));
    plan.output = fitting(input, plan.children[0].output);
    plan.multiply_adds = input.size();
    plan.traits = {.reads_output = false};
    return plan;
  }

  /// Kept: the gate's output. In backward its gradient and what it adds to the input's.
  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    Memory memory = this->template child_memory<T>(plan, 0, batch, training);
    const Index gates = bytes_for<T>(batch * plan.input.back());
    if (training) memory.kept += gates;
    memory.scratch += gates;
    if (training) memory.scratch += bytes_for<T>(batch * plan.input.size());
    return memory;
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    Parts<T> parts(*this, context, x.shape().front());
    visit(0, [&](const auto& layer) { run_forward<T>(layer, parts.context, x, parts.gates); });
    const T* const gates = parts.gates.data();
    for_each_image(context, x.shape().front(), [&](Index image, Index pixels, Index channels) {
      const T* const s = gates + image * channels;
      for (Index p = image * pixels; p < (image + 1) * pixels; ++p) {
        for (Index c = 0; c < channels; ++c) {
          y[p * channels + c] = x[p * channels + c] * s[c];
        }
      }
    });
  }

  /// With the gate s: ds = the sum of dy x over the pixels; dx = dy s, plus what ds gives.
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    const Index batch = x.shape().front();
    Parts<T> parts(*this, context, batch);
    const bool learns =
        context.wants_parameter_gradients && context.plan->children[0].has_trainable;
    if (!context.wants_input_gradient && !learns) return;
    T* const slopes = parts.context.scratch.template take<T>(parts.gates.size());
    T* const term = parts.context.scratch.template take<T>(x.size());
    for_each_image(context, batch, [&](Index image, Index pixels, Index channels) {
      T* const ds = slopes + image * channels;
      std::fill_n(ds, channels, T(0));
      for (Index p = image * pixels; p < (image + 1) * pixels; ++p) {
        for (Index c = 0; c < channels; ++c) {
          ds[c] += detail::product(dy[p * channels + c], x[p * channels + c]);
        }
      }
    });
    TensorView<T> target;
    if (context.wants_input_gradient) target = {term, x.shape()};
    const TensorView<const T> gates = parts.gates;
    const TensorView<const T> gradient{slopes, parts.gates.shape()};
    visit(0, [&](const auto& layer) {
      run_backward<T>(layer, parts.context, x, gates, gradient, target);
    });
    if (!context.wants_input_gradient) return;
    for_each_image(context, batch, [&](Index image, Index pixels, Index channels) {
      const T* const s = gates.data() + image * channels;
      for (Index p = image * pixels; p < (image + 1) * pixels; ++p) {
        for (Index c = 0; c < channels; ++c) {
          const Index i = p * channels + c;
          dx[i] = detail::product(dy[i], s[c]) + term[i];
        }
      }
    });
  }

 private:
  friend Composite<ChannelGate>;

  /// The gate's output and its context, in forward and backward at the same places.
  template <class T>
  struct Parts {
    TensorView<T> gates;
    Context<T> context;

    Parts(const ChannelGate& layer, const Context<T>& whole, Index batch)
        : context(whole.for_child(0)) {
      const Plan& plan = *whole.plan;
      Arena kept = whole.kept;
      Arena scratch = whole.scratch;
      const Shape shape{batch, plan.input.back()};
      const Memory memory = layer.template child_memory<T>(whole, 0, batch);
      context.kept = kept.take_arena(memory.kept);
      if (whole.training) {
        gates = {kept.take<T>(shape.size()), shape};
      } else {
        gates = {scratch.take<T>(shape.size()), shape};
      }
      context.scratch = scratch;
    }
  };

  static constexpr Shape fitting(const Shape& input, const Shape& gates) {
    require<ShapeError>(input.rank() > 0 && gates == Shape{input.back()}, "the gate gives ", gates,
                        " and not one number for each channel of ", input);
    return input;
  }

  /// Calls visit(image, pixels, channels) for the samples, on several threads.
  template <class T, class Visit>
  static void for_each_image(const Context<T>& context, Index batch, const Visit& visit) {
    const Index size = context.plan->input.size();
    const Index channels = context.plan->input.back();
    parallel_for_pieces(batch, detail::samples_per_piece(size), [&](Index begin, Index end) {
      for (Index image = begin; image < end; ++image) visit(image, size / channels, channels);
    });
  }
};

/// Squeeze and excitation (Hu, Shen and Sun, "Squeeze-and-excitation networks", 2018, section 3)
/// for images of `channels` channels: each channel is multiplied by a number from 0 to 1 that two
/// dense layers make of the means of all, the first with channels / reduction units and a ReLU.
[[nodiscard]] constexpr auto squeeze_excitation(Index channels, Index reduction = 16) {
  require(channels > 0 && reduction > 0, "squeeze and excitation of ", channels,
          " channels reduced by ", reduction);
  return ChannelGate{sequential(GlobalAveragePool2D{},
                                Dense{std::max<Index>(1, channels / reduction)}, ReLU{},
                                Dense{channels}, Sigmoid{})};
}

}  // namespace nn
