/// @file
/// Data sets out of tables and of NumPy's arrays.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "nn/data/npy.hpp"
#include "nn/data/table_encoding.hpp"
#include "nn/data/tensor_dataset.hpp"

namespace nn {

/// A table's rows as samples, with labels or numbers as targets, encoded as the training set's
/// were. Without a name it is called as the table is.
/// @throws Error where the encoding has no targets; Error and FileError as
/// `TableEncoding::features` does.
[[gnu::cold]] [[nodiscard]] inline TensorDataset table_dataset(const Table& table,
                                                               const TableEncoding& encoding,
                                                               std::string name = {}) {
  require(!encoding.target_columns().empty(), table.name(),
          ": a data set of a table needs a column as target");
  if (name.empty()) name = table.name();
  if (encoding.has_labels()) {
    return TensorDataset(encoding.features(table), encoding.labels(table), encoding.class_names(),
                         std::move(name))
        .with_column_names(encoding.feature_names());
  }
  return TensorDataset(encoding.features(table), encoding.targets(table), std::move(name))
      .with_column_names(encoding.feature_names(), encoding.target_names());
}

/// The same, with an encoding of its own, by which no other table is to be encoded.
[[gnu::cold]] [[nodiscard]] inline TensorDataset table_dataset(const Table& table,
                                                               const TableColumns& columns,
                                                               std::string name = {}) {
  return table_dataset(table, TableEncoding(table, columns), std::move(name));
}

/// Samples from two arrays: `inputs`, N x ..., and of N targets each a whole number (N or N x 1),
/// which is a label, or floats (N x ...; N becomes N x 1).
///
///     const nn::NpzFile file("data.npz");
///     const auto data = nn::npy_dataset(file.array("x"), file.array("y"));
///
/// @throws ShapeError when there are not as many inputs as targets; Error for a label below 0 or
/// beyond the class names; FileError as `NpyArray::get` does.
[[gnu::cold]] [[nodiscard]] inline TensorDataset npy_dataset(
    const NpyArray& inputs, const NpyArray& targets, std::vector<std::string> class_names = {},
    std::string name = {}) {
  const Shape& shape = targets.shape();
  if (name.empty()) name = inputs.name();
  const bool is_column = shape.rank() == 1 || (shape.rank() == 2 && shape[1] == 1);
  if (!targets.has_floats() && is_column) {
    const auto labels = targets.get<Label>();
    return TensorDataset(inputs.get<float>(), std::vector<Label>(labels.begin(), labels.end()),
                         std::move(class_names), std::move(name));
  }
  require(class_names.empty(), targets.name(), ": ", class_names.size(),
          " class names for targets of type ", targets.type(), " and shape ", shape,
          ", which are no labels");
  auto numbers = targets.get<float>();
  if (shape.rank() == 1) numbers.resize({shape[0], 1});
  return TensorDataset(inputs.get<float>(), std::move(numbers), std::move(name));
}

}  // namespace nn
