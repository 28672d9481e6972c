/// @file
/// Pictures on disk: PNG and JPEG in, PNG out. Needs stb (Debian: libstb-dev); the CMake target
/// nn::image brings it.
#pragma once

#include <stb/stb_image.h>
#include <stb/stb_image_write.h>

#include <array>
#include <bit>
#include <climits>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "nn/core/file.hpp"
#include "nn/viz/draw.hpp"
#include "nn/viz/exif.hpp"
#include "nn/viz/pixels.hpp"

namespace nn::viz {

/// What a picture file may claim before it is refused.
struct ImageLimits {
  Index max_bytes = Index{1} << 28;   ///< of the file
  Index max_pixels = Index{1} << 26;  ///< height times width
};

namespace detail {

/// Whether the bytes begin as a PNG or a JPEG file does. Other formats that stb knows stay outside:
/// their decoders are less well tried.
[[nodiscard]] inline bool is_png_or_jpeg(std::string_view bytes) {
  using namespace std::string_view_literals;
  return bytes.substr(0, 8) == "\x89PNG\r\n\x1a\n"sv || bytes.substr(0, 3) == "\xff\xd8\xff"sv;
}

/// Pixels of `channels` levels, each followed by an opacity.
[[nodiscard]] inline Image over_white(const stbi_uc* pixels, Index height, Index width,
                                      Index channels) {
  Image image(height, width, channels);
  std::uint8_t* level = image.pixels().data();
  for (Index i = 0; i < height * width; ++i, pixels += channels + 1) {
    const int opacity = pixels[channels];
    for (Index c = 0; c < channels; ++c) {
      *level++ =
          static_cast<std::uint8_t>((pixels[c] * opacity + 255 * (255 - opacity) + 127) / 255);
    }
  }
  return image;
}

}  // namespace detail

/// The picture that the bytes of a PNG or JPEG file hold. What is transparent is laid over white,
/// as viewers show it; 16 bits become 8; what a camera has stored lying on its side is turned
/// upright, as its EXIF block says (see exif.hpp).
/// @param name what to call the bytes in an error
/// @throws FileError when they are no such file, damaged, or claim more pixels than allowed; that
/// is checked before any memory is taken for them.
[[nodiscard]] inline Image decode_image(std::string_view bytes, std::string_view name,
                                        const ImageLimits& limits = {}) {
  require<FileError>(bytes.size() <= static_cast<std::size_t>(INT_MAX), name, ": ", bytes.size(),
                     " bytes are too many for a picture");
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());  // NOLINT: stb reads bytes
  const int size = static_cast<int>(bytes.size());
  int width = 0;
  int height = 0;
  int found = 0;
  require<FileError>(detail::is_png_or_jpeg(bytes), name,
                     ": expected a PNG or JPEG picture, found ", bytes.size(),
                     " bytes of something else");
  require<FileError>(stbi_info_from_memory(data, size, &width, &height, &found) != 0, name,
                     ": the picture's header is damaged (", stbi_failure_reason(), ")");
  require<FileError>(width > 0 && height > 0 && height <= limits.max_pixels / width, name,
                     ": refused a picture of ", height, "x", width, " pixels; at most ",
                     limits.max_pixels, " are allowed");
  const int channels = found <= 2 ? 1 : 3;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(data, size, &width, &height, &found, channels + 1), stbi_image_free);
  require<FileError>(pixels != nullptr, name, ": the picture is damaged (", stbi_failure_reason(),
                     ")");
  const Image stored = detail::over_white(pixels.get(), height, width, channels);
  const int orientation = exif_orientation(bytes);
  return orientation == 1 ? stored : upright(stored, orientation);
}

/// Reads a PNG or JPEG file.
/// @throws FileError when it is missing, damaged, no such picture or larger than allowed.
[[nodiscard]] inline Image read_image(const std::filesystem::path& path,
                                      const ImageLimits& limits = {}) {
  return decode_image(read_file(path, limits.max_bytes), path.string(), limits);
}

namespace detail {

/// The colours of an image, if there are at most 256, and each pixel's place among them.
struct Palette {
  std::vector<Colour> colours;
  Image indices;
};

[[nodiscard]] inline std::optional<Palette> find_palette(const Image& image) {
  Palette palette{.colours = {}, .indices = Image(image.height(), image.width(), 1)};
  std::map<std::array<std::uint8_t, 3>, std::size_t> places;
  for (Index y = 0; y < image.height(); ++y) {
    for (Index x = 0; x < image.width(); ++x) {
      const Colour c = image.at(y, x);
      const auto [place, is_new] =
          places.try_emplace({c.red, c.green, c.blue}, palette.colours.size());
      if (is_new && palette.colours.size() == 256) return std::nullopt;
      if (is_new) palette.colours.push_back(c);
      palette.indices.pixels()(y, x, 0) = static_cast<std::uint8_t>(place->second);
    }
  }
  return palette;
}

/// The cyclic redundancy check of a PNG chunk (ISO/IEC 15948, annex D).
[[nodiscard]] inline std::string png_checksum(std::string_view chunk) {
  std::uint32_t remainder = 0xffffffffU;
  for (const char byte : chunk) {
    remainder ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      remainder = (remainder >> 1U) ^ ((remainder & 1U) != 0 ? 0xedb88320U : 0U);
    }
  }
  remainder = ~remainder;
  std::string bytes;
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    bytes += static_cast<char>(remainder >> (shift - 8) & 0xffU);
  }
  return bytes;
}

[[nodiscard]] inline std::string encode_pixels(const Image& image) {
  std::string bytes;
  const auto append = [](void* context, void* data, int size) {
    static_cast<std::string*>(context)->append(static_cast<const char*>(data),
                                               static_cast<std::size_t>(size));
  };
  const auto channels = static_cast<int>(image.channels());
  const auto width = static_cast<int>(image.width());
  const int written =
      stbi_write_png_to_func(append, &bytes, width, static_cast<int>(image.height()), channels,
                             image.pixels().data(), width * channels);
  require(written != 0, "stb could not encode an image of ", image.height(), "x", image.width());
  return bytes;
}

/// Turns a grey PNG, whose pixels are places in a palette, into the coloured one that it stands
/// for: another colour type in the header, and the palette after it.
[[nodiscard]] inline std::string with_palette(std::string png, const std::vector<Colour>& colours) {
  constexpr std::size_t header = 12;       // signature (8) and the header chunk's length (4)
  constexpr std::size_t header_size = 17;  // its name and its fields
  constexpr std::size_t colour_type = 25;
  png[colour_type] = 3;
  png.replace(header + header_size, 4, png_checksum({png.data() + header, header_size}));

  std::string chunk = "PLTE";
  for (const Colour& c : colours) {
    for (const std::uint8_t level : {c.red, c.green, c.blue}) chunk += static_cast<char>(level);
  }
  const std::size_t size = chunk.size() - 4;
  std::string length(4, '\0');
  length[2] = static_cast<char>(size >> 8U);
  length[3] = static_cast<char>(size & 0xffU);
  return png.insert(header + header_size + 4, length + chunk + png_checksum(chunk));
}

}  // namespace detail

/// The bytes of a PNG file. A coloured image of at most 256 colours is written with a palette,
/// which is lossless and a third of the size.
/// @throws ShapeError for an image without pixels, or one too large for the format's writer.
[[nodiscard]] inline std::string encode_png(const Image& image) {
  require<ShapeError>(!image.empty() && image.pixels().size() < INT_MAX / 4,
                      "cannot write an image of ", image.height(), "x", image.width(), " pixels");
  if (image.channels() == 1) return detail::encode_pixels(image);
  const auto palette = detail::find_palette(image);
  if (!palette) return detail::encode_pixels(image);
  return detail::with_palette(detail::encode_pixels(palette->indices), palette->colours);
}

namespace detail {

/// Colours that share their upper bits: how many pixels have them, and their sums.
struct ColourGroup {
  std::array<Index, 3> sums{};
  Index count = 0;
};

/// The groups by which colours fall together when `bits` low bits of each channel are forgotten.
using ColourGroups = std::map<std::array<int, 3>, ColourGroup>;

[[nodiscard]] inline std::array<int, 3> group_of(Colour c, int bits) {
  return {c.red >> bits, c.green >> bits, c.blue >> bits};
}

[[nodiscard]] inline ColourGroups group_colours(const Image& image, int bits) {
  ColourGroups groups;
  for (Index y = 0; y < image.height(); ++y) {
    for (Index x = 0; x < image.width(); ++x) {
      const Colour c = image.at(y, x);
      ColourGroup& group = groups[group_of(c, bits)];
      group.sums[0] += c.red;
      group.sums[1] += c.green;
      group.sums[2] += c.blue;
      ++group.count;
    }
  }
  return groups;
}

}  // namespace detail

/// The image with at most 256 colours, each the mean of those it replaces, where no channel has to
/// be cut to less than 5 bits for it; else the image as it is. Drawings and grids of grey pictures
/// look the same and make much smaller PNG files; photographs are left alone.
[[nodiscard]] inline Image reduced_colours(const Image& image) {
  if (image.channels() == 1) return image;
  for (int bits = 0; bits <= 3; ++bits) {
    const detail::ColourGroups groups = detail::group_colours(image, bits);
    if (groups.size() > 256) continue;
    Image result(image.height(), image.width(), 3);
    for (Index y = 0; y < image.height(); ++y) {
      for (Index x = 0; x < image.width(); ++x) {
        const detail::ColourGroup& group = groups.at(detail::group_of(image.at(y, x), bits));
        const auto mean = [&](std::size_t channel) {
          return static_cast<std::uint8_t>((group.sums[channel] + group.count / 2) / group.count);
        };
        result.set(y, x, {mean(0), mean(1), mean(2)});
      }
    }
    return result;
  }
  return image;
}

/// Writes a PNG file, whole or not at all.
/// @throws FileError when the folder is missing or the disk is full.
inline void write_png(const std::filesystem::path& path, const Image& image) {
  write_file(path, encode_png(image));
}

}  // namespace nn::viz
