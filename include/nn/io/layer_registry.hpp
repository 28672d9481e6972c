/// @file
/// The types of layers that files can name.
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
#include "nn/io/compiled_layers.hpp"

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
                           name == "Named" || name == "Masked" || name == "ChannelGate";
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
    /// @cond list
#define NN_ADD(L) add<L>({});
    NN_NAMED_LAYERS(NN_ADD)
#undef NN_ADD
    /// @endcond
  }

  std::mutex mutex_;
  std::map<std::string, Entry> makers_;
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
