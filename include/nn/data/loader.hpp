/// @file
/// The batches of an epoch, prepared while the one before trains.
#pragma once

#include <algorithm>
#include <array>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <vector>

#include "nn/data/batch_maker.hpp"
#include "nn/data/tensor_dataset.hpp"

namespace nn {

/// Prepares the batches of any `DataSource`, epoch after epoch. Which samples a batch holds, and
/// what augmentation does to them, is a function of the seed, the epoch and the number of the batch
/// alone, so an epoch can be repeated, and taken up again in the middle. Nothing is allocated after
/// the first batches.
///
///     nn::Loader loader(train, {.batch_size = 64, .seed = 1});
///     for (const nn::Batch<float>& batch : loader.epoch(0)) ...
///
/// To be used from one thread at a time, and for one loop at a time: two loops, one within the
/// other, take a Loader each. What an augmentation or a transform throws in the loader's
/// thread is thrown again by `next`.
template <class T = float>
class Loader {
 public:
  using Scalar = T;

  /// Keeps a copy of the data set, which shares its images.
  /// @throws Error when the data set is empty, or holds less than one batch.
  explicit Loader(Dataset data, LoaderOptions options = {})
      : Loader(std::make_shared<const Dataset>(std::move(data)), std::move(options), 0) {}

  /// Takes any other `DataSource`: a temporary is kept, and so is a copy of a TensorDataset, which
  /// shares its numbers; what else has a name is referred to, and has to outlive the loader.
  /// @throws Error when the data are empty, or less than one batch.
  template <class Source>
  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): no Loader passes the requirement
  requires(!std::is_same_v<std::remove_cvref_t<Source>, Loader>) explicit Loader(
      Source&& data, LoaderOptions options = {})
      : Loader(kept(std::forward<Source>(data)), std::move(options), 0) {}

  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Ends the thread, in the middle of an epoch too.
  [[gnu::cold]] ~Loader() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  /// What the batches are made of.
  [[nodiscard]] const DataView& data() const { return maker_.data(); }
  /// As given.
  [[nodiscard]] const LoaderOptions& options() const { return maker_.options(); }

  /// How many batches an epoch has.
  [[nodiscard]] Index batches() const { return maker_.batches(); }
  /// How many samples a batch has, with those that `LoaderOptions::part` leaves out.
  [[nodiscard]] Index samples_of(Index batch) const { return maker_.samples_of(batch); }

  /// Goes to batch `first_batch` of an epoch, from wherever the loader is.
  /// @throws Error when the epoch has no such batch (its end is one).
  [[gnu::cold]] void start(Index epoch, Index first_batch = 0) {
    require(epoch >= 0 && first_batch >= 0 && first_batch <= batches(), "batch ", first_batch,
            " of epoch ", epoch, ", where an epoch has ", batches());
    ++starts_;
    std::unique_lock lock(mutex_);
    made_ = taken_ = end_ = 0;  // no more work, and then none under way
    changed_.wait(lock, [this] { return !working_; });
    epoch_ = epoch;
    error_ = nullptr;
    holding_ = false;
    made_ = taken_ = first_batch;
    end_ = batches();
    if (options().shuffle) {
      epoch_order(order_, options().seed, epoch);
    } else {
      std::iota(order_.begin(), order_.end(), Index{0});
    }
    lock.unlock();
    changed_.notify_all();
  }

  /// The next batch of the epoch, or null when it is over. The batch stays as it is until the next
  /// call of any function that is not const.
  const Batch<T>* next() {
    std::unique_lock lock(mutex_);
    holding_ = false;
    if (taken_ == end_) return nullptr;
    if (options().background) {
      changed_.notify_all();
      changed_.wait(lock, [this] { return made_ > taken_ || error_; });
    } else {
      make_next(lock);
    }
    if (made_ == taken_) std::rethrow_exception(error_);
    current_ = buffer(taken_).view();
    if (options().transform && options().part.pieces > 1) {
      const Index samples = maker_.samples_of(taken_);
      current_ = current_.samples(options().part.first(samples), options().part.count(samples));
    }
    ++taken_;
    holding_ = true;
    return &current_;
  }

  /// An epoch, or what is left of it after `first_batch` batches, as a range to loop over once. It
  /// throws Error when it is to go on after another epoch has been started.
  [[nodiscard]] auto epoch(Index number, Index first_batch = 0) & {
    start(number, first_batch);
    return Epoch{this, starts_, number};
  }
  /// A range-based for would destroy a temporary loader before its first batch: give it a name.
  void epoch(Index number, Index first_batch = 0) && = delete;

 private:
  /// The data, kept alive by an owner or by whoever made the loader.
  template <class Source>
  using Kept = std::shared_ptr<const Source>;

  template <class Source>
  [[nodiscard]] static auto kept(Source&& data) {
    using Plain = std::remove_cvref_t<Source>;
    constexpr bool shares =
        std::is_same_v<Plain, TensorDataset> || std::is_base_of_v<DataView, Plain>;
    if constexpr (shares || !std::is_lvalue_reference_v<Source>) {
      return std::make_shared<const Plain>(std::forward<Source>(data));
    } else {
      return Kept<Plain>(Kept<Plain>(), &data);  // owns nothing
    }
  }

  template <class Source>
  Loader(Kept<Source> data, LoaderOptions options, int /*kept*/)
      : Loader(data, view_of(*data), std::move(options)) {}

  static DataView view_of(const DataView& data) { return data; }

  [[gnu::cold]] Loader(std::shared_ptr<const void> owner, const DataView& data,
                       LoaderOptions options)
      : owner_(std::move(owner)), maker_(data, std::move(options)) {
    order_.resize(static_cast<std::size_t>(maker_.samples()));
    for (BatchBuffer<T>& buffer : buffers_) maker_.reserve(buffer);
    if (this->options().background) thread_ = std::thread([this] { work(); });
  }

  /// One batch in use and one ready while the next is being made.
  static constexpr Index buffer_count = 3;

  struct End {};
  struct Iterator;
  struct Epoch {
    Loader* loader;
    std::uint64_t start;  ///< which of the loader's
    Index number;
    [[nodiscard]] Iterator begin() const { return {*this, next()}; }
    [[nodiscard]] End end() const { return {}; }
    [[nodiscard]] const Batch<T>* next() const {
      require(start == loader->starts_, "the loop over epoch ", number,
              " of a loader cannot go on: epoch ", loader->epoch_,
              " was started meanwhile; two loops need a loader each");
      return loader->next();
    }
  };
  struct Iterator {
    Epoch epoch;
    const Batch<T>* batch;
    const Batch<T>& operator*() const { return *batch; }
    Iterator& operator++() {
      batch = epoch.next();
      return *this;
    }
    bool operator!=(End /*end*/) const { return batch != nullptr; }
  };

  [[nodiscard]] BatchBuffer<T>& buffer(Index batch) {
    return buffers_[static_cast<std::size_t>(batch % buffer_count)];
  }

  /// Whether the next batch is wanted and a buffer is free for it.
  [[nodiscard]] bool has_work() const {
    const Index in_use = made_ - taken_ + (holding_ ? 1 : 0);
    return made_ < end_ && in_use < buffer_count && !error_;
  }

  /// The life of the thread.
  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || has_work(); });
      if (stopping_) return;
      make_next(lock);
      changed_.notify_all();
    }
  }

  /// Makes batch `made_`, with the lock released meanwhile. It counts unless `start` has been
  /// called since.
  void make_next(std::unique_lock<std::mutex>& lock) {
    const Index batch = made_;
    working_ = true;
    lock.unlock();
    std::exception_ptr error;
    try {
      maker_.make(order_, epoch_, batch, buffer(batch));
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    working_ = false;
    error_ = error;
    if (!error && made_ < end_) ++made_;
  }

  const std::shared_ptr<const void> owner_;  ///< of the data; null where they are another's

  // Written by `start` while the thread rests, and by whoever makes a batch.
  std::vector<Index> order_;
  Index epoch_ = 0;
  std::uint64_t starts_ = 0;  ///< how often `start` has been called
  std::array<BatchBuffer<T>, buffer_count> buffers_;
  detail::BatchMaker<T> maker_;

  // Written under the lock. Batches are counted within the epoch: [taken_, made_) are ready.
  std::mutex mutex_;
  std::condition_variable changed_;
  Index made_ = 0;
  Index taken_ = 0;
  Index end_ = 0;
  bool holding_ = false;  ///< whether batch taken_ - 1 is in use
  bool working_ = false;
  bool stopping_ = false;
  std::exception_ptr error_;

  Batch<T> current_;
  std::thread thread_;  ///< last, so that all it uses exists before it
};

}  // namespace nn
