/// @file
/// Pooling of one image, and its opposite.
///
/// Maximum pooling takes vectors of channels. Images of fewer channels than a vector has lanes are
/// read and written in whole vectors, too: pixels go in order, so that what is written beyond one
/// is written over by the next. Only at the end of an image, where there is no next, is no more
/// touched than is wanted.
#if !defined(NN_KERNELS_LOOPS_POOLING_HPP) && \
    (defined(NN_ISA_PASS) || !defined(NN_SEPARATE_KERNELS))
#define NN_KERNELS_LOOPS_POOLING_HPP

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "nn/kernels/loops/elementwise.hpp"
#include "nn/kernels/loops/windows.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/vector.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// The numbers of taps, one for each lane of a Packet<T>: as integers as wide as a T to compute
/// with, and as `Tap`, which they are kept as.
template <class T, class Tap>
struct TapNumbers {
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  using Wide __attribute__((vector_size(lanes<T> * sizeof(T)))) = Integer;

  [[nodiscard]] static Wide load(const Tap* from) {
#if NN_ISA_AVX512
    if constexpr (is_byte_of_float && size == 16) {
      return Wide(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
    }
#elif NN_ISA_FMA && defined(__x86_64__)
    if constexpr (is_byte_of_float && size == 8) {
      return Wide(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
    }
#endif
    std::array<Integer, size> numbers;  // by -O3, vectors
    for (std::size_t i = 0; i < size; ++i) numbers[i] = from[i];
    Wide wide;
    std::memcpy(&wide, numbers.data(), sizeof(wide));
    return wide;
  }
  static void store(const Wide& wide, Tap* to) {
#if NN_ISA_AVX512
    if constexpr (is_byte_of_float && size == 16) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(__m512i(wide)));
      return;
    }
#elif NN_ISA_FMA && defined(__x86_64__)
    if constexpr (is_byte_of_float && size == 8) {
      const auto all = __m256i(wide);
      const __m128i shorts =
          _mm_packs_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(shorts, shorts));
      return;
    }
#endif
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
  [[maybe_unused]] static constexpr bool is_byte_of_float =
      std::is_same_v<T, float> && std::is_same_v<Tap, std::uint8_t>;
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

  /// Stores them and (unless `taps_to` is null) their taps: all lanes where `writable` elements
  /// allow it.
  void store(Index count, Index writable, T* to, Tap* taps_to) const {
    if (writable >= lanes<T>) {
      NN_ISA::store<T>(best, to);
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
        Maxima<T, Tap>::of(rows, columns, line, first + c, row, channels,
                           [&](const T* from) {  // with a pointer to it, gcc would warn
                             return load(from);
                           })
            .store(count, size - to, y + to, taps_to);
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

/// The gradient of one image by maximum pooling: each goes to the tap that was the largest.
template <class T, class Tap>
void pool_maxima_backward(const ConvolutionGeometry& g, const T* dy, const Tap* taps, T* dx) {
  if (tiles(g)) {
    spread_maxima(g, dy, taps, dx);
  } else {
    add_maxima(g, dy, taps, dx);
  }
}

/// What each value of a window contributes to its mean.
template <class T>
[[nodiscard]] T share_of(const ConvolutionGeometry& g, bool count_padding,
                         const PlacedWindow& window) {
  return T(1) / static_cast<T>(count_padding ? g.kernel_height * g.kernel_width : window.taps());
}

/// The means of all windows of one image: the sum in the order of the taps, times 1 / taps.
template <class T>
void pool_means(const ConvolutionGeometry& g, bool count_padding, const T* x, T* y) {
  for_each_window(g, [&](Index pixel, const PlacedWindow& window) {
    const T factor = share_of<T>(g, count_padding, window);
    T* const mean = y + pixel * g.channels;
    std::fill_n(mean, g.channels, T(0));
    window.for_each_tap([&](Index /*row*/, Index /*column*/, Index seen) {
      add_to(g.channels, x + seen * g.channels, mean);
    });
    scale_elements(g.channels, factor, mean, mean);
  });
}

/// The gradient of one image: dx += dy / taps, in the order of the windows.
template <class T>
void pool_means_backward(const ConvolutionGeometry& g, bool count_padding, const T* dy, T* dx) {
  std::fill_n(dx, g.input_size(), T(0));
  for_each_window(g, [&](Index pixel, const PlacedWindow& window) {
    const T factor = share_of<T>(g, count_padding, window);
    window.for_each_tap([&](Index /*row*/, Index /*column*/, Index seen) {
      add_multiple(g.channels, factor, dy + pixel * g.channels, dx + seen * g.channels);
    });
  });
}

/// The mean of all rows: their sum in order, times 1 / rows.
template <class T>
void mean_of_rows(Index rows, Index columns, const T* x, T* y) {
  const T factor = T(1) / static_cast<T>(rows);
  std::fill_n(y, columns, T(0));
  for (Index row = 0; row < rows; ++row) add_to(columns, x + row * columns, y);
  scale_elements(columns, factor, y, y);
}

/// dx = dy / rows in each of them
template <class T>
void mean_of_rows_backward(Index rows, Index columns, const T* dy, T* dx) {
  const T factor = T(1) / static_cast<T>(rows);
  for (Index row = 0; row < rows; ++row) scale_elements(columns, factor, dy, dx + row * columns);
}

/// The gradient of a row of pixels, each of which became `times` of the row dy: dx += those.
template <class T>
void add_repeated(Index pixels, Index times, Index channels, const T* dy, T* dx) {
  for (Index pixel = 0; pixel < pixels; ++pixel, dx += channels) {
    for (Index k = 0; k < times; ++k, dy += channels) add_to(channels, dy, dx);
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif
