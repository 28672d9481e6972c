/// @file
/// Models from their files alone: `load_model` needs no source of the network.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include "nn/io/network_reader.hpp"
#include "nn/io/safetensors.hpp"

namespace nn {

/// The model that a file holds, as `save` wrote it, ready for use: to predict, to be trained on, to
/// be saved again. Layers of one's own have to be registered before (`register_layer`).
/// @throws FileError when the file is malformed, of a newer format, or does not hold its network
/// (as files of earlier versions and of other programs: load these by `load` into a model of their
/// network); when it names a layer or an option that is not known; and when the model does not
/// give the output that is stored with the weights.
template <class T = float>
[[nodiscard]] Model<Sequential<AnyLayer>, T> load_model(const std::filesystem::path& path);

/// What a model's file says besides its network and weights. For files of the first format and of
/// other programs, everything has its default.
/// @throws FileError when the file is malformed or of a newer format.
[[nodiscard]] ModelInfo load_model_info(const std::filesystem::path& path);

/// What `load_model` does with a file that has been read.
/// @throws as `load_model`.
template <class T = float>
[[nodiscard]] Model<Sequential<AnyLayer>, T> model_of(const SafetensorsFile& file);

/// What `load_model_info` does with a file that has been read.
/// @throws as `load_model_info`.
[[nodiscard]] ModelInfo info_of(const SafetensorsFile& file);

namespace detail {

/// A network from a file, and the names of its layers there.
struct StoredNetwork {
  Sequential<AnyLayer> network;
  Shape input;
  LayerNames names;
};

/// The names in the file of all layers of a plan. Where the file's network is no chain, it became
/// the only layer of one, and the file's names lack the "0" that its paths now begin with.
[[nodiscard]] inline LayerNames names_in_file(const Plan& root, const LayerNames& names,
                                              bool is_chain) {
  LayerNames result;
  Plan::for_each(root, [&](const Plan& plan) {
    std::string path = plan.path;
    if (!is_chain) path = path.size() > 2 ? path.substr(2) : "";
    const auto renamed = names.find(path);
    result[plan.path] = renamed == names.end() ? path : renamed->second;
  });
  return result;
}

/// The bytes of a file's tensors.
[[nodiscard]] inline Index bytes_of(const SafetensorsFile& file) {
  Index bytes = 0;
  for (const auto& [name, tensor] : file.tensors()) {
    bytes += static_cast<Index>(tensor.bytes.size());
  }
  return bytes;
}

/// @throws Error when the parameters of the network are more than a file of `bytes` bytes has, so
/// that nothing is allocated that the file only claims.
inline void require_held(const Plan& root, Index bytes) {
  Index elements = 0;
  Plan::for_each(root, [&](const Plan& plan) {
    for (const auto* variables : {&plan.parameters, &plan.state}) {
      for (const Variable& variable : *variables) {
        elements += std::min(variable.shape.size(), bytes + 1);
        require<FileError>(elements <= bytes, "its network has more parameters than the file");
      }
    }
  });
}

/// The network that `description` describes, which is that of a file with `bytes` bytes of tensors.
[[nodiscard]] inline StoredNetwork network_of(const std::string& description, Index bytes,
                                              ArchitectureLimits limits, bool& is_chain) {
  const nlohmann::json json = parse_model_json(description, "nn.model");
  require<FileError>(json.is_object() && json.contains("input") && json.contains("network"),
                     "its nn.model has no input or no network");
  limits.parameters = bytes;
  StoredNetwork stored;
  stored.input = OptionsReader::shape_from("input", json["input"]);
  require<FileError>(stored.input.size() > 0 && stored.input.size() <= limits.sample,
                     "its input is a sample of ", stored.input);
  if (json.contains("names")) stored.names = parse_metadata(json["names"]);
  const nlohmann::json& network = json["network"];
  is_chain = network.is_object() && network.contains("layer") && network["layer"] == "Sequential";
  NetworkReader reader(limits);
  try {
    if (is_chain) {
      stored.network = reader.chain(network, stored.input, "");
    } else {
      Shape shape = stored.input;
      stored.network.push_back(reader.read(network, shape, "0"));
    }
  } catch (const Error& error) {
    throw FileError(reader.where() + error.what());
  }
  require_held(plan_of(stored.network, stored.input), limits.parameters);
  return stored;
}

/// The network that a file describes.
[[nodiscard]] inline StoredNetwork network_of(const SafetensorsFile& file,
                                              const ArchitectureLimits& limits, bool& is_chain) {
  const auto found = file.metadata.find("nn.model");
  if (found == file.metadata.end()) {
    const auto missing = file.metadata.find("nn.model.missing");
    throw FileError(
        missing != file.metadata.end()
            ? text("it does not hold its network: ", missing->second,
                   " (see nn/layers/fields.hpp); load it into a model of that network")
            : std::string("it does not hold its network, but at most weights (it is of the first "
                          "format, or another program's): load them into a model of that network"));
  }
  return network_of(found->second, bytes_of(file), limits, is_chain);
}

template <class T>
[[nodiscard]] Model<Sequential<AnyLayer>, T> model_of(const SafetensorsFile& file,
                                                      const ArchitectureLimits& limits) {
  require_known_format(file.metadata);
  bool is_chain = true;
  const StoredNetwork stored = network_of(file, limits, is_chain);
  Model<Sequential<AnyLayer>, T> model(stored.network, stored.input);
  from_safetensors(model, file, {.names = names_in_file(model.plan(), stored.names, is_chain)});
  return model;
}

/// Runs `read` on the file at `path`, which messages name.
template <class Read>
[[nodiscard]] auto with_file(const std::filesystem::path& path, const Read& read) {
  const SafetensorsFile file = SafetensorsFile::read(path);
  try {
    return read(file);
  } catch (const Error& error) {
    throw FileError(text("cannot load ", path.string(), ": ", error.what()));
  }
}

}  // namespace detail

template <class T>
Model<Sequential<AnyLayer>, T> model_of(const SafetensorsFile& file) {
  return detail::model_of<T>(file, {});
}

template <class T>
Model<Sequential<AnyLayer>, T> load_model(const std::filesystem::path& path) {
  return detail::with_file(path, [](const SafetensorsFile& file) { return model_of<T>(file); });
}

[[gnu::cold]] inline ModelInfo info_of(const SafetensorsFile& file) {
  detail::require_known_format(file.metadata);
  const auto found = file.metadata.find("nn.about");
  if (found == file.metadata.end()) return {};
  const nlohmann::json json = detail::parse_model_json(found->second, "nn.about");
  ModelInfo info = detail::InfoReader(json).read();
  if (file.contains(detail::distance_means) && file.contains(detail::distance_whitening)) {
    info.rejection.distance.emplace(file.get<double>(detail::distance_means),
                                    file.get<double>(detail::distance_whitening));
  }
  return info;
}

[[gnu::cold]] inline ModelInfo load_model_info(const std::filesystem::path& path) {
  return detail::with_file(path, [](const SafetensorsFile& file) { return info_of(file); });
}

}  // namespace nn
