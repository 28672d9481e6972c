#include "support/stored_network.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;

/// A file's path, and no file there in the end.
struct File {
  fs::path path;
  explicit File(const char* name) : path(fs::temp_directory_path() / name) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { fs::remove(path); }
};

/// Some digits of noise, one of each class.
nn::Dataset noise() {
  nn::Tensor<std::uint8_t> pixels({10, 28, 28, 1});
  nn::Random random(5);
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(random.below(256));
  std::vector<nn::Label> labels;
  std::vector<std::string> names;
  for (nn::Label label = 0; label < 10; ++label) {
    labels.push_back(label);
    names.push_back("class " + std::to_string(label));
  }
  return nn::Dataset(std::move(pixels), std::move(labels), std::move(names))
      .with_normalization({{0.25}, {0.125}});
}

example::ImageModel network(const nn::Dataset& data, const char* kind = "own") {
  const example::Recipe recipe = example::with_network(example::find_recipe("mnist", "fast"), kind);
  return {example::network_of(recipe, data.sample_shape(), data.classes()),
          data.sample_shape(),
          {.seed = 7}};
}

TEST_CASE("stored network: what is read answers as what was stored, in a byte a weight") {
  const nn::Dataset data = noise();
  auto model = network(data);
  const File file("nn_stored_network_test.safetensors");
  example::save_weights(file.path, model, data, {.flip = true, .shift = 1},
                        {{"dataset", "mnist"}, {"recipe", "fast"}}, {{"test_accuracy", "0.9875"}});
  const std::vector<example::Trained> networks = example::load_networks({file.path.string()});
  REQUIRE(networks.size() == 1);
  const example::Trained& trained = networks.front();
  CHECK(trained.dataset == "mnist");
  CHECK(trained.class_names == data.class_names());
  CHECK(trained.normalization.mean == std::vector<double>{0.25});
  CHECK(trained.normalization.deviation == std::vector<double>{0.125});
  CHECK(trained.views.flip);
  CHECK(trained.views.shift == 1);
  CHECK(trained.test_accuracy == 0.9875);

  nn::from_safetensors(model, nn::to_safetensors(model, {.type = example::stored_type}));
  const nn::Tensor<float> expected = nn::predict_views(model, data, trained.views);
  // Bytes as they are: the normalization comes from the file.
  const nn::Tensor<float> found = example::logits_of(networks, data.with_normalization({})).front();
  REQUIRE(found.shape() == expected.shape());
  for (nn::Index i = 0; i < found.size(); ++i) CHECK(found[i] == expected[i]);
}

TEST_CASE("stored network: a network of another kind is made again by its name") {
  const nn::Dataset data = noise();
  for (const char* kind : {"resnet", "vit", "mixer", "lstm"}) {
    CAPTURE(kind);
    auto model = network(data, kind);
    const File file("nn_stored_network_test_3.safetensors");
    example::save_weights(file.path, model, data, {.flip = false},
                          {{"dataset", "mnist"}, {"recipe", "fast"}, {"network", kind}},
                          {{"test_accuracy", "0.5"}});
    const std::vector<example::Trained> networks = example::load_networks({file.path.string()});
    nn::from_safetensors(model, nn::to_safetensors(model, {.type = example::stored_type}));
    const nn::Tensor<float> expected = nn::predict_views(model, data, networks.front().views);
    const nn::Tensor<float> found = example::logits_of(networks, data).front();
    REQUIRE(found.shape() == expected.shape());
    for (nn::Index i = 0; i < found.size(); ++i) CHECK(found[i] == expected[i]);
  }
}

TEST_CASE("stored network: a file that does not say all is refused by what it lacks") {
  const nn::Dataset data = noise();
  const auto model = network(data);
  const File file("nn_stored_network_test_2.safetensors");
  nn::save(model, file.path, {.metadata = {{"dataset", "mnist"}}});
  CHECK_THROWS_WITH_AS(example::load_weights(file.path), doctest::Contains("'class_names'"),
                       nn::FileError);
}

}  // namespace
