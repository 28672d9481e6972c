// Feeds the reader of PNG and JPEG pictures, and that of the EXIF blocks in them, with bytes, and
// writes again what it takes for a picture.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "nn/viz/image.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const nn::viz::ImageLimits limits{.max_pixels = 1 << 16};
  const std::string bytes(data, data + size);
  const int orientation = nn::viz::exif_orientation(bytes);
  const int bare_block = nn::viz::detail::tiff_orientation(bytes);
  if (orientation < 1 || orientation > 8 || bare_block < 1 || bare_block > 8) std::abort();
  try {
    const auto image = nn::viz::decode_image(bytes, "fuzz", limits);
    if (image.height() * image.width() > limits.max_pixels) std::abort();
    if (!(nn::viz::decode_image(nn::viz::encode_png(image), "fuzz") == image)) std::abort();
  } catch (const nn::FileError&) {
  }
  return 0;
}
