// Feeds the reader of CIFAR-10's batch files with bytes, as a file of one and of two images.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "nn/data/cifar.hpp"
#include "nn/data/gzip.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const nn::StoredFile file("fuzz", std::string(data, data + size));
  for (const nn::Index images : {1, 2}) {
    try {
      nn::detail::CifarReader reader(1, images);
      reader.add(file);
      if (reader.finish("fuzz").size() != images) std::abort();
    } catch (const nn::FileError&) {
    }
  }
  return 0;
}
