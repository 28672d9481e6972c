/// @file
/// Labelled images, kept as the bytes of their files.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nn/core/rounding.hpp"
#include "nn/core/tensor.hpp"
#include "nn/data/class_labels.hpp"
#include "nn/data/data_source.hpp"
#include "nn/data/normalization.hpp"

namespace nn {

/// Labelled images of one size: a value that is cheap to copy, because copies, subsets and
/// concatenations share the bytes. It never changes, so any number of threads may read it.
class Dataset {
 public:
  /// No images.
  Dataset() : contents_(std::make_shared<const Contents>()) {}

  /// Takes over `images`, N x height x width x channels, and their N labels. Without class names
  /// the classes are "0", "1", ... up to the highest label.
  /// @throws ShapeError when the images are not such a batch or the labels are not as many, and
  /// Error for a label below 0 or beyond the class names, which says where it stands.
  Dataset(Tensor<std::uint8_t> images, std::vector<Label> labels,
          std::vector<std::string> class_names = {}, std::string name = {})
      : contents_(contents_of(std::move(images), std::move(labels), std::move(class_names),
                              std::move(name))) {}

  [[nodiscard]] Index size() const { return static_cast<Index>(contents_->labels.size()); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// Height x width x channels of every image.
  [[nodiscard]] const Shape& sample_shape() const { return contents_->sample_shape; }
  /// The number of classes.
  [[nodiscard]] Index classes() const { return static_cast<Index>(class_names().size()); }
  /// One name a class.
  [[nodiscard]] const std::vector<std::string>& class_names() const {
    return contents_->class_names;
  }
  /// What the data set is called in messages and on pages.
  [[nodiscard]] const std::string& name() const { return contents_->name; }
  /// How bytes become a network's inputs.
  [[nodiscard]] const Normalization& normalization() const { return contents_->normalization; }

  /// The bytes of image `index`, height x width x channels.
  [[nodiscard]] TensorView<const std::uint8_t> image(Index index) const {
    return {contents_->images[checked(index)], sample_shape()};
  }
  /// The class of image `index`. @throws Error when there is no such image.
  [[nodiscard]] Label label(Index index) const { return contents_->labels[checked(index)]; }
  /// The classes of all images, in their order.
  [[nodiscard]] TensorView<const Label> labels() const {
    return {contents_->labels.data(), Shape{size()}};
  }

  /// Writes image `index` as a network's input, and its label, as a `DataSource` does.
  /// (`inputs` and the Loader are faster: they work the normalisation out once for many.)
  template <class T>
  void read(Index index, Sample<T>& sample) const {
    const TensorView<const std::uint8_t> bytes = image(index);
    const Index channels = sample_shape().back();
    for (Index i = 0; i < bytes.size(); ++i) {
      const double value = normalization().apply(static_cast<double>(bytes[i]) / 255, i % channels);
      sample.input[i] = static_cast<T>(value);
    }
    sample.label = label(index);
  }

  /// The images [first, first + count) as a network's inputs, count x height x width x channels,
  /// normalised.
  template <class T = float>
  [[nodiscard]] Tensor<T> inputs(Index first, Index count) const {
    require(first >= 0 && count >= 0 && first + count <= size(), "images ", first, " to ",
            first + count, " of ", *this);
    Tensor<T> result(sample_shape().prepended(count));
    const Normalizer<T> normalize(normalization(), sample_shape().back());
    for (Index i = 0; i < count; ++i) normalize(image(first + i), result.sample(i));
    return result;
  }
  /// All images as a network's inputs.
  template <class T = float>
  [[nodiscard]] Tensor<T> inputs() const {
    return inputs<T>(0, size());
  }

  /// How many images each class has.
  [[nodiscard]] std::vector<Index> class_counts() const {
    std::vector<Index> counts(class_names().size());
    for (const Label label : labels()) ++counts[static_cast<std::size_t>(label)];
    return counts;
  }

  /// The images at the given positions, in that order; a position may come more than once.
  /// @throws Error for a position outside [0, size()).
  [[nodiscard]] Dataset subset(std::span<const Index> indices) const {
    Contents part = description();
    part.blocks = contents_->blocks;
    part.images.reserve(indices.size());
    part.labels.reserve(indices.size());
    for (const Index index : indices) {
      part.images.push_back(contents_->images[checked(index)]);
      part.labels.push_back(contents_->labels[checked(index)]);
    }
    return Dataset(std::move(part));
  }

  /// The `count` images from `first` on.
  /// @throws Error when there are not so many.
  [[nodiscard]] Dataset slice(Index first, Index count) const {
    require(first >= 0 && count >= 0 && first + count <= size(), "images ", first, " to ",
            first + count, " of ", *this);
    std::vector<Index> indices(static_cast<std::size_t>(count));
    for (Index i = 0; i < count; ++i) indices[static_cast<std::size_t>(i)] = first + i;
    return subset(indices);
  }

  /// The same images with another normalisation.
  /// @throws Error when `normalization` does not fit the channels.
  [[nodiscard]] Dataset with_normalization(Normalization normalization) const {
    if (!sample_shape().size()) return *this;
    normalization.check(sample_shape().back());
    Contents same = *contents_;
    same.normalization = std::move(normalization);
    return Dataset(std::move(same));
  }

  /// The same images under another name.
  [[nodiscard]] Dataset with_name(std::string name) const {
    Contents same = *contents_;
    same.name = std::move(name);
    return Dataset(std::move(same));
  }

  /// Why the two cannot be used side by side, images of one size taken for granted: "their classes
  /// differ" (or come in another order), "they are normalised differently", or "".
  [[nodiscard]] std::string difference_from(const Dataset& other) const {
    if (class_names() != other.class_names()) return "their classes differ";
    for (Index channel = 0; channel < sample_shape().back(); ++channel) {
      const Normalization& one = normalization();
      const Normalization& two = other.normalization();
      if (one.mean_of(channel) != two.mean_of(channel) ||
          one.deviation_of(channel) != two.deviation_of(channel)) {
        return "they are normalised differently";
      }
    }
    return {};
  }

  /// The images of `first` and then those of `second`, named and normalised as `first` is.
  /// @throws Error when the images have different sizes, classes or normalisations.
  [[nodiscard]] friend Dataset concatenate(const Dataset& first, const Dataset& second) {
    require<ShapeError>(first.sample_shape() == second.sample_shape(), "cannot join images of ",
                        first.sample_shape(), " and of ", second.sample_shape());
    const std::string difference = first.difference_from(second);
    require(difference.empty(), "cannot join ", first, " and ", second, ": ", difference);
    Contents both = *first.contents_;
    const Contents& more = *second.contents_;
    for (const auto& block : more.blocks) both.blocks.push_back(block);
    for (const std::uint8_t* image : more.images) both.images.push_back(image);
    for (const Label label : more.labels) both.labels.push_back(label);
    return Dataset(std::move(both));
  }

  /// "MNIST training (60000 images of 28x28x1)"
  [[nodiscard]] std::string described() const {
    return detail::text(name().empty() ? "a data set" : name(), " (", size(), " images of ",
                        sample_shape(), ")");
  }
  /// The same, under the name by which messages ask for it.
  [[nodiscard]] std::string to_string() const { return described(); }

 private:
  struct Contents {
    /// Whose bytes `images` point into.
    std::vector<std::shared_ptr<const Tensor<std::uint8_t>>> blocks;
    std::vector<const std::uint8_t*> images;
    std::vector<Label> labels;
    Shape sample_shape{0, 0, 0};
    std::vector<std::string> class_names;
    std::string name;
    Normalization normalization;
  };

  explicit Dataset(Contents contents)
      : contents_(std::make_shared<const Contents>(std::move(contents))) {}

  [[gnu::cold]] [[nodiscard]] static std::shared_ptr<const Contents> contents_of(
      Tensor<std::uint8_t>&& images, std::vector<Label>&& labels,
      std::vector<std::string>&& class_names, std::string&& name) {
    require<ShapeError>(images.shape().rank() == 4, "a data set takes images of shape ",
                        "N x height x width x channels, got ", images.shape());
    require<ShapeError>(images.shape().front() == static_cast<Index>(labels.size()), name,
                        name.empty() ? "" : ": ", images.shape().front(), " images with ",
                        labels.size(), " labels");
    if (class_names.empty()) class_names = detail::numbered_classes(detail::classes_in(labels));
    detail::check_labels(labels, static_cast<Index>(class_names.size()), name);
    const auto contents = std::make_shared<Contents>();
    contents->sample_shape = images.shape().without_front();
    contents->images.resize(labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
      contents->images[i] = images.data() + static_cast<Index>(i) * contents->sample_shape.size();
    }
    contents->blocks.push_back(std::make_shared<const Tensor<std::uint8_t>>(std::move(images)));
    contents->labels = std::move(labels);
    contents->class_names = std::move(class_names);
    contents->name = std::move(name);
    return contents;
  }

  [[nodiscard]] std::size_t checked(Index index) const {
    require(index >= 0 && index < size(), "image ", index, " of ", *this);
    return static_cast<std::size_t>(index);
  }

  /// All but the images.
  [[nodiscard]] Contents description() const {
    Contents result;
    result.sample_shape = sample_shape();
    result.class_names = class_names();
    result.name = name();
    result.normalization = normalization();
    return result;
  }

  std::shared_ptr<const Contents> contents_;
};

/// A training set and a test set.
struct TrainTest {
  Dataset train;  ///< to learn from
  Dataset test;   ///< to measure by, and for nothing else
};

/// The mean and the standard deviation of every channel over a data set: inputs normalised by it
/// have mean 0 and deviation 1. Measure it on the training set, and give it to both. A channel
/// that never changes gets deviation 1.
/// @throws Error when there are no images.
[[nodiscard]] inline Normalization normalization_of(const Dataset& data) {
  require(data.sample_shape().size() > 0 && !data.empty(), "cannot normalise ", data);
  const Index channels = data.sample_shape().back();
  // Whole numbers: the sums are exact, in whatever order.
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(channels));
  std::vector<std::uint64_t> squares(sums.size());
  for (Index n = 0; n < data.size(); ++n) {
    const TensorView<const std::uint8_t> image = data.image(n);
    for (Index i = 0; i < image.size(); i += channels) {
      for (Index c = 0; c < channels; ++c) {
        const std::uint64_t byte = image[i + c];
        sums[static_cast<std::size_t>(c)] += byte;
        squares[static_cast<std::size_t>(c)] += byte * byte;
      }
    }
  }
  const Index pixels = data.size() * (data.sample_shape().size() / channels);
  const double count = static_cast<double>(pixels);
  Normalization result;
  for (std::size_t c = 0; c < sums.size(); ++c) {
    const double mean = static_cast<double>(sums[c]) / count;
    const double variance = static_cast<double>(squares[c]) / count - detail::product(mean, mean);
    result.mean.push_back(mean / 255);
    result.deviation.push_back(variance > 1e-9 ? std::sqrt(variance) / 255 : 1.0);
  }
  return result;
}

}  // namespace nn
