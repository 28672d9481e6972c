/// @file
/// Memory in which a product keeps weights as it multiplies by them.
#pragma once

#include "nn/core/memory.hpp"

namespace nn {

/// Memory for a product or a pass of a convolution. What a kernel puts there, the weights packed as
/// it multiplies by them, stays of use as long as the weights, the problem but for the number of
/// samples, and the algorithm are the same; then `is_filled` spares the next call to do so again.
struct ProductScratch {
  Arena memory;            ///< as much as the call needs
  bool is_filled = false;  ///< by an earlier call

  ProductScratch() = default;
  /// The `bytes` from `block` on.
  ProductScratch(std::byte* block, Index bytes) : memory(block, bytes) {}
  /// What an arena has left, and whether an earlier call filled it.
  // NOLINTNEXTLINE(google-explicit-constructor): most passes are called once
  ProductScratch(Arena arena, bool filled = false) : memory(arena), is_filled(filled) {}
};

}  // namespace nn
