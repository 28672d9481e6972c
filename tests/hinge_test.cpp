#include "nn/losses/hinge.hpp"

#include "loss_check.hpp"

namespace hinge_test {

using loss_check::check_close;
using nn::Hinge;
using nn::Label;
using nn::Tensor;
using nn::value_and_gradient;

TEST_CASE("hinge: targets of -1 and 1") {
  // 1 - t y is 0.5, 3, -1 and 1.25.
  const Tensor<double> outputs({2, 2}, {0.5, -2, -2, 0.25});
  const Tensor<double> targets({2, 2}, {1, 1, -1, -1});
  const auto [value, gradient] = value_and_gradient(Hinge{}, outputs, targets);
  CHECK(value == 4.75 / 4);
  check_close<double>(gradient, {-0.25, -0.25, 0, 0.25});
  const auto wide = value_and_gradient(Hinge{.margin = 2.5}, outputs, targets);
  CHECK(wide.value == (2.0 + 4.5 + 0.5 + 2.75) / 4);
  check_close<double>(wide.gradient, {-0.25, -0.25, 0.25, 0.25});
}

TEST_CASE("hinge: labels") {
  // By hand: the first sample lacks 1 + 2 - 1, the second is right by more than the margin, the
  // third (label 0, the rival after it) lacks 1 + 0.5 - 0.75.
  const Tensor<double> outputs({3, 3}, {1, 2, -1, 0, 3, 1, 0.75, -2, 0.5});
  const auto [value, gradient] =
      value_and_gradient(Hinge{}, outputs, Tensor<Label>({3}, {0, 1, 0}));
  CHECK(value == doctest::Approx((2 + 0 + 0.75) / 3).epsilon(1e-15));
  check_close<double>(gradient, {-1.0 / 3, 1.0 / 3, 0, 0, 0, 0, -1.0 / 3, 0, 1.0 / 3});
}

TEST_CASE("hinge: a single output, gradients, misfits") {
  const Tensor<double> single({2, 1}, {0.5, -2});
  const auto by_label = value_and_gradient(Hinge{}, single, Tensor<Label>({2}, {1, 0}));
  CHECK(by_label.value == 0.25);
  check_close<double>(by_label.gradient, {-0.5, 0});
  const auto outputs = loss_check::random_tensor({5, 4}, 1);
  loss_check::check_gradient(Hinge{}, outputs, Tensor<Label>({5}, {0, 3, 1, 2, 2}));
  auto targets = loss_check::random_tensor({5, 4}, 2);
  for (double& target : targets) target = target < 0 ? -1 : 1;
  loss_check::check_gradient(Hinge{}, outputs, targets);
  CHECK_THROWS_AS((void)value_and_gradient(Hinge{}, outputs, Tensor<Label>({5}, {0, 3, 1, 4, 2})),
                  nn::Error);
  const auto broken = value_and_gradient(Hinge{}, Tensor<float>({1, 2}, {0, std::nanf("")}),
                                         Tensor<Label>({1}, {0}));
  CHECK(std::isnan(broken.value));
}

TEST_CASE("hinge: a NaN shows wherever it stands") {
  for (nn::Index at = 0; at < 5; ++at) {
    for (Label label = 0; label < 5; ++label) {
      CAPTURE(at);
      CAPTURE(label);
      Tensor<float> outputs({1, 5}, {-3, 1, -2, 2, -1});
      outputs[label] = 9;  // right by more than the margin, but for the NaN
      outputs[at] = std::nanf("");
      CHECK(std::isnan(value_and_gradient(Hinge{}, outputs, Tensor<Label>({1}, {label})).value));
      Tensor<float> targets({1, 5}, -1.0F);
      targets[label] = 1;
      CHECK(std::isnan(value_and_gradient(Hinge{}, outputs, targets).value));
    }
  }
}

}  // namespace hinge_test
