/// @file
/// Whether all ranks train the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/core/version.hpp"
#include "nn/distributed/communicator.hpp"
#include "nn/train/fit_options.hpp"

namespace nn {

namespace detail {

/// The bytes that rank 0 has, on all ranks.
[[gnu::cold]] inline void broadcast_text(Communicator& world, std::string& bytes) {
  auto size = static_cast<std::uint64_t>(bytes.size());
  world.broadcast(std::span<std::uint64_t>(&size, 1));
  bytes.resize(static_cast<std::size_t>(size));
  constexpr std::size_t most = std::size_t{1} << 28U;  // of a message
  for (std::size_t begin = 0; begin < bytes.size(); begin += most) {
    world.broadcast(std::span<char>(bytes).subspan(begin, std::min(most, bytes.size() - begin)));
  }
}

/// All that has to be the same on all ranks, a line each.
[[gnu::cold]] [[nodiscard]] inline std::string shared_settings(const SharingSetup& setup) {
  const FitOptions& options = setup.options;
  SettingLines lines;
  lines.add("library version", std::string(version()));
  lines.add("bytes of a number", std::to_string(setup.model.element));
  lines.add("model's seed", std::to_string(setup.model.seed));
  lines.add("model's step", std::to_string(setup.model.step));
  const auto sum = [](std::span<const std::byte> bytes) {
    return fingerprint({reinterpret_cast<const char*>(bytes.data()), bytes.size()});  // NOLINT
  };
  lines.add("weights", "fingerprint " + sum(setup.model.parameters));
  lines.add("running statistics", "fingerprint " + sum(setup.model.state));
  lines.add("learning_rate", setup.learning_rate);
  lines.add("epochs", std::to_string(options.epochs));
  lines.add("schedule", static_cast<bool>(options.schedule));
  if (options.validation) lines.add("validation set's", *options.validation);
  lines.add("patience", std::to_string(options.early_stopping.patience));
  lines.add("reduce_on_plateau", text(options.reduce_on_plateau.patience, " epochs, by ",
                                      exact_number(options.reduce_on_plateau.factor)));
  lines.add("checkpoint", !options.checkpoint.empty());
  lines.add("checkpoint_interval", std::to_string(options.checkpoint_interval));
  return setup.settings + lines.lines();
}

/// @throws Error, the same on all ranks, that names those that differ from rank 0, and in what:
/// `settings` has a line for each. `task` is what they do.
[[gnu::cold]] inline void require_same(Communicator& world, const std::string& settings,
                                       const char* task = "train the same") {
  if (world.size() == 1) return;
  std::vector<Index> sizes(static_cast<std::size_t>(world.size()));
  sizes[static_cast<std::size_t>(world.rank())] = static_cast<Index>(settings.size());
  world.gather(std::span<Index>(sizes), std::vector<Index>(sizes.size(), 1));
  Index before = 0;
  Index total = 0;
  for (Index rank = 0; rank < world.size(); ++rank) {
    if (rank < world.rank()) before += sizes[static_cast<std::size_t>(rank)];
    total += sizes[static_cast<std::size_t>(rank)];
  }
  std::string all(static_cast<std::size_t>(total), ' ');
  std::copy(settings.begin(), settings.end(), all.begin() + before);
  world.gather(std::span<char>(all), std::span<const Index>(sizes));
  const std::string_view first(all.data(), static_cast<std::size_t>(sizes[0]));
  std::string differences;
  std::size_t begin = first.size();
  for (Index rank = 1; rank < world.size(); ++rank) {
    const auto size = static_cast<std::size_t>(sizes[static_cast<std::size_t>(rank)]);
    const std::string_view other(all.data() + begin, size);
    begin += size;
    const std::string_view name = differing_setting(first, other);
    if (name.empty()) continue;
    differences += text(differences.empty() ? "" : "; ", "rank ", rank, " has ", std::string(name),
                        ": ", std::string(value_in(other, name)));
    differences += text(", and rank 0 ", std::string(value_in(first, name)));
  }
  require(differences.empty(), "the ranks do not ", task, ": ", differences);
}

}  // namespace detail

}  // namespace nn
