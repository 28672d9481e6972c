/// @file
/// How the bytes of images become a network's inputs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "nn/core/tensor.hpp"

namespace nn {

/// How a byte v becomes a network's input: (v / 255 - mean) / deviation. One mean and deviation a
/// channel, or one for all of them; none stands for mean 0 and deviation 1, inputs in [0, 1].
struct Normalization {
  std::vector<double> mean{};       ///< one a channel, or one for all
  std::vector<double> deviation{};  ///< likewise

  /// The mean of a channel.
  [[nodiscard]] double mean_of(Index channel) const { return pick(mean, channel, 0.0); }
  /// The standard deviation of a channel.
  [[nodiscard]] double deviation_of(Index channel) const { return pick(deviation, channel, 1.0); }

  /// The input that `value`, in [0, 1], of a channel becomes.
  [[nodiscard]] double apply(double value, Index channel) const {
    return (value - mean_of(channel)) / deviation_of(channel);
  }

  /// The byte that the input `value` of a channel stands for, rounded and clamped: for showing what
  /// a network has drawn.
  [[nodiscard]] std::uint8_t to_byte(double value, Index channel) const {
    const double byte = 255 * (value * deviation_of(channel) + mean_of(channel));
    return static_cast<std::uint8_t>(std::lround(byte > 0 ? std::min(byte, 255.0) : 0.0));
  }

  /// @throws Error unless there are 0, 1 or `channels` means and deviations, all of them finite and
  /// the deviations positive.
  void check(Index channels) const {
    for (const auto* values : {&mean, &deviation}) {
      const auto count = static_cast<Index>(values->size());
      require(count <= 1 || count == channels, "a normalisation with ", count,
              " means or deviations for images of ", channels, " channels");
      for (const double value : *values) {
        require(std::isfinite(value) && (values == &mean || value > 0), "a normalisation with the ",
                values == &mean ? "mean " : "deviation ", value);
      }
    }
  }

  bool operator==(const Normalization&) const = default;

 private:
  [[nodiscard]] static double pick(const std::vector<double>& values, Index channel,
                                   double otherwise) {
    if (values.empty()) return otherwise;
    return values[values.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
  }
};

/// A `Normalization` worked out for the 256 bytes of every channel.
template <class T>
class Normalizer {
 public:
  /// For images of `channels` channels.
  Normalizer(const Normalization& normalization, Index channels)
      : normalization_(normalization), channels_(channels) {
    table_.resize(static_cast<std::size_t>(256 * channels));
    for (Index channel = 0; channel < channels; ++channel) {
      for (Index byte = 0; byte < 256; ++byte) {
        table_[static_cast<std::size_t>(256 * channel + byte)] =
            static_cast<T>(normalization.apply(static_cast<double>(byte) / 255, channel));
      }
    }
  }

  /// Writes the inputs that the bytes of an image become. Both have the channels last.
  void operator()(TensorView<const std::uint8_t> bytes, TensorView<T> inputs) const {
    const Index size = bytes.size();
    const std::uint8_t* from = bytes.data();
    const T* table = table_.data();
    T* to = inputs.data();
    if (channels_ == 1) {
      for (Index i = 0; i < size; ++i) to[i] = table[from[i]];
      return;
    }
    for (Index i = 0; i < size; i += channels_) {
      for (Index c = 0; c < channels_; ++c) to[i + c] = table[256 * c + from[i + c]];
    }
  }

  /// The same for an image of floats in [0, 1].
  void operator()(TensorView<const float> image, TensorView<T> inputs) const {
    const Index size = image.size();
    for (Index c = 0; c < channels_; ++c) {
      const T mean = static_cast<T>(normalization_.mean_of(c));
      const T factor = static_cast<T>(1 / normalization_.deviation_of(c));
      for (Index i = c; i < size; i += channels_)
        inputs[i] = (static_cast<T>(image[i]) - mean) * factor;
    }
  }

 private:
  Normalization normalization_;
  Index channels_;
  std::vector<T> table_;
};

}  // namespace nn
