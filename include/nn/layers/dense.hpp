/// @file
/// The fully connected layer.
#pragma once

#include "nn/kernels/gemm.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/pieces.hpp"

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
    // The kernel for so narrow a product sums in another order, and is chosen by the rows as well.
    return {.reads_output = false,
            .fuses_activation = true,
            .whole_batch = units > detail::most_dot_columns,
            .is_product = true};
  }

  /// Kept, where weights stay packed: these.
  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index /*batch*/, bool training) const {
    if (training || !plan.keeps_packed_weights) return {};
    return {.kept = bytes_for<T>(detail::packed_elements<T>(units, plan.input.back()))};
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const TensorView<const T> weight = context.parameter(0);
    const Epilogue<T> epilogue{context.bias(), context.activation};
    const Index inputs = weight.shape()[0];
    const ProductScratch kept_weights =
        context.plan->keeps_packed_weights ? context.product_scratch() : ProductScratch{};
    context.computed(ConvolutionPass::forward,
                     gemm(Transpose::no, Transpose::no, y.size() / units, units, inputs, x.data(),
                          inputs, weight.data(), units, y.data(), units, false, epilogue,
                          Algorithm::automatic, kept_weights));
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    const TensorView<const T> weight = context.parameter(0);
    const Index inputs = weight.shape()[0];
    if (context.wants_gradients()) {
      if (context.sharing != nullptr) {
        share_gradients(context, x, dy);
      } else {
        context.computed(ConvolutionPass::backward_weights,
                         weight_gradient(context, x, dy, 0, inputs));
        bias_gradient(context, dy);
      }
    }
    if (context.wants_input_gradient) {
      const auto compute = [&](TensorView<const T> slopes, TensorView<T> result) {
        context.computed(ConvolutionPass::backward_data,
                         gemm(Transpose::no, Transpose::yes, slopes.size() / units, inputs, units,
                              slopes.data(), units, weight.data(), units, result.data(), inputs));
      };
      if (context.sharing != nullptr && inputs <= detail::most_dot_columns) {
        detail::for_each_piece(context, [&](Index piece) {
          compute(detail::piece_of(dy, *context.sharing, piece),
                  detail::piece_of(dx, *context.sharing, piece));
        });
      } else {
        compute(dy, dx);
      }
    }
  }

 private:
  /// The gradient of the weights of inputs [first, last), for these samples.
  template <class T>
  Algorithm weight_gradient(const Context<T>& context, TensorView<const T> x,
                            TensorView<const T> dy, Index first, Index last) const {
    const Index inputs = context.parameter(0).shape()[0];
    return gemm(Transpose::yes, Transpose::no, last - first, units, dy.size() / units,
                x.data() + first, inputs, dy.data(), units,
                context.gradient(0).data() + first * units, units, context.accumulate);
  }

  template <class T>
  void bias_gradient(const Context<T>& context, TensorView<const T> dy) const {
    if (!bias) return;
    sum_rows(dy.size() / units, units, dy.data(), units, context.gradient(1).data(),
             context.accumulate);
  }

  /// Of a batch that processes share, pieces of the gradient are added up while they are in the
  /// cache: a wide layer's would otherwise go through memory several times for each piece.
  template <class T>
  [[gnu::cold, gnu::noinline]] void share_gradients(const Context<T>& context,
                                                    TensorView<const T> x,
                                                    TensorView<const T> dy) const {
    constexpr Index elements_at_a_time = 8192;
    const Index rows = (elements_at_a_time + units - 1) / units;
    const Index offset = context.plan->parameters[0].offset;
    const Index inputs = context.parameter(0).shape()[0];
    parallel_for_pieces(inputs, rows, [&](Index first, Index last) {
      detail::for_each_piece(context, [&](Index piece) {
        weight_gradient(detail::context_of_piece(context, piece),
                        detail::piece_of(x, *context.sharing, piece),
                        detail::piece_of(dy, *context.sharing, piece), first, last);
        detail::join_blocks(context, piece, offset + first * units, offset + last * units);
      });
    });
    if (!bias) return;
    const Index start = context.plan->parameters[1].offset;
    detail::for_each_piece(context, [&](Index piece) {
      bias_gradient(detail::context_of_piece(context, piece),
                    detail::piece_of(dy, *context.sharing, piece));
      detail::join_blocks(context, piece, start, start + units);
    });
  }
};

}  // namespace nn
