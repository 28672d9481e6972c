/// @file
/// Tables in files of comma-separated values (RFC 4180), or separated by tabs or semicolons.
///
/// The parser is the library's own. Of those in Debian 12, libfccp-dev (Fast C++ CSV Parser) needs
/// the number of columns at compile time and reads no line ends within quotes; libcsv-dev (libcsv
/// 3) reads them, but does not say in which line a cell is, which error messages need.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/data/stored_file.hpp"
#include "nn/data/table.hpp"

namespace nn {

/// How a table is written in a file.
struct CsvOptions {
  char separator = ',';      ///< between two cells
  bool header = true;        ///< the first line has the columns' names
  char decimal_point = '.';  ///< of numbers: often a comma where the separator is a semicolon
  /// What is written where a value is missing.
  std::vector<std::string> missing{"", "NA", "N/A", "NaN", "nan", "NULL", "null", "?"};
  Index max_cells = detail::at_most(std::uint64_t{1} << 28U);  ///< more are refused
};

namespace detail {

/// Splits a text into cells, in place: their contents, without quotes, are moved to the beginning
/// of the text. A cell never gets longer.
class CsvParser {
 public:
  CsvParser(std::string text, const std::string& name, const CsvOptions& options)
      : options_(options) {
    table_.name = name;
    table_.text = std::move(text);
    table_.missing = options.missing;
    table_.decimal_point = options.decimal_point;
  }

  [[nodiscard]] TableContents parse() {
    check_options();
    skip_byte_order_mark();
    while (skip_empty_lines()) parse_row();
    require<FileError>(columns_ > 0, table_.name, ": it holds no ",
                       options_.header ? "header" : "rows");
    table_.text.resize(written_);
    if (options_.header) {
      take_header();
    } else {
      for (std::size_t k = 0; k < columns_; ++k) table_.columns.push_back(std::to_string(k + 1));
    }
    return std::move(table_);
  }

 private:
  void check_options() const {
    const auto cannot_separate = [](char c) {
      return c == '"' || c == '\n' || c == '\r' || c == '\0' || (c >= '0' && c <= '9');
    };
    require(!cannot_separate(options_.separator) && !cannot_separate(options_.decimal_point) &&
                options_.separator != options_.decimal_point,
            "a table cannot have '", options_.separator, "' between its cells and '",
            options_.decimal_point, "' in its numbers");
    require<FileError>(table_.text.size() <= std::numeric_limits<std::uint32_t>::max(),
                       "refused to read ", table_.name, ": it holds ", table_.text.size(),
                       " bytes");
  }

  void skip_byte_order_mark() {
    const std::string_view text = table_.text;
    require<FileError>(!text.starts_with("\xff\xfe") && !text.starts_with("\xfe\xff"), table_.name,
                       ": its text is in UTF-16; save it as UTF-8");
    if (text.starts_with("\xef\xbb\xbf")) place_ = 3;
  }

  /// Goes to the next line that is not blank. Returns whether there is one.
  bool skip_empty_lines() {
    for (;;) {
      std::size_t next = place_;
      while (next < size() && is_space(table_.text[next])) ++next;
      if (next == size()) return false;
      if (!is_line_end(table_.text[next])) return true;
      place_ = next;
      skip_line_end();
    }
  }

  void parse_row() {
    table_.lines.push_back(line_);
    const std::size_t before = table_.ends.size();
    for (bool more = true; more;) {
      parse_cell(table_.ends.size() - before + 1);
      require<FileError>(static_cast<Index>(table_.ends.size()) < options_.max_cells,
                         "refused to read ", table_.name, ": it holds more than ",
                         options_.max_cells, " cells");
      table_.ends.push_back(static_cast<std::uint32_t>(written_));
      more = place_ < size() && table_.text[place_] == options_.separator;
      if (more) ++place_;
    }
    if (place_ < size()) skip_line_end();
    const std::size_t cells = table_.ends.size() - before;
    if (columns_ == 0) columns_ = cells;
    require<FileError>(cells == columns_, table_.name, ": line ", table_.lines.back(), " has ",
                       cells, cells == 1 ? " cell" : " cells", "; expected ", columns_, " as in ",
                       options_.header ? "the header" : "the first row", advice(cells));
  }

  /// Why a row may have another number of cells than the first.
  [[nodiscard]] std::string advice(std::size_t cells) const {
    if (columns_ != 1 && cells != 1) return {};
    return text(" (is the separator '",
                options_.separator == '\t' ? TextPart("\\t") : TextPart(options_.separator), "'?)");
  }

  /// The cell up to the next separator or line end, which is not consumed.
  void parse_cell(std::size_t column) {
    while (place_ < size() && is_space(table_.text[place_])) ++place_;
    if (place_ < size() && table_.text[place_] == '"') return parse_quoted_cell(column);
    const std::size_t begin = written_;
    std::size_t end = written_;  // without the spaces behind it
    for (; place_ < size(); ++place_) {
      const char c = table_.text[place_];
      if (c == options_.separator || is_line_end(c)) break;
      check_byte(c, column);
      table_.text[written_++] = c;
      if (!is_space(c)) end = written_;
    }
    written_ = std::max(begin, end);
  }

  /// The same for a quoted cell, in which two quotes stand for one.
  void parse_quoted_cell(std::size_t column) {
    const Index opened = line_;
    ++place_;
    for (;;) {
      require<FileError>(place_ < size(), table_.name, ", line ", opened, ", column ", column,
                         ": the quote that opens the cell is never closed");
      const char c = table_.text[place_];
      if (c == '"') {
        ++place_;
        if (place_ == size() || table_.text[place_] != '"') break;
      }
      check_byte(c, column);
      // A line end of two bytes counts once, as its second.
      const bool is_pair = c == '\r' && place_ + 1 < size() && table_.text[place_ + 1] == '\n';
      if (is_line_end(c) && !is_pair) ++line_;
      table_.text[written_++] = c;
      ++place_;
    }
    while (place_ < size() && is_space(table_.text[place_])) ++place_;
    if (place_ == size()) return;
    const char next = table_.text[place_];
    require<FileError>(next == options_.separator || is_line_end(next), table_.name, ", line ",
                       line_, ", column ", column, ": after the closing quote comes '", next,
                       "'; expected a separator or the end of the line (a quote within quotes is "
                       "written twice)");
  }

  void check_byte(char c, std::size_t column) const {
    require<FileError>(c != '\0', table_.name, ", line ", line_, ", column ", column,
                       ": a byte 0, which no text holds: is it a table?");
  }

  /// Passes "\n", "\r\n" or "\r".
  void skip_line_end() {
    const bool is_pair =
        table_.text[place_] == '\r' && place_ + 1 < size() && table_.text[place_ + 1] == '\n';
    place_ += is_pair ? 2 : 1;
    ++line_;
  }

  void take_header() {
    std::size_t begin = 0;
    for (std::size_t k = 0; k < columns_; ++k) {
      table_.columns.push_back(table_.text.substr(begin, table_.ends[k] - begin));
      begin = table_.ends[k];
    }
    table_.text.erase(0, begin);
    table_.lines.erase(table_.lines.begin());
    table_.ends.erase(table_.ends.begin(), table_.ends.begin() + static_cast<Index>(columns_));
    for (std::uint32_t& end : table_.ends) end -= static_cast<std::uint32_t>(begin);
  }

  [[nodiscard]] std::size_t size() const { return table_.text.size(); }
  /// Whether a character around a cell is ignored.
  [[nodiscard]] bool is_space(char c) const {
    return (c == ' ' || c == '\t') && c != options_.separator;
  }
  [[nodiscard]] static bool is_line_end(char c) { return c == '\n' || c == '\r'; }

  const CsvOptions& options_;
  TableContents table_;
  std::size_t place_ = 0;    ///< of what is read next
  std::size_t written_ = 0;  ///< bytes of cells so far
  std::size_t columns_ = 0;  ///< 0 before the first row
  Index line_ = 1;
};

}  // namespace detail

/// The table that a text holds. Cells are separated as `options` say, rows by "\n", "\r\n" or "\r".
/// A cell in double quotes may hold separators and line ends, and two quotes in it stand for one;
/// spaces around a cell are not part of it. Blank lines are skipped (so in a table of
/// one column a missing value is written as "", NA or the like), and so is a byte order mark.
/// @param name what messages call the text
/// @throws FileError naming the line, and the column where there is one, when a row has another
/// number of cells than the first, a quote is not closed or followed by more, a byte is 0, or there
/// is no row at all; Error for options that contradict each other.
[[gnu::cold]] [[nodiscard]] inline Table parse_csv(std::string text, const std::string& name,
                                                   const CsvOptions& options = {}) {
  detail::refuse_other_content(name, text);
  return Table(detail::CsvParser(std::move(text), name, options).parse());
}

/// The table in a file, separated by commas unless `options` say otherwise. Where there is no such
/// file, the same name with .gz is tried, if the program includes <nn/data/gzip.hpp> anywhere.
/// @throws FileError when the file is missing or too long, and as `parse_csv` does.
[[gnu::cold]] [[nodiscard]] inline Table read_csv(const std::filesystem::path& path,
                                                  const CsvOptions& options = {}) {
  const StoredFile file(path);
  return parse_csv(file.content(), file.name(), options);
}

/// The table in a file whose cells are separated by tabs; otherwise as `read_csv`.
[[gnu::cold]] [[nodiscard]] inline Table read_tsv(const std::filesystem::path& path,
                                                  CsvOptions options = {}) {
  options.separator = '\t';
  return read_csv(path, options);
}

}  // namespace nn
