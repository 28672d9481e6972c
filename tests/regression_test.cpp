#include "nn/losses/regression.hpp"

#include <type_traits>

#include "loss_check.hpp"

namespace regression_test {

using loss_check::check_close;
using nn::Huber;
using nn::Label;
using nn::MeanAbsoluteError;
using nn::MeanSquaredError;
using nn::Tensor;
using nn::value_and_gradient;

// Errors y - t of 0.5, -2, 0 and 3; all figures below are short sums of them.
const Tensor<double> outputs({2, 2}, {1, -1, 2, 4});
const Tensor<double> targets({2, 2}, {0.5, 1, 2, 1});

TEST_CASE("mean squared error") {
  const auto [value, gradient] = value_and_gradient(MeanSquaredError{}, outputs, targets);
  CHECK(value == 13.25 / 4);
  check_close<double>(gradient, {0.25, -1, 0, 1.5});
}

TEST_CASE("mean absolute error") {
  const auto [value, gradient] = value_and_gradient(MeanAbsoluteError{}, outputs, targets);
  CHECK(value == 5.5 / 4);
  check_close<double>(gradient, {0.25, -0.25, 0, 0.25});
}

TEST_CASE("Huber") {
  const auto one = value_and_gradient(Huber{}, outputs, targets);
  CHECK(one.value == (0.125 + 1.5 + 0 + 2.5) / 4);
  check_close<double>(one.gradient, {0.125, -0.25, 0, 0.25});
  const auto wide = value_and_gradient(Huber{.delta = 2.5}, outputs, targets);
  CHECK(wide.value == (0.125 + 2 + 0 + 2.5 * 1.75) / 4);
  check_close<double>(wide.gradient, {0.125, -0.5, 0, 0.625});
  CHECK_THROWS_AS((void)value_and_gradient(Huber{.delta = 0}, outputs, targets), nn::Error);
}

TEST_CASE_TEMPLATE("distances: labels stand for targets of 0 and 1", Loss, MeanSquaredError,
                   MeanAbsoluteError, Huber) {
  const Tensor<Label> labels({2}, {1, 0});
  const Tensor<double> one_hot({2, 2}, {0, 1, 1, 0});
  const auto by_label = value_and_gradient(Loss{}, outputs, labels);
  const auto by_target = value_and_gradient(Loss{}, outputs, one_hot);
  CHECK(by_label.value == by_target.value);
  CHECK(by_label.gradient == by_target.gradient);
  CHECK_THROWS_WITH_AS((void)value_and_gradient(Loss{}, outputs, Tensor<Label>({2}, {1, 2})),
                       "sample 1 of the batch has the label 2, but there are 2 classes, 0 to 1",
                       nn::Error);
}

TEST_CASE_TEMPLATE("distances: gradients and misfits", Loss, MeanSquaredError, MeanAbsoluteError,
                   Huber) {
  loss_check::check_gradient(Loss{}, loss_check::random_tensor({3, 4, 2}, 1),
                             loss_check::random_tensor({3, 4, 2}, 2));
  CHECK_THROWS_AS((void)value_and_gradient(Loss{}, outputs, Tensor<double>({4, 1})),
                  nn::ShapeError);
  CHECK_THROWS_AS((void)value_and_gradient(Loss{}, Tensor<double>(), Tensor<double>()),
                  nn::ShapeError);
}

TEST_CASE("distances: the same bits for any number of threads") {
  const auto y = loss_check::random_tensor({700, 100}, 3);
  const auto t = loss_check::random_tensor({700, 100}, 4);
  nn::set_threads(1);
  const auto one = value_and_gradient(MeanSquaredError{}, y, t);
  nn::set_threads(3);
  const auto three = value_and_gradient(MeanSquaredError{}, y, t);
  nn::set_threads(2);
  CHECK(one.value == three.value);
  CHECK(one.gradient == three.gradient);
}

/// e^4 / 4: a loss as users write them.
struct FourthPower {
  template <class T, class Wanted>
  T operator()(nn::TensorView<const T> y, nn::TensorView<Wanted> wanted,
               std::type_identity_t<nn::TensorView<T>> gradient) const {
    return nn::elementwise_loss<T>(y, wanted, gradient, [](T output, T target) {
      const T e = output - target;
      return nn::LossTerm<T>{e * e * e * e / 4, e * e * e};
    });
  }
};

TEST_CASE("a loss of one's own is a term for each element") {
  const auto [value, gradient] = value_and_gradient(FourthPower{}, outputs, targets);
  CHECK(value == (0.0625 / 4 + 16.0 / 4 + 0 + 81.0 / 4) / 4);
  check_close<double>(gradient, {0.125 / 4, -2, 0, 27.0 / 4});
  const Tensor<Label> labels({2}, {1, 0});
  const Tensor<double> one_hot({2, 2}, {0, 1, 1, 0});
  CHECK(value_and_gradient(FourthPower{}, outputs, labels).value ==
        value_and_gradient(FourthPower{}, outputs, one_hot).value);
  CHECK_THROWS_AS((void)value_and_gradient(FourthPower{}, outputs, Tensor<double>({4})),
                  nn::ShapeError);
}

}  // namespace regression_test
