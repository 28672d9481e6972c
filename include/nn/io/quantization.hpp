/// @file
/// Weights in a byte each: whole numbers, and a scale for each channel.
///
/// A weight w of channel c is stored as q = round(w / s_c), from -127 to 127, with s_c = max |w| /
/// 127 over the channel, and read as q s_c (Krishnamoorthi, "Quantizing deep convolutional networks
/// for efficient inference", 2018: symmetric, per channel). The error is at most s_c / 2.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include "nn/io/safetensors_file.hpp"

namespace nn::detail {

/// The name of the tensor of scales that belongs to the whole numbers called `name`.
[[nodiscard]] inline std::string scales_name(const std::string& name) { return name + ".scale"; }

/// The axes of a tensor that are not its channels, taken together: element i is of channel
/// i / inner % channels.
struct ChannelAxis {
  Index channels;
  Index inner = 1;

  /// Of the axis number `axis`.
  ChannelAxis(const Shape& shape, Index axis) : channels(shape[axis]) {
    for (Index k = axis + 1; k < shape.rank(); ++k) inner *= shape[k];
  }
  [[nodiscard]] Index of(Index element) const { return element / inner % channels; }
};

/// Stores `values` as whole numbers of the type I8, and under scales_name(name) a scale for each
/// index of `axis`, in a shape that broadcasts: all other extents are 1.
/// @throws Error when a value is not finite.
template <class T>
void put_quantized(SafetensorsFile& file, const std::string& name, TensorView<const T> values,
                   Index axis) {
  const ChannelAxis along(values.shape(), axis);
  Shape broadcast;
  for (Index k = 0; k < values.shape().rank(); ++k) {
    broadcast.push_back(k == axis ? along.channels : 1);
  }
  Tensor<float> scales(broadcast);
  for (Index i = 0; i < values.size(); ++i) {
    require(std::isfinite(values[i]), "'", name, "' cannot be stored as I8: element ", i, " is ",
            values[i]);
    float& scale = scales[along.of(i)];
    scale = std::max(scale, static_cast<float>(std::abs(values[i])) / 127);
  }
  Tensor<std::int8_t> numbers(values.shape());
  for (Index i = 0; i < values.size(); ++i) {
    const float scale = scales[along.of(i)];
    const float number = scale > 0 ? static_cast<float>(values[i]) / scale : 0;
    numbers[i] = static_cast<std::int8_t>(std::clamp(std::nearbyint(number), -127.0F, 127.0F));
  }
  file.put(name, std::as_const(numbers).view());
  file.put(scales_name(name), std::as_const(scales).view());
}

/// Whether the tensor called `name` holds whole numbers with scales.
[[nodiscard]] inline bool is_quantized(const SafetensorsFile& file, const std::string& name) {
  return file.at(name).type == ElementType::i8 && file.contains(scales_name(name));
}

/// The tensor called `name`, times its scales where it has some.
/// @throws FileError when the scales are not one for each index of one of its axes.
template <class T>
[[nodiscard]] Tensor<T> get_scaled(const SafetensorsFile& file, const std::string& name) {
  Tensor<T> values = file.get<T>(name);
  if (!is_quantized(file, name)) return values;
  const Tensor<T> scales = file.get<T>(scales_name(name));
  const Shape& shape = values.shape();
  Index axis = 0;
  for (Index k = 0; k < scales.shape().rank(); ++k) {
    if (scales.shape()[k] != 1) axis = k;
  }
  const bool fits = shape.rank() > 0 && scales.shape().rank() == shape.rank() &&
                    scales.size() == shape[axis] && scales.shape()[axis] == shape[axis];
  require<FileError>(fits, "'", scales_name(name), "' is ", scales.shape(), " and '", name, "' is ",
                     shape, ": there should be one scale for each index of one axis");
  const ChannelAxis along(shape, axis);
  for (Index i = 0; i < values.size(); ++i) values[i] *= scales[along.of(i)];
  return values;
}

}  // namespace nn::detail
