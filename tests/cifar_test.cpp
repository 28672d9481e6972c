#include "nn/data/cifar.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "data_files.hpp"

namespace cifar_test {

using namespace nn;          // NOLINT
using namespace data_files;  // NOLINT

/// A record: the label, and planes whose bytes are `red`, `red` + 1 and `red` + 2, with the bytes
/// 200, 201 and 202 at row 3, column 5.
std::string record(int label, int red) {
  std::string bytes(1, static_cast<char>(label));
  for (int channel = 0; channel < 3; ++channel) {
    std::string plane(1024, static_cast<char>(red + channel));
    plane[3 * 32 + 5] = static_cast<char>(200 + channel);
    bytes += plane;
  }
  return bytes;
}

/// A CIFAR-10 of two images a file: file k holds the labels k and 9 - k.
void write_base(const TemporaryFolder& folder) {
  for (int k = 1; k <= 5; ++k) {
    folder.write("data_batch_" + std::to_string(k) + ".bin",
                 record(k, 10 * k) + record(9 - k, 10 * k + 5));
  }
  folder.write("test_batch.bin", record(0, 100) + record(9, 110));
}

TrainTest load(const TemporaryFolder& folder) {
  return load_cifar10(folder.path(), {.images_per_file = 2});
}

TEST_CASE("planes become channels") {
  const TemporaryFolder folder;
  write_base(folder);
  const auto [train, test] = load(folder);
  CHECK(train.described() == "CIFAR-10 training (10 images of 32x32x3)");
  CHECK(test.described() == "CIFAR-10 test (2 images of 32x32x3)");
  CHECK(train.class_names()[0] == "airplane");
  CHECK(train.class_names()[9] == "truck");
  CHECK(std::vector<Label>(train.labels().begin(), train.labels().end()) ==
        std::vector<Label>{1, 8, 2, 7, 3, 6, 4, 5, 5, 4});
  for (Index channel = 0; channel < 3; ++channel) {
    CHECK(train.image(7)(0, 0, channel) == 45 + channel);
    CHECK(train.image(7)(31, 31, channel) == 45 + channel);
    CHECK(train.image(7)(3, 5, channel) == 200 + channel);
    CHECK(test.image(1)(5, 3, channel) == 110 + channel);
  }
}

TEST_CASE("what is wrong is said with the file's name and the place") {
  const TemporaryFolder folder;
  write_base(folder);
  const auto refused = [&] { return message_of([&] { (void)load(folder); }); };

  SUBCASE("a missing file") {
    std::filesystem::remove(folder.path() / "data_batch_4.bin");
    CHECK(contains(refused(), "data_batch_4.bin: there is no such file"));
  }
  SUBCASE("a short file") {
    folder.write("data_batch_2.bin", (record(1, 0) + record(1, 0)).substr(1));
    CHECK(contains(refused(),
                   "data_batch_2.bin: it should have 6146 bytes (2 images of 3073), it has 6145"));
  }
  SUBCASE("an empty file") {
    folder.write("test_batch.bin", "");
    CHECK(contains(refused(), "test_batch.bin: it should have 6146 bytes"));
  }
  SUBCASE("a long file") {
    folder.write("test_batch.bin", record(1, 0) + record(1, 0) + record(1, 0));
    CHECK(contains(refused(),
                   "test_batch.bin: it should have 6146 bytes (2 images of 3073), it "
                   "has more"));
  }
  SUBCASE("a label above 9") {
    folder.write("data_batch_3.bin", record(9, 0) + record(10, 0));
    CHECK(contains(refused(),
                   "data_batch_3.bin: image 1 (at byte 3073) has label 10; expected 0 to 9"));
  }
  SUBCASE("a folder where a file should be") {
    std::filesystem::remove(folder.path() / "test_batch.bin");
    std::filesystem::create_directory(folder.path() / "test_batch.bin");
    CHECK(contains(refused(), "test_batch.bin: it is not an ordinary file"));
  }
  SUBCASE("no folder at all") {
    CHECK(contains(message_of([&] { (void)load_cifar10(folder.path() / "nowhere"); }),
                   "nowhere is not a folder"));
  }
  SUBCASE("an impossible number of images") {
    CHECK_THROWS_AS((void)load_cifar10(folder.path(), {.images_per_file = 0}), Error);
  }
}

TEST_CASE("the version for Python is refused with what to get instead") {
  const TemporaryFolder folder;
  folder.write("data_batch_1", "\x80\x02}q\x01");
  const std::string message = message_of([&] { (void)load_cifar10(folder.path()); });
  CHECK(contains(message, "version for Python (data_batch_1 is a pickle)"));
  CHECK(contains(message, "cifar-10-binary.tar.gz"));
  folder.write("data_batch_1.bin", "\x80\x02}q\x01");
  CHECK(contains(message_of([&] { (void)load_cifar10(folder.path()); }),
                 "data_batch_1.bin is a Python pickle"));
  folder.write("data_batch_1.bin", "<!doctype html>");
  CHECK(contains(message_of([&] { (void)load_cifar10(folder.path()); }), "is a web page"));
}

TEST_CASE("the real CIFAR-10") {
  const auto folder = real_data("cifar-10-batches-bin");
  if (folder.empty()) return;
  const auto [train, test] = load_cifar10(folder);
  CHECK(train.size() == 50000);
  CHECK(train.class_counts() == std::vector<Index>(10, 5000));
  CHECK(test.size() == 10000);
  CHECK(test.class_counts() == std::vector<Index>(10, 1000));
}

}  // namespace cifar_test
