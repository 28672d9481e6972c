/// @file
/// The piecewise linear activations.
///
/// Their gradient is read off the output, whose sign is the input's; at 0 it is that of the left
/// side.
#pragma once

#include "nn/core/parallel.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/layer.hpp"

namespace nn {

namespace detail {

inline constexpr Index activation_piece = Index{1} << 15;

template <class T>
void activate(Activation activation, TensorView<const T> x, TensorView<T> y) {
  parallel_for_pieces(x.size(), activation_piece, [&](Index begin, Index end) {
    detail::activate_elements(end - begin, activation, x.data() + begin, y.data() + begin);
  });
}

template <class T>
void activate_backward(const Context<T>& context, Activation activation, TensorView<const T> y,
                       TensorView<const T> dy, TensorView<T> dx) {
  if (!context.wants_input_gradient) return;
  parallel_for_pieces(y.size(), activation_piece, [&](Index begin, Index end) {
    detail::activate_backward_elements(end - begin, activation, y.data() + begin, dy.data() + begin,
                                       dx.data() + begin);
  });
}

}  // namespace detail

/// y = max(x, 0).
struct ReLU {
  [[nodiscard]] std::string name() const { return "ReLU{}"; }
  void fields(Fields& fields) { fields.layer("ReLU"); }
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const { return input; }
  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.in_place = true, .is_activation = true, .activation = {0}};
  }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    detail::activate({0}, x, y);
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::activate_backward(context, {0}, y, dy, dx);
  }
};

/// y = x for x > 0 and negative_slope * x otherwise (Maas et al., "Rectifier nonlinearities improve
/// neural network acoustic models", 2013).
struct LeakyReLU {
  float negative_slope = 0.01F;  ///< the slope for x < 0

  [[nodiscard]] std::string name() const { return detail::text("LeakyReLU{", negative_slope, "}"); }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("LeakyReLU");
    fields.shown("negative_slope", negative_slope);
  }

  /// @throws Error unless the slope is positive: else the output would not tell the input's sign.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require(negative_slope > 0, "the negative slope must be positive, got ", negative_slope);
    return input;
  }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.in_place = true, .is_activation = true, .activation = {negative_slope}};
  }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    detail::activate({negative_slope}, x, y);
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::activate_backward(context, {negative_slope}, y, dy, dx);
  }
};

}  // namespace nn
