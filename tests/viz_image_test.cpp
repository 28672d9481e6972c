#include "nn/viz/image.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <limits>
#include <string>

namespace viz_image_test {

namespace {

namespace fs = std::filesystem;
using namespace nn;       // NOLINT
using namespace nn::viz;  // NOLINT

/// A folder of its own for a test, removed at the end.
struct Folder {
  fs::path path = fs::temp_directory_path() / "nn_viz_image_test";
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path); }

  [[nodiscard]] Index files() const {
    return std::distance(fs::directory_iterator(path), fs::directory_iterator());
  }
};

/// An image whose pixels all differ from their neighbours, with at most `colours` colours.
Image patterned(Index height, Index width, Index channels, Index colours) {
  Image image(height, width, channels);
  for (Index y = 0; y < height; ++y) {
    for (Index x = 0; x < width; ++x) {
      const auto k = (y * 31 + x * 7) % colours;
      image.set(y, x,
                {static_cast<std::uint8_t>(k), static_cast<std::uint8_t>(k / 256 * 50),
                 static_cast<std::uint8_t>(255 - k % 256)});
    }
  }
  return image;
}

std::string message_of(const std::string& bytes, const ImageLimits& limits = {}) {
  try {
    static_cast<void>(decode_image(bytes, "picture.png", limits));
  } catch (const FileError& error) {
    return error.what();
  }
  return "no error";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("an image read back from a PNG file has the same pixels") {
  const Folder folder;
  const fs::path path = folder.path / "image.png";
  const Image grey = patterned(5, 9, 1, 200);
  const Image few_colours = patterned(40, 30, 3, 256);
  const Image many_colours = patterned(40, 30, 3, 700);
  for (const Image& image : {grey, few_colours, many_colours}) {
    write_png(path, image);
    CHECK(read_image(path) == image);
    CHECK(folder.files() == 1);
  }
}

TEST_CASE("a PNG of up to 256 colours has a palette, one of more has none") {
  constexpr std::size_t colour_type = 25;  // ISO/IEC 15948, section 11.2.2
  CHECK(encode_png(patterned(40, 30, 3, 256))[colour_type] == 3);
  CHECK(encode_png(patterned(40, 30, 3, 257))[colour_type] == 2);
  CHECK(encode_png(patterned(40, 30, 1, 100))[colour_type] == 0);
}

TEST_CASE("the checksum of a PNG chunk is the standard's") {
  // The IEND chunk, which has no content, ends every PNG file with the bytes ae 42 60 82.
  CHECK(viz::detail::png_checksum("IEND") == "\xae\x42\x60\x82");
}

TEST_CASE("what is no whole picture is refused by name") {
  const std::string png = encode_png(patterned(40, 30, 3, 700));
  CHECK(contains(message_of(""), "picture.png: expected a PNG or JPEG picture, found 0 bytes"));
  CHECK(contains(message_of("GIF89a..."), "expected a PNG or JPEG"));
  CHECK(contains(message_of(png.substr(0, 12)), "header is damaged"));
  CHECK(contains(message_of(png.substr(0, 200)), "the picture is damaged"));
  CHECK(contains(message_of(png, {.max_pixels = 40 * 30 - 1}), "refused a picture of 40x30"));
  CHECK(message_of(png, {.max_pixels = 40 * 30}) == "no error");
}

TEST_CASE("a picture that claims 2^30 pixels is refused before memory is taken for it") {
  std::string png = encode_png(Image(4, 4, 1));
  for (const std::size_t field : {16U, 20U}) png.replace(field, 4, std::string("\0\0\x80\0", 4));
  CHECK(contains(message_of(png), "refused a picture of 32768x32768 pixels"));
}

TEST_CASE("no damaged byte of a picture crashes the reader") {
  const std::string png = encode_png(patterned(8, 8, 3, 64));
  for (std::size_t place = 0; place < png.size(); ++place) {
    std::string damaged = png;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x55);
    CHECK_NOTHROW(message_of(damaged, {.max_pixels = 1 << 16}));
  }
}

TEST_CASE("reading says what is wrong with the file") {
  const Folder folder;
  CHECK_THROWS_WITH_AS(static_cast<void>(read_image(folder.path / "none.png")),
                       doctest::Contains("there is no such file"), FileError);
  CHECK_THROWS_WITH_AS(static_cast<void>(read_image(folder.path)),
                       doctest::Contains("not an ordinary file"), FileError);
  write_png(folder.path / "a.png", Image(4, 4, 1));
  CHECK_THROWS_WITH_AS(static_cast<void>(read_image(folder.path / "a.png", {.max_bytes = 10})),
                       doctest::Contains("at most 10 were expected"), FileError);
}

TEST_CASE("writing into a missing folder or over a folder is refused") {
  const Folder folder;
  CHECK_THROWS_WITH_AS(write_png(folder.path / "none" / "a.png", Image(4, 4, 1)),
                       doctest::Contains("there is no folder"), FileError);
  CHECK_THROWS_WITH_AS(write_png(folder.path, Image(4, 4, 1)), doctest::Contains("it is a folder"),
                       FileError);
  CHECK_THROWS_AS(write_png(folder.path / "a.png", Image()), ShapeError);
  CHECK(folder.files() == 0);
}

TEST_CASE("a disk without room leaves the earlier file whole and nothing else") {
  const Folder folder;
  const fs::path path = folder.path / "image.png";
  write_png(path, Image(4, 4, 1));

  // A limit on the size of files stands in for the full disk: writing beyond it fails likewise.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit little{4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &little);
  std::string message;
  try {
    write_png(path, patterned(300, 300, 3, 50000));
  } catch (const FileError& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);

  CHECK(contains(message, "image.png: File too large"));
  CHECK(folder.files() == 1);
  CHECK(read_image(path) == Image(4, 4, 1));
}

TEST_CASE("a sample becomes an image between the values for black and white") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const Tensor<float> sample({2, 3, 1}, {-1.0F, 0.0F, 1.0F, infinity, -infinity, nan});
  const Image image = to_image(sample, {-1, 1});
  CHECK(image.pixels() == Tensor<std::uint8_t>({2, 3, 1}, {0, 128, 255, 255, 0, 0}));

  const Tensor<float> found({1, 3}, {2.0F, 3.0F, 4.0F});
  CHECK(to_image(found).pixels() == Tensor<std::uint8_t>({1, 3, 1}, {0, 128, 255}));
  const Tensor<float> flat({1, 2}, {7.0F, 7.0F});
  CHECK(to_image(flat).pixels() == Tensor<std::uint8_t>({1, 2, 1}, {0, 0}));
  CHECK_THROWS_AS(static_cast<void>(to_image(Tensor<float>({2, 2, 2}))), ShapeError);
  CHECK_THROWS_AS(static_cast<void>(to_image(Tensor<float>({4}))), ShapeError);
}

TEST_CASE("grey and colour turn into each other") {
  Image image(1, 3, 3);
  image.set(0, 0, {255, 0, 0});
  image.set(0, 1, {0, 255, 0});
  image.set(0, 2, {0, 0, 255});
  // 255 times the luma weights 0.299, 0.587 and 0.114.
  CHECK(to_grey(image).pixels() == Tensor<std::uint8_t>({1, 3, 1}, {76, 150, 29}));
  CHECK(to_rgb(to_grey(image)).at(0, 1) == Colour{150, 150, 150});
  CHECK(to_tensor(to_grey(image))(0, 1, 0) == doctest::Approx(150.0 / 255));
}

TEST_CASE("shrinking by area takes means, by nearest takes pixels") {
  const Tensor<std::uint8_t> pixels({2, 4, 1}, {0, 10, 100, 200, 20, 30, 100, 200});
  const Image image(pixels);
  CHECK(resized(image, 1, 2).pixels() == Tensor<std::uint8_t>({1, 2, 1}, {15, 150}));
  CHECK(resized(image, 1, 2, Resampling::nearest).pixels() ==
        Tensor<std::uint8_t>({1, 2, 1}, {30, 200}));
  // Three pixels out of two: the middle one covers a half of either.
  const Image two(Tensor<std::uint8_t>({1, 2, 1}, {0, 100}));
  CHECK(resized(two, 1, 3).pixels() == Tensor<std::uint8_t>({1, 3, 1}, {0, 50, 100}));
  CHECK(resized(image, 2, 4) == image);
  CHECK_THROWS_AS(static_cast<void>(resized(image, 0, 2)), ShapeError);
}

TEST_CASE("resizing keeps a flat colour in every size") {
  const Image flat(7, 5, 3, {10, 20, 30});
  for (const Index size : {1, 2, 3, 8, 13, 28}) {
    CHECK(resized(flat, size, size) == Image(size, size, 3, {10, 20, 30}));
  }
}

TEST_CASE("enlarging repeats pixels, cutting out takes them back") {
  const Image image(Tensor<std::uint8_t>({1, 2, 1}, {5, 9}));
  CHECK(upscaled(image, 2).pixels() == Tensor<std::uint8_t>({2, 4, 1}, {5, 5, 9, 9, 5, 5, 9, 9}));
  CHECK(crop(upscaled(image, 2), 0, 2, 1, 2).pixels() == Tensor<std::uint8_t>({1, 2, 1}, {9, 9}));
  CHECK_THROWS_AS(static_cast<void>(crop(image, 0, 1, 1, 2)), ShapeError);
  CHECK_THROWS_AS(static_cast<void>(upscaled(image, 0)), Error);
}

TEST_CASE("text leaves ink inside its box only, and every character has a glyph") {
  for (char character = '!'; character <= '~'; ++character) {
    CAPTURE(character);
    const std::string text(1, character);
    for (const Index scale : {1, 3}) {
      Image image(text_height(scale) + 2, text_width(text, scale) + 2, 1);
      draw_text(image, text, 1, 1, {.scale = scale, .colour = black});
      CHECK(std::any_of(image.pixels().begin(), image.pixels().end(),
                        [](std::uint8_t level) { return level == 0; }));
      Image inside = image;
      fill_rectangle(inside, 1, 1, image.height() - 2, image.width() - 2, white);
      CHECK(inside == Image(image.height(), image.width(), 1));
    }
  }
}

TEST_CASE("text is cut off at the image's edge, and digits share one width") {
  Image image(4, 4, 3);
  CHECK_NOTHROW(draw_text(image, "Wg\xc3\xa9", -3, -3, {.scale = 2}));
  CHECK(text_width("111") == text_width("888"));
  CHECK(text_width("\xc3\xa9") == text_width("?"));
  CHECK(text_width("") == 0);
}

TEST_CASE("image: what is transparent is laid over white") {
  using namespace std::string_view_literals;
  // Made with Python's zlib: (10, 20, 30) opaque, black at a fifth, (9, 9, 9) at nothing; then grey
  // 100 opaque and black at two fifths.
  constexpr std::string_view colour =
      "\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52"
      "\x00\x00\x00\x03\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1b\xe0\x14"
      "\xb4\x00\x00\x00\x15\x49\x44\x41\x54\x78\xda\x63\xe0\x12\x91\xfb"
      "\xcf\xc0\xc0\x60\xcc\xc9\xc9\xc9\x00\x00\x0c\xd4\x01\x8a\x06\x14"
      "\x64\x1b\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82"sv;
  const Image three = decode_image(colour, "colour.png");
  REQUIRE(three.channels() == 3);
  CHECK(three.at(0, 0) == Colour{10, 20, 30});
  CHECK(three.at(0, 1) == Colour{204, 204, 204});
  CHECK(three.at(0, 2) == white);
  constexpr std::string_view grey =
      "\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52"
      "\x00\x00\x00\x02\x00\x00\x00\x01\x08\x04\x00\x00\x00\x5e\x2b\xb7"
      "\x01\x00\x00\x00\x0d\x49\x44\x41\x54\x78\xda\x63\x48\xf9\xcf\x90"
      "\x06\x00\x04\xf8\x01\xca\xa6\x8d\x91\x58\x00\x00\x00\x00\x49\x45"
      "\x4e\x44\xae\x42\x60\x82"sv;
  const Image two = decode_image(grey, "grey.png");
  REQUIRE(two.channels() == 1);
  CHECK(two.pixels()(0, 0, 0) == 100);
  CHECK(two.pixels()(0, 1, 0) == 153);
}

TEST_CASE("an infinite pixel is the lightest or the darkest, in an image of one level too") {
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor<float> sample({1, 4, 1}, {infinity, 1, -infinity, 3});
  CHECK(to_image(sample).pixels() == Tensor<std::uint8_t>({1, 4, 1}, {255, 0, 0, 255}));
  const Tensor<float> flat({1, 4, 1}, {2, infinity, -infinity, std::nanf("")});
  CHECK(to_image(flat).pixels() == Tensor<std::uint8_t>({1, 4, 1}, {0, 255, 0, 0}));
}

}  // namespace viz_image_test
