/// @file
/// Adagrad.
#pragma once

#include "nn/core/rounding.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/optim/rule.hpp"

namespace nn {

/// With g = gradient + weight_decay * w: s += g^2; w -= rate * g / (sqrt(s) + epsilon), where step
/// k has the rate learning_rate / (1 + (k - 1) * rate_decay) (Duchi, Hazan and Singer, "Adaptive
/// subgradient methods for online learning and stochastic optimization", 2011, section 1.1 with
/// diagonal matrices; options and defaults are PyTorch's).
struct Adagrad {
  double learning_rate = 0.01;  ///< of the first step
  double rate_decay = 0;        ///< how fast the learning rate falls by itself
  double initial_sum = 0;       ///< where the sums of squares start
  double epsilon = 1e-10;       ///< added to the denominator
  double weight_decay = 0;      ///< of weights, not of biases and normalisation

  void check() const {
    detail::require_not_negative(learning_rate, "Adagrad", "a learning rate");
    detail::require_not_negative(rate_decay, "Adagrad", "a decay of the rate");
    detail::require_not_negative(initial_sum, "Adagrad", "an initial sum");
    detail::require_not_negative(epsilon, "Adagrad", "an epsilon");
    detail::require_not_negative(weight_decay, "Adagrad", "a weight decay");
  }

  [[nodiscard]] std::string settings() const {
    return detail::settings("Adagrad", {{"rate_decay", rate_decay},
                                        {"initial_sum", initial_sum},
                                        {"epsilon", epsilon},
                                        {"weight_decay", weight_decay}});
  }

  [[nodiscard]] static constexpr Index slots() { return 1; }

  template <class T>
  void start(Elements<const T> /*weights*/, const Slots<T>& slots) const {
    slots[0].setConstant(static_cast<T>(initial_sum));
  }

  template <class T>
  void update(const UpdateContext& context, Elements<T> weights, Elements<const T> gradient,
              const Slots<T>& slots) const {
    const double fall = 1 + detail::product(static_cast<double>(context.step - 1), rate_decay);
    const detail::AdagradStep<T> step{static_cast<T>(context.learning_rate / fall),
                                      static_cast<T>(epsilon),
                                      static_cast<T>(weight_decay * context.decay)};
    detail::adagrad_step(weights.size(), step, gradient.data(), weights.data(), slots[0].data());
  }
};

}  // namespace nn
