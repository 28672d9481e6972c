/// @file
/// HardSwish.
#pragma once

#include "nn/layers/elementwise.hpp"

namespace nn {

/// y = x min(max(x + 3, 0), 6) / 6: SiLU with a sigmoid of straight lines (Howard et al.,
/// "Searching for MobileNetV3", 2019, section 5.2).
struct HardSwish {
  [[nodiscard]] std::string name() const { return "HardSwish{}"; }
  void fields(Fields& fields) { fields.layer("HardSwish"); }
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const { return input; }
  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    detail::map_elements(x, y, detail::HardSwishFunction{});
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::map_gradients(context, x, dy, dx, detail::HardSwishFunction{});
  }
};

}  // namespace nn
