/// @file
/// Networks made from what files say.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "nn/io/layer_registry.hpp"
#include "nn/layers/any_concat.hpp"
#include "nn/layers/masked.hpp"
#include "nn/layers/named.hpp"
#include "nn/layers/residual.hpp"
#include "nn/layers/squeeze_excitation.hpp"

namespace nn::detail {

/// Makes a network from JSON, layer by layer, each for the output shape of the layer before.
class NetworkReader {
 public:
  explicit NetworkReader(const ArchitectureLimits& limits) : limits_(limits) {}

  /// The layer that `node` describes, and `shape` becomes that of its output.
  /// @throws Error; `where()` tells which layer it is about.
  [[nodiscard]] AnyLayer read(const nlohmann::json& node, Shape& shape, const std::string& path) {
    where_ = "layer " + path + ": ";
    require<FileError>(node.is_object() && node.contains("layer") && node["layer"].is_string(),
                       "it has no type");
    const auto kind = node["layer"].get<std::string>();
    where_ = "layer " + path + " (" + kind + "): ";
    require<FileError>(++layers_ <= limits_.layers, "there are more than ", limits_.layers,
                       " layers");
    AnyLayer layer = kind == "Sequential"    ? AnyLayer(chain(node, shape, path))
                     : kind == "Named"       ? named_layer(node, shape, path)
                     : kind == "Masked"      ? masked_layers(node, shape, path)
                     : kind == "ChannelGate" ? channel_gate(node, shape, path)
                     : kind == "Residual" || kind == "Concat"
                         ? branches(node, kind, shape, path)
                         : LayerRegistry::global().make(node, kind, shape, limits_);
    shape = layer.output_shape(shape);
    require<FileError>(shape.size() > 0 && shape.size() <= limits_.sample, "it gives out ",
                       shape.size(), " numbers for a sample; 1 to ", limits_.sample,
                       " are allowed");
    return layer;
  }

  /// The chain that `node` describes. `shape` stays that of its input.
  [[nodiscard]] Sequential<AnyLayer> chain(const nlohmann::json& node, Shape shape,
                                           const std::string& path) {
    Sequential<AnyLayer> network;
    for (const nlohmann::json& child : children(node)) {
      network.push_back(read(child, shape, below(path, network.length())));
    }
    --nesting_;
    return network;
  }

  /// Which layer was being read: "layer 2.0 (Conv2D): ".
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  static std::string below(const std::string& path, Index child) {
    return path.empty() ? std::to_string(child) : path + "." + std::to_string(child);
  }

  /// The layers that one is made of. One level down; the caller goes up again.
  [[nodiscard]] const nlohmann::json& children(const nlohmann::json& node) {
    require<FileError>(++nesting_ <= limits_.nesting, "layers are nested more than ",
                       limits_.nesting, " deep");
    const auto found = node.find("layers");
    require<FileError>(found != node.end() && found->is_array() && !found->empty(),
                       "it has no layers");
    require<FileError>(node.size() == 2, "it has options that are not known here");
    return *found;
  }

  [[nodiscard]] AnyLayer named_layer(nlohmann::json node, Shape shape, const std::string& path) {
    const auto name = node.find("name");
    require<FileError>(name != node.end() && name->is_string(), "it has no name");
    const auto label = name->get<std::string>();
    node.erase(name);
    const nlohmann::json& layers = children(node);
    require<FileError>(layers.size() == 1, "it names ", layers.size(), " layers instead of 1");
    const AnyLayer layer = read(layers[0], shape, path);
    --nesting_;
    return Named<AnyLayer>(label, layer);
  }

  [[nodiscard]] AnyLayer masked_layers(nlohmann::json node, const Shape& shape,
                                       const std::string& path) {
    const auto padding = node.find("padding");
    require<FileError>(padding != node.end(), "it does not say what padding is");
    const double value = OptionsReader::number("padding", *padding);
    node.erase(padding);
    return Masked<AnyLayer>(static_cast<float>(value), chain(node, shape, path));
  }

  [[nodiscard]] AnyLayer channel_gate(const nlohmann::json& node, Shape shape,
                                      const std::string& path) {
    const nlohmann::json& layers = children(node);
    require<FileError>(layers.size() == 1, "it has ", layers.size(), " gates instead of 1");
    const AnyLayer gate = read(layers[0], shape, below(path, 0));
    --nesting_;
    where_ = "layer " + path + " (ChannelGate): ";
    return ChannelGate<AnyLayer>(gate);
  }

  [[nodiscard]] AnyLayer branches(const nlohmann::json& node, const std::string& kind,
                                  const Shape& shape, const std::string& path) {
    std::vector<AnyLayer> layers;
    for (const nlohmann::json& child : children(node)) {
      Shape output = shape;
      layers.push_back(read(child, output, below(path, static_cast<Index>(layers.size()))));
    }
    --nesting_;
    where_ = "layer " + path + " (" + kind + "): ";
    if (kind == "Residual") {
      require<FileError>(layers.size() == 2, "it has ", layers.size(), " branches instead of 2");
      return Residual<AnyLayer, AnyLayer>(layers[0], layers[1]);
    }
    return AnyConcat(std::move(layers));
  }

  ArchitectureLimits limits_;
  Index layers_ = 0;
  Index nesting_ = 0;
  std::string where_;
};

}  // namespace nn::detail
