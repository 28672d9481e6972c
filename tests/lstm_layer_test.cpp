#include <doctest/doctest.h>

#include <cmath>

#include "nn/layers/lstm.hpp"
#include "recurrent_testing.hpp"

namespace lstm_layer_test {

using namespace recurrent_testing;  // NOLINT(google-build-using-namespace)
using nn::LSTM;

namespace {

/// The outputs of an LSTM layer for one sequence, step by step.
std::vector<double> outputs_of(nn::Model<LSTM, double>& model, TensorView<const double> x) {
  const LSTM& layer = model.network();
  const std::string suffix = layer.reverse ? "_l0_reverse" : "_l0";
  const Index steps = x.shape()[0];
  const auto units = static_cast<std::size_t>(layer.units);
  std::vector<double> h(units);
  std::vector<double> c(units);
  std::vector<double> y(static_cast<std::size_t>(steps) * units);
  for (Index step = 0; step < steps; ++step) {
    const Index time = layer.reverse ? steps - 1 - step : step;
    const std::vector<double> before = h;
    for (std::size_t unit = 0; unit < units; ++unit) {
      double gates[4];
      for (std::size_t gate = 0; gate < 4; ++gate) {
        const Sums sums = sums_of(model, suffix, static_cast<Index>(gate * units + unit),
                                  x.data() + time * x.shape()[1], before);
        gates[gate] = sums.input + sums.recurrent;
      }
      c[unit] = sigmoid(gates[1]) * c[unit] + sigmoid(gates[0]) * std::tanh(gates[2]);
      h[unit] = sigmoid(gates[3]) * std::tanh(c[unit]);
      y[static_cast<std::size_t>(time) * units + unit] = h[unit];
    }
  }
  return layer.return_sequence ? y : h;
}

}  // namespace

static_assert(LSTM{.units = 7}.output_shape({5, 3}) == Shape{7});
static_assert(LSTM{.units = 7, .return_sequence = true}.output_shape({5, 3}) == Shape{5, 7});

TEST_CASE("an LSTM layer computes what its formulas say") { check_definition<LSTM>(outputs_of); }

TEST_CASE("the gradients of an LSTM layer are right for the whole product of its options") {
  check_all_gradients<LSTM>();
}

TEST_CASE("an LSTM layer keeps its state at padded steps") {
  check_padding<LSTM>();
  check_padded_gradients<LSTM>();
}

TEST_CASE("an LSTM layer gives the same bits for any number of threads") {
  for (const Index units : {5, 40, 160}) {
    check_threads(LSTM{.units = units, .return_sequence = true}, {7, 20}, 40);
    check_threads(LSTM{.units = units, .reverse = true}, {3, 20}, 40);
  }
}

TEST_CASE("an LSTM layer gives a sample the same bits whatever stands beside it") {
  for (const Index units : {5, 160}) check_samples<LSTM>(units);
}

TEST_CASE("an LSTM layer starts with its forget gate open, and its biases are not decayed") {
  nn::Model<LSTM> model(LSTM{.units = 3, .forget_bias = 2}, {4, 2}, {.seed = 1});
  const Tensor<float> expected({12}, {0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 0, 0});
  CHECK(Tensor<float>(TensorView<const float>(model.parameter("bias_ih_l0"))) == expected);
  for (const float value : model.parameter("bias_hh_l0")) CHECK(value == 0);
  for (const nn::Variable& variable : model.variables()) {
    CHECK(variable.decay == (variable.name.find("weight") == 0));
  }
  CHECK(LSTM{3}.name() == "LSTM{3}");
  CHECK(LSTM{3, true, true}.name() == "LSTM{3, sequence, reverse}");
}

TEST_CASE("a recurrent layer says what it cannot take") {
  check_error([] { (void)LSTM{3}.output_shape({7}); }, {"expects sequences", "got 7"});
  check_error([] { (void)LSTM{3}.output_shape({0, 7}); }, {"expects sequences", "0x7"});
  check_error([] { (void)LSTM{0}.output_shape({2, 7}); }, {"units", "positive", "0"});
}

}  // namespace lstm_layer_test
