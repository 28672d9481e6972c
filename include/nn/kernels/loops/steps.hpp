/// @file
/// The steps of the optimizers, element by element, nothing fused.
#if !defined(NN_KERNELS_LOOPS_STEPS_HPP) && (defined(NN_ISA_PASS) || !defined(NN_SEPARATE_KERNELS))
#define NN_KERNELS_LOOPS_STEPS_HPP

#include <type_traits>

#include "nn/kernels/loops/settings.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/lanes.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// With g = gradient + decay * w: v = momentum * v + g; w -= rate * v, or rate * (g + momentum *
/// v). Without momentum there is no v.
template <class T>
void sgd_step(Index count, const SgdStep<T>& s, const T* gradients, T* weights, T* velocities) {
  if (s.momentum == 0) {
    for_each_vector<T>(count, [&](Index i, const auto& some) {
      const auto w = some.load(weights + i);
      const auto g = some.load(gradients + i) + rounded_product(s.decay, w);
      some.store(w - rounded_product(s.rate, g), weights + i);
    });
    return;
  }
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto w = some.load(weights + i);
    const auto g = some.load(gradients + i) + rounded_product(s.decay, w);
    const auto v = rounded_product(s.momentum, some.load(velocities + i)) + g;
    some.store(v, velocities + i);
    some.store(w - rounded_product(s.rate, s.nesterov ? g + rounded_product(s.momentum, v) : v),
               weights + i);
  });
}

/// With g = gradient + decay * w: m = keep1 * m + take1 * g; v = keep2 * v + take2 * g^2;
/// w -= rate * m / (sqrt(v) * scale + epsilon).
template <class T>
void adam_step(Index count, const AdamStep<T>& s, const T* gradients, T* weights, T* means,
               T* squares) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto w = rounded_product(some.load(weights + i), s.shrink);
    const auto g = some.load(gradients + i) + rounded_product(s.decay, w);
    const auto m = rounded_product(s.keep1, some.load(means + i)) + rounded_product(s.take1, g);
    const auto v =
        rounded_product(s.keep2, some.load(squares + i)) + rounded_product(s.take2, g * g);
    some.store(m, means + i);
    some.store(v, squares + i);
    const auto deviation = rounded_product(square_root(v), s.scale) + s.epsilon;
    some.store(w - s.rate * m / deviation, weights + i);
  });
}

/// With g = gradient + decay * w: v = keep * v + take * g^2; the direction is g / (sqrt(v) +
/// epsilon), with the square of g's moving average `means` off v unless that is null; velocity =
/// momentum * velocity + direction; w -= rate * velocity. Without velocities (null), the direction.
template <class T>
void rms_prop_step(Index count, const RmsPropStep<T>& s, const T* gradients, T* weights, T* squares,
                   T* means, T* velocities) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto w = some.load(weights + i);
    const auto g = some.load(gradients + i) + rounded_product(s.decay, w);
    auto variance =
        rounded_product(s.keep, some.load(squares + i)) + rounded_product(s.take, g * g);
    some.store(variance, squares + i);
    if (means != nullptr) {
      const auto mean = rounded_product(s.keep, some.load(means + i)) + rounded_product(s.take, g);
      some.store(mean, means + i);
      const decltype(variance) zero{};
      variance = variance - rounded_product(mean, mean);
      variance = variance < zero ? zero : variance;  // rounding may take it there
    }
    auto step = g / (square_root(variance) + s.epsilon);
    if (velocities != nullptr) {
      step = rounded_product(s.momentum, some.load(velocities + i)) + step;
      some.store(step, velocities + i);
    }
    some.store(w - rounded_product(s.rate, step), weights + i);
  });
}

/// With g = gradient + decay * w: sum += g^2; w -= rate * g / (sqrt(sum) + epsilon).
template <class T>
void adagrad_step(Index count, const AdagradStep<T>& s, const T* gradients, T* weights, T* sums) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto w = some.load(weights + i);
    const auto g = some.load(gradients + i) + rounded_product(s.decay, w);
    const auto sum = some.load(sums + i) + rounded_product(g, g);
    some.store(sum, sums + i);
    some.store(w - rounded_product(s.rate, g) / (square_root(sum) + s.epsilon), weights + i);
  });
}

/// w = shrink * w - rate * sign(keep1 * m + take1 * g); m = keep2 * m + take2 * g. The sign of a
/// NaN is NaN.
template <class T>
void lion_step(Index count, const LionStep<T>& s, const T* gradients, T* weights, T* means) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto m = some.load(means + i);
    const auto g = some.load(gradients + i);
    const auto direction = rounded_product(s.keep1, m) + rounded_product(s.take1, g);
    const decltype(m + g) zero{};
    const auto up = s.rate - zero;
    const auto not_above = direction < zero ? zero - up : direction;
    const auto step = direction > zero ? up : not_above;
    some.store(rounded_product(s.shrink, some.load(weights + i)) - step, weights + i);
    some.store(rounded_product(s.keep2, m) + rounded_product(s.take2, g), means + i);
  });
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif
