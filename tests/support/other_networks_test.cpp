#include "support/other_networks.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "support/recipe_network.hpp"
#include "support/study/image_training.hpp"

namespace {

nn::Shape images_of(const std::string& dataset) {
  return dataset == "cifar-10" ? nn::Shape{32, 32, 3} : nn::Shape{28, 28, 1};
}

TEST_CASE("other networks: each kind takes the images of every data set, and is small") {
  for (const example::Recipe& own : example::recipes()) {
    for (const std::string_view name : example::network_names) {
      CAPTURE(own.dataset);
      CAPTURE(name);
      const example::Recipe recipe = example::with_network(own, name);
      CHECK(recipe.network == name);
      CHECK(recipe.augmentation.shift == own.augmentation.shift);
      const nn::Shape images = images_of(std::string(own.dataset));
      const example::ImageModel model(example::network_of(recipe, images, 10), images);
      CHECK(model.output_shape() == nn::Shape{10});
      CHECK(model.parameters().size() < 1'800'000);
    }
  }
}

TEST_CASE("other networks: each kind learns to tell bright images from dark ones") {
  constexpr nn::Index count = 32;
  nn::Tensor<std::uint8_t> pixels({count, 28, 28, 1});
  std::vector<nn::Label> labels;
  for (nn::Index i = 0; i < count; ++i) {
    labels.push_back(static_cast<nn::Label>(i % 2));
    for (std::uint8_t& pixel : pixels.sample(i)) pixel = i % 2 == 0 ? 40 : 200;
  }
  const nn::Dataset data = nn::Dataset(std::move(pixels), std::move(labels), {"dark", "bright"})
                               .with_normalization({{0.5}, {0.25}});
  example::ImageOptions options;
  options.dataset = "mnist";
  for (const std::string_view name : {"resnet", "vit", "mixer", "lstm"}) {
    CAPTURE(name);
    const example::Recipe recipe = example::recipe_of(options, name);
    example::ImageModel model = example::untrained(options, recipe, {data, data, data});
    const auto history = example::detail::with_rule(recipe, [&](const auto& rule) {
      nn::FitOptions fitting;
      fitting.epochs = 8;
      fitting.batch_size = 16;
      return nn::fit(model, data, nn::SoftmaxCrossEntropy{}, rule, fitting);
    });
    CHECK(history.last().loss < 0.3 * history.epochs.front().loss);
  }
}

TEST_CASE("other networks: what there is not is refused by name") {
  CHECK_THROWS_WITH_AS(
      (void)example::with_network(example::find_recipe("mnist", "fast"), "perceptron"),
      doctest::Contains("there is no network 'perceptron'"), nn::Error);
}

TEST_CASE("other networks: the time is said once, in minutes or in epochs of all networks") {
  const auto settled = [](const std::string& network, double minutes,
                          const std::vector<nn::Index>& epochs, bool resume = false) {
    example::ImageOptions options;
    options.network = network;
    options.minutes = minutes;
    options.given_epochs = epochs;
    options.resume = resume;
    options.settle_time();
    return options;
  };
  CHECK(settled("own", 0, {}).minutes == 0);
  CHECK(settled("own", 0, {3}).epochs == 3);
  CHECK(settled("vit", 0, {}).minutes == 2);
  CHECK(settled("vit", 0, {3}).minutes == 0);
  CHECK(settled("all", 5, {}).minutes == 5);
  CHECK(settled("all", 0, {1, 2, 3, 4, 5}).given_epochs.size() == 5);
  const auto refuses = [&](const char* words, const auto&... flags) {
    CHECK_THROWS_WITH_AS(settled(flags...), doctest::Contains(words), nn::Error);
  };
  using Epochs = std::vector<nn::Index>;
  refuses("one for each network", "all", 0.0, Epochs{1, 2});
  refuses("needs 1 number", "vit", 0.0, Epochs{1, 2});
  refuses("say the same twice", "vit", 2.0, Epochs{1});
  refuses("above 0", "vit", -1.0, Epochs{});
  refuses("--resume of all networks", "all", 2.0, Epochs{}, true);
}

}  // namespace
