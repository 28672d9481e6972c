/// @file
/// Pooling: one value for what a window sees of a channel.
#pragma once

#include <cstdint>

#include "nn/core/parallel.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/pooling_window.hpp"

namespace nn {

/// The largest value that a window sees, channel by channel; a NaN counts as larger than all.
/// Padding counts as smaller than everything. Of equal values the first, row by row, gets the
/// gradient.
struct MaxPool2D {
  Extent2D window = 2;       ///< rows and columns
  Extent2D stride = window;  ///< rows and columns from one window to the next
  Padding padding = 0;       ///< around the image; never the maximum

  [[nodiscard]] std::string name() const {
    return detail::text("MaxPool2D{", window, detail::ExtentOption{"stride", stride, window},
                        detail::PaddingOption{padding}, "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("MaxPool2D");
    fields.shown("window", window);
    fields.shown("stride", stride);
    fields.shown("padding", padding);
  }

  /// @throws ShapeError when the input is no image or the window does not fit into it.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    const ConvolutionGeometry g = geometry(input);
    return {g.output_height(), g.output_width(), g.channels};
  }

  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  /// Kept: which tap was the largest, in one byte where that is enough.
  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    if (!training) return {};
    const Index taps = batch * plan.output.size();
    return {.kept = is_small() ? bytes_for<std::uint8_t>(taps) : bytes_for<std::uint16_t>(taps)};
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    if (is_small()) {
      forward_with<std::uint8_t>(context, x, y);
    } else {
      forward_with<std::uint16_t>(context, x, y);
    }
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    if (is_small()) {
      backward_with<std::uint8_t>(context, dy, dx);
    } else {
      backward_with<std::uint16_t>(context, dy, dx);
    }
  }

 private:
  [[nodiscard]] constexpr ConvolutionGeometry geometry(const Shape& input) const {
    require<ShapeError>(window.size() <= 65536, "a window of ", window, " is too large");
    return detail::place_pooling_windows(input, window, stride, padding);
  }

  [[nodiscard]] constexpr bool is_small() const { return window.size() <= 256; }

  /// `Tap` is what a tap's number is kept as.
  template <class Tap, class T>
  void forward_with(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const ConvolutionGeometry g = geometry(context.plan->input);
    Arena kept = context.kept;
    Tap* taps = context.training ? kept.take<Tap>(y.size()) : nullptr;
    const Index piece = detail::samples_per_piece(g.input_size());
    parallel_for_pieces(x.shape().front(), piece, [&](Index begin, Index end) {
      for (Index image = begin; image < end; ++image) {
        const Index first = image * g.output_size();
        detail::pool_maxima(g, x.data() + image * g.input_size(), x.end(), y.data() + first,
                            taps == nullptr ? taps : taps + first);
      }
    });
  }

  template <class Tap, class T>
  void backward_with(const Context<T>& context, TensorView<const T> dy, TensorView<T> dx) const {
    const ConvolutionGeometry g = geometry(context.plan->input);
    Arena kept = context.kept;
    const Tap* taps = kept.take<Tap>(dy.size());
    const Index piece = detail::samples_per_piece(g.input_size());
    parallel_for_pieces(dx.shape().front(), piece, [&](Index begin, Index end) {
      for (Index image = begin; image < end; ++image) {
        const T* from = dy.data() + image * g.output_size();
        const Tap* tap = taps + image * g.output_size();
        T* to = dx.data() + image * g.input_size();
        detail::pool_maxima_backward(g, from, tap, to);
      }
    });
  }
};

/// The mean of what a window sees, channel by channel. Padding does not count, unless
/// `count_padding`: it then counts as zeros, and every mean is over the whole window (the default
/// is Keras's, the option PyTorch's `count_include_pad`).
struct AveragePool2D {
  Extent2D window = 2;         ///< rows and columns
  Extent2D stride = window;    ///< rows and columns from one window to the next
  Padding padding = 0;         ///< around the image
  bool count_padding = false;  ///< whether zeros around the image count in the mean

  [[nodiscard]] std::string name() const {
    return detail::text("AveragePool2D{", window, detail::ExtentOption{"stride", stride, window},
                        detail::PaddingOption{padding},
                        count_padding ? ", counting the padding}" : "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("AveragePool2D");
    fields.shown("window", window);
    fields.shown("stride", stride);
    fields.shown("padding", padding);
    fields.shown("count_padding", count_padding);
  }

  /// @throws ShapeError when the input is no image or the window does not fit into it.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    const ConvolutionGeometry g = geometry(input);
    return {g.output_height(), g.output_width(), g.channels};
  }

  /// Additions, those with padding included.
  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const {
    return geometry(input).output_size() * window.size();
  }

  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const ConvolutionGeometry g = geometry(context.plan->input);
    const Index piece = detail::samples_per_piece(g.input_size());
    parallel_for_pieces(x.shape().front(), piece, [&](Index begin, Index end) {
      for (Index image = begin; image < end; ++image) {
        const T* from = x.data() + image * g.input_size();
        T* to = y.data() + image * g.output_size();
        detail::pool_means(g, count_padding, from, to);
      }
    });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    const ConvolutionGeometry g = geometry(context.plan->input);
    const Index piece = detail::samples_per_piece(g.input_size());
    parallel_for_pieces(dx.shape().front(), piece, [&](Index begin, Index end) {
      for (Index image = begin; image < end; ++image) {
        const T* from = dy.data() + image * g.output_size();
        T* to = dx.data() + image * g.input_size();
        detail::pool_means_backward(g, count_padding, from, to);
      }
    });
  }

 private:
  [[nodiscard]] constexpr ConvolutionGeometry geometry(const Shape& input) const {
    return detail::place_pooling_windows(input, window, stride, padding);
  }
};

/// The mean over all pixels, channel by channel: H x W x C becomes C elements.
struct GlobalAveragePool2D {
  [[nodiscard]] std::string name() const { return "GlobalAveragePool2D{}"; }
  void fields(Fields& fields) { fields.layer("GlobalAveragePool2D"); }

  /// @throws ShapeError when the input is no image.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    detail::require_image(input);
    return {input.back()};
  }

  /// Additions.
  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const { return input.size(); }

  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const Index channels = context.plan->output.size();
    const Index pixels = context.plan->input.size() / channels;
    const Index piece = detail::samples_per_piece(pixels * channels);
    parallel_for_pieces(x.shape().front(), piece, [&](Index begin, Index end) {
      for (Index image = begin; image < end; ++image) {
        const T* from = x.data() + image * pixels * channels;
        T* to = y.data() + image * channels;
        detail::mean_of_rows(pixels, channels, from, to);
      }
    });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    const Index channels = context.plan->output.size();
    const Index pixels = context.plan->input.size() / channels;
    const Index piece = detail::samples_per_piece(pixels * channels);
    parallel_for_pieces(dx.shape().front(), piece, [&](Index begin, Index end) {
      for (Index image = begin; image < end; ++image) {
        const T* from = dy.data() + image * channels;
        T* to = dx.data() + image * pixels * channels;
        detail::mean_of_rows_backward(pixels, channels, from, to);
      }
    });
  }
};

}  // namespace nn
