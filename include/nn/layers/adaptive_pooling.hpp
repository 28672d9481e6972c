/// @file
/// Pooling to an image of a given size, whatever that of the input.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "nn/core/parallel.hpp"
#include "nn/core/rounding.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/window.hpp"

namespace nn {

namespace detail {

/// Windows that cover an image: that of output i has the rows from floor(i * rows / outputs) to
/// ceil((i + 1) * rows / outputs), as PyTorch's; columns alike. They may overlap by a row.
struct AdaptiveWindows {
  Index height;
  Index width;
  Index channels;
  Extent2D to;

  struct Window {
    Index top;
    Index bottom;
    Index left;
    Index right;
    [[nodiscard]] Index size() const { return (bottom - top) * (right - left); }
  };

  AdaptiveWindows(const Shape& input, const Extent2D& outputs)
      : height(input[0]), width(input[1]), channels(input[2]), to(outputs) {}

  [[nodiscard]] Index input_size() const { return height * width * channels; }
  [[nodiscard]] Index output_size() const { return to.height * to.width * channels; }

  /// Calls visit(window, first) for each, where its first output channel is at `first`.
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (Index i = 0; i < to.height; ++i) {
      for (Index j = 0; j < to.width; ++j) {
        visit(Window{i * height / to.height, ((i + 1) * height + to.height - 1) / to.height,
                     j * width / to.width, ((j + 1) * width + to.width - 1) / to.width},
              (i * to.width + j) * channels);
      }
    }
  }

  /// Calls visit(offset) for the pixels of a window, row by row: where a pixel's first channel is.
  template <class Visit>
  void for_each_pixel(const Window& window, const Visit& visit) const {
    for (Index row = window.top; row < window.bottom; ++row) {
      for (Index column = window.left; column < window.right; ++column) {
        visit((row * width + column) * channels);
      }
    }
  }

  /// Calls visit(image) for the images of a batch, on several threads.
  template <class Visit>
  void for_each_image(Index batch, const Visit& visit) const {
    parallel_for_pieces(batch, samples_per_piece(input_size()), [&](Index begin, Index end) {
      for (Index image = begin; image < end; ++image) visit(image);
    });
  }

  /// The largest of each window and, unless `places` is null, at which offset of the image; a NaN
  /// counts as larger than all, and of equal values the first.
  template <class T>
  void maxima(const T* x, T* y, std::int32_t* places) const {
    for_each([&](const Window& window, Index first) {
      for (Index c = 0; c < channels; ++c) {
        Index place = (window.top * width + window.left) * channels + c;
        for_each_pixel(window, [&](Index offset) {
          if (x[offset + c] > x[place] || (std::isnan(x[offset + c]) && !std::isnan(x[place]))) {
            place = offset + c;
          }
        });
        y[first + c] = x[place];
        if (places != nullptr) places[first + c] = static_cast<std::int32_t>(place);
      }
    });
  }
};

/// What maximum pooling does with a whole batch. Kept: where the maxima are.
struct AdaptiveMaximum {
  template <class T>
  [[nodiscard]] static Memory memory(const Plan& plan, Index batch, bool training) {
    if (!training) return {};
    return {.kept = bytes_for<std::int32_t>(batch * plan.output.size())};
  }

  template <class T>
  static void forward(const Context<T>& context, const AdaptiveWindows& windows,
                      TensorView<const T> x, TensorView<T> y) {
    Arena kept = context.kept;
    std::int32_t* const places = context.training ? kept.take<std::int32_t>(y.size()) : nullptr;
    windows.for_each_image(x.shape().front(), [&](Index image) {
      const Index first = image * windows.output_size();
      windows.maxima(x.data() + image * windows.input_size(), y.data() + first,
                     places == nullptr ? places : places + first);
    });
  }

  template <class T>
  static void backward(const Context<T>& context, const AdaptiveWindows& windows,
                       TensorView<const T> dy, TensorView<T> dx) {
    if (!context.wants_input_gradient) return;
    Arena kept = context.kept;
    const std::int32_t* const places = kept.take<std::int32_t>(dy.size());
    windows.for_each_image(dx.shape().front(), [&](Index image) {
      T* const to = dx.data() + image * windows.input_size();
      std::fill_n(to, windows.input_size(), T(0));
      const Index first = image * windows.output_size();
      for (Index i = first; i < first + windows.output_size(); ++i) to[places[i]] += dy[i];
    });
  }
};

constexpr Shape adaptive_shape(const Shape& input, const Extent2D& output) {
  require_image(input);
  require_positive("output", output);
  require<ShapeError>(input.size() <= INT32_MAX, "an image of ", input, " is too large");
  return {output.height, output.width, input[2]};
}

}  // namespace detail

/// The mean of each of output.height x output.width windows that cover the image, channel by
/// channel, as PyTorch's AdaptiveAvgPool2d.
struct AdaptiveAveragePool2D {
  Extent2D output = 1;  ///< rows and columns of the result

  [[nodiscard]] std::string name() const {
    return detail::text("AdaptiveAveragePool2D{", output, "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("AdaptiveAveragePool2D");
    fields.shown("output", output);
  }

  /// @throws ShapeError when the input is no image or the output has no pixels.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    return detail::adaptive_shape(input, output);
  }

  /// Additions.
  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const { return input.size(); }
  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const detail::AdaptiveWindows windows(context.plan->input, output);
    windows.for_each_image(x.shape().front(), [&](Index image) {
      const T* const from = x.data() + image * windows.input_size();
      T* const to = y.data() + image * windows.output_size();
      windows.for_each([&](const auto& window, Index first) {
        std::fill_n(to + first, windows.channels, T(0));
        windows.for_each_pixel(window, [&](Index offset) {
          for (Index c = 0; c < windows.channels; ++c) to[first + c] += from[offset + c];
        });
        const T share = share_of<T>(window.size());
        for (Index c = 0; c < windows.channels; ++c) to[first + c] *= share;
      });
    });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    const detail::AdaptiveWindows windows(context.plan->input, output);
    windows.for_each_image(dx.shape().front(), [&](Index image) {
      const T* const from = dy.data() + image * windows.output_size();
      T* const to = dx.data() + image * windows.input_size();
      std::fill_n(to, windows.input_size(), T(0));
      windows.for_each([&](const auto& window, Index first) {
        const T share = share_of<T>(window.size());
        windows.for_each_pixel(window, [&](Index offset) {
          for (Index c = 0; c < windows.channels; ++c) {
            to[offset + c] += detail::product(share, from[first + c]);
          }
        });
      });
    });
  }

 private:
  template <class T>
  [[nodiscard]] static T share_of(Index size) {
    return static_cast<T>(1 / static_cast<double>(size));
  }
};

/// The largest value of each of output.height x output.width windows that cover the image, channel
/// by channel, as PyTorch's AdaptiveMaxPool2d; a NaN counts as larger than all. Of equal values
/// the first, row by row, gets the gradient.
struct AdaptiveMaxPool2D {
  Extent2D output = 1;  ///< rows and columns of the result

  [[nodiscard]] std::string name() const { return detail::text("AdaptiveMaxPool2D{", output, "}"); }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("AdaptiveMaxPool2D");
    fields.shown("output", output);
  }

  /// @throws ShapeError when the input is no image or the output has no pixels.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    return detail::adaptive_shape(input, output);
  }

  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    return detail::AdaptiveMaximum::memory<T>(plan, batch, training);
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    detail::AdaptiveMaximum::forward(context, {context.plan->input, output}, x, y);
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::AdaptiveMaximum::backward(context, {context.plan->input, output}, dy, dx);
  }
};

/// The largest value of all pixels, channel by channel: H x W x C becomes C elements.
struct GlobalMaxPool2D {
  [[nodiscard]] std::string name() const { return "GlobalMaxPool2D{}"; }
  void fields(Fields& fields) { fields.layer("GlobalMaxPool2D"); }

  /// @throws ShapeError when the input is no image.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    return {detail::adaptive_shape(input, 1).back()};
  }

  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    return detail::AdaptiveMaximum::memory<T>(plan, batch, training);
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    detail::AdaptiveMaximum::forward(context, {context.plan->input, 1}, x, y);
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::AdaptiveMaximum::backward(context, {context.plan->input, 1}, dy, dx);
  }
};

}  // namespace nn
