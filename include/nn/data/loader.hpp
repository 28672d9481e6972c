/// @file
/// The batches of an epoch, prepared while the one before trains.
#pragma once

#include <algorithm>
#include <array>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "nn/data/batch.hpp"
#include "nn/data/dataset.hpp"

namespace nn {

/// How a Loader makes batches.
struct LoaderOptions {
  Index batch_size = 128;       ///< samples of a batch
  bool shuffle = true;          ///< a new order each epoch; else the order of the data set
  bool drop_last = false;       ///< leave out the last batch of an epoch where it is smaller
  std::uint64_t seed = 0;       ///< of the order and of all that is random in the preparation
  bool background = true;       ///< prepare in a thread of its own; else when asked for the batch
  Augmentation augmentation{};  ///< done to every image
  BatchTransform transform{};   ///< done to every batch
};

/// Prepares the batches of a data set, epoch after epoch. Which samples a batch holds, and what
/// augmentation does to them, is a function of the seed, the epoch and the number of the batch
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

  /// @throws Error when the data set is empty, or holds less than one batch.
  [[gnu::cold]] explicit Loader(Dataset data, LoaderOptions options = {})
      : data_(std::move(data)),
        options_(std::move(options)),
        normalize_(data_.normalization(), data_.sample_shape().back()) {
    require(!data_.empty() && data_.sample_shape().size() > 0, "cannot take batches from ", data_,
            ": it is empty");
    require(options_.batch_size > 0, "a batch size of ", options_.batch_size);
    require(options_.batch_size <= data_.size(), "a batch size of ", options_.batch_size,
            " is more than there are in ", data_);
    order_.resize(static_cast<std::size_t>(data_.size()));
    for (BatchBuffer<T>& buffer : buffers_) reserve(buffer);
    if (options_.augmentation) image_.resize(data_.sample_shape());
    if (options_.background) thread_ = std::thread([this] { work(); });
  }

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
  [[nodiscard]] const Dataset& data() const { return data_; }
  /// As given.
  [[nodiscard]] const LoaderOptions& options() const { return options_; }

  /// How many batches an epoch has.
  [[nodiscard]] Index batches() const {
    const Index extra = options_.drop_last ? 0 : options_.batch_size - 1;
    return (data_.size() + extra) / options_.batch_size;
  }

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
    if (options_.shuffle) {
      epoch_order(order_, options_.seed, epoch);
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
    if (options_.background) {
      changed_.notify_all();
      changed_.wait(lock, [this] { return made_ > taken_ || error_; });
    } else {
      make_next(lock);
    }
    if (made_ == taken_) std::rethrow_exception(error_);
    current_ = buffer(taken_++).view();
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

  [[gnu::cold, gnu::noinline]] void reserve(BatchBuffer<T>& buffer) const {
    buffer.inputs.resize(data_.sample_shape().prepended(options_.batch_size));
    buffer.labels.resize({options_.batch_size});
    buffer.indices.reserve(static_cast<std::size_t>(options_.batch_size));
    buffer.classes = data_.classes();
  }

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
      make(batch, buffer(batch));
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    working_ = false;
    error_ = error;
    if (!error && made_ < end_) ++made_;
  }

  [[gnu::noinline]] void make(Index batch, BatchBuffer<T>& out) {
    const Index first = batch * options_.batch_size;
    const Index count = std::min(options_.batch_size, data_.size() - first);
    out.inputs.resize(data_.sample_shape().prepended(count));
    out.labels.resize({count});
    out.targets.resize({0});
    out.indices.assign(order_.begin() + first, order_.begin() + first + count);
    for (Index i = 0; i < count; ++i) {
      const Index index = out.indices[static_cast<std::size_t>(i)];
      out.labels[i] = data_.label(index);
      make_input(index, out.inputs.sample(i));
    }
    if (options_.transform) {
      Random random = detail::data_random(options_.seed, detail::DataStream::batch, epoch_, batch);
      options_.transform(out, random);
    }
  }

  [[gnu::noinline]] void make_input(Index index, TensorView<T> input) {
    const TensorView<const std::uint8_t> bytes = data_.image(index);
    if (!options_.augmentation) return normalize_(bytes, input);
    for (Index i = 0; i < bytes.size(); ++i) image_[i] = static_cast<float>(bytes[i]) / 255.0F;
    context_.begin(options_.seed, epoch_, index);
    options_.augmentation(image_, context_);
    normalize_(std::as_const(image_).view(), input);
  }

  const Dataset data_;
  const LoaderOptions options_;
  const Normalizer<T> normalize_;

  // Written by `start` while the thread rests, and by whoever makes a batch.
  std::vector<Index> order_;
  Index epoch_ = 0;
  std::uint64_t starts_ = 0;  ///< how often `start` has been called
  std::array<BatchBuffer<T>, buffer_count> buffers_;
  Tensor<float> image_;
  ImageContext context_;

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
