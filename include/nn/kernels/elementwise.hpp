/// @file
/// Loops over elements with a fixed rounding: each product and each sum by itself, nothing fused,
/// so that every processor and compiler gives the same bits (docs/arithmetic.md).
#pragma once

#include "nn/core/activation.hpp"
#include "nn/core/rounding.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/lanes.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// The activation of numbers or vectors; not a number stays what it is.
template <class V>
[[nodiscard, gnu::always_inline]] inline V activated(const V& x, float slope) {
  const V zero{};
  if (slope == 1) return x;
  if (slope == 0) return x < zero ? zero : x;
  return x > zero ? x : product(slope - zero, x);
}

/// y = activation(x)
template <class T>
void activate_elements(Index count, Activation activation, const T* x, T* y) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    some.store(activated(some.load(x + i), activation.slope), y + i);
  });
}

/// dx = slope * dy where y <= 0, and dy elsewhere, also where y is not a number
template <class T>
void activate_backward_elements(Index count, Activation activation, const T* y, const T* dy,
                                T* dx) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto gradient = some.load(dy + i);
    const std::remove_const_t<decltype(gradient)> zero{};
    const auto bent = activation.slope == 0 ? zero : product(activation.slope - zero, gradient);
    some.store(some.load(y + i) <= zero ? bent : gradient, dx + i);
  });
}

/// y = activation(y + x)
template <class T>
void add_and_activate(Index count, const T* x, Activation activation, T* y) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    some.store(activated(some.load(y + i) + some.load(x + i), activation.slope), y + i);
  });
}

/// x += step * (target - x)
template <class T>
void move_towards(Index count, T step, const T* target, T* x) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto now = some.load(x + i);
    some.store(now + product(step, some.load(target + i) - now), x + i);
  });
}

/// y += factor * x
template <class T>
void add_multiple(Index count, T factor, const T* x, T* y) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    some.store(some.load(y + i) + product(factor, some.load(x + i)), y + i);
  });
}

/// y += x
template <class T>
void add_to(Index count, const T* x, T* y) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    some.store(some.load(y + i) + some.load(x + i), y + i);
  });
}

/// sums += x - origin
template <class T>
void add_differences(Index count, const T* x, const T* origin, T* sums) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    some.store(some.load(sums + i) + (some.load(x + i) - some.load(origin + i)), sums + i);
  });
}

/// sums += (x - origin - mean)^2
template <class T>
void add_squares(Index count, const T* x, const T* origin, const T* mean, T* sums) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto difference = some.load(x + i) - some.load(origin + i) - some.load(mean + i);
    some.store(some.load(sums + i) + product(difference, difference), sums + i);
  });
}

/// sums += dy, products += dy * (x - mean)
template <class T>
void add_gradients(Index count, const T* dy, const T* x, const T* mean, T* sums, T* products) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto gradient = some.load(dy + i);
    some.store(some.load(sums + i) + gradient, sums + i);
    some.store(some.load(products + i) + product(gradient, some.load(x + i) - some.load(mean + i)),
               products + i);
  });
}

/// y = activation((x - mean) * factor + shift)
template <class T>
void normalize(Index count, const T* x, const T* mean, const T* factor, const T* shift,
               Activation activation, T* y) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto scaled = product(some.load(x + i) - some.load(mean + i), some.load(factor + i));
    some.store(activated(scaled + some.load(shift + i), activation.slope), y + i);
  });
}

/// dx = factor * (dy - offset - (x - mean) * slope)
template <class T>
void normalize_backward(Index count, const T* dy, const T* x, const T* mean, const T* factor,
                        const T* offset, const T* slope, T* dx) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto along = product(some.load(x + i) - some.load(mean + i), some.load(slope + i));
    const auto across = some.load(dy + i) - some.load(offset + i);
    some.store(some.load(factor + i) * (across - along), dx + i);
  });
}

/// y = activation((x - mean) * inverse * factor + shift), with one mean and inverse
template <class T>
void normalize_row(Index count, const T* x, T mean, T inverse, const T* factor, const T* shift,
                   Activation activation, T* y) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto scaled = product((some.load(x + i) - mean) * inverse, some.load(factor + i));
    some.store(activated(scaled + some.load(shift + i), activation.slope), y + i);
  });
}

/// dx = inverse * (dy * factor - offset - (x - mean) * slope), with one of each but the factor
template <class T>
void normalize_row_backward(Index count, const T* dy, const T* factor, const T* x, T mean,
                            T inverse, T offset, T slope, T* dx) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto gradient = product(some.load(dy + i), some.load(factor + i));
    const auto along = product(some.load(x + i) - mean, slope);
    some.store(inverse * (gradient - offset - along), dx + i);
  });
}

/// products += dy * ((x - mean) * inverse), sums += dy, with one mean and inverse
template <class T>
void add_row_gradients(Index count, const T* dy, const T* x, T mean, T inverse, T* products,
                       T* sums) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto gradient = some.load(dy + i);
    const auto scaled = (some.load(x + i) - mean) * inverse;
    some.store(some.load(products + i) + product(gradient, scaled), products + i);
    some.store(some.load(sums + i) + gradient, sums + i);
  });
}

/// The settings of sgd_step.
template <class T>
struct SgdStep {
  T rate;      ///< the learning rate
  T decay;     ///< of the weights
  T momentum;  ///< 0 without a velocity
  bool nesterov;
};

/// With g = gradient + decay * w: v = momentum * v + g; w -= rate * v, or rate * (g + momentum *
/// v). Without momentum there is no v.
template <class T>
void sgd_step(Index count, const SgdStep<T>& s, const T* gradients, T* weights, T* velocities) {
  if (s.momentum == 0) {
    for_each_vector<T>(count, [&](Index i, const auto& some) {
      const auto w = some.load(weights + i);
      const auto g = some.load(gradients + i) + product(s.decay, w);
      some.store(w - product(s.rate, g), weights + i);
    });
    return;
  }
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto w = some.load(weights + i);
    const auto g = some.load(gradients + i) + product(s.decay, w);
    const auto v = product(s.momentum, some.load(velocities + i)) + g;
    some.store(v, velocities + i);
    some.store(w - product(s.rate, s.nesterov ? g + product(s.momentum, v) : v), weights + i);
  });
}

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

/// With g = gradient + decay * w: m = keep1 * m + take1 * g; v = keep2 * v + take2 * g^2;
/// w -= rate * m / (sqrt(v) * scale + epsilon).
template <class T>
void adam_step(Index count, const AdamStep<T>& s, const T* gradients, T* weights, T* means,
               T* squares) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto w = product(some.load(weights + i), s.shrink);
    const auto g = some.load(gradients + i) + product(s.decay, w);
    const auto m = product(s.keep1, some.load(means + i)) + product(s.take1, g);
    const auto v = product(s.keep2, some.load(squares + i)) + product(s.take2, g * g);
    some.store(m, means + i);
    some.store(v, squares + i);
    const auto deviation = product(square_root(v), s.scale) + s.epsilon;
    some.store(w - s.rate * m / deviation, weights + i);
  });
}

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

/// With g = gradient + decay * w: v = keep * v + take * g^2; the direction is g / (sqrt(v) +
/// epsilon), with the square of g's moving average `means` off v unless that is null; velocity =
/// momentum * velocity + direction; w -= rate * velocity. Without velocities (null), the direction.
template <class T>
void rms_prop_step(Index count, const RmsPropStep<T>& s, const T* gradients, T* weights, T* squares,
                   T* means, T* velocities) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto w = some.load(weights + i);
    const auto g = some.load(gradients + i) + product(s.decay, w);
    auto variance = product(s.keep, some.load(squares + i)) + product(s.take, g * g);
    some.store(variance, squares + i);
    if (means != nullptr) {
      const auto mean = product(s.keep, some.load(means + i)) + product(s.take, g);
      some.store(mean, means + i);
      const decltype(variance) zero{};
      variance = variance - product(mean, mean);
      variance = variance < zero ? zero : variance;  // rounding may take it there
    }
    auto step = g / (square_root(variance) + s.epsilon);
    if (velocities != nullptr) {
      step = product(s.momentum, some.load(velocities + i)) + step;
      some.store(step, velocities + i);
    }
    some.store(w - product(s.rate, step), weights + i);
  });
}

}  // namespace nn::detail::NN_ISA_NAMESPACE
