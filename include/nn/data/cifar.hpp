/// @file
/// CIFAR-10 (Krizhevsky, "Learning multiple layers of features from tiny images", 2009) in its
/// binary version: records of a label and three planes, red, green and blue, of 32 x 32 bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "nn/data/dataset.hpp"
#include "nn/data/stored_file.hpp"

namespace nn {

namespace detail {

/// The images and labels of several batch files, put one after another.
class CifarReader {
 public:
  CifarReader(Index files, Index images_per_file)
      : images_per_file_(images_per_file), images_(Shape{files * images_per_file, 32, 32, 3}) {}

  /// @throws FileError when the file has another size, or a label above 9.
  void add(const StoredFile& file) {
    const Index expected = images_per_file_ * record_bytes;
    const std::string content = file.first(expected + 1);
    const auto found = static_cast<Index>(content.size());
    refuse_other_content(file.name(), content);
    require<FileError>(found == expected, file.name(), ": it should have ", expected, " bytes (",
                       images_per_file_, " images of ", record_bytes, "), it has ",
                       found > expected ? "more" : std::to_string(found));
    for (Index i = 0; i < images_per_file_; ++i) add(content.data() + i * record_bytes, i, file);
  }

  [[nodiscard]] Dataset finish(std::string name) {
    return Dataset(
        std::move(images_), std::move(labels_),
        {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
        std::move(name));
  }

 private:
  static constexpr Index plane = Index{32} * 32;
  static constexpr Index record_bytes = 1 + 3 * plane;

  void add(const char* record, Index number, const StoredFile& file) {
    const auto label = static_cast<std::uint8_t>(*record);
    require<FileError>(label <= 9, file.name(), ": image ", number, " (at byte ",
                       number * record_bytes, ") has label ", int{label}, "; expected 0 to 9");
    std::uint8_t* pixels = images_.data() + static_cast<Index>(labels_.size()) * 3 * plane;
    for (Index i = 0; i < plane; ++i) {
      for (Index channel = 0; channel < 3; ++channel)
        pixels[3 * i + channel] = static_cast<std::uint8_t>(record[1 + channel * plane + i]);
    }
    labels_.push_back(label);
  }

  Index images_per_file_;
  Tensor<std::uint8_t> images_;
  std::vector<Label> labels_;
};

}  // namespace detail

/// How CIFAR-10 is read.
struct CifarOptions {
  Index images_per_file = 10000;  ///< fewer than the published files have: for shortened copies
};

/// CIFAR-10's 50,000 training and 10,000 test images, 32x32x3, from data_batch_1.bin to
/// data_batch_5.bin and test_batch.bin in `folder` (each possibly with .gz, as `read_idx` says).
/// @throws FileError naming the file that is missing, too short or too long, or that has a label
/// above 9.
[[nodiscard]] inline TrainTest load_cifar10(const std::filesystem::path& folder,
                                            const CifarOptions& options = {}) {
  std::error_code ignored;
  require<FileError>(std::filesystem::is_directory(folder, ignored),
                     "cannot read CIFAR-10: ", folder, " is not a folder");
  require(options.images_per_file > 0 && options.images_per_file <= 10000, "CIFAR-10 with ",
          options.images_per_file, " images a file; expected 1 to 10000");
  require<FileError>(
      std::filesystem::exists(folder / "data_batch_1.bin", ignored) ||
          !std::filesystem::exists(folder / "data_batch_1", ignored),
      "cannot read CIFAR-10: ", folder,
      " holds its version for Python (data_batch_1 is a pickle); what is read is the "
      "binary version (data_batch_1.bin), cifar-10-binary.tar.gz from "
      "https://www.cs.toronto.edu/~kriz/cifar.html");
  detail::CifarReader train(5, options.images_per_file);
  for (const char* number : {"1", "2", "3", "4", "5"})
    train.add(StoredFile(folder / (std::string("data_batch_") + number + ".bin")));
  detail::CifarReader test(1, options.images_per_file);
  test.add(StoredFile(folder / "test_batch.bin"));
  return {train.finish("CIFAR-10 training"), test.finish("CIFAR-10 test")};
}

}  // namespace nn
