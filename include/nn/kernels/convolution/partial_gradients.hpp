/// @file
/// Gradients of weights summed by several threads.
#ifndef NN_KERNELS_CONVOLUTION_PARTIAL_GRADIENTS_HPP
#define NN_KERNELS_CONVOLUTION_PARTIAL_GRADIENTS_HPP

#include <algorithm>

#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"
#include "nn/kernels/convolution/call.hpp"
#include "nn/kernels/simd/vector.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// The batch divided, by the problem alone, into parts, each with a gradient of its own that is
/// added to the others in a fixed order at the end. Many parts are better (an item reads its images
/// once), but they cost memory: `most_bytes` for all together.
template <class T>
class PartialGradients {
 public:
  static constexpr Index most_bytes = Index{1} << 21;
  static constexpr Index most = 8;

  PartialGradients(const ConvolutionCall<T>& call, Arena& scratch)
      : call_(call),
        size_(call.geometry.weights_size()),
        count_(count(call.geometry)),
        partial_(count_ > 1 ? scratch.take<T>(count_ * size_) : nullptr) {}

  [[nodiscard]] static Index count(const ConvolutionGeometry& g) {
    const Index bytes = std::max<Index>(1, g.weights_size() * static_cast<Index>(sizeof(T)));
    return std::clamp<Index>(most_bytes / bytes, 1, std::min(most, g.batch));
  }
  [[nodiscard]] static Index scratch_bytes(const ConvolutionGeometry& g) {
    return count(g) > 1 ? bytes_for<T>(count(g) * g.weights_size()) : 0;
  }

  [[nodiscard]] Index count() const { return count_; }
  [[nodiscard]] Range images(Index part) const {
    const Index batch = call_.geometry.batch;
    return {batch * part / count_, batch * (part + 1) / count_};
  }
  /// Where a part's gradient is written, and whether it is added to the values already there.
  [[nodiscard]] T* target(Index part) const {
    return partial_ != nullptr ? partial_ + part * size_ : call_.result;
  }
  [[nodiscard]] bool adds() const { return partial_ == nullptr && call_.accumulate; }

  /// dweights (+)= the parts, one after the other.
  void add_up() const {
    if (partial_ == nullptr) return;
    constexpr Index piece = 4096;
    parallel_for_pieces(size_, piece, [&](Index begin, Index end) {
      for (Index at = begin; at < end; at += lanes<T>) {
        const FirstLanes<T> some(end - at);
        Packet<T> sum = some.load((call_.accumulate ? call_.result : partial_) + at);
        for (Index part = call_.accumulate ? 0 : 1; part < count_; ++part) {
          sum += some.load(partial_ + part * size_ + at);
        }
        some.store(sum, call_.result + at);
      }
    });
  }

 private:
  const ConvolutionCall<T>& call_;
  Index size_;
  Index count_;
  T* partial_;
};

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_CONVOLUTION_PARTIAL_GRADIENTS_HPP
