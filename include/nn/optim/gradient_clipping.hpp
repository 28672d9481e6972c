/// @file
/// Keeps gradients from growing without bound.
#pragma once

#include <array>
#include <cmath>
#include <vector>

#include "nn/core/parallel_sum.hpp"
#include "nn/core/tensor.hpp"
#include "nn/kernels/reduce.hpp"
#include "nn/layers/plan.hpp"

namespace nn {

namespace detail {

/// Calls visit(gradient, size) for every parameter that is learned.
template <class AnyModel>
void for_each_gradient(AnyModel& model,
                       FunctionRef<void(typename AnyModel::Scalar* gradient, Index size)> visit) {
  auto gradients = model.gradients();
  const std::vector<Variable>& variables = model.variables();
  for (std::size_t i = 0; i < variables.size(); ++i) {
    if (model.trainable()[i]) {
      visit(gradients.data() + variables[i].offset, variables[i].shape.size());
    }
  }
}

/// The sum of `count` squares, in eight sums at a time, which a vector register holds. Squares of
/// floats are exact in double, so that it does not matter whether they are fused.
template <class T>
[[nodiscard]] double sum_of_squares(const T* values, Index count) {
  if constexpr (std::is_same_v<T, double>) {
    return sum_of_terms<double>(count, [values](Index i, const auto& some) {
      const auto value = some.load(values + i);
      return product(value, value);
    });
  }
  std::array<double, 8> sums{};
  const Index whole = count / 8 * 8;
  for (Index i = 0; i < whole; i += 8) {
    for (Index lane = 0; lane < 8; ++lane) {
      const auto value = static_cast<double>(values[i + lane]);
      sums[static_cast<std::size_t>(lane)] += value * value;
    }
  }
  double total = 0;
  for (const double sum : sums) total += sum;
  for (Index i = whole; i < count; ++i) {
    total += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  }
  return total;
}

}  // namespace detail

/// The Euclidean length of a model's gradient, as one vector over all parameters that are learned.
template <class AnyModel>
[[nodiscard]] double gradient_norm(AnyModel& model) {
  using T = typename AnyModel::Scalar;
  double squares = 0;
  detail::for_each_gradient(model, [&](const T* gradient, Index size) {
    squares += parallel_sum(size, Index{1} << 15U, [gradient](Index begin, Index end) {
      return detail::sum_of_squares(gradient + begin, end - begin);
    });
  });
  return std::sqrt(squares);
}

/// Shortens the gradient to the length `largest` where it is longer, keeping its direction (Pascanu
/// et al., "On the difficulty of training recurrent neural networks", 2013, section 3.2). Returns
/// its length before; NaN or infinity leave it as it is.
template <class AnyModel>
double clip_gradient_norm(AnyModel& model, double largest) {
  using T = typename AnyModel::Scalar;
  require(largest > 0, "gradients cannot be clipped to a length of ", largest);
  const double norm = gradient_norm(model);
  if (norm > largest && std::isfinite(norm)) {
    const T scale = static_cast<T>(largest / norm);
    detail::for_each_gradient(model, [scale](T* gradient, Index size) {
      parallel_for_pieces(size, Index{1} << 15U, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) gradient[i] *= scale;
      });
    });
  }
  return norm;
}

}  // namespace nn
