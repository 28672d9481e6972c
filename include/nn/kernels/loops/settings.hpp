/// @file
/// What loops over elements are told besides where the elements are.
#pragma once

#include "nn/core/shape.hpp"

namespace nn::detail {

/// The settings of sgd_step.
template <class T>
struct SgdStep {
  T rate;      ///< the learning rate
  T decay;     ///< of the weights
  T momentum;  ///< 0 without a velocity
  bool nesterov;
};

/// The settings of adam_step.
template <class T>
struct AdamStep {
  T rate;     ///< the learning rate / (1 - beta1^step)
  T scale;    ///< 1 / sqrt(1 - beta2^step)
  T epsilon;  ///< added to the denominator
  T decay;    ///< of the weights, added to the gradient
  T shrink;   ///< by which the weights are multiplied first
  T keep1;    ///< beta1
  T take1;    ///< 1 - beta1
  T keep2;    ///< beta2
  T take2;    ///< 1 - beta2
};

/// The settings of rms_prop_step.
template <class T>
struct RmsPropStep {
  T rate;      ///< the learning rate
  T epsilon;   ///< added to the denominator
  T decay;     ///< of the weights
  T keep;      ///< of the moving averages
  T take;      ///< 1 - keep
  T momentum;  ///< 0 without a velocity
};

/// The settings of adagrad_step.
template <class T>
struct AdagradStep {
  T rate;     ///< the learning rate
  T epsilon;  ///< added to the denominator
  T decay;    ///< of the weights
};

/// The settings of lion_step.
template <class T>
struct LionStep {
  T rate;    ///< the learning rate
  T shrink;  ///< by which the weights are multiplied first
  T keep1;   ///< beta1
  T take1;   ///< 1 - beta1
  T keep2;   ///< beta2
  T take2;   ///< 1 - beta2
};

/// @{ The smooth activations (layers/activations.hpp says what they compute), with their settings.
struct SigmoidFunction {};
struct TanhFunction {};
struct EluFunction {
  float alpha;  ///< what y tends to for x far below 0, negated
};
struct SeluFunction {
  static constexpr double lambda = 1.0507009873554804934193349852946;  ///< the scale of the paper
  static constexpr double alpha = 1.6732632423543772848170429916717;   ///< likewise
};
struct ClipFunction {
  float low;   ///< the least output
  float high;  ///< the largest output
};
struct SoftplusFunction {};
struct SiluFunction {};
struct GeluFunction {};
struct TanhGeluFunction {};
struct MishFunction {};
struct HardSwishFunction {};
/// @}

}  // namespace nn::detail
