/// @file
/// What maximum pooling does with vectors of channels.
///
/// Images of fewer channels than a vector has lanes are read and written in whole vectors, too:
/// pixels go in order, so that the next pixel overwrites what a vector wrote beyond its own. Only
/// the last pixels of an image are read and written one by one.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "nn/kernels/tile/pack.hpp"
#include "nn/layers/pooling_window.hpp"

namespace nn::detail {

/// The numbers of taps, one for each lane of a Packet<T>: as integers as wide as a T to compute
/// with, and as `Tap`, which they are kept as.
template <class T, class Tap>
struct TapNumbers {
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  using Wide __attribute__((vector_size(lanes<T> * sizeof(T)))) = Integer;

  /// A loop that compilers turn into vectors, where they take __builtin_convertvector apart.
  [[nodiscard]] static Wide load(const Tap* from) {
    std::array<Integer, size> numbers;
    for (std::size_t i = 0; i < size; ++i) numbers[i] = from[i];
    Wide wide;
    std::memcpy(&wide, numbers.data(), sizeof(wide));
    return wide;
  }
  static void store(const Wide& wide, Tap* to) {
    std::array<Integer, size> numbers;
    std::memcpy(numbers.data(), &wide, sizeof(wide));
    for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<Tap>(numbers[i]);
  }
  static void store(const Wide& wide, Index count, Tap* to) {
    std::array<Tap, size> kept;
    store(wide, kept.data());
    std::memcpy(to, kept.data(), static_cast<std::size_t>(count) * sizeof(Tap));
  }

 private:
  static constexpr auto size = static_cast<std::size_t>(lanes<T>);
};

/// The maxima of a window in a vector of channels, and the numbers of their taps.
template <class T, class Tap>
struct Maxima {
  using Numbers = TapNumbers<T, Tap>;
  using Integer = typename Numbers::Integer;

  Packet<T> best;
  typename Numbers::Wide taps;

  /// The taps [begin, end) of a window whose rows have `line` taps. `x` is the vector's channels of
  /// tap (0, 0), to which the others are `row` elements a row and `pixel` a column.
  template <class Load>
  [[gnu::always_inline]] static Maxima of(const Taps& rows, const Taps& columns, Index line,
                                          const T* x, Index row, Index pixel, const Load& load) {
    Maxima maxima{Packet<T>{} - std::numeric_limits<T>::infinity(), {}};
    maxima.taps += static_cast<Integer>(rows.begin * line + columns.begin);
    for (Index r = rows.begin; r < rows.end; ++r) {
      for (Index c = columns.begin; c < columns.end; ++c) {
        const Packet<T> value = load(x + r * row + c * pixel);
        // A NaN is neither below nor at what is best so far, and nothing replaces it.
        const auto is_new = ~(value <= maxima.best) & (maxima.best == maxima.best);
        maxima.best = is_new ? value : maxima.best;
        const auto tap = typename Numbers::Wide{} + static_cast<Integer>(r * line + c);
        maxima.taps = is_new ? tap : maxima.taps;
      }
    }
    return maxima;
  }

  /// Stores them and (unless `taps_to` is null) their taps: all lanes where
  /// `writable` elements allow it.
  void store(Index count, Index writable, T* to, Tap* taps_to) const {
    if (writable >= lanes<T>) {
      nn::detail::store(best, to);
      if (taps_to != nullptr) Numbers::store(taps, taps_to);
    } else {
      store_some(best, count, to);
      if (taps_to != nullptr) Numbers::store(taps, count, taps_to);
    }
  }
};

/// Stores the maxima of all windows of one image and (unless `taps` is null) where they are.
/// `images_end` is the end of what may be read. Where no window reaches into the padding and its
/// extents are known to the compiler, Height and Width are these; otherwise they are 0.
template <int Height, int Width, class T, class Tap>
void pool_maxima(const ConvolutionGeometry& g, const T* x, const T* images_end, T* y, Tap* taps) {
  const Index channels = g.channels;
  const Index line = Width > 0 ? Width : g.kernel_width;
  const Index row = g.width * channels;
  const Index size = g.output_size();
  const auto pool = [&](Index pixel, const Taps& rows, const Taps& columns, const T* first) {
    const Index last = (rows.end - 1) * row + (columns.end - 1) * channels;
    for (Index c = 0; c < channels; c += lanes<T>) {
      const Index count = std::min<Index>(lanes<T>, channels - c);
      const Index to = pixel * channels + c;
      Tap* const taps_to = taps == nullptr ? taps : taps + to;
      if (images_end - (first + last + c) >= lanes<T>) {
        Maxima<T, Tap>::of(rows, columns, line, first + c, row, channels, [](const T* from) {
          return load(from);
        }).store(count, size - to, y + to, taps_to);
      } else {
        Maxima<T, Tap>::of(rows, columns, line, first + c, row, channels, [&](const T* from) {
          return load_some(from, count);
        }).store(count, size - to, y + to, taps_to);
      }
    }
  };
  if constexpr (Height > 0) {
    const Index columns = g.output_width();
    const Index rows = g.output_height();
    for (Index oy = 0; oy < rows; ++oy) {
      const T* first = x + oy * g.stride_height * row;
      for (Index ox = 0; ox < columns; ++ox, first += g.stride_width * channels) {
        pool(oy * columns + ox, {0, Height}, {0, Width}, first);
      }
    }
  } else {
    for_each_window(g, [&](Index pixel, const PlacedWindow& window) {
      pool(pixel, window.rows, window.columns, x + window.first_pixel * channels);
    });
  }
}

/// The same, for the extents of most networks compiled by themselves.
template <class T, class Tap>
void pool_maxima(const ConvolutionGeometry& g, const T* x, const T* images_end, T* y, Tap* taps) {
  const bool padded = g.pad_top > 0 || g.pad_left > 0 || g.pad_bottom > 0 || g.pad_right > 0;
  if (!padded && g.kernel_height == 2 && g.kernel_width == 2) {
    pool_maxima<2, 2>(g, x, images_end, y, taps);
  } else {
    pool_maxima<0, 0>(g, x, images_end, y, taps);
  }
}

/// A row of the gradient of an image, whose windows read the taps from `first_tap` on there.
/// Careful at the end of an image, where less than a vector may be touched.
template <bool Careful, class T, class Tap>
void spread_row(Index windows, Index columns, Index channels, Index first_tap, const T* dy,
                const Tap* taps, T* dx) {
  using Numbers = TapNumbers<T, Tap>;
  for (Index window = 0; window < windows; ++window, dy += channels, taps += channels) {
    for (Index column = 0; column < columns; ++column, dx += channels) {
      const auto tap = static_cast<typename Numbers::Integer>(first_tap + column);
      if constexpr (Careful) {
        for (Index c = 0; c < channels; ++c) dx[c] = Index{taps[c]} == tap ? dy[c] : T(0);
      } else {
        for (Index c = 0; c < channels; c += lanes<T>) {
          const auto is_here = Numbers::load(taps + c) == typename Numbers::Wide{} + tap;
          const Packet<T> gradient = load(dy + c);
          store<T>(is_here ? gradient : Packet<T>{}, dx + c);
        }
      }
    }
  }
}

/// The gradient of one image whose windows tile it, so that every pixel is written once.
template <class T, class Tap>
void spread_maxima(const ConvolutionGeometry& g, const T* dy, const Tap* taps, T* dx) {
  const Index channels = g.channels;
  const Index windows = g.output_width();
  const Index line = windows * channels;
  const Index columns = g.kernel_width;
  // Whole vectors may be touched while another row follows.
  const Index careful = channels % lanes<T> == 0 ? g.height
                        : line >= lanes<T>       ? g.height - g.kernel_height
                                                 : 0;
  for (Index row = 0; row < g.height; ++row, dx += columns * line) {
    const Index from = row / g.kernel_height * line;
    const Index first_tap = row % g.kernel_height * columns;
    if (row < careful) {
      spread_row<false>(windows, columns, channels, first_tap, dy + from, taps + from, dx);
    } else {
      spread_row<true>(windows, columns, channels, first_tap, dy + from, taps + from, dx);
    }
  }
}

/// The same for windows that overlap or leave pixels out: the gradients are added up. Few channels
/// are given out one by one, many tap by tap.
template <class T, class Tap>
void add_maxima(const ConvolutionGeometry& g, const T* dy, const Tap* taps, T* dx) {
  std::fill_n(dx, g.input_size(), T(0));
  for_each_window(g, [&](Index pixel, const PlacedWindow& window) {
    const T* const from = dy + pixel * g.channels;
    const Tap* const tap = taps + pixel * g.channels;
    if (g.channels < lanes<T>) {
      for (Index c = 0; c < g.channels; ++c) {
        const Index at = tap[c] / g.kernel_width * window.line + tap[c] % g.kernel_width;
        dx[(window.first_pixel + at) * g.channels + c] += from[c];
      }
      return;
    }
    window.for_each_tap([&](Index row, Index column, Index seen) {
      const auto here = static_cast<Tap>(row * g.kernel_width + column);
      T* const to = dx + seen * g.channels;
      for (Index c = 0; c < g.channels; ++c) to[c] += tap[c] == here ? from[c] : T(0);
    });
  });
}

}  // namespace nn::detail
