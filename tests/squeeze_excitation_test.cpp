#include "nn/layers/squeeze_excitation.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "layer_testing.hpp"
#include "nn/layers/any_layer.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/drop_path.hpp"
#include "nn/layers/gated_linear_unit.hpp"
#include "nn/layers/residual.hpp"

namespace squeeze_excitation_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::ChannelGate;
using nn::DropPath;
using nn::GatedLinearUnit;
using nn::squeeze_excitation;

TEST_CASE("a gated linear unit multiplies one half by the gate of the other") {
  // F.glu(x, -1) and x[..., :2] * F.silu(x[..., 2:]) of the same numbers: by Python's math module.
  const Tensor<double> x({1, 4}, {2.0, -1.0, 0.75, -1.5});
  nn::Model<GatedLinearUnit, double> sigmoid(GatedLinearUnit{}, {4});
  CHECK(sigmoid.output_shape() == Shape{2});
  CHECK(worst_difference<double>(sigmoid.predict(x),
                                 {2 * 0.679178699175393, -0.18242552380635635}) < 1e-15);
  nn::Model<GatedLinearUnit, double> swish(GatedLinearUnit{true}, {4});
  CHECK(worst_difference<double>(swish.predict(x), {2 * 0.5093840243815447, 0.2736382857095345}) <
        1e-15);
  for (const bool is_swish : {false, true}) {
    for (const Shape& shape : {Shape{2}, Shape{46}, Shape{3, 2, 10}}) {
      check_gradients_of(GatedLinearUnit{is_swish}, shape);
      check_gradients_of(GatedLinearUnit{is_swish}, shape, {.batch = 1});
    }
    check_threads(GatedLinearUnit{is_swish}, {400, 30}, 7);
  }
  check_error([] { (void)GatedLinearUnit{}.output_shape({5}); },
              {"expects an even number of features or channels, got 5"});
}

TEST_CASE("a dropped path leaves whole samples out and keeps the mean") {
  const auto rate = 0.25F;
  nn::Model<DropPath, double> model(DropPath{rate}, {7}, {.seed = 5});
  const Tensor<double> x({4000, 7}, 3.0);
  const TensorView<const double> y = model.forward(x);
  double dropped = 0;
  for (Index sample = 0; sample < 4000; ++sample) {
    const double first = y[sample * 7];
    CHECK((first == 0 || first == 4));
    for (Index i = 1; i < 7; ++i) CHECK(y[sample * 7 + i] == first);
    dropped += first == 0 ? 1 : 0;
  }
  CHECK(std::abs(dropped - 1000) < 5 * std::sqrt(4000 * 0.25 * 0.75));  // five deviations
  const Tensor<double> first(y);
  CHECK(Tensor<double>(model.forward(x)) != first);
  model.set_step(0);
  CHECK(Tensor<double>(model.forward(x)) == first);
  CHECK(model.predict(x) == x);
}

TEST_CASE("a dropped path: gradients, threads, misfits") {
  check_gradients_of(DropPath{0.5F}, {3, 2, 4}, {.batch = 6});
  check_gradients_of(DropPath{0}, {5});
  check_gradients_of(
      nn::residual(nn::Conv2D{.filters = 2, .padding = 1}, nn::ReLU{}, DropPath{0.5F}), {4, 3, 2},
      {.batch = 5});
  check_threads(DropPath{0.3F}, {500}, 90);
  check_error<nn::Error>([] { (void)DropPath{1}.output_shape({5}); }, {"must be in [0, 1), got 1"});
}

TEST_CASE("squeeze and excitation weighs channels by what is in all of them") {
  // The definition in plain loops.
  nn::Model model(squeeze_excitation(6, 3), {3, 4, 6}, {.seed = 2});
  for (float& weight : model.parameters()) weight *= 3;
  const auto x = random_tensor<float>({2, 3, 4, 6}, 1);
  const auto& variables = model.variables();
  REQUIRE(variables.size() == 4);
  CHECK(variables[0].shape == Shape{6, 2});
  std::vector<double> expected;
  for (Index n = 0; n < 2; ++n) {
    std::vector<double> values(6, 0);
    for (Index i = 0; i < 72; ++i) {
      values[static_cast<std::size_t>(i % 6)] += static_cast<double>(x[n * 72 + i]) / 12;
    }
    for (const std::size_t layer : {0U, 2U}) {
      const float* const weight = model.parameters().data() + variables[layer].offset;
      const float* const bias = model.parameters().data() + variables[layer + 1].offset;
      const auto units = static_cast<std::size_t>(variables[layer + 1].shape.size());
      std::vector<double> next(units);
      for (std::size_t o = 0; o < units; ++o) {
        next[o] = static_cast<double>(bias[o]);
        for (std::size_t i = 0; i < values.size(); ++i) {
          next[o] += values[i] * static_cast<double>(weight[i * units + o]);
        }
        next[o] = layer == 0 ? std::max(0.0, next[o]) : 1 / (1 + std::exp(-next[o]));
      }
      values = next;
    }
    for (Index i = 0; i < 72; ++i) {
      expected.push_back(static_cast<double>(x[n * 72 + i]) *
                         values[static_cast<std::size_t>(i % 6)]);
    }
  }
  const nn::Tensor<float> y = model.predict(x);
  CHECK(worst_difference<float>(y, expected) < 1e-6);
  CHECK(worst_difference<float>(model.forward(x), expected) < 1e-6);
}

TEST_CASE("squeeze and excitation: gradients, threads, misfits") {
  check_gradients_of(squeeze_excitation(6, 3), {3, 4, 6});
  check_gradients_of(squeeze_excitation(6, 3), {3, 4, 6}, {.batch = 1, .frozen = {"0"}});
  check_gradients_of(ChannelGate{nn::sequential(nn::Dense{5}, nn::Sigmoid{})}, {5});
  check_gradients_of(nn::sequential(nn::Conv2D{.filters = 4, .padding = 1}, nn::ReLU{},
                                    squeeze_excitation(4, 2), nn::Sigmoid{}),
                     {4, 3, 2});
  check_threads(squeeze_excitation(24, 4), {16, 16, 24}, 11);
  const nn::AnyLayer any(squeeze_excitation(6));  // at run time, too
  CHECK(any.output_shape({3, 4, 6}) == Shape{3, 4, 6});
  check_error(
      [] {
        (void)nn::plan_of(squeeze_excitation(6), {3, 4, 5});
      },
      {"the gate gives 6 and not one number for each channel of 3x4x5"});
  CHECK_THROWS_AS((void)squeeze_excitation(0), nn::Error);
}

}  // namespace squeeze_excitation_test
