#include "nn/losses/sigmoid_cross_entropy.hpp"

#include "loss_check.hpp"

namespace sigmoid_cross_entropy_test {

using loss_check::check_close;
using nn::Label;
using nn::SigmoidCrossEntropy;
using nn::Tensor;
using nn::value_and_gradient;

// Python: from math import *; z = [0.5, -2, 3, -0.25]; t = [1, 0, 0.25, 0.75]
// s = lambda x: 1 / (1 + exp(-x))
// fsum(-(b * log(s(a)) + (1 - b) * log(1 - s(a))) for a, b in zip(z, t)) / 4
// [(s(a) - b) / 4 for a, b in zip(z, t)]; and again with t = [0, 1, 1, 0]
const Tensor<double> logits({2, 2}, {0.5, -2, 3, -0.25});

TEST_CASE("sigmoid cross-entropy: targets and labels") {
  const auto soft =
      value_and_gradient(SigmoidCrossEntropy{}, logits, Tensor<double>({2, 2}, {1, 0, 0.25, 0.75}));
  CHECK(soft.value == doctest::Approx(0.9157579416689168).epsilon(1e-14));
  check_close<double>(soft.gradient, {-0.09438516719953635, 0.029800730505529387,
                                      0.17564353170560834, -0.07804412522144952});
  const auto hard = value_and_gradient(SigmoidCrossEntropy{}, logits, Tensor<Label>({2}, {1, 0}));
  CHECK(hard.value == doctest::Approx(0.9313829416689162).epsilon(1e-14));
  check_close<double>(hard.gradient, {0.15561483280046365, -0.2201992694944706,
                                      -0.011856468294391659, 0.10945587477855048});
}

TEST_CASE("sigmoid cross-entropy: a single output tells two classes apart") {
  const Tensor<double> outputs({2, 1}, {0.5, -2});
  const auto by_label =
      value_and_gradient(SigmoidCrossEntropy{}, outputs, Tensor<Label>({2}, {1, 0}));
  const auto by_target =
      value_and_gradient(SigmoidCrossEntropy{}, outputs, Tensor<double>({2, 1}, {1, 0}));
  CHECK(by_label.value == by_target.value);
  CHECK(by_label.gradient == by_target.gradient);
  CHECK_THROWS_AS(
      (void)value_and_gradient(SigmoidCrossEntropy{}, outputs, Tensor<Label>({2}, {2, 0})),
      nn::Error);
}

TEST_CASE("sigmoid cross-entropy: gradients, extremes and misfits") {
  const auto outputs = loss_check::random_tensor({4, 3}, 1, 3);
  auto targets = loss_check::random_tensor({4, 3}, 2);
  for (double& target : targets) target = 1 / (1 + std::exp(-target));
  loss_check::check_gradient(SigmoidCrossEntropy{}, outputs, targets);
  loss_check::check_gradient(SigmoidCrossEntropy{}, outputs, Tensor<Label>({4}, {0, 2, 1, 2}));
  const auto extreme =
      value_and_gradient(SigmoidCrossEntropy{}, Tensor<float>({1, 4}, {500, -500, 500, -500}),
                         Tensor<float>({1, 4}, {1, 0, 0, 1}));
  CHECK(extreme.value == 250);
  check_close<float>(extreme.gradient, {0, 0, 0.25, -0.25});
  const auto broken = value_and_gradient(
      SigmoidCrossEntropy{}, Tensor<float>({1, 1}, {std::nanf("")}), Tensor<float>({1, 1}, {1}));
  CHECK(std::isnan(broken.value));
  CHECK_THROWS_AS((void)value_and_gradient(SigmoidCrossEntropy{}, outputs, Tensor<double>({3, 4})),
                  nn::ShapeError);
}

}  // namespace sigmoid_cross_entropy_test
