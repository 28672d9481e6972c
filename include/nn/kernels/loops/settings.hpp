/// @file
/// What loops over elements are told besides where the elements are.
#pragma once

#include <cstdint>

#include "nn/core/activation.hpp"
#include "nn/core/shape.hpp"

namespace nn::detail {

/// What follows a normalisation: activation((x - mean) * factor + shift), a factor and a shift for
/// each element of a run.
template <class T>
struct NormalizedActivation {
  const T* factor = nullptr;
  const T* shift = nullptr;
  Activation activation{};  ///< as it stands none, which reads neither
};

/// A step of an LSTM layer for some samples, whose rows follow one another. Gates are i, f, g, o,
/// of `units` numbers each.
template <class T>
struct LstmStep {
  Index rows;                ///< samples
  Index units;               ///< of a sample
  const std::uint8_t* real;  ///< 0 for rows whose state stays as it is; null for none of them
  Index real_pitch;          ///< from the byte of one row to the next
  T* gates;                  ///< their sums, and then themselves
  const T* cells_before;     ///< c of the step before
  const T* outputs_before;   ///< h of the step before
  T* cells;                  ///< c, to write
  T* outputs;                ///< h, to write
};

/// The way back through it.
template <class T>
struct LstmStepBackward {
  Index rows;                ///< samples
  Index units;               ///< of a sample
  const std::uint8_t* real;  ///< as in LstmStep
  Index real_pitch;          ///< likewise
  const T* gates;            ///< themselves
  const T* cells_before;     ///< c of the step before
  const T* cells;            ///< c
  const T* dy;               ///< what else is added to the gradient of h; null for nothing
  Index dy_pitch;            ///< from one row of it to the next
  T* output_gradients;       ///< of h, from the step after; and then of the step before
  T* cell_gradients;         ///< likewise, of c
  T* gate_gradients;         ///< of the gates' sums, to write
};

/// A step of a GRU layer for some samples, whose rows follow one another. Gates are r, z, n, of
/// `units` numbers each.
template <class T>
struct GruStep {
  Index rows;                ///< samples
  Index units;               ///< of a sample
  const std::uint8_t* real;  ///< 0 for rows whose state stays as it is; null for none of them
  Index real_pitch;          ///< from the byte of one row to the next
  T* gates;                  ///< the sums of r and z, and of n what the input adds; then themselves
  const T* recurrent;        ///< of n's sum what the state adds, before r
  const T* outputs_before;   ///< h of the step before
  T* outputs;                ///< h, to write
};

/// The way back through it.
template <class T>
struct GruStepBackward {
  Index rows;                ///< samples
  Index units;               ///< of a sample
  const std::uint8_t* real;  ///< as in GruStep
  Index real_pitch;          ///< likewise
  const T* gates;            ///< themselves
  const T* recurrent;        ///< as in GruStep
  const T* outputs_before;   ///< h of the step before
  const T* dy;               ///< what else is added to the gradient of h; null for nothing
  Index dy_pitch;            ///< from one row of it to the next
  T* output_gradients;       ///< of h, from the step after; then what of it goes past the products
  T* gate_gradients;         ///< of the gates' sums, to write
  T* recurrent_gradients;    ///< of `recurrent`, to write
};

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
