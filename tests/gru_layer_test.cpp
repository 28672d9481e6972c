#include <doctest/doctest.h>

#include <cmath>

#include "nn/layers/gru.hpp"
#include "recurrent_testing.hpp"

namespace gru_layer_test {

using namespace recurrent_testing;  // NOLINT(google-build-using-namespace)
using nn::GRU;

namespace {

/// The outputs of a GRU layer for one sequence, step by step.
std::vector<double> outputs_of(nn::Model<GRU, double>& model, TensorView<const double> x) {
  const GRU& layer = model.network();
  const std::string suffix = layer.reverse ? "_l0_reverse" : "_l0";
  const Index steps = x.shape()[0];
  const auto units = static_cast<std::size_t>(layer.units);
  std::vector<double> h(units);
  std::vector<double> y(static_cast<std::size_t>(steps) * units);
  for (Index step = 0; step < steps; ++step) {
    const Index time = layer.reverse ? steps - 1 - step : step;
    const std::vector<double> before = h;
    for (std::size_t unit = 0; unit < units; ++unit) {
      Sums sums[3];
      for (std::size_t gate = 0; gate < 3; ++gate) {
        sums[gate] = sums_of(model, suffix, static_cast<Index>(gate * units + unit),
                             x.data() + time * x.shape()[1], before);
      }
      const double r = sigmoid(sums[0].input + sums[0].recurrent);
      const double z = sigmoid(sums[1].input + sums[1].recurrent);
      const double n = std::tanh(sums[2].input + r * sums[2].recurrent);
      h[unit] = (1 - z) * n + z * before[unit];
      y[static_cast<std::size_t>(time) * units + unit] = h[unit];
    }
  }
  return layer.return_sequence ? y : h;
}

}  // namespace

static_assert(GRU{.units = 7}.output_shape({5, 3}) == Shape{7});
static_assert(GRU{.units = 7, .return_sequence = true}.output_shape({5, 3}) == Shape{5, 7});

TEST_CASE("a GRU layer computes what its formulas say") { check_definition<GRU>(outputs_of); }

TEST_CASE("the gradients of a GRU layer are right for the whole product of its options") {
  check_all_gradients<GRU>();
}

TEST_CASE("a GRU layer keeps its state at padded steps") {
  check_padding<GRU>();
  check_padded_gradients<GRU>();
}

TEST_CASE("a GRU layer gives the same bits for any number of threads") {
  for (const Index units : {5, 40, 160}) {
    check_threads(GRU{.units = units, .return_sequence = true}, {7, 20}, 40);
    check_threads(GRU{.units = units, .reverse = true}, {3, 20}, 40);
  }
}

TEST_CASE("a GRU layer gives a sample the same bits whatever stands beside it") {
  for (const Index units : {5, 160}) check_samples<GRU>(units);
}

TEST_CASE("the biases of a GRU layer start at 0 and are not decayed") {
  nn::Model<GRU> model(GRU{.units = 3}, {4, 2}, {.seed = 1});
  for (const float value : model.parameter("bias_ih_l0")) CHECK(value == 0);
  for (const float value : model.parameter("bias_hh_l0")) CHECK(value == 0);
  for (const nn::Variable& variable : model.variables()) {
    CHECK(variable.decay == (variable.name.find("weight") == 0));
  }
  CHECK(GRU{3}.name() == "GRU{3}");
  CHECK(GRU{3, true, true}.name() == "GRU{3, sequence, reverse}");
}

}  // namespace gru_layer_test
