/// @file
/// What the tests of networks that draw share.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "nn/core/random.hpp"
#include "nn/core/tensor.hpp"

namespace generator_testing {

/// Images of noise and their classes.
template <class T>
struct Real {
  nn::Tensor<T> images;
  nn::Tensor<nn::Label> labels;

  Real(nn::Index count, std::uint64_t seed) : images({count, 28, 28, 1}), labels({count}) {
    nn::Random random(seed);
    for (T& value : images) value = static_cast<T>(random.uniform(-1, 1));
    for (nn::Label& label : labels) label = static_cast<nn::Label>(random.below(3));
  }
};

/// The largest difference between a model's gradients, which `loss` computes with its value, and
/// central differences of it, for so many of the parameters: in units of the larger of both, or of
/// the root mean square of all.
template <class Model, class Loss>
double gradient_error(Model& model, const Loss& loss, int trials) {
  loss();
  const nn::TensorView<double> view = model.gradients();
  const std::vector<double> gradients(view.begin(), view.end());
  double squares = 0;
  for (const double value : gradients) squares += value * value;
  const double scale = std::sqrt(squares / static_cast<double>(gradients.size()));
  REQUIRE(scale > 1e-8);
  double worst = 0;
  nn::Random random(3);
  for (int trial = 0; trial < trials; ++trial) {
    const nn::Index at = random.below(static_cast<nn::Index>(gradients.size()));
    double& weight = model.parameters()[at];
    const double original = weight;
    const double exact = gradients[static_cast<std::size_t>(at)];
    double best = 1;
    for (const double step : {1e-5, 1e-6, 1e-7}) {
      if (best < 1e-6) break;  // if not, smaller steps leave kinks outside
      weight = original + step;
      const double above = loss();
      weight = original - step;
      const double below = loss();
      weight = original;
      const double difference = (above - below) / (2 * step);
      const double size = std::max({std::abs(difference), std::abs(exact), scale});
      best = std::min(best, std::abs(difference - exact) / size);
    }
    worst = std::max(worst, best);
  }
  return worst;
}

}  // namespace generator_testing
