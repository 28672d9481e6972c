/// @file
/// Loops over elements with a fixed rounding: each product and each sum by itself, nothing fused,
/// so that every processor and compiler gives the same bits (docs/arithmetic.md).
#if !defined(NN_KERNELS_LOOPS_ELEMENTWISE_HPP) && \
    (defined(NN_ISA_PASS) || !defined(NN_SEPARATE_KERNELS))
#define NN_KERNELS_LOOPS_ELEMENTWISE_HPP

#include <array>
#include <type_traits>

#include "nn/core/activation.hpp"
#include "nn/kernels/reduce.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/lanes.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// The activation of numbers or vectors; not a number stays what it is.
template <class V>
[[nodiscard, gnu::always_inline]] inline V activated(const V& x, float slope) {
  const V zero{};
  if (slope == 1) return x;
  if (slope == 0) return x < zero ? zero : x;
  return x > zero ? x : rounded_product(slope - zero, x);
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
    const auto bent =
        activation.slope == 0 ? zero : rounded_product(activation.slope - zero, gradient);
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
    some.store(now + rounded_product(step, some.load(target + i) - now), x + i);
  });
}

/// y += factor * x
template <class T>
void add_multiple(Index count, T factor, const T* x, T* y) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    some.store(some.load(y + i) + rounded_product(factor, some.load(x + i)), y + i);
  });
}

/// y += x
template <class T>
void add_to(Index count, const T* x, T* y) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    some.store(some.load(y + i) + some.load(x + i), y + i);
  });
}

/// y = factor * x
template <class T>
void scale_elements(Index count, T factor, const T* x, T* y) {
  for_each_vector<T>(
      count, [&](Index i, const auto& some) { some.store(factor * some.load(x + i), y + i); });
}

/// a and b become more * a + less * b and more * b + less * a
template <class T>
void blend_elements(Index count, T more, T less, T* a, T* b) {
  for_each_vector<T>(count, [&](Index i, const auto& some) {
    const auto first = some.load(a + i);
    const auto second = some.load(b + i);
    some.store(rounded_product(more, first) + rounded_product(less, second), a + i);
    some.store(rounded_product(more, second) + rounded_product(less, first), b + i);
  });
}

/// The sum of the squares, in double: of floats in eight sums, which go on in turns; of doubles one
/// across lanes. Squares of floats are exact in double, so that it does not matter whether they are
/// fused.
template <class T>
[[nodiscard]] double sum_of_squares(Index count, const T* values) {
  if constexpr (std::is_same_v<T, double>) {
    return sum_of_terms<double>(count, [values](Index i, const auto& some) {
      const auto value = some.load(values + i);
      return rounded_product(value, value);
    });
  }
  std::array<double, 8> sums{};
  const Index whole = count / 8 * 8;
  for (Index i = 0; i < whole; i += 8) {
    for (Index lane = 0; lane < 8; ++lane) {
      const auto value = static_cast<double>(values[i + lane]);
      sums[static_cast<std::size_t>(lane)] += value * value;
    }
  }
  double total = 0;
  for (const double sum : sums) total += sum;
  for (Index i = whole; i < count; ++i) {
    total += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  }
  return total;
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif
