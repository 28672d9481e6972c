#include <doctest/doctest.h>

#include <cmath>

#include "layer_testing.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/any_layer.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/layer_norm.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/residual.hpp"

namespace normalization_layers_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::BatchNorm;
using nn::LayerNorm;

namespace {

/// Mean and biased variance, by their definitions.
struct Moments {
  double mean = 0;
  double variance = 0;
};
Moments moments_of(const std::vector<double>& values) {
  Moments moments;
  const auto count = static_cast<double>(values.size());
  for (const double value : values) moments.mean += value / count;
  for (const double value : values) {
    moments.variance += (value - moments.mean) * (value - moments.mean) / count;
  }
  return moments;
}

std::vector<double> channel(TensorView<const double> x, Index index) {
  std::vector<double> values;
  const Index channels = x.shape().back();
  for (Index i = index; i < x.size(); i += channels) values.push_back(x[i]);
  return values;
}

// Few channels are taken several rows at a time; 64 is where that ends.
const std::vector<Shape> shapes{{1}, {6}, {64}, {65}, {3, 5, 1}, {2, 3, 5}, {4, 2, 70}, {7, 3}};

}  // namespace

TEST_CASE("a frozen batch normalisation does in training what it does in inference, at any depth") {
  // Alone, before an activation that it applies itself, in a chain of its own and in a branch.
  const auto network = nn::sequential(
      nn::Dense{6}, BatchNorm{}, nn::ReLU{}, nn::sequential(BatchNorm{.scale = false}, nn::Tanh{}),
      nn::residual(nn::Dense{6}, BatchNorm{.shift = false}), BatchNorm{false, false});
  using Model = nn::Model<std::remove_cvref_t<decltype(network)>, double>;
  const std::vector<std::vector<std::string>> all{
      {"1", "3", "4", "5"}, {"1", "3.0", "4.0.1", "5"}, {""}};
  for (const auto& paths : all) {
    Model model(network, {5}, {.seed = 2});
    for (int step = 0; step < 3; ++step) {  // until the statistics are no longer the first ones
      model.forward(random_tensor<double>({8, 5}, static_cast<std::uint64_t>(step), -1, 3));
    }
    for (const std::string& path : paths) model.freeze(path);
    const Tensor<double> state(std::as_const(model).state());
    const auto x = random_tensor<double>({8, 5}, 9, -5, 2);
    const Tensor<double> y(model.forward(x));
    model.backward(y, {.input_gradient = true});
    CHECK(Tensor<double>(std::as_const(model).state()) == state);
    CHECK(y == model.predict(x));
    // And lets its statistics move again.
    for (const std::string& path : paths) model.freeze(path, false);
    const Tensor<double> again(model.forward(x));
    CHECK(again != y);
    const Tensor<double> moved(std::as_const(model).state());
    for (Index i = 0; i < state.size(); ++i) CHECK(moved[i] != state[i]);
  }
  for (const auto& paths : all) check_gradients_of(network, {5}, {.batch = 4, .frozen = paths});
  check_gradients_of(nn::sequential(nn::Dense{6}, BatchNorm{}, nn::Dense{3}), {4},
                     {.frozen = {"1"}});
}

TEST_CASE("the gradient of a frozen batch normalisation is the output's times a constant") {
  nn::Model<BatchNorm, double> model(BatchNorm{.epsilon = 0.5F}, {3, 2, 70});
  model.parameter("scale").fill(3);
  for (double& variance : model.state()) variance = 3.5;
  model.freeze("");
  const auto x = random_tensor<double>({2, 3, 2, 70}, 1);
  const auto dy = random_tensor<double>({2, 3, 2, 70}, 2);
  model.forward(x);
  const auto dx = model.backward(dy, {.input_gradient = true});
  REQUIRE(dx.size() == dy.size());
  for (Index i = 0; i < dx.size(); ++i) CHECK(dx[i] == doctest::Approx(1.5 * dy[i]));
}

TEST_CASE("an activation after batch normalisation has the gradient that it has by itself") {
  using Chain = nn::Sequential<nn::AnyLayer>;
  const auto pass = [](const Chain& chain, const nn::Shape& input, bool frozen) {
    nn::Model<Chain, float> model(chain, input, {.seed = 1});
    nn::Random random(2);
    for (float& value : model.parameters()) value = static_cast<float>(random.normal());
    if (frozen) model.freeze("");
    const auto x = random_tensor<float>(input.prepended(5), 3);
    const auto y = model.forward(x);
    const auto dx = model.backward(random_tensor<float>(y.shape(), 4), {.input_gradient = true});
    std::vector<float> numbers(y.begin(), y.end());
    numbers.insert(numbers.end(), dx.begin(), dx.end());
    for (const float gradient : model.gradients()) numbers.push_back(gradient);
    return numbers;
  };
  const std::vector<nn::AnyLayer> activations{nn::ReLU{}, nn::LeakyReLU{0.2F}};
  for (const auto& [scale, shift] : {std::pair(true, true), {true, false}, {false, true}}) {
    for (const nn::AnyLayer& activation : activations) {
      for (const nn::Shape& input : {nn::Shape{3}, nn::Shape{7, 5, 6}, nn::Shape{20, 20, 70}}) {
        for (const bool frozen : {false, true}) {
          CAPTURE(input);
          CAPTURE(frozen);
          const BatchNorm layer{scale, shift};
          // Dropout of rate 0 keeps them apart.
          CHECK(pass(Chain({layer, activation}), input, frozen) ==
                pass(Chain({layer, nn::Dropout{0}, activation}), input, frozen));
        }
      }
    }
  }
}

TEST_CASE("a layer that is frozen has no gradients left from before") {
  nn::Model<BatchNorm, double> model(BatchNorm{}, {3});
  const auto x = random_tensor<double>({4, 3}, 1);  // backward reads it
  model.forward(x);
  model.backward(random_tensor<double>({4, 3}, 2));
  CHECK(model.gradients()[0] != 0);
  model.freeze("");
  for (const double gradient : model.gradients()) CHECK(gradient == 0);
}

TEST_CASE("a training pass of batch normalisation gives every channel mean 0 and variance 1") {
  for (const Shape& shape : shapes) {
    CAPTURE(shape);
    nn::Model<BatchNorm, double> model(BatchNorm{.epsilon = 1e-7F}, shape);
    Tensor<double> x = random_tensor<double>(shape.prepended(7), 1, -3, 5);
    model.parameter("scale").fill(2);
    model.parameter("shift").fill(-1);
    const TensorView<const double> y = model.forward(x);
    for (Index c = 0; c < shape.back(); ++c) {
      const std::vector<double> before = channel(x, c);
      const Moments moments = moments_of(before);
      const double deviation = std::sqrt(moments.variance + static_cast<double>(1e-7F));
      const std::vector<double> after = channel(y, c);
      for (std::size_t i = 0; i < after.size(); ++i) {
        CHECK(after[i] == doctest::Approx(2 * (before[i] - moments.mean) / deviation - 1));
      }
      const auto count = static_cast<double>(before.size());
      // PyTorch's: momentum 0.1 is the weight of the new value; the variance is unbiased.
      CHECK(model.state()[c] == doctest::Approx(0.1 * moments.mean));
      CHECK(model.state()[shape.back() + c] ==
            doctest::Approx(0.9 + 0.1 * moments.variance * count / (count - 1)));
    }
  }
}

TEST_CASE("batch normalisation gives what was worked out by hand") {
  // Values 1 and 3: mean 2, biased variance 1, unbiased 2; momentum 1/4.
  nn::Model<BatchNorm, double> model(BatchNorm{.momentum = 0.25F, .epsilon = 0.5625F}, {1});
  const Tensor<double> x({2, 1}, {1.0, 3.0});
  CHECK(worst_difference<double>(model.forward(x), {-0.8, 0.8}) < 1e-15);  // 1 / sqrt(1.5625)
  CHECK(worst_difference<double>(model.state(), {0.5, 1.25}) == 0);
  // Inference: (x - 0.5) / sqrt(1.25 + 0.5625)
  const double deviation = std::sqrt(1.8125);
  CHECK(worst_difference<double>(model.predict(x), {0.5 / deviation, 2.5 / deviation}) < 1e-15);
  // A batch of one value says nothing of a variance.
  model.forward(Tensor<double>({1, 1}, {4.5}));
  CHECK(worst_difference<double>(model.state(), {1.5, 1.25}) == 0);
}

TEST_CASE("inference of batch normalisation depends on no other sample and changes nothing") {
  nn::Model<BatchNorm, float> model(BatchNorm{}, {3, 3, 4});
  const auto x = random_tensor<float>({6, 3, 3, 4}, 1);
  model.forward(x);
  const Tensor<float> state(std::as_const(model).state());
  const Tensor<float> y = model.predict(x);
  CHECK(Tensor<float>(std::as_const(model).state()) == state);
  for (Index i = 0; i < 6; ++i) {
    CHECK(model.predict(x.samples(i, 1)) == Tensor<float>(y.view().samples(i, 1)));
  }
}

TEST_CASE("a mean far from zero costs batch normalisation no accuracy") {
  // E[x^2] - E[x]^2 would lose everything: in float, 10000^2 swallows a variance of 1.
  for (const Index channels : {1, 3, 64}) {
    CAPTURE(channels);
    const Index rows = 20000;
    const auto noise = random_tensor<double>({rows, channels}, 2, -1, 1);
    Tensor<float> x({rows, channels});
    for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<float>(10000 + noise[i]);
    nn::Model<BatchNorm, float> model(BatchNorm{}, {channels});
    const TensorView<const float> y = model.forward(x);
    Tensor<double> exact({rows, channels});
    for (Index i = 0; i < x.size(); ++i) exact[i] = static_cast<double>(x[i]);
    nn::Model<BatchNorm, double> reference(BatchNorm{}, {channels});
    const TensorView<const double> expected = reference.forward(exact);
    double worst = 0;
    for (Index i = 0; i < y.size(); ++i) {
      worst = std::max(worst, std::abs(static_cast<double>(y[i]) - expected[i]));
    }
    CHECK(worst < 2e-3);  // the mean is rounded to a multiple of 1e-3
  }
}

TEST_CASE("the gradients of normalisation are right for the whole product of its options") {
  for (const Shape& shape : shapes)
    for (const bool scale : {false, true})
      for (const bool shift : {false, true})
        for (const float epsilon : {1e-5F, 0.5F})
          for (const Index batch : {1, 2, 5}) {
            const nn::GradientCheckOptions options{.batch = batch, .elements = 30};
            const BatchNorm batch_norm{.scale = scale, .shift = shift, .epsilon = epsilon};
            check_gradients_of(batch_norm, shape, options);
            const LayerNorm layer_norm{.scale = scale, .shift = shift, .epsilon = epsilon};
            check_gradients_of(layer_norm, shape, options);
          }
  // Several pieces, the last one not full.
  check_gradients_of(BatchNorm{}, {50, 41, 3}, {.batch = 3, .elements = 10});
  check_gradients_of(LayerNorm{}, {50, 41, 5}, {.batch = 3, .elements = 10});
}

TEST_CASE("layer normalisation gives every row mean 0 and variance 1, in training and inference") {
  for (const Shape& shape : shapes) {
    CAPTURE(shape);
    nn::Model<LayerNorm, double> model(LayerNorm{}, shape);
    const auto x = random_tensor<double>(shape.prepended(3), 1, -3, 5);
    auto parameters = model.parameters();
    nn::Random random(2);
    for (double& value : parameters) value = random.uniform(-1, 1);
    std::vector<double> expected;
    const Index columns = shape.back();
    for (Index row = 0; row < x.size() / columns; ++row) {
      const double* from = x.data() + row * columns;
      const Moments moments = moments_of({from, from + columns});
      for (Index i = 0; i < columns; ++i) {
        const double deviation = std::sqrt(moments.variance + static_cast<double>(1e-5F));
        expected.push_back((from[i] - moments.mean) / deviation * parameters[i] +
                           parameters[columns + i]);
      }
    }
    CHECK(worst_difference<double>(model.forward(x), expected) < 1e-10);
    CHECK(worst_difference<double>(model.predict(x), expected) < 1e-10);
  }
}

TEST_CASE("normalisation is named after what it leaves out, and is not decayed") {
  CHECK(BatchNorm{}.name() == "BatchNorm{}");
  CHECK(BatchNorm{.scale = false}.name() == "BatchNorm{no scale}");
  CHECK(LayerNorm{.scale = false, .shift = false}.name() == "LayerNorm{no scale, no shift}");
  for (const nn::Variable& variable : BatchNorm{}.parameters({5, 5, 3})) {
    CHECK_FALSE(variable.decay);
    CHECK(variable.shape == Shape{3});
  }
  CHECK(BatchNorm{.scale = false, .shift = false}.parameters({3}).empty());
  CHECK(nn::Model<BatchNorm>(BatchNorm{}, {5, 5, 3}).states()[1].name == "running_variance");
  check_error<nn::Error>([] { (void)BatchNorm{.epsilon = 0}.output_shape({3}); }, {"epsilon", "0"});
  check_error<nn::Error>([] { (void)BatchNorm{.momentum = 2}.output_shape({3}); },
                         {"momentum", "2"});
  check_error([] { (void)LayerNorm{}.output_shape({}); }, {"scalar"});
}

TEST_CASE("normalisation gives the same bits for any number of threads") {
  check_threads(BatchNorm{}, {20, 20, 24}, 11);
  check_threads(BatchNorm{}, {301}, 200);
  check_threads(LayerNorm{}, {20, 20, 24}, 11);
}

}  // namespace normalization_layers_test
