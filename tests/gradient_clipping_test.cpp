#include "nn/optim/gradient_clipping.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "toy_model.hpp"

namespace gradient_clipping_test {

TEST_CASE("gradient clipping: one length over all parameters that are learned") {
  ToyModel<double> model({2, 1, 1});
  const double values[] = {1, 2, 4, 100};
  std::copy(std::begin(values), std::end(values), model.gradients().begin());
  model.freeze(2);
  model.gradients()[1] = -2;
  CHECK(nn::gradient_norm(model) == doctest::Approx(std::sqrt(21.0)).epsilon(1e-15));
  CHECK(nn::clip_gradient_norm(model, 5) == doctest::Approx(std::sqrt(21.0)).epsilon(1e-15));
  CHECK(model.gradients()[0] == 1);  // short enough
  nn::clip_gradient_norm(model, std::sqrt(21.0) / 2);
  CHECK(model.gradients()[0] == doctest::Approx(0.5).epsilon(1e-15));
  CHECK(model.gradients()[1] == doctest::Approx(-1).epsilon(1e-15));
  CHECK(model.gradients()[2] == doctest::Approx(2).epsilon(1e-15));
  CHECK(model.gradients()[3] == 100);  // frozen
  CHECK_THROWS_AS(nn::clip_gradient_norm(model, 0), nn::Error);
}

TEST_CASE("gradient clipping: infinity is left to be found") {
  ToyModel<float> model({2});
  model.gradients()[0] = std::numeric_limits<float>::infinity();
  model.gradients()[1] = 1;
  CHECK(std::isinf(nn::clip_gradient_norm(model, 1)));
  CHECK(model.gradients()[1] == 1);
}

TEST_CASE("gradient clipping: the same bits for any number of threads") {
  ToyModel<float> model({200000});
  for (nn::Index i = 0; i < model.gradients().size(); ++i) {
    model.gradients()[i] = std::sin(static_cast<float>(i));
  }
  nn::set_threads(1);
  const double one = nn::gradient_norm(model);
  nn::set_threads(3);
  CHECK(nn::gradient_norm(model) == one);
  nn::set_threads(2);
}

}  // namespace gradient_clipping_test
