#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "layer_testing.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/any_layer.hpp"
#include "nn/layers/hard_swish.hpp"
#include "nn/layers/mish.hpp"
#include "nn/layers/prelu.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/softmax.hpp"

namespace activation_layers_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::AnyLayer;

namespace {

/// A layer, its definition in the plainest terms, and what Python's math module gives at -1.5 and
/// 0.75, to tell a mistake in both apart:
///     python3 -c "from math import *; print([f(x) for x in (-1.5, 0.75)])"
struct Case {
  AnyLayer layer;
  std::function<double(double)> definition;
  double at_minus_1_5;
  double at_0_75;
};

double normal_cdf(double x) { return 0.5 * (1 + std::erf(x / std::sqrt(2.0))); }

const std::vector<Case> cases{
    {nn::ReLU{}, [](double x) { return x > 0 ? x : 0; }, 0, 0.75},
    {nn::LeakyReLU{.negative_slope = 0.25F}, [](double x) { return x > 0 ? x : 0.25 * x; }, -0.375,
     0.75},
    // 1 / (1 + exp(-x))
    {nn::Sigmoid{}, [](double x) { return 1 / (1 + std::exp(-x)); }, 0.18242552380635635,
     0.679178699175393},
    // tanh(x)
    {nn::Tanh{}, [](double x) { return std::tanh(x); }, -0.9051482536448664, 0.6351489523872873},
    // x if x > 0 else 0.5 * (exp(x) - 1)
    {nn::ELU{.alpha = 0.5F}, [](double x) { return x > 0 ? x : 0.5 * (std::exp(x) - 1); },
     -0.3884349199257851, 0.75},
    // 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (exp(x) - 1))
    {nn::SELU{},
     [](double x) {
       return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * (std::exp(x) - 1));
     },
     -1.3658143533672527, 0.7880257405166103},
    {nn::Clip{.low = -1.25F, .high = 0.5F},
     [](double x) { return std::min(std::max(x, -1.25), 0.5); }, -1.25, 0.5},
    // log(1 + exp(x))
    {nn::Softplus{}, [](double x) { return std::log(1 + std::exp(x)); }, 0.20141327798275246,
     1.1368710061148999},
    // x / (1 + exp(-x))
    {nn::SiLU{}, [](double x) { return x / (1 + std::exp(-x)); }, -0.2736382857095345,
     0.5093840243815447},
    // x / 2 * (1 + erf(x / sqrt(2)))
    {nn::GELU{}, [](double x) { return x * normal_cdf(x); }, -0.10021080190328713,
     0.5800294857173488},
    // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))
    {nn::GELU{.approximate = true},
     [](double x) {
       return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
     },
     -0.10042842301976707, 0.5799605551656203},
    // x * tanh(log(1 + exp(x)))
    {nn::Mish{}, [](double x) { return x * std::tanh(std::log1p(std::exp(x))); },
     -0.29809974216680685, 0.6100183352182934},
    // x * min(max(x + 3, 0), 6) / 6
    {nn::HardSwish{}, [](double x) { return x * std::min(std::max(x + 3, 0.0), 6.0) / 6; }, -0.375,
     0.46875},
};

const std::vector<Shape> shapes{{1}, {31}, {32}, {33}, {5, 3, 7}};

}  // namespace

TEST_CASE("every activation gives what its definition says") {
  for (const Case& activation : cases) {
    CAPTURE(activation.layer.name());
    nn::Model<AnyLayer, double> point(activation.layer, {2});
    const Tensor<double> two({1, 2}, {-1.5, 0.75});
    CHECK(worst_difference<double>(point.predict(two),
                                   {activation.at_minus_1_5, activation.at_0_75}) < 1e-15);
    for (const Shape& shape : shapes) {
      const auto x = random_tensor<double>(shape.prepended(3), 1, -6, 6);
      Tensor<float> x_float(x.shape());
      std::vector<double> expected;
      std::vector<double> expected_float;
      for (Index i = 0; i < x.size(); ++i) {
        x_float[i] = static_cast<float>(x[i]);
        expected.push_back(activation.definition(x[i]));
        expected_float.push_back(activation.definition(static_cast<double>(x_float[i])));
      }
      nn::Model<AnyLayer, double> model(activation.layer, shape);
      CHECK(worst_difference<double>(model.predict(x), expected) < 1e-14);
      CHECK(worst_difference<double>(model.forward(x), expected) < 1e-14);
      nn::Model<AnyLayer, float> model_float(activation.layer, shape);
      CHECK(worst_difference<float>(model_float.predict(x_float), expected_float) < 2e-6);
    }
  }
}

TEST_CASE("the gradient of every activation is right, for any shape and batch") {
  for (const Case& activation : cases) {
    for (const Shape& shape : shapes) {
      for (const Index batch : {1, 3}) {
        check_gradients_of(activation.layer, shape, {.batch = batch, .spread = 4});
      }
    }
  }
  for (const float alpha : {0.0F, 1.0F, 2.0F}) check_gradients_of(nn::ELU{alpha}, {20});
  for (const float slope : {0.01F, 0.5F, 1.0F, 2.0F}) {
    check_gradients_of(nn::LeakyReLU{slope}, {20});
  }
}

TEST_CASE("activations and their gradients stay finite and right far out") {
  const double large = 1e4;
  for (const Case& activation : cases) {
    CAPTURE(activation.layer.name());
    nn::Model<AnyLayer, float> model(activation.layer, {4});
    const Tensor<float> x({1, 4},
                          {static_cast<float>(-large), -100.0F, 100.0F, static_cast<float>(large)});
    const TensorView<const float> y = model.forward(x);
    for (const float value : y) CHECK(std::isfinite(value));
    const Tensor<float> dy({1, 4}, 1.0F);
    const TensorView<const float> dx = model.backward(dy, {.input_gradient = true});
    for (const float value : dx) CHECK(std::isfinite(value));
  }
  nn::Model<nn::Softplus, double> softplus(nn::Softplus{}, {2});
  const Tensor<double> x({1, 2}, {-40.0, 800.0});
  const TensorView<const double> y = softplus.forward(x);
  CHECK(y[0] == doctest::Approx(4.248354255291589e-18).epsilon(1e-12));  // exp(-40)
  CHECK(y[1] == 800);
  const TensorView<const double> dx =
      softplus.backward(Tensor<double>({1, 2}, 1.0), {.input_gradient = true});
  CHECK(dx[0] == doctest::Approx(4.248354255291589e-18).epsilon(1e-12));
  CHECK(dx[1] == 1);
}

TEST_CASE("SELU keeps mean 0 and variance 1") {
  nn::Model<nn::SELU, double> model(nn::SELU{}, {200000});
  Tensor<double> x({1, 200000});
  nn::Random random(1);
  for (double& value : x) value = random.normal();
  const Tensor<double> y = model.predict(x);
  const double mean = y.array().mean();
  CHECK(std::abs(mean) < 0.01);
  CHECK(std::abs((y.array() - mean).square().mean() - 1) < 0.02);
}

TEST_CASE("a value does not depend on where in a batch it stands") {
  for (const Case& activation : cases) {
    CAPTURE(activation.layer.name());
    nn::Model<AnyLayer, float> model(activation.layer, {7});
    const auto x = random_tensor<float>({20, 7}, 3, -5, 5);
    const Tensor<float> y = model.predict(x);
    for (Index i = 0; i < 20; ++i) {
      CHECK(model.predict(x.samples(i, 1)) == Tensor<float>(y.view().samples(i, 1)));
    }
  }
}

TEST_CASE("softmax gives probabilities, whatever is added to all logits") {
  nn::Model<nn::Softmax, double> model(nn::Softmax{}, {3});
  // exp(1), exp(2) and exp(3), divided by their sum: worked out with Python's math module.
  const std::vector<double> expected{0.09003057317038046, 0.24472847105479767, 0.6652409557748219};
  CHECK(worst_difference<double>(model.predict(Tensor<double>({1, 3}, {1.0, 2.0, 3.0})), expected) <
        1e-15);
  CHECK(worst_difference<double>(model.predict(Tensor<double>({1, 3}, {1001.0, 1002.0, 1003.0})),
                                 expected) < 1e-15);
  CHECK(worst_difference<double>(model.predict(Tensor<double>({1, 3}, {-2000.0, 0.0, -1000.0})),
                                 {0, 1, 0}) < 1e-300);
  for (const Shape& shape : {Shape{1}, Shape{3}, Shape{40}, Shape{4, 3, 5}}) {
    for (const Index batch : {1, 3}) {
      check_gradients_of(nn::Softmax{}, shape, {.batch = batch});
    }
  }
  check_error([] { (void)nn::Softmax{}.output_shape({}); }, {"scalar"});
}

TEST_CASE("the logarithm of softmax is right where softmax itself would underflow") {
  nn::Model<nn::LogSoftmax, double> model(nn::LogSoftmax{}, {3});
  // x - log(exp(1) + exp(2) + exp(3)): worked out with Python's math module.
  const std::vector<double> expected{-2.40760596444438, -1.4076059644443801, -0.4076059644443802};
  CHECK(worst_difference<double>(model.predict(Tensor<double>({1, 3}, {1.0, 2.0, 3.0})), expected) <
        1e-15);
  CHECK(worst_difference<double>(model.predict(Tensor<double>({1, 3}, {1001.0, 1002.0, 1003.0})),
                                 expected) < 1e-15);
  CHECK(worst_difference<double>(model.predict(Tensor<double>({1, 3}, {-2000.0, 0.0, -1000.0})),
                                 {-2000, 0, -1000}) == 0);
  for (const Shape& shape : {Shape{1}, Shape{3}, Shape{32}, Shape{40}, Shape{4, 3, 5}}) {
    for (const Index batch : {1, 3}) {
      check_gradients_of(nn::LogSoftmax{}, shape, {.batch = batch});
    }
  }
  check_error([] { (void)nn::LogSoftmax{}.output_shape({}); }, {"scalar"});
}

TEST_CASE("PReLU multiplies what is below 0 by the slope of its channel") {
  nn::Model<nn::PReLU, double> model(nn::PReLU{}, {1, 2, 3});
  CHECK(worst_difference<double>(model.parameters(), {0.25, 0.25, 0.25}) == 0);
  const std::vector<double> slopes{0.5, -2, 0};
  std::copy(slopes.begin(), slopes.end(), model.parameters().begin());
  const Tensor<double> x({1, 1, 2, 3}, {-4.0, -4.0, -4.0, 3.0, 0.0, -1.0});
  CHECK(worst_difference<double>(model.forward(x), {-2, 8, 0, 3, 0, 0}) == 0);
  const Tensor<double> dy({1, 1, 2, 3}, {1.0, 10.0, 100.0, 1000.0, 7.0, 5.0});
  CHECK(worst_difference<double>(model.backward(dy, {.input_gradient = true}),
                                 {0.5, -20, 0, 1000, -14, 0}) == 0);
  CHECK(worst_difference<double>(model.gradients(), {-4, -40, -405}) == 0);

  nn::Model<nn::PReLU, double> shared(nn::PReLU{.per_channel = false, .slope = 0.5F}, {1, 2, 3});
  CHECK(worst_difference<double>(shared.forward(x), {-2, -2, -2, 3, 0, -0.5}) == 0);
  shared.backward(dy, {});
  CHECK(worst_difference<double>(shared.gradients(), {-449}) == 0);
  CHECK(nn::PReLU{}.name() == "PReLU{}");
  CHECK(nn::PReLU{.per_channel = false}.name() == "PReLU{one slope}");
  check_error([] { (void)nn::PReLU{}.output_shape({}); }, {"channels", "scalar"});
}

TEST_CASE("the gradients of PReLU are right, for any shape and batch, and with any slope") {
  for (const Shape& shape : {Shape{1}, Shape{6}, Shape{65}, Shape{3, 5, 1}, Shape{4, 3, 70}}) {
    for (const bool per_channel : {true, false}) {
      for (const float slope : {0.25F, -0.5F, 2.0F}) {
        for (const Index batch : {1, 3}) {
          check_gradients_of(nn::PReLU{per_channel, slope}, shape, {.batch = batch});
        }
      }
    }
  }
}

TEST_CASE("options that would make an activation's gradient wrong are refused") {
  check_error<nn::Error>([] { (void)nn::ELU{-1}.output_shape({3}); }, {"alpha", "-1"});
  check_error<nn::Error>([] { (void)nn::LeakyReLU{0}.output_shape({3}); }, {"slope", "0"});
  CHECK(nn::ELU{0.5F}.name() == "ELU{0.5}");
  CHECK(nn::LeakyReLU{0.2F}.name() == "LeakyReLU{0.2}");
  CHECK(nn::GELU{.approximate = true}.name() == "GELU{approximate}");
}

TEST_CASE("activations give the same bits for any number of threads") {
  for (const Case& activation : cases) check_threads(activation.layer, {17, 19, 11}, 9);
  check_threads(nn::Softmax{}, {17, 19, 11}, 9);
  check_threads(nn::LogSoftmax{}, {17, 19, 11}, 9);
  for (const bool per_channel : {true, false}) {
    check_threads(nn::PReLU{per_channel}, {17, 19, 11}, 9);
  }
}

}  // namespace activation_layers_test
