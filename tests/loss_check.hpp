/// @file
/// Checks that every loss has to pass.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "nn/core/random.hpp"
#include "nn/losses/loss.hpp"

namespace loss_check {

using nn::Index;

inline nn::Tensor<double> random_tensor(const nn::Shape& shape, std::uint64_t seed,
                                        double deviation = 1) {
  nn::Tensor<double> tensor(shape);
  nn::Random random(seed);
  for (double& value : tensor) value = random.normal(0, deviation);
  return tensor;
}

template <class T>
void check_close(nn::TensorView<const T> found, const std::vector<double>& expected,
                 double tolerance = 1e-14) {
  REQUIRE(found.size() == static_cast<Index>(expected.size()));
  for (Index i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(static_cast<double>(found[i]) - expected[static_cast<std::size_t>(i)]) <
          tolerance);
  }
}

/// The gradient against central differences of the value, with the gradient's buffer poisoned
/// first; and the value without a gradient against that with one.
template <class Loss, class Wanted>
void check_gradient(const Loss& loss, nn::Tensor<double> outputs,
                    const nn::Tensor<Wanted>& wanted) {
  using View = nn::TensorView<const double>;
  nn::Tensor<double> gradient(outputs.shape(), std::numeric_limits<double>::quiet_NaN());
  const nn::TensorView<const Wanted> targets = wanted;
  const double value = loss(View(outputs), targets, gradient.view());
  CHECK(loss(View(outputs), targets, nn::TensorView<double>{}) == value);
  const double step = 1e-5;
  for (Index i = 0; i < outputs.size(); ++i) {
    CAPTURE(i);
    const double kept = outputs[i];
    outputs[i] = kept + step;
    const double above = loss(View(outputs), targets, {});
    outputs[i] = kept - step;
    const double below = loss(View(outputs), targets, {});
    outputs[i] = kept;
    const double expected = (above - below) / (2 * step);
    CHECK(std::abs(gradient[i] - expected) < 1e-6 * std::max(std::abs(expected), 1e-3));
  }
}

}  // namespace loss_check
