/// @file
/// Vectors of tokens.
#pragma once

#include <algorithm>
#include <cmath>

#include "nn/core/parallel.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/layer.hpp"

namespace nn {

/// A learned vector for each token: a sequence of tokens (steps), which are whole numbers from 0 to
/// `tokens` - 1 in floating point, becomes rows of features (steps x features). Backward: the
/// gradient of a token's vector is the sum of dy over the steps at which it stands, added up in the
/// order of the batch; tokens themselves have the gradient 0.
struct Embedding {
  Index tokens = 1;                     ///< how many there are
  Index features = 1;                   ///< of each one's vector
  Initializer initializer = normal(1);  ///< of the vectors

  [[nodiscard]] std::string name() const {
    return detail::text("Embedding{", tokens, " x ", features, "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("Embedding");
    fields.shown("tokens", tokens);
    fields.shown("features", features);
    fields("initializer", initializer);
  }

  /// @throws ShapeError unless the input are tokens.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require<ShapeError>(tokens > 0 && features > 0, "expects at least one token and feature, got ",
                        tokens, " and ", features);
    // Larger numbers are not all whole in float.
    require<ShapeError>(tokens <= Index{1} << 24U, "expects at most 16777216 tokens, got ", tokens);
    require<ShapeError>(input.rank() == 1, "expects a sequence of tokens, got ", input);
    return {input.front(), features};
  }

  [[nodiscard]] std::vector<Variable> parameters(const Shape& /*input*/) const {
    std::vector<Variable> variables;
    variables.push_back(
        {.name = "weight", .shape = {tokens, features}, .initializer = initializer});
    return variables;
  }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.reads_output = false, .tokens = tokens};
  }

  /// @throws Error naming the place of what is no token.
  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    check(x);
    const T* vectors = context.parameter(0).data();
    parallel_for_pieces(x.size(), piece(), [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        std::copy_n(vectors + token(x[row]) * features, features, y.data() + row * features);
      }
    });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (context.wants_gradients()) {
      // Each piece of the features goes through the whole batch, so no two write to one place.
      T* gradient = context.gradient(0).data();
      parallel_for_pieces(features, columns, [&](Index begin, Index end) {
        const Index count = end - begin;
        for (Index other = 0; other < tokens && !context.accumulate; ++other) {
          std::fill_n(gradient + other * features + begin, count, T(0));
        }
        for (Index row = 0; row < x.size(); ++row) {
          detail::add_to(count, dy.data() + row * features + begin,
                         gradient + token(x[row]) * features + begin);
        }
      });
    }
    if (context.wants_input_gradient) std::fill(dx.begin(), dx.end(), T(0));
  }

 private:
  static constexpr Index columns = 32;  // of a piece: whole cache lines

  template <class T>
  static Index token(T value) {
    return static_cast<Index>(value);
  }

  [[nodiscard]] Index piece() const { return std::max<Index>(1, 16384 / features); }

  template <class T>
  void check(TensorView<const T> x) const {
    const T last = static_cast<T>(tokens - 1);
    for (Index i = 0; i < x.size(); ++i) {
      if (x[i] >= T(0) && x[i] <= last && x[i] == std::floor(x[i])) [[likely]]
        continue;
      const Index steps = x.shape()[1];
      detail::fail<Error>({name(), " expects whole numbers from 0 to ", tokens - 1, ", and step ",
                           i % steps, " of sample ", i / steps, " of the batch is ",
                           detail::text(x[i])});
    }
  }
};

}  // namespace nn
