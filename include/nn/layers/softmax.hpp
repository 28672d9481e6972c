/// @file
/// Softmax, and its logarithm.
#pragma once

#include "nn/core/parallel.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/window.hpp"

namespace nn {

/// y_i = exp(x_i) / (sum over j of exp(x_j)) along the last axis, computed from x_i - max x so that
/// nothing overflows. For training a classifier, leave it out and give the loss the logits:
/// SoftmaxCrossEntropy is more accurate and faster.
struct Softmax {
  [[nodiscard]] std::string name() const { return "Softmax{}"; }
  void fields(Fields& fields) { fields.layer("Softmax"); }

  /// @throws ShapeError when there is no axis to sum over.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require<ShapeError>(input.rank() > 0 && input.back() > 0,
                        "expects samples with a last axis, got ", input);
    return input;
  }

  [[nodiscard]] constexpr LayerTraits traits() const { return {.in_place = true}; }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const Index classes = context.plan->input.back();
    const Index piece = detail::samples_per_piece(classes);
    parallel_for_pieces(x.size() / classes, piece, [&](Index begin, Index end) {
      detail::softmax_rows(end - begin, classes, x.data() + begin * classes,
                           y.data() + begin * classes);
    });
  }

  /// dx_i = y_i * (dy_i - sum over j of dy_j y_j).
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    const Index classes = context.plan->input.back();
    const Index piece = detail::samples_per_piece(classes);
    parallel_for_pieces(y.size() / classes, piece, [&](Index begin, Index end) {
      const Index first = begin * classes;
      detail::softmax_rows_backward(end - begin, classes, y.data() + first, dy.data() + first,
                                    dx.data() + first);
    });
  }
};

/// y_i = x_i - ln(sum over j of exp(x_j)) along the last axis: the logarithm of Softmax, computed
/// from x_i - max x so that nothing overflows and no small probability becomes ln 0. Networks that
/// come with a loss of logarithms of probabilities end with it.
struct LogSoftmax {
  [[nodiscard]] std::string name() const { return "LogSoftmax{}"; }
  void fields(Fields& fields) { fields.layer("LogSoftmax"); }

  /// @throws ShapeError when there is no axis to sum over.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    return Softmax{}.output_shape(input);
  }

  [[nodiscard]] constexpr LayerTraits traits() const { return {.in_place = true}; }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const Index classes = context.plan->input.back();
    const Index piece = detail::samples_per_piece(classes);
    parallel_for_pieces(x.size() / classes, piece, [&](Index begin, Index end) {
      detail::log_softmax_rows(end - begin, classes, x.data() + begin * classes,
                               y.data() + begin * classes);
    });
  }

  /// dx_i = dy_i - exp(y_i) * sum over j of dy_j.
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    const Index classes = context.plan->input.back();
    const Index piece = detail::samples_per_piece(classes);
    parallel_for_pieces(y.size() / classes, piece, [&](Index begin, Index end) {
      const Index first = begin * classes;
      detail::log_softmax_rows_backward(end - begin, classes, y.data() + first, dy.data() + first,
                                        dx.data() + first);
    });
  }
};

}  // namespace nn
