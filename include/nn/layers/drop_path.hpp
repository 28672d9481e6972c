/// @file
/// Leaving out whole branches.
#pragma once

#include <algorithm>

#include "nn/core/parallel.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/window.hpp"

namespace nn {

/// In training, multiplies a whole sample by 0 with probability `rate`, and by 1 / (1 - rate)
/// otherwise, so that the mean stays; in inference, does nothing. As the last layer of a residual
/// block's body it leaves out the body for some samples: stochastic depth (Huang et al., "Deep
/// networks with stochastic depth", 2016; the name is Larsson et al.'s, 2017). Which samples is a
/// function of the model's seed, the step, the layer's place and the sample's number in the batch.
struct DropPath {
  float rate = 0.1F;  ///< the probability that a sample becomes 0

  [[nodiscard]] std::string name() const { return detail::text("DropPath{", rate, "}"); }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("DropPath");
    fields.shown("rate", rate);
  }

  /// @throws Error unless the rate is in [0, 1).
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require(rate >= 0 && rate < 1, "the rate must be in [0, 1), got ", rate);
    return input;
  }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.in_place = true, .reads_output = false};
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    if (context.training && rate > 0) {
      scale(context, x, y);
    } else if (y.data() != x.data()) {
      std::copy(x.begin(), x.end(), y.begin());
    }
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    forward(context, dy, dx);  // the same samples: they are drawn again rather than kept
  }

 private:
  template <class T>
  void scale(const Context<T>& context, TensorView<const T> from, TensorView<T> to) const {
    const auto dropped = static_cast<double>(rate);
    const T kept = static_cast<T>(1 / (1 - dropped));
    const Index size = context.plan->input.size();
    parallel_for_pieces(from.shape().front(), detail::samples_per_piece(size),
                        [&](Index begin, Index end) {
                          for (Index sample = begin; sample < end; ++sample) {
                            Random random = context.random(sample);
                            const T factor = random.bernoulli(dropped) ? T(0) : kept;
                            for (Index i = sample * size; i < (sample + 1) * size; ++i) {
                              to[i] = factor * from[i];
                            }
                          }
                        });
  }
};

}  // namespace nn
