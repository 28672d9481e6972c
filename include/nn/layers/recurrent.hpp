/// @file
/// What recurrent layers share: sequences step by step.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "nn/core/parallel.hpp"
#include "nn/kernels/gemm.hpp"
#include "nn/layers/layer.hpp"

namespace nn::detail {

/// A batch of sequences as recurrent layers see it. A sample is `steps` rows, one a step. Inside,
/// the rows of all samples at one step follow one another, and the steps come in the order in which
/// the layer takes them: backward in time for a reversed one.
struct SequenceLayout {
  Index batch;
  Index steps;
  Index features;  ///< of a row of the input
  Index units;     ///< of a row of the state
  bool reverse;

  SequenceLayout(const Plan& plan, Index samples, Index state, bool is_reversed)
      : batch(samples),
        steps(plan.input[0]),
        features(plan.input[1]),
        units(state),
        reverse(is_reversed) {}

  /// Rows of all steps.
  [[nodiscard]] Index rows() const { return steps * batch; }
  /// Elements of a state at one step.
  [[nodiscard]] Index state() const { return batch * units; }
  /// Elements of a state before the first step and after each.
  [[nodiscard]] Index states() const { return (steps + 1) * state(); }
  /// The place in time of step `step`.
  [[nodiscard]] Index time(Index step) const { return reverse ? steps - 1 - step : step; }

  /// Calls visit(step, time) for all steps, on several threads.
  template <class Visit>
  void for_each_step(const Visit& visit) const {
    parallel_for(steps, [&](Index step) { visit(step, time(step)); });
  }

  /// Copies samples of rows of `width` elements into the order of the steps.
  template <class T>
  void to_steps(const T* samples, Index width, T* by_steps) const {
    for_each_step([&](Index step, Index at) {
      for (Index n = 0; n < batch; ++n) {
        std::copy_n(samples + (n * steps + at) * width, width,
                    by_steps + (step * batch + n) * width);
      }
    });
  }

  /// Copies back.
  template <class T>
  void from_steps(const T* by_steps, Index width, T* samples) const {
    for_each_step([&](Index step, Index at) {
      for (Index n = 0; n < batch; ++n) {
        std::copy_n(by_steps + (step * batch + n) * width, width,
                    samples + (n * steps + at) * width);
      }
    });
  }

  /// The output: the states after all steps, or after the last one.
  template <class T>
  void write_output(const T* all_states, bool sequence, T* y) const {
    if (sequence) {
      from_steps(all_states + state(), units, y);
    } else {
      std::copy_n(all_states + steps * state(), state(), y);
    }
  }

  /// The states before the first step: those carried over, of which each sample has `part` + 1
  /// or more, or 0.
  template <class T>
  void start_states(const Context<T>& context, Index part, T* all_states) const {
    if (!context.carried) {
      std::fill_n(all_states, state(), T(0));
      return;
    }
    for (Index n = 0; n < batch; ++n) {
      std::copy_n(context.carried.of(*context.plan, n) + part * units, units,
                  all_states + n * units);
    }
  }

  /// Hands the states after the last step on to the next batch, if there is to be one.
  template <class T>
  void carry_states(const Context<T>& context, Index part, const T* all_states) const {
    if (!context.carried) return;
    for (Index n = 0; n < batch; ++n) {
      std::copy_n(all_states + steps * state() + n * units, units,
                  context.carried.of(*context.plan, n) + part * units);
    }
  }

  /// What the gradient of the last step's state starts from: dy, unless that is one of a sequence,
  /// whose rows are added step by step.
  template <class T>
  void start_gradient(const T* dy, bool sequence, T* gradient) const {
    if (sequence) {
      std::fill_n(gradient, state(), T(0));
    } else {
      std::copy_n(dy, state(), gradient);
    }
  }

  /// Where a sample's row of dy is that belongs to a step; those of the next samples are
  /// `steps * units` apart.
  template <class T>
  [[nodiscard]] const T* row_of(const T* dy, Index step, Index sample) const {
    return dy + (sample * steps + time(step)) * units;
  }

  /// Whether a sample's step is real: the byte is not 0. Those of the next samples are `steps`
  /// apart. Null where all are.
  [[nodiscard]] const std::uint8_t* real(const StepMask& mask, Index step, Index sample) const {
    return mask ? mask.of(sample) + time(step) : nullptr;
  }

  /// Whether so many weights stay in a core's second cache.
  template <class T>
  [[nodiscard]] static constexpr bool are_few(Index weights) {
    return weights * static_cast<Index>(sizeof(T)) <= Index{1} << 18;
  }

  /// Cuts the batch so that each piece goes through all steps by itself, where the weights are few:
  /// visit(first, count). Else there is one piece, and each step's product is shared by the
  /// threads.
  template <class T, class Visit>
  void for_each_piece(Index weights, const Visit& visit) const {
    constexpr Index few_rows = 12;  // a product of so many does not copy the weights
    const Index piece = are_few<T>(weights) ? few_rows : std::max<Index>(1, batch);
    parallel_for_pieces(batch, piece, [&](Index begin, Index end) { visit(begin, end - begin); });
  }

  /// Calls visit(first, count) for parts of `count` rows of a step that are worth a thread.
  template <class Visit>
  void for_each_rows(Index first, Index count, const Visit& visit) const {
    const Index piece = std::max<Index>(1, 4096 / units);
    parallel_for_pieces(count, piece,
                        [&](Index begin, Index end) { visit(first + begin, end - begin); });
  }
};

/// The weights, `depth` x `width`, that the states are multiplied by at every step. Where one piece
/// takes the whole batch, its first product packs them for those of all other steps.
template <class T>
class StepWeights {
 public:
  /// The scratch that they take, being part of `all` weights.
  [[nodiscard]] static Index bytes(Index all, Index depth, Index width) {
    return SequenceLayout::are_few<T>(all) ? 0 : bytes_for<T>(packed_elements<T>(width, depth));
  }

  StepWeights(Index all, Index depth, Index width, const T* weights, Index pitch, Arena& scratch)
      : depth_(depth),
        width_(width),
        weights_(weights),
        pitch_(pitch),
        packed_(scratch.take_arena(bytes(all, depth, width))) {}

  /// y = x weights, plus y itself when `add`, then the epilogue; `x_pitch` and `y_pitch` apart.
  void multiply(Index rows, const T* x, Index x_pitch, T* y, Index y_pitch, bool add,
                const Epilogue<T>& epilogue = {}) {
    gemm(Transpose::no, Transpose::no, rows, width_, depth_, x, x_pitch, weights_, pitch_, y,
         y_pitch, add, epilogue, Algorithm::automatic, packed_);
    if (packed_.memory.bytes_left() > 0) packed_.is_filled = true;  // else there may be more pieces
  }

 private:
  Index depth_;
  Index width_;
  const T* weights_;
  Index pitch_;
  ProductScratch packed_;
};

/// The output's shape. @throws ShapeError unless samples are sequences.
[[nodiscard]] constexpr Shape recurrent_output(const Shape& input, Index units, bool sequence) {
  require<ShapeError>(units > 0, "the number of units must be positive, got ", units);
  require<ShapeError>(input.rank() == 2 && input.size() > 0,
                      "expects sequences, steps x features, got ", input);
  return sequence ? Shape{input[0], units} : Shape{units};
}

/// The parameters of a recurrent layer of `gates` gates, under PyTorch's names.
struct RecurrentParameters {
  Index features;
  Index units;
  Index gates;
  bool reverse;
  bool bias;

  /// How they start.
  [[nodiscard]] std::vector<Variable> variables(const Initializer& input,
                                                const Initializer& recurrent,
                                                const Initializer& biases) const {
    const auto name = [&](const char* what) {
      return std::string(what) + (reverse ? "_l0_reverse" : "_l0");
    };
    const Index outputs = gates * units;
    std::vector<Variable> all;
    all.push_back({.name = name("weight_ih"),
                   .shape = {features, outputs},
                   .initializer = input,
                   .axes = Axes::matrix});
    all.push_back({.name = name("weight_hh"),
                   .shape = {units, outputs},
                   .initializer = recurrent,
                   .axes = Axes::matrix});
    if (bias) {
      all.push_back({name("bias_ih"), {outputs}, biases, false});
      all.push_back({name("bias_hh"), {outputs}, zeros(), false});
    }
    return all;
  }
};

/// weights^T: rows x columns becomes columns x rows.
template <class T>
void transpose_weights(Index rows, Index columns, const T* weights, T* transposed) {
  constexpr Index block = 16;  // columns at a time, whose rows then stay in the nearest cache
  parallel_for_pieces(columns, block, [&](Index begin, Index end) {
    for (Index row = 0; row < rows; ++row) {
      for (Index column = begin; column < end; ++column) {
        transposed[column * rows + row] = weights[row * columns + column];
      }
    }
  });
}

/// The input's part of the gates' sums, for all steps at once: x W, plus `bias` unless that is
/// null.
template <class T>
void multiply_inputs(const Context<T>& context, const SequenceLayout& layout, const T* x,
                     const T* bias, T* sums, Arena& scratch) {
  const TensorView<const T> weights = context.parameter(0);
  const Index features = layout.features;
  const Index width = weights.shape()[1];
  T* inputs = scratch.take<T>(layout.rows() * features);
  layout.to_steps(x, features, inputs);
  context.computed(
      ConvolutionPass::forward,
      gemm(Transpose::no, Transpose::no, layout.rows(), width, features, inputs, features,
           weights.data(), width, sums, width, false, Epilogue<T>{bias, Activation{}}));
}

/// The way back: of the gradients of all sums, that of W and that of x.
template <class T>
void multiply_gradients(const Context<T>& context, const SequenceLayout& layout, const T* x,
                        const T* gradients, T* dx, Arena& scratch) {
  const TensorView<const T> weights = context.parameter(0);
  const Index features = layout.features;
  const Index width = weights.shape()[1];
  T* inputs = scratch.take<T>(layout.rows() * features);
  if (context.wants_gradients()) {
    layout.to_steps(x, features, inputs);
    context.computed(
        ConvolutionPass::backward_weights,
        gemm(Transpose::yes, Transpose::no, features, width, layout.rows(), inputs, features,
             gradients, width, context.gradient(0).data(), width, context.accumulate));
  }
  if (context.wants_input_gradient) {
    context.computed(ConvolutionPass::backward_data,
                     gemm(Transpose::no, Transpose::yes, layout.rows(), features, width, gradients,
                          width, weights.data(), width, inputs, features));
    layout.from_steps(inputs, features, dx);
  }
}

/// The first `count` elements of `first` + `second`.
template <class T>
void add_biases(Index count, TensorView<const T> first, TensorView<const T> second, T* sums) {
  for (Index i = 0; i < count; ++i) sums[i] = first[i] + second[i];
}

/// Writes sums as the gradient of a parameter, or adds them.
template <class T>
void hand_over(const Context<T>& context, const T* sums, Index index) {
  const TensorView<T> gradient = context.gradient(index);
  for (Index i = 0; i < gradient.size(); ++i) {
    gradient[i] = context.accumulate ? gradient[i] + sums[i] : sums[i];
  }
}

}  // namespace nn::detail
