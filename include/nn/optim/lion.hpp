/// @file
/// Lion: steps of one size, in the direction of a momentum's signs.
#pragma once

#include "nn/core/rounding.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/optim/rule.hpp"

namespace nn {

/// With m, a moving average of the gradients g: w -= learning_rate * (sign(beta1 * m +
/// (1 - beta1) * g) + weight_decay * w), then m = beta2 * m + (1 - beta2) * g (Chen et al.,
/// "Symbolic discovery of optimization algorithms", 2023, program 1). Every weight moves by the
/// whole learning rate, which should be 3 to 10 times smaller than Adam's, and the weight decay as
/// many times larger (section 5 there). A weight whose momentum and gradient are 0 stays.
struct Lion {
  double learning_rate = 1e-4;  ///< of the first step
  double beta1 = 0.9;           ///< how much of the momentum is in a step's direction
  double beta2 = 0.99;          ///< how much of the momentum stays from step to step
  double weight_decay = 0;      ///< of weights, not of biases and normalisation

  void check() const {
    detail::require_not_negative(learning_rate, "Lion", "a learning rate");
    detail::require_fraction(beta1, "Lion", "beta1");
    detail::require_fraction(beta2, "Lion", "beta2");
    detail::require_not_negative(weight_decay, "Lion", "a weight decay");
  }

  [[nodiscard]] std::string settings() const {
    return detail::settings("Lion",
                            {{"beta1", beta1}, {"beta2", beta2}, {"weight_decay", weight_decay}});
  }

  [[nodiscard]] static constexpr Index slots() { return 1; }

  template <class T>
  void update(const UpdateContext& context, Elements<T> weights, Elements<const T> gradient,
              const Slots<T>& slots) const {
    const double decay =
        detail::product(detail::product(context.learning_rate, weight_decay), context.decay);
    const detail::LionStep<T> step{
        static_cast<T>(context.learning_rate),
        static_cast<T>(1 - decay),
        static_cast<T>(beta1),
        static_cast<T>(1 - beta1),
        static_cast<T>(beta2),
        static_cast<T>(1 - beta2),
    };
    detail::lion_step(weights.size(), step, gradient.data(), weights.data(), slots[0].data());
  }
};

}  // namespace nn
