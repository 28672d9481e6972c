/// @file
/// Samples of any source, in the type that a network takes, and looked over.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "nn/data/data_view.hpp"

namespace nn::detail {

/// Reads samples as numbers of type `T`, whichever the source writes, and refuses labels and
/// weights that cannot be. Allocates nothing after its start.
template <class T>
class SampleReader {
 public:
  explicit SampleReader(const DataView& data) : data_(data), facts_(data.facts()) {
    require(facts_.classes >= 0, data, " has ", facts_.classes, " classes");
    if (data_.template reads<T>()) return;
    input_.resize(facts_.sample_shape);
    target_.resize(facts_.target_shape);
  }

  /// What the source was when the reader was made.
  [[nodiscard]] const DataFacts& facts() const { return facts_; }

  /// Writes sample `index` as of `sample.epoch`.
  /// @throws Error, which names the sample, for a label that is no class, or a weight that is
  /// negative, infinite or NaN.
  void operator()(Index index, Sample<T>& sample) {
    if (data_.template reads<T>()) {
      data_.read(index, sample);
    } else {
      convert(index, sample);
    }
    require(facts_.classes == 0 || (sample.label >= 0 && sample.label < facts_.classes), "sample ",
            index, " of ", data_, " has the label ", sample.label, "; expected 0 to ",
            facts_.classes - 1);
    require(!facts_.weighted || (std::isfinite(sample.weight) && sample.weight >= 0), "sample ",
            index, " of ", data_, " has the weight ", sample.weight);
  }

 private:
  using Other = std::conditional_t<std::is_same_v<T, float>, double, float>;

  [[gnu::noinline]] void convert(Index index, Sample<T>& sample) {
    Sample<Other> read{input_, target_, sample.label, sample.weight, sample.epoch};
    data_.read(index, read);
    const auto as_t = [](Other value) { return static_cast<T>(value); };
    std::transform(read.input.begin(), read.input.end(), sample.input.begin(), as_t);
    if (facts_.target_shape != Shape{0}) {
      std::transform(read.target.begin(), read.target.end(), sample.target.begin(), as_t);
    }
    sample.label = read.label;
    sample.weight = read.weight;
  }

  DataView data_;
  DataFacts facts_;
  Tensor<Other> input_;
  Tensor<Other> target_;
};

}  // namespace nn::detail
