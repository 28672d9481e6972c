/// @file
/// Tables of numbers as CSV files (RFC 4180), for spreadsheets and scripts.
#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "nn/core/error.hpp"
#include "nn/core/file.hpp"

namespace nn::viz {

/// The shortest decimal number that reads back as `value`; "NaN" where it is not finite.
template <std::floating_point T>
[[nodiscard]] std::string to_decimal(T value) {
  if (!std::isfinite(value)) return "NaN";
  std::array<char, 64> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

template <std::integral T>
[[nodiscard]] std::string to_decimal(T value) {
  return std::to_string(value);
}

/// A table with a header line:
///
///     Csv table({"epoch", "loss"});
///     table.add(1, 0.25);
///     table.write("history.csv");
class Csv {
 public:
  /// Starts with the names of the columns.
  explicit Csv(const std::vector<std::string>& header) : columns_(header.size()) {
    add_row(header);
  }

  /// Adds a row of numbers and texts, one for each column. A number that is not finite becomes an
  /// empty cell.
  /// @throws Error when there are more or fewer than columns.
  template <class... Cells>
  void add(const Cells&... cells) {
    add_row({cell(cells)...});
  }

  /// Adds a row of texts.
  /// @throws Error when there are more or fewer than columns.
  void add_row(const std::vector<std::string>& cells) {
    require(cells.size() == columns_, "a row of ", cells.size(), " cells in a table of ", columns_,
            " columns");
    for (std::size_t column = 0; column < cells.size(); ++column) {
      if (column > 0) text_ += ',';
      text_ += quoted(cells[column]);
    }
    text_ += '\n';
  }

  /// The table as the file holds it.
  [[nodiscard]] const std::string& text() const { return text_; }

  /// Writes the file, whole or not at all.
  /// @throws FileError when it cannot.
  void write(const std::filesystem::path& path) const { write_file(path, text_); }

 private:
  [[nodiscard]] static std::string quoted(const std::string& cell) {
    if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
    std::string result = "\"";
    for (const char character : cell) {
      if (character == '"') result += '"';
      result += character;
    }
    return result + '"';
  }

  template <class Cell>
  [[nodiscard]] static std::string cell(const Cell& value) {
    if constexpr (std::floating_point<Cell>) {
      return std::isfinite(value) ? to_decimal(value) : std::string();
    } else if constexpr (std::integral<Cell>) {
      return to_decimal(value);
    } else {
      return std::string(value);
    }
  }

  std::size_t columns_;
  std::string text_;
};

}  // namespace nn::viz
