/// @file
/// A batch that several processes share.
#pragma once

#include <cstddef>
#include <vector>

#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"

namespace nn {

/// How the samples of a batch are shared by processes. A batch is cut into pieces by its size
/// alone; the pieces are the leaves of one binary tree, and whatever is summed over samples is
/// summed within each piece and then over that tree, so that the sums are the same bits however
/// many processes share the pieces. A process has a run of neighbouring pieces.
///
/// A layer that is not `LayerTraits::whole_batch` is run once for each piece, as if that were a
/// batch of its own, and knows nothing of all this; the others are run once, and sum piece by piece
/// (`layers/pieces.hpp`). Sums of pieces stand in *blocks*: piece p
/// writes block `block(p)`, and then the last block is added to the one before it `joins(p)` times.
/// What is left in the end are the roots of this process's subtrees, in order, which `sum` and
/// `join` put together with those of the others.
class BatchSharing {
 public:
  BatchSharing() = default;
  BatchSharing(const BatchSharing&) = delete;
  BatchSharing& operator=(const BatchSharing&) = delete;
  virtual ~BatchSharing() = default;

  /// How many pieces this process has; at least one.
  [[nodiscard]] Index pieces() const { return static_cast<Index>(pieces_.size()); }
  /// Where a piece starts among this process's samples; `begin(pieces())` is their number.
  [[nodiscard]] Index begin(Index piece) const {
    return piece == pieces() ? own_samples_ : pieces_[static_cast<std::size_t>(piece)].begin;
  }
  /// The place of this process's first sample in the whole batch.
  [[nodiscard]] Index first_sample() const { return first_sample_; }
  /// How many samples the whole batch has.
  [[nodiscard]] Index samples() const { return samples_; }
  /// How many samples the smallest piece of the whole batch has. Whoever computes several pieces at
  /// a time chooses the kernel for so many, as on all processes then the same is chosen.
  [[nodiscard]] Index smallest_piece() const { return smallest_piece_; }

  /// The block to which a piece writes what is to be summed.
  [[nodiscard]] Index block(Index piece) const {
    return pieces_[static_cast<std::size_t>(piece)].block;
  }
  /// How often the last block is added to the one before it, after a piece.
  [[nodiscard]] Index joins(Index piece) const {
    return pieces_[static_cast<std::size_t>(piece)].joins;
  }

  /// Memory for all blocks, of `size` elements each, one after another. It keeps what was written
  /// until a larger size is asked for; new memory is zero.
  template <class T>
  [[nodiscard]] T* blocks(Index size) {
    return reinterpret_cast<T*>(reserve(bytes_for<T>(size * block_count_)));  // NOLINT: bytes
  }

  /// Puts the roots of all processes together: `blocks` holds this process's, `size` elements each;
  /// the sum over the whole tree is in the first one in the end.
  virtual void sum(float* blocks, Index size) = 0;
  /// Likewise.
  virtual void sum(double* blocks, Index size) = 0;

  /// Puts records of `size` numbers together over the tree: `records` holds one for each piece of
  /// this process, one after another, and in the end the result in the first. `combine(left,
  /// right)` makes of `left` what stands for both.
  virtual void join(double* records, Index size,
                    FunctionRef<void(double* left, const double* right)> combine) = 0;

  /// Likewise, where records are summed.
  void sum_records(double* records, Index size) {
    join(records, size, [size](double* left, const double* right) {
      for (Index i = 0; i < size; ++i) left[i] += right[i];
    });
  }

 protected:
  /// What a piece of this process has as a leaf of the tree.
  struct Leaf {
    Index begin;  ///< among this process's samples
    Index block;  ///< where its sums go
    Index joins;  ///< how many joins follow
  };

  std::vector<Leaf> pieces_;  ///< this process's, in order
  Index own_samples_ = 0;     ///< of this process
  Index first_sample_ = 0;    ///< their place in the batch
  Index samples_ = 0;         ///< of the batch
  Index smallest_piece_ = 0;  ///< in samples
  Index block_count_ = 1;     ///< how many blocks are in use at a time

 private:
  [[gnu::cold, gnu::noinline]] std::byte* reserve(Index bytes) {
    if (static_cast<Index>(memory_.size()) < bytes) memory_.resize(static_cast<std::size_t>(bytes));
    return memory_.data();
  }

  AlignedVector<std::byte> memory_;
};

}  // namespace nn
