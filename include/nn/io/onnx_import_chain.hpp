/// @file
/// What the nodes of an ONNX file become: a chain of layers in the making.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/onnx_node.hpp"
#include "nn/layers/any_layer.hpp"
#include "nn/layers/window.hpp"

namespace nn::detail {

/// A layer with its weights, by their names within it, as PyTorch has them (which is ONNX's way).
struct ImportedLayer {
  AnyLayer layer;
  std::map<std::string, OnnxConstant> weights{};
};

/// In which order the file has the axes of samples, steps and directions; see
/// io/onnx_import_recurrent.hpp.
enum class TimeAxes {
  samples_first,      ///< samples, then what a sample is
  steps_first,        ///< steps, samples, features
  directions_second,  ///< steps, directions, samples, units
  directions_third,   ///< steps, samples, directions, units
  directions_first,   ///< directions, samples, units
};

/// A chain in the making, and the shape of a sample at its end.
struct ImportedChain {
  std::vector<ImportedLayer> layers;
  Shape shape;
  std::optional<Padding> pending_padding;  ///< by a Pad node, for the node after it
  Index batch = 0;        ///< the number of samples the file is made for, 0 for any
  bool has_rows = false;  ///< whether a Reshape has made every row of a sample a sample
  /// Whether images have the channel last in the file, too: as they come in, or by a Transpose.
  bool channels_last = false;
  /// Whether what the next node makes, if it is an image, will be read with the channel last.
  bool makes_channels_last = false;
  bool whole = false;  ///< whether samples are whole numbers in the file: tokens
  TimeAxes time = TimeAxes::samples_first;
  Index directions = 1;  ///< of the recurrent layer, while `time` has an axis of them
  std::string wanted{};  ///< the value that is read of those which the next node makes

  void append(AnyLayer layer, std::map<std::string, OnnxConstant> weights = {}) {
    shape = layer.output_shape(shape);
    layers.push_back({std::move(layer), std::move(weights)});
  }
};

/// ONNX's extents of a sample as a shape here, where images have the channel last.
[[nodiscard]] inline Shape sample_shape(const std::vector<Index>& extents, bool channels_last) {
  if (extents.size() == 3 && !channels_last) return {extents[1], extents[2], extents[0]};
  Shape shape;
  for (const Index extent : extents) shape.push_back(extent);
  return shape;
}

/// The extents that a sample has in the file.
[[nodiscard]] inline std::vector<Index> extents_of(const ImportedChain& chain) {
  const Shape& shape = chain.shape;
  if (shape.rank() == 3 && !chain.channels_last) return {shape[2], shape[0], shape[1]};
  std::vector<Index> extents;
  for (Index axis = 0; axis < shape.rank(); ++axis) extents.push_back(shape[axis]);
  return extents;
}

/// The axis of the channels in the file, where the first axis counts samples.
[[nodiscard]] inline Index channel_axis(const ImportedChain& chain) {
  return chain.shape.rank() == 3 && !chain.channels_last ? 1 : chain.shape.rank();
}

/// Refuses all but images with the channel first, or, if `any_order`, all but images.
inline void expect_image(const OnnxNode& node, const ImportedChain& chain, bool any_order = false) {
  node.expect(chain.shape.rank() == 3, "only images are supported, and it gets samples of ",
              chain.shape);
  node.expect(any_order || !chain.channels_last,
              "it gets images with the channel last, and expects it first");
}

/// The constant that is input `index`: one number for each channel, or one for all.
[[nodiscard]] inline std::vector<double> channel_values(const OnnxNode& node,
                                                        const ImportedChain& chain, int index) {
  const OnnxConstant constant = node.constant(index);
  const auto count = static_cast<Index>(constant.values.size());
  const auto rank = static_cast<Index>(constant.extents.size());
  // Its axes are matched from the last one on.
  const Index position = rank - 1 - (chain.shape.rank() - channel_axis(chain));
  node.expect(count == 1 || (count == chain.shape.back() && position >= 0 &&
                             constant.extents[static_cast<std::size_t>(position)] == count),
              "only a constant with one element a channel is supported");
  return constant.values;
}

}  // namespace nn::detail
