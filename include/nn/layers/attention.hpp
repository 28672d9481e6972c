/// @file
/// Attention between the steps of sequences.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "nn/core/parallel.hpp"
#include "nn/kernels/gemm.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/attention_block.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/positions.hpp"

namespace nn {

/// Each step of a sequence becomes a mixture of all steps, by weights that depend on what they
/// hold (Vaswani et al., "Attention is all you need", 2017). With q = x W_q + b_q, k = x W_k + b_k
/// and v = x W_v + b_v, and for each of `heads` equal parts of the features by itself,
///
///     mixed_t = sum over s of p_ts v_s,   p_t = softmax over s of (q_t . k_s / sqrt(part's size))
///     y = mixed W_out + b_out
///
/// for samples of T x F, with y of the same shape. Steps that are padding (see Masked) are not
/// attended to; a step that has nothing to attend to mixes nothing, and is b_out. The weights p are
/// never stored whole, but made in blocks and, in the backward pass, again (Rabe and Staats,
/// "Self-attention does not need O(n^2) memory", 2021; Dao et al., "FlashAttention", 2022), so
/// memory grows with T and not with its square.
///
/// *Two inputs.* With `queries` = n, the first n rows of a sample attend to the others and not to
/// one another (cross-attention), and y is n x F: the one sequence stands before the other.
struct MultiHeadAttention {
  Index heads = 1;            ///< parts of the features, each with weights p of its own
  bool causal = false;        ///< whether a step attends to itself and those before it alone
  float dropout = 0;          ///< the rate at which weights p are dropped in training; see Dropout
  bool bias = true;           ///< whether to learn offsets b
  bool rotary = false;        ///< whether q and k are turned by their steps; see `rotary_base`
  Index queries = 0;          ///< of a sample, the rows that attend to the others; 0: all to all
  float rotary_base = 10000;  ///< features i and i + D/2 of a head with D are turned by the angle
                              ///< step / base^(2i / D) (Su et al., "RoFormer", 2021)
  Initializer initializer = glorot_uniform();  ///< of the weights W

  [[nodiscard]] std::string name() const {
    return detail::text("MultiHeadAttention{", heads, causal ? ", causal" : "",
                        rotary ? ", rotary" : "",
                        queries > 0 ? detail::text(", ", queries, " queries") : "", "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("MultiHeadAttention");
    fields.shown("heads", heads);
    fields.shown("causal", causal);
    fields("dropout", dropout);
    fields.shown("bias", bias);
    fields.shown("rotary", rotary);
    fields.shown("queries", queries);
    fields("rotary_base", rotary_base);
    fields("initializer", initializer);
  }

  /// @throws ShapeError unless the input are rows of features that the heads can share, and more of
  /// them than `queries`.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require<ShapeError>(input.rank() == 2 && input.size() > 0,
                        "expects sequences of steps x features, got ", input);
    require<ShapeError>(heads > 0 && input.back() % heads == 0,
                        "expects as many features for each ", "of ", heads, " heads, got ",
                        input.back(), " features");
    require<ShapeError>(!rotary || input.back() / heads % 2 == 0,
                        "turns pairs of a head's features, and a head has ", input.back() / heads);
    require<ShapeError>(queries >= 0 && queries < input.front(), "expects more than ", queries,
                        " steps, those after which the queries attend to, got ", input.front());
    require(queries == 0 || (!causal && !rotary),
            "queries that attend to another sequence can be neither causal nor rotary");
    require(dropout >= 0 && dropout < 1, "dropout must be in [0, 1), got ", dropout);
    require(rotary_base > 1, "rotary_base must be above 1, got ", rotary_base);
    return {queries > 0 ? queries : input.front(), input.back()};
  }

  /// As PyTorch has them: one weight for q, k and v side by side, and one for the output.
  [[nodiscard]] std::vector<Variable> parameters(const Shape& input) const {
    const Index width = input.back();
    std::vector<Variable> variables;
    const auto add = [&](const char* weight, const char* offset, Index outputs) {
      variables.push_back({.name = weight,
                           .shape = {width, outputs},
                           .initializer = initializer,
                           .axes = Axes::dense});
      if (bias) variables.push_back({offset, {outputs}, zeros(), false});
    };
    add("in_proj_weight", "in_proj_bias", 3 * width);
    add("out_proj.weight", "out_proj.bias", width);
    return variables;
  }

  /// The four products by weights, the scores and the mixing.
  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const {
    const Index rows = queries > 0 ? queries : input[0];
    return input[1] * (3 * input[0] * input[1] + 2 * rows * (input[0] - queries) + rows * input[1]);
  }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.reads_output = false, .fuses_activation = true, .whole_sequence = true};
  }

  /// Kept: q, k and v of each row, what is mixed, and the logarithm of each softmax's sum.
  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    const detail::AttentionSizes n = sizes(plan, batch);
    const Index projected = bytes_for<T>(n.rows() * 3 * n.width);
    const Index mixed = bytes_for<T>(n.query_rows() * n.width);
    const Index numbers = bytes_for<T>(n.query_rows() * heads);
    const Index angles = rotary ? 2 * bytes_for<T>(n.steps * n.part() / 2) : 0;
    if (!training) return {.scratch = projected + mixed + numbers + angles};
    return {.kept = projected + mixed + numbers, .scratch = projected + mixed + numbers + angles};
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const detail::AttentionSizes n = sizes(*context.plan, x.shape().front());
    Arena kept = context.kept;
    Arena scratch = context.scratch;
    const detail::AttentionPass<T> pass = pass_of(context, n, context.training ? kept : scratch);
    const Index three = 3 * n.width;
    gemm(Transpose::no, Transpose::no, n.rows(), three, n.width, x.data(), n.width,
         weight(context, 0), three, pass.projected, three, false,
         Epilogue<T>{offset(context, 0), {}});
    if (rotary) turn(n, T(1), pass.projected, scratch);
    const Index blocks = detail::AttentionSizes::blocks(n.queries);
    parallel_for(n.batch * heads * blocks, [&](Index item) {
      pass.mix(item / blocks / heads, item / blocks % heads, item % blocks);
    });
    gemm(Transpose::no, Transpose::no, n.query_rows(), n.width, n.width, pass.mixed, n.width,
         weight(context, 1), n.width, y.data(), n.width, false,
         Epilogue<T>{offset(context, 1), context.activation});
  }

  /// Of each product as Dense; of the softmax, with dp_ts = dmixed_t . v_s,
  /// dscore_ts = p_ts (dp_ts - dmixed_t . mixed_t).
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    const detail::AttentionSizes n = sizes(*context.plan, x.shape().front());
    Arena kept = context.kept;
    Arena scratch = context.scratch;
    const detail::AttentionPass<T> pass = pass_of(context, n, kept);
    const Index three = 3 * n.width;
    T* const dprojected = scratch.take<T>(n.rows() * three);
    T* const dmixed = scratch.take<T>(n.query_rows() * n.width);
    T* const dots = scratch.take<T>(n.query_rows() * heads);
    if (context.wants_gradients()) {
      add_gradients(context, 1, n.query_rows(), n.width, pass.mixed, n.width, dy.data());
    } else if (!context.wants_input_gradient) {
      return;
    }
    gemm(Transpose::no, Transpose::yes, n.query_rows(), n.width, n.width, dy.data(), n.width,
         weight(context, 1), n.width, dmixed, n.width);
    // The queries' own k and v, and the q of the others, are not used.
    if (queries > 0) std::fill_n(dprojected, n.rows() * three, T(0));
    parallel_for(n.batch * heads, [&](Index item) {
      pass.mix_backward(item / heads, item % heads, dmixed, dots, dprojected);
    });
    if (rotary) turn(n, T(-1), dprojected, scratch);
    if (context.wants_gradients()) {
      add_gradients(context, 0, n.rows(), three, x.data(), n.width, dprojected);
    }
    if (!context.wants_input_gradient) return;
    gemm(Transpose::no, Transpose::yes, n.rows(), n.width, three, dprojected, three,
         weight(context, 0), three, dx.data(), n.width);
  }

 private:
  [[nodiscard]] detail::AttentionSizes sizes(const Plan& plan, Index batch) const {
    return {batch,  plan.input[0], plan.input[1], heads, queries > 0 ? queries : plan.input[0],
            queries};
  }

  template <class T>
  [[nodiscard]] detail::AttentionPass<T> pass_of(const Context<T>& context,
                                                 const detail::AttentionSizes& n,
                                                 Arena& arena) const {
    detail::AttentionPass<T> pass{n, context, context.mask.for_steps(n.steps), causal,
                                  context.training ? dropout : 0};
    pass.projected = arena.take<T>(n.rows() * 3 * n.width);
    pass.mixed = arena.take<T>(n.query_rows() * n.width);
    pass.logs = arena.take<T>(n.query_rows() * heads);
    return pass;
  }

  /// The weight of product 0 or 1, and its offset or null.
  template <class T>
  const T* weight(const Context<T>& context, Index product) const {
    return context.parameter(bias ? 2 * product : product).data();
  }
  template <class T>
  const T* offset(const Context<T>& context, Index product) const {
    return bias ? context.parameter(2 * product + 1).data() : nullptr;
  }

  template <class T>
  void add_gradients(const Context<T>& context, Index product, Index rows, Index outputs,
                     const T* x, Index inputs, const T* dy) const {
    gemm(Transpose::yes, Transpose::no, inputs, outputs, rows, x, inputs, dy, outputs,
         context.gradient(bias ? 2 * product : product).data(), outputs, context.accumulate);
    if (!bias) return;
    sum_rows(rows, outputs, dy, outputs, context.gradient(2 * product + 1).data(),
             context.accumulate);
  }

  /// Turns q and k of all rows by their steps' angles, forwards (1) or back (-1).
  template <class T>
  void turn(const detail::AttentionSizes& n, T direction, T* projected, Arena scratch) const {
    const Index half = n.part() / 2;
    T* cosines = scratch.take<T>(n.steps * half);
    T* sines = scratch.take<T>(n.steps * half);
    parallel_for_pieces(half, std::max<Index>(1, 1024 / n.steps), [&](Index begin, Index end) {
      for (Index pair = begin; pair < end; ++pair) {
        const detail::StepAngles angles(static_cast<double>(rotary_base), pair, half);
        for (Index step = 0; step < n.steps; ++step) {
          cosines[step * half + pair] = static_cast<T>(angles.cosine_at(step));
          sines[step * half + pair] = static_cast<T>(angles.sine_at(step));
        }
      }
    });
    parallel_for_pieces(n.rows(), std::max<Index>(1, 8192 / n.width), [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const Index first = row % n.steps * half;
        detail::turn_halves(2 * heads, half, cosines + first, sines + first, direction,
                            projected + row * 3 * n.width);
      }
    });
  }
};

}  // namespace nn
