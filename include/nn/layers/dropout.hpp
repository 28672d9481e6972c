/// @file
/// Dropout.
#pragma once

#include "nn/core/parallel.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/window.hpp"

namespace nn {

/// In training, multiplies each element by 0 with probability `rate` and the others by
/// 1 / (1 - rate), so that the mean stays; in inference, does nothing (Srivastava et al., "Dropout:
/// a simple way to prevent neural networks from overfitting", 2014, in its inverted form). Which
/// elements go is a function of the model's seed, the step, the layer's place and the sample's
/// number in the batch. The rate is rounded to a multiple of 1/65536.
struct Dropout {
  float rate = 0.5F;  ///< the probability that an element becomes 0

  [[nodiscard]] std::string name() const { return detail::text("Dropout{", rate, "}"); }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("Dropout");
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
      mask(context, x, y);
    } else if (y.data() != x.data()) {
      std::copy(x.begin(), x.end(), y.begin());
    }
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    forward(context, dy, dx);  // the same mask: drawing it again is cheaper than keeping it
  }

 private:
  static constexpr int chances = 65536;
  static constexpr Index draws = 4;  // of 16 bits, from each 64 random ones

  /// Of 65536 chances, those at which an element is dropped; at least one is left.
  [[nodiscard]] constexpr std::uint32_t threshold() const {
    return static_cast<std::uint32_t>(std::min(rate * chances + 0.5F, chances - 1.0F));
  }

  template <class T>
  void mask(const Context<T>& context, TensorView<const T> from, TensorView<T> to) const {
    const std::uint32_t dropped = threshold();
    const T factor = static_cast<T>(chances) / static_cast<T>(chances - static_cast<int>(dropped));
    const T table[] = {T(0), factor};  // looked up rather than branched to: the guess would fail
    const Index size = context.plan->input.size();
    const Index piece = detail::samples_per_piece(size);
    parallel_for_pieces(from.shape().front(), piece, [&](Index begin, Index end) {
      for (Index sample = begin; sample < end; ++sample) {
        Random random = context.random(sample);
        const T* values = from.data() + sample * size;
        T* results = to.data() + sample * size;
        for (Index i = 0; i < size; i += draws) {
          const std::uint64_t bits = random();
          T factors[draws];
          for (Index lane = 0; lane < draws; ++lane) {
            const auto chance =
                static_cast<std::uint16_t>(bits >> (16U * static_cast<unsigned>(lane)));
            factors[lane] = table[chance >= dropped ? 1 : 0];
          }
          const Index count = std::min(draws, size - i);
          for (Index lane = 0; lane < count; ++lane) {
            results[i + lane] = values[i + lane] * factors[lane];
          }
        }
      }
    });
  }
};

}  // namespace nn
