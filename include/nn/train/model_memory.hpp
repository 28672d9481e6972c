/// @file
/// The memory of a model's passes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"

namespace nn::detail {

/// The memory of one pass.
class PassMemory {
 public:
  void reserve(const Memory& memory) {
    grow(kept_, memory.kept);
    grow(scratch_, memory.scratch);
  }
  /// For so many samples; memory() is asked how much that is unless it was the last time.
  /// Whether it was.
  template <class NeededMemory>
  [[nodiscard]] bool reserve_for(Index samples, const NeededMemory& memory) {
    if (samples == samples_ && threads() == threads_) return true;
    reserve(memory());
    samples_ = samples;
    threads_ = threads();
    return false;
  }
  [[nodiscard]] Arena kept() { return {kept_.data(), static_cast<Index>(kept_.size())}; }
  [[nodiscard]] Arena scratch() { return {scratch_.data(), static_cast<Index>(scratch_.size())}; }
  void poison() {
    for (auto* block : {&kept_, &scratch_})
      std::fill(block->begin(), block->end(), std::byte{0xff});
  }

 private:
  [[gnu::cold, gnu::noinline]] static void grow(AlignedVector<std::byte>& block, Index bytes) {
    if (static_cast<Index>(block.size()) < bytes) {
      block.clear();  // so that nothing is copied
      try {
        block.resize(static_cast<std::size_t>(bytes));
      } catch (const Error& error) {
        fail<Error>({error.what(), ", wanted for what the layers compute of a batch"});
      }
    }
  }
  AlignedVector<std::byte> kept_;
  AlignedVector<std::byte> scratch_;
  Index samples_ = 0;  // for which it was reserved
  Index threads_ = 0;  // likewise
};

/// The memory of predictions that have ended, for those to come.
class FreeMemory {
 public:
  PassMemory borrow() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return {};
    PassMemory memory = std::move(free_.back());
    free_.pop_back();
    return memory;
  }
  void give_back(PassMemory memory) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(memory));
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    free_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<PassMemory> free_;
};

/// Owns something that a copy of the model has its own of, new. What was moved from has none
/// until it is assigned to.
template <class Owned>
class Fresh {
 public:
  Fresh() : owned_(std::make_unique<Owned>()) {}
  Fresh(const Fresh& /*other*/) : Fresh() {}
  Fresh(Fresh&&) noexcept = default;
  Fresh& operator=(const Fresh& other) {
    if (this != &other) owned_ = std::make_unique<Owned>();
    return *this;
  }
  Fresh& operator=(Fresh&&) noexcept = default;
  ~Fresh() = default;
  Owned* operator->() const { return owned_.get(); }

 private:
  std::unique_ptr<Owned> owned_;
};

}  // namespace nn::detail
