#include "nn/data/feature_scaling.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace feature_scaling_test {

using namespace nn;  // NOLINT

TEST_CASE("standardised features have mean 0 and deviation 1, by the training set's numbers") {
  // Feature 0: 1, 3, 5, 7, of mean 4 and variance (9 + 1 + 1 + 9) / 4 = 5; feature 1 never changes.
  Tensor<float> train({4, 2}, {1, 9, 3, 9, 5, 9, 7, 9});
  const FeatureScaling scaling = standardization_of(train);
  CHECK(scaling.offset == std::vector<double>{4, 9});
  CHECK(scaling.scale[0] == doctest::Approx(std::sqrt(5.0)));
  CHECK(scaling.scale[1] == 1);
  scaling.apply(train);
  CHECK(train(0, 0) == doctest::Approx(-3 / std::sqrt(5.0)));
  CHECK(train(3, 1) == 0);
  Tensor<double> test({1, 2}, {4 + 2 * std::sqrt(5.0), 10.5});
  scaling.apply(test);
  CHECK(test(0, 0) == doctest::Approx(2));
  CHECK(test(0, 1) == doctest::Approx(1.5));
}

TEST_CASE("min-max scaling takes the training set to 0 and 1, and others beyond") {
  Tensor<float> train({3, 2}, {-2, 5, 2, 5, 0, 5});
  const FeatureScaling scaling = min_max_scaling_of(train);
  CHECK(scaling == FeatureScaling{.offset = {-2, 5}, .scale = {4, 1}});
  scaling.apply(train);
  CHECK(train == Tensor<float>({3, 2}, {0, 0, 1, 0, 0.5F, 0}));
  Tensor<float> test({1, 2}, {6, 4});
  scaling.apply(test);
  CHECK(test == Tensor<float>({1, 2}, {2, -1}));
  CHECK(scaling.undone(test) == Tensor<float>({1, 2}, {6, 4}));
  CHECK(scaling.applied(scaling.undone(test)) == test);
  scaling.undo(test);
  CHECK(test == Tensor<float>({1, 2}, {6, 4}));
}

TEST_CASE("all positions of a series share the scaling of their feature") {
  // Two samples of two steps of one feature: 0, 2, 4, 10, of mean 4 and variance 56 / 4.
  const Tensor<float> series({2, 2, 1}, {0, 2, 4, 10});
  const FeatureScaling scaling = standardization_of(series);
  CHECK(scaling.offset == std::vector<double>{4});
  CHECK(scaling.scale[0] == doctest::Approx(std::sqrt(14.0)));
}

TEST_CASE("a small spread about a large mean is found") {
  const Tensor<double> values({2, 1}, {1e9, 1e9 + 1e-3});
  CHECK(standardization_of(values).scale[0] == doctest::Approx(5e-4).epsilon(1e-4));
}

TEST_CASE("what cannot be scaled is refused with its place") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS((void)standardization_of(Tensor<float>({2, 2}, {1, 2, 3, nan})),
                       "feature 1 of sample 1 is nan", Error);
  CHECK_THROWS_AS((void)standardization_of(Tensor<float>({0, 2})), ShapeError);
  CHECK_THROWS_AS((void)min_max_scaling_of(Tensor<float>({2})), ShapeError);
  const FeatureScaling scaling{.offset = {0, 0}, .scale = {1, 1}};
  Tensor<float> three({1, 3});
  CHECK_THROWS_WITH_AS(scaling.apply(three),
                       "a scaling of 2 offsets and 2 scales for values of shape 1x3", ShapeError);
  Tensor<float> one({1, 1});
  CHECK_THROWS_WITH_AS((FeatureScaling{.offset = {0}, .scale = {0}}.undo(one)),
                       "a scaling of feature 0 by the offset 0 and the scale 0", Error);
}

TEST_CASE("balanced weights make every class count alike, and a sample 1 in the mean") {
  // 8 samples of 2 classes: 8 / (2 * 2) and 8 / (2 * 6).
  const std::vector<float> weights = balanced_class_weights({2, 6});
  CHECK(weights[0] == 2);
  CHECK(weights[1] == doctest::Approx(2.0 / 3));
  CHECK_THROWS_WITH_AS((void)balanced_class_weights({2, 0}),
                       "class 1 has 0 samples; each needs one to have a weight", Error);
  CHECK_THROWS_AS((void)balanced_class_weights({}), Error);
}

}  // namespace feature_scaling_test
