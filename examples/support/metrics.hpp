/// @file
/// The numbers of a run, for programs that read them.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "nn/core/file.hpp"
#include "nn/viz/csv.hpp"

namespace example {

/// A JSON object whose members keep the order in which they were added:
///
///     Metrics metrics;
///     metrics["test_accuracy"] = 0.9912;
///     metrics["history"].push_back({{"epoch", 1}, {"train_loss", 0.21}});
///     write_metrics(flags.out, metrics);
using Metrics = nlohmann::ordered_json;

using nn::viz::Csv;

/// Writes the numbers as metrics.json, whole or not at all. Numbers that are not finite, which JSON
/// lacks, become null.
/// @throws nn::FileError when the file cannot be written.
inline void write_metrics(const std::filesystem::path& folder, const Metrics& metrics) {
  nn::write_file(folder / "metrics.json",
                 metrics.dump(2, ' ', false, Metrics::error_handler_t::replace) + "\n");
}

/// The numbers that a run wrote into the folder.
/// @throws nn::FileError when there are none, or the file is damaged.
[[nodiscard]] inline Metrics read_metrics(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "metrics.json";
  try {
    return Metrics::parse(nn::read_file(file));
  } catch (const nlohmann::json::exception& error) {
    throw nn::FileError(nn::text(file.string(), " is damaged: ", error.what()));
  }
}

}  // namespace example
