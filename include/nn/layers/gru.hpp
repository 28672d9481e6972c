/// @file
/// The layer of gated recurrent units.
#pragma once

#include "nn/kernels/loops.hpp"
#include "nn/layers/recurrent.hpp"

namespace nn {

/// Gated recurrent units (Cho et al., "Learning phrase representations using RNN encoder-decoder
/// for statistical machine translation", 2014), for samples of shape steps x features. From h = 0
/// on, or from where the batch before ended (see CarriedState), for each step x of the sequence,
///
///     r = sigmoid(x W_r + b_r + h U_r + b'_r)     z = sigmoid(x W_z + b_z + h U_z + b'_z)
///     n = tanh(x W_n + b_n + r (h U_n + b'_n))    h = (1 - z) n + z h
///
/// with r applied after the product by U, as in PyTorch and in Keras by default, which lets all
/// gates share one product. The output is h after the last step, or h after every step: steps x
/// units. At a step that is padding (see Masked) h stays as it is.
///
/// The weights are PyTorch's: W and U stand side by side in the order r, z, n, as features x 3
/// units and units x 3 units; b and b' have 3 units each.
struct GRU {
  Index units = 1;                                   ///< of h
  bool return_sequence = false;                      ///< whether the output is h after every step
  bool reverse = false;                              ///< whether to start from the last step
  bool bias = true;                                  ///< whether to learn offsets of the gates
  Initializer initializer = glorot_uniform();        ///< of W
  Initializer recurrent_initializer = orthogonal();  ///< of U

  [[nodiscard]] std::string name() const {
    return detail::text("GRU{", units, return_sequence ? ", sequence" : "",
                        reverse ? ", reverse" : "", "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("GRU");
    fields.shown("units", units);
    fields.shown("return_sequence", return_sequence);
    fields.shown("reverse", reverse);
    fields.shown("bias", bias);
    fields("initializer", initializer);
    fields("recurrent_initializer", recurrent_initializer);
  }

  /// @throws ShapeError unless samples have the shape steps x features.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    return detail::recurrent_output(input, units, return_sequence);
  }

  [[nodiscard]] std::vector<Variable> parameters(const Shape& input) const {
    return detail::RecurrentParameters{input[1], units, 3, reverse, bias}.variables(
        initializer, recurrent_initializer, zeros());
  }

  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const {
    return input[0] * (input[1] + units) * 3 * units;
  }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.reads_output = false, .whole_sequence = reverse};
  }

  /// h.
  [[nodiscard]] constexpr Index carried(const Shape& /*input*/) const {
    return reverse ? 0 : units;
  }

  /// Kept: the gates, h U_n + b'_n and h of all steps.
  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    const detail::SequenceLayout layout(plan, batch, units, reverse);
    const Index gates = bytes_for<T>(layout.rows() * 3 * units);
    const Index recurrent = bytes_for<T>(layout.rows() * units);
    const Index passed = gates + recurrent + bytes_for<T>(layout.states());
    const Index weights = 3 * units * units;
    using Weights = detail::StepWeights<T>;
    Memory memory{.scratch = bytes_for<T>(layout.rows() * layout.features) +
                             bytes_for<T>(3 * units) + Weights::bytes(weights, units, 2 * units) +
                             Weights::bytes(weights, units, units)};
    if (training) {
      memory.kept = passed;
      memory.scratch += gates + recurrent + bytes_for<T>(layout.state()) + bytes_for<T>(weights) +
                        Weights::bytes(weights, 2 * units, units) +
                        Weights::bytes(weights, units, units);
    } else {
      memory.scratch += passed;
    }
    return memory;
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const detail::SequenceLayout layout(*context.plan, x.shape().front(), units, reverse);
    const Index width = 3 * units;
    Arena kept = context.kept;
    Arena scratch = context.scratch;
    const Passed<T> passed(layout, context.training ? kept : scratch);
    detail::multiply_inputs(context, layout, x.data(), sum_of_biases(context, scratch),
                            passed.gates, scratch);
    layout.start_states(context, 0, passed.outputs);
    const T* weights = context.parameter(1).data();
    detail::StepWeights<T> of_gates(units * width, units, 2 * units, weights, width, scratch);
    detail::StepWeights<T> of_candidate(units * width, units, units, weights + 2 * units, width,
                                        scratch);
    const StepMask mask = context.mask.for_steps(layout.steps);
    const Epilogue<T> offset{bias ? context.parameter(3).data() + 2 * units : nullptr, {}};
    layout.template for_each_piece<T>(units * width, [&](Index first, Index count) {
      for (Index step = 0; step < layout.steps; ++step) {
        const Index row = step * layout.batch;
        const T* h = passed.outputs + (row + first) * units;
        of_gates.multiply(count, h, units, passed.gates + (row + first) * width, width, true);
        of_candidate.multiply(count, h, units, passed.recurrent + (row + first) * units, units,
                              false, offset);
        layout.for_each_rows(first, count, [&](Index begin, Index rows) {
          const Index before = (row + begin) * units;
          detail::gru_step<T>({.rows = rows,
                               .units = units,
                               .real = layout.real(mask, step, begin),
                               .real_pitch = layout.steps,
                               .gates = passed.gates + (row + begin) * width,
                               .recurrent = passed.recurrent + before,
                               .outputs_before = passed.outputs + before,
                               .outputs = passed.outputs + before + layout.state()});
        });
      }
    });
    layout.write_output(passed.outputs, return_sequence, y.data());
    layout.carry_states(context, 0, passed.outputs);
  }

  /// Back through time: docs/derivations.md has the formulas.
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    const detail::SequenceLayout layout(*context.plan, x.shape().front(), units, reverse);
    Arena kept = context.kept;
    Arena scratch = context.scratch;
    const Passed<T> passed(layout, kept);
    const Gradients<T> gradients(layout, scratch);
    go_back(context, layout, passed, dy.data(), gradients, scratch);
    if (context.wants_gradients()) {
      sum_gradients(context, layout.rows(), passed.outputs, gradients, scratch);
    }
    detail::multiply_gradients(context, layout, x.data(), gradients.gates, dx.data(), scratch);
  }

 private:
  /// What the backward pass needs of the forward pass.
  template <class T>
  struct Passed {
    T* gates;      ///< of all steps
    T* recurrent;  ///< h U_n + b'_n of all steps
    T* outputs;    ///< h before the first step and after each

    Passed(const detail::SequenceLayout& layout, Arena& arena)
        : gates(arena.take<T>(layout.rows() * 3 * layout.units)),
          recurrent(arena.take<T>(layout.rows() * layout.units)),
          outputs(arena.take<T>(layout.states())) {}
  };

  /// Gradients at all steps.
  template <class T>
  struct Gradients {
    T* gates;      ///< of the gates' sums
    T* recurrent;  ///< of h U_n + b'_n

    Gradients(const detail::SequenceLayout& layout, Arena& arena)
        : gates(arena.take<T>(layout.rows() * 3 * layout.units)),
          recurrent(arena.take<T>(layout.rows() * layout.units)) {}
  };

  /// Both biases of r and z, and that of n which is added outside of r's product.
  template <class T>
  const T* sum_of_biases(const Context<T>& context, Arena& scratch) const {
    if (!bias) return nullptr;
    const TensorView<const T> outer = context.parameter(2);
    T* sums = scratch.take<T>(3 * units);
    detail::add_biases(2 * units, outer, context.parameter(3), sums);
    std::copy_n(outer.data() + 2 * units, units, sums + 2 * units);
    return sums;
  }

  template <class T>
  void go_back(const Context<T>& context, const detail::SequenceLayout& layout,
               const Passed<T>& passed, const T* dy, const Gradients<T>& gradients,
               Arena& scratch) const {
    const Index width = 3 * units;
    T* dh = scratch.take<T>(layout.state());
    T* transposed = scratch.take<T>(width * units);
    detail::transpose_weights(units, width, context.parameter(1).data(), transposed);
    detail::StepWeights<T> of_gates(units * width, 2 * units, units, transposed, units, scratch);
    detail::StepWeights<T> of_candidate(units * width, units, units, transposed + 2 * units * units,
                                        units, scratch);
    const StepMask mask = context.mask.for_steps(layout.steps);
    layout.start_gradient(dy, return_sequence, dh);
    layout.template for_each_piece<T>(units * width, [&](Index first, Index count) {
      for (Index step = layout.steps; step-- > 0;) {
        const Index row = step * layout.batch;
        layout.for_each_rows(first, count, [&](Index begin, Index rows) {
          const Index before = (row + begin) * units;
          detail::gru_step_backward<T>(
              {.rows = rows,
               .units = units,
               .real = layout.real(mask, step, begin),
               .real_pitch = layout.steps,
               .gates = passed.gates + (row + begin) * width,
               .recurrent = passed.recurrent + before,
               .outputs_before = passed.outputs + before,
               .dy = return_sequence ? layout.row_of(dy, step, begin) : nullptr,
               .dy_pitch = layout.steps * units,
               .output_gradients = dh + begin * units,
               .gate_gradients = gradients.gates + (row + begin) * width,
               .recurrent_gradients = gradients.recurrent + before});
        });
        if (step == 0) break;
        T* before = dh + first * units;
        of_gates.multiply(count, gradients.gates + (row + first) * width, width, before, units,
                          true);
        of_candidate.multiply(count, gradients.recurrent + (row + first) * units, units, before,
                              units, true);
      }
    });
  }

  /// dU, db and db', each summed over all steps at once.
  template <class T>
  void sum_gradients(const Context<T>& context, Index rows, const T* outputs,
                     const Gradients<T>& gradients, Arena& scratch) const {
    const Index width = 3 * units;
    T* weights = context.gradient(1).data();
    gemm(Transpose::yes, Transpose::no, units, 2 * units, rows, outputs, units, gradients.gates,
         width, weights, width, context.accumulate);
    gemm(Transpose::yes, Transpose::no, units, units, rows, outputs, units, gradients.recurrent,
         units, weights + 2 * units, width, context.accumulate);
    if (!bias) return;
    T* sums = scratch.take<T>(width);
    sum_rows(rows, width, gradients.gates, width, sums, false);
    detail::hand_over(context, sums, 2);
    sum_rows(rows, units, gradients.recurrent, units, sums + 2 * units, false);
    detail::hand_over(context, sums, 3);
  }
};

}  // namespace nn
