// Feeds the readers of NumPy's array files and archives with bytes, and writes again what they
// take.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "nn/data/npz.hpp"

namespace {

template <class T>
void read(const nn::NpyArray& array) {
  try {
    const auto elements = array.get<T>();
    if (elements.shape() != array.shape()) std::abort();
    const auto again = nn::NpyArray(nn::encode_npy(elements), "again").get<T>();
    const auto bytes = static_cast<std::size_t>(elements.size()) * sizeof(T);
    if (bytes > 0 && std::memcmp(again.data(), elements.data(), bytes) != 0) std::abort();
  } catch (const nn::FileError&) {
  }
}

void read_all(const nn::NpyArray& array) {
  read<float>(array);
  read<double>(array);
  read<std::uint8_t>(array);
  read<std::int64_t>(array);
}

/// An array file whose dictionary is what comes before the first line end.
std::string with_header(const std::string& content) {
  const std::size_t length = std::min(content.find('\n'), content.size());
  std::string file("\x93NUMPY\x02\0", 8);
  for (unsigned shift = 0; shift < 32; shift += 8)
    file += static_cast<char>(length >> shift & 0xffU);
  return file + content;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string content(data, data + size);
  for (const std::string& file : {content, with_header(content)}) {
    try {
      read_all(nn::NpyArray(file, "fuzz"));
    } catch (const nn::FileError&) {
    }
  }
  try {
    const nn::NpzFile file(content, "fuzz");
    for (const std::string& name : file.names()) {
      try {
        read_all(file.array(name));
      } catch (const nn::FileError&) {
      }
    }
  } catch (const nn::FileError&) {
  }
  return 0;
}
