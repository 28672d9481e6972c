#include "nn/train/ensemble.hpp"

#include <doctest/doctest.h>

#include "blobs.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"

namespace ensemble_test {

using nn::Index;
using nn::Tensor;

TEST_CASE("mean_probabilities: by hand") {
  // Two networks, two images. exp(ln 3) : exp(0) is 3 : 1, so the first network says 3/4 and 1/2.
  const double three = std::log(3.0);
  const std::vector<Tensor<double>> logits{Tensor<double>({2, 2}, {three, 0, 5, 5}),
                                           Tensor<double>({2, 2}, {1, 1 + three, 0, three})};
  const Tensor<double> mean = nn::mean_probabilities(std::span<const Tensor<double>>(logits));
  const std::vector<double> expected{0.5, 0.5, 0.375, 0.625};
  for (Index i = 0; i < 4; ++i) {
    CHECK(mean[i] == doctest::Approx(expected[static_cast<std::size_t>(i)]));
  }
}

TEST_CASE("mean_probabilities: refuses nothing, and shapes that differ") {
  using Logits = std::vector<Tensor<float>>;
  const auto mean = [](const Logits& logits) {
    static_cast<void>(nn::mean_probabilities(std::span<const Tensor<float>>(logits)));
  };
  CHECK_THROWS_AS(mean({}), nn::Error);
  CHECK_THROWS_AS(mean({Tensor<float>({2, 3}), Tensor<float>({2, 4})}), nn::ShapeError);
}

TEST_CASE("predict_ensemble: what the networks say one by one, averaged") {
  const nn::Dataset data = blobs(9, 1);
  const auto network = nn::sequential(nn::Flatten{}, nn::Dense{3});
  using Model = nn::Model<std::remove_const_t<decltype(network)>>;
  std::vector<Model> models;
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    models.emplace_back(network, data.sample_shape(), nn::ModelOptions{.seed = seed});
  }
  const Tensor<float> together = nn::predict_ensemble(std::span<const Model>(models), data);
  REQUIRE(together.shape() == nn::Shape{9, 3});
  for (Index i = 0; i < together.size(); ++i) {
    float sum = 0;
    for (const Model& model : models) sum += nn::softmax_rows(nn::predict(model, data))[i];
    CHECK(together[i] == doctest::Approx(sum / 3));
  }
}

TEST_CASE("mean_probabilities: what one network gives as NaN counts as wrong") {
  const std::vector<Tensor<float>> logits{Tensor<float>({2, 2}, {5, 0, 5, 0}),
                                          Tensor<float>({2, 2}, {5, std::nanf(""), 5, 0})};
  const Tensor<float> mean = nn::mean_probabilities(std::span<const Tensor<float>>(logits));
  CHECK(nn::accuracy(mean, Tensor<nn::Label>({2}, {0, 0})) == 0.5);
}

}  // namespace ensemble_test
