/// @file
/// Stochastic gradient descent.
#pragma once

#include "nn/kernels/loops.hpp"
#include "nn/optim/rule.hpp"

namespace nn {

/// With g = gradient + weight_decay * w: v = momentum * v + g; w -= learning_rate * v, or, for
/// Nesterov's form, w -= learning_rate * (g + momentum * v) (Sutskever et al., "On the importance
/// of initialization and momentum in deep learning", 2013, in the variables that PyTorch uses).
struct SGD {
  double learning_rate = 0.01;  ///< of the first step
  double momentum = 0;          ///< in [0, 1)
  bool nesterov = false;        ///< look ahead along the velocity
  double weight_decay = 0;      ///< of weights, not of biases and normalisation

  void check() const {
    detail::require_not_negative(learning_rate, "SGD", "a learning rate");
    detail::require_fraction(momentum, "SGD", "a momentum");
    detail::require_not_negative(weight_decay, "SGD", "a weight decay");
    require(!nesterov || momentum > 0, "SGD with nesterov needs a momentum");
  }

  [[nodiscard]] std::string settings() const {
    return detail::settings("SGD", {{"momentum", momentum},
                                    {"nesterov", nesterov ? 1.0 : 0.0},
                                    {"weight_decay", weight_decay}});
  }

  [[nodiscard]] constexpr Index slots() const { return momentum > 0 ? 1 : 0; }

  template <class T>
  void update(const UpdateContext& context, Elements<T> weights, Elements<const T> gradient,
              const Slots<T>& slots) const {
    const detail::SgdStep<T> step{static_cast<T>(context.learning_rate),
                                  static_cast<T>(weight_decay * context.decay),
                                  static_cast<T>(momentum), nesterov};
    detail::sgd_step(weights.size(), step, gradient.data(), weights.data(),
                     momentum == 0 ? nullptr : slots[0].data());
  }
};

}  // namespace nn
