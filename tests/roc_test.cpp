#include "nn/train/roc.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace {

using namespace nn;  // NOLINT

Roc roc_of(const std::vector<float>& scores, const std::vector<Label>& labels) {
  return receiver_operating_characteristic(scores, labels);
}

}  // namespace

TEST_CASE("the area under the curve counts the pairs in the right order") {
  // Of the pairs (4, 3), (4, 1), (2, 3), (2, 1) all but (2, 3) are in order.
  const Roc roc = roc_of({4, 3, 2, 1}, {1, 0, 1, 0});
  CHECK(roc.area == 0.75);
  CHECK(roc.false_positive_rate == std::vector<double>{0, 0, 0.5, 0.5, 1});
  CHECK(roc.true_positive_rate == std::vector<double>{0, 0.5, 0.5, 1, 1});
  CHECK(roc.thresholds[1] == 4);
}

TEST_CASE("perfect, useless and reversed scores") {
  CHECK(roc_of({3, 2, 1, 0}, {1, 1, 0, 0}).area == 1);
  CHECK(roc_of({0, 1, 2, 3}, {1, 1, 0, 0}).area == 0);
  const Roc tied = roc_of({5, 5, 5, 5}, {1, 0, 1, 0});
  CHECK(tied.area == 0.5);
  CHECK(tied.true_positive_rate == std::vector<double>{0, 1});
}

TEST_CASE("false positives at a recall") {
  // Positives at 9, 8, 5, 3; negatives at 7, 4, 2, 1.
  const Roc roc = roc_of({9, 8, 7, 5, 4, 3, 2, 1}, {1, 1, 0, 1, 0, 1, 0, 0});
  CHECK(roc.false_positives_at(0.5) == 0);
  CHECK(roc.false_positives_at(0.51) == 0.25);
  CHECK(roc.false_positives_at(0.75) == 0.25);
  CHECK(roc.false_positives_at(1) == 0.5);
}

TEST_CASE("a curve refuses what has none") {
  CHECK_THROWS_AS((void)roc_of({1, 2}, {1}), Error);
  CHECK_THROWS_AS((void)roc_of({1, 2}, {1, 1}), Error);
  CHECK_THROWS_AS((void)roc_of({1, std::nanf("")}, {1, 0}), Error);
}
