// Feeds the reader of whole models with bytes: as a file, and as the JSON of a network.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "nn/io/model_file.hpp"
#include "nn/kernels/kernels.hpp"

namespace {

/// Small, so that every input is quickly done with.
constexpr nn::detail::ArchitectureLimits limits{.sample = 4096, .layers = 50, .nesting = 10};

void read(const nn::SafetensorsFile& file) {
  try {
    const auto model = nn::detail::model_of<float>(file, limits);
    // What was read is written and read as the same network again.
    const auto again = nn::detail::model_of<float>(nn::to_safetensors(model), limits);
    if (again.parameters().size() != model.parameters().size()) std::abort();
    if (again.output_shape() != model.output_shape()) std::abort();
  } catch (const nn::Error&) {
  }
  try {
    (void)nn::info_of(file);
  } catch (const nn::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  try {
    read(nn::SafetensorsFile::parse(content, "fuzz"));
  } catch (const nn::FileError&) {
  }
  if (size > 100'000) return 0;
  // The same bytes as what a file without weights says of its network and of the model.
  nn::SafetensorsFile file;
  file.metadata["nn.model"] = std::string(content);
  file.metadata["nn.about"] = std::string(content);
  file.metadata["nn.layout"] = "native";
  const nn::Tensor<float> weights({400}, 0.5F);
  file.put("nn.weights", weights.view());  // of no layer, but memory that a layer may ask for
  read(file);
  return 0;
}
