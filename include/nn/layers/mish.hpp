/// @file
/// Mish.
#pragma once

#include "nn/layers/elementwise.hpp"

namespace nn {

/// y = x tanh(ln(1 + exp(x))), smooth and not monotonic (Misra, "Mish: a self regularized
/// non-monotonic activation function", 2020).
struct Mish {
  [[nodiscard]] std::string name() const { return "Mish{}"; }
  void fields(Fields& fields) { fields.layer("Mish"); }
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const { return input; }
  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    detail::map_elements(x, y, detail::MishFunction{});
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::map_gradients(context, x, dy, dx, detail::MishFunction{});
  }
};

}  // namespace nn
