/// @file
/// What the tests of layers for sequences share.
#pragma once

#include <cmath>

#include "layer_testing.hpp"

namespace sequence_testing {

using nn::Context;
using nn::Index;
using nn::Shape;
using nn::TensorView;

/// Fills the end of each sequence with padding: sample n keeps steps - (n * 2) % (steps + 1) steps,
/// the first all of them, another none. What was there has no influence, and so no gradient.
struct PadSteps {
  [[nodiscard]] Shape output_shape(const Shape& input) const { return input; }
  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    std::copy(x.begin(), x.end(), y.begin());
    fill(context, y);
  }
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    std::copy(dy.begin(), dy.end(), dx.begin());
    fill(context, dx);
  }
  static Index length(Index sample, Index steps) { return steps - (sample * 2) % (steps + 1); }

 private:
  template <class T>
  static void fill(const Context<T>& context, TensorView<T> values) {
    const Index steps = context.plan->input.front();
    const Index width = context.plan->input.size() / steps;
    for (Index sample = 0; sample < values.shape().front(); ++sample) {
      const Index kept = length(context.first_sample + sample, steps);
      std::fill(values.data() + (sample * steps + kept) * width,
                values.data() + (sample + 1) * steps * width, T(0));
    }
  }
};

/// Makes tokens 0 to 4 of numbers in (-2, 2), so that differences of the input mean nothing.
struct ToTokens {
  [[nodiscard]] Shape output_shape(const Shape& input) const { return input; }
  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    for (Index i = 0; i < x.size(); ++i) y[i] = std::floor((x[i] + T(2)) * T(1.25));
  }
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> /*dy*/, TensorView<T> dx) const {
    if (context.wants_input_gradient) std::fill(dx.begin(), dx.end(), T(0));
  }
};

}  // namespace sequence_testing
