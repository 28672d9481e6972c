/// @file
/// Flattening as libraries do it that put channels first.
#pragma once

#include "nn/core/parallel.hpp"
#include "nn/layers/layer.hpp"

namespace nn {

/// Makes an image flat in the order channel, height, width: what `Flatten` is in ONNX and PyTorch.
/// An imported network has it where nothing after the flattening could be permuted instead.
struct FlattenChannelsFirst {
  [[nodiscard]] std::string name() const { return "FlattenChannelsFirst{}"; }
  void fields(Fields& fields) { fields.layer("FlattenChannelsFirst"); }

  /// @throws ShapeError when the input is no image.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require<ShapeError>(input.rank() == 3, "expects images of height x width x channels, got ",
                        input);
    return {input.size()};
  }

  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    for_each(context, x.shape().front(), [&](Index here, Index there) { y[there] = x[here]; });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    for_each(context, dy.shape().front(), [&](Index here, Index there) { dx[here] = dy[there]; });
  }

 private:
  /// Calls visit(position in the image, position in the flat sample) for all elements of a batch.
  template <class T, class Visit>
  static void for_each(const Context<T>& context, Index batch, const Visit& visit) {
    const Index channels = context.plan->input.back();
    const Index pixels = context.plan->input.size() / channels;
    parallel_for(batch, [&](Index sample) {
      const Index first = sample * pixels * channels;
      for (Index pixel = 0; pixel < pixels; ++pixel) {
        for (Index c = 0; c < channels; ++c) {
          visit(first + pixel * channels + c, first + c * pixels + pixel);
        }
      }
    });
  }
};

}  // namespace nn
