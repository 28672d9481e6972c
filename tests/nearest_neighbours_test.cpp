#include "nn/train/nearest_neighbours.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "nn/core/random.hpp"

namespace nearest_neighbours_test {

namespace {

using namespace nn;  // NOLINT

Tensor<float> random_samples(const Shape& shape, std::uint64_t seed) {
  Tensor<float> samples(shape);
  Random random(seed);
  for (float& value : samples) value = static_cast<float>(random.normal());
  return samples;
}

double distance(TensorView<const float> a, TensorView<const float> b) {
  double sum = 0;
  for (Index i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i] - b[i]), 2);
  return std::sqrt(sum);
}

}  // namespace

TEST_CASE("nearest neighbours are those of the definition") {
  const Tensor<float> queries = random_samples({203, 7}, 1);
  const Tensor<float> references = random_samples({1100, 7}, 2);  // more than a block
  const auto found = nearest_neighbours(queries, references);
  for (Index i = 0; i < 203; ++i) {
    Index nearest = 0;
    for (Index j = 1; j < 1100; ++j) {
      if (distance(queries.sample(i), references.sample(j)) <
          distance(queries.sample(i), references.sample(nearest))) {
        nearest = j;
      }
    }
    CHECK(found[static_cast<std::size_t>(i)].index == nearest);
    CHECK(static_cast<double>(found[static_cast<std::size_t>(i)].distance) ==
          doctest::Approx(distance(queries.sample(i), references.sample(nearest))));
  }
}

TEST_CASE("a copy is found at no distance at all") {
  const Tensor<float> references = random_samples({900, 28, 28, 1}, 3);
  const auto found = nearest_neighbours(references.samples(600, 5), references);
  for (Index i = 0; i < 5; ++i) {
    CHECK(found[static_cast<std::size_t>(i)].index == 600 + i);
    CHECK(found[static_cast<std::size_t>(i)].distance == 0);
  }
}

TEST_CASE("nothing is near a sample that is not a number") {
  const Tensor<float> queries({2, 1}, {std::nanf(""), 3});
  const Tensor<float> references({2, 1}, {1, 2});
  const auto found = nearest_neighbours(queries, references);
  CHECK(found[0].index == -1);
  CHECK(found[1].index == 1);
}

TEST_CASE("the two-sample test tells apart what is apart") {
  const auto found =
      nearest_neighbour_test(Tensor<float>({2, 1}, {0, 1}), Tensor<float>({2, 1}, {10, 11}));
  CHECK(found.accuracy == 1);
  CHECK(found.real_accuracy == 1);
  CHECK(found.generated_accuracy == 1);
}

TEST_CASE("the two-sample test counts half a success for a tie") {
  // 0 has the generated 1 beside it, 3 the generated 2; 1 and 2 have one of each kind.
  const auto found =
      nearest_neighbour_test(Tensor<float>({2, 1}, {0, 3}), Tensor<float>({2, 1}, {1, 2}));
  CHECK(found.real_accuracy == 0);
  CHECK(found.generated_accuracy == 0.5);
  CHECK(found.accuracy == 0.25);
}

TEST_CASE("the two-sample test is never right about copies") {
  const Tensor<float> samples = random_samples({200, 5}, 4);
  CHECK(nearest_neighbour_test(samples, samples).accuracy == 0);
}

TEST_CASE("the two-sample test guesses when there is nothing to tell") {
  const Tensor<float> real = random_samples({2000, 5}, 5);
  const Tensor<float> generated = random_samples({2000, 5}, 6);
  CHECK(nearest_neighbour_test(real, generated).accuracy == doctest::Approx(0.5).epsilon(0.05));
}

TEST_CASE("memorisation compares the distances to what was learned") {
  const Tensor<float> learned({2, 1}, {0, 100});
  const Tensor<float> test({4, 1}, {10, 80, 110, 30});  // at 10, 20, 10, 30
  const Tensor<float> generated({3, 1}, {1, 100, 85});  // at 1, 0, 15
  const Memorisation found = memorisation(learned, test, generated);
  CHECK(found.generated_distance == 1);
  CHECK(found.test_distance == 15);
  CHECK(found.nearer == doctest::Approx((4 + 4 + 2) / 12.0));
  CHECK(found.copies == doctest::Approx(2.0 / 3));
  CHECK(found.neighbours[0].index == 0);
  CHECK(found.neighbours[1].index == 1);
  CHECK(found.neighbours[2].index == 1);
}

TEST_CASE("test samples are no copies of what was learned") {
  const Tensor<float> learned({1, 1}, {0});
  const Tensor<float> test({2, 1}, {5, 6});
  const Memorisation found = memorisation(learned, test, test);
  CHECK(found.nearer == 0.5);
  CHECK(found.copies == 0);
}

TEST_CASE("neighbours refuse what has none") {
  const Tensor<float> three({4, 3});
  const Tensor<float> two({4, 2});
  CHECK_THROWS_WITH_AS((void)nearest_neighbours(three, two),
                       "samples of shape 4x3 have no neighbours among 4x2", ShapeError);
  CHECK_THROWS_AS((void)nearest_neighbours(three, Tensor<float>({0, 3})), ShapeError);
  CHECK_THROWS_AS((void)nearest_neighbour_test(three.samples(0, 1), three.samples(1, 1)),
                  ShapeError);
  CHECK_THROWS_AS((void)nearest_neighbour_test(three, random_samples({5, 3}, 1)), ShapeError);
}

TEST_CASE("figures made of neighbours say which sample has none") {
  const Tensor<float> whole({3, 1}, {1, 2, 4});
  const Tensor<float> broken({3, 1}, {1, std::nanf(""), 5});
  CHECK_THROWS_WITH_AS((void)nearest_neighbour_test(whole, broken),
                       "sample 1 of the generated ones has no nearest neighbour: are there NaN?",
                       DivergenceError);
  CHECK_THROWS_AS((void)nearest_neighbour_test(broken, whole), DivergenceError);
  CHECK_THROWS_AS((void)memorisation(whole, whole, broken), DivergenceError);
  CHECK_THROWS_AS((void)memorisation(whole, broken, whole), DivergenceError);
  CHECK_NOTHROW((void)memorisation(whole, whole, whole));
}

}  // namespace nearest_neighbours_test
