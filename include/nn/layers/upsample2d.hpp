/// @file
/// Enlarging images.
#pragma once

#include <algorithm>

#include "nn/core/parallel.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/window.hpp"

namespace nn {

/// Enlarges an image by whole factors: every pixel becomes a block of equal pixels (nearest
/// neighbour).
struct UpSample2D {
  Extent2D factor = 2;  ///< pixels that one becomes, down and across

  [[nodiscard]] std::string name() const { return detail::text("UpSample2D{", factor, "}"); }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("UpSample2D");
    fields.shown("factor", factor);
  }

  /// @throws ShapeError when the input is no image or a factor is not positive.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    detail::require_image(input);
    detail::require_positive("factor", factor);
    return {input[0] * factor.height, input[1] * factor.width, input[2]};
  }

  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    for_each_row(context, x.shape().front(), [&](Index large, Index small) {
      const Index channels = context.plan->input.back();
      T* to = y.data() + large;
      const T* from = x.data() + small;
      for (Index pixel = 0; pixel < context.plan->input[1]; ++pixel, from += channels) {
        for (Index k = 0; k < factor.width; ++k, to += channels) std::copy_n(from, channels, to);
      }
    });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    parallel_for(dx.shape().front(), [&](Index image) {
      const TensorView<T> sums = dx.sample(image);
      std::fill(sums.begin(), sums.end(), T(0));
    });
    for_each_row(context, dx.shape().front(), [&](Index large, Index small) {
      detail::add_repeated(context.plan->input[1], factor.width, context.plan->input.back(),
                           dy.data() + large, dx.data() + small);
    });
  }

 private:
  /// Calls visit(large, small) for every row of the enlarged images: where it and the row that it
  /// comes from start. Images are shared out among the threads.
  template <class T, class Visit>
  void for_each_row(const Context<T>& context, Index batch, const Visit& visit) const {
    const Shape& from = context.plan->input;
    const Index line = from[1] * from.back();
    const Index rows = from[0] * factor.height;
    const Index piece = detail::samples_per_piece(context.plan->output.size());
    parallel_for_pieces(batch, piece, [&](Index begin, Index end) {
      for (Index row = begin * rows; row < end * rows; ++row) {
        visit(row * line * factor.width, row / factor.height * line);
      }
    });
  }
};

}  // namespace nn
