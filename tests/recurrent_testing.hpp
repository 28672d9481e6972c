/// @file
/// What the tests of recurrent layers share.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "layer_testing.hpp"
#include "nn/layers/masked.hpp"
#include "sequence_testing.hpp"

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
    for (const Index units : {1, 5, 16, 33, 96}) {  // 96: with packed weights
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
  // Several samples together in several runs through time, and one run of all, shared by threads,
  // whose weights are packed at the first step.
  check_gradients_of(Layer{.units = 5, .return_sequence = true}, {2, 3},
                     {.batch = 29, .elements = 6});
  check_gradients_of(Layer{.units = 100, .return_sequence = true}, {4, 3},
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

/// The state goes past padded steps, wherever they are: as if there were none.
template <class Layer>
void check_padding() {
  const std::vector<std::vector<bool>> masks{{true, true, true, false, false},
                                             {false, true, false, true, true},
                                             {false, false, false, false, false},
                                             {true, true, true, true, true}};
  for_all_options<Layer>(6, [&](const Layer& layer) {
    CAPTURE(layer.name());
    nn::Model<nn::Masked<Layer>, double> model(nn::masked(0, layer), {5, 3}, {.seed = 1});
    auto x = random_tensor<double>({4, 5, 3}, 2);
    for (Index row = 0; row < 20; ++row) {
      const bool real = masks[static_cast<std::size_t>(row / 5)][static_cast<std::size_t>(row % 5)];
      if (!real) std::fill_n(x.data() + row * 3, 3, 0.0);
    }
    const Tensor<double> y = model.predict(x);
    CHECK(Tensor<double>(model.forward(x)) == y);
    for (Index n = 0; n < 4; ++n) {
      const std::vector<bool>& mask = masks[static_cast<std::size_t>(n)];
      std::vector<double> rows;
      for (Index step = 0; step < 5; ++step) {
        const double* row = x.data() + (n * 5 + step) * 3;
        if (mask[static_cast<std::size_t>(step)]) rows.insert(rows.end(), row, row + 3);
      }
      const auto steps = static_cast<Index>(rows.size()) / 3;
      std::vector<double> expected(static_cast<std::size_t>(layer.units * (steps + 1)));
      if (steps > 0) {
        nn::Model<Layer, double> alone(layer, {steps, 3});
        std::copy(model.parameters().begin(), model.parameters().end(), alone.parameters().begin());
        const Tensor<double> of_rows =
            alone.predict(TensorView<const double>(rows.data(), {1, steps, 3}));
        std::copy(of_rows.begin(), of_rows.end(), expected.begin());
      }
      const auto found = y.view().sample(n);
      if (!layer.return_sequence) {
        for (Index unit = 0; unit < 6; ++unit) {
          CHECK(found[unit] == expected[static_cast<std::size_t>(unit)]);
        }
        continue;
      }
      // Beyond the real steps, in the order in which they are read, the state is what it was.
      Index place = layer.reverse ? steps : -1;
      for (Index step = 0; step < 5; ++step) {
        const Index time = layer.reverse ? 4 - step : step;
        if (mask[static_cast<std::size_t>(time)]) place += layer.reverse ? -1 : 1;
        const bool started = place >= 0 && place < steps;
        for (Index unit = 0; unit < 6; ++unit) {
          CHECK(found[time * 6 + unit] ==
                (started ? expected[static_cast<std::size_t>(place * 6 + unit)] : 0.0));
        }
      }
    }
  });
}

template <class Layer>
void check_padded_gradients() {
  for_all_options<Layer>(5, [&](const Layer& layer) {
    check_gradients_of(nn::sequential(sequence_testing::PadSteps{}, nn::masked(0, layer)), {4, 3},
                       {.batch = 4, .elements = 20});
  });
  check_threads(nn::sequential(sequence_testing::PadSteps{},
                               nn::masked(0, Layer{.units = 160, .return_sequence = true})),
                {9, 7}, 40);
}

}  // namespace recurrent_testing
