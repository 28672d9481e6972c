// Feeds the safetensors reader with bytes, as a file of tensors and as the weights of a model.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "nn/io/safetensors.hpp"
#include "nn/kernels/kernels.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/relu.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  static const auto network = nn::sequential(nn::Flatten{}, nn::Dense{3}, nn::ReLU{}, nn::Dense{2});
  try {
    const auto file = nn::SafetensorsFile::parse(content, "fuzz");
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : file.tensors()) {
      bytes += tensor.bytes.size();
      if (file.get<float>(name).size() != tensor.shape.size()) std::abort();
    }
    if (bytes > size) std::abort();
    // What was read is written, and read as the same again.
    const auto again = nn::SafetensorsFile::parse(file.serialize(), "again");
    if (again.metadata != file.metadata || again.tensors().size() != file.tensors().size()) {
      std::abort();
    }
    nn::Model model(network, {2, 2, 2}, {.seed = 1});
    const std::vector<float> before(model.parameters().begin(), model.parameters().end());
    try {
      nn::from_safetensors(model, file);
    } catch (const nn::Error&) {
      // All or nothing.
      if (!std::equal(before.begin(), before.end(), model.parameters().begin())) std::abort();
    }
  } catch (const nn::FileError&) {
  }
  return 0;
}
