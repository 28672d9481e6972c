/// @file
/// The orientation of photographs, which is stored in an EXIF block (CIPA DC-008,
/// "Exchangeable image file format"), which is a small TIFF file within a JPEG or PNG file.
#pragma once

#include <cstdint>
#include <string_view>

#include "nn/core/error.hpp"
#include "nn/viz/pixels.hpp"

namespace nn::viz {

namespace detail {

/// Bytes from which numbers are read; bytes outside count as 0.
struct ByteReader {
  std::string_view bytes;
  bool little_endian = false;

  [[nodiscard]] std::uint32_t number(std::size_t place, std::size_t size) const {
    if (place > bytes.size() || size > bytes.size() - place) return 0;
    std::uint32_t result = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const char byte = bytes[place + (little_endian ? size - 1 - i : i)];
      result = result << 8U | static_cast<std::uint8_t>(byte);
    }
    return result;
  }
};

/// The orientation that the first directory of a TIFF file holds; 1 when there is none.
[[gnu::cold]] [[nodiscard]] inline int tiff_orientation(std::string_view tiff) {
  const ByteReader in{tiff, tiff.starts_with("II")};
  if (!in.little_endian && !tiff.starts_with("MM")) return 1;
  if (in.number(2, 2) != 42) return 1;
  const std::size_t directory = in.number(4, 4);
  const std::size_t entries = in.number(directory, 2);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;  // tag, type, number of values, values
    if (entry + 12 > tiff.size()) break;
    if (in.number(entry, 2) != 0x0112) continue;
    const bool is_one_short = in.number(entry + 2, 2) == 3 && in.number(entry + 4, 4) == 1;
    const std::uint32_t found = in.number(entry + 8, 2);
    return is_one_short && found >= 1 && found <= 8 ? static_cast<int>(found) : 1;
  }
  return 1;
}

/// The EXIF block among the segments before a JPEG file's pixels; empty when there is none.
[[gnu::cold]] [[nodiscard]] inline std::string_view exif_of_jpeg(std::string_view bytes) {
  using namespace std::string_view_literals;
  const ByteReader in{bytes};
  for (std::size_t place = 2; in.number(place, 1) == 0xff;) {
    const std::uint32_t marker = in.number(place + 1, 1);
    const std::size_t length = in.number(place + 2, 2);
    if (marker == 0xff) {  // filling before a marker
      ++place;
      continue;
    }
    if (marker == 0xda || marker == 0xd9 || length < 2) break;  // the pixels, the end, no segment
    const std::string_view segment = bytes.substr(place).substr(0, length + 2);
    constexpr std::string_view name = "Exif\0\0"sv;
    if (marker == 0xe1 && segment.size() == length + 2 && segment.substr(4).starts_with(name)) {
      return segment.substr(4 + name.size());
    }
    place += length + 2;
  }
  return {};
}

/// The EXIF block of a PNG file; empty when there is none.
[[gnu::cold]] [[nodiscard]] inline std::string_view exif_of_png(std::string_view bytes) {
  const ByteReader in{bytes};
  for (std::size_t place = 8; place + 12 <= bytes.size();) {  // length, name, content, checksum
    const std::size_t length = in.number(place, 4);
    if (length > bytes.size() - place - 12) break;
    if (bytes.substr(place + 4, 4) == "eXIf") return bytes.substr(place + 8, length);
    place += length + 12;
  }
  return {};
}

}  // namespace detail

/// The orientation of the picture in the bytes of a JPEG or PNG file, from 1 (upright) to 8, by
/// EXIF's numbers. A broken block counts as none.
[[gnu::cold]] [[nodiscard]] inline int exif_orientation(std::string_view bytes) {
  const bool is_png = bytes.starts_with("\x89PNG");
  return detail::tiff_orientation(is_png ? detail::exif_of_png(bytes)
                                         : detail::exif_of_jpeg(bytes));
}

/// The upright form of a picture that is stored in `orientation`: 2 mirrored left to
/// right, 3 upside down, 4 mirrored top to bottom, 5 rows for columns, 6 to be turned clockwise by
/// a quarter, 7 as 5 and upside down, 8 to be turned the other way.
/// @throws Error for an orientation that is not from 1 to 8.
[[gnu::cold]] [[nodiscard]] inline Image upright(const Image& stored, int orientation) {
  require(orientation >= 1 && orientation <= 8, "an orientation of ", orientation,
          "; expected 1 to 8, as EXIF has them");
  const bool exchanged = orientation >= 5;
  const bool from_bottom =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool from_right = orientation == 2 || orientation == 3 || orientation >= 7;
  const Index height = stored.height();
  const Index width = stored.width();
  Image result(exchanged ? width : height, exchanged ? height : width, stored.channels());
  for (Index y = 0; y < result.height(); ++y) {
    for (Index x = 0; x < result.width(); ++x) {
      const Index row = exchanged ? x : y;
      const Index column = exchanged ? y : x;
      result.set(y, x,
                 stored.at(from_bottom ? height - 1 - row : row,
                           from_right ? width - 1 - column : column));
    }
  }
  return result;
}

}  // namespace nn::viz
