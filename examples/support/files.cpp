#include "support/files.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

// Set where the programs are built; the compiler's own __FILE__ may be relative.
#ifndef NN_REPOSITORY
#define NN_REPOSITORY "."
#endif

namespace example {

namespace {

/// Whether `folder` holds the first of the files that the data set comes in.
bool holds(const std::filesystem::path& folder, const std::string& name) {
  const auto any_of = [&](const auto& files) {
    return std::any_of(files.begin(), files.end(), [&](const char* file) {
      std::error_code ignored;
      return std::filesystem::is_regular_file(folder / file, ignored);
    });
  };
  if (name.starts_with("cifar")) {
    return any_of(std::array{"data_batch_1.bin", "data_batch_1.bin.gz"});
  }
  return any_of(std::array{"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz",
                           "train-images.idx3-ubyte", "train-images.idx3-ubyte.gz"});
}

/// `folder` in full and without a slash at its end.
std::filesystem::path whole_path(const std::filesystem::path& folder) {
  std::error_code ignored;
  const auto path = std::filesystem::absolute(folder, ignored).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

std::filesystem::path dataset_folder(const std::filesystem::path& data, const std::string& name) {
  std::error_code ignored;
  if (std::filesystem::is_directory(data / name, ignored) || !holds(data, name)) return data / name;
  const bool fashion = whole_path(data).string().find("ashion") != std::string::npos;
  return name.starts_with("cifar") || fashion == (name == "fashion-mnist") ? data : data / name;
}

std::optional<std::filesystem::path> find_dataset(const std::filesystem::path& data,
                                                  const std::string& name) {
  const char* variable = std::getenv("NN_DATA_DIR");  // NOLINT(concurrency-mt-unsafe): only read
  for (const std::filesystem::path& place :
       {data, whole_path(data).parent_path(), std::filesystem::path(variable ? variable : ""),
        std::filesystem::path(NN_REPOSITORY) / "data",
        std::filesystem::path("/usr/share/datasets")}) {
    if (place.empty()) continue;
    auto folder = dataset_folder(place, name);
    if (holds(folder, name)) return folder;
  }
  return std::nullopt;
}

std::filesystem::path find_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (path.is_absolute() || std::filesystem::exists(path, ignored)) return path;
  const auto repository = std::filesystem::path(NN_REPOSITORY);
  const auto found = (repository / path).lexically_normal();
  return std::filesystem::exists(found, ignored) ? found : path;
}

}  // namespace example
