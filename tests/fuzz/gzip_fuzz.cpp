// Feeds the gzip reader with bytes: it returns what they hold, or throws FileError.
#include <cstddef>
#include <cstdint>
#include <string>

#include "nn/data/gzip.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(data, data + size);
  try {
    (void)nn::gunzip(bytes, 1 << 20, "fuzz");
  } catch (const nn::FileError&) {
  }
  return 0;
}
