/// @file
/// A table of texts, as files of comma-separated values hold one (csv.hpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nn/core/parse_number.hpp"
#include "nn/core/shape.hpp"

namespace nn {

namespace detail {

/// What a table holds: the cells, one row after another, in one text.
struct TableContents {
  std::string name;                 ///< of the file, for messages
  std::string text;                 ///< of all cells, one behind another
  std::vector<std::uint32_t> ends;  ///< where each cell's text ends
  std::vector<Index> lines;         ///< of the file, counted from 1, in which each row begins
  std::vector<std::string> columns;
  std::vector<std::string> missing;  ///< the cells that stand for no value
  char decimal_point = '.';
};

/// A cell's text as a message shows it: whole, or what it begins with.
[[gnu::cold]] [[nodiscard]] inline std::string shown(std::string_view text) {
  constexpr std::size_t most = 40;
  std::string result = "\"";
  for (const char c : text.substr(0, most)) {
    const bool is_control = static_cast<unsigned char>(c) < ' ';
    result += is_control ? ' ' : c;
  }
  return result + (text.size() > most ? "...\"" : "\"");
}

}  // namespace detail

/// Rows of as many texts as there are columns, each column with a name. A value that is cheap to
/// copy: copies and subsets share the texts, and nothing of them ever changes.
class Table {
 public:
  /// No columns and no rows.
  Table() : Table(detail::TableContents{}) {}

  /// What a reader has found. Every row has one cell a column.
  explicit Table(detail::TableContents contents)
      : contents_(std::make_shared<const detail::TableContents>(std::move(contents))),
        rows_(contents_->lines.size()) {
    for (std::size_t row = 0; row < rows_.size(); ++row) rows_[row] = static_cast<Index>(row);
  }

  /// The number of rows, without the header.
  [[nodiscard]] Index size() const { return static_cast<Index>(rows_.size()); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// The number of columns.
  [[nodiscard]] Index columns() const { return static_cast<Index>(contents_->columns.size()); }
  /// One name a column: from the header, or "1", "2", ... without one.
  [[nodiscard]] const std::vector<std::string>& column_names() const { return contents_->columns; }
  /// What messages call the table: the path of its file.
  [[nodiscard]] const std::string& name() const { return contents_->name; }

  /// The position of the column of that name, counted from 0.
  /// @throws Error when there is none or more than one.
  [[nodiscard]] Index column(std::string_view name) const {
    const auto& names = contents_->columns;
    const auto found = std::find(names.begin(), names.end(), name);
    require(found != names.end(), contents_->name, ": there is no column ", detail::shown(name),
            "; there are ", listed_columns());
    require(std::find(found + 1, names.end(), name) == names.end(), contents_->name,
            ": more than one column is called ", detail::shown(name));
    return found - names.begin();
  }

  /// The text of a cell. Row and column are counted from 0; like them, what it shows lives as long
  /// as the table or a copy of it.
  /// @throws Error when there is no such row or column.
  [[nodiscard]] std::string_view cell(Index row, Index column) const {
    const std::size_t place = cell_place(row, column);
    const std::size_t begin = place == 0 ? 0 : contents_->ends[place - 1];
    return std::string_view(contents_->text).substr(begin, contents_->ends[place] - begin);
  }

  /// Whether a cell stands for no value: by `CsvOptions::missing`.
  [[nodiscard]] bool is_missing(Index row, Index column) const {
    const auto& missing = contents_->missing;
    return std::find(missing.begin(), missing.end(), cell(row, column)) != missing.end();
  }

  /// The number in a cell.
  /// @throws FileError naming line and column when it is missing or no finite number.
  [[nodiscard]] double number(Index row, Index column) const {
    require<FileError>(!is_missing(row, column), Place{*this, row, column},
                       ": the value is missing");
    const std::optional<double> value = number_in(cell(row, column));
    require<FileError>(value.has_value(), Place{*this, row, column}, ": expected a number, found ",
                       Shown{cell(row, column)});
    return *value;
  }

  /// Where a cell stands, for messages: `iris.csv, line 3, column 2 ("width")`. A row that quoted
  /// texts spread over several lines is where it begins.
  [[nodiscard]] std::string place(Index row, Index column) const {
    static_cast<void>(cell_place(row, column));
    const auto line =
        contents_->lines[static_cast<std::size_t>(rows_[static_cast<std::size_t>(row)])];
    return detail::text(contents_->name, ", line ", line, ", column ", column + 1, " (",
                        detail::shown(contents_->columns[static_cast<std::size_t>(column)]), ')');
  }

  /// The rows at the given positions, in that order; a position may come more than once.
  /// @throws Error for a position outside the table.
  [[nodiscard]] Table subset(std::span<const Index> rows) const {
    Table part = *this;
    part.rows_.clear();
    part.rows_.reserve(rows.size());
    for (const Index row : rows) part.rows_.push_back(rows_[checked(row)]);
    return part;
  }

 private:
  struct Place {
    const Table& table;
    Index row;
    Index column;
    [[nodiscard]] std::string to_string() const { return table.place(row, column); }
  };
  struct Shown {
    std::string_view text;
    [[nodiscard]] std::string to_string() const { return detail::shown(text); }
  };

  [[nodiscard]] std::optional<double> number_in(std::string_view text) const {
    if (contents_->decimal_point == '.') return detail::parse_number(text);
    if (text.find('.') != std::string_view::npos) return std::nullopt;
    std::string usual(text);
    std::replace(usual.begin(), usual.end(), contents_->decimal_point, '.');
    return detail::parse_number(usual);
  }

  [[nodiscard]] std::size_t checked(Index row) const {
    require(row >= 0 && row < size(), "row ", row, " of ", name(), ", which has ", size());
    return static_cast<std::size_t>(row);
  }

  [[nodiscard]] std::size_t cell_place(Index row, Index column) const {
    const Index stored = rows_[checked(row)];
    require(column >= 0 && column < columns(), "column ", column, " of ", name(), ", which has ",
            columns());
    return static_cast<std::size_t>(stored * columns() + column);
  }

  [[gnu::cold]] [[nodiscard]] std::string listed_columns() const {
    constexpr std::size_t most = 20;
    std::string list;
    for (std::size_t k = 0; k < std::min(most, contents_->columns.size()); ++k)
      list += (k > 0 ? ", " : "") + detail::shown(contents_->columns[k]);
    return contents_->columns.size() > most ? list + ", ..." : list;
  }

  std::shared_ptr<const detail::TableContents> contents_;
  std::vector<Index> rows_;
};

}  // namespace nn
