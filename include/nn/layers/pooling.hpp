/// @file
/// Pooling: what a window sees of a channel, summed up in one value.
#pragma once

#include <algorithm>
#include <array>
#include <limits>

#include "nn/core/pack.hpp"
#include "nn/core/parallel.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/window.hpp"

namespace nn {

namespace detail {

/// The windows of a pooling layer.
/// @throws ShapeError when a window could lie in the padding entirely.
constexpr ConvolutionGeometry place_pooling_windows(const Shape& input, const Extent2D& window,
                                                    const Extent2D& stride,
                                                    const Padding& padding) {
  const ConvolutionGeometry g = place_windows(input, window, stride, 1, padding);
  require<ShapeError>(std::max(g.pad_top, g.pad_bottom) < window.height &&
                          std::max(g.pad_left, g.pad_right) < window.width,
                      "the padding ", padding, " must be smaller than the window ", window);
  return g;
}

/// Whether windows neither overlap nor leave a pixel out, so that each pixel gets its gradient from
/// one window.
constexpr bool tiles(const ConvolutionGeometry& g) {
  return g.stride_height == g.kernel_height && g.stride_width == g.kernel_width && g.pad_top == 0 &&
         g.pad_left == 0 && g.output_height() * g.stride_height == g.height &&
         g.output_width() * g.stride_width == g.width;
}

/// A window at its place: the taps of it that lie inside the image.
struct PlacedWindow {
  Taps rows;
  Taps columns;
  Index first_pixel;  ///< of the image, where tap (0, 0) lies or would lie
  Index line;         ///< pixels from one row of the image to the next

  [[nodiscard]] constexpr Index taps() const {
    return (rows.end - rows.begin) * (columns.end - columns.begin);
  }
  /// Calls visit(row, column, pixel) for the taps inside.
  template <class Visit>
  void for_each_tap(const Visit& visit) const {
    for (Index row = rows.begin; row < rows.end; ++row) {
      for (Index column = columns.begin; column < columns.end; ++column) {
        visit(row, column, first_pixel + row * line + column);
      }
    }
  }
};

/// Calls visit(output pixel, window) for every window of one image.
template <class Visit>
void for_each_window(const ConvolutionGeometry& g, const Visit& visit) {
  const Index columns = g.output_width();
  for (Index oy = 0; oy < g.output_height(); ++oy) {
    const Taps rows = taps_inside(oy, g.stride_height, g.pad_top, g.kernel_height, g.height);
    const Index line = (oy * g.stride_height - g.pad_top) * g.width;
    for (Index ox = 0; ox < columns; ++ox) {
      const PlacedWindow window{
          rows, taps_inside(ox, g.stride_width, g.pad_left, g.kernel_width, g.width),
          line + ox * g.stride_width - g.pad_left, g.width};
      visit(oy * columns + ox, window);
    }
  }
}

}  // namespace detail

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
    return {.kept = is_small() ? bytes_for<std::uint8_t>(taps) : bytes_for<std::uint16_t>(taps),
            .scratch = bytes_for<Index>(window.size())};
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
        const T* from = x.data() + image * g.input_size();
        const Index to = image * g.output_size();
        detail::for_each_window(g, [&](Index pixel, const detail::PlacedWindow& placed) {
          const Index first = to + pixel * g.channels;
          pool(placed, g.channels, from, x.end(), y.data() + first,
               taps == nullptr ? taps : taps + first);
        });
      }
    });
  }

  /// The maxima of one window in all channels, and (unless `taps` is null) where they are. `end` is
  /// that of the images: up to there a vector may be read of which only the first channels count,
  /// so that few channels are as fast as many.
  template <class T, class Tap>
  void pool(const detail::PlacedWindow& placed, Index channels, const T* x, const T* end, T* y,
            Tap* taps) const {
    using Vector = detail::Packet<T>;
    constexpr Index lanes = detail::lanes<T>;
    const T first = static_cast<T>(placed.rows.begin * window.width + placed.columns.begin);
    for (Index c = 0; c < channels; c += lanes) {
      const Index count = std::min(lanes, channels - c);
      Vector best = detail::broadcast(-std::numeric_limits<T>::infinity());
      Vector best_tap = detail::broadcast(first);  // a T counts the taps of a window exactly
      placed.for_each_tap([&](Index row, Index column, Index pixel) {
        const T* from = x + pixel * channels + c;
        const Vector value =
            end - from >= lanes ? detail::load(from) : detail::load_some(from, count);
        const Vector tap = detail::broadcast(static_cast<T>(row * window.width + column));
        const auto is_new = ~(best >= value) & (best == best);
        best = is_new ? value : best;
        best_tap = is_new ? tap : best_tap;
      });
      detail::store_some(best, count, y + c);
      if (taps == nullptr) continue;
      std::array<T, static_cast<std::size_t>(lanes)> numbers;
      std::array<Tap, static_cast<std::size_t>(lanes)> codes;
      detail::store(best_tap, numbers.data());
      std::transform(numbers.begin(), numbers.end(), codes.begin(),
                     [](T number) { return static_cast<Tap>(static_cast<std::int32_t>(number)); });
      if (count == lanes) {
        std::copy(codes.begin(), codes.end(), taps + c);
      } else {
        detail::copy_fewer<lanes / 2>(codes.data(), count, taps + c);
      }
    }
  }

  template <class Tap, class T>
  void backward_with(const Context<T>& context, TensorView<const T> dy, TensorView<T> dx) const {
    const ConvolutionGeometry g = geometry(context.plan->input);
    // Few channels are spread one by one; many by vectors, written where windows do not overlap.
    const bool few = g.channels < few_channels;
    const bool tiles = detail::tiles(g) && !few;
    Arena kept = context.kept;
    const Tap* taps = kept.take<Tap>(dy.size());
    Arena scratch = context.scratch;
    Index* offsets = scratch.take<Index>(window.size());  // of the taps, from a window's first
    for (Index tap = 0; tap < window.size(); ++tap) {
      offsets[tap] = (tap / window.width * g.width + tap % window.width) * g.channels;
    }
    const Index piece = detail::samples_per_piece(g.input_size());
    parallel_for_pieces(dx.shape().front(), piece, [&](Index begin, Index end) {
      for (Index image = begin; image < end; ++image) {
        T* to = dx.data() + image * g.input_size();
        if (!tiles) std::fill_n(to, g.input_size(), T(0));
        detail::for_each_window(g, [&](Index pixel, const detail::PlacedWindow& placed) {
          const Index first = image * g.output_size() + pixel * g.channels;
          if (few) {
            const Index origin = placed.first_pixel * g.channels;
            for (Index c = 0; c < g.channels; ++c)
              to[origin + offsets[taps[first + c]] + c] += dy[first + c];
          } else {
            spread(placed, g.channels, dy.data() + first, taps + first, to, tiles);
          }
        });
      }
    });
  }

  static constexpr Index few_channels = 16;

  /// Gives the gradient of one window's maxima to where they were: written when the windows tile
  /// the image, else added.
  template <class T, class Tap>
  void spread(const detail::PlacedWindow& placed, Index channels, const T* dy, const Tap* taps,
              T* dx, bool tiles) const {
    placed.for_each_tap([&](Index row, Index column, Index pixel) {
      const auto tap = static_cast<Tap>(row * window.width + column);
      T* to = dx + pixel * channels;
      if (tiles) {
        for (Index c = 0; c < channels; ++c) to[c] = taps[c] == tap ? dy[c] : T(0);
      } else {
        for (Index c = 0; c < channels; ++c) to[c] += taps[c] == tap ? dy[c] : T(0);
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
        detail::for_each_window(g, [&](Index pixel, const detail::PlacedWindow& placed) {
          T* mean = to + pixel * g.channels;
          const T factor = share<T>(placed);
          std::fill_n(mean, g.channels, T(0));
          placed.for_each_tap([&](Index /*row*/, Index /*column*/, Index seen) {
            const T* values = from + seen * g.channels;
            for (Index c = 0; c < g.channels; ++c) mean[c] += values[c];
          });
          for (Index c = 0; c < g.channels; ++c) mean[c] *= factor;
        });
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
        std::fill_n(to, g.input_size(), T(0));
        detail::for_each_window(g, [&](Index pixel, const detail::PlacedWindow& placed) {
          const T* gradient = from + pixel * g.channels;
          const T factor = share<T>(placed);
          placed.for_each_tap([&](Index /*row*/, Index /*column*/, Index seen) {
            T* values = to + seen * g.channels;
            for (Index c = 0; c < g.channels; ++c) values[c] += factor * gradient[c];
          });
        });
      }
    });
  }

 private:
  [[nodiscard]] constexpr ConvolutionGeometry geometry(const Shape& input) const {
    return detail::place_pooling_windows(input, window, stride, padding);
  }

  /// What each value contributes to the mean.
  template <class T>
  [[nodiscard]] T share(const detail::PlacedWindow& placed) const {
    return T(1) / static_cast<T>(count_padding ? window.size() : placed.taps());
  }
};

/// The mean over all pixels, channel by channel: H x W x C becomes C elements.
struct GlobalAveragePool2D {
  [[nodiscard]] std::string name() const { return "GlobalAveragePool2D{}"; }

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
    const T factor = T(1) / static_cast<T>(pixels);
    const Index piece = detail::samples_per_piece(pixels * channels);
    parallel_for_pieces(x.shape().front(), piece, [&](Index begin, Index end) {
      for (Index image = begin; image < end; ++image) {
        const T* from = x.data() + image * pixels * channels;
        T* to = y.data() + image * channels;
        std::fill_n(to, channels, T(0));
        for (Index pixel = 0; pixel < pixels; ++pixel) {
          for (Index c = 0; c < channels; ++c) to[c] += from[pixel * channels + c];
        }
        for (Index c = 0; c < channels; ++c) to[c] *= factor;
      }
    });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    const Index channels = context.plan->output.size();
    const Index pixels = context.plan->input.size() / channels;
    const T factor = T(1) / static_cast<T>(pixels);
    const Index piece = detail::samples_per_piece(pixels * channels);
    parallel_for_pieces(dx.shape().front(), piece, [&](Index begin, Index end) {
      for (Index image = begin; image < end; ++image) {
        const T* from = dy.data() + image * channels;
        T* to = dx.data() + image * pixels * channels;
        for (Index pixel = 0; pixel < pixels; ++pixel) {
          for (Index c = 0; c < channels; ++c) to[pixel * channels + c] = factor * from[c];
        }
      }
    });
  }
};

}  // namespace nn
