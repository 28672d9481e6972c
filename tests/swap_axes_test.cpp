#include "nn/layers/swap_axes.hpp"

#include <doctest/doctest.h>

#include "layer_testing.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/layer_norm.hpp"
#include "nn/layers/residual.hpp"

namespace swap_axes_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::Dense;
using nn::SwapAxes;

TEST_CASE("steps and features change places, in every sample by itself") {
  static_assert(SwapAxes{}.output_shape({2, 3}) == Shape{3, 2});
  for (const Shape& input : {Shape{1, 1}, Shape{2, 3}, Shape{40, 7}, Shape{7, 40}}) {
    CAPTURE(input);
    nn::Model<SwapAxes, double> model(SwapAxes{}, input);
    const auto x = random_tensor<double>(input.prepended(3), 1);
    const auto dy = random_tensor<double>(model.output_shape().prepended(3), 2);
    const Tensor<double> y(model.forward(x));
    const Tensor<double> dx(model.backward(dy, {.input_gradient = true}));
    bool same = y.shape() == Shape{3, input[1], input[0]} && dx.shape() == x.shape();
    for (Index sample = 0; sample < 3; ++sample) {
      for (Index step = 0; step < input[0]; ++step) {
        for (Index feature = 0; feature < input[1]; ++feature) {
          same = same && y.view()(sample, feature, step) == x.view()(sample, step, feature) &&
                 dx.view()(sample, step, feature) == dy.view()(sample, feature, step);
        }
      }
    }
    CHECK(same);
  }
}

TEST_CASE("between two swaps of axes a dense layer mixes the steps, each feature by itself") {
  const auto mixing = nn::sequential(SwapAxes{}, Dense{2}, SwapAxes{});
  nn::Model<std::decay_t<decltype(mixing)>, double> model(mixing, {3, 2});
  const Tensor<double> weights({3, 2}, {1.0, 4.0, 2.0, 5.0, 3.0, 6.0});
  const Tensor<double> bias({2}, {0.5, -0.5});
  std::copy(weights.begin(), weights.end(), model.parameter("1.weight").begin());
  std::copy(bias.begin(), bias.end(), model.parameter("1.bias").begin());
  const Tensor<double> x({1, 3, 2}, {1.0, 10.0, 2.0, 20.0, 3.0, 30.0});
  // 1 + 2 * 2 + 3 * 3 and 4 + 5 * 2 + 6 * 3, ten times as much of the other feature
  CHECK(worst_difference<double>(model.predict(x), {14.5, 140.5, 31.5, 319.5}) == 0);
}

TEST_CASE("the gradients of swapped axes are right, in the same bits by any threads") {
  check_gradients_of(SwapAxes{}, {5, 3});
  check_gradients_of(
      nn::residual(nn::LayerNorm{}, SwapAxes{}, Dense{6}, nn::GELU{}, Dense{4}, SwapAxes{}), {4, 3},
      {.batch = 2});
  check_threads(nn::sequential(SwapAxes{}, Dense{20}, nn::GELU{}, Dense{30}, SwapAxes{}), {30, 40},
                11);
}

TEST_CASE("what is no sequence has no axes to swap") {
  check_error([] { (void)SwapAxes{}.output_shape({4}); }, {"steps x features", "4"});
  check_error([] { (void)SwapAxes{}.output_shape({4, 3, 2}); }, {"steps x features", "4x3x2"});
}

}  // namespace swap_axes_test
