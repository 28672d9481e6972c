#include "support/files.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

namespace {

namespace fs = std::filesystem;

/// A new folder, removed at the end.
struct Folder {
  fs::path path = fs::temp_directory_path() / "nn_files_test";
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path); }

  /// Makes an empty file and the folders that it lies in.
  void touch(const fs::path& file) const {
    fs::create_directories((path / file).parent_path());
    std::ofstream(path / file) << '\n';
  }
};

TEST_CASE("files: a data set is found within a folder, or as the folder itself") {
  const Folder folder;
  folder.touch("all/mnist/train-images-idx3-ubyte.gz");
  folder.touch("digits/train-images.idx3-ubyte");
  folder.touch("my-fashion/train-images-idx3-ubyte");
  folder.touch("photographs/data_batch_1.bin");
  const auto found = [&](const char* data, const char* name) {
    return example::dataset_folder(folder.path / data, name).lexically_relative(folder.path);
  };
  CHECK(found("all", "mnist") == "all/mnist");
  CHECK(found("all/mnist", "mnist") == "all/mnist");
  CHECK(found("digits", "mnist") == "digits");
  CHECK(found("photographs", "cifar-10-batches-bin") == "photographs");
  CHECK(found("my-fashion", "fashion-mnist") == "my-fashion");
  // Clothes are no digits, though the files have the same names.
  CHECK(found("my-fashion", "mnist") == "my-fashion/mnist");
  CHECK(found("digits", "fashion-mnist") == "digits/fashion-mnist");
  CHECK(found("photographs", "mnist") == "photographs/mnist");
}

TEST_CASE("files: a second data set is found where the first is, or beside it") {
  const Folder folder;
  folder.touch("all/mnist/train-images-idx3-ubyte");
  folder.touch("all/fashion-mnist/train-images.idx3-ubyte.gz");
  folder.touch("elsewhere/cifar-10-batches-bin/data_batch_1.bin");
  fs::create_directories(folder.path / "all/cifar-10-batches-bin");  // without its files
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread reads it
  ::setenv("NN_DATA_DIR", (folder.path / "elsewhere").c_str(), 1);
  const auto found = [&](const char* data, const char* name) {
    const auto place = example::find_dataset(folder.path / data, name);
    return place ? place->lexically_relative(folder.path) : fs::path("none");
  };
  CHECK(found("all", "fashion-mnist") == "all/fashion-mnist");
  CHECK(found("all/mnist", "fashion-mnist") == "all/fashion-mnist");
  CHECK(found("all/mnist/", "fashion-mnist") == "all/fashion-mnist");
  CHECK(found("all/mnist", "mnist") == "all/mnist");
  CHECK(found("all", "cifar-10-batches-bin") == "elsewhere/cifar-10-batches-bin");
  CHECK(found("all", "another") == "none");
  ::unsetenv("NN_DATA_DIR");  // NOLINT(concurrency-mt-unsafe)
}

TEST_CASE("files: weights named as in the README are found from any directory") {
  const Folder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path);
  const fs::path weights = "examples/weights/mnist-best.safetensors";
  const fs::path found = example::find_file(weights);
  folder.touch(weights);
  const fs::path nearer = example::find_file(weights);
  const fs::path none = example::find_file("examples/weights/none.safetensors");
  fs::current_path(before);
  CHECK(found.is_absolute());
  CHECK(fs::file_size(found) > 1000);
  CHECK(nearer == weights);
  CHECK(none == "examples/weights/none.safetensors");
}

}  // namespace
