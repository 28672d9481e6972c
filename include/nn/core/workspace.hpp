/// @file
/// Buffers for what a kernel packs or pads before it multiplies, one for each thread.
#pragma once

#include <array>
#include <cstddef>

#include "nn/core/memory.hpp"

namespace nn::detail {

/// The bytes that every thread has without allocating: about a level-2 cache, as what is packed
/// should stay in it.
inline constexpr Index workspace_bytes = Index{1} << 19;

struct Workspace {
  alignas(alignment) std::array<std::byte, static_cast<std::size_t>(workspace_bytes)> block;
  AlignedVector<std::byte> overflow;
};

/// An arena of at least `bytes` bytes for the calling thread, to be used until the next call of
/// this function in the same thread. Allocates only for sizes above `workspace_bytes` never seen
/// before.
[[nodiscard]] inline Arena thread_workspace(Index bytes) {
  static thread_local Workspace workspace;
  if (bytes <= workspace_bytes) return {workspace.block.data(), workspace_bytes};
  if (static_cast<Index>(workspace.overflow.size()) < bytes) {
    workspace.overflow.resize(static_cast<std::size_t>(bytes));
  }
  return {workspace.overflow.data(), bytes};
}

}  // namespace nn::detail
