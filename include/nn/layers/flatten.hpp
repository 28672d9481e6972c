/// @file
/// Layers that only change the shape of a sample.
#pragma once

#include "nn/layers/layer.hpp"

namespace nn {

/// What Flatten, Identity and Reshape share: the elements stay where they are.
struct ShapeChange {
  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.view = true, .reads_output = false};
  }

  /// Copies x to y, where a model could not make y a view of x.
  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    if (y.data() != x.data()) std::copy(x.begin(), x.end(), y.begin());
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient || dx.data() == dy.data()) return;
    std::copy(dy.begin(), dy.end(), dx.begin());
  }
};

/// Makes a sample flat: H x W x C becomes H*W*C elements in the same order.
struct Flatten : ShapeChange {
  [[nodiscard]] std::string name() const { return "Flatten{}"; }
  void fields(Fields& fields) { fields.layer("Flatten"); }

  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const { return {input.size()}; }
};

/// Passes its input on: the shortcut of a residual block, a branch of a Concat.
struct Identity : ShapeChange {
  [[nodiscard]] std::string name() const { return "Identity{}"; }
  void fields(Fields& fields) { fields.layer("Identity"); }

  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const { return input; }
};

/// Gives a sample the shape `shape`, elements in the same order.
struct Reshape : ShapeChange {
  Shape shape;  ///< of one sample of the output

  /// Gives samples the shape `target`.
  constexpr explicit Reshape(const Shape& target) : shape(target) {}

  [[nodiscard]] std::string name() const { return detail::text("Reshape{", shape, "}"); }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("Reshape");
    fields.shown("shape", shape);
  }

  /// @throws ShapeError unless the sample has as many elements as `shape`.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require<ShapeError>(input.size() == shape.size(), "cannot reshape ", input, " (", input.size(),
                        " elements) to ", shape, " (", shape.size(), " elements)");
    return shape;
  }
};

}  // namespace nn
