// Feeds the IDX reader with bytes, as an array of any shape, as images and as labels.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "nn/data/gzip.hpp"
#include "nn/data/idx.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const nn::StoredFile file("fuzz", std::string(data, data + size));
  for (const nn::Index rank : {0, 1, 3}) {
    try {
      const auto elements = nn::detail::read_idx(file, rank);
      if (elements.size() != elements.shape().size()) std::abort();
    } catch (const nn::FileError&) {
    }
  }
  // The first byte says where the bytes of the images end and those of the labels begin.
  if (size == 0) return 0;
  const std::size_t end = 1 + static_cast<std::size_t>(data[0]) % size;
  try {
    const nn::StoredFile images("images", std::string(data + 1, data + end));
    const nn::StoredFile labels("labels", std::string(data + end, data + size));
    (void)nn::detail::idx_dataset(images, labels, {"a", "b"}, "fuzz");
    // As EMNIST's letters are stored.
    (void)nn::detail::idx_dataset(images, labels, {}, "fuzz", {true, 1});
  } catch (const nn::FileError&) {
  }
  return 0;
}
