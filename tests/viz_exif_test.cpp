#include "nn/viz/exif.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "nn/viz/image.hpp"

namespace viz_exif_test {

namespace {

using namespace nn::viz;               // NOLINT
using namespace std::string_literals;  // NOLINT
using nn::Index;

std::string number(unsigned value, unsigned size, bool little_endian) {
  std::string bytes;
  for (unsigned i = 0; i < size; ++i) {
    bytes += static_cast<char>(value >> 8 * (little_endian ? i : size - 1 - i) & 0xffU);
  }
  return bytes;
}

/// A TIFF file of one directory: the picture's width, then its orientation.
std::string tiff(unsigned orientation, bool little_endian) {
  const auto n = [&](unsigned value, unsigned size) { return number(value, size, little_endian); };
  return (little_endian ? "II" : "MM") + n(42, 2) + n(8, 4) + n(2, 2) + n(0x0100, 2) + n(4, 2) +
         n(1, 4) + n(24, 4) + n(0x0112, 2) + n(3, 2) + n(1, 4) + n(orientation, 2) + n(0, 2) +
         n(0, 4);
}

/// A segment APP1 of a JPEG file.
std::string segment(const std::string& content) {
  return "\xff\xe1" + number(static_cast<unsigned>(content.size()) + 2, 2, false) + content;
}

std::string exif(const std::string& block) { return segment("Exif\0\0"s + block); }

/// Four blocks of 8 x 8, all different, 16 rows and 24 columns: the rest is white.
Image scene() {
  Image image(16, 24, 1);
  fill_rectangle(image, 0, 0, 8, 8, Colour{0, 0, 0});
  fill_rectangle(image, 0, 8, 8, 8, Colour{100, 100, 100});
  fill_rectangle(image, 8, 16, 8, 8, Colour{180, 180, 180});
  return image;
}

std::string jpeg(const Image& image, const std::string& segments) {
  std::string bytes;
  stbi_write_jpg_to_func(
      [](void* context, void* data, int size) {
        static_cast<std::string*>(context)->append(static_cast<const char*>(data),
                                                   static_cast<std::size_t>(size));
      },
      &bytes, static_cast<int>(image.width()), static_cast<int>(image.height()),
      static_cast<int>(image.channels()), image.pixels().data(), 100);
  return bytes.insert(2, segments);
}

/// The levels in the middle of the blocks of 8 x 8, row by row, to the nearest 10.
std::string blocks(const Image& image) {
  std::string text;
  for (Index y = 4; y < image.height(); y += 8) {
    for (Index x = 4; x < image.width(); x += 8) {
      text += std::to_string((image.at(y, x).red + 5) / 10 * 10) + ' ';
    }
    text += '/';
  }
  return text;
}

}  // namespace

TEST_CASE("a photograph is read upright, however the camera was held") {
  // Turned by hand, with A = 0, B = 100, C = 180 and w = 260 (255, rounded):
  //   A B w
  //   w w C
  const std::vector<std::string> seen{"0 100 260 /260 260 180 /",  "260 100 0 /180 260 260 /",
                                      "180 260 260 /260 100 0 /",  "260 260 180 /0 100 260 /",
                                      "0 260 /100 260 /260 180 /", "260 0 /260 100 /180 260 /",
                                      "180 260 /260 100 /260 0 /", "260 180 /100 260 /0 260 /"};
  for (unsigned orientation = 1; orientation <= 8; ++orientation) {
    for (const bool little_endian : {false, true}) {
      CAPTURE(orientation);
      CAPTURE(little_endian);
      const std::string bytes = jpeg(scene(), exif(tiff(orientation, little_endian)));
      CHECK(exif_orientation(bytes) == static_cast<int>(orientation));
      CHECK(blocks(decode_image(bytes, "photograph.jpg")) == seen[orientation - 1]);
    }
  }
}

TEST_CASE("turning there and back gives the same pixels, in colours too") {
  Image image(3, 5, 3);
  for (Index i = 0; i < image.pixels().size(); ++i) {
    image.pixels()[i] = static_cast<std::uint8_t>(7 * i);
  }
  const std::vector<int> back{1, 2, 3, 4, 5, 8, 7, 6};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    const Image turned = upright(image, orientation);
    CHECK(turned.height() == (orientation < 5 ? 3 : 5));
    CHECK((turned == image) == (orientation == 1));
    CHECK(upright(turned, back[static_cast<std::size_t>(orientation - 1)]) == image);
  }
  CHECK_THROWS_AS(static_cast<void>(upright(image, 0)), nn::Error);
  CHECK_THROWS_AS(static_cast<void>(upright(image, 9)), nn::Error);
}

TEST_CASE("the EXIF block is found behind other segments and in PNG files") {
  const std::string other = segment("http://ns.adobe.com/xap/1.0/\0<xmp/>"s);
  CHECK(exif_orientation(jpeg(scene(), other + "\xff\xff" + exif(tiff(6, true)))) == 6);
  std::string png = encode_png(scene());
  const std::string chunk = "eXIf" + tiff(8, false);
  png.insert(33, number(static_cast<unsigned>(chunk.size()) - 4, 4, false) + chunk +
                     nn::viz::detail::png_checksum(chunk));
  CHECK(decode_image(png, "a.png") == upright(scene(), 8));
}

TEST_CASE("a broken EXIF block is ignored") {
  const std::string whole = tiff(6, true);
  const auto stands = [](const std::string& block) {
    const std::string bytes = jpeg(scene(), exif(block));
    return exif_orientation(bytes) == 1 && decode_image(bytes, "a.jpg").width() == 24;
  };
  for (std::size_t length = 0; length < whole.size() - 4; ++length) {  // what follows is no loss
    CAPTURE(length);
    CHECK(stands(whole.substr(0, length)));
  }
  for (const unsigned orientation : {0U, 9U, 65535U}) CHECK(stands(tiff(orientation, true)));
  const auto changed = [&](std::size_t place, const std::string& bytes) {
    return std::string(whole).replace(place, bytes.size(), bytes);
  };
  CHECK(stands(changed(0, "XX")));
  CHECK(stands(changed(2, "\x2b")));
  CHECK(stands(changed(4, "\xff\xff\xff\xff")));  // the directory lies outside
  CHECK(stands(changed(4, "\x24")));              // at its last bytes
  CHECK(stands(changed(24, "\x02")));             // a text
  CHECK(stands(changed(26, "\x02")));             // two values
  CHECK(exif_orientation(jpeg(scene(), exif(changed(8, "\xff\xff")))) ==
        6);  // found before the end
  // Segments that go on beyond the file, or are no segments.
  const std::string bytes = jpeg(scene(), exif(whole));
  for (std::size_t length = 0; length < 2 + exif(whole).size(); ++length) {
    CAPTURE(length);
    CHECK(exif_orientation(bytes.substr(0, length)) == 1);
  }
  CHECK(exif_orientation("\xff\xd8\xff\xe1\x00\x01"s + std::string(40, '\xff')) == 1);
}

}  // namespace viz_exif_test
