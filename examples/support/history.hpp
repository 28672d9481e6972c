/// @file
/// What the programs read out of a training's history.
#pragma once

#include "nn/train/history.hpp"

namespace example {

/// The number of the epoch whose network a training with early stopping keeps: the best or, where
/// the validation loss was never a number, the last.
inline nn::Index kept_epoch(const nn::History& history) {
  const nn::Index best = history.best();
  return best < 0 ? history.last().epoch : history.epochs[static_cast<std::size_t>(best)].epoch;
}

}  // namespace example
