#include "nn/data/splits.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

namespace splits_test {

using namespace nn;  // NOLINT

/// A data set with so many images of each class, the classes mixed. Every image holds its number.
Dataset with_classes(const std::vector<Index>& counts) {
  std::vector<Label> labels;
  for (std::size_t c = 0; c < counts.size(); ++c)
    labels.insert(labels.end(), static_cast<std::size_t>(counts[c]), static_cast<Label>(c));
  Random(99).shuffle(std::span<Label>(labels));
  const auto size = static_cast<Index>(labels.size());
  Tensor<std::uint8_t> images(Shape{size, 1, 2, 1});
  for (Index i = 0; i < size; ++i) {
    images[2 * i] = static_cast<std::uint8_t>(i / 256);
    images[2 * i + 1] = static_cast<std::uint8_t>(i % 256);
  }
  std::vector<std::string> names;
  for (std::size_t c = 0; c < counts.size(); ++c) names.push_back(std::to_string(c));
  return Dataset(std::move(images), std::move(labels), names, "classes");
}

std::vector<Index> numbers_of(const Dataset& data) {
  std::vector<Index> numbers;
  for (Index i = 0; i < data.size(); ++i)
    numbers.push_back(256 * data.image(i)[0] + data.image(i)[1]);
  return numbers;
}

/// Whether the parts hold each of the samples 0, 1, ..., size - 1 once.
bool partition(const std::vector<std::vector<Index>>& parts, Index size) {
  std::vector<Index> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  std::sort(all.begin(), all.end());
  std::vector<Index> expected(static_cast<std::size_t>(size));
  std::iota(expected.begin(), expected.end(), Index{0});
  return all == expected;
}

/// How far the sizes of the parts, and of the classes within them, are from their fractions.
struct Errors {
  double of_classes = 0;
  double of_parts = 0;
};

Errors worst_errors(const Dataset& data, const std::vector<std::vector<Index>>& parts,
                    const std::vector<double>& fractions) {
  Errors worst;
  const auto total = data.class_counts();
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const auto error = [&](Index count, Index of) {
      return std::abs(static_cast<double>(count) - fractions[k] * static_cast<double>(of));
    };
    const auto counts = data.subset(parts[k]).class_counts();
    for (std::size_t c = 0; c < counts.size(); ++c)
      worst.of_classes = std::max(worst.of_classes, error(counts[c], total[c]));
    const auto size = static_cast<Index>(parts[k].size());
    worst.of_parts = std::max(worst.of_parts, error(size, data.size()));
  }
  return worst;
}

TEST_CASE("a stratified split is disjoint, complete and in proportion within one sample") {
  const std::vector<std::vector<double>> splits{{0.6, 0.4},
                                                {0.6, 0.2, 0.2},
                                                {0.9, 0.1},
                                                {0.29, 0.71},
                                                {0.5, 0.25, 0.125, 0.125},
                                                {0.2, 0.2, 0.2, 0.2, 0.2},
                                                {1.0},
                                                {0.0, 1.0}};
  Random random(1);
  for (int trial = 0; trial < 40; ++trial) {
    std::vector<Index> counts;
    for (Index classes = 1 + random.below(12); classes > 0; --classes)
      counts.push_back(random.below(70));
    counts.push_back(1);
    const Dataset data = with_classes(counts);
    for (const auto& fractions : splits) {
      const auto parts = split_indices(data, fractions, {.seed = random()});
      CHECK(partition(parts, data.size()));
      const Errors errors = worst_errors(data, parts, fractions);
      CHECK(errors.of_classes < 1);
      const bool exact = fractions.size() == 2 || fractions == std::vector<double>(5, 0.2);
      CHECK(errors.of_parts < (exact ? 1 : 2));
    }
  }
}

TEST_CASE("a known stratified split") {
  const Dataset data = with_classes({10, 20, 5});
  const auto [train, validation, test] = split(data, {0.6, 0.2, 0.2}, {.seed = 3});
  CHECK(train.class_counts() == std::vector<Index>{6, 12, 3});
  CHECK(validation.class_counts() == std::vector<Index>{2, 4, 1});
  CHECK(test.class_counts() == std::vector<Index>{2, 4, 1});
  CHECK(train.name() == "classes");
}

TEST_CASE("fractions whose products round down are parts of whole samples all the same") {
  // 0.29 * 100 is 28.999999999999996 in floating point, 0.57 * 100 is 56.99999999999999.
  REQUIRE(static_cast<int>(0.29 * 100) == 28);
  REQUIRE(static_cast<int>(0.57 * 100) == 56);
  for (const bool stratified : {false, true}) {
    CAPTURE(stratified);
    const SplitOptions options{.stratified = stratified, .seed = 5};
    const Dataset two = with_classes({100, 300});
    CHECK(split(two, {0.29, 0.71}, options)[0].size() == 116);
    CHECK(split(two, {0.43, 0.57}, options)[1].size() == 228);
    for (const double fraction : {0.29, 0.57, 0.58, 0.07, 0.14, 0.55}) {
      CAPTURE(fraction);
      const auto part = split(two, {fraction, 1 - fraction}, options)[0];
      CHECK(part.size() == std::lround(400 * fraction));
      if (stratified) CHECK(part.class_counts()[0] == std::lround(100 * fraction));
    }
    for (Index count = 0; count <= 100; ++count)
      CHECK(random_subset(with_classes({60, 40}), count, options).size() == count);
  }
}

TEST_CASE("a plain split has the right sizes and whatever classes come") {
  const Dataset data = with_classes({50, 50});
  bool ever_unequal = false;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const SplitOptions options{.stratified = false, .seed = seed};
    const auto [first, second] = split(data, {0.3, 0.7}, options);
    CHECK(first.size() == 30);
    CHECK(second.size() == 70);
    CHECK(partition({numbers_of(first), numbers_of(second)}, 100));
    if (first.class_counts()[0] != 15) ever_unequal = true;
  }
  CHECK(ever_unequal);
}

TEST_CASE("a split is a function of its seed") {
  const Dataset data = with_classes({40, 60, 33});
  const auto part = [&](std::uint64_t seed, bool stratified) {
    const SplitOptions options{.stratified = stratified, .seed = seed};
    return numbers_of(split(data, {0.5, 0.5}, options)[0]);
  };
  for (const bool stratified : {false, true}) {
    CHECK(part(1, stratified) == part(1, stratified));
    CHECK(part(1, stratified) != part(2, stratified));
  }
}

TEST_CASE("every sample is as likely to be in a part") {
  const Dataset data = with_classes({8, 12});
  std::vector<int> times(20);
  constexpr int trials = 2000;
  for (std::uint64_t seed = 0; seed < trials; ++seed) {
    for (const Index n : numbers_of(split(data, {0.25, 0.75}, {.seed = seed})[0]))
      ++times[static_cast<std::size_t>(n)];
  }
  // A quarter of the trials, within five standard deviations of 0.0097.
  for (const int count : times) {
    CHECK(count > trials * 0.2);
    CHECK(count < trials * 0.3);
  }
}

TEST_CASE("k folds: every sample is validated on once and learned from otherwise") {
  const Dataset data = with_classes({23, 17, 31});
  const auto folds = k_folds(data, 5, {.seed = 4});
  REQUIRE(folds.size() == 5);
  std::vector<std::vector<Index>> validated;
  for (const Fold& fold : folds) {
    CHECK(partition({numbers_of(fold.train), numbers_of(fold.validation)}, data.size()));
    CHECK(std::abs(static_cast<double>(fold.validation.size()) - 71 / 5.0) < 1);
    const auto counts = fold.validation.class_counts();
    CHECK(std::abs(static_cast<double>(counts[0]) - 23 / 5.0) < 1);
    CHECK(std::abs(static_cast<double>(counts[1]) - 17 / 5.0) < 1);
    CHECK(std::abs(static_cast<double>(counts[2]) - 31 / 5.0) < 1);
    validated.push_back(numbers_of(fold.validation));
  }
  CHECK(partition(validated, data.size()));
}

TEST_CASE("as many folds as samples leave one out each") {
  const auto folds = k_folds(with_classes({2, 2}), 4);
  for (const Fold& fold : folds) {
    CHECK(fold.validation.size() == 1);
    CHECK(fold.train.size() == 3);
  }
}

TEST_CASE("a random subset has exactly the size asked for") {
  const Dataset data = with_classes({61, 7, 90, 13});
  for (Index count = 0; count <= data.size(); ++count) {
    const Dataset part = random_subset(data, count, {.seed = 2});
    REQUIRE(part.size() == count);
    const double expected = 90.0 * static_cast<double>(count) / 171;
    CHECK(std::abs(static_cast<double>(part.class_counts()[2]) - expected) < 1);
  }
  CHECK(random_subset(data, 50, {.stratified = false}).size() == 50);
  CHECK_THROWS_AS((void)random_subset(data, 172), Error);
}

TEST_CASE("the images of a class come in their order") {
  const Dataset data = with_classes({5, 8, 3});
  const Dataset ones = images_of_class(data, 1);
  CHECK(ones.class_counts() == std::vector<Index>{0, 8, 0});
  const auto numbers = numbers_of(ones);
  CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  CHECK_THROWS_AS((void)images_of_class(data, 3), Error);
}

TEST_CASE("impossible splits are refused") {
  const Dataset data = with_classes({5, 5});
  CHECK_THROWS_WITH_AS((void)split(data, {0.6, 0.3}),
                       "the parts of a split add up to 0.9 instead of 1", Error);
  CHECK_THROWS_WITH_AS((void)split(data, {1.5, -0.5}), "a part of 1.5 of a data set", Error);
  CHECK_THROWS_AS((void)split(data, {std::nan(""), 1.0}), Error);
  CHECK_THROWS_AS((void)k_folds(data, 1), Error);
  CHECK_THROWS_WITH_AS(
      (void)k_folds(data, 11),
      "11 folds of classes (10 images of 1x2x1); expected 2 folds at least, and no "
      "more than samples",
      Error);
}

}  // namespace splits_test
