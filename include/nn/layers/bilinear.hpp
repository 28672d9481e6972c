/// @file
/// Enlarging images smoothly.
#pragma once

#include <algorithm>

#include "nn/core/parallel.hpp"
#include "nn/core/rounding.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/window.hpp"

namespace nn {

/// Enlarges an image by whole factors: a pixel is a mean of the four nearest of the image, weighted
/// by how near they are, as PyTorch's Upsample with mode='bilinear'. Pixels are squares whose
/// middles are at whole and a half places, and beyond the outermost middles nothing changes; with
/// `align_corners`, the middles of the corners of both images meet. UpSample2D repeats pixels.
struct BilinearUpSample2D {
  Extent2D factor = 2;         ///< pixels that one becomes, down and across
  bool align_corners = false;  ///< whether the outermost pixels stay outermost

  [[nodiscard]] std::string name() const {
    return detail::text("BilinearUpSample2D{", factor, align_corners ? ", align corners}" : "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("BilinearUpSample2D");
    fields.shown("factor", factor);
    fields.shown("align_corners", align_corners);
  }

  /// @throws ShapeError when the input is no image or a factor is not positive.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    detail::require_image(input);
    detail::require_positive("factor", factor);
    return {input[0] * factor.height, input[1] * factor.width, input[2]};
  }

  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const {
    return 4 * output_shape(input).size();
  }
  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const Index channels = context.plan->input.back();
    for_each_image(context, x.shape().front(), [&](Index image) {
      const T* const from = x.data() + image * context.plan->input.size();
      T* to = y.data() + image * context.plan->output.size();
      for_each_pixel<T>(context.plan->input, [&](const T* weights, const Index* pixels) {
        detail::scale_elements(channels, weights[0], from + pixels[0] * channels, to);
        for (Index k = 1; k < 4; ++k) {
          detail::add_multiple(channels, weights[k], from + pixels[k] * channels, to);
        }
        to += channels;
      });
    });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    const Index channels = context.plan->input.back();
    for_each_image(context, dx.shape().front(), [&](Index image) {
      const T* from = dy.data() + image * context.plan->output.size();
      T* const to = dx.data() + image * context.plan->input.size();
      std::fill_n(to, context.plan->input.size(), T(0));
      for_each_pixel<T>(context.plan->input, [&](const T* weights, const Index* pixels) {
        for (Index k = 0; k < 4; ++k) {
          detail::add_multiple(channels, weights[k], from, to + pixels[k] * channels);
        }
        from += channels;
      });
    });
  }

 private:
  /// Between which pixels of an axis one lies, and how near the second.
  struct Between {
    Index first;
    Index second;
    double share;
  };

  [[nodiscard]] Between between(Index place, Index factor_here, Index count) const {
    const auto at = static_cast<double>(place);
    const auto times = static_cast<double>(factor_here);
    double source = 0;
    if (!align_corners) {
      source = std::max(0.0, (at + 0.5) / times - 0.5);
    } else if (count > 1) {
      source = at * static_cast<double>(count - 1) / static_cast<double>(count * factor_here - 1);
    }
    const Index first = std::min(static_cast<Index>(source), count - 1);
    return {first, std::min(first + 1, count - 1), source - static_cast<double>(first)};
  }

  /// Calls visit(weights, pixels) for each pixel of the result: four of either.
  template <class T, class Visit>
  void for_each_pixel(const Shape& input, const Visit& visit) const {
    for (Index i = 0; i < input[0] * factor.height; ++i) {
      const Between down = between(i, factor.height, input[0]);
      const double above = 1 - down.share;
      for (Index j = 0; j < input[1] * factor.width; ++j) {
        const Between across = between(j, factor.width, input[1]);
        const double left = 1 - across.share;
        const T weights[] = {static_cast<T>(above * left), static_cast<T>(above * across.share),
                             static_cast<T>(down.share * left),
                             static_cast<T>(down.share * across.share)};
        const Index pixels[] = {
            down.first * input[1] + across.first, down.first * input[1] + across.second,
            down.second * input[1] + across.first, down.second * input[1] + across.second};
        visit(weights, pixels);
      }
    }
  }

  template <class T, class Visit>
  static void for_each_image(const Context<T>& context, Index batch, const Visit& visit) {
    const Index piece = detail::samples_per_piece(context.plan->output.size());
    parallel_for_pieces(batch, piece, [&](Index begin, Index end) {
      for (Index image = begin; image < end; ++image) visit(image);
    });
  }
};

}  // namespace nn
