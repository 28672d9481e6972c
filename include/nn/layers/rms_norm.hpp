/// @file
/// Normalisation by the root mean square.
#pragma once

#include <algorithm>

#include "nn/core/parallel.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/layer.hpp"

namespace nn {

/// Divides by the root mean square along the last axis (all features of a flat sample, those of
/// each step, the channels of each pixel), each row by itself (Zhang and Sennrich, "Root mean
/// square layer normalization", 2019):
///
///     y = scale * x / sqrt(mean of x^2 + epsilon)
///
/// with a learned `scale` for every position on the axis, unless switched off. LayerNorm without
/// means: cheaper, and as good in many transformers. The same in training and inference.
struct RMSNorm {
  bool scale = true;      ///< whether to learn a factor for each element
  float epsilon = 1e-6F;  ///< added to the mean square

  [[nodiscard]] std::string name() const {
    return detail::text("RMSNorm{", scale ? "" : "no scale", "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("RMSNorm");
    fields.shown("scale", scale);
    fields("epsilon", epsilon);
  }

  /// @throws ShapeError when there is no axis to normalise along.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require<ShapeError>(input.rank() > 0 && input.size() > 0,
                        "expects samples with a last axis, got ", input);
    require(epsilon > 0, "epsilon must be positive, got ", epsilon);
    return input;
  }

  [[nodiscard]] std::vector<Variable> parameters(const Shape& input) const {
    std::vector<Variable> variables;
    if (scale) variables.push_back({"scale", {input.back()}, ones(), false});
    return variables;
  }

  /// Two for the mean square and the result.
  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const { return 2 * input.size(); }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.reads_output = false, .fuses_activation = true};
  }

  /// Kept: 1 / (root mean square) of every row.
  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    const Layout layout(plan, batch);
    Memory memory{.scratch = bytes_for<T>(layout.columns)};
    if (training) {
      memory.kept = bytes_for<T>(layout.rows);
      memory.scratch +=
          bytes_for<T>(2 * layout.pieces() * layout.columns) + bytes_for<T>(layout.rows);
    }
    return memory;
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const Layout layout(*context.plan, x.shape().front());
    Arena kept = context.kept;
    Arena scratch = context.scratch;
    T* inverses = context.training ? kept.take<T>(layout.rows) : nullptr;
    const T* factors = factors_of(context, layout, scratch);
    const Index columns = layout.columns;
    parallel_for_pieces(layout.rows, layout.piece, [&](Index begin, Index end) {
      detail::divide_by_rms(end - begin, columns, static_cast<T>(epsilon),
                            x.data() + begin * columns, factors, context.activation,
                            inverses == nullptr ? inverses : inverses + begin,
                            y.data() + begin * columns);
    });
  }

  /// With r = 1 / (root mean square), z = x r and g = dy * scale: dscale = sum over the rows of
  /// dy z, dx = r (g - z * mean of g z), this mean along the axis.
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    const Layout layout(*context.plan, x.shape().front());
    Arena kept = context.kept;
    Arena scratch = context.scratch;
    const T* inverses = kept.take<T>(layout.rows);
    const T* factors = factors_of(context, layout, scratch);
    if (context.wants_gradients()) {
      T* partial = scratch.take<T>(2 * layout.pieces() * layout.columns);
      T* means = scratch.take<T>(layout.rows);
      std::fill_n(means, layout.rows, T(0));
      sum_gradients(context, layout, x.data(), dy.data(), means, inverses, partial);
    }
    if (!context.wants_input_gradient) return;
    const Index columns = layout.columns;
    parallel_for_pieces(layout.rows, layout.piece, [&](Index begin, Index end) {
      const Index first = begin * columns;
      detail::divide_by_rms_backward(end - begin, columns, dy.data() + first, factors,
                                     x.data() + first, inverses + begin, dx.data() + first);
    });
  }

 private:
  struct Layout {
    Index columns;
    Index rows;
    Index piece;  ///< rows

    Layout(const Plan& plan, Index batch)
        : columns(plan.input.back()),
          rows(batch * plan.input.size() / columns),
          piece(std::max<Index>(8, 8192 / columns)) {}

    [[nodiscard]] Index pieces() const { return (rows + piece - 1) / piece; }
  };

  template <class T>
  const T* factors_of(const Context<T>& context, const Layout& layout, Arena& scratch) const {
    if (scale) return context.parameter(0).data();
    T* values = scratch.take<T>(layout.columns);
    std::fill_n(values, layout.columns, T(1));
    return values;
  }

  /// Each piece of rows by itself, then the pieces in order.
  template <class T>
  static void sum_gradients(const Context<T>& context, const Layout& layout, const T* x,
                            const T* dy, const T* means, const T* inverses, T* partial) {
    const Index columns = layout.columns;
    parallel_for_pieces(layout.rows, layout.piece, [&](Index begin, Index end) {
      T* products = partial + begin / layout.piece * 2 * columns;
      std::fill_n(products, 2 * columns, T(0));
      detail::add_row_gradients(end - begin, columns, dy + begin * columns, x + begin * columns,
                                means + begin, inverses + begin, products, products + columns);
    });
    T* gradient = context.gradient(0).data();
    if (!context.accumulate) std::fill_n(gradient, columns, T(0));
    for (Index piece = 0; piece < layout.pieces(); ++piece) {
      detail::add_to(columns, partial + piece * 2 * columns, gradient);
    }
  }
};

}  // namespace nn
