/// @file
/// Files compressed by gzip. Where a program includes this header, every reader of data sets reads
/// .gz files. It needs zlib: link nn::zlib.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/data/stored_file.hpp"

namespace nn {

namespace detail {

/// A zlib stream over the members of a gzip file.
class Inflater {
 public:
  Inflater(std::string_view compressed, std::string name)
      : name_(std::move(name)), compressed_(compressed) {
    require<FileError>(compressed.size() <= std::numeric_limits<uInt>::max(), "refused to read ",
                       name_, ": ", compressed.size(), " compressed bytes are too many for zlib");
    // zlib never writes to its input, but its interface lacks the const.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));  // NOLINT
    stream_.avail_in = static_cast<uInt>(compressed.size());
    constexpr int gzip_only = 16 + MAX_WBITS;
    require<FileError>(inflateInit2(&stream_, gzip_only) == Z_OK, "cannot read ", name_,
                       ": zlib does not start");
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  /// Writes the next `count` bytes and returns their number: fewer only at the end of the file.
  [[nodiscard]] std::size_t read(char* to, std::size_t count) {
    stream_.next_out = reinterpret_cast<Bytef*>(to);  // NOLINT
    stream_.avail_out = static_cast<uInt>(count);
    while (stream_.avail_out > 0 && !ended_) step();
    return count - stream_.avail_out;
  }

  [[nodiscard]] bool ended() const { return ended_; }

 private:
  void step() {
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) return end_member();
    require<FileError>(status != Z_BUF_ERROR, name_, " is broken: it ends too early, after ",
                       content(), " bytes of content");
    require<FileError>(status == Z_OK, name_, " is broken: at byte ", place(),
                       " of the file, after ", content(), " bytes of content, ", reason(status));
  }

  /// A gzip file is one or more members, one after another (RFC 1952, 2.2). Bytes 0 after the last
  /// are the filling of tapes and blocks, which gzip ignores too.
  void end_member() {
    earlier_members_ += stream_.total_out;
    const std::string_view rest = compressed_.substr(place());
    const std::size_t more = std::min(rest.find_first_not_of('\0'), rest.size());
    ended_ = more == rest.size();
    require<FileError>(ended_ || std::string_view("\x1f\x8b").starts_with(rest.substr(0, 2)), name_,
                       " is broken: its compressed data end at byte ", place(), " after ",
                       earlier_members_, " bytes of content, but ", rest.size() - more,
                       " bytes that are not gzip's follow from byte ", place() + more, " on");
    if (!ended_) inflateReset(&stream_);
  }

  /// How many bytes of the file are read.
  [[nodiscard]] std::size_t place() const { return compressed_.size() - stream_.avail_in; }
  /// The bytes of content so far, of this member (which zlib counts) and those before.
  [[nodiscard]] std::size_t content() const { return earlier_members_ + stream_.total_out; }

  [[nodiscard]] std::string reason(int status) const {
    if (stream_.msg != nullptr) return stream_.msg;
    return status == Z_MEM_ERROR ? "memory ran out" : "the data cannot be decompressed";
  }

  std::string name_;
  std::string_view compressed_;
  std::size_t earlier_members_ = 0;  ///< their content's bytes
  z_stream stream_{};
  bool ended_ = false;
};

/// At most `limit` bytes of the content. The output grows as it is read, so a small file cannot
/// make it allocate much.
[[nodiscard]] inline std::string gunzip_at_most(std::string_view compressed, Index limit,
                                                const std::string& name) {
  Inflater inflater(compressed, name);
  std::string content;
  std::vector<char> chunk(std::size_t{1} << 16);
  const auto bound = static_cast<std::size_t>(limit);
  while (content.size() < bound && !inflater.ended()) {
    const std::size_t wanted = std::min(chunk.size(), bound - content.size());
    content.append(chunk.data(), inflater.read(chunk.data(), wanted));
  }
  return content;
}

inline const bool gzip_is_known = (gzip_decompressor = &gunzip_at_most, true);

}  // namespace detail

/// The content of a gzip file given as bytes; `name` is what messages call it. Bytes
/// 0 after its end are ignored, as gzip does.
/// @throws FileError when it is broken, or holds more than `max_bytes`.
[[nodiscard]] inline std::string gunzip(std::string_view compressed, Index max_bytes,
                                        const std::string& name = "the gzip data") {
  std::string content = detail::gunzip_at_most(compressed, max_bytes + 1, name);
  require<FileError>(static_cast<Index>(content.size()) <= max_bytes, "refused to read ", name,
                     ": it holds more than the ", max_bytes, " bytes expected");
  return content;
}

}  // namespace nn
