/// @file
/// A layer that passes some of its input on.
#pragma once

#include <algorithm>
#include <string>

#include "nn/nn.hpp"

namespace example {

/// Some of the numbers of a flat sample, for networks whose branches read different things.
struct Part {
  nn::Index begin = 0;
  nn::Index count = 1;

  [[nodiscard]] std::string name() const {
    return nn::text("Part{", begin, " to ", begin + count - 1, "}");
  }
  /// @throws nn::ShapeError when the sample is not flat, or shorter.
  [[nodiscard]] nn::Shape output_shape(const nn::Shape& input) const {
    nn::require<nn::ShapeError>(
        input.rank() == 1 && begin >= 0 && count > 0 && begin + count <= input.size(),
        "expects a flat input of at least ", begin + count, " numbers, got ", input);
    return {count};
  }
  template <class T>
  void forward(const nn::Context<T>& /*context*/, nn::TensorView<const T> x,
               nn::TensorView<T> y) const {
    for (nn::Index i = 0; i < x.shape()[0]; ++i) {
      std::copy_n(x.sample(i).data() + begin, count, y.sample(i).data());
    }
  }
  template <class T>
  void backward(const nn::Context<T>& context, nn::TensorView<const T> x,
                nn::TensorView<const T> /*y*/, nn::TensorView<const T> dy,
                nn::TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    dx.fill(T(0));
    for (nn::Index i = 0; i < x.shape()[0]; ++i) {
      std::copy_n(dy.sample(i).data(), count, dx.sample(i).data() + begin);
    }
  }
};

}  // namespace example
