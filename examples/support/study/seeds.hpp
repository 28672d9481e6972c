/// @file
/// The same training from several seeds, and what the results have in common.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/study.hpp"

namespace example {

/// One of several trainings.
struct SeedResult {
  std::uint64_t seed = 0;
  double validation_accuracy = 0;
  double test_accuracy = 0;
};

/// Of all of them, one accuracy: &SeedResult::test_accuracy, say.
inline nn::Spread spread_over(const std::vector<SeedResult>& seeds, double SeedResult::*accuracy) {
  std::vector<double> values;
  for (const SeedResult& one : seeds) values.push_back(one.*accuracy);
  return nn::spread_of(values);
}

/// Several trainings as numbers to be read by programs; null for a single one.
inline Metrics seeds_metrics(const std::vector<SeedResult>& seeds) {
  if (seeds.size() < 2) return {};
  Metrics runs;
  for (const SeedResult& one : seeds) {
    runs.push_back({{"seed", one.seed},
                    {"validation_accuracy", one.validation_accuracy},
                    {"test_accuracy", one.test_accuracy}});
  }
  return {
      {"count", seeds.size()},
      {"first", seeds.front().seed},
      {"last", seeds.back().seed},
      {"runs", runs},
      {"validation_accuracy", spread_metrics(spread_over(seeds, &SeedResult::validation_accuracy))},
      {"test_accuracy", spread_metrics(spread_over(seeds, &SeedResult::test_accuracy))}};
}

/// Several trainings, and their mean in bold.
inline Table seeds_table(const std::vector<SeedResult>& seeds) {
  Table table{.caption =
                  "The same recipe from several seeds; in bold, the mean with the standard "
                  "deviation.",
              .columns = {"seed", "validation set", "test set"}};
  for (const SeedResult& one : seeds) {
    table.rows.push_back(
        {std::to_string(one.seed), percent(one.validation_accuracy), percent(one.test_accuracy)});
  }
  table.bold_rows = {static_cast<nn::Index>(table.rows.size())};
  table.rows.push_back({"mean", percent_of(spread_over(seeds, &SeedResult::validation_accuracy)),
                        percent_of(spread_over(seeds, &SeedResult::test_accuracy))});
  return table;
}

}  // namespace example
