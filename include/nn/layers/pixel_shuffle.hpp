/// @file
/// Channels that become pixels.
#pragma once

#include "nn/core/parallel.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/window.hpp"

namespace nn {

/// Makes of each pixel factor x factor pixels, of the channels that it has more: H x W x C f^2
/// becomes fH x fW x C, and channel c f^2 + i f + j the pixel in row i and column j of the block
/// (Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel
/// convolutional neural network", 2016, equation 4; the order is PyTorch's).
struct PixelShuffle {
  Index factor = 2;  ///< pixels that one becomes, down and across

  [[nodiscard]] std::string name() const { return detail::text("PixelShuffle{", factor, "}"); }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("PixelShuffle");
    fields.shown("factor", factor);
  }

  /// @throws ShapeError when the input is no image, the factor is not positive, or its square does
  /// not divide the channels.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    detail::require_image(input);
    detail::require_positive("factor", Extent2D{factor});
    require<ShapeError>(factor <= input[2] / factor && input[2] % (factor * factor) == 0,
                        "expects a multiple of ", factor, " x ", factor, " channels, got ", input);
    return {input[0] * factor, input[1] * factor, input[2] / (factor * factor)};
  }

  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    for_each(context, x.shape().front(), [&](Index many, Index few) { y[few] = x[many]; });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    for_each(context, dx.shape().front(), [&](Index many, Index few) { dx[many] = dy[few]; });
  }

 private:
  /// Calls visit(many, few) for each element: its place among many channels and among few.
  template <class T, class Visit>
  void for_each(const Context<T>& context, Index batch, const Visit& visit) const {
    const Shape& input = context.plan->input;
    const Index channels = context.plan->output.back();
    const Index rows = input[0];
    // The elements of a row; the rows that it becomes have as many together.
    const Index line = input[1] * input[2];
    const Index piece = detail::samples_per_piece(input.size());
    parallel_for_pieces(batch, piece, [&](Index begin, Index end) {
      for (Index row = begin * rows; row < end * rows; ++row) {
        for (Index i = 0; i < factor; ++i) {
          Index few = row * line + i * (line / factor);
          for (Index column = 0; column < input[1]; ++column) {
            for (Index j = 0; j < factor; ++j) {
              Index many = row * line + column * input[2] + i * factor + j;
              for (Index c = 0; c < channels; ++c, many += factor * factor) visit(many, few++);
            }
          }
        }
      }
    });
  }
};

}  // namespace nn
