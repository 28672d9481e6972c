/// @file
/// Aligned blocks of memory, and a way to hand out parts of one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <new>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "nn/core/error.hpp"
#include "nn/core/shape.hpp"

namespace nn {

/// Blocks start on a cache line, which is also the widest vector register.
inline constexpr std::size_t alignment = 64;

namespace detail {

/// Throws that `count` elements of `size` bytes do not fit into memory.
[[noreturn, gnu::cold, gnu::noinline]] inline void fail_for_memory(std::size_t count,
                                                                   std::size_t size) {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    fail<Error>({"there is no memory for ", count, " elements of ", size, " bytes"});
  }
  fail<Error>({"there is no memory for ", bytes, " bytes"});
}

/// The larger pages of most processors, and the size from which on a block is worth some. They
/// spare a pass over it hundreds of faults and look-ups of addresses, of which a processor keeps
/// but a few thousand.
inline constexpr std::size_t large_page = std::size_t{2} << 20;
inline constexpr std::size_t least_for_large_pages = 2 * large_page;

#if defined(__linux__) && defined(MADV_HUGEPAGE)
/// How a block of `bytes` should be aligned.
[[nodiscard]] constexpr std::align_val_t alignment_for(std::size_t bytes) {
  return std::align_val_t{bytes < least_for_large_pages ? alignment : large_page};
}
/// Asks the system for large pages; where it has none, or gives them anyway, nothing changes.
inline void prefer_large_pages(void* block, std::size_t bytes) {
  if (bytes < least_for_large_pages) return;
  ::madvise(block, bytes / large_page * large_page, MADV_HUGEPAGE);
}
#else
[[nodiscard]] constexpr std::align_val_t alignment_for(std::size_t /*bytes*/) {
  return std::align_val_t{alignment};
}
inline void prefer_large_pages(void* /*block*/, std::size_t /*bytes*/) {}
#endif

/// Memory for `count` elements of `size` bytes. Not inline, as there are many places that allocate.
/// @throws Error with the number of bytes when there is none.
[[nodiscard, gnu::noinline]] inline void* allocate_block(std::size_t count, std::size_t size) {
  void* block = nullptr;
  const std::size_t bytes = count * size;
  if (count <= std::numeric_limits<std::size_t>::max() / 2 / size) {
    block = ::operator new(bytes, alignment_for(bytes), std::nothrow);
  }
  if (block == nullptr) [[unlikely]]
    fail_for_memory(count, size);
  prefer_large_pages(block, bytes);
  return block;
}

}  // namespace detail

/// A standard allocator whose blocks are aligned to `alignment` bytes.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  /// All such allocators are alike.
  template <class U>
  // NOLINTNEXTLINE(google-explicit-constructor): the standard asks allocators to convert
  constexpr AlignedAllocator(const AlignedAllocator<U>& /*other*/) {}
  /// Memory for `count` elements. @throws Error with the number of bytes when there is none.
  [[nodiscard]] T* allocate(std::size_t count) {
    return static_cast<T*>(detail::allocate_block(count, sizeof(T)));
  }
  /// Gives back what `allocate` gave.
  void deallocate(T* block, std::size_t count) {
    ::operator delete(block, detail::alignment_for(count * sizeof(T)));
  }
  bool operator==(const AlignedAllocator&) const = default;
};

/// A standard vector whose elements start on a cache line.
template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// The bytes that `count` elements take in an Arena: a whole number of cache lines.
template <class T>
[[nodiscard]] constexpr Index bytes_for(Index count) {
  const Index line = static_cast<Index>(alignment);
  if (count > (std::numeric_limits<Index>::max() - line) / static_cast<Index>(sizeof(T)))
      [[unlikely]]
    detail::fail_for_memory(static_cast<std::size_t>(count), sizeof(T));
  const Index bytes = count * static_cast<Index>(sizeof(T));
  return (bytes + line - 1) / line * line;
}

/// Hands out consecutive aligned parts of a block that somebody else owns. Copying an arena copies
/// its position only: both then hand out the same bytes.
class Arena {
 public:
  Arena() = default;
  /// Hands out the `bytes` from `block` on.
  Arena(std::byte* block, Index bytes) : next_(block), left_(bytes) {}

  /// Uninitialised memory for `count` elements.
  /// @throws Error when the block is used up: the layer asked for less in `memory()` than it takes.
  template <class T>
  [[nodiscard]] T* take(Index count) {
    const Index bytes = bytes_for<T>(count);
    require(bytes <= left_, "an arena with ", left_, " bytes left was asked for ", bytes);
    T* part = reinterpret_cast<T*>(next_);  // NOLINT: the one place where bytes become elements
    next_ += bytes;
    left_ -= bytes;
    return part;
  }

  /// A part of `bytes` bytes to be handed out in turn.
  [[nodiscard]] Arena take_arena(Index bytes) { return {take<std::byte>(bytes), bytes}; }

  /// Where the next part starts.
  [[nodiscard]] std::byte* data() const { return next_; }
  /// What has not been handed out.
  [[nodiscard]] Index bytes_left() const { return left_; }

 private:
  std::byte* next_ = nullptr;
  Index left_ = 0;
};

/// The bytes a layer needs for one batch, besides its input and output.
struct Memory {
  Index kept = 0;     ///< written by forward and read by backward
  Index scratch = 0;  ///< of use within one call only
};

}  // namespace nn
