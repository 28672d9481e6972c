/// @file
/// Flat samples and images as files have them that put channels last, as this library does.
#pragma once

#include <algorithm>
#include <string>

#include "nn/layers/layer.hpp"

namespace nn {

namespace detail {

/// What FlattenChannelsLast and ReshapeChannelsLast share: the elements keep their order. They are
/// no views, since a view stands for a change of shape where channels come first, by which weights
/// in files are permuted.
struct ChannelsLast {
  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    std::copy(x.begin(), x.end(), y.begin());
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (context.wants_input_gradient) std::copy(dy.begin(), dy.end(), dx.begin());
  }
};

}  // namespace detail

/// Makes an image flat in the order height, width, channel, in files too. There it is a change of
/// axes and a flattening, as Keras's networks have it when they are exported.
struct FlattenChannelsLast : detail::ChannelsLast {
  [[nodiscard]] std::string name() const { return "FlattenChannelsLast{}"; }
  void fields(Fields& fields) { fields.layer("FlattenChannelsLast"); }

  /// @throws ShapeError when the input is no image.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require<ShapeError>(input.rank() == 3, "expects images of height x width x channels, got ",
                        input);
    return {input.size()};
  }
};

/// Makes an image of a flat sample whose elements are in the order height, width, channel, in files
/// too.
struct ReshapeChannelsLast : detail::ChannelsLast {
  Shape shape;  ///< of the image: height x width x channels

  /// Makes images of the shape `image`.
  constexpr explicit ReshapeChannelsLast(const Shape& image) : shape(image) {}

  [[nodiscard]] std::string name() const {
    return detail::text("ReshapeChannelsLast{", shape, "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("ReshapeChannelsLast");
    fields.shown("shape", shape);
  }

  /// @throws ShapeError unless the sample is flat and has as many elements as the image.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require<ShapeError>(shape.rank() == 3, "makes images of height x width x channels, not ",
                        shape);
    require<ShapeError>(input.rank() == 1 && input.size() == shape.size(),
                        "expects flat samples of ", shape.size(), " elements, got ", input);
    return shape;
  }
};

}  // namespace nn
