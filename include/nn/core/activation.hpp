/// @file
/// The activations that a kernel can apply to its output while it is still in registers.
#pragma once

#include "nn/core/rounding.hpp"
#include "nn/core/shape.hpp"

namespace nn {

/// y = x for x > 0, y = slope * x otherwise; a slope of 1 is no activation at all, 0 is ReLU, and
/// anything between is leaky ReLU.
struct Activation {
  float slope = 1;  ///< for x < 0; 1 leaves all values as they are

  /// Whether it leaves all values as they are.
  [[nodiscard]] constexpr bool is_identity() const { return slope == 1; }

  template <class T>
  [[nodiscard]] constexpr T operator()(T x) const {
    return gradient(x, x);
  }

  /// dx for an output y (or input, whose sign is the same) and its gradient dy. Written as two
  /// selections and a sum: compilers turn one selection between two results into a branch.
  template <class T>
  [[nodiscard]] constexpr T gradient(T y, T dy) const {
    const T straight = y > T(0) ? dy : T(0);
    const T bent = y > T(0) ? T(0) : dy;
    return straight + detail::product(T(slope), bent);
  }
};

/// What a GEMM or a convolution does to its result before it writes it: adds a bias to each column
/// (output channel), then applies the activation.
template <class T>
struct Epilogue {
  const T* bias = nullptr;  ///< one value a column, or null for none
  Activation activation{};  ///< applied after the bias

  /// The same from column `first` on.
  [[nodiscard]] constexpr Epilogue from(Index first) const {
    return {bias == nullptr ? nullptr : bias + first, activation};
  }
  /// Whether there is nothing to do.
  [[nodiscard]] constexpr bool is_identity() const {
    return bias == nullptr && activation.is_identity();
  }
};

}  // namespace nn
