/// @file
/// Batches, their order, and the changes that may be made to samples and batches.
#pragma once

#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/core/random.hpp"
#include "nn/core/tensor.hpp"

namespace nn {

/// Some samples, as a network and a loss take them.
template <class T = float>
struct Batch {
  TensorView<const T> inputs;        ///< N x a sample, such as height x width x channels
  TensorView<const Label> labels;    ///< N, or empty where the data have none
  TensorView<const T> targets;       ///< N x ..., or empty: what to learn instead of the labels
  std::span<const Index> indices;    ///< N: where the samples stand in the data set
  TensorView<const T> weights = {};  ///< N, or empty: how much each counts in the loss

  [[nodiscard]] Index size() const { return inputs.shape().front(); }
  /// The samples [first, first + count).
  [[gnu::cold, gnu::noinline]] [[nodiscard]] Batch samples(Index first, Index count) const {
    Batch part{inputs.samples(first, count), labels, targets, indices, weights};
    if (!labels.empty()) part.labels = labels.samples(first, count);
    if (!targets.empty()) part.targets = targets.samples(first, count);
    if (!weights.empty()) part.weights = weights.samples(first, count);
    part.indices =
        indices.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
    return part;
  }
};

/// A part of every batch, for processes that share batches: of `pieces` pieces of equal size, as
/// far as the number of samples allows, those from `begin` to `end`. Batches of fewer samples than
/// pieces are not cut.
struct BatchPart {
  Index pieces = 1;  ///< of a batch
  Index begin = 0;   ///< the first piece of this part
  Index end = 1;     ///< behind its last piece

  /// The first sample of the part, of a batch of `samples`.
  [[nodiscard]] Index first(Index samples) const {
    return samples < pieces ? 0 : samples * begin / pieces;
  }
  /// The number of its samples.
  [[nodiscard]] Index count(Index samples) const {
    return samples < pieces ? samples : samples * end / pieces - first(samples);
  }
};

/// A batch while it is made, which a `BatchTransform` changes. Later batches reuse the memory.
template <class T = float>
struct BatchBuffer {
  /// N x a sample, such as height x width x channels
  Tensor<T> inputs;
  /// N, or empty where the data have none
  Tensor<Label> labels;
  Tensor<T> targets;  ///< empty unless the data have targets or a transform makes some
  /// N: where the samples stand in the data set
  std::vector<Index> indices;
  Index classes = 0;  ///< how many there are; 0 without labels
  Tensor<T> weights;  ///< N, or empty: how much each counts in the loss

  [[nodiscard]] Index size() const { return inputs.shape().front(); }
  /// The batch as a network and a loss read it.
  [[nodiscard]] Batch<T> view() const { return {inputs, labels, targets, indices, weights}; }

  /// Unless there are targets, makes them from the labels: 1 for the class and 0 for the others.
  /// @throws Error where there are neither.
  void make_targets() {
    if (!targets.empty()) return;
    require(!labels.empty(), "there are no labels to make targets of");
    targets.resize({size(), classes});
    targets.fill(T(0));
    for (Index i = 0; i < size(); ++i) targets(i, labels[i]) = T(1);
  }
};

/// What an augmentation gets besides the image: a stream of random numbers that depends on the
/// seed, the epoch and the sample only.
class ImageContext {
 public:
  Random random{};         ///< numbers of this image's own
  std::uint64_t seed = 0;  ///< of the loader
  Index epoch = 0;         ///< 0 for the first
  Index sample = 0;        ///< where the image stands in the data set

  /// Starts the stream of a sample.
  void begin(std::uint64_t of_seed, Index of_epoch, Index of_sample);

  /// A buffer of `count` floats, the same in every call: its content is lost.
  [[nodiscard]] std::span<float> scratch(Index count) {
    if (static_cast<Index>(scratch_.size()) < count)
      scratch_.resize(static_cast<std::size_t>(count));
    return {scratch_.data(), static_cast<std::size_t>(count)};
  }

 private:
  AlignedVector<float> scratch_;
};

/// Changes an image, height x width x channels in [0, 1], or a sample of other data, in place.
/// Called from the loader's thread.
using Augmentation = std::function<void(TensorView<float> image, ImageContext& context)>;

/// Changes a whole batch, with a stream of random numbers that depends on the seed, the epoch and
/// the number of the batch only. Any callable that takes `BatchBuffer<T>&` and `Random&`, for
/// float, for double, or (with `auto&`) for both. Called from the loader's thread.
class BatchTransform {
 public:
  BatchTransform() = default;

  /// Holds any such callable.
  template <class Function>
  requires(!std::is_same_v<std::remove_cvref_t<Function>, BatchTransform> &&
           (std::is_invocable_v<Function&, BatchBuffer<float>&, Random&> ||
            std::is_invocable_v<Function&, BatchBuffer<double>&, Random&>))
      BatchTransform(Function function) {  // NOLINT(google-explicit-constructor)
    if constexpr (std::is_invocable_v<Function&, BatchBuffer<float>&, Random&>)
      for_float_ = function;
    if constexpr (std::is_invocable_v<Function&, BatchBuffer<double>&, Random&>)
      for_double_ = std::move(function);
  }

  /// Whether it holds a callable.
  [[nodiscard]] explicit operator bool() const { return for_float_ || for_double_; }

  /// @throws Error when the callable cannot take batches of this type.
  void operator()(BatchBuffer<float>& batch, Random& random) const {
    call(for_float_, "float", batch, random);
  }
  /// Likewise.
  void operator()(BatchBuffer<double>& batch, Random& random) const {
    call(for_double_, "double", batch, random);
  }

 private:
  template <class T>
  using Function = std::function<void(BatchBuffer<T>&, Random&)>;

  template <class T>
  static void call(const Function<T>& function, const char* type, BatchBuffer<T>& batch,
                   Random& random) {
    require(static_cast<bool>(function), "this transform does not take batches of ", type);
    function(batch, random);
  }

  Function<float> for_float_;
  Function<double> for_double_;
};

namespace detail {

/// Keys that keep the random streams of one seed apart.
enum class DataStream : std::uint64_t { order = 1, image = 2, batch = 3, split = 4, sample = 5 };

template <class... Keys>
[[nodiscard]] Random data_random(std::uint64_t seed, DataStream stream, Keys... keys) {
  return Random(seed, static_cast<std::uint64_t>(stream), keys...);
}

}  // namespace detail

inline void ImageContext::begin(std::uint64_t of_seed, Index of_epoch, Index of_sample) {
  seed = of_seed;
  epoch = of_epoch;
  sample = of_sample;
  random = detail::data_random(seed, detail::DataStream::image, epoch, sample);
}

/// Writes the order in which an epoch visits the samples: 0, 1, ..., shuffled. A function of the
/// seed and the epoch alone.
inline void epoch_order(std::span<Index> order, std::uint64_t seed, Index epoch) {
  std::iota(order.begin(), order.end(), Index{0});
  detail::data_random(seed, detail::DataStream::order, epoch).shuffle(order);
}

}  // namespace nn
