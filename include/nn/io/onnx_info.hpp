/// @file
/// What an ONNX file says of a model besides its network: the same as safetensors files do.
#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <limits>
#include <map>
#include <string>

#include "nn/io/model_info.hpp"

namespace nn {

/// What is known of a model as metadata of a file: `nn::save_onnx(model, path, {.metadata =
/// nn::metadata_of(info)})`. Without the distance of its rejection, whose matrices have no place
/// there.
[[nodiscard]] inline Metadata metadata_of(ModelInfo info) {
  info.rejection.distance.reset();
  return {{"nn.about", detail::info_json(info)}};
}

/// What the metadata of an ONNX file say of the model, as `metadata_of` put them there. A file that
/// says nothing gives the defaults.
///
///     const nn::Classifier classifier(nn::load_onnx("digits.onnx"), nn::onnx_info("digits.onnx"));
///
/// @throws FileError when the file is malformed.
[[nodiscard]] [[gnu::cold]] inline ModelInfo onnx_info(const std::filesystem::path& path) {
  const std::string content = read_file(path, std::numeric_limits<std::int32_t>::max());
  try {
    ::onnx::ModelProto proto;
    require(proto.ParseFromString(content), "it is no ONNX file");
    for (const auto& entry : proto.metadata_props()) {
      if (entry.key() != "nn.about") continue;
      const nlohmann::json json = detail::parse_model_json(entry.value(), "nn.about");
      return detail::InfoReader(json).read();
    }
    return {};
  } catch (const Error& error) {
    throw FileError(detail::text("cannot read ", path.string(), ": ", error.what()));
  }
}

}  // namespace nn
