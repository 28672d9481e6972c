/// @file
/// How batches are made from samples.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "nn/data/batch.hpp"
#include "nn/data/sample_reader.hpp"

namespace nn {

/// How a Loader makes batches.
struct LoaderOptions {
  Index batch_size = 128;       ///< samples of a batch
  bool shuffle = true;          ///< a new order each epoch; else the order of the data set
  bool drop_last = false;       ///< leave out the last batch of an epoch where it is smaller
  std::uint64_t seed = 0;       ///< of the order and of the augmentation
  bool background = true;       ///< prepare batches in a thread; else when they are asked for
  Augmentation augmentation{};  ///< applied to every sample, before images are normalised
  BatchTransform transform{};   ///< applied to every batch
  BatchPart part{};             ///< which samples of every batch are wanted; all, if not said
};

namespace detail {

/// Makes the batches of a source. A batch depends on the order, the seed, the epoch and its number
/// only.
template <class T>
class BatchMaker {
 public:
  /// @throws Error when the data are empty, or less than one batch.
  [[gnu::cold]] BatchMaker(const DataView& data, LoaderOptions options)
      : data_(data), options_(std::move(options)), read_(data_) {
    const DataFacts& facts = read_.facts();
    require(facts.size > 0 && facts.sample_shape.size() > 0, "cannot take batches from ", data_,
            ": it is empty");
    require(options_.batch_size > 0, "a batch size of ", options_.batch_size);
    require(options_.batch_size <= facts.size, "a batch size of ", options_.batch_size,
            " is more than there are in ", data_);
    if (options_.augmentation) image_.resize(facts.sample_shape);
    if (images() != nullptr)
      normalize_.emplace(images()->normalization(), facts.sample_shape.back());
  }

  [[nodiscard]] const DataView& data() const { return data_; }
  [[nodiscard]] const LoaderOptions& options() const { return options_; }
  [[nodiscard]] Index samples() const { return read_.facts().size; }
  [[nodiscard]] Index batches() const {
    const Index extra = options_.drop_last ? 0 : options_.batch_size - 1;
    return (samples() + extra) / options_.batch_size;
  }
  /// How many samples a batch has, with those that are not wanted.
  [[nodiscard]] Index samples_of(Index batch) const {
    return std::min(options_.batch_size, samples() - batch * options_.batch_size);
  }

  /// Allocates for the largest batch, and sets the number of classes.
  [[gnu::cold, gnu::noinline]] void reserve(BatchBuffer<T>& buffer) const {
    resize(buffer, options_.batch_size);
    buffer.indices.reserve(static_cast<std::size_t>(options_.batch_size));
    buffer.classes = read_.facts().classes;
  }

  /// Makes a batch of an epoch that visits the samples in the given order.
  [[gnu::noinline]] void make(std::span<const Index> order, Index epoch, Index batch,
                              BatchBuffer<T>& out) {
    epoch_ = epoch;
    Index first = batch * options_.batch_size;
    Index count = samples_of(batch);
    if (!options_.transform) {  // a transform is given the whole batch, and the part cut out later
      first += options_.part.first(count);
      count = options_.part.count(count);
    }
    resize(out, count);
    out.indices.assign(order.begin() + first, order.begin() + first + count);
    for (Index i = 0; i < count; ++i) {
      if (images() != nullptr) {
        make_image(out, i);
      } else {
        make_sample(out, i);
      }
    }
    if (options_.transform) {
      Random random = data_random(options_.seed, DataStream::batch, epoch_, batch);
      options_.transform(out, random);
    }
  }

 private:
  /// Resizes the buffer to `count` samples. What the data do not have stays empty.
  [[gnu::noinline]] void resize(BatchBuffer<T>& buffer, Index count) const {
    const DataFacts& facts = read_.facts();
    const bool targets = facts.target_shape != Shape{0};
    buffer.inputs.resize(facts.sample_shape.prepended(count));
    buffer.labels.resize({facts.classes > 0 ? count : 0});
    buffer.targets.resize(targets ? facts.target_shape.prepended(count) : Shape{0});
    buffer.weights.resize({facts.weighted ? count : 0});
  }

  /// Images are augmented before they are normalised.
  void make_image(BatchBuffer<T>& out, Index i) {
    const Index index = out.indices[static_cast<std::size_t>(i)];
    const TensorView<const std::uint8_t> bytes = images()->image(index);
    const TensorView<T> input = out.inputs.sample(i);
    out.labels[i] = images()->label(index);
    if (!options_.augmentation) return (*normalize_)(bytes, input);
    for (Index p = 0; p < bytes.size(); ++p) image_[p] = static_cast<float>(bytes[p]) / 255.0F;
    augment(index);
    (*normalize_)(std::as_const(image_).view(), input);
  }

  [[gnu::noinline]] void make_sample(BatchBuffer<T>& out, Index i) {
    const Index index = out.indices[static_cast<std::size_t>(i)];
    Sample<T> sample;
    sample.input = out.inputs.sample(i);
    if (!out.targets.empty()) sample.target = out.targets.sample(i);
    sample.epoch = epoch_;
    read_(index, sample);
    if (!out.labels.empty()) out.labels[i] = sample.label;
    if (!out.weights.empty()) out.weights[i] = static_cast<T>(sample.weight);
    if (!options_.augmentation) return;
    const auto copy = [](const auto& from, const auto& to) {
      for (Index p = 0; p < from.size(); ++p) {
        to[p] = static_cast<std::remove_cvref_t<decltype(to[p])>>(from[p]);
      }
    };
    copy(sample.input, image_.view());
    augment(index);
    copy(image_.view(), sample.input);
  }

  void augment(Index index) {
    context_.begin(options_.seed, epoch_, index);
    options_.augmentation(image_, context_);
  }

  [[nodiscard]] const Dataset* images() const { return data_.images(); }

  const DataView data_;
  const LoaderOptions options_;
  std::optional<Normalizer<T>> normalize_;  // for images
  Tensor<float> image_;                     // what is augmented
  ImageContext context_;
  Index epoch_ = 0;
  SampleReader<T> read_;
};

}  // namespace detail
}  // namespace nn
