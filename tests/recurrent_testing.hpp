/// @file
/// What the tests of recurrent layers share.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "layer_testing.hpp"

namespace recurrent_testing {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// The sums of a gate of one unit, by their definition: x W + b_ih, and h U + b_hh.
struct Sums {
  double input = 0;
  double recurrent = 0;
};
template <class Model>
Sums sums_of(Model& model, const std::string& suffix, Index column, const double* x,
             const std::vector<double>& h) {
  const TensorView<double> w = model.parameter("weight_ih" + suffix);
  const TensorView<double> u = model.parameter("weight_hh" + suffix);
  const Index width = w.shape()[1];
  Sums sums;
  for (Index k = 0; k < w.shape()[0]; ++k) sums.input += x[k] * w[k * width + column];
  for (Index k = 0; k < u.shape()[0]; ++k) {
    sums.recurrent += h[static_cast<std::size_t>(k)] * u[k * width + column];
  }
  if (model.variables().size() > 2) {
    sums.input += model.parameter("bias_ih" + suffix)[column];
    sums.recurrent += model.parameter("bias_hh" + suffix)[column];
  }
  return sums;
}

/// Calls visit(layer) for every combination of the options.
template <class Layer, class Visit>
void for_all_options(Index units, const Visit& visit) {
  for (const bool sequence : {false, true})
    for (const bool reverse : {false, true})
      for (const bool bias : {false, true}) {
        visit(Layer{.units = units, .return_sequence = sequence, .reverse = reverse, .bias = bias});
      }
}

/// A layer computes what `outputs_of(model, sequence)` does, in training and in inference.
template <class Layer, class Outputs>
void check_definition(const Outputs& outputs_of) {
  for (const Shape& input : {Shape{1, 1}, Shape{5, 3}, Shape{4, 17}}) {
    for (const Index units : {1, 5, 16, 33}) {
      for_all_options<Layer>(units, [&](const Layer& layer) {
        CAPTURE(layer.name());
        nn::Model<Layer, double> model(layer, input, {.seed = 1});
        nn::Random random(2);
        for (double& value : model.parameters()) value += random.uniform(-0.5, 0.5);
        const auto x = random_tensor<double>(input.prepended(3), 3, -2, 2);
        std::vector<double> expected;
        for (Index n = 0; n < 3; ++n) {
          const std::vector<double> y = outputs_of(model, x.view().sample(n));
          expected.insert(expected.end(), y.begin(), y.end());
        }
        CHECK(worst_difference<double>(model.forward(x), expected) < 1e-13);
        CHECK(worst_difference<double>(model.predict(x), expected) < 1e-13);
      });
    }
  }
}

template <class Layer>
void check_all_gradients() {
  for (const Shape& input : {Shape{1, 1}, Shape{4, 3}, Shape{3, 18}}) {
    for (const Index units : {1, 6, 17}) {
      for_all_options<Layer>(units, [&](const Layer& layer) {
        for (const Index batch : {1, 3}) {
          check_gradients_of(layer, input, {.batch = batch, .elements = 12});
        }
      });
    }
  }
  // Several samples together in several runs through time, and one run of all, shared by threads.
  check_gradients_of(Layer{.units = 5, .return_sequence = true}, {2, 3},
                     {.batch = 29, .elements = 6});
  check_gradients_of(Layer{.units = 100, .return_sequence = true}, {2, 3},
                     {.batch = 50, .elements = 2});
}

/// What a sample gives does not depend on those beside it, to the last bit.
template <class Layer>
void check_samples(Index units) {
  const nn::Model<Layer> model(Layer{.units = units, .return_sequence = true}, {6, 5}, {.seed = 1});
  const auto x = random_tensor<float>({30, 6, 5}, 1);
  const Tensor<float> y = model.predict(x);
  for (Index n = 0; n < 30; n += 7) {
    CHECK(model.predict(x.samples(n, 1)) == Tensor<float>(y.view().samples(n, 1)));
  }
}

}  // namespace recurrent_testing
