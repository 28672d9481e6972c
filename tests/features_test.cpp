#include "nn/train/features.hpp"

#include <doctest/doctest.h>

#include "blobs.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/relu.hpp"

namespace features_test {

TEST_CASE("features: what layers in the middle give out") {
  const nn::Dataset data = blobs(300, 1);  // more than one batch
  const auto first = nn::Dense{.units = 5};
  const nn::Model model(
      nn::sequential(nn::Flatten{}, first, nn::ReLU{}, nn::Dense{4}, nn::Tanh{}, nn::Dense{3}),
      {6, 6, 1}, {.seed = 1});
  // The same by hand.
  const nn::Tensor<float> x = data.inputs();
  nn::RowMatrix<float> hidden = x.rows() * model.parameter("1.weight").matrix();
  hidden.rowwise() += model.parameter("1.bias").matrix().row(0);
  hidden = hidden.cwiseMax(0.0F);
  nn::RowMatrix<float> second = hidden * model.parameter("3.weight").matrix();
  second.rowwise() += model.parameter("3.bias").matrix().row(0);
  // A ReLU is computed by the layer before it, so both names mean the same.
  for (const char* path : {"1", "2"}) {
    const nn::Tensor<float> found = nn::features(model, data, path);
    REQUIRE(found.shape() == nn::Shape{300, 5});
    CHECK((found.matrix() - hidden).cwiseAbs().maxCoeff() < 1e-5F);
  }
  CHECK((nn::features(model, data, "3").matrix() - second).cwiseAbs().maxCoeff() < 1e-5F);
  const nn::RowMatrix<float> last = second.array().tanh();
  CHECK((nn::features(model, data, "4").matrix() - last).cwiseAbs().maxCoeff() < 1e-5F);
  CHECK(nn::features(model, data, "") == model.predict(x));
  CHECK(nn::features(model, data, "5") == model.predict(x));
  CHECK_THROWS_WITH_AS((void)nn::features(model, data, "6"),
                       "there is no layer at '6'; there are: 0, 1, 2, 3, 4, 5", nn::Error);
  CHECK_THROWS_AS((void)nn::features(model, data, "0"), nn::Error);  // a change of shape
}

}  // namespace features_test
