/// @file
/// Layer normalisation.
#pragma once

#include <cmath>

#include "nn/core/parallel.hpp"
#include "nn/kernels/elementwise.hpp"
#include "nn/kernels/reduce.hpp"
#include "nn/layers/layer.hpp"

namespace nn {

/// Normalises along the last axis (all features of a flat sample; the channels of each pixel of an
/// image), each sample by itself (Ba et al., "Layer normalization", 2016):
///
///     y = scale * (x - mean) / sqrt(variance + epsilon) + shift
///
/// with learned `scale` and `shift`, one of each for every position on the axis, where these are
/// wanted. The variance is the biased one. The same in training and inference.
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
      const Activation activation = context.activation;  // in a register, not in memory
      for (Index row = begin; row < end; ++row) {
        const T* from = x.data() + row * columns;
        T* to = y.data() + row * columns;
        const T mean =
            detail::sum_of_terms<T>(
                columns, [&](Index i, const auto& some) { return some.load(from + i); }) /
            static_cast<T>(columns);
        const T squares = detail::sum_of_terms<T>(columns, [&](Index i, const auto& some) {
          const auto difference = some.load(from + i) - mean;
          return detail::product(difference, difference);
        });
        const T inverse =
            T(1) / std::sqrt(squares / static_cast<T>(columns) + static_cast<T>(epsilon));
        if (means != nullptr) {
          means[row] = mean;
          inverses[row] = inverse;
        }
        detail::normalize_row(columns, from, mean, inverse, factors, shifts, activation, to);
      }
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
      for (Index row = begin; row < end; ++row) {
        const T* value = x.data() + row * columns;
        const T* gradient = dy.data() + row * columns;
        T* to = dx.data() + row * columns;
        const T mean = means[row];
        const T inverse = inverses[row];
        const T share = T(1) / static_cast<T>(columns);
        const T offset = share * detail::sum_of_terms<T>(columns, [&](Index i, const auto& some) {
                           return detail::product(some.load(gradient + i), some.load(factors + i));
                         });
        const T slope = share * inverse * inverse *
                        detail::sum_of_terms<T>(columns, [&](Index i, const auto& some) {
                          const auto scaled = some.load(gradient + i) * some.load(factors + i);
                          return detail::product(scaled, some.load(value + i) - mean);
                        });
        detail::normalize_row_backward(columns, gradient, factors, value, mean, inverse, offset,
                                       slope, to);
      }
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

  /// The parameter, or, when there is none, as many times `value`.
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
      for (Index row = begin; row < end; ++row) {
        const T* value = x + row * columns;
        const T* gradient = dy + row * columns;
        detail::add_row_gradients(columns, gradient, value, means[row], inverses[row], products,
                                  sums);
      }
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
