/// @file
/// Batches that the ranks of a communicator share.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "nn/core/file.hpp"
#include "nn/distributed/communicator.hpp"
#include "nn/distributed/piece_tree.hpp"
#include "nn/distributed/same_training.hpp"
#include "nn/distributed/share_tasks.hpp"
#include "nn/train/fit_sharing.hpp"

namespace nn {

/// Shares batches among the ranks of a communicator. `fit` makes one by itself; a loop of one's own
/// takes its own samples of each batch, and gets the sums over all ranks:
///
///     nn::SharedBatches sharing(world, 8);
///     sharing.begin_batch(128);      // of all ranks together
///     model.share(&sharing);
///     // the samples [sharing.first_sample(), sharing.first_sample() + sharing.begin(pieces))
///     outputs = model.forward(own_batch.inputs);
///     // the mean over all 128 samples, and its gradient for these
///     double value = sharing.loss(loss, outputs, own_batch, own_gradient);
///     model.backward(own_gradient);  // model.gradients() are the same on all ranks now
///
/// Large sums are made where they cost least to send: each rank adds up one part of the elements,
/// for all, over the tree; so a rank that has one whole subtree sends (and receives) 2 (n - 1) / n
/// of the elements, the least possible for n ranks. Small ones are made by every rank.
class SharedBatches final : public TrainingSharing {
 public:
  /// Batches are cut into `pieces` pieces, of which every rank has a run.
  /// @throws Error when there are fewer pieces than ranks.
  SharedBatches(Communicator& world, Index pieces) : world_(world), all_pieces_(pieces) {
    require(pieces >= world.size(), "batches of ", pieces, " pieces cannot be shared by ",
            world.size(), " ranks: cut them into more (FitOptions::pieces), or make them larger");
  }

  [[nodiscard]] Index rank() const override { return world_.rank(); }
  [[nodiscard]] BatchPart part() const override {
    return {all_pieces_, first_piece(rank()), first_piece(rank() + 1)};
  }
  void begin_step(Index step) override { world_.set_step(step); }
  void broadcast(std::span<double> values) override { world_.broadcast(values); }
  void fail(const char* why) override { world_.fail(why); }

  /// Cuts a batch of so many samples: as the constructor was told, or, where it has fewer samples
  /// than pieces, into one for each sample, and then every rank computes all of them.
  /// @throws Error for a batch of no samples.
  void begin_batch(Index samples) override {
    if (samples == samples_) return;
    require(samples > 0, "a batch of ", samples, " samples");
    samples_ = samples;
    whole_ = samples < all_pieces_;
    const Index leaves = whole_ ? samples : all_pieces_;
    smallest_piece_ = samples / leaves;
    const Index ranks = whole_ ? 1 : world_.size();
    const Index own = whole_ ? 0 : rank();
    const PieceTree tree(leaves);
    NodeStack all(tree);
    root_counts_.clear();
    root_joins_.clear();
    pieces_.clear();
    block_count_ = 1;
    for (Index of = 0; of < ranks; ++of) {
      const Index begin = whole_ ? 0 : first_piece(of);
      const Index end = whole_ ? leaves : first_piece(of + 1);
      NodeStack stack(tree);
      for (Index leaf = begin; leaf < end; ++leaf) {
        const auto block = static_cast<Index>(stack.nodes().size());
        const Index joins = stack.push({leaf, leaf + 1});
        if (of != own) continue;
        const Index first = samples * begin / leaves;
        pieces_.push_back({samples * leaf / leaves - first, block, joins});
        block_count_ = std::max(block_count_, block + 1);
        first_sample_ = first;
        own_samples_ = samples * end / leaves - first;
      }
      root_counts_.push_back(static_cast<Index>(stack.nodes().size()));
      for (const PieceTree::Node& root : stack.nodes()) root_joins_.push_back(all.push(root));
    }
  }

  /// The mean loss over the whole batch, of which `outputs` and `batch` are this rank's samples,
  /// and its gradient for these.
  template <class T, class LossFunction>
  double loss(const LossFunction& loss, TensorView<const T> outputs, const Batch<T>& batch,
              TensorView<T> gradient) {
    return figures_
        .measure<T>(*this, outputs, batch, gradient,
                    [&](TensorView<const T> part, const Batch<T>& samples, TensorView<T> slope) {
                      return detail::BatchFigures{detail::batch_loss<T>(loss, part, samples, slope),
                                                  0, samples.size()};
                    })
        .loss.value;
  }

  void sum(float* blocks, Index size) override { sum_blocks(blocks, size); }
  void sum(double* blocks, Index size) override { sum_blocks(blocks, size); }

  void join(double* records, Index size,
            FunctionRef<void(double* left, const double* right)> combine) override {
    stack_.clear();
    for (Index piece = 0; piece < pieces(); ++piece) {
      push(records, size, piece, joins(piece), combine);
    }
    const Index roots = static_cast<Index>(stack_.size());
    for (Index root = 1; root < roots; ++root) {
      std::copy_n(records + stack_[static_cast<std::size_t>(root)] * size, size,
                  records + root * size);
    }
    if (is_local()) return;
    const Index before = roots_before(rank());
    double* const all = work<double>(roots_before(world_.size()) * size);
    std::copy_n(records, roots * size, all + before * size);
    gather(all, size);
    stack_.clear();
    for (Index root = 0; root < roots_before(world_.size()); ++root) {
      push(all, size, root, root_joins_[static_cast<std::size_t>(root)], combine);
    }
    std::copy_n(all, size, records);
  }

  bool resume(const std::string& path, detail::Training& training) override;

 private:
  /// The first piece of a rank's run.
  [[nodiscard]] Index first_piece(Index of) const { return all_pieces_ * of / world_.size(); }
  /// Whether nothing has to be sent.
  [[nodiscard]] bool is_local() const { return whole_ || world_.size() == 1; }
  /// How many roots the ranks before `of` have.
  [[nodiscard]] Index roots_before(Index of) const {
    Index count = 0;
    for (Index rank = 0; rank < of; ++rank) count += root_counts_[static_cast<std::size_t>(rank)];
    return count;
  }

  /// Puts a record on the stack, and joins those that become one.
  template <class Number, class Combine>
  void push(Number* records, Index size, Index record, Index joins, const Combine& combine) {
    stack_.push_back(record);
    for (Index join = 0; join < joins; ++join) {
      const Index right = stack_.back();
      stack_.pop_back();
      combine(records + stack_.back() * size, records + right * size);
    }
  }

  /// Memory for `count` numbers.
  template <class Number>
  [[nodiscard]] Number* work(Index count) {
    const auto bytes = static_cast<std::size_t>(count) * sizeof(Number);
    if (work_.size() < bytes) work_.resize(bytes);
    return reinterpret_cast<Number*>(work_.data());  // NOLINT: bytes become elements
  }

  template <class Number>
  [[nodiscard]] static std::span<const std::byte> bytes_of(const Number* numbers, Index count) {
    return std::as_bytes(std::span<const Number>(numbers, static_cast<std::size_t>(count)));
  }
  template <class Number>
  [[nodiscard]] static std::span<std::byte> bytes_to(Number* numbers, Index count) {
    return std::as_writable_bytes(std::span<Number>(numbers, static_cast<std::size_t>(count)));
  }

  /// Calls exchange(to, from) for every other rank, in such an order that all are busy at a time.
  template <class Exchange>
  void with_others(const Exchange& exchange) const {
    for (Index distance = 1; distance < world_.size(); ++distance) {
      exchange((rank() + distance) % world_.size(),
               (rank() - distance + world_.size()) % world_.size());
    }
  }

  /// Gets the roots of the others; this rank's are in their place.
  void gather(double* all, Index size) {
    with_others([&](Index to, Index from) {
      world_.exchange(bytes_of(all + roots_before(rank()) * size, count_of(rank()) * size), to,
                      bytes_to(all + roots_before(from) * size, count_of(from) * size), from);
    });
  }
  [[nodiscard]] Index count_of(Index of) const {
    return root_counts_[static_cast<std::size_t>(of)];
  }

  template <class T>
  void sum_blocks(T* blocks, Index size) {
    if (is_local()) return;
    const auto begin = [&](Index of) { return size * of / world_.size(); };
    const auto length = [&](Index of) { return begin(of + 1) - begin(of); };
    const Index own = length(rank());
    const Index roots = count_of(rank());
    const Index all_roots = roots_before(world_.size());
    T* const terms = work<T>(all_roots * own + roots * (size / world_.size() + 1));
    T* const packed = terms + all_roots * own;
    const auto pack = [&](Index part, T* to) {
      for (Index root = 0; root < roots; ++root) {
        std::copy_n(blocks + root * size + begin(part), length(part), to + root * length(part));
      }
    };
    pack(rank(), terms + roots_before(rank()) * own);
    with_others([&](Index to, Index from) {
      const T* out = blocks + begin(to);
      if (roots > 1) {
        pack(to, packed);
        out = packed;
      }
      world_.exchange(bytes_of(out, roots * length(to)), to,
                      bytes_to(terms + roots_before(from) * own, count_of(from) * own), from);
    });
    stack_.clear();
    for (Index root = 0; root < all_roots; ++root) {
      push(terms, own, root, root_joins_[static_cast<std::size_t>(root)],
           [own](T* left, const T* right) {
             parallel_for_pieces(own, Index{1} << 15U, [left, right](Index first, Index last) {
               for (Index i = first; i < last; ++i) left[i] += right[i];
             });
           });
    }
    std::copy_n(terms, own, blocks + begin(rank()));
    with_others([&](Index to, Index from) {
      world_.exchange(bytes_of(blocks + begin(rank()), own), to,
                      bytes_to(blocks + begin(from), length(from)), from);
    });
  }

  Communicator& world_;
  Index all_pieces_;
  bool whole_ = false;              // whether every rank computes all of this batch
  std::vector<Index> root_counts_;  // of each rank
  std::vector<Index> root_joins_;   // of the roots of all ranks, one rank after another
  std::vector<Index> stack_;        // of records
  AlignedVector<std::byte> work_;
  detail::PieceFigures figures_;
};

/// What `fit` starts a shared training with.
/// @throws Error, the same on all ranks, naming one that differs.
[[gnu::cold]] [[nodiscard]] inline std::unique_ptr<TrainingSharing> share_training(
    Communicator& world, const detail::SharingSetup& setup) {
  detail::require_same(world, detail::shared_settings(setup));
  return std::make_unique<SharedBatches>(world, setup.pieces);
}

[[gnu::cold]] inline bool SharedBatches::resume(const std::string& path,
                                                detail::Training& training) {
  std::string bytes;
  std::error_code ignored;
  double exists[] = {rank() == 0 && std::filesystem::exists(path, ignored) ? 1.0 : 0.0};
  broadcast(exists);
  if (exists[0] == 0) return false;
  if (rank() == 0) bytes = read_file(path, detail::at_most(std::uint64_t{1} << 36U));
  detail::broadcast_text(world_, bytes);
  detail::resume_training(path, Checkpoint::parse(bytes, path), training);
  return true;
}

}  // namespace nn
