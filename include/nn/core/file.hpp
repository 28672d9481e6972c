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
#include <sys/stat.h>
#include <unistd.h>
#endif

#include "nn/core/error.hpp"
#include "nn/core/shape.hpp"

namespace nn {

namespace detail {

/// The reason why the last system call failed; "unknown reason" when the system gives none.
[[nodiscard]] inline std::string system_reason(int code) {
  return code == 0 ? "unknown reason" : std::generic_category().message(code);
}

/// The same for messages, looked up only when one is written.
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

/// Flushes what was written to `path` to the disk, where the system can: after a power cut, a
/// renamed file must not lack its bytes.
inline void sync_file([[maybe_unused]] const std::filesystem::path& path) {
#if __has_include(<unistd.h>)
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);  // NOLINT(*-vararg)
  if (file < 0) return;
  ::fsync(file);
  ::close(file);
#endif
}

/// Gives the file `written` the permissions of the one it is to replace, if there is one, and its
/// owner where the system allows that.
inline void keep_owner(const std::filesystem::path& written, const std::filesystem::path& place) {
  std::error_code code;
  const auto status = std::filesystem::status(place, code);
  if (!std::filesystem::is_regular_file(status)) return;
#if __has_include(<unistd.h>)
  struct stat before {};
  if (::stat(place.c_str(), &before) == 0) {
    constexpr auto same = static_cast<uid_t>(-1);
    if (::chown(written.c_str(), same, before.st_gid) != 0) code.assign(errno, code.category());
    if (::chown(written.c_str(), before.st_uid, same) != 0) code.assign(errno, code.category());
  }
#endif
  std::filesystem::permissions(written, status.permissions(), code);  // last: chown takes some away
}

/// Renames `temporary` to `place`, as `writable_place` found it, with the permissions that a file
/// of that name had. @throws FileError when the system refuses.
inline void rename_into_place(RemovedAtEnd& temporary, const std::filesystem::path& place) {
  std::error_code code;
  keep_owner(temporary.path, place);
  sync_file(temporary.path);
  std::filesystem::rename(temporary.path, place, code);
  require<FileError>(!code, "cannot write ", place, ": ", detail::Reason{code.value()});
  temporary.path.clear();
}

/// Where a file called `path` is written: `path` itself, or what it leads to if it is a symbolic
/// link, since links stay.
/// @throws FileError when its folder does not exist, or when `path` is no ordinary file: a folder,
/// a device, a pipe.
[[gnu::cold]] [[nodiscard]] inline std::filesystem::path writable_place(
    const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code code;
  const auto status = fs::status(path, code);
  require<FileError>(!fs::is_directory(status), "cannot write ", path, ": it is a folder");
  require<FileError>(!fs::exists(status) || fs::is_regular_file(status), "cannot write ", path,
                     ": it is not an ordinary file");
  fs::path place = path;
  for (int links = 0; fs::is_symlink(fs::symlink_status(place, code)); ++links) {
    const fs::path target = fs::read_symlink(place, code);
    require<FileError>(!code && links < 40, "cannot write ", path, ": the link ", place,
                       " leads nowhere");
    place = place.parent_path() / target;  // which is the target alone where that is absolute
  }
  const auto folder = place.parent_path();
  require<FileError>(folder.empty() || fs::is_directory(folder, code), "cannot write ", path,
                     ": there is no folder ", folder);
  return place;
}

}  // namespace detail

/// Writes `content` to a temporary file beside `path` and renames it, so that `path` holds either
/// all of it or what it held before. The new file has the permissions of the old one, and its owner
/// where the system allows that; a symbolic link stays, and its target is written.
/// @throws FileError when the folder is missing, the disk is full or `path` is no ordinary file;
/// nothing is left behind.
inline void write_file(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path place = detail::writable_place(path);
  detail::RemovedAtEnd temporary(detail::temporary_beside(place));
  errno = 0;
  std::ofstream file(temporary.path, std::ios::binary);
  require<FileError>(file.is_open(), "cannot write ", path, ": ", detail::Reason{errno});
  detail::keep_owner(temporary.path, place);  // before anybody can read what is private
  errno = 0;
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  require<FileError>(!file.fail(), "cannot write the ", content.size(), " bytes of ", path, ": ",
                     detail::Reason{errno});
  detail::rename_into_place(temporary, place);
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
