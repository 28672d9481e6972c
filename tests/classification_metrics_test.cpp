#include "nn/train/classification_metrics.hpp"

#include <doctest/doctest.h>

#include <array>

namespace classification_metrics_test {

using doctest::Approx;
using nn::Index;
using nn::Label;
using nn::Tensor;

const Tensor<float> outputs({4, 3}, {0.1F, 0.7F, 0.2F,  //
                                     0.5F, 0.5F, 0.0F,  // of equal scores the first is the higher
                                     0.2F, 0.3F, 0.5F,  //
                                     0.6F, 0.3F, 0.1F});
const Tensor<Label> labels({4}, {1, 1, 0, 0});

TEST_CASE("metrics: accuracy and top k, counted by hand") {
  CHECK(nn::accuracy(outputs, labels) == 0.5);
  CHECK(nn::top_k_accuracy(outputs, labels, 1) == nn::accuracy(outputs, labels));
  CHECK(nn::top_k_accuracy(outputs, labels, 2) == 0.75);
  CHECK(nn::top_k_accuracy(outputs, labels, 3) == 1);
  CHECK_THROWS_AS((void)nn::top_k_accuracy(outputs, labels, 0), nn::Error);
  CHECK_THROWS_AS((void)nn::accuracy(outputs, Tensor<Label>({3})), nn::ShapeError);
  CHECK_THROWS_AS((void)nn::accuracy(outputs, Tensor<Label>({4}, {0, 1, 2, 3})), nn::Error);
  CHECK_THROWS_AS((void)nn::accuracy(Tensor<float>({0, 3}), Tensor<Label>()), nn::Error);
}

TEST_CASE("metrics: the confusion matrix, counted by hand") {
  const nn::ConfusionMatrix matrix = nn::confusion_matrix(outputs, labels);
  CHECK(matrix(1, 1) == 1);
  CHECK(matrix(1, 0) == 1);
  CHECK(matrix(0, 2) == 1);
  CHECK(matrix(0, 0) == 1);
  CHECK(matrix.total() == 4);
  CHECK(matrix.correct() == 2);
  CHECK(matrix.actual(0) == 2);
  CHECK(matrix.predicted(0) == 2);
  CHECK(matrix.accuracy() == 0.5);
  CHECK(matrix.precision(0) == 0.5);
  CHECK(matrix.precision(1) == 1);
  CHECK(matrix.recall(1) == 0.5);
  CHECK(matrix.f1(1) == Approx(2.0 / 3));  // 2 * 1 * 0.5 / (1 + 0.5)
  CHECK(matrix.precision(2) == 0);
  CHECK(std::isnan(matrix.recall(2)));  // no sample has the class
  CHECK(matrix.f1(2) == 0);
  CHECK(matrix.macro_f1() == Approx((0.5 + 2.0 / 3 + 0) / 3));
  nn::ConfusionMatrix other(2);
  CHECK(std::isnan(other.accuracy()));
  CHECK(std::isnan(other.macro_f1()));
  CHECK_THROWS_AS(other.add(0, 2), nn::Error);
  CHECK_THROWS_AS(other.add(-1, 0), nn::Error);
  CHECK_THROWS_AS(nn::ConfusionMatrix(0), nn::Error);
}

TEST_CASE("metrics: a single output tells two classes apart") {
  const Tensor<float> logits({3, 1}, {2, -1, 3});
  const nn::ConfusionMatrix matrix = nn::confusion_matrix(logits, Tensor<Label>({3}, {1, 1, 0}));
  CHECK(matrix.classes() == 2);
  CHECK(matrix(1, 1) == 1);
  CHECK(matrix(1, 0) == 1);
  CHECK(matrix(0, 1) == 1);
}

TEST_CASE("metrics: ROC") {
  // Of the six pairs of a positive (0.9, 0.6, 0.4) and a negative (0.6, 0.1), four are in the right
  // order, one is tied, one is wrong.
  const std::array scores{0.9, 0.6, 0.6, 0.4, 0.1};
  const std::vector<bool> positive{true, false, true, true, false};
  const auto curve = nn::roc_curve(scores, positive);
  REQUIRE(curve.size() == 5);
  CHECK(std::isinf(curve[0].threshold));
  CHECK(curve[1].true_positive_rate == Approx(1.0 / 3));
  CHECK(curve[1].false_positive_rate == 0);
  CHECK(curve[2].threshold == 0.6);
  CHECK(curve[2].true_positive_rate == Approx(2.0 / 3));
  CHECK(curve[2].false_positive_rate == 0.5);
  CHECK(curve[4].true_positive_rate == 1);
  CHECK(curve[4].false_positive_rate == 1);
  CHECK(nn::area_under_roc(curve) == Approx(4.5 / 6).epsilon(1e-15));
  // The order of equal scores does not matter.
  const std::vector<bool> swapped{true, true, false, true, false};
  CHECK(nn::area_under_roc(scores, swapped) == Approx(4.5 / 6).epsilon(1e-15));
  CHECK(nn::area_under_roc(std::array{1.0, 1.0}, {true, false}) == 0.5);
  CHECK_THROWS_AS((void)nn::roc_curve(scores, std::vector<bool>(5, true)), nn::Error);
  CHECK_THROWS_AS((void)nn::roc_curve(scores, std::vector<bool>(4)), nn::Error);
  CHECK_THROWS_AS((void)nn::roc_curve(std::array{std::nan(""), 1.0}, {true, false}), nn::Error);
}

TEST_CASE("metrics: a row of scores with a NaN counts as wrong, wherever it stands") {
  const float nan = std::nanf("");
  const Tensor<float> broken({4, 3}, {nan, 0.1F, 0.2F,  // the first would win by its place
                                      0.9F, nan, 0.1F,  // the largest number is at the label
                                      0.9F, 0.1F, nan,  //
                                      0.9F, 0.1F, 0.2F});
  const Tensor<Label> zeros({4}, {0, 0, 0, 0});
  CHECK(nn::count_correct<float>(broken, zeros) == 1);
  CHECK(nn::accuracy(broken, zeros) == 0.25);
  CHECK(nn::top_k_accuracy(broken, zeros, 1) == 0.25);
  CHECK(nn::top_k_accuracy(broken, zeros, 3) == 0.25);
  const nn::ConfusionMatrix matrix = nn::confusion_matrix(broken, zeros);
  CHECK(matrix(0, 0) == 1);
  CHECK(matrix.unanswered(0) == 3);
  CHECK(matrix.unanswered(1) == 0);
  CHECK(matrix.total() == 4);
  CHECK(matrix.actual(0) == 4);
  CHECK(matrix.predicted(0) == 1);
  CHECK(matrix.accuracy() == 0.25);
  CHECK(matrix.recall(0) == 0.25);
  CHECK(matrix.precision(0) == 1);
  CHECK_THROWS_AS((void)matrix.unanswered(3), nn::Error);
  // A single logit of two classes: neither is right.
  const Tensor<float> logits({2, 1}, {nan, nan});
  CHECK(nn::accuracy(logits, Tensor<Label>({2}, {0, 1})) == 0);
}

TEST_CASE("metrics: no class is chosen from scores that hold a NaN") {
  const std::array scores{0.5, std::nan(""), 0.25};
  CHECK_THROWS_AS((void)nn::predicted_class(std::span<const double>(scores)), nn::DivergenceError);
  CHECK(nn::predicted_class(std::span<const double>(scores).first(1)) == 1);
}

TEST_CASE("metrics: a ROC curve says which score is NaN") {
  CHECK_THROWS_WITH_AS((void)nn::roc_curve(std::array{1.0, 0.5, std::nan("")}, {true, false, true}),
                       "the score of sample 2 is NaN", nn::DivergenceError);
}

}  // namespace classification_metrics_test
