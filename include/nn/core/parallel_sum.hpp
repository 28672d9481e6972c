/// @file
/// Sums over several threads that are the same bits for any number of them.
#pragma once

#include <array>

#include "nn/core/parallel.hpp"

namespace nn {

/// Cuts [0, count) into at most 64 pieces of at least `shortest` and returns the sum of
/// `body(begin, end)` over them, added in order. The pieces depend on `count` alone, so the sum
/// does too. Allocates nothing. `body` must not throw.
[[nodiscard]] inline double parallel_sum(Index count, Index shortest,
                                         FunctionRef<double(Index, Index)> body) {
  constexpr Index most = 64;
  std::array<double, static_cast<std::size_t>(most)> sums{};
  const Index piece = std::max(shortest, (count + most - 1) / most);
  parallel_for_pieces(count, piece, [&](Index begin, Index end) {
    sums[static_cast<std::size_t>(begin / piece)] = body(begin, end);
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace nn
