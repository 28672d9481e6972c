/// @file
/// Files that may be stored compressed.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "nn/core/file.hpp"

namespace nn {

namespace detail {

/// Decompresses at most `limit` bytes of what `name` holds.
using Decompressor = std::string (*)(std::string_view compressed, Index limit,
                                     const std::string& name);

/// Set by gzip.hpp, wherever in the program it is included, so that this header needs no zlib.
inline Decompressor gzip_decompressor = nullptr;

/// The names of what is in a folder, the first few of them, for messages; empty if there are none.
[[gnu::cold]] [[nodiscard]] inline std::string contents_of(const std::filesystem::path& folder) {
  constexpr std::size_t most = 8;
  std::error_code ignored;
  std::vector<std::string> names;
  for (std::filesystem::directory_iterator i(folder, ignored), end; i != end; i.increment(ignored))
    names.push_back(i->path().filename().string());
  std::sort(names.begin(), names.end());
  std::string list;
  for (std::size_t k = 0; k < std::min(most, names.size()); ++k)
    list += (k > 0 ? ", " : "") + names[k];
  return names.size() > most ? list + ", ..." : list;
}

/// Refuses content that begins as something which is often saved under the name of a data set's
/// file does.
[[gnu::cold]] inline void refuse_other_content(const std::string& name, std::string_view content) {
  const auto refuse_start = [&](std::string_view start, std::string_view what) {
    bool same = content.size() >= start.size();
    for (std::size_t i = 0; same && i < start.size(); ++i) {
      const char c = content[i];
      same = (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) == start[i];
    }
    require<FileError>(!same, name, " is ", what);
  };
  refuse_start(
      "version https://git-lfs",
      "a pointer of Git LFS, not the file that it stands for: fetch that with git lfs pull");
  constexpr std::string_view page =
      "a web page, not data: download it again, and look at what its address answers";
  for (const std::string_view start : {"<!doctype", "<html", "<?xml", "\n<!doctype"})
    refuse_start(start, page);
  refuse_start("pk\x03\x04", "a zip archive: unpack it");
  for (const std::string_view start : {"\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05"})
    refuse_start(start, "a Python pickle, which is not read here: get the binary version");
}

}  // namespace detail

/// The content of a file that may be compressed by gzip, which needs `#include <nn/data/gzip.hpp>`
/// somewhere in the program. Nothing is allocated for what a file claims, only for what it holds.
class StoredFile {
 public:
  /// No reader here takes files beyond this, compressed or not.
  static constexpr Index max_bytes = detail::at_most(std::uint64_t{1} << 31U);

  /// Reads `path` or, where there is none, `path`.gz.
  /// @throws FileError when there is neither, or it is no ordinary file or cannot be read.
  [[gnu::cold]] explicit StoredFile(const std::filesystem::path& path) : name_(path.string()) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) {
      name_ += ".gz";
      if (!std::filesystem::exists(name_, ignored)) {
        const std::string others = detail::contents_of(path.parent_path());
        throw FileError(detail::text("cannot read ", path, ": there is no such file, nor ",
                                     std::string_view(name_).substr(name_.find_last_of("/\\") + 1),
                                     others.empty() ? "" : "; what is there: ", others));
      }
    }
    stored_ = read_file(name_, max_bytes);
  }

  /// The same for bytes that are in memory already.
  StoredFile(std::string name, std::string bytes)
      : name_(std::move(name)), stored_(std::move(bytes)) {}

  /// The path, for messages.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// Whether the file is gzip's.
  [[nodiscard]] bool compressed() const { return stored_.starts_with("\x1f\x8b"); }

  /// The first `limit` bytes of the content, or all of it if there are fewer. What is compressed is
  /// verified where its end comes before the limit.
  /// @throws FileError when the compressed file is broken, or gzip.hpp is not included.
  [[nodiscard]] std::string first(Index limit) const {
    if (!compressed()) return stored_.substr(0, static_cast<std::size_t>(limit));
    require<FileError>(detail::gzip_decompressor != nullptr, "cannot read ", name_,
                       ": it is compressed, which needs #include <nn/data/gzip.hpp> and zlib "
                       "(the CMake target nn::zlib); or decompress it with gunzip");
    return detail::gzip_decompressor(stored_, limit, name_);
  }

  /// The whole content.
  /// @throws FileError as `first` does, and when there are more than `max_bytes`.
  [[nodiscard]] std::string content() const {
    std::string all = first(max_bytes + 1);
    require<FileError>(static_cast<Index>(all.size()) <= max_bytes, "refused to read ", name_,
                       ": it holds more than ", max_bytes, " bytes");
    return all;
  }

 private:
  std::string name_;
  std::string stored_;
};

}  // namespace nn
