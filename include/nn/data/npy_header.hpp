/// @file
/// The header of NumPy's array files (NumPy Enhancement Proposal 1, "A simple file format for NumPy
/// arrays", and numpy.lib.format): the bytes "\x93NUMPY", the format's version, the length of the
/// rest, and a Python dictionary. The elements follow.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "nn/core/shape.hpp"
#include "nn/data/stored_file.hpp"

namespace nn {

namespace detail {

/// The type of an array's elements, as `descr` says: "<f4", ">i8", "|u1", "|b1".
struct NpyType {
  char kind = 'f';  ///< 'f', 'i' (with a sign), 'u' (without) or 'b' (true and false)
  Index bytes = 4;
  bool big_endian = false;

  [[nodiscard]] std::string to_string() const {
    const char order = bytes == 1 ? '|' : big_endian ? '>' : '<';
    return {order, kind, static_cast<char>('0' + bytes)};
  }
};

/// What an array file's header says.
struct NpyHeader {
  NpyType type;
  bool fortran_order = false;
  Shape shape;
  std::size_t bytes = 0;  ///< of all that comes before the elements
};

/// Reads the dictionary of an array file's header. Messages count bytes from the file's first.
class NpyHeaderParser {
 public:
  NpyHeaderParser(std::string_view header, std::size_t place, const std::string& name)
      : text_(header), offset_(place), name_(name) {}

  [[nodiscard]] NpyHeader parse() {
    expect('{');
    while (!accept('}')) {
      const std::string_view key = parse_text();
      expect(':');
      parse_value(key);
      if (accept(',')) continue;
      expect('}');
      break;
    }
    require<FileError>(has_type_ && has_order_ && has_shape_, name_,
                       ": its header lacks 'descr', 'fortran_order' or 'shape'");
    return header_;
  }

 private:
  void parse_value(std::string_view key) {
    if (key == "descr") {
      parse_type();
      has_type_ = true;
    } else if (key == "fortran_order") {
      header_.fortran_order = parse_truth();
      has_order_ = true;
    } else if (key == "shape") {
      parse_shape();
      has_shape_ = true;
    } else {
      fail({"the header has the key '", key,
            "'; expected 'descr', 'fortran_order' and 'shape' alone"});
    }
  }

  void parse_type() {
    skip_spaces();
    const std::size_t begin = place_;
    if (place_ < text_.size() && text_[place_] == '[')
      fail({"the elements are records of several fields; expected one array of numbers"});
    const std::string_view descr = parse_text();
    if (descr.size() == 3) {
      const char order = descr[0];
      NpyType type{descr[1], descr[2] - '0', order == '>'};
      const bool fits =
          (type.kind == 'f' && (type.bytes == 4 || type.bytes == 8)) ||
          ((type.kind == 'i' || type.kind == 'u') && type.bytes > 0 && type.bytes <= 8 &&
           std::has_single_bit(static_cast<unsigned>(type.bytes))) ||
          (type.kind == 'b' && type.bytes == 1);
      const bool ordered = order == '<' || order == '>' || (order == '|' && type.bytes == 1);
      if (fits && ordered) {
        header_.type = type;
        return;
      }
    }
    place_ = begin;
    fail({"elements of type '", descr,
          "' are not read; expected floats of 4 or 8 bytes, integers of 1 to 8, or booleans"});
  }

  [[nodiscard]] bool parse_truth() {
    skip_spaces();
    for (const std::string_view word : {"True", "False"}) {
      if (!text_.substr(place_).starts_with(word)) continue;
      place_ += word.size();
      return word == "True";
    }
    fail({"expected True or False"});
  }

  void parse_shape() {
    expect('(');
    std::uint64_t size = 1;
    while (!accept(')')) {
      if (header_.shape.rank() == Shape::max_rank)
        fail({"the array has more than ", Shape::max_rank, " axes"});
      const std::uint64_t extent = parse_extent();
      if (extent > 0) size *= extent;
      if (extent > most || size > most)
        fail({"the array claims more than ", most, " elements, the most that are read"});
      header_.shape.push_back(static_cast<Index>(extent));
      if (accept(',')) continue;
      expect(')');
      break;
    }
  }

  [[nodiscard]] std::uint64_t parse_extent() {
    skip_spaces();
    const std::size_t begin = place_;
    std::uint64_t number = 0;
    while (place_ < text_.size() && text_[place_] >= '0' && text_[place_] <= '9' && number <= most)
      number = 10 * number + static_cast<std::uint64_t>(text_[place_++] - '0');
    if (place_ == begin) fail({"expected an extent"});
    return number;
  }

  [[nodiscard]] std::string_view parse_text() {
    skip_spaces();
    const char quote = place_ < text_.size() ? text_[place_] : '\0';
    if (quote != '\'' && quote != '"') fail({"expected a text in quotes"});
    const std::size_t end = text_.find(quote, place_ + 1);
    if (end == std::string_view::npos) fail({"a quote is never closed"});
    const std::string_view found = text_.substr(place_ + 1, end - place_ - 1);
    place_ = end + 1;
    return found;
  }

  void skip_spaces() {
    while (place_ < text_.size() && (text_[place_] == ' ' || text_[place_] == '\n')) ++place_;
  }
  bool accept(char c) {
    skip_spaces();
    const bool found = place_ < text_.size() && text_[place_] == c;
    if (found) ++place_;
    return found;
  }
  void expect(char c) {
    if (!accept(c)) fail({"expected '", c, "'"});
  }
  [[noreturn, gnu::cold]] void fail(std::initializer_list<TextPart> parts) const {
    throw FileError(text(name_, ", byte ", offset_ + place_, ": ", join(parts)));
  }

  static constexpr auto most = static_cast<std::uint64_t>(at_most(std::uint64_t{1} << 31U));

  std::string_view text_;
  std::size_t offset_;
  const std::string& name_;
  std::size_t place_ = 0;
  NpyHeader header_;
  bool has_type_ = false;
  bool has_order_ = false;
  bool has_shape_ = false;
};

/// The number in `count` bytes, the lowest first or last.
[[nodiscard]] inline std::uint64_t npy_bits(const char* bytes, Index count, bool big_endian) {
  std::uint64_t bits = 0;
  for (Index i = 0; i < count; ++i)
    bits = bits << 8U | static_cast<std::uint8_t>(bytes[big_endian ? i : count - 1 - i]);
  return bits;
}

/// The header of an array file.
[[gnu::cold]] [[nodiscard]] inline NpyHeader parse_npy_header(std::string_view content,
                                                              const std::string& name) {
  refuse_other_content(name, content);
  require<FileError>(content.starts_with("\x93NUMPY") && content.size() >= 10, name,
                     ": it does not begin as a file of NumPy's does, with \\x93NUMPY");
  const auto version = static_cast<std::uint8_t>(content[6]);
  require<FileError>(version >= 1 && version <= 3, name, ", byte 6: the format's version is ",
                     int{version}, "; expected 1, 2 or 3");
  const Index length_bytes = version == 1 ? 2 : 4;
  const std::size_t begin = 8 + static_cast<std::size_t>(length_bytes);
  require<FileError>(content.size() >= begin, name, ": it ends within its header, after ",
                     content.size(), " bytes");
  const auto length = static_cast<std::size_t>(npy_bits(content.data() + 8, length_bytes, false));
  require<FileError>(length <= content.size() - begin, name,
                     ": it ends within its header, which "
                     "takes ",
                     length, " bytes from byte ", begin, " on, of ", content.size());
  NpyHeader header = NpyHeaderParser(content.substr(begin, length), begin, name).parse();
  header.bytes = begin + length;
  return header;
}

}  // namespace detail

}  // namespace nn
