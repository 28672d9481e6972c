#include "nn/train/generation_metrics.hpp"

#include <doctest/doctest.h>

#include "nn/core/random.hpp"

namespace generation_metrics_test {

namespace {

using namespace nn;  // NOLINT

FeatureStatistics normal_distribution(std::initializer_list<double> mean,
                                      std::initializer_list<double> covariance) {
  const auto size = static_cast<Index>(mean.size());
  FeatureStatistics statistics;
  statistics.mean = Eigen::Map<const Eigen::VectorXd>(mean.begin(), size);
  statistics.covariance = Eigen::Map<const RowMatrix<double>>(covariance.begin(), size, size);
  return statistics;
}

}  // namespace

TEST_CASE("feature statistics are the mean and the unbiased covariance") {
  // Deviations from the mean (2, 5): (-1, 5), (0, -5), (1, 0); sums of products 2, -5, 50.
  const Tensor<float> features({3, 2}, {1, 10, 2, 0, 3, 5});
  const FeatureStatistics found = feature_statistics(features);
  CHECK(found.mean[0] == doctest::Approx(2));
  CHECK(found.mean[1] == doctest::Approx(5));
  CHECK(found.covariance(0, 0) == doctest::Approx(1));
  CHECK(found.covariance(0, 1) == doctest::Approx(-2.5));
  CHECK(found.covariance(1, 0) == doctest::Approx(-2.5));
  CHECK(found.covariance(1, 1) == doctest::Approx(25));
}

TEST_CASE("feature statistics of more rows than are taken at a time") {
  Tensor<float> features({3000, 1});
  for (Index i = 0; i < 3000; ++i) features[i] = static_cast<float>(i % 2);
  const FeatureStatistics found = feature_statistics(features);
  CHECK(found.mean[0] == doctest::Approx(0.5));
  CHECK(found.covariance(0, 0) == doctest::Approx(0.25 * 3000 / 2999));
}

TEST_CASE("the Frechet distance in one dimension is that of means and deviations") {
  // (1 - 12)^2 + (sqrt(2) - sqrt(8))^2
  const FeatureStatistics a = feature_statistics(Tensor<float>({2, 1}, {0, 2}));
  const FeatureStatistics b = feature_statistics(Tensor<float>({2, 1}, {10, 14}));
  CHECK(frechet_distance(a, b) == doctest::Approx(123));
  CHECK(frechet_distance(b, a) == doctest::Approx(123));
}

TEST_CASE("the Frechet distance of covariances that do not commute") {
  // For 2x2 matrices tr(M^(1/2)) = sqrt(tr M + 2 sqrt(det M)), and M = C1 C2 has the trace 10 and
  // the determinant 4 * 3: 1 + 4 + 5 + 4 - 2 sqrt(10 + 2 sqrt(12)).
  const FeatureStatistics a = normal_distribution({0, 0}, {4, 0, 0, 1});
  const FeatureStatistics b = normal_distribution({1, 2}, {2, 1, 1, 2});
  CHECK(frechet_distance(a, b) == doctest::Approx(5.7712204477).epsilon(1e-9));
  CHECK(frechet_distance(b, a) == doctest::Approx(5.7712204477).epsilon(1e-9));
}

TEST_CASE("the Frechet distance to oneself is none, of a singular covariance too") {
  const FeatureStatistics flat = normal_distribution({3, 1}, {1, 1, 1, 1});
  CHECK(frechet_distance(flat, flat) == doctest::Approx(0).epsilon(1e-6));
  const FeatureStatistics point = normal_distribution({3, 1}, {0, 0, 0, 0});
  CHECK(frechet_distance(flat, point) == doctest::Approx(2));
}

TEST_CASE("the Frechet distance of samples approaches that of their distributions") {
  // Independent features with deviations 1, 2, 3, 4 against 2, 2, 2, 2, means 0 against 1.
  Tensor<float> a({20000, 4});
  Tensor<float> b({20000, 4});
  Random random(1);
  for (Index i = 0; i < a.size(); ++i) {
    a[i] = static_cast<float>(random.normal(0, static_cast<double>(i % 4 + 1)));
    b[i] = static_cast<float>(random.normal(1, 2));
  }
  const double found = frechet_distance(feature_statistics(a), feature_statistics(b));
  CHECK(found == doctest::Approx(4 + 1 + 0 + 1 + 4).epsilon(0.03));
}

TEST_CASE("the Frechet distance is the same bits for one thread and two") {
  Tensor<float> a({500, 150});
  Tensor<float> b({500, 150});
  Random random(1);
  for (float& value : a) value = static_cast<float>(random.normal());
  for (float& value : b) value = static_cast<float>(random.normal(0.1, 1.1));
  const auto distance = [&](int count) {
    const int before = threads();
    set_threads(count);
    const double found = frechet_distance(feature_statistics(a), feature_statistics(b));
    set_threads(before);
    return found;
  };
  CHECK(distance(1) == distance(2));
}

TEST_CASE("the classifier score runs from 1 to the number of classes") {
  CHECK(classifier_score(Tensor<float>({3, 2}, {0.3F, 0.7F, 0.3F, 0.7F, 0.3F, 0.7F})) ==
        doctest::Approx(1));
  CHECK(classifier_score(Tensor<float>({3, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1})) == doctest::Approx(3));
  // Sure of every image, but only two of three classes: 2.
  CHECK(classifier_score(Tensor<float>({2, 3}, {1, 0, 0, 0, 0, 1})) == doctest::Approx(2));
  // exp(0.75 ln(0.75 / 0.5) + 0.25 ln(0.25 / 0.5))
  CHECK(classifier_score(Tensor<float>({2, 2}, {0.75F, 0.25F, 0.25F, 0.75F})) ==
        doctest::Approx(1.1397535));
}

TEST_CASE("class shares count the largest score of each row") {
  const Tensor<float> scores({4, 3}, {0, 5, 1, -1, -2, -3, 0, 2, 1, 4, 4, 0});
  CHECK(class_shares(scores) == std::vector<double>{0.5, 0.5, 0});
}

TEST_CASE("quality figures refuse what has no answer") {
  CHECK_THROWS_AS((void)feature_statistics(Tensor<float>({1, 3})), ShapeError);
  CHECK_THROWS_AS((void)classifier_score(Tensor<float>({3})), ShapeError);
  CHECK_THROWS_AS((void)class_shares(Tensor<float>({0, 3})), ShapeError);
  CHECK_THROWS_WITH_AS((void)frechet_distance(normal_distribution({0}, {1}),
                                              normal_distribution({0, 0}, {1, 0, 0, 1})),
                       "features of 1 and of 2 dimensions have no distance", ShapeError);
}

TEST_CASE("quality figures say which sample is NaN") {
  const Tensor<float> broken({2, 2}, {0.5F, 0.5F, 0.25F, std::nanf("")});
  CHECK_THROWS_WITH_AS((void)class_shares(broken), "a score of sample 1 is NaN", DivergenceError);
  CHECK_THROWS_WITH_AS((void)classifier_score(broken), "a probability of sample 1 is NaN",
                       DivergenceError);
  CHECK_THROWS_WITH_AS((void)feature_statistics(broken), "a feature of sample 1 is NaN",
                       DivergenceError);
}

TEST_CASE("the Frechet distance of commuting covariances of deficient rank") {
  // Diagonal: |m1 - m2|^2 + the sum of (deviation - deviation)^2, with nothing in some directions
  // of either: 1 + (2 - 3)^2 + 0 + (0 - 5)^2 + (4 - 0)^2.
  const FeatureStatistics a =
      normal_distribution({0, 0, 0, 0}, {4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16});
  const FeatureStatistics b =
      normal_distribution({0, 1, 0, 0}, {9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 0, 0});
  CHECK(frechet_distance(a, b) == doctest::Approx(1 + 1 + 25 + 16));
  CHECK(frechet_distance(b, a) == doctest::Approx(1 + 1 + 25 + 16));
}

TEST_CASE("the Frechet distance of features fewer than their dimensions") {
  // Five samples in 40 dimensions: covariances of rank 4 at the most. Scaling the deviations from
  // the mean by 3 is a map whose covariance commutes: the distance is (3 - 1)^2 tr(C) exactly.
  Tensor<float> features({5, 40});
  Random random(11);
  for (float& value : features) value = static_cast<float>(random.below(9) - 4);
  const FeatureStatistics a = feature_statistics(features);
  FeatureStatistics b = a;
  b.covariance *= 9;
  const double expected = 4 * a.covariance.trace();
  CHECK(expected > 100);
  CHECK(frechet_distance(a, b) == doctest::Approx(expected).epsilon(1e-6));
  CHECK(frechet_distance(b, a) == doctest::Approx(expected).epsilon(1e-6));
  CHECK(frechet_distance(a, a) < 1e-5 * expected);
}

TEST_CASE("the Frechet distance of deficient covariances that do not commute") {
  // C1 = u u^T and C2 = v v^T of rank one: the trace of the root is |u . v|. u = (3, 4),
  // v = (5, 0): 25 + 25 - 2 * 15.
  const FeatureStatistics a = normal_distribution({0, 0}, {9, 12, 12, 16});
  const FeatureStatistics b = normal_distribution({0, 0}, {25, 0, 0, 0});
  CHECK(frechet_distance(a, b) == doctest::Approx(20));
  CHECK(frechet_distance(b, a) == doctest::Approx(20));
}

}  // namespace generation_metrics_test
