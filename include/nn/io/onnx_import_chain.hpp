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

/// A chain in the making, and the shape of a sample at its end.
struct ImportedChain {
  std::vector<ImportedLayer> layers;
  Shape shape;
  std::optional<Padding> pending_padding;  ///< by a Pad node, for the node after it
  Index batch = 0;             ///< the number of samples the file is made for, 0 for any
  bool has_rows = false;       ///< whether a Reshape has made every row of a sample a sample
  bool channels_last = false;  ///< whether a Transpose has put the channels last

  void append(AnyLayer layer, std::map<std::string, OnnxConstant> weights = {}) {
    shape = layer.output_shape(shape);
    layers.push_back({std::move(layer), std::move(weights)});
  }
};

inline void expect_image(const OnnxNode& node, const Shape& shape) {
  node.expect(shape.rank() == 3, "only images are supported, and it gets samples of ", shape);
}

}  // namespace nn::detail
