#include "nn/io/onnx_info.hpp"

#include <doctest/doctest.h>

#include "data_files.hpp"
#include "nn/io/model_file.hpp"
#include "nn/io/onnx.hpp"
#include "nn/viz/classifier.hpp"

namespace onnx_info_test {

namespace {

using doctest::Approx;
using nn::Index;
using nn::Tensor;

}  // namespace

TEST_CASE("ONNX: a file with what is known of the model makes a classifier") {
  const nn::Sequential<nn::AnyLayer> network(
      {nn::Conv2D{.filters = 3, .kernel = 3}, nn::ReLU{}, nn::Flatten{}, nn::Dense{2}});
  const nn::Model model(network, {6, 5, 3}, {.seed = 4});
  const nn::ModelInfo info{.class_names = {"left", "right"},
                           .normalization = nn::Normalization{{0.4}, {0.2}},
                           .picture = nn::PictureKind::whole,
                           .rejection = {.least_margin = 2},
                           .metrics = {{"accuracy", 0.75}}};
  const data_files::TemporaryFolder folder;
  const auto path = folder.path() / "model.onnx";
  nn::save_onnx(model, path, {.metadata = nn::metadata_of(info)});
  const nn::Classifier classifier(nn::load_onnx(path), nn::onnx_info(path));
  CHECK(classifier.info().metrics == info.metrics);
  nn::viz::Image picture(12, 10, 3);
  nn::Random random(2);
  for (std::uint8_t& level : picture.pixels()) level = static_cast<std::uint8_t>(random.below(256));
  const nn::Classification answer = classifier.classify(picture);
  const nn::Classification expected = nn::Classifier(model, info).classify(picture);
  CHECK(answer.name == expected.name);
  CHECK(answer.probability == Approx(expected.probability).epsilon(1e-5));
  CHECK(answer.doubt == "unsure: the two likeliest are less than 200 % apart");
  nn::save_onnx(model, path);
  CHECK(nn::onnx_info(path).class_names.empty());
}

TEST_CASE("ONNX: a network that was read from its file, with branches, is exported") {
  const auto branches = nn::concat(nn::Identity{}, nn::Conv2D{.filters = 2, .kernel = 1});
  const nn::Model model(nn::sequential(branches, nn::Flatten{}, nn::Dense{3}), {4, 4, 2},
                        {.seed = 4});
  const auto loaded = nn::model_of<float>(nn::to_safetensors(model));
  const auto imported = nn::from_onnx(nn::to_onnx(loaded));
  Tensor<float> x({2, 4, 4, 2});
  nn::Random random(3);
  for (float& value : x) value = static_cast<float>(random.uniform(-1, 1));
  const Tensor<float> expected = model.predict(x);
  const Tensor<float> found = imported.predict(x);
  for (Index i = 0; i < expected.size(); ++i) {
    CHECK(static_cast<double>(found[i]) ==
          Approx(static_cast<double>(expected[i])).epsilon(1e-5).scale(1));
  }
}

}  // namespace onnx_info_test
