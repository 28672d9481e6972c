/// @file
/// The types of layers that files can name, and networks made from what files say.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "nn/core/file.hpp"
#include "nn/io/architecture_options.hpp"
#include "nn/io/channels_last.hpp"
#include "nn/io/flatten_channels_first.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/any_concat.hpp"
#include "nn/layers/attention.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/conv_transpose2d.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/group_norm.hpp"
#include "nn/layers/gru.hpp"
#include "nn/layers/layer_norm.hpp"
#include "nn/layers/lstm.hpp"
#include "nn/layers/masked.hpp"
#include "nn/layers/named.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/positions.hpp"
#include "nn/layers/prelu.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/residual.hpp"
#include "nn/layers/rms_norm.hpp"
#include "nn/layers/softmax.hpp"
#include "nn/layers/upsample2d.hpp"

namespace nn {

namespace detail {

/// Limits for a network that is read.
struct ArchitectureLimits {
  Index sample = Index{1} << 28;  ///< elements of a layer's output for one sample
  /// Elements of a layer's parameters and states; where sizes have 32 bits, all that can be
  /// counted.
  Index parameters = static_cast<Index>(
      std::min<std::int64_t>(std::int64_t{1} << 40, std::numeric_limits<Index>::max()));
  Index layers = 10'000;  ///< in all
  Index nesting = 50;     ///< of layers made of layers
};

/// Makes a layer with a file's options, for inputs of a shape.
using LayerMaker = AnyLayer (*)(const nlohmann::json& node, const Shape& input,
                                const ArchitectureLimits& limits);

/// A layer to set options in.
template <class L>
[[nodiscard]] L blank_layer() {
  if constexpr (std::default_initializable<L>) {
    return L{};
  } else {
    return L(Shape{});  // Reshape
  }
}

template <class L>
[[nodiscard]] AnyLayer make_layer(const nlohmann::json& node, const Shape& input,
                                  const ArchitectureLimits& limits) {
  L layer = blank_layer<L>();
  OptionsReader reader(node);
  layer.fields(reader);
  reader.finish();
  // Checks the sizes of its output and parameters before anything is made.
  (void)layer.output_shape(input);
  Index kept = 0;
  const auto count = [&](const std::vector<Variable>& variables) {
    for (const Variable& variable : variables) {
      kept += std::min(variable.shape.size(), limits.parameters + 1);
      require<FileError>(kept <= limits.parameters, "its parameters are more than the file holds");
    }
  };
  if constexpr (requires { layer.parameters(input); }) count(layer.parameters(input));
  if constexpr (requires { layer.state(input); }) count(layer.state(input));
  return AnyLayer(std::move(layer));
}

/// The name of a layer's type, as it tells it.
class KindOf final : public Fields {
 public:
  std::string kind{};  ///< what was told
  void layer(const char* told) override { kind = told; }
  void undescribed(const std::string& /*name*/) override {}

 protected:
  void visit(const char* /*name*/, bool& /*value*/) override {}
  void visit(const char* /*name*/, Index& /*value*/) override {}
  void visit(const char* /*name*/, float& /*value*/) override {}
  void visit(const char* /*name*/, double& /*value*/) override {}
  void visit(const char* /*name*/, std::string& /*value*/) override {}
  void visit(const char* /*name*/, Shape& /*value*/) override {}
  void visit(const char* /*name*/, Extent2D& /*value*/) override {}
  void visit(const char* /*name*/, Padding& /*value*/) override {}
  void visit(const char* /*name*/, Initializer& /*value*/) override {}
  void begin_child() override {}
  void end_child() override {}
};

/// The types of layers by their names in files. Safe from several threads.
class LayerRegistry {
 public:
  /// The program's, with the library's layers in it.
  [[nodiscard]] static LayerRegistry& global() {
    static LayerRegistry registry;
    return registry;
  }

  template <class L>
  void add(std::string name) {
    KindOf told;
    L layer = blank_layer<L>();
    layer.fields(told);
    require(!told.kind.empty(), "a layer's fields() must begin with fields.layer(\"NAME\")");
    if (name.empty()) name = told.kind;
    // Files that use another name are read by it.
    const std::lock_guard lock(mutex_);
    const bool composite = name == "Sequential" || name == "Residual" || name == "Concat" ||
                           name == "Named" || name == "Masked";
    const auto [entry, is_new] = makers_.try_emplace(name, Entry{told.kind, &make_layer<L>});
    require(!composite && (is_new || entry->second.maker == &make_layer<L>),
            "there is a layer called '", name, "' already");
  }

  /// The layer that `node` describes. @throws FileError for a name that is not known.
  [[nodiscard]] AnyLayer make(nlohmann::json node, const std::string& name, const Shape& input,
                              const ArchitectureLimits& limits) {
    Entry entry;
    {
      const std::lock_guard lock(mutex_);
      const auto found = makers_.find(name);
      require<FileError>(found != makers_.end(), "there is no layer of this name; one of your own ",
                         "has to be registered before: nn::register_layer<", name, ">()");
      entry = found->second;
    }
    node["layer"] = entry.kind;
    return entry.maker(node, input, limits);
  }

 private:
  struct Entry {
    std::string kind;  ///< what the layer calls itself
    LayerMaker maker = nullptr;
  };

  LayerRegistry() {
    add_all<LSTM, GRU>();
    add_all<Dense, Conv2D, ConvTranspose2D, MaxPool2D, AveragePool2D, GlobalAveragePool2D,
            UpSample2D, BatchNorm, LayerNorm, Dropout, Flatten, FlattenChannelsFirst, Reshape,
            Identity, ReLU, LeakyReLU, PReLU, ELU, SELU, Clip, Sigmoid, Tanh, Softplus, SiLU, GELU,
            Softmax, LogSoftmax, FlattenChannelsLast, ReshapeChannelsLast, MeanOverSteps, Embedding,
            SinusoidalPositions, LearnedPositions, MultiHeadAttention, GroupNorm, InstanceNorm,
            RMSNorm>();
  }

  template <class... Layers>
  void add_all() {
    (add<Layers>({}), ...);
  }

  std::mutex mutex_;
  std::map<std::string, Entry> makers_;
};

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
    AnyLayer layer = kind == "Sequential" ? AnyLayer(chain(node, shape, path))
                     : kind == "Named"    ? named_layer(node, shape, path)
                     : kind == "Masked"   ? masked_layers(node, shape, path)
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

}  // namespace detail

/// Lets `load_model` make layers of the type `L` where a file names them: by the name that the
/// layer's `fields` tells, or, for files that call it otherwise, by `name`. `L` must be
/// default-constructible and have `fields` (see layers/fields.hpp).
///
///     nn::register_layer<MyLayer>();
///     auto model = nn::load_model("mine.safetensors");
///
/// @throws Error when another type has that name.
template <Layer L>
void register_layer(const std::string& name = {}) {
  static_assert(detail::HasFields<L>,
                "a layer needs, to be named in files: void fields(nn::Fields&"
                " fields), which tells its name and options");
  static_assert(std::default_initializable<L>, "a layer that is read from files needs defaults");
  detail::LayerRegistry::global().add<L>(name);
}

}  // namespace nn
