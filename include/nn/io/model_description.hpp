/// @file
/// Writes what a safetensors file says about a model besides its weights.
#pragma once

#include <charconv>
#include <map>
#include <string>

#include "nn/io/model_info.hpp"

namespace nn {

/// What another program calls the layers: {{"0", "conv1"}} stores "0.weight" as "conv1.weight".
using LayerNames = std::map<std::string, std::string>;

namespace detail {

/// The format of the files that are written. Files without a number are of the first format, which
/// had weights, their check, and the layers in words only.
inline constexpr int model_format = 2;

/// @throws FileError for a file of a later format.
inline void require_known_format(const Metadata& metadata) {
  const auto found = metadata.find("nn.format");
  if (found == metadata.end()) return;
  const std::string& number = found->second;
  int format = 0;
  const auto result = std::from_chars(number.data(), number.data() + number.size(), format);
  require<FileError>(result.ec == std::errc{} && result.ptr == number.data() + number.size(),
                     "its format '", number, "' is no number");
  require<FileError>(format <= model_format, "it is of format ", format, ", and up to ",
                     model_format,
                     " can be read: it was written by a newer version of the library");
}

/// The names of the tensors that are no weights.
inline constexpr const char* distance_means = "nn.distance.means";
inline constexpr const char* distance_whitening = "nn.distance.whitening";

/// A network as files describe it.
struct NetworkDescription {
  std::string model;    ///< JSON, or nothing
  std::string missing;  ///< why there is nothing
};

/// Describes a network for samples of shape `input`.
template <class Network>
[[gnu::cold]] [[nodiscard]] NetworkDescription describe_network(const Network& network,
                                                                const Shape& input,
                                                                const LayerNames& names = {}) {
  ArchitectureWriter writer;
  describe(network, writer);
  if (!writer.undescribed_layer().empty()) {
    return {{}, text("the layer '", writer.undescribed_layer(), "' does not tell its options")};
  }
  Json model = Json::object();
  model["input"] = shape_json(input);
  if (!names.empty()) model["names"] = names;
  model["network"] = writer.take();
  return {model.dump(), {}};
}

/// Puts the network and what is known of it into a file. A network with a layer that does not
/// name its options is left out: "nn.model.missing" says which.
template <class Network>
[[gnu::cold]] void put_description(SafetensorsFile& file, const Network& network,
                                   const Shape& input, const LayerNames& names,
                                   const ModelInfo& info) {
  file.metadata["nn.format"] = std::to_string(model_format);
  file.metadata["nn.about"] = info_json(info);
  if (const auto& distance = info.rejection.distance) {
    const Tensor<double> means = distance->means();
    const Tensor<double> whitening = distance->whitening();
    file.put(distance_means, means.view(), ElementType::f32);
    file.put(distance_whitening, whitening.view(), ElementType::f32);
  }
  const NetworkDescription description = describe_network(network, input, names);
  if (description.model.empty())
    file.metadata["nn.model.missing"] = description.missing;
  else
    file.metadata["nn.model"] = description.model;
}

}  // namespace detail

}  // namespace nn
