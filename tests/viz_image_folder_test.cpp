#include "nn/viz/image_folder.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "data_files.hpp"

namespace viz_image_folder_test {

using namespace nn;          // NOLINT
using namespace data_files;  // NOLINT
using viz::Colour;
using viz::Image;
using viz::OtherSizes;

constexpr Colour red{255, 0, 0};
constexpr Colour green{0, 255, 0};

void write(const TemporaryFolder& folder, const std::string& name, const Image& image) {
  const auto path = folder.path() / name;
  std::filesystem::create_directories(path.parent_path());
  viz::write_png(path, image);
}

std::string refusal(const TemporaryFolder& folder, const viz::ImageFolderOptions& options = {}) {
  return message_of<Error>([&] { (void)viz::load_image_folder(folder.path(), options); });
}

/// The colour of a data set's pixel, of three channels.
Colour at(const Dataset& data, Index image, Index y, Index x) {
  const auto pixels = data.image(image);
  return {pixels(y, x, 0), pixels(y, x, 1), pixels(y, x, 2)};
}

TEST_CASE("pictures in folders become a data set, classes and files sorted by name") {
  const TemporaryFolder folder;
  write(folder, "dog/b.png", Image(2, 3, 3, red));
  write(folder, "dog/a.png", Image(2, 3, 3, green));
  write(folder, "cat/more/c.png", Image(2, 3, 1, Colour{7, 7, 7}));
  folder.write("cat/.hidden", "no picture");
  folder.write("readme.txt", "no picture either");
  const auto [data, files, skipped] = viz::load_image_folder(folder.path(), {.name = "animals"});
  CHECK(data.described() == "animals (3 images of 2x3x3)");
  CHECK(data.class_names() == std::vector<std::string>{"cat", "dog"});
  CHECK(data.label(0) == 0);
  CHECK(at(data, 0, 1, 2) == Colour{7, 7, 7});
  CHECK(at(data, 1, 0, 0) == green);
  CHECK(at(data, 2, 0, 0) == red);
  CHECK(data.label(2) == 1);
  CHECK(files[2] == folder.path() / "dog" / "b.png");
  CHECK(skipped.empty());
  CHECK(viz::load_image_folder(folder.path() / "").data.name() ==
        folder.path().filename().string());
}

TEST_CASE("colours become grey by their luma") {
  const TemporaryFolder folder;
  write(folder, "a/1.png", Image(1, 1, 3, red));
  const auto data = viz::load_image_folder(folder.path(), {.grey = true}).data;
  CHECK(data.sample_shape() == Shape{1, 1, 1});
  CHECK(data.image(0)[0] == 76);  // 0.299 * 255, rounded
}

TEST_CASE("a picture of another size is refused by name") {
  const TemporaryFolder folder;
  write(folder, "a/1.png", Image(2, 3, 3));
  write(folder, "a/2.png", Image(3, 3, 3));
  CHECK(contains(refusal(folder), "a/2.png: it has 3x3 pixels; expected 2x3 as "));
  CHECK(contains(refusal(folder), "a/1.png (OtherSizes::fit"));
  CHECK(contains(refusal(folder, {.height = 3, .width = 3}),
                 "a/1.png: it has 2x3 pixels; expected 3x3 (OtherSizes::fit"));
  CHECK(contains(refusal(folder, {.height = 3}), "pictures of 3x0 pixels"));
}

TEST_CASE("fitted pictures are whole, in the middle, with borders") {
  // 2x4 in 4x4: the picture in the two middle rows.
  const Image wide = viz::fitted(Image(2, 4, 3, red), 4, 4, green);
  CHECK(wide.at(0, 0) == green);
  CHECK(wide.at(1, 0) == red);
  CHECK(wide.at(2, 3) == red);
  CHECK(wide.at(3, 3) == green);
  // 8x4 in 4x4: half as large, 4x2, in the two middle columns.
  const Image high = viz::fitted(Image(8, 4, 3, red), 4, 4, green);
  CHECK(high.at(0, 0) == green);
  CHECK(high.at(0, 1) == red);
  CHECK(high.at(3, 2) == red);
  CHECK(high.at(3, 3) == green);
  CHECK(viz::fitted(Image(1, 1000, 1, red), 4, 4).at(1, 0) == Colour{255, 255, 255});
}

TEST_CASE("filled pictures are cut where their shape differs") {
  // Columns green, red, red, green: the middle 2x2 is red.
  Image wide(2, 4, 3, green);
  for (const Index y : {0, 1}) {
    for (const Index x : {1, 2}) wide.set(y, x, red);
  }
  const Image filled = viz::filled(wide, 4, 4);
  for (const Index y : {0, 3}) {
    for (const Index x : {0, 3}) CHECK(filled.at(y, x) == red);
  }
  CHECK(viz::filled(Image(1000, 1, 1), 4, 4).height() == 4);
  CHECK_THROWS_AS((void)viz::filled(Image(2, 2, 1), 0, 4), ShapeError);
}

TEST_CASE("pictures of mixed sizes are fitted or filled on request") {
  const TemporaryFolder folder;
  write(folder, "a/1.png", Image(4, 4, 3, red));
  write(folder, "a/2.png", Image(2, 4, 3, red));
  const auto fit =
      viz::load_image_folder(folder.path(), {.other_sizes = OtherSizes::fit, .background = green});
  CHECK(fit.data.sample_shape() == Shape{4, 4, 3});
  CHECK(at(fit.data, 1, 0, 0) == green);
  CHECK(at(fit.data, 1, 1, 0) == red);
  const auto fill = viz::load_image_folder(
      folder.path(), {.height = 2, .width = 2, .other_sizes = OtherSizes::fill});
  CHECK(fill.data.sample_shape() == Shape{2, 2, 3});
  CHECK(at(fill.data, 1, 0, 0) == red);
}

TEST_CASE("squares as large as the median picture are chosen on request") {
  const TemporaryFolder folder;
  write(folder, "a/1.png", Image(23, 80, 3, red));
  write(folder, "a/2.png", Image(100, 90, 3, red));
  write(folder, "b/3.png", Image(31, 22, 3, red));
  folder.write("b/notes.txt", "no picture");
  const viz::ImageFolderOptions options{
      .other_sizes = OtherSizes::fill, .choose_format = true, .skip_unreadable = true};
  const auto read = viz::load_image_folder(folder.path(), options);
  CHECK(read.data.sample_shape() == Shape{20, 20, 3});  // of 22, 23 and 90, in steps of 4
  CHECK(read.skipped.size() == 1);
  // What is given is kept.
  viz::ImageFolderOptions given = options;
  given.height = 5;
  given.width = 7;
  CHECK(viz::load_image_folder(folder.path(), given).data.sample_shape() == Shape{5, 7, 3});
  // Pictures of other sizes are refused as ever.
  given = options;
  given.other_sizes = OtherSizes::refuse;
  CHECK(contains(refusal(folder, given), "a/1.png: it has 23x80 pixels; expected 20x20 (Other"));
}

TEST_CASE("no chosen square is smaller than 16 or larger than 64 pixels") {
  const TemporaryFolder folder;
  write(folder, "a/1.png", Image(3, 200, 3, red));
  const viz::ImageFolderOptions options{.other_sizes = OtherSizes::fit, .choose_format = true};
  CHECK(viz::load_image_folder(folder.path(), options).data.sample_shape() == Shape{16, 16, 3});
  write(folder, "a/1.png", Image(300, 200, 3, red));
  CHECK(viz::load_image_folder(folder.path(), options).data.sample_shape() == Shape{64, 64, 3});
}

TEST_CASE("one channel is chosen where all pictures are grey, however they are stored") {
  const TemporaryFolder folder;
  write(folder, "a/1.png", Image(2, 2, 1, Colour{7, 7, 7}));
  write(folder, "a/2.png", Image(2, 2, 3, Colour{9, 9, 9}));
  const viz::ImageFolderOptions options{.height = 2, .width = 2, .choose_format = true};
  const auto grey = viz::load_image_folder(folder.path(), options).data;
  CHECK(grey.sample_shape() == Shape{2, 2, 1});
  CHECK(grey.image(0)[3] == 7);
  CHECK(grey.image(1)[0] == 9);
  // The last picture has one pixel that is not.
  Image coloured(2, 2, 3, Colour{5, 5, 5});
  coloured.set(1, 0, Colour{5, 6, 5});
  write(folder, "b/3.png", coloured);
  const auto rgb = viz::load_image_folder(folder.path(), options).data;
  CHECK(rgb.sample_shape() == Shape{2, 2, 3});
  CHECK(at(rgb, 0, 1, 1) == Colour{7, 7, 7});
  CHECK(at(rgb, 1, 0, 1) == Colour{9, 9, 9});
  CHECK(at(rgb, 2, 1, 0) == Colour{5, 6, 5});
  CHECK(at(rgb, 2, 1, 1) == Colour{5, 5, 5});
  // 36 bytes are allowed for when the colour comes up, and not before.
  viz::ImageFolderOptions bounded = options;
  bounded.max_bytes = 35;
  CHECK(contains(refusal(folder, bounded), "its pictures take more than 35 bytes"));
  bounded.max_bytes = 36;
  CHECK(refusal(folder, bounded) == "nothing was thrown");
  // Grey that was asked for is grey.
  bounded.max_bytes = 12;
  bounded.grey = true;
  CHECK(viz::load_image_folder(folder.path(), bounded).data.sample_shape() == Shape{2, 2, 1});
}

TEST_CASE("what is no picture is refused by name, or skipped and listed") {
  const TemporaryFolder folder;
  write(folder, "a/1.png", Image(2, 2, 3));
  write(folder, "b/2.png", Image(2, 2, 3));
  folder.write("b/notes.txt", "no picture");
  CHECK(contains(refusal(folder), "b/notes.txt: expected a PNG or JPEG picture"));
  const auto read = viz::load_image_folder(folder.path(), {.skip_unreadable = true});
  CHECK(read.data.size() == 2);
  REQUIRE(read.skipped.size() == 1);
  CHECK(read.skipped[0].path == folder.path() / "b" / "notes.txt");
  CHECK(contains(read.skipped[0].reason, "expected a PNG or JPEG picture"));
}

TEST_CASE("a test set takes the classes of its training set") {
  const TemporaryFolder folder;
  write(folder, "b/1.png", Image(2, 2, 3));
  const auto data = viz::load_image_folder(folder.path(), {.class_names = {"c", "b", "a"}}).data;
  CHECK(data.classes() == 3);
  CHECK(data.label(0) == 1);
  CHECK(contains(refusal(folder, {.class_names = {"a", "c"}}),
                 "b: the folder is none of the 2 classes"));
}

TEST_CASE("folders that hold no classes are refused") {
  const TemporaryFolder folder;
  CHECK(contains(refusal(folder), "there are no folders in it; expected one a class"));
  std::filesystem::create_directories(folder.path() / "a");
  CHECK(contains(refusal(folder), "a: there are no pictures in it"));
  write(folder, "a/1.png", Image(2, 2, 3));
  CHECK(contains(refusal(folder, {.max_bytes = 11}), "its pictures take more than 11 bytes"));
  CHECK(refusal(folder, {.max_bytes = 12}) == "nothing was thrown");
  write(folder, "2.PNG", Image(2, 2, 3));
  CHECK(contains(refusal(folder), "2.PNG: a picture in no class's folder"));
  CHECK(contains(message_of([&] { (void)viz::load_image_folder(folder.path() / "none"); }),
                 "none: it is not a folder"));
}

}  // namespace viz_image_folder_test
