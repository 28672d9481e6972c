/// @file
/// The piecewise linear activations.
#pragma once

#include "nn/core/parallel.hpp"
#include "nn/layers/layer.hpp"

namespace nn {

/// What ReLU and LeakyReLU share: y = x for x > 0 and slope * x otherwise. The gradient is read off
/// the output, whose sign is the input's; at 0 it is that of the left side.
template <class Derived>
struct PiecewiseLinear {
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const { return input; }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.in_place = true, .is_activation = true, .activation = {derived().slope()}};
  }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    const Activation activation{derived().slope()};
    parallel_for_pieces(x.size(), piece, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) y[i] = activation(x[i]);
    });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    const T slope = static_cast<T>(derived().slope());
    parallel_for_pieces(y.size(), piece, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) dx[i] = y[i] > T(0) ? dy[i] : slope * dy[i];
    });
  }

 private:
  static constexpr Index piece = Index{1} << 15;
  constexpr const Derived& derived() const { return static_cast<const Derived&>(*this); }
};

/// y = max(x, 0).
struct ReLU : PiecewiseLinear<ReLU> {
  [[nodiscard]] std::string name() const { return "ReLU{}"; }
  [[nodiscard]] constexpr float slope() const { return 0; }
};

/// y = x for x > 0 and negative_slope * x otherwise (Maas et al., "Rectifier nonlinearities improve
/// neural network acoustic models", 2013).
struct LeakyReLU : PiecewiseLinear<LeakyReLU> {
  float negative_slope = 0.01F;

  constexpr LeakyReLU() = default;
  /// @throws Error for a negative or zero slope, at which the output would not tell the input's
  /// sign.
  constexpr explicit LeakyReLU(float slope_below) : negative_slope(slope_below) {
    require(slope_below > 0, "LeakyReLU needs a positive slope, got ", slope_below);
  }

  [[nodiscard]] std::string name() const { return detail::text("LeakyReLU{", negative_slope, "}"); }
  [[nodiscard]] constexpr float slope() const { return negative_slope; }
};

}  // namespace nn
