/// @file
/// Classes at random, as often as they are in a training set.
#pragma once

#include <numeric>
#include <vector>

#include "nn/core/random.hpp"
#include "nn/core/tensor.hpp"

namespace example {

/// A class of which there are `counts[class]` images, as often as that.
[[nodiscard]] inline nn::Label random_class(const std::vector<nn::Index>& counts,
                                            nn::Random& random) {
  nn::Index rank = random.below(std::accumulate(counts.begin(), counts.end(), nn::Index{0}));
  nn::Label label = 0;
  while (rank >= counts[static_cast<std::size_t>(label)]) {
    rank -= counts[static_cast<std::size_t>(label++)];
  }
  return label;
}

}  // namespace example
