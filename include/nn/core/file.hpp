/// @file
/// Whole files in and out, so that a reader never meets half a file.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#if __has_include(<unistd.h>)
#include <fcntl.h>
#include <unistd.h>
#endif

#include "nn/core/error.hpp"
#include "nn/core/shape.hpp"

namespace nn {

namespace detail {

/// Why the last system call failed, in words; "unknown reason" when the system does not say.
[[nodiscard]] inline std::string system_reason(int code) {
  return code == 0 ? "unknown reason" : std::generic_category().message(code);
}

/// The same for messages, found out only when one is written.
struct Reason {
  int code;
  [[nodiscard]] std::string to_string() const { return system_reason(code); }
};

/// A name beside `path` that no other thread of this program and no other program uses. It keeps
/// the extension, by which some programs choose a format.
[[nodiscard]] inline std::filesystem::path temporary_beside(const std::filesystem::path& path) {
  static std::atomic<unsigned> counter{0};
  // The address of a variable differs between two programs that run at the same time.
  const auto tag = reinterpret_cast<std::uintptr_t>(&counter);  // NOLINT
  auto name = path.stem();
  name += text(".part", tag, "-", counter++);
  name += path.extension();
  return path.parent_path() / name;
}

/// Removes a file when the scope ends, unless `path` was cleared before.
struct RemovedAtEnd {
  std::filesystem::path path;
  RemovedAtEnd(const RemovedAtEnd&) = delete;
  RemovedAtEnd& operator=(const RemovedAtEnd&) = delete;
  explicit RemovedAtEnd(std::filesystem::path file) : path(std::move(file)) {}
  ~RemovedAtEnd() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove(path, ignored);
  }
};

/// Has the system put on the disk what was written to `path`, where it can: a rename that outlives
/// a power cut must not name a file whose bytes did not.
inline void sync_file([[maybe_unused]] const std::filesystem::path& path) {
#if __has_include(<unistd.h>)
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);  // NOLINT(*-vararg)
  if (file < 0) return;
  ::fsync(file);
  ::close(file);
#endif
}

/// Gives `temporary` the name `path`, whatever had it before.
/// @throws FileError when the system refuses.
inline void rename_into_place(RemovedAtEnd& temporary, const std::filesystem::path& path) {
  std::error_code code;
  sync_file(temporary.path);
  std::filesystem::rename(temporary.path, path, code);
  require<FileError>(!code, "cannot write ", path, ": ", detail::Reason{code.value()});
  temporary.path.clear();
}

/// @throws FileError when the folder that is to hold `path` does not exist or `path` is a folder.
inline void require_writable_place(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto folder = path.parent_path();
  require<FileError>(folder.empty() || std::filesystem::is_directory(folder, ignored),
                     "cannot write ", path, ": there is no folder ", folder);
  require<FileError>(!std::filesystem::is_directory(path, ignored), "cannot write ", path,
                     ": it is a folder");
}

}  // namespace detail

/// Writes `content` to a temporary file beside `path` and renames it, so that `path` holds either
/// all of it or what it held before.
/// @throws FileError when the folder is missing or the disk is full; nothing is left behind.
inline void write_file(const std::filesystem::path& path, std::string_view content) {
  detail::require_writable_place(path);
  detail::RemovedAtEnd temporary(detail::temporary_beside(path));
  errno = 0;
  std::ofstream file(temporary.path, std::ios::binary);
  require<FileError>(file.is_open(), "cannot write ", path, ": ", detail::Reason{errno});
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  require<FileError>(!file.fail(), "cannot write the ", content.size(), " bytes of ", path, ": ",
                     detail::Reason{errno});
  detail::rename_into_place(temporary, path);
}

/// The bytes of a file of at most `max_bytes`.
/// @throws FileError when it is missing, no ordinary file, unreadable or larger.
[[gnu::cold]] [[nodiscard]] inline std::string read_file(const std::filesystem::path& path,
                                                         Index max_bytes = Index{1} << 30) {
  std::error_code code;
  const auto status = std::filesystem::status(path, code);
  require<FileError>(std::filesystem::exists(status), "cannot read ", path,
                     ": there is no such file");
  require<FileError>(std::filesystem::is_regular_file(status), "cannot read ", path,
                     ": it is not an ordinary file");
  const auto size = static_cast<Index>(std::filesystem::file_size(path, code));
  require<FileError>(!code, "cannot read ", path, ": ", detail::Reason{code.value()});
  require<FileError>(size <= max_bytes, "refused to read ", path, ": it has ", size,
                     " bytes, and at most ", max_bytes, " were expected");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  require<FileError>(file.is_open(), "cannot read ", path, ": ", detail::Reason{errno});
  std::string content(static_cast<std::size_t>(size), '\0');
  file.read(content.data(), size);
  require<FileError>(file.gcount() == size, "cannot read ", path, ": only ", file.gcount(),
                     " of its ", size, " bytes came");
  return content;
}

}  // namespace nn
