/// @file
/// What the tests of the data readers share: small files, folders that go away, and where the real
/// data sets are.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <iostream>
#include <random>
#include <string>

#include "nn/core/error.hpp"
#include "nn/core/file.hpp"

namespace data_files {

/// The folder of the tests, with what they have recorded.
extern const std::filesystem::path tests_folder;

/// A new folder, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::temp_directory_path() /
              ("nn_data_test_" + std::to_string(std::random_device{}()))) {
    std::filesystem::create_directories(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Writes a file and returns its path.
  std::filesystem::path write(const std::string& name, const std::string& content) const {
    nn::write_file(path_ / name, content);
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

inline std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>(number >> shift);
  return bytes;
}

/// An IDX file's header: the magic number and the extents.
inline std::string idx_header(std::uint32_t magic, std::initializer_list<std::uint32_t> extents) {
  std::string bytes = big_endian(magic);
  for (const std::uint32_t extent : extents) bytes += big_endian(extent);
  return bytes;
}

/// The bytes 0, 1, 2, ..., `count` of them.
inline std::string counting(std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) bytes += static_cast<char>(i);
  return bytes;
}

/// The message of the `E` that `function` throws.
template <class E = nn::FileError, class Function>
std::string message_of(Function&& function) {
  try {
    function();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

inline bool contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  std::cerr << "'" << part << "' is not in '" << text << "'\n";
  return false;
}

/// The folder of a real data set, in $NN_DATA_DIR; empty, with a word about it, if it is not there.
inline std::filesystem::path real_data(const std::string& name) {
  const char* folder = std::getenv("NN_DATA_DIR");
  if (folder != nullptr && std::filesystem::is_directory(std::filesystem::path(folder) / name))
    return std::filesystem::path(folder) / name;
  std::cerr << "skipped: no " << name << " in "
            << (folder == nullptr ? "$NN_DATA_DIR, which is not set" : folder) << '\n';
  return {};
}

}  // namespace data_files
