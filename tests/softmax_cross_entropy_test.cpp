#include "nn/losses/softmax_cross_entropy.hpp"

#include "loss_check.hpp"

// The figures come from the formulas of PyTorch's documentation of CrossEntropyLoss, written out in
// Python with its exact sums:
//
//   from math import *
//   def loss(rows, targets, w, s, W):
//       total = 0; gradient = []
//       for z, t in zip(rows, targets):
//           t = [(1 - s) * x + s / 3 for x in t]
//           l = max(z) + log(fsum(exp(x - max(z)) for x in z))
//           total += fsum(w[c] * t[c] * (l - z[c]) for c in range(3))
//           S = fsum(w[c] * t[c] for c in range(3))
//           gradient += [(exp(z[c] - l) * S - w[c] * t[c]) / W for c in range(3)]
//       return total / W, gradient
//   z = [[1, 2, 0.5], [-1.5, 0.25, 3]]; one_hot = [[0, 1, 0], [1, 0, 0]]
//   soft = [[0.2, 0.5, 0.3], [0, 0.25, 0.75]]; w = [0.5, 2, 1]
//   loss(z, one_hot, [1, 1, 1], 0, 2)      # labels
//   loss(z, one_hot, [1, 1, 1], 0.1, 2)    # label smoothing
//   loss(z, one_hot, w, 0.1, 2.5)          # and class weights; 2.5 = w[1] + w[0]
//   loss(z, soft, [1, 1, 1], 0, 2)         # soft targets
//   loss(z, soft, w, 0.1, 2)

namespace softmax_cross_entropy_test {

using loss_check::check_close;
using nn::Label;
using nn::SoftmaxCrossEntropy;
using nn::Tensor;
using nn::value_and_gradient;

const Tensor<double> logits({2, 3}, {1, 2, 0.5, -1.5, 0.25, 3});
const Tensor<Label> labels({2}, {1, 0});
const Tensor<double> soft({2, 3}, {0.2, 0.5, 0.3, 0, 0.25, 0.75});

TEST_CASE("softmax cross-entropy: labels") {
  const auto [value, gradient] = value_and_gradient(SoftmaxCrossEntropy{}, logits, labels);
  CHECK(value == doctest::Approx(2.5183618656870914).epsilon(1e-14));
  check_close<double>(gradient, {0.1156119488110745, -0.18573414039411884, 0.07012219158304422,
                                 -0.49483320201618713, 0.029732869504030677, 0.46510033251215643});
}

TEST_CASE("softmax cross-entropy: label smoothing and class weights") {
  const auto smooth =
      value_and_gradient(SoftmaxCrossEntropy{.label_smoothing = 0.1}, logits, labels);
  CHECK(smooth.value == doctest::Approx(2.4558618656870914).epsilon(1e-14));
  check_close<double>(smooth.gradient,
                      {0.09894528214440784, -0.15240080706078551, 0.05345552491637756,
                       -0.4614998686828538, 0.01306620283736401, 0.44843366584548977});
  const auto weighted = value_and_gradient(
      SoftmaxCrossEntropy{.label_smoothing = 0.1, .class_weights = {0.5F, 2, 1}}, logits, labels);
  CHECK(weighted.value == doctest::Approx(1.3124165225297717).epsilon(1e-14));
  check_close<double>(weighted.gradient,
                      {0.17060498817698092, -0.26479234860431555, 0.09418736042733448,
                       -0.18432438491400482, -0.013187765824839427, 0.19751215073884426});
}

TEST_CASE("softmax cross-entropy: soft targets") {
  const auto plain = value_and_gradient(SoftmaxCrossEntropy{}, logits, soft);
  CHECK(plain.value == doctest::Approx(0.9371118656870912).epsilon(1e-14));
  check_close<double>(plain.gradient,
                      {0.0156119488110745, 0.06426585960588116, -0.07987780841695577,
                       0.005166797983812889, -0.09526713049596933, 0.09010033251215643});
  const auto all = value_and_gradient(
      SoftmaxCrossEntropy{.label_smoothing = 0.1, .class_weights = {0.5F, 2, 1}}, logits, soft);
  CHECK(all.value == doctest::Approx(1.3933108761554247).epsilon(1e-14));
  check_close<double>(all.gradient,
                      {0.1058257828632459, -0.05069399994257029, -0.05513178292067579,
                       -0.0019178925034323297, -0.2214150203658286, 0.22333291286926088});
}

TEST_CASE("softmax cross-entropy: gradients") {
  // Pixels too: every position before the last axis is an example.
  const auto outputs = loss_check::random_tensor({3, 2, 2, 5}, 1, 3);
  Tensor<Label> pixels({3, 2, 2});
  for (nn::Index i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<Label>(i % 5);
  auto targets = loss_check::random_tensor(outputs.shape(), 2);
  for (double& target : targets) target = std::abs(target);  // need not sum to 1
  for (const double smoothing : {0.0, 0.2}) {
    for (const std::vector<float>& weights :
         {std::vector<float>{}, std::vector<float>{1, 0.5F, 2, 0.25F, 3}}) {
      const SoftmaxCrossEntropy loss{smoothing, weights};
      loss_check::check_gradient(loss, outputs, pixels);
      loss_check::check_gradient(loss, outputs, targets);
    }
  }
}

TEST_CASE("softmax cross-entropy: extreme logits") {
  const Tensor<float> outputs({2, 2}, {1000, -1000, 1000, -1000});
  const auto right = value_and_gradient(SoftmaxCrossEntropy{}, outputs, Tensor<Label>({2}, {0, 0}));
  CHECK(right.value == 0);
  const auto wrong = value_and_gradient(SoftmaxCrossEntropy{}, outputs, Tensor<Label>({2}, {1, 0}));
  CHECK(wrong.value == 1000);
  check_close<float>(wrong.gradient, {0.5, -0.5, 0, 0});
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor<float> masked({1, 3}, {0, -infinity, 0});
  const auto two = value_and_gradient(SoftmaxCrossEntropy{}, masked, Tensor<Label>({1}, {0}));
  CHECK(two.value == doctest::Approx(std::log(2.0)));
  check_close<float>(two.gradient, {-0.5, 0, 0.5}, 1e-7);
  const Tensor<float> broken({1, 3}, {0, std::nanf(""), 0});
  CHECK(
      std::isnan(value_and_gradient(SoftmaxCrossEntropy{}, broken, Tensor<Label>({1}, {0})).value));
}

TEST_CASE("softmax cross-entropy: the same bits for any number of threads") {
  const auto outputs = loss_check::random_tensor({20000, 10}, 3);
  Tensor<Label> many({20000});
  for (nn::Index i = 0; i < many.size(); ++i) many[i] = static_cast<Label>(i * 7 % 10);
  nn::set_threads(1);
  const auto one = value_and_gradient(SoftmaxCrossEntropy{}, outputs, many);
  nn::set_threads(3);
  const auto three = value_and_gradient(SoftmaxCrossEntropy{}, outputs, many);
  nn::set_threads(2);
  CHECK(one.value == three.value);
  CHECK(one.gradient == three.gradient);
}

TEST_CASE("softmax cross-entropy: what does not fit") {
  const SoftmaxCrossEntropy loss;
  CHECK_THROWS_WITH_AS((void)value_and_gradient(loss, logits, Tensor<Label>({2}, {0, 3})),
                       "sample 1 of the batch has the label 3, but there are 3 classes, 0 to 2",
                       nn::Error);
  CHECK_THROWS_AS((void)value_and_gradient(loss, logits, Tensor<Label>({2}, {-1, 0})), nn::Error);
  CHECK_THROWS_WITH_AS((void)value_and_gradient(loss, logits, Tensor<Label>({3})),
                       "3 labels for 2 rows of outputs", nn::ShapeError);
  CHECK_THROWS_AS((void)value_and_gradient(loss, logits, Tensor<double>({3, 2})), nn::ShapeError);
  CHECK_THROWS_AS((void)value_and_gradient(loss, Tensor<double>({0, 3}), Tensor<Label>({0})),
                  nn::ShapeError);
  CHECK_THROWS_AS(
      (void)value_and_gradient(SoftmaxCrossEntropy{.class_weights = {1, 2}}, logits, labels),
      nn::Error);
  CHECK_THROWS_AS(
      (void)value_and_gradient(SoftmaxCrossEntropy{.label_smoothing = 1}, logits, labels),
      nn::Error);
  Tensor<double> misfit({3, 2});
  CHECK_THROWS_AS((void)loss(logits.view(), labels, misfit), nn::ShapeError);
}

}  // namespace softmax_cross_entropy_test
