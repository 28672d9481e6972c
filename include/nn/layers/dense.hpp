/// @file
/// The fully connected layer.
#pragma once

#include "nn/kernels/gemm.hpp"
#include "nn/layers/layer.hpp"

namespace nn {

/// y = x W + b for flat samples: x is N x in, W in x units, b units, y N x units. The rows of a
/// sequence (steps x in) are treated alike, each by itself: N x steps rows become N x steps x
/// units.
///
/// Backward: dx = dy W^T, dW = x^T dy, db = the sum of dy over the samples.
struct Dense {
  Index units = 1;                             ///< outputs of a sample
  bool bias = true;                            ///< whether to learn an offset for each unit
  Initializer initializer = glorot_uniform();  ///< of the weights
  Initializer bias_initializer = zeros();      ///< of the offsets

  [[nodiscard]] std::string name() const { return detail::text("Dense{", units, "}"); }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("Dense");
    fields.shown("units", units);
    fields.shown("bias", bias);
    fields("initializer", initializer);
    fields("bias_initializer", bias_initializer);
  }

  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require<ShapeError>(units > 0, "the number of units must be positive, got ", units);
    require<ShapeError>(input.rank() == 1 || input.rank() == 2, "expects a flat input, got ", input,
                        "; put Flatten{} before it");
    return input.with_back(units);
  }

  [[nodiscard]] std::vector<Variable> parameters(const Shape& input) const {
    std::vector<Variable> variables;
    variables.push_back({.name = "weight",
                         .shape = {input.back(), units},
                         .initializer = initializer,
                         .axes = Axes::dense});
    if (bias) variables.push_back({"bias", {units}, bias_initializer, false});
    return variables;
  }

  [[nodiscard]] Index multiply_adds(const Shape& input) const { return input.size() * units; }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.reads_output = false, .fuses_activation = true, .is_product = true};
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const TensorView<const T> weight = context.parameter(0);
    const Epilogue<T> epilogue{context.bias(), context.activation};
    const Index inputs = weight.shape()[0];
    context.computed(ConvolutionPass::forward,
                     gemm(Transpose::no, Transpose::no, y.size() / units, units, inputs, x.data(),
                          inputs, weight.data(), units, y.data(), units, false, epilogue));
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    const TensorView<const T> weight = context.parameter(0);
    const Index batch = dy.size() / units;
    const Index inputs = weight.shape()[0];
    if (context.wants_gradients()) {
      context.computed(
          ConvolutionPass::backward_weights,
          gemm(Transpose::yes, Transpose::no, inputs, units, batch, x.data(), inputs, dy.data(),
               units, context.gradient(0).data(), units, context.accumulate));
      if (bias) {
        sum_rows(batch, units, dy.data(), units, context.gradient(1).data(), context.accumulate);
      }
    }
    if (context.wants_input_gradient) {
      context.computed(ConvolutionPass::backward_data,
                       gemm(Transpose::no, Transpose::yes, batch, inputs, units, dy.data(), units,
                            weight.data(), units, dx.data(), inputs));
    }
  }
};

}  // namespace nn
