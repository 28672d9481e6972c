#include "nn/optim/weight_average.hpp"

#include <doctest/doctest.h>

#include "toy_model.hpp"

namespace weight_average_test {

TEST_CASE("weight average: a fixed decay, by hand") {
  ToyModel<double> model({1});
  model.parameters()[0] = 8;
  model.state()[1] = 4;
  nn::WeightAverage average(model, {.decay = 0.75, .warm_up = false});
  model.parameters()[0] = 0;
  model.state()[1] = 0;
  average.update(model);
  average.update(model);
  CHECK(average.parameters()[0] == 8 * 0.75 * 0.75);
  CHECK(average.state()[1] == 4 * 0.75 * 0.75);
  average.swap(model);
  CHECK(model.parameters()[0] == 4.5);
  CHECK(model.state()[1] == 2.25);
  average.swap(model);
  CHECK(model.parameters()[0] == 0);
  CHECK(average.updates() == 2);
}

TEST_CASE("weight average: a warm-up lets the first weights go") {
  ToyModel<double> model({1});
  model.parameters()[0] = 1;
  nn::WeightAverage average(model);
  model.parameters()[0] = 0;
  average.update(model);
  average.update(model);
  CHECK(average.parameters()[0] == doctest::Approx(2.0 / 11 * 3 / 12).epsilon(1e-15));
}

TEST_CASE("weight average: what makes no sense") {
  const ToyModel<double> model({1});
  CHECK_THROWS_AS((nn::WeightAverage(model, {.decay = 1})), nn::Error);
  nn::WeightAverage average(model);
  const ToyModel<double> other({2});
  CHECK_THROWS_AS(average.update(other), nn::Error);
}

}  // namespace weight_average_test
