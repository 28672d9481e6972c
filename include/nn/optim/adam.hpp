/// @file
/// Adam and AdamW.
#pragma once

#include "nn/core/rounding.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/kernels/simd/math.hpp"
#include "nn/optim/rule.hpp"

namespace nn {

namespace detail {

/// What Adam and AdamW share, with g = gradient + decay * w: m and v, moving averages of g and g^2,
/// each divided by 1 - beta^step because they start at 0; w -= learning_rate * m / (sqrt(v) +
/// epsilon). The weights are multiplied by `shrink` before.
template <class T>
void adam_update(double learning_rate, double beta1, double beta2, double epsilon, Index step,
                 T decay, T shrink, Elements<T> weights, Elements<const T> gradients,
                 const Slots<T>& slots) {
  const AdamStep<T> settings{
      .rate = static_cast<T>(learning_rate / (1 - power(beta1, step))),
      .scale = static_cast<T>(1 / std::sqrt(1 - power(beta2, step))),
      .epsilon = static_cast<T>(epsilon),
      .decay = decay,
      .shrink = shrink,
      .keep1 = static_cast<T>(beta1),
      .take1 = static_cast<T>(1 - beta1),
      .keep2 = static_cast<T>(beta2),
      .take2 = static_cast<T>(1 - beta2),
  };
  detail::adam_step(weights.size(), settings, gradients.data(), weights.data(), slots[0].data(),
                    slots[1].data());
}

inline void check_adam(const char* rule, double learning_rate, double beta1, double beta2,
                       double epsilon, double weight_decay) {
  require_not_negative(learning_rate, rule, "a learning rate");
  require_fraction(beta1, rule, "beta1");
  require_fraction(beta2, rule, "beta2");
  require_not_negative(epsilon, rule, "an epsilon");
  require_not_negative(weight_decay, rule, "a weight decay");
}

}  // namespace detail

/// Adam (Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1). Its
/// weight decay is added to the gradient; for the decoupled one see AdamW.
struct Adam {
  double learning_rate = 1e-3;  ///< of the first step
  double beta1 = 0.9;           ///< how much of the mean gradient stays from step to step
  double beta2 = 0.999;         ///< likewise, of the mean squared gradient
  double epsilon = 1e-8;        ///< added to the denominator
  double weight_decay = 0;      ///< of weights, not of biases and normalisation

  void check() const {
    detail::check_adam("Adam", learning_rate, beta1, beta2, epsilon, weight_decay);
  }
  [[nodiscard]] std::string settings() const {
    return detail::settings(
        "Adam",
        {{"beta1", beta1}, {"beta2", beta2}, {"epsilon", epsilon}, {"weight_decay", weight_decay}});
  }
  [[nodiscard]] static constexpr Index slots() { return 2; }

  template <class T>
  void update(const UpdateContext& context, Elements<T> weights, Elements<const T> gradient,
              const Slots<T>& slots) const {
    const T decay = static_cast<T>(weight_decay * context.decay);
    detail::adam_update<T>(context.learning_rate, beta1, beta2, epsilon, context.step, decay, T(1),
                           weights, gradient, slots);
  }
};

/// Adam with decoupled weight decay: w -= learning_rate * weight_decay * w, then Adam's step
/// (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, algorithm 2, as in
/// PyTorch).
struct AdamW {
  double learning_rate = 1e-3;  ///< of the first step
  double beta1 = 0.9;           ///< how much of the mean gradient stays from step to step
  double beta2 = 0.999;         ///< likewise, of the mean squared gradient
  double epsilon = 1e-8;        ///< added to the denominator
  double weight_decay = 0.01;   ///< of weights, not of biases and normalisation

  void check() const {
    detail::check_adam("AdamW", learning_rate, beta1, beta2, epsilon, weight_decay);
  }
  [[nodiscard]] std::string settings() const {
    return detail::settings(
        "AdamW",
        {{"beta1", beta1}, {"beta2", beta2}, {"epsilon", epsilon}, {"weight_decay", weight_decay}});
  }
  [[nodiscard]] static constexpr Index slots() { return 2; }

  template <class T>
  void update(const UpdateContext& context, Elements<T> weights, Elements<const T> gradient,
              const Slots<T>& slots) const {
    const double decay =
        detail::product(detail::product(context.learning_rate, weight_decay), context.decay);
    detail::adam_update<T>(context.learning_rate, beta1, beta2, epsilon, context.step, T(0),
                           static_cast<T>(1 - decay), weights, gradient, slots);
  }
};

}  // namespace nn
