#include "nn/data/emnist.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "data_files.hpp"

namespace emnist_test {

using namespace nn;          // NOLINT
using namespace data_files;  // NOLINT

/// Writes images of 3 rows and 2 columns, of which the columns are stored one after another, and
/// these labels.
void write_part(const TemporaryFolder& folder, const std::string& name, const std::string& labels) {
  const auto count = static_cast<std::uint32_t>(labels.size());
  folder.write(name + "-images-idx3-ubyte",
               idx_header(0x803, {count, 2, 3}) + counting(std::size_t{6} * count));
  folder.write(name + "-labels-idx1-ubyte", idx_header(0x801, {count}) + labels);
}

TEST_CASE("EMNIST's letters stand upright and are counted from 0") {
  const TemporaryFolder folder;
  write_part(folder, "emnist-letters-train", "\x01\x1a");
  write_part(folder, "emnist-letters-test", "\x02");
  const auto [train, test] = load_emnist(folder.path(), EmnistSplit::letters);
  CHECK(train.described() == "EMNIST letters training (2 images of 3x2x1)");
  // Stored 6 7 8 | 9 10 11, the second image's columns.
  const std::vector<std::uint8_t> upright{6, 9, 7, 10, 8, 11};
  CHECK(std::equal(upright.begin(), upright.end(), train.image(1).begin()));
  CHECK(train.label(0) == 0);
  CHECK(train.label(1) == 25);
  CHECK(train.class_names()[25] == "Z");
  CHECK(test.label(0) == 1);
}

TEST_CASE("EMNIST's other splits are counted from 0 in the files") {
  const TemporaryFolder folder;
  write_part(folder, "emnist-balanced-train", std::string("\0\x2e", 2));
  write_part(folder, "emnist-balanced-test", "\x0a");
  const auto [train, test] = load_emnist(folder.path(), EmnistSplit::balanced);
  CHECK(train.label(1) == 46);
  CHECK(train.class_names()[46] == "t");
  CHECK(test.class_names()[10] == "A");
}

TEST_CASE("every split of EMNIST has its number of classes, each once") {
  const std::vector<std::pair<EmnistSplit, std::size_t>> sizes{
      {EmnistSplit::by_class, 62}, {EmnistSplit::by_merge, 47}, {EmnistSplit::balanced, 47},
      {EmnistSplit::letters, 26},  {EmnistSplit::digits, 10},   {EmnistSplit::mnist, 10}};
  for (const auto& [split, count] : sizes) {
    auto names = emnist_class_names(split);
    CHECK(names.size() == count);
    CHECK(std::is_sorted(names.begin(), names.end()));
    CHECK(std::unique(names.begin(), names.end()) == names.end());
  }
}

TEST_CASE("a label below the first of a layout or beyond its last is refused") {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& labels) {
    write_part(folder, "emnist-letters-train", labels);
    write_part(folder, "emnist-letters-test", "\x01");
    return message_of([&] { (void)load_emnist(folder.path(), EmnistSplit::letters); });
  };
  CHECK(contains(message(std::string("\x01\0", 2)), "label 1 is 0; expected 1 to 26"));
  CHECK(contains(message("\x1b"), "label 0 is 27; expected 1 to 26"));
}

TEST_CASE("any IDX files may be transposed and counted from another label") {
  const TemporaryFolder folder;
  write_part(folder, "x", "\x05\x07");
  const Dataset data =
      load_idx(folder.path() / "x-images-idx3-ubyte", folder.path() / "x-labels-idx1-ubyte", {}, "",
               {.transposed = true, .first_label = 5});
  CHECK(data.sample_shape() == Shape{3, 2, 1});
  CHECK(data.classes() == 3);
  CHECK(data.label(1) == 2);
}

}  // namespace emnist_test
