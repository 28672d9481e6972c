/// @file
/// Gradients of weights summed by several threads.
#pragma once

#include <algorithm>

#include "nn/core/eigen.hpp"
#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"
#include "nn/kernels/convolution/gather.hpp"

namespace nn::detail {

/// The batch cut, by the problem alone, into slots, each with a gradient of its own that is added
/// to the others in a fixed order at the end. Many slots are better (an item reads its images
/// once), but they cost memory: `most_bytes` for all together.
template <class T>
class WeightSlots {
 public:
  static constexpr Index most_bytes = Index{1} << 21;
  static constexpr Index most = 8;

  WeightSlots(const ConvolutionGeometry& geometry, T* dweights, bool accumulate, Arena& scratch)
      : size_(geometry.weights_size()),
        count_(count(geometry)),
        batch_(geometry.batch),
        dweights_(dweights),
        accumulate_(accumulate),
        partial_(count_ > 1 ? scratch.take<T>(count_ * size_) : nullptr) {}

  [[nodiscard]] static Index count(const ConvolutionGeometry& g) {
    const Index bytes = std::max<Index>(1, g.weights_size() * static_cast<Index>(sizeof(T)));
    return std::clamp<Index>(most_bytes / bytes, 1, std::min(most, g.batch));
  }
  [[nodiscard]] static Index scratch_bytes(const ConvolutionGeometry& g) {
    return count(g) > 1 ? bytes_for<T>(count(g) * g.weights_size()) : 0;
  }

  [[nodiscard]] Index count() const { return count_; }
  [[nodiscard]] Range images(Index slot) const {
    return {batch_ * slot / count_, batch_ * (slot + 1) / count_};
  }
  /// Where a slot's gradient is written, and whether it is added to the values already there.
  [[nodiscard]] T* target(Index slot) const {
    return partial_ != nullptr ? partial_ + slot * size_ : dweights_;
  }
  [[nodiscard]] bool adds() const { return partial_ == nullptr && accumulate_; }

  /// dweights (+)= the slots, one after the other.
  void add_up() const {
    if (partial_ == nullptr) return;
    using Row = Eigen::Array<T, Eigen::Dynamic, 1>;
    constexpr Index piece = 4096;
    parallel_for_pieces(size_, piece, [&](Index begin, Index end) {
      Eigen::Map<Row> sum(dweights_ + begin, end - begin);
      for (Index slot = 0; slot < count_; ++slot) {
        const Eigen::Map<const Row> part(partial_ + slot * size_ + begin, end - begin);
        if (slot > 0 || accumulate_) {
          sum += part;
        } else {
          sum = part;
        }
      }
    });
  }

 private:
  Index size_;
  Index count_;
  Index batch_;
  T* dweights_;
  bool accumulate_;
  T* partial_;
};

}  // namespace nn::detail
