/// @file
/// From a table of texts to the numbers that a network takes.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nn/core/tensor.hpp"
#include "nn/data/table.hpp"

namespace nn {

/// What becomes of a number that is missing.
enum class Missing {
  refuse,  ///< an error that names its line and column
  mean,    ///< it is taken to be the mean of those that are there
  median,  ///< likewise, the median
  value,   ///< likewise, a value that is given
};

/// A column of a table, and how it is read. Made by `number_column` and `category_column`.
struct TableColumn {
  std::string name{};                 ///< as the header has it
  bool is_category = false;           ///< texts of which there are few, instead of numbers
  Missing missing = Missing::refuse;  ///< what becomes of missing cells
  double value = 0;                   ///< of missing numbers, for Missing::value
  std::string category{};             ///< of missing texts, for Missing::value
  std::vector<std::string> among{};   ///< the categories there are; empty for those that are found

  bool operator==(const TableColumn&) const = default;
};

/// A column of numbers. What is missing is refused, or replaced by the column's mean or median.
[[gnu::cold]] [[nodiscard]] inline TableColumn number_column(std::string name,
                                                             Missing missing = Missing::refuse) {
  return {.name = std::move(name), .missing = missing};
}
/// A column of numbers in which `instead` stands for what is missing.
[[gnu::cold]] [[nodiscard]] inline TableColumn number_column(std::string name, double instead) {
  return {.name = std::move(name), .missing = Missing::value, .value = instead};
}
/// A column of texts, each a category: those in `among` and no others, in that order, or else those
/// that are found, in alphabetical order. What is missing is refused.
[[gnu::cold]] [[nodiscard]] inline TableColumn category_column(
    std::string name, std::vector<std::string> among = {}) {
  return {.name = std::move(name), .is_category = true, .among = std::move(among)};
}
/// The same where `instead` stands for what is missing, a category like the others.
[[gnu::cold]] [[nodiscard]] inline TableColumn filled_category_column(
    std::string name, std::string instead, std::vector<std::string> among = {}) {
  return {.name = std::move(name),
          .is_category = true,
          .missing = Missing::value,
          .category = std::move(instead),
          .among = std::move(among)};
}

/// Which columns of a table become what.
struct TableColumns {
  std::vector<TableColumn> features{};  ///< what a network is given
  /// What it is to find. A single category stands for labels; anything else for numbers.
  std::vector<TableColumn> targets{};

  bool operator==(const TableColumns&) const = default;
};

/// A column as it was found in the table that an encoding was made from.
struct FittedColumn {
  TableColumn column{};                   ///< as it was asked for
  double fill = 0;                        ///< what stands for a missing number
  std::vector<std::string> categories{};  ///< their names; none for a column of numbers

  /// How many numbers a cell becomes: one, or one a category.
  [[nodiscard]] Index width() const {
    return column.is_category ? static_cast<Index>(categories.size()) : 1;
  }

  bool operator==(const FittedColumn&) const = default;
};

namespace detail {

/// A column of more is likely to hold names or numbers.
inline constexpr Index max_categories = 4096;

/// The categories of a column: those that it was given, or those that are found, sorted.
[[gnu::cold]] [[nodiscard]] inline std::vector<std::string> categories_of(
    const Table& table, Index column, const TableColumn& wanted) {
  if (!wanted.among.empty()) return wanted.among;
  std::vector<std::string> found;
  for (Index row = 0; row < table.size(); ++row) {
    std::string_view cell = table.cell(row, column);
    if (table.is_missing(row, column)) {
      require<FileError>(wanted.missing == Missing::value, table.place(row, column),
                         ": the category is missing");
      cell = wanted.category;
    }
    const auto place = std::lower_bound(found.begin(), found.end(), cell);
    if (place == found.end() || *place != cell) found.emplace(place, cell);
    require<FileError>(static_cast<Index>(found.size()) <= max_categories, table.place(row, column),
                       ": the column has more than ", max_categories,
                       " different texts; are they categories?");
  }
  return found;
}

/// What stands for a column's missing numbers. Also checks those that are there.
[[gnu::cold]] [[nodiscard]] inline double fill_of(const Table& table, Index column,
                                                  const TableColumn& wanted) {
  std::vector<double> numbers;
  double sum = 0;
  for (Index row = 0; row < table.size(); ++row) {
    if (wanted.missing != Missing::refuse && table.is_missing(row, column)) continue;
    numbers.push_back(table.number(row, column));
    sum += numbers.back();
  }
  if (wanted.missing == Missing::refuse || wanted.missing == Missing::value) return wanted.value;
  require<FileError>(!numbers.empty(), table.name(), ": there is no number in the column ",
                     shown(wanted.name), " to replace the missing ones by");
  const auto count = static_cast<double>(numbers.size());
  if (wanted.missing == Missing::mean) {
    double mean = 0;  // of numbers whose sum a double may not hold
    for (const double number : numbers) mean += number / count;
    return std::isfinite(sum) ? sum / count : mean;
  }
  const auto middle = numbers.begin() + static_cast<Index>(numbers.size() / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  if (numbers.size() % 2 == 1) return *middle;
  return *std::max_element(numbers.begin(), middle) / 2 + *middle / 2;
}

}  // namespace detail

/// How tables become numbers, as found from one of them, which is to be the training set: the
/// categories there are, and what stands for missing values. Others are encoded likewise.
///
/// A column of numbers becomes one feature; a category becomes one for each of its values, of which
/// one is 1 and the others 0 ("one-hot").
class TableEncoding {
 public:
  /// @throws Error when a column is wanted that there is not, or twice, or missing texts are to
  /// become a mean; FileError naming line and column for a cell that is missing, no number, or not
  /// among the categories, and when the table has no rows.
  [[gnu::cold]] TableEncoding(const Table& table, const TableColumns& columns) {
    require<FileError>(!table.empty(), table.name(), ": it has no rows");
    require(!columns.features.empty(), "a table without features");
    features_ = fitted(table, columns.features);
    targets_ = fitted(table, columns.targets);
  }

  /// One that was found before, as from a file.
  TableEncoding(std::vector<FittedColumn> features, std::vector<FittedColumn> targets)
      : features_(std::move(features)), targets_(std::move(targets)) {}

  /// The columns that features come from: all that there is to an encoding, with the other.
  [[nodiscard]] const std::vector<FittedColumn>& feature_columns() const { return features_; }
  /// The columns that targets come from.
  [[nodiscard]] const std::vector<FittedColumn>& target_columns() const { return targets_; }

  /// Whether there is one target, a category.
  [[nodiscard]] bool has_labels() const {
    return targets_.size() == 1 && targets_[0].column.is_category;
  }
  /// The names of the classes that labels stand for; none where targets are numbers.
  [[nodiscard]] std::vector<std::string> class_names() const {
    return has_labels() ? targets_[0].categories : std::vector<std::string>{};
  }
  /// One name a feature: "age", and for a category "colour=red".
  [[nodiscard]] std::vector<std::string> feature_names() const { return names_of(features_); }
  /// The same for the targets.
  [[nodiscard]] std::vector<std::string> target_names() const { return names_of(targets_); }

  /// The features of a table's rows, N x features.
  /// @throws Error when it lacks a column; FileError naming line and column for a cell that is
  /// missing, no number, or not among the categories.
  [[nodiscard]] Tensor<float> features(const Table& table) const {
    return encoded(table, features_);
  }

  /// The targets of a table's rows as numbers, N x targets; labels as 0 and 1, one a class.
  /// @throws Error as `features` does.
  [[nodiscard]] Tensor<float> targets(const Table& table) const { return encoded(table, targets_); }

  /// The class of each row.
  /// @throws Error unless there are labels, and as `features` does.
  [[gnu::cold]] [[nodiscard]] std::vector<Label> labels(const Table& table) const {
    require(has_labels(), "there are no labels where the targets are not one category");
    const Index column = table.column(targets_[0].column.name);
    std::vector<Label> result;
    result.reserve(static_cast<std::size_t>(table.size()));
    for (Index row = 0; row < table.size(); ++row)
      result.push_back(static_cast<Label>(category_at(table, row, column, targets_[0])));
    return result;
  }

 private:
  [[gnu::cold]] [[nodiscard]] static std::vector<FittedColumn> fitted(
      const Table& table, const std::vector<TableColumn>& columns) {
    std::vector<FittedColumn> result;
    for (const TableColumn& wanted : columns) {
      const bool is_new =
          std::none_of(result.begin(), result.end(),
                       [&](const FittedColumn& other) { return other.column.name == wanted.name; });
      require(is_new, "the column ", detail::shown(wanted.name), " is wanted twice");
      require(!wanted.is_category ||
                  (wanted.missing != Missing::mean && wanted.missing != Missing::median),
              "the column ", detail::shown(wanted.name),
              " has categories, which have no mean and no median");
      const Index column = table.column(wanted.name);
      FittedColumn one{.column = wanted};
      if (wanted.is_category) {
        one.categories = detail::categories_of(table, column, wanted);
        for (Index row = 0; row < table.size(); ++row)
          static_cast<void>(category_at(table, row, column, one));
      } else {
        one.fill = detail::fill_of(table, column, wanted);
      }
      result.push_back(std::move(one));
    }
    return result;
  }

  /// The position of a cell's category.
  [[nodiscard]] static Index category_at(const Table& table, Index row, Index column,
                                         const FittedColumn& fitted) {
    std::string_view cell = table.cell(row, column);
    if (table.is_missing(row, column)) {
      if (fitted.column.missing != Missing::value)
        detail::fail<FileError>({table.place(row, column), ": the category is missing"});
      cell = fitted.column.category;
    }
    const auto found = std::find(fitted.categories.begin(), fitted.categories.end(), cell);
    if (found == fitted.categories.end()) refuse_category(table.place(row, column), cell, fitted);
    return found - fitted.categories.begin();
  }

  [[noreturn, gnu::cold, gnu::noinline]] static void refuse_category(const std::string& place,
                                                                     std::string_view cell,
                                                                     const FittedColumn& fitted) {
    constexpr std::size_t most = 12;
    std::string list;
    for (std::size_t k = 0; k < std::min(most, fitted.categories.size()); ++k)
      list += (k > 0 ? ", " : "") + detail::shown(fitted.categories[k]);
    if (fitted.categories.size() > most) list += ", ...";
    detail::fail<FileError>(
        {place, ": ", detail::shown(cell), " is none of the categories ", list});
  }

  [[gnu::cold]] [[nodiscard]] static std::vector<std::string> names_of(
      const std::vector<FittedColumn>& columns) {
    std::vector<std::string> names;
    for (const FittedColumn& one : columns) {
      if (!one.column.is_category) names.push_back(one.column.name);
      for (const std::string& category : one.categories)
        names.push_back(one.column.name + "=" + category);
    }
    return names;
  }

  [[gnu::cold]] [[nodiscard]] static Tensor<float> encoded(
      const Table& table, const std::vector<FittedColumn>& columns) {
    Index width = 0;
    for (const FittedColumn& one : columns) width += one.width();
    Tensor<float> result({table.size(), width});
    float* to = result.data();
    for (const FittedColumn& one : columns) {
      const Index column = table.column(one.column.name);
      for (Index row = 0; row < table.size(); ++row) {
        if (one.column.is_category) {
          to[row * width + category_at(table, row, column, one)] = 1;
        } else {
          to[row * width] = as_float(table, row, column, one);
        }
      }
      to += one.width();
    }
    return result;
  }

  [[nodiscard]] static float as_float(const Table& table, Index row, Index column,
                                      const FittedColumn& one) {
    const bool filled = one.column.missing != Missing::refuse && table.is_missing(row, column);
    const double number = filled ? one.fill : table.number(row, column);
    const float result = static_cast<float>(number);
    if (!std::isfinite(result))
      detail::fail<FileError>({table.place(row, column), ": ", number, " is beyond a float"});
    return result;
  }

  std::vector<FittedColumn> features_;
  std::vector<FittedColumn> targets_;
};

}  // namespace nn
