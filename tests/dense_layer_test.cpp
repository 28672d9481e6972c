#include "nn/layers/dense.hpp"

#include <doctest/doctest.h>

#include "layer_testing.hpp"
#include "nn/layers/flatten.hpp"

namespace dense_layer_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::Dense;

TEST_CASE("a dense layer gives what was worked out by hand") {
  // (1, 2) W + b with W = ((3, 4, 5), (6, 7, 8)) and b = (0.5, 0, -0.5)
  nn::Model<Dense, double> model(Dense{3}, {2});
  const std::vector<double> weight{3, 4, 5, 6, 7, 8};
  const std::vector<double> bias{0.5, 0, -0.5};
  std::copy(weight.begin(), weight.end(), model.parameter("weight").begin());
  std::copy(bias.begin(), bias.end(), model.parameter("bias").begin());
  const Tensor<double> x({1, 2}, {1.0, 2.0});
  CHECK(worst_difference<double>(model.predict(x), {15.5, 18, 20.5}) == 0);
  model.forward(x);
  // dx = dy W^T, dW = x^T dy, db = dy
  const Tensor<double> dy({1, 3}, {1.0, 10.0, 100.0});
  CHECK(worst_difference<double>(model.backward(dy, {.input_gradient = true}), {543, 876}) == 0);
  CHECK(worst_difference<double>(model.gradients(), {1, 10, 100, 2, 20, 200, 1, 10, 100}) == 0);
}

TEST_CASE("the gradients of a dense layer are right for all its options") {
  for (const Index inputs : {1, 5, 50})
    for (const Index units : {1, 3, 70})
      for (const bool bias : {false, true})
        for (const Index batch : {1, 3, 10}) {
          check_gradients_of(Dense{.units = units, .bias = bias}, {inputs},
                             {.batch = batch, .elements = 30});
        }
}

TEST_CASE("a dense layer has a weight for each input and unit, and says what it wants") {
  static_assert(Dense{10}.output_shape({784}) == Shape{10});
  CHECK(Dense{10}.name() == "Dense{10}");
  CHECK(Dense{10}.multiply_adds({784}) == 7840);
  CHECK(nn::Model<Dense>(Dense{10}, {784}).parameters().size() == 7850);
  check_error(
      [] {
        (void)Dense{10}.output_shape({12, 12, 64});
      },
      {"flat", "12x12x64", "Flatten{}"});
  check_error([] { (void)Dense{0}.output_shape({12}); }, {"units", "0"});
}

TEST_CASE("layers that change the shape leave the elements alone") {
  static_assert(nn::Flatten{}.output_shape({4, 5, 6}) == Shape{120});
  static_assert(nn::Reshape{{10, 12}}.output_shape({4, 5, 6}) == Shape{10, 12});
  const auto x = random_tensor<double>({3, 4, 5, 6}, 1);
  CHECK(nn::Model<nn::Flatten, double>(nn::Flatten{}, {4, 5, 6}).predict(x).span().front() == x[0]);
  const Tensor<double> y =
      nn::Model<nn::Reshape, double>(nn::Reshape{{10, 12}}, {4, 5, 6}).predict(x);
  CHECK(y.shape() == Shape{3, 10, 12});
  CHECK(std::equal(x.begin(), x.end(), y.begin()));
  check_gradients_of(nn::Flatten{}, {2, 3, 2});
  check_gradients_of(nn::Reshape{{3, 4}}, {2, 3, 2});
  check_gradients_of(nn::Identity{}, {2, 3, 2});
  CHECK(nn::Reshape{{10, 12}}.name() == "Reshape{10x12}");
  check_error(
      [] {
        (void)nn::Reshape{{7, 7}}.output_shape({50});
      },
      {"50", "7x7", "50 elements", "49 elements"});
}

TEST_CASE("a dense layer gives the same bits for any number of threads") {
  check_threads(Dense{70}, {130}, 100);
}

}  // namespace dense_layer_test
