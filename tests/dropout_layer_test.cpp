#include <doctest/doctest.h>

#include <cmath>

#include "layer_testing.hpp"
#include "nn/layers/dropout.hpp"

namespace dropout_layer_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::Dropout;

TEST_CASE("dropout drops the share it says and keeps the mean") {
  for (const float rate : {0.1F, 0.25F, 0.5F, 0.9F}) {
    CAPTURE(rate);
    nn::Model<Dropout, double> model(Dropout{rate}, {1000});
    const Tensor<double> x({100, 1000}, 1.0);
    const TensorView<const double> y = model.forward(x);
    const double kept = 1 / (1 - static_cast<double>(rate));
    double dropped = 0;
    double sum = 0;
    for (const double value : y) {
      // The rate is rounded to a multiple of 1/65536.
      CHECK((value == 0 || std::abs(value - kept) < 2e-3));
      dropped += value == 0 ? 1 : 0;
      sum += value;
    }
    // Five standard deviations of a binomial variable.
    const double p = static_cast<double>(rate);
    CHECK(std::abs(dropped - 1e5 * p) < 5 * std::sqrt(1e5 * p * (1 - p)));
    CHECK(std::abs(sum / 1e5 - 1) < 5 * std::sqrt(p / (1 - p) / 1e5));
  }
}

TEST_CASE("dropout draws another mask for each sample and step, and the same for the same step") {
  nn::Model<Dropout, float> model(Dropout{}, {512}, {.seed = 5});
  const Tensor<float> x({2, 512}, 1.0F);
  const Tensor<float> first(model.forward(x));
  const Tensor<float> second(model.forward(x));
  CHECK(Tensor<float>(first.sample(0)) != Tensor<float>(first.sample(1)));
  CHECK(first != second);
  model.set_step(0);
  CHECK(Tensor<float>(model.forward(x)) == first);
  // The mask of a sample is its own: the batch around it does not matter.
  model.set_step(0);
  CHECK(Tensor<float>(model.forward(x.view().samples(0, 1))) ==
        Tensor<float>(first.view().samples(0, 1)));
  nn::Model<Dropout, float> other(Dropout{}, {512}, {.seed = 6});
  CHECK(Tensor<float>(other.forward(x)) != first);
}

TEST_CASE("inference leaves everything, and so does a rate of zero") {
  const auto x = random_tensor<float>({3, 50}, 1);
  nn::Model<Dropout, float> model(Dropout{0.7F}, {50});
  CHECK(model.predict(x) == x);
  nn::Model<Dropout, float> idle(Dropout{0}, {50});
  CHECK(Tensor<float>(idle.forward(x)) == x);
}

TEST_CASE("the gradient passes where the value did") {
  for (const float rate : {0.0F, 0.3F, 0.5F, 0.99F})
    for (const Shape& shape : {Shape{1}, Shape{7}, Shape{3, 5, 2}})
      for (const Index batch : {1, 3}) check_gradients_of(Dropout{rate}, shape, {.batch = batch});
}

TEST_CASE("a rate that is no probability is refused") {
  for (const float rate : {-0.1F, 1.0F, 1.5F, std::numeric_limits<float>::quiet_NaN()}) {
    check_error<nn::Error>([&] { (void)Dropout{rate}.output_shape({3}); }, {"rate", "[0, 1)"});
  }
  CHECK(Dropout{0.5F}.name() == "Dropout{0.5}");
}

TEST_CASE("dropout gives the same bits for any number of threads") {
  check_threads(Dropout{0.4F}, {30, 30, 7}, 11);
}

}  // namespace dropout_layer_test
