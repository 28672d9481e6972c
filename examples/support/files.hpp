/// @file
/// Where the files are that a user names.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>

namespace example {

/// The folder of a data set: `name` within `data` or, where there is none, `data` itself if that
/// holds the data set's files. MNIST and Fashion-MNIST, whose files have the same names, are told
/// by the folder's.
inline std::filesystem::path dataset_folder(const std::filesystem::path& data,
                                            const std::string& name) {
  std::error_code ignored;
  if (std::filesystem::is_directory(data / name, ignored)) return data / name;
  const std::string path = std::filesystem::absolute(data, ignored).lexically_normal().string();
  const bool fashion = path.find("ashion") != std::string::npos;
  const bool cifar = name.starts_with("cifar");
  const auto holds = [&](const char* file) {
    return std::filesystem::is_regular_file(data / file, ignored);
  };
  const bool mnist_files = holds("train-images-idx3-ubyte") ||
                           holds("train-images-idx3-ubyte.gz") ||
                           holds("train-images.idx3-ubyte") || holds("train-images.idx3-ubyte.gz");
  const bool is_it = cifar ? holds("data_batch_1.bin") || holds("data_batch_1.bin.gz")
                           : mnist_files && fashion == (name == "fashion-mnist");
  return is_it ? data : data / name;
}

/// A file by its path or, where there is none and the path is relative, by the same path within the
/// repository that this program was built from, so that examples/weights is found from everywhere.
std::filesystem::path find_file(const std::filesystem::path& path);

}  // namespace example
