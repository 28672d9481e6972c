/// @file
/// The layer of long short-term memory.
#pragma once

#include "nn/kernels/loops.hpp"
#include "nn/layers/recurrent.hpp"

namespace nn {

namespace detail {

/// A bias of an LSTM layer at the start: `value` for the forget gate, which is the second of four,
/// and 0 for the others.
inline void fill_forget_gate(TensorView<double> bias, double value, Random& /*random*/) {
  const Index units = bias.size() / 4;
  for (Index i = 0; i < bias.size(); ++i) bias[i] = i / units == 1 ? value : 0;
}

}  // namespace detail

/// Long short-term memory (Hochreiter and Schmidhuber, "Long short-term memory", 1997; with the
/// forget gate of Gers, Schmidhuber and Cummins, "Learning to forget", 2000), for samples of shape
/// steps x features. From h = c = 0 on, or from
/// where the batch before ended (see CarriedState), for each step x of the sequence,
///
///     i = sigmoid(x W_i + h U_i + b_i)        f = sigmoid(x W_f + h U_f + b_f)
///     g = tanh(x W_g + h U_g + b_g)           o = sigmoid(x W_o + h U_o + b_o)
///     c = f c + i g                           h = o tanh(c)
///
/// The output is h after the last step, or h after every step: steps x units. Several layers are
/// layers one after another, of which all but the last return the sequence.
/// At a step that is padding (see Masked) h and c stay as they are, so the last output is that of
/// the last real step.
///
/// The weights are PyTorch's: W and U stand side by side in the order i, f, g, o, as features x 4
/// units and units x 4 units; b is the sum of two biases of 4 units each. They start as in Keras:
/// the forget gate open, so that the memory lasts.
struct LSTM {
  Index units = 1;                             ///< of h and of c
  bool return_sequence = false;                ///< whether the output is h after every step
  bool reverse = false;                        ///< whether to go from the last step to the first
  bool bias = true;                            ///< whether to learn offsets of the gates
  Initializer initializer = glorot_uniform();  ///< of W
  Initializer recurrent_initializer = orthogonal();  ///< of U
  float forget_bias = 1;                             ///< where the forget gate's offsets start

  [[nodiscard]] std::string name() const {
    return detail::text("LSTM{", units, return_sequence ? ", sequence" : "",
                        reverse ? ", reverse" : "", "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("LSTM");
    fields.shown("units", units);
    fields.shown("return_sequence", return_sequence);
    fields.shown("reverse", reverse);
    fields.shown("bias", bias);
    fields("initializer", initializer);
    fields("recurrent_initializer", recurrent_initializer);
    fields("forget_bias", forget_bias);
  }

  /// @throws ShapeError unless samples have the shape steps x features.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    return detail::recurrent_output(input, units, return_sequence);
  }

  [[nodiscard]] std::vector<Variable> parameters(const Shape& input) const {
    const Initializer biases{Initializer::Kind::other, Initializer::Fan::none,
                             static_cast<double>(forget_bias), detail::fill_forget_gate};
    return detail::RecurrentParameters{input[1], units, 4, reverse, bias}.variables(
        initializer, recurrent_initializer, biases);
  }

  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const {
    return input[0] * (input[1] + units) * 4 * units;
  }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.reads_output = false, .whole_sequence = reverse};
  }

  /// h and c.
  [[nodiscard]] constexpr Index carried(const Shape& /*input*/) const {
    return reverse ? 0 : 2 * units;
  }

  /// Kept: the gates, c and h of all steps.
  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    const detail::SequenceLayout layout(plan, batch, units, reverse);
    const Index passed =
        bytes_for<T>(layout.rows() * 4 * units) + 2 * bytes_for<T>(layout.states());
    const Index weights = 4 * units * units;
    Memory memory{.scratch = bytes_for<T>(layout.rows() * layout.features) +
                             bytes_for<T>(4 * units) +
                             detail::StepWeights<T>::bytes(weights, units, 4 * units)};
    if (training) {
      memory.kept = passed;
      memory.scratch += bytes_for<T>(layout.rows() * 4 * units) + 2 * bytes_for<T>(layout.state()) +
                        bytes_for<T>(weights) +
                        detail::StepWeights<T>::bytes(weights, 4 * units, units);
    } else {
      memory.scratch += passed;
    }
    return memory;
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const detail::SequenceLayout layout(*context.plan, x.shape().front(), units, reverse);
    const Index width = 4 * units;
    Arena kept = context.kept;
    Arena scratch = context.scratch;
    const Passed<T> passed(layout, context.training ? kept : scratch);
    detail::multiply_inputs(context, layout, x.data(), sum_of_biases(context, scratch),
                            passed.gates, scratch);
    layout.start_states(context, 0, passed.outputs);
    layout.start_states(context, 1, passed.cells);
    detail::StepWeights<T> weights(units * width, units, width, context.parameter(1).data(), width,
                                   scratch);
    const StepMask mask = context.mask.for_steps(layout.steps);
    layout.template for_each_piece<T>(units * width, [&](Index first, Index count) {
      for (Index step = 0; step < layout.steps; ++step) {
        const Index row = step * layout.batch;
        if (step > 0 || context.carried) {  // else h is 0
          weights.multiply(count, passed.outputs + (row + first) * units, units,
                           passed.gates + (row + first) * width, width, true);
        }
        layout.for_each_rows(first, count, [&](Index begin, Index rows) {
          const Index before = (row + begin) * units;
          const Index after = before + layout.state();
          detail::lstm_step<T>({.rows = rows,
                                .units = units,
                                .real = layout.real(mask, step, begin),
                                .real_pitch = layout.steps,
                                .gates = passed.gates + (row + begin) * width,
                                .cells_before = passed.cells + before,
                                .outputs_before = passed.outputs + before,
                                .cells = passed.cells + after,
                                .outputs = passed.outputs + after});
        });
      }
    });
    layout.write_output(passed.outputs, return_sequence, y.data());
    layout.carry_states(context, 0, passed.outputs);
    layout.carry_states(context, 1, passed.cells);
  }

  /// Back through time: docs/derivations.md has the formulas.
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    const detail::SequenceLayout layout(*context.plan, x.shape().front(), units, reverse);
    Arena kept = context.kept;
    Arena scratch = context.scratch;
    const Passed<T> passed(layout, kept);
    T* gradients = scratch.take<T>(layout.rows() * 4 * units);
    go_back(context, layout, passed, dy.data(), gradients, scratch);
    if (context.wants_gradients()) {
      sum_gradients(context, layout.rows(), passed.outputs, gradients, scratch);
    }
    detail::multiply_gradients(context, layout, x.data(), gradients, dx.data(), scratch);
  }

 private:
  /// What the backward pass needs of the forward pass.
  template <class T>
  struct Passed {
    T* gates;    ///< of all steps
    T* cells;    ///< c before the first step and after each
    T* outputs;  ///< h likewise

    Passed(const detail::SequenceLayout& layout, Arena& arena)
        : gates(arena.take<T>(layout.rows() * 4 * layout.units)),
          cells(arena.take<T>(layout.states())),
          outputs(arena.take<T>(layout.states())) {}
  };

  template <class T>
  const T* sum_of_biases(const Context<T>& context, Arena& scratch) const {
    if (!bias) return nullptr;
    T* sums = scratch.take<T>(4 * units);
    detail::add_biases(4 * units, context.parameter(2), context.parameter(3), sums);
    return sums;
  }

  /// The gradients of the gates' sums at all steps.
  template <class T>
  void go_back(const Context<T>& context, const detail::SequenceLayout& layout,
               const Passed<T>& passed, const T* dy, T* gradients, Arena& scratch) const {
    const Index width = 4 * units;
    T* dh = scratch.take<T>(layout.state());
    T* dc = scratch.take<T>(layout.state());
    T* transposed = scratch.take<T>(width * units);
    detail::transpose_weights(units, width, context.parameter(1).data(), transposed);
    detail::StepWeights<T> weights(units * width, width, units, transposed, units, scratch);
    const StepMask mask = context.mask.for_steps(layout.steps);
    layout.start_gradient(dy, return_sequence, dh);
    std::fill_n(dc, layout.state(), T(0));
    layout.template for_each_piece<T>(units * width, [&](Index first, Index count) {
      for (Index step = layout.steps; step-- > 0;) {
        const Index row = step * layout.batch;
        layout.for_each_rows(first, count, [&](Index begin, Index rows) {
          const Index before = (row + begin) * units;
          detail::lstm_step_backward<T>(
              {.rows = rows,
               .units = units,
               .real = layout.real(mask, step, begin),
               .real_pitch = layout.steps,
               .gates = passed.gates + (row + begin) * width,
               .cells_before = passed.cells + before,
               .cells = passed.cells + before + layout.state(),
               .dy = return_sequence ? layout.row_of(dy, step, begin) : nullptr,
               .dy_pitch = layout.steps * units,
               .output_gradients = dh + begin * units,
               .cell_gradients = dc + begin * units,
               .gate_gradients = gradients + (row + begin) * width});
        });
        if (step == 0) break;
        weights.multiply(count, gradients + (row + first) * width, width, dh + first * units, units,
                         true);
      }
    });
  }

  /// dU and db, each summed over all steps at once.
  template <class T>
  void sum_gradients(const Context<T>& context, Index rows, const T* outputs, const T* gradients,
                     Arena& scratch) const {
    const Index width = 4 * units;
    gemm(Transpose::yes, Transpose::no, units, width, rows, outputs, units, gradients, width,
         context.gradient(1).data(), width, context.accumulate);
    if (!bias) return;
    T* sums = scratch.take<T>(width);
    sum_rows(rows, width, gradients, width, sums, false);
    detail::hand_over(context, sums, 2);
    detail::hand_over(context, sums, 3);
  }
};

}  // namespace nn
