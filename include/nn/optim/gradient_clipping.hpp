/// @file
/// Gradient clipping.
#pragma once

#include <cmath>
#include <vector>

#include "nn/core/parallel_sum.hpp"
#include "nn/core/tensor.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/plan.hpp"

namespace nn {

namespace detail {

/// Calls visit(gradient, size) for every trainable parameter.
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

}  // namespace detail

/// The Euclidean norm of a model's gradient, as one vector over all trainable parameters.
template <class AnyModel>
[[nodiscard]] double gradient_norm(AnyModel& model) {
  using T = typename AnyModel::Scalar;
  double squares = 0;
  detail::for_each_gradient(model, [&](const T* gradient, Index size) {
    squares += parallel_sum(size, Index{1} << 15U, [gradient](Index begin, Index end) {
      return detail::sum_of_squares(end - begin, gradient + begin);
    });
  });
  return std::sqrt(squares);
}

/// Scales a gradient of a norm above `largest` down to it (Pascanu
/// et al., "On the difficulty of training recurrent neural networks", 2013, section 3.2). Returns
/// the norm before. A gradient whose norm is NaN or infinite is left as it is.
template <class AnyModel>
double clip_gradient_norm(AnyModel& model, double largest) {
  using T = typename AnyModel::Scalar;
  require(largest > 0, "gradients cannot be clipped to a length of ", largest);
  const double norm = gradient_norm(model);
  if (norm > largest && std::isfinite(norm)) {
    const T scale = static_cast<T>(largest / norm);
    detail::for_each_gradient(model, [scale](T* gradient, Index size) {
      parallel_for_pieces(size, Index{1} << 15U, [&](Index begin, Index end) {
        detail::scale_elements(end - begin, scale, gradient + begin, gradient + begin);
      });
    });
  }
  return norm;
}

}  // namespace nn
