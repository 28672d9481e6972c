#include "nn/train/multi_label_metrics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace multi_label_metrics_test {

using namespace nn;  // NOLINT

// Four samples, three labels. Label 0: 2 found, 1 wrongly, 1 unnoticed; label 1: 1 found, 0, 1;
// label 2 is never there and never said.
const Tensor<float> targets({4, 3}, {1, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0});
const Tensor<float> logits({4, 3}, {2, -1, -3, 0.5F, 1, -1, -2, -1, 0, 3, -1, -1});

TEST_CASE("counts and metrics of each label are those computed by hand") {
  const MultiLabelCounts counts = count_labels(logits, targets);
  CHECK(counts.labels() == 3);
  CHECK(counts.samples() == 4);
  CHECK(counts.true_positives(0) == 2);
  CHECK(counts.false_positives(0) == 1);
  CHECK(counts.false_negatives(0) == 1);
  CHECK(counts.precision(0) == doctest::Approx(2.0 / 3));
  CHECK(counts.recall(0) == doctest::Approx(2.0 / 3));
  CHECK(counts.f1(0) == doctest::Approx(2.0 / 3));
  CHECK(counts.precision(1) == 1);
  CHECK(counts.recall(1) == 0.5);
  CHECK(counts.f1(1) == doctest::Approx(2.0 / 3));
  CHECK(std::isnan(counts.precision(2)));
  CHECK(std::isnan(counts.recall(2)));
  CHECK(std::isnan(counts.f1(2)));
}

TEST_CASE("micro metrics are of all answers, macro metrics means over the labels") {
  const MultiLabelCounts counts = count_labels(logits, targets);
  // Together 3 found, 1 wrongly, 2 unnoticed, of 12 answers; samples 0 and 1 are wholly right.
  CHECK(counts.micro_precision() == 0.75);
  CHECK(counts.micro_recall() == doctest::Approx(0.6));
  CHECK(counts.micro_f1() == doctest::Approx(6.0 / 9));
  CHECK(counts.macro_precision() == doctest::Approx((2.0 / 3 + 1) / 2));
  CHECK(counts.macro_recall() == doctest::Approx((2.0 / 3 + 0.5) / 2));
  CHECK(counts.macro_f1() == doctest::Approx(2.0 / 3));
  CHECK(counts.subset_accuracy() == 0.5);
  CHECK(counts.hamming_loss() == 0.25);
}

TEST_CASE("probabilities are counted from another threshold") {
  const Tensor<double> probabilities({1, 2}, {0.4, 0.6});
  const Tensor<double> wanted({1, 2}, {0, 1});
  CHECK(count_labels(probabilities, wanted, 0.5).subset_accuracy() == 1);
  CHECK(count_labels(probabilities, wanted).false_positives(0) == 1);
}

TEST_CASE("an output that is NaN is wrong, whatever was wanted") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  const MultiLabelCounts counts =
      count_labels(Tensor<float>({1, 2}, {nan, nan}), Tensor<float>({1, 2}, {0, 1}));
  CHECK(counts.false_positives(0) == 1);
  CHECK(counts.false_negatives(1) == 1);
  CHECK(counts.subset_accuracy() == 0);
  CHECK(counts.hamming_loss() == 1);
}

TEST_CASE("targets other than 0 and 1, and shapes that do not fit, are refused") {
  CHECK_THROWS_WITH_AS((void)count_labels(Tensor<float>({2, 1}), Tensor<float>({2, 1}, {1, 0.5F})),
                       "target 0 of sample 1 is 0.5; expected 0 or 1", Error);
  CHECK_THROWS_AS((void)count_labels(Tensor<float>({2, 1}), Tensor<float>({2, 2})), ShapeError);
  CHECK_THROWS_AS((void)count_labels(Tensor<float>({0, 1}), Tensor<float>({0, 1})), Error);
  CHECK_THROWS_AS((void)MultiLabelCounts(0), Error);
  CHECK_THROWS_AS((void)MultiLabelCounts(2).recall(2), Error);
  CHECK(std::isnan(MultiLabelCounts(2).subset_accuracy()));
}

}  // namespace multi_label_metrics_test
