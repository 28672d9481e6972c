/// @file
/// Sequences of different lengths: layers that know which steps are padding.
#pragma once

#include <algorithm>
#include <utility>

#include "nn/core/parallel.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/sequential.hpp"

namespace nn {

/// Layers one after another, which are told which steps of the input are padding: a token that is
/// `padding`, or a row all of whose features are. Inside of it MultiHeadAttention attends to no
/// padded step, MeanOverSteps leaves them out, and LSTM and GRU keep their state over them; all
/// other layers treat them like any step. Sequences of different lengths become samples of one
/// shape this way:
///
///     masked(0, Embedding{.tokens = 1000, .features = 64}, MultiHeadAttention{.heads = 4},
///            MeanOverSteps{})
///
/// The mask is found from the input of this layer, so the layer that makes vectors of tokens stands
/// inside. It is a chain like Sequential, and its layers have the same paths.
template <class... Layers>
class Masked : public Sequential<Layers...> {
 public:
  /// Tells `layers` where their input is `padding`.
  constexpr Masked(float padding, const Sequential<Layers...>& layers)
      : Sequential<Layers...>(layers), padding_(padding) {}

  /// What a padded step consists of.
  [[nodiscard]] constexpr float padding() const { return padding_; }

  [[nodiscard]] std::string name() const { return detail::text("Masked{", padding_, "}"); }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("Masked");
    fields("padding", padding_);
    for (Index i = 0; i < this->length(); ++i) {
      this->visit(i, [&](const auto& layer) { fields.child(layer); });
    }
  }

  /// @throws ShapeError unless the input are tokens or rows of features, and fits the layers.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    check(input);
    return chain().output_shape(input);
  }

  /// @throws ShapeError as `output_shape` does.
  [[gnu::cold]] [[nodiscard]] Plan plan(const Shape& input) const {
    check(input);
    Plan plan = chain().plan(input);
    plan.name = name();
    return plan;
  }

  /// The layers', and a byte for each step.
  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    Memory memory = chain().template memory<T>(plan, batch, training);
    (training ? memory.kept : memory.scratch) +=
        bytes_for<std::uint8_t>(batch * plan.input.front());
    return memory;
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    Context<T> inner = context;
    const Index steps = context.plan->input.front();
    const Index rows = x.shape().front() * steps;
    const Index width = context.plan->input.size() / steps;
    auto* real = (context.training ? inner.kept : inner.scratch).template take<std::uint8_t>(rows);
    const T padding = static_cast<T>(padding_);
    parallel_for_pieces(rows, std::max<Index>(1, 16384 / width), [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const T* values = x.data() + row * width;
        real[row] = std::all_of(values, values + width, [&](T value) { return value == padding; })
                        ? std::uint8_t{0}
                        : std::uint8_t{1};
      }
    });
    inner.mask = {real, steps};
    chain().forward(inner, x, y);
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    Context<T> inner = context;
    const Index steps = context.plan->input.front();
    inner.mask = {inner.kept.template take<std::uint8_t>(x.shape().front() * steps), steps};
    chain().backward(inner, x, y, dy, dx);
  }

 private:
  [[nodiscard]] constexpr const Sequential<Layers...>& chain() const { return *this; }

  static constexpr void check(const Shape& input) {
    require<ShapeError>((input.rank() == 1 || input.rank() == 2) && input.size() > 0,
                        "expects sequences, of tokens (steps) or of rows (steps x features), got ",
                        input);
  }

  float padding_;
};

/// `layers` one after another, told which steps of the input are `padding` (see Masked).
template <class... Layers>
[[nodiscard]] constexpr Masked<Layers...> masked(float padding, const Layers&... layers) {
  return Masked<Layers...>(padding, sequential(layers...));
}

/// The mean over the steps of a sequence, T x F to F: over those that are not padding, where a mask
/// tells; 0 where all are. Backward: dx_t = dy / (their number), and 0 at padded steps.
struct MeanOverSteps {
  [[nodiscard]] std::string name() const { return "MeanOverSteps{}"; }
  void fields(Fields& fields) { fields.layer("MeanOverSteps"); }

  /// @throws ShapeError unless the input are rows of features.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require<ShapeError>(input.rank() == 2 && input.size() > 0,
                        "expects sequences of steps x features, got ", input);
    return {input.back()};
  }

  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const { return input.size(); }
  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.reads_output = false, .whole_sequence = true};
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const Index steps = context.plan->input[0];
    const Index width = context.plan->input[1];
    const StepMask mask = context.mask.for_steps(steps);
    parallel_for_pieces(x.shape().front(), std::max<Index>(1, 16384 / (steps * width)),
                        [&](Index begin, Index end) {
                          for (Index sample = begin; sample < end; ++sample) {
                            T* sum = y.data() + sample * width;
                            std::fill_n(sum, width, T(0));
                            for (Index step = 0; step < steps; ++step) {
                              if (!mask.is_real(sample, step)) continue;
                              detail::add_to(width, x.data() + (sample * steps + step) * width,
                                             sum);
                            }
                            detail::scale_elements(width, share<T>(mask, sample, steps), sum, sum);
                          }
                        });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    const Index steps = context.plan->input[0];
    const Index width = context.plan->input[1];
    const StepMask mask = context.mask.for_steps(steps);
    parallel_for_pieces(dy.shape().front(), std::max<Index>(1, 16384 / (steps * width)),
                        [&](Index begin, Index end) {
                          for (Index sample = begin; sample < end; ++sample) {
                            const T factor = share<T>(mask, sample, steps);
                            for (Index step = 0; step < steps; ++step) {
                              detail::scale_elements(width,
                                                     mask.is_real(sample, step) ? factor : T(0),
                                                     dy.data() + sample * width,
                                                     dx.data() + (sample * steps + step) * width);
                            }
                          }
                        });
  }

 private:
  /// 1 / (the number of real steps), or 0 when there is none.
  template <class T>
  static T share(const StepMask& mask, Index sample, Index steps) {
    Index count = 0;
    for (Index step = 0; step < steps; ++step) count += mask.is_real(sample, step) ? 1 : 0;
    return count == 0 ? T(0) : T(1) / static_cast<T>(count);
  }
};

}  // namespace nn
