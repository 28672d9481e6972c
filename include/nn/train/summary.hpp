/// @file
/// A network at a glance.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "nn/train/model.hpp"

namespace nn {

/// One layer of a network.
struct SummaryRow {
  std::string path;         ///< "3", or "3.1" within a block
  std::string name;         ///< "Dense{10}"
  Shape output;             ///< of one sample
  Index parameters = 0;     ///< its own, and of those below it
  Index multiply_adds = 0;  ///< of one sample's forward pass, likewise
  Index bytes = 0;          ///< that its output takes for one sample
  bool trainable = true;    ///< false when its parameters are frozen
  bool block = false;       ///< made of layers that have rows of their own
};

/// What `summary` tells. Writes itself to a stream as a table.
struct Summary {
  Shape input;                     ///< of one sample
  std::vector<SummaryRow> rows;    ///< one for each layer, parents first
  Index parameters = 0;            ///< in all
  Index trainable_parameters = 0;  ///< that are not frozen
  Index multiply_adds = 0;         ///< of one sample's forward pass
  Index parameter_bytes = 0;       ///< the weights alone
  Index batch = 0;                 ///< that `training_bytes` counts
  Index training_bytes = 0;  ///< of a training pass over `batch` samples: weights, gradients and
                             ///< all that is kept in between
};

namespace detail {

[[nodiscard]] inline Index parameters_of(const Plan& layer) {
  Index count = 0;
  Plan::for_each(layer, [&](const Plan& plan) {
    for (const Variable& variable : plan.parameters) count += variable.shape.size();
  });
  return count;
}

[[nodiscard]] inline Index multiply_adds_of(const Plan& layer) {
  Index count = 0;
  Plan::for_each(layer, [&](const Plan& plan) { count += plan.multiply_adds; });
  return count;
}

/// 1234567 as "1,234,567".
[[nodiscard]] inline std::string grouped(Index number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

/// Bytes in words: "1.5 MB".
[[nodiscard]] inline std::string readable_bytes(Index bytes) {
  const auto count = static_cast<double>(bytes);
  if (count < 1e3) return std::to_string(bytes) + " B";
  if (count < 1e6) return fixed(count / 1e3, 1) + " kB";
  if (count < 1e9) return fixed(count / 1e6, 1) + " MB";
  return fixed(count / 1e9, 1) + " GB";
}

/// Lines up columns: the first two to the left, the others to the right.
inline void write_table(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - row[c].size(), ' ');
      line += (c == 0 ? "" : "  ") + (c < 2 ? row[c] + padding : padding + row[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

}  // namespace detail

inline std::ostream& operator<<(std::ostream& out, const Summary& summary) {
  std::vector<std::vector<std::string>> table{
      {"layer", "", "output", "parameters", "multiply-adds", "memory"}};
  for (const SummaryRow& row : summary.rows) {
    table.push_back({row.path, row.name + (row.trainable ? "" : " (frozen)"),
                     row.output.to_string(), detail::grouped(row.parameters),
                     detail::grouped(row.multiply_adds), detail::readable_bytes(row.bytes)});
  }
  out << "input " << summary.input << '\n';
  detail::write_table(out, table);
  out << detail::grouped(summary.parameters) << " parameters ("
      << detail::readable_bytes(summary.parameter_bytes) << ")";
  if (summary.trainable_parameters != summary.parameters) {
    out << ", " << detail::grouped(summary.trainable_parameters) << " of them trainable";
  }
  return out << "; " << detail::grouped(summary.multiply_adds) << " multiply-adds a sample; "
             << detail::readable_bytes(summary.training_bytes) << " to train on batches of "
             << std::to_string(summary.batch) << '\n';
}

/// The layers of a model with their shapes, parameters, multiply-adds and memory:
/// `std::cout << nn::summary(model)`.
template <class Network, class T>
[[nodiscard]] Summary summary(const Model<Network, T>& model, Index batch = 128) {
  constexpr auto element = static_cast<Index>(sizeof(T));
  const Plan& root = model.plan();
  Summary result;
  result.input = root.input;
  Plan::for_each(root, [&](const Plan& plan) {
    const bool is_root_of_blocks = &plan == &root && !plan.children.empty();
    if (is_root_of_blocks) return;
    result.rows.push_back({plan.path, plan.name, plan.output, detail::parameters_of(plan),
                           detail::multiply_adds_of(plan), plan.output.size() * element,
                           plan.trainable, !plan.children.empty()});
  });
  result.parameters = detail::parameters_of(root);
  for (std::size_t i = 0; i < model.variables().size(); ++i) {
    if (model.trainable()[i]) result.trainable_parameters += model.variables()[i].shape.size();
  }
  result.multiply_adds = detail::multiply_adds_of(root);
  result.parameter_bytes = result.parameters * element;
  result.batch = batch;
  const Memory memory = model.training_memory(batch);
  result.training_bytes = 2 * result.parameter_bytes + model.state().size() * element +
                          root.output.size() * batch * element + memory.kept + memory.scratch;
  return result;
}

}  // namespace nn
