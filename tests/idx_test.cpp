#include "nn/data/idx.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <string>
#include <vector>

#include "data_files.hpp"
#include "nn/data/gzip.hpp"

namespace idx_test {

using namespace nn;          // NOLINT
using namespace data_files;  // NOLINT

constexpr std::uint32_t image_magic = 0x00000803;
constexpr std::uint32_t label_magic = 0x00000801;

std::string images(std::uint32_t count) {
  return idx_header(image_magic, {count, 2, 3}) + counting(count * 6);
}
std::string labels(std::initializer_list<char> values) {
  return idx_header(label_magic, {static_cast<std::uint32_t>(values.size())}) + std::string(values);
}

/// What reading `content` as a file "x" throws.
std::string refusal(const std::string& content, Index rank = 0) {
  return message_of([&] { (void)detail::read_idx(StoredFile("x", content), rank); });
}

/// Writes the four files of a tiny MNIST.
void write_base(const TemporaryFolder& folder) {
  folder.write("train-images-idx3-ubyte", images(3));
  folder.write("train-labels-idx1-ubyte", labels({7, 0, 9}));
  folder.write("t10k-images-idx3-ubyte", images(1));
  folder.write("t10k-labels-idx1-ubyte", labels({4}));
}

TEST_CASE("an array of any shape is read") {
  const TemporaryFolder folder;
  const auto three = read_idx(folder.write("three", images(2)));
  CHECK(three.shape() == Shape{2, 2, 3});
  CHECK(three(1, 0, 2) == 8);
  const auto one = read_idx(folder.write("one", labels({5, 6})));
  CHECK(one == Tensor<std::uint8_t>(Shape{2}, {5, 6}));
  const auto none = read_idx(folder.write("none", idx_header(image_magic, {0, 28, 28})));
  CHECK(none.shape() == Shape{0, 28, 28});
}

TEST_CASE("images and labels become a data set") {
  const TemporaryFolder folder;
  const auto data = load_idx(folder.write("i", images(3)), folder.write("l", labels({2, 0, 1})),
                             {"x", "y", "z"}, "letters");
  CHECK(data.described() == "letters (3 images of 2x3x1)");
  CHECK(data.image(2)(1, 2, 0) == 17);
  CHECK(data.label(2) == 1);
  CHECK(load_idx(folder.path() / "i", folder.path() / "l").class_names().back() == "2");
}

TEST_CASE("MNIST's four files become a training and a test set") {
  const TemporaryFolder folder;
  write_base(folder);
  const auto [train, test] = load_mnist(folder.path());
  CHECK(train.described() == "MNIST training (3 images of 2x3x1)");
  CHECK(test.described() == "MNIST test (1 images of 2x3x1)");
  CHECK(train.class_counts() == std::vector<Index>{1, 0, 0, 0, 0, 0, 0, 1, 0, 1});
  CHECK(test.label(0) == 4);
  CHECK(load_fashion_mnist(folder.path()).train.class_names()[9] == "ankle boot");
}

TEST_CASE("the files may be compressed, each for itself") {
  const TemporaryFolder folder;
  write_base(folder);
  // printf '\0\0\x08\x01\0\0\0\x01\x04' | gzip -9n
  folder.write("t10k-labels-idx1-ubyte.gz",
               std::string("\x1f\x8b\x08\0\0\0\0\0\x02\x03\x63\x60\xe0\x60\x64\x60\x60\x60\x64\x01"
                           "\0\x34\x7c\xcc\0\x09\0\0\0",
                           29));
  std::filesystem::remove(folder.path() / "t10k-labels-idx1-ubyte");
  CHECK(load_mnist(folder.path()).test.label(0) == 4);
}

TEST_CASE("a wrong magic number is shown") {
  CHECK(
      contains(refusal("PNG and so on"), "x: the magic number is 0x504e4720; expected 0x00000801"));
  CHECK(contains(refusal(idx_header(0x00000d03, {1, 1, 1}) + "abcd"), "0x00000d03"));  // floats
  CHECK(contains(refusal(idx_header(0x00000800, {})), "0x00000800"));
  CHECK(contains(refusal(idx_header(0x00000807, {1, 1, 1, 1, 1, 1, 1}) + "a"), "0x00000807"));
  CHECK(refusal(labels({1, 2}), 3) ==
        "x: the magic number is 0x00000801, that of labels; expected 0x00000803, that of images "
        "(are the two files swapped?)");
  CHECK(contains(refusal(images(1), 1), "0x00000803, that of images; expected 0x00000801"));
  CHECK(
      contains(refusal(idx_header(0x00000804, {1, 1, 1, 1}) + "a", 3), "that of arrays of 4 axes"));
}

TEST_CASE("a file cut anywhere is refused") {
  const std::string whole = images(2);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    const std::string message = refusal(whole.substr(0, length), 3);
    CHECK(contains(message, "x: it "));
    if (length >= 16) CHECK(contains(message, "truncated: 2x2x3 elements take 28 bytes"));
  }
}

TEST_CASE("a file that goes on too long is refused") {
  CHECK(refusal(images(2) + "!") ==
        "x: it goes on after the 28 bytes that the header and its 2x2x3 elements take");
}

TEST_CASE("a file that claims what it cannot hold is refused before memory is allocated") {
  const std::string most = "\xff\xff\xff\xff";
  const std::string liar = big_endian(0x00000806) + most + most + most + most + most + most;
  CHECK(contains(refusal(liar), "claims 4294967295x... elements; at most 2147483648 are read"));
  const std::string zeros = idx_header(image_magic, {0, 0xffffffffU, 0xffffffffU});
  CHECK(contains(refusal(zeros), "claims 0x4294967295x... elements"));
  const std::string plausible = idx_header(image_magic, {60000, 28, 28}) + counting(100);
  CHECK(contains(refusal(plausible), "truncated: 60000x28x28 elements take 47040016 bytes"));
}

TEST_CASE("what is wrong with a folder is said with the file's name") {
  const TemporaryFolder folder;
  const auto refused = [&] { return message_of([&] { (void)load_mnist(folder.path()); }); };

  SUBCASE("a missing file") {
    write_base(folder);
    std::filesystem::remove(folder.path() / "t10k-images-idx3-ubyte");
    CHECK(contains(refused(), "t10k-images-idx3-ubyte: there is no such file, nor t10k-images"));
  }
  SUBCASE("labels for images") {
    write_base(folder);
    folder.write("train-images-idx3-ubyte", labels({7, 0, 9}));
    CHECK(contains(refused(), "train-images-idx3-ubyte: the magic number is 0x00000801"));
    CHECK(contains(refused(), "swapped?"));
  }
  SUBCASE("images for labels") {
    write_base(folder);
    folder.write("t10k-labels-idx1-ubyte", images(1));
    CHECK(contains(refused(), "t10k-labels-idx1-ubyte: the magic number is 0x00000803"));
  }
  SUBCASE("more labels than images") {
    write_base(folder);
    folder.write("train-labels-idx1-ubyte", labels({7, 0, 9, 1}));
    CHECK(contains(refused(), "train-images-idx3-ubyte holds 3 images, but "));
    CHECK(contains(refused(), "train-labels-idx1-ubyte 4 labels"));
  }
  SUBCASE("a label that is no digit") {
    write_base(folder);
    folder.write("train-labels-idx1-ubyte", labels({7, 10, 9}));
    CHECK(contains(refused(), "train-labels-idx1-ubyte: label 1 is 10; expected 0 to 9"));
  }
  SUBCASE("test images of another size") {
    write_base(folder);
    folder.write("t10k-images-idx3-ubyte", idx_header(image_magic, {1, 1, 1}) + "a");
    CHECK(contains(refused(), "the training images are 2x3x1, but the test images 1x1x1"));
  }
  SUBCASE("no images") {
    write_base(folder);
    folder.write("t10k-images-idx3-ubyte", idx_header(image_magic, {0, 2, 3}));
    CHECK(contains(refused(), "t10k-images-idx3-ubyte: it holds no images, but 0x2x3 pixels"));
  }
  SUBCASE("a broken .gz") {
    write_base(folder);
    folder.write("t10k-images-idx3-ubyte", "\x1f\x8b nonsense");
    CHECK(contains(refused(), "t10k-images-idx3-ubyte is broken"));
  }
  SUBCASE("a folder where a file should be") {
    write_base(folder);
    std::filesystem::remove(folder.path() / "train-images-idx3-ubyte");
    std::filesystem::create_directory(folder.path() / "train-images-idx3-ubyte");
    CHECK(contains(refused(), "train-images-idx3-ubyte: it is not an ordinary file"));
  }
  SUBCASE("no folder at all") {
    CHECK(message_of([&] { (void)load_mnist(folder.path() / "nowhere"); }) ==
          "cannot read MNIST: " + (folder.path() / "nowhere").string() + " is not a folder");
  }
}

/// What the figures below were recorded as, with Python's gzip and sum().
void check_sums(const Dataset& data, Index size, std::uint64_t sum, std::vector<Label> first,
                Index fourth) {
  CHECK(data.size() == size);
  CHECK(data.sample_shape() == Shape{28, 28, 1});
  std::uint64_t total = 0;
  for (Index n = 0; n < size; ++n) {
    const auto image = data.image(n);
    total += std::accumulate(image.begin(), image.end(), std::uint64_t{0});
  }
  CHECK(total == sum);
  CHECK(std::vector<Label>(data.labels().begin(), data.labels().begin() + 5) == first);
  CHECK(std::accumulate(data.image(3).begin(), data.image(3).end(), Index{0}) == fourth);
}

TEST_CASE("a base whose files have dots in their names is read too") {
  const TemporaryFolder folder;
  write_base(folder);
  for (const std::string name : {"train-images", "t10k-labels"}) {
    const std::string idx = name == "train-images" ? "idx3-ubyte" : "idx1-ubyte";
    std::filesystem::rename(folder.path() / (name + '-' + idx), folder.path() / (name + '.' + idx));
  }
  const auto [train, test] = load_mnist(folder.path());
  CHECK(train.size() == 3);
  CHECK(test.label(0) == 4);
  CHECK(find_idx(folder.path(), "train-images-idx3-ubyte").content() == images(3));
  CHECK(find_idx(folder.path(), "t10k-images-idx3-ubyte").content() == images(1));
}

TEST_CASE("a missing file is refused with the names of what is there instead") {
  const TemporaryFolder folder;
  folder.write("MNIST.zip", "PK");
  folder.write("readme", "");
  CHECK(contains(message_of([&] { (void)load_mnist(folder.path()); }),
                 "-ubyte.gz; what is there: MNIST.zip, readme"));
  for (char letter = 'a'; letter <= 'k'; ++letter) folder.write(std::string(1, letter), "");
  CHECK(contains(message_of([&] { (void)load_mnist(folder.path()); }),
                 "MNIST.zip, a, b, c, d, e, f, g, ..."));
}

TEST_CASE("what was saved in place of the data is called by its name") {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& content) {
    const auto path = folder.write("images.gz", content);
    return message_of([&] { (void)read_idx(path); });
  };
  const std::string name = (folder.path() / "images.gz").string();
  const std::string page = name + " is a web page, not data";
  CHECK(contains(message("<!DOCTYPE html><title>404</title>"), page));
  CHECK(contains(message("<html><body>Log in first</body></html>"), page));
  CHECK(contains(message("<?xml version=\"1.0\"?><Error><Code>AccessDenied"), page));
  CHECK(contains(message("version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 9\n"),
                 name + " is a pointer of Git LFS"));
  CHECK(contains(message("PK\x03\x04 and so on"), name + " is a zip archive"));
  CHECK(contains(message("\x80\x04\x95 and so on"), name + " is a Python pickle"));
}

TEST_CASE("exactly as much as may be claimed is accepted, an element more is refused") {
  // 2^31 elements in 6 bytes of extents each; there are none, so that reading ends as truncated.
  CHECK(contains(refusal(idx_header(image_magic, {1U << 15U, 1U << 15U, 2})),
                 "truncated: 32768x32768x2 elements take 2147483664 bytes"));
  CHECK(contains(refusal(idx_header(label_magic, {1U << 31U})), "truncated: 2147483648 elements"));
  CHECK(contains(refusal(idx_header(label_magic, {(1U << 31U) + 1})),
                 "it claims 2147483649 elements; at most 2147483648 are read"));
  CHECK(contains(refusal(idx_header(image_magic, {1U << 15U, (1U << 15U) + 1, 2})),
                 "it claims 32768x32769x2 elements"));
  // The real size of a file, one more and one less.
  const std::string whole = images(4);
  CHECK(refusal(whole) == "nothing was thrown");
  CHECK(contains(refusal(whole.substr(0, whole.size() - 1)),
                 "it has " + std::to_string(whole.size() - 1)));
  CHECK(contains(refusal(whole + '\0'), "it goes on after the 40 bytes"));
}

TEST_CASE("the real MNIST") {
  const auto folder = real_data("mnist");
  if (folder.empty()) return;
  const auto [train, test] = load_mnist(folder);
  check_sums(train, 60000, 1567298545, {5, 0, 4, 1, 9}, 17135);
  check_sums(test, 10000, 264923200, {7, 2, 1, 0, 4}, 37014);
}

TEST_CASE("the real Fashion-MNIST") {
  const auto folder = real_data("fashion-mnist");
  if (folder.empty()) return;
  const auto [train, test] = load_fashion_mnist(folder);
  check_sums(train, 60000, 3431114169, {9, 0, 0, 3, 0}, 46649);
  check_sums(test, 10000, 573469082, {9, 2, 1, 1, 6}, 35377);
  CHECK(train.class_counts() == std::vector<Index>(10, 6000));
}

}  // namespace idx_test
