#include "nn/viz/write_image_folder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "data_files.hpp"
#include "nn/viz/image_folder.hpp"

namespace viz_write_image_folder_test {

using namespace nn;          // NOLINT
using namespace data_files;  // NOLINT

/// Images of 2 x 2 pixels: 10, 11, 12, 13, then 20, 21, 22, 23, and so on.
Dataset images_with(std::vector<Label> labels, std::vector<std::string> class_names) {
  Tensor<std::uint8_t> images(Shape{static_cast<Index>(labels.size()), 2, 2, 1});
  for (Index i = 0; i < images.size(); ++i) {
    images[i] = static_cast<std::uint8_t>(10 * (i / 4 + 1) + i % 4);
  }
  return {std::move(images), std::move(labels), std::move(class_names)};
}

std::string refusal(const Dataset& data, const std::filesystem::path& folder) {
  return message_of<Error>([&] { (void)viz::write_image_folder(data, folder); });
}

TEST_CASE("images become pictures in their classes' folders, and are read again as they were") {
  const TemporaryFolder folder;
  const Dataset data = images_with({1, 0, 1}, {"T-shirt/top", "cat"});
  CHECK(viz::write_image_folder(data, folder.path() / "new" / "pictures") == 3);
  const auto [read, files, skipped] =
      viz::load_image_folder(folder.path() / "new" / "pictures", {.grey = true});
  CHECK(read.class_names() == std::vector<std::string>{"T-shirt-top", "cat"});
  REQUIRE(read.size() == 3);
  CHECK(files[0] == folder.path() / "new" / "pictures" / "T-shirt-top" / "1.png");
  CHECK(files[1].filename() == "0.png");
  CHECK(files[2].filename() == "2.png");
  const std::vector<std::vector<std::uint8_t>> expected{
      {20, 21, 22, 23}, {10, 11, 12, 13}, {30, 31, 32, 33}};
  for (Index i = 0; i < 3; ++i) {
    const auto pixels = read.image(i);
    CHECK(std::vector<std::uint8_t>(pixels.begin(), pixels.end()) ==
          expected[static_cast<std::size_t>(i)]);
  }
}

TEST_CASE("the first images of each class are written where only so many are wanted") {
  const TemporaryFolder folder;
  const Dataset data = images_with({0, 0, 1, 0, 1, 0}, {"a", "b", "none"});
  CHECK(viz::write_image_folder(data, folder.path(), {.per_class = 2}) == 4);
  const auto exists = [&](const char* name) {
    return std::filesystem::exists(folder.path() / name);
  };
  CHECK(exists("a/0.png"));
  CHECK(exists("a/1.png"));
  CHECK(exists("b/2.png"));
  CHECK(exists("b/4.png"));
  CHECK_FALSE(exists("a/3.png"));
  CHECK_FALSE(exists("none"));  // a folder without pictures would be refused when it is read
  CHECK_THROWS_AS((void)viz::write_image_folder(data, folder.path(), {.per_class = -1}), Error);
}

TEST_CASE("pictures are not mixed with what is there already") {
  const TemporaryFolder folder;
  folder.write("1.png", "");
  CHECK(contains(refusal(images_with({0}, {"a"}), folder.path()),
                 "expected an empty folder, or none"));
  CHECK_FALSE(std::filesystem::exists(folder.path() / "a"));
  CHECK(contains(refusal(images_with({0}, {"a"}), folder.path() / "1.png"),
                 "cannot make the folder "));
}

TEST_CASE("classes are refused whose folders would be passed over, lie elsewhere or be one") {
  const TemporaryFolder folder;
  for (const char* name : {"", ".", "..", ".a", "../a"}) {
    CHECK(contains(refusal(images_with({0}, {name}), folder.path()), "no folder can be called"));
  }
  CHECK(contains(refusal(images_with({0, 1}, {"a/b", "a-b"}), folder.path()),
                 "two classes have one folder, a-b"));
  CHECK(std::filesystem::is_empty(folder.path()));
}

}  // namespace viz_write_image_folder_test
