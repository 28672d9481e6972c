/// @file
/// Rows of pixels of few channels, taken apart into planes of one channel each and put together
/// again.
#ifndef NN_KERNELS_CONVOLUTION_IMAGE_PLANES_HPP
#define NN_KERNELS_CONVOLUTION_IMAGE_PLANES_HPP

#include <algorithm>
#include <array>
#include <cstring>

#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/shuffle.hpp"
#include "nn/kernels/tile/pack.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// A row of pixels beside its planes.
template <class T>
struct PixelRow {
  Index count;      ///< pixels
  Index channels;   ///< at most most_planes
  Index pitch;      ///< elements from one plane to the next
  Index following;  ///< pixels after the row that may be read, or written as they are yet to come
};

/// Woven, 2 to 8 channels at a time, of which the last may be none.
template <class T, int Padded>
class WovenRow {
 public:
  explicit WovenRow(const PixelRow<T>& row) : row_(row) {}

  /// The last pixels of all go by way of a buffer.
  void split(const T* from, T* planes) const {
    const Index channels = row_.channels;
    for (Index pixel = 0; pixel < row_.count; pixel += n, from += n * channels) {
      Packet<T> vectors[Padded];
      if (row_.count + row_.following - pixel > n) {
        load(from, channels, vectors);
      } else {
        std::array<T, static_cast<std::size_t>(n * Padded)> last{};
        std::copy_n(from, std::min<Index>(n, row_.count - pixel) * channels, last.data());
        load(last.data(), channels, vectors);
      }
      unweave<T, Padded>(vectors);
      for (Index c = 0; c < channels; ++c) {
        NN_ISA::store<T>(vectors[c], planes + c * row_.pitch + pixel);
      }
    }
    for (Index c = 0; c < channels; ++c) {
      T* const plane = planes + c * row_.pitch;
      std::fill(plane + row_.count, plane + padded_columns<T>(row_.count), T(0));
    }
  }

  void join(const T* planes, T* to) const {
    const Index channels = row_.channels;
    for (Index pixel = 0; pixel < row_.count; pixel += n, to += n * channels) {
      Packet<T> vectors[Padded];
#pragma GCC unroll 8
      for (int c = 0; c < Padded; ++c) {
        vectors[c] = NN_ISA::load(planes + std::min<Index>(c, channels - 1) * row_.pitch + pixel);
      }
      weave<T, Padded>(vectors);
      if (row_.count + row_.following - pixel > n) {
        store(vectors, channels, to);
      } else {
        std::array<T, static_cast<std::size_t>(n * Padded)> last;
        store(vectors, Padded, last.data());
        for (Index i = 0; i < std::min<Index>(n, row_.count - pixel); ++i) {
          copy_fewer<Padded>(last.data() + i * Padded, channels, to + i * channels);
        }
      }
    }
  }

 private:
  static constexpr int n = lanes<T>;

  /// Elements of a part of a vector, which belongs to one pixel.
  static constexpr int size = std::min(n, Padded);

  /// What is stored beyond a pixel's channels is the next pixel's, and written over by it; the last
  /// pixel needs space for it.
  [[gnu::always_inline]] static void store(const Packet<T>* vectors, Index channels, T* to) {
    [&]<int... At>(std::integer_sequence<int, At...>) {
      (store_part<At>(vectors, to + At * size / Padded * channels + At * size % Padded), ...);
    }
    (std::make_integer_sequence<int, n * Padded / size>{});
  }
  template <int At>
  [[gnu::always_inline]] static void store_part(const Packet<T>* vectors, T* to) {
    constexpr int first = At * size % n;
    [&]<int... Lane>(std::integer_sequence<int, Lane...>) {
      const Packet<T> v = vectors[At * size / n];
      const auto part = __builtin_shufflevector(v, v, (first + Lane)...);
      std::memcpy(to, &part, sizeof(part));
    }
    (std::make_integer_sequence<int, size>{});
  }

  [[gnu::always_inline]] static void load(const T* from, Index channels, Packet<T>* vectors) {
    [&]<int... I>(std::integer_sequence<int, I...>) {
      ((vectors[I] = joined<n>(from + I * n / Padded * channels + I * n % Padded, channels)), ...);
    }
    (std::make_integer_sequence<int, Padded>{});
  }
  /// Count elements, a whole number of parts, in one vector.
  template <int Count>
  [[gnu::always_inline]] static auto joined(const T* from, Index channels) {
    using Vector [[gnu::vector_size(Count * sizeof(T))]] = T;
    if constexpr (Count == size) {
      Vector part;
      std::memcpy(&part, from, sizeof(part));
      return part;
    } else {
      constexpr int half = Count / 2;
      const auto low = joined<half>(from, channels);
      const auto high = joined<half>(from + half / Padded * channels, channels);
      return [&]<int... Lane>(std::integer_sequence<int, Lane...>) {
        return __builtin_shufflevector(low, high, Lane...);
      }
      (std::make_integer_sequence<int, Count>{});
    }
  }

  PixelRow<T> row_;
};

/// planes[c * pitch + i] = from[i * channels + c]. Planes are written in whole vectors, zeros after
/// the last pixel.
template <class T>
void split_pixels(const PixelRow<T>& row, const T* from, T* planes) {
  if (row.channels == 1) {
    for (Index i = 0; i < row.count; i += lanes<T>) {
      store<T>(load_some(from + i, row.count - i), planes + i);
    }
  } else if (row.channels == 2) {
    WovenRow<T, 2>(row).split(from, planes);
  } else if (row.channels <= 4) {
    WovenRow<T, 4>(row).split(from, planes);
  } else {
    WovenRow<T, 8>(row).split(from, planes);
  }
}

/// to[i * channels + c] = planes[c * pitch + i]. Planes are read in whole vectors.
template <class T>
void join_pixels(const PixelRow<T>& row, const T* planes, T* to) {
  if (row.channels == 1) {
    std::copy_n(planes, row.count, to);
  } else if (row.channels == 2) {
    WovenRow<T, 2>(row).join(planes, to);
  } else if (row.channels <= 4) {
    WovenRow<T, 4>(row).join(planes, to);
  } else {
    WovenRow<T, 8>(row).join(planes, to);
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_CONVOLUTION_IMAGE_PLANES_HPP
