/// @file
/// What the programs read out of a training's history.
#pragma once

#include <vector>

#include "nn/train/history.hpp"

namespace example {

/// The number of the epoch whose network a training with early stopping keeps: the best or, where
/// the validation loss was never a number, the last.
inline nn::Index kept_epoch(const nn::History& history) {
  const nn::Index best = history.best();
  return best < 0 ? history.last().epoch : history.epochs[static_cast<std::size_t>(best)].epoch;
}

/// The epochs to write at an axis: all of 12 or less, of more the first and every fifth.
inline std::vector<double> epoch_ticks(nn::Index epochs) {
  std::vector<double> ticks;
  for (nn::Index epoch = 1; epoch <= epochs; ++epoch) {
    if (epochs <= 12 || epoch == 1 || epoch % 5 == 0) ticks.push_back(static_cast<double>(epoch));
  }
  return ticks;
}

}  // namespace example
