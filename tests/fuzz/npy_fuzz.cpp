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

void read_archive(const std::string& content) {
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
}

/// An archive of two arrays with some of its bytes changed: each two bytes are a place and what is
/// put there.
std::string damaged_archive(const std::string& changes) {
  nn::NpzWriter writer;
  writer.add("x", nn::Tensor<float>({2}, {1, 2}));
  writer.add("y", nn::Tensor<std::uint8_t>({3}, {1, 2, 3}));
  std::string archive = writer.encode();
  for (std::size_t i = 0; i + 1 < changes.size(); i += 2) {
    // From the end on, where the directory is.
    const auto place = static_cast<std::uint8_t>(changes[i]) % archive.size();
    archive[archive.size() - 1 - place] = changes[i + 1];
  }
  return archive;
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
  read_archive(content);
  read_archive(damaged_archive(content));
  return 0;
}
