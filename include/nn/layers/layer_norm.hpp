/// @file
/// Layer normalisation.
#pragma once

#include <cmath>

#include "nn/core/parallel.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/layer.hpp"

namespace nn {

/// Normalises along the last axis (all features of a flat sample; the channels of each pixel of an
/// image), each sample by itself (Ba et al., "Layer normalization", 2016):
///
///     y = scale * (x - mean) / sqrt(variance + epsilon) + shift
///
/// with learned `scale` and `shift`, one of each for every position on the axis, unless switched
/// off. The variance is the biased one. The same in training and inference.
struct LayerNorm {
  bool scale = true;      ///< whether to learn a factor for each element
  bool shift = true;      ///< whether to learn an offset for each element
  float epsilon = 1e-5F;  ///< added to the variance

  [[nodiscard]] std::string name() const {
    return detail::text("LayerNorm{", scale ? "" : "no scale", !scale && !shift ? ", " : "",
                        shift ? "" : "no shift", "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("LayerNorm");
    fields.shown("scale", scale);
    fields.shown("shift", shift);
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
    if (shift) variables.push_back({"shift", {input.back()}, zeros(), false});
    return variables;
  }

  /// Two for the variance and the result; additions do not count.
  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const { return 2 * input.size(); }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.reads_output = false, .fuses_activation = true};
  }

  /// Kept: mean and 1 / deviation of every row.
  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    const Layout layout(plan, batch);
    Memory memory{.scratch = 2 * bytes_for<T>(layout.columns)};
    if (training) {
      memory.kept = 2 * bytes_for<T>(layout.rows);
      memory.scratch += bytes_for<T>(2 * layout.pieces() * layout.columns);
    }
    return memory;
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const Layout layout(*context.plan, x.shape().front());
    Arena kept = context.kept;
    Arena scratch = context.scratch;
    T* means = context.training ? kept.take<T>(layout.rows) : nullptr;
    T* inverses = context.training ? kept.take<T>(layout.rows) : nullptr;
    const T* factors = parameter_or(context, layout.columns, scale, 0, T(1), scratch);
    const T* shifts = parameter_or(context, layout.columns, shift, scale ? 1 : 0, T(0), scratch);
    const Index columns = layout.columns;
    parallel_for_pieces(layout.rows, layout.piece, [&](Index begin, Index end) {
      detail::normalize_rows(
          end - begin, columns, static_cast<T>(epsilon), x.data() + begin * columns, factors,
          shifts, context.activation, means == nullptr ? means : means + begin,
          means == nullptr ? means : inverses + begin, y.data() + begin * columns);
    });
  }

  /// With z = (x - mean) / deviation and g = dy * scale: dshift = sum over the rows of dy, dscale =
  /// sum of dy z, dx = (g - mean of g - z * mean of g z) / deviation, these means along the axis.
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    const Layout layout(*context.plan, x.shape().front());
    Arena kept = context.kept;
    Arena scratch = context.scratch;
    const T* means = kept.take<T>(layout.rows);
    const T* inverses = kept.take<T>(layout.rows);
    const T* factors = parameter_or(context, layout.columns, scale, 0, T(1), scratch);
    if (context.wants_gradients()) {
      T* partial = scratch.take<T>(2 * layout.pieces() * layout.columns);
      sum_gradients(layout, x.data(), dy.data(), means, inverses, partial);
      if (scale) hand_over(context, layout.columns, partial, 0);
      if (shift) hand_over(context, layout.columns, partial + layout.columns, scale ? 1 : 0);
    }
    if (!context.wants_input_gradient) return;
    const Index columns = layout.columns;
    parallel_for_pieces(layout.rows, layout.piece, [&](Index begin, Index end) {
      const Index first = begin * columns;
      detail::normalize_rows_backward(end - begin, columns, dy.data() + first, factors,
                                      x.data() + first, means + begin, inverses + begin,
                                      dx.data() + first);
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

  /// The parameter, or `value` repeated when there is none.
  template <class T>
  static const T* parameter_or(const Context<T>& context, Index columns, bool there_is, Index index,
                               T value, Arena& scratch) {
    if (there_is) return context.parameter(index).data();
    T* values = scratch.take<T>(columns);
    std::fill_n(values, columns, value);
    return values;
  }

  /// partial[0, columns) = dscale, partial[columns, 2 * columns) = dshift: each piece of rows by
  /// itself, then the pieces in order.
  template <class T>
  static void sum_gradients(const Layout& layout, const T* x, const T* dy, const T* means,
                            const T* inverses, T* partial) {
    const Index columns = layout.columns;
    parallel_for_pieces(layout.rows, layout.piece, [&](Index begin, Index end) {
      T* products = partial + begin / layout.piece * 2 * columns;
      T* sums = products + columns;
      std::fill_n(products, 2 * columns, T(0));
      detail::add_row_gradients(end - begin, columns, dy + begin * columns, x + begin * columns,
                                means + begin, inverses + begin, products, sums);
    });
    for (Index piece = 1; piece < layout.pieces(); ++piece) {
      const T* other = partial + piece * 2 * columns;
      for (Index i = 0; i < 2 * columns; ++i) partial[i] += other[i];
    }
  }

  template <class T>
  static void hand_over(const Context<T>& context, Index columns, const T* sums, Index index) {
    T* gradient = context.gradient(index).data();
    for (Index i = 0; i < columns; ++i) {
      gradient[i] = context.accumulate ? gradient[i] + sums[i] : sums[i];
    }
  }
};

}  // namespace nn
