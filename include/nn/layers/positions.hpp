/// @file
/// Where a step stands in its sequence, added to its features.
#pragma once

#include <algorithm>
#include <cmath>

#include "nn/core/parallel.hpp"
#include "nn/kernels/gemm.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/kernels/simd/math.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/window.hpp"

namespace nn {

namespace detail {

/// Angles t * base^(-pair / pairs) for steps t = 0, 1, ... (Vaswani et al., "Attention is all you
/// need", 2017): their sines and cosines, in double, by the library's own functions.
class StepAngles {
 public:
  StepAngles(double base, Index pair, Index pairs)
      : frequency_(exponential(-logarithm(base) * static_cast<double>(pair) /
                               static_cast<double>(pairs))) {}

  /// @{ Of step `step`.
  [[nodiscard]] double sine_at(Index step) const {
    return detail::sine(product(frequency_, static_cast<double>(step)));
  }
  [[nodiscard]] double cosine_at(Index step) const {
    return detail::cosine(product(frequency_, static_cast<double>(step)));
  }
  /// @}

 private:
  double frequency_;
};

/// The base of layers that add something to each element of a sequence, the same for every sample.
template <class T>
void add_to_samples(const T* terms, TensorView<const T> x, TensorView<T> y) {
  const Index size = x.size() / x.shape().front();
  parallel_for_pieces(x.shape().front(), samples_per_piece(size), [&](Index begin, Index end) {
    for (Index sample = begin; sample < end; ++sample) {
      const T* from = x.data() + sample * size;
      T* to = y.data() + sample * size;
      if (from != to) std::copy_n(from, size, to);
      detail::add_to(size, terms, to);
    }
  });
}

template <class T>
void pass_gradient(const Context<T>& context, TensorView<const T> dy, TensorView<T> dx) {
  if (context.wants_input_gradient && dx.data() != dy.data()) {
    std::copy(dy.begin(), dy.end(), dx.begin());
  }
}

/// @throws ShapeError unless samples are rows of features.
constexpr void require_rows(const Shape& input) {
  require<ShapeError>(input.rank() == 2 && input.size() > 0,
                      "expects sequences of steps x features, got ", input);
}

}  // namespace detail

/// Adds waves of the step t to its features i (Vaswani et al., "Attention is all you need", 2017):
///
///     y[t, 2i] = x[t, 2i] + sin(t / base^(2i / features))
///     y[t, 2i + 1] = x[t, 2i + 1] + cos(t / base^(2i / features))
struct SinusoidalPositions {
  float base = 10000;  ///< of the wave lengths, from 2 pi to nearly 2 pi times this

  [[nodiscard]] std::string name() const {
    return detail::text("SinusoidalPositions{", base == 10000 ? "" : detail::text(base), "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("SinusoidalPositions");
    fields.shown("base", base);
  }

  /// @throws ShapeError unless the input are rows of features.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    detail::require_rows(input);
    require(base > 1, "the base must be above 1, got ", base);
    return input;
  }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.in_place = true, .reads_output = false, .whole_sequence = true};
  }

  /// The waves.
  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index /*batch*/, bool /*training*/) const {
    return {.scratch = bytes_for<T>(plan.input.size())};
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const Index steps = context.plan->input[0];
    const Index features = context.plan->input[1];
    Arena scratch = context.scratch;
    T* waves = scratch.take<T>(steps * features);
    const Index pairs = (features + 1) / 2;
    parallel_for_pieces(pairs, std::max<Index>(1, 1024 / steps), [&](Index begin, Index end) {
      for (Index pair = begin; pair < end; ++pair) {
        const detail::StepAngles angles(static_cast<double>(base), 2 * pair, features);
        for (Index step = 0; step < steps; ++step) {
          T* to = waves + step * features + 2 * pair;
          to[0] = static_cast<T>(angles.sine_at(step));
          if (2 * pair + 1 < features) to[1] = static_cast<T>(angles.cosine_at(step));
        }
      }
    });
    detail::add_to_samples(waves, x, y);
  }

  /// dx = dy.
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::pass_gradient(context, dy, dx);
  }
};

/// Adds a learned vector for each step: y[t] = x[t] + weight[t] (Gehring et al., "Convolutional
/// sequence to sequence learning", 2017). Backward: dx = dy, and dweight is the sum of dy over the
/// samples.
struct LearnedPositions {
  Initializer initializer = normal(0.02);  ///< of the vectors

  [[nodiscard]] std::string name() const { return "LearnedPositions{}"; }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("LearnedPositions");
    fields("initializer", initializer);
  }

  /// @throws ShapeError unless the input are rows of features.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    detail::require_rows(input);
    return input;
  }

  [[nodiscard]] std::vector<Variable> parameters(const Shape& input) const {
    std::vector<Variable> variables;
    variables.push_back({.name = "weight", .shape = input, .initializer = initializer});
    return variables;
  }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.in_place = true, .reads_output = false, .whole_sequence = true};
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    detail::add_to_samples(context.parameter(0).data(), x, y);
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    const Index size = context.plan->input.size();
    if (context.wants_gradients()) {
      sum_rows(dy.shape().front(), size, dy.data(), size, context.gradient(0).data(),
               context.accumulate);
    }
    detail::pass_gradient(context, dy, dx);
  }
};

}  // namespace nn
