/// @file
/// Several arrays in one file, as numpy.savez and numpy.savez_compressed write them: a zip archive
/// (PKWARE, ".ZIP File Format Specification") of NPY files. Needs zlib: link nn::zlib.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/data/npy.hpp"

namespace nn {

namespace detail {

/// A file within a zip archive.
struct ZipEntry {
  std::uint64_t method = 0;  ///< 0: stored, 8: deflated
  std::uint64_t checksum = 0;
  std::uint64_t compressed = 0;  ///< bytes
  std::uint64_t size = 0;        ///< bytes
  std::uint64_t place = 0;       ///< of its local header
};

/// The directory of a zip archive, which is at its end.
class ZipDirectory {
 public:
  ZipDirectory(std::string_view archive, const std::string& name) : archive_(archive), name_(name) {
    const std::size_t end = find_end();
    const std::uint64_t count = number(end + 10, 2);
    std::size_t place = static_cast<std::size_t>(number(end + 16, 4));
    for (std::uint64_t i = 0; i < count; ++i) place = read_entry(place);
  }

  [[nodiscard]] std::map<std::string, ZipEntry, std::less<>>& entries() { return entries_; }

 private:
  /// The record at the archive's end is of 22 bytes and a comment of at most 65,535.
  [[nodiscard]] std::size_t find_end() const {
    constexpr std::size_t record = 22;
    require<FileError>(archive_.starts_with("PK") && archive_.size() >= record, name_,
                       ": it does not begin as a zip archive of NumPy's does, with PK");
    const std::size_t last = archive_.size() - record;
    const std::size_t found = archive_.rfind("PK\x05\x06", last);
    require<FileError>(found != std::string_view::npos && last - found <= 0xffff, name_,
                       ": a zip archive without its directory's end: it is truncated");
    return found;
  }

  /// Reads one entry of the directory and returns where the next begins.
  [[nodiscard]] std::size_t read_entry(std::size_t place) {
    constexpr std::size_t fixed = 46;
    require<FileError>(place <= archive_.size() && archive_.size() - place >= fixed &&
                           archive_.substr(place).starts_with("PK\x01\x02"),
                       name_, ", byte ", place, ": expected an entry of the archive's directory");
    const ZipEntry entry{number(place + 10, 2), number(place + 16, 4), number(place + 20, 4),
                         number(place + 24, 4), number(place + 42, 4)};
    const auto name_size = static_cast<std::size_t>(number(place + 28, 2));
    const auto more = static_cast<std::size_t>(number(place + 30, 2) + number(place + 32, 2));
    require<FileError>(archive_.size() - place - fixed >= name_size + more, name_, ", byte ", place,
                       ": the archive's directory is truncated");
    const std::string file(archive_.substr(place + fixed, name_size));
    const bool is_encrypted = (number(place + 8, 2) & 1U) != 0;
    require<FileError>(!is_encrypted, name_, ": ", file, " in it is encrypted");
    require<FileError>(entry.method == 0 || entry.method == 8, name_, ": ", file,
                       " in it is compressed by method ", entry.method,
                       "; expected 0 (stored) or 8 (deflated)");
    require<FileError>(static_cast<Index>(entry.size) <= StoredFile::max_bytes, name_, ": ", file,
                       " in it claims ", entry.size, " bytes or more; at most ",
                       StoredFile::max_bytes, " are read");
    require<FileError>(entries_.emplace(file, entry).second, name_, ": it holds two files ", file);
    return place + fixed + name_size + more;
  }

  [[nodiscard]] std::uint64_t number(std::size_t place, Index bytes) const {
    return npy_bits(archive_.data() + place, bytes, false);
  }

  std::string_view archive_;
  const std::string& name_;
  std::map<std::string, ZipEntry, std::less<>> entries_;
};

/// What deflate has compressed to `compressed`, which is to become `size` bytes. The output grows
/// with what comes, so that a small file cannot claim memory that it does not fill.
[[gnu::cold]] [[nodiscard]] inline std::string inflate_raw(std::string_view compressed,
                                                           std::size_t size,
                                                           const std::string& name) {
  struct Stream : z_stream {
    Stream() : z_stream{} {}
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() { inflateEnd(this); }
  } stream;
  // zlib never writes to its input, but its interface lacks the const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));  // NOLINT
  stream.avail_in = static_cast<uInt>(compressed.size());
  require<FileError>(inflateInit2(&stream, -MAX_WBITS) == Z_OK, "cannot read ", name,
                     ": zlib does not start");
  std::string content;
  std::vector<char> chunk(std::size_t{1} << 16U);
  int status = Z_OK;
  while (status == Z_OK && content.size() <= size) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());  // NOLINT
    stream.avail_out = static_cast<uInt>(chunk.size());
    status = inflate(&stream, Z_NO_FLUSH);
    content.append(chunk.data(), chunk.size() - stream.avail_out);
  }
  require<FileError>(status == Z_STREAM_END && content.size() == size, name,
                     " is broken: its compressed data do not become the ", size,
                     " bytes that the archive's directory says");
  return content;
}

[[nodiscard]] inline std::uint32_t zip_checksum(std::string_view bytes) {
  const auto* data = reinterpret_cast<const Bytef*>(bytes.data());  // NOLINT: zlib reads bytes
  return static_cast<std::uint32_t>(crc32(0, data, static_cast<uInt>(bytes.size())));
}

}  // namespace detail

/// The arrays of an NPZ file, each read when it is asked for.
class NpzFile {
 public:
  /// Takes the content of a file; `name` is what messages call it.
  /// @throws FileError when it is no zip archive, its directory is broken, or something in it is
  /// encrypted, compressed by another method than deflate, or claims more than
  /// `StoredFile::max_bytes`.
  [[gnu::cold]] NpzFile(std::string content, std::string name)
      : content_(std::move(content)), name_(std::move(name)) {
    require<FileError>(static_cast<Index>(content_.size()) <= StoredFile::max_bytes,
                       "refused to read ", name_, ": it holds ", content_.size(), " bytes");
    entries_ = std::move(detail::ZipDirectory(content_, name_).entries());
  }

  /// @throws FileError when the file is missing or too long, and as the other constructor does.
  [[gnu::cold]] explicit NpzFile(const std::filesystem::path& path)
      : NpzFile(read_file(path, StoredFile::max_bytes), path.string()) {}

  /// What the arrays are called, sorted: the names within the archive, without ".npy".
  [[gnu::cold]] [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& [file, entry] : entries_) {
      const std::string_view view = file;
      if (view.ends_with(".npy")) result.emplace_back(view.substr(0, view.size() - 4));
    }
    return result;
  }

  /// The array of that name.
  /// @throws FileError when there is none, it is broken, or as `NpyArray` does.
  [[gnu::cold]] [[nodiscard]] NpyArray array(const std::string& name) const {
    const auto found = entries_.find(name + ".npy");
    require<FileError>(found != entries_.end(), name_, ": it holds no array '", name,
                       "'; it holds ", Listed{*this});
    const detail::ZipEntry& entry = found->second;
    const std::string within = detail::text(name_, "/", found->first);
    const std::string_view stored = stored_bytes(entry, within);
    std::string content =
        entry.method == 0
            ? std::string(stored)
            : detail::inflate_raw(stored, static_cast<std::size_t>(entry.size), within);
    require<FileError>(content.size() == entry.size, within, " is broken: it takes ",
                       content.size(), " bytes, but the archive's directory says ", entry.size);
    require<FileError>(detail::zip_checksum(content) == entry.checksum, within,
                       " is broken: its checksum is not that of the archive's directory");
    return {std::move(content), within};
  }

  /// The array of that name as a tensor: `file.get<float>("x")`.
  /// @throws FileError as `array` and `NpyArray::get` do.
  template <detail::NpyElement T>
  [[nodiscard]] Tensor<T> get(const std::string& name) const {
    return array(name).get<T>();
  }

 private:
  struct Listed {
    const NpzFile& file;
    [[nodiscard]] std::string to_string() const {
      std::string list;
      for (const std::string& name : file.names())
        list += (list.empty() ? "'" : ", '") + name + "'";
      return list.empty() ? "none" : list;
    }
  };

  /// The bytes of an entry as they are in the archive, behind a header of their own.
  [[nodiscard]] std::string_view stored_bytes(const detail::ZipEntry& entry,
                                              const std::string& within) const {
    constexpr std::size_t fixed = 30;
    const std::string_view archive = content_;
    const auto place = static_cast<std::size_t>(entry.place);
    const bool there = place <= archive.size() && archive.size() - place >= fixed &&
                       archive.substr(place).starts_with("PK\x03\x04");
    require<FileError>(there, within, ": expected its header at byte ", place, " of the archive");
    const auto names = static_cast<std::size_t>(detail::npy_bits(&archive[place + 26], 2, false) +
                                                detail::npy_bits(&archive[place + 28], 2, false));
    const std::size_t rest = archive.size() - place - fixed;
    require<FileError>(names <= rest && entry.compressed <= rest - names, within,
                       " is truncated: the archive ends within its ", entry.compressed, " bytes");
    return archive.substr(place + fixed + names, static_cast<std::size_t>(entry.compressed));
  }

  std::string content_;
  std::string name_;
  std::map<std::string, detail::ZipEntry, std::less<>> entries_;
};

/// Arrays to be written into one NPZ file, uncompressed:
///
///     nn::NpzWriter file;
///     file.add("x", inputs);
///     file.add("y", labels);
///     file.write("data.npz");
class NpzWriter {
 public:
  /// Adds an array. @throws Error for a name that is empty, or was added before, and when the file
  /// would become longer than the format can say.
  template <detail::NpyElement T>
  void add(const std::string& name, const Tensor<T>& array) {
    add_file(name, encode_npy(array));
  }

  /// The bytes of the file.
  [[nodiscard]] std::string encode() const {
    std::string archive = files_ + directory_;
    archive += std::string("PK\x05\x06\0\0\0\0", 8) + little_endian(names_.size(), 2) +
               little_endian(names_.size(), 2) + little_endian(directory_.size(), 4) +
               little_endian(files_.size(), 4) + little_endian(0, 2);
    return archive;
  }

  /// Writes the file for `numpy.load`, whole or not at all. @throws FileError when it cannot.
  void write(const std::filesystem::path& path) const { write_file(path, encode()); }

 private:
  [[nodiscard]] static std::string little_endian(std::uint64_t number, unsigned bytes) {
    std::string result;
    for (unsigned i = 0; i < bytes; ++i) result += static_cast<char>(number >> (8 * i) & 0xffU);
    return result;
  }

  [[gnu::cold]] void add_file(const std::string& name, const std::string& content) {
    require(!name.empty() && name.size() < 0x8000, "an array of an NPZ file without a name");
    require(std::find(names_.begin(), names_.end(), name) == names_.end(), "a second array '", name,
            "' in one NPZ file");
    require(
        names_.size() < 0xffff && files_.size() + directory_.size() + content.size() < 0x7fff0000U,
        "an NPZ file of more than 2 GiB or 65,535 arrays");
    names_.push_back(name);
    const std::string file = name + ".npy";
    // The version that reading takes (2.0), flags, method (stored), and a time: 1 January 1980.
    const std::string common = std::string("\x14\0\0\0\0\0\0\0\x21\0", 10) +
                               little_endian(detail::zip_checksum(content), 4) +
                               little_endian(content.size(), 4) + little_endian(content.size(), 4) +
                               little_endian(file.size(), 2) + little_endian(0, 2);
    directory_ += std::string("PK\x01\x02\x14\0", 6) + common + std::string(10, '\0') +
                  little_endian(files_.size(), 4) + file;
    files_ += "PK\x03\x04" + common + file + content;
  }

  std::vector<std::string> names_;
  std::string files_;
  std::string directory_;
};

}  // namespace nn
