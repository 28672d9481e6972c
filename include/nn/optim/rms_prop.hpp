/// @file
/// RMSProp.
#pragma once

#include "nn/kernels/loops.hpp"
#include "nn/optim/rule.hpp"

namespace nn {

/// With g = gradient + weight_decay * w: v is a moving average of g^2 and w -= learning_rate * g /
/// (sqrt(v) + epsilon) (Tieleman and Hinton, "Lecture 6.5: RMSProp", 2012). `centered` takes the
/// square of g's moving average off v (Graves, "Generating sequences with recurrent neural
/// networks", 2013); `momentum` smooths the steps. As in PyTorch.
struct RMSProp {
  double learning_rate = 0.01;  ///< of the first step
  double smoothing = 0.99;      ///< of the moving averages
  double epsilon = 1e-8;        ///< added to the denominator
  double momentum = 0;          ///< in [0, 1)
  bool centered = false;  ///< divide by the deviation instead: less the square of the mean gradient
  double weight_decay = 0;  ///< of weights, not of biases and normalisation

  void check() const {
    detail::require_not_negative(learning_rate, "RMSProp", "a learning rate");
    detail::require_fraction(smoothing, "RMSProp", "a smoothing");
    detail::require_not_negative(epsilon, "RMSProp", "an epsilon");
    detail::require_fraction(momentum, "RMSProp", "a momentum");
    detail::require_not_negative(weight_decay, "RMSProp", "a weight decay");
  }

  [[nodiscard]] std::string settings() const {
    return detail::settings("RMSProp", {{"smoothing", smoothing},
                                        {"epsilon", epsilon},
                                        {"momentum", momentum},
                                        {"centered", centered ? 1.0 : 0.0},
                                        {"weight_decay", weight_decay}});
  }

  [[nodiscard]] constexpr Index slots() const {
    return 1 + (centered ? 1 : 0) + (momentum > 0 ? 1 : 0);
  }

  template <class T>
  void update(const UpdateContext& context, Elements<T> weights, Elements<const T> gradient,
              const Slots<T>& slots) const {
    const detail::RmsPropStep<T> step{
        static_cast<T>(context.learning_rate),
        static_cast<T>(epsilon),
        static_cast<T>(weight_decay * context.decay),
        static_cast<T>(smoothing),
        static_cast<T>(1 - smoothing),
        static_cast<T>(momentum),
    };
    T* const means = centered ? slots[1].data() : nullptr;
    T* const velocities = momentum > 0 ? slots[centered ? 2 : 1].data() : nullptr;
    detail::rms_prop_step(weights.size(), step, gradient.data(), weights.data(), slots[0].data(),
                          means, velocities);
  }
};

}  // namespace nn
