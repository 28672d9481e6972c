#include "nn/viz/classifier.hpp"

#include <doctest/doctest.h>
#include <filesystem>

#include "data_files.hpp"
#include "nn/io/fit_rejection.hpp"

namespace viz_classifier_test {

namespace {

using doctest::Approx;
using nn::Index;
using nn::Shape;
using nn::Tensor;
using nn::viz::Colour;
using nn::viz::Image;

std::string message_of(const auto& run) {
  try {
    run();
  } catch (const nn::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// Grey pictures of 4x4, whose left or right half is bright: class 0 or 1.
nn::Dataset halves(Index count) {
  Tensor<std::uint8_t> images({count, 4, 4, 1});
  std::vector<nn::Label> labels;
  nn::Random random(3);
  for (Index i = 0; i < count; ++i) {
    labels.push_back(static_cast<nn::Label>(i % 2));
    for (Index p = 0; p < 16; ++p) {
      const bool bright = (p % 4 < 2) == (i % 2 == 0);
      images.sample(i)[p] = static_cast<std::uint8_t>((bright ? 200 : 20) + random.below(30));
    }
  }
  return nn::Dataset(std::move(images), std::move(labels), {"left", "right"}, "halves")
      .with_normalization({{0.45}, {0.3}});
}

nn::Model<nn::Sequential<nn::AnyLayer>> trained(const nn::Dataset& data, bool softmax = false) {
  nn::Sequential<nn::AnyLayer> network({nn::Flatten{}, nn::Dense{3}, nn::ReLU{}, nn::Dense{2}});
  if (softmax) network.push_back(nn::Softmax{});
  nn::Model model(network, data.sample_shape(), {.seed = 1});
  // By hand: hidden unit 0 is the left half's sum, 1 the right half's.
  for (float& weight : model.parameters()) weight = 0;
  const auto hidden = model.parameter("1.weight");
  for (Index p = 0; p < 16; ++p) hidden[p * 3 + (p % 4 < 2 ? 0 : 1)] = 0.25F;
  const auto last = model.parameter("3.weight");
  last[0] = 1;  // unit 0 for class 0
  last[3] = 1;  // unit 1 for class 1
  return model;
}

Image half(bool left, Index side = 4) {
  Image image(side, side, 1, nn::viz::black);
  nn::viz::fill_rectangle(image, 0, left ? 0 : side / 2, side, side / 2, Colour{220, 220, 220});
  return image;
}

}  // namespace

TEST_CASE("classifier: the answer is the network's, for pictures of any size") {
  const nn::Dataset data = halves(20);
  const auto model = trained(data);
  const nn::Classifier classifier(model, nn::info_of(data));
  const nn::Classification answer = classifier.classify(half(false));
  CHECK(answer.label == 1);
  CHECK(answer.name == "right");
  CHECK(answer.doubt.empty());
  CHECK(answer.done.empty());
  CHECK(answer.seen == half(false));
  CHECK_FALSE(answer.distance.has_value());
  CHECK(answer.ranking() == std::vector<nn::Label>{1, 0});
  // By hand: black is -1.5, 220 is 1.3758; the dark half's unit is cut off at 0.
  const double logit = 8 * 0.25 * (220.0 / 255 - 0.45) / 0.3;
  const double expected = 1 / (1 + std::exp(-logit));
  CHECK(answer.probability == Approx(expected).epsilon(1e-5));
  CHECK(answer.margin == Approx(2 * expected - 1).epsilon(1e-5));
  CHECK(static_cast<double>(answer.probabilities[1]) == Approx(expected).epsilon(1e-5));

  const nn::Classification larger = classifier.classify(nn::viz::to_rgb(half(true, 64)));
  CHECK(larger.name == "left");
  CHECK(larger.done == "brought to 4x4 pixels");
  CHECK(larger.probability == Approx(expected).epsilon(1e-5));

  SUBCASE("a network that ends in a softmax gives probabilities itself") {
    const nn::Classifier other(trained(data, true), nn::info_of(data));
    CHECK(other.classify(half(false)).probability == Approx(expected).epsilon(1e-5));
  }
  SUBCASE("answers are averaged over the views") {
    nn::ModelInfo info = nn::info_of(data);
    info.views = {.flip = true};
    const nn::Classifier other(model, info);
    CHECK(other.classify(half(false)).probability == Approx(0.5).epsilon(1e-5));
  }
  SUBCASE("classes without names have numbers") {
    nn::ModelInfo info;
    info.normalization = data.normalization();
    CHECK(nn::Classifier(model, info).classify(half(false)).name == "1");
  }
}

TEST_CASE("classifier: what lies between classes, and what lies far from all, is no answer") {
  const nn::Dataset data = halves(200);
  const auto model = trained(data);
  nn::ModelInfo info = nn::info_of(data);
  info.rejection = nn::fit_rejection(model, data.slice(0, 100), data.slice(100, 100));
  CHECK(info.rejection.layer == "2");
  CHECK(info.rejection.largest_distance > 0);
  const nn::Classifier classifier(model, info);
  // At most 2 % of the validation set by each of the rules.
  int refused = 0;
  for (Index i = 100; i < 200; ++i) {
    const nn::Classification answer = classifier.classify(Image(data.image(i)));
    CHECK(answer.label == data.label(i));
    if (!answer.doubt.empty()) ++refused;
  }
  CHECK(refused <= 4);
  // Even grey: between the classes. All white: both units far beyond what was learned.
  const Image grey(4, 4, 1, Colour{120, 120, 120});
  CHECK(classifier.classify(grey).doubt.starts_with("unsure: the largest probability is below"));
  info.rejection.least_probability = 0;
  const nn::Classifier by_distance(model, info);
  const nn::Classification white = by_distance.classify(Image(4, 4, 1));
  CHECK(*white.distance > info.rejection.largest_distance);
  CHECK(white.doubt.starts_with("unlike anything learned"));
  info.rejection.distance.reset();
  info.rejection.least_margin = 0.5;
  CHECK(nn::Classifier(model, info).classify(grey).doubt ==
        "unsure: the two likeliest are less than 50 % apart");
  CHECK(nn::Classifier(model, info).classify(half(true)).doubt.empty());
}

TEST_CASE("classifier: a file is all that it takes") {
  const nn::Dataset data = halves(200);
  const auto model = trained(data);
  nn::ModelInfo info = nn::info_of(data);
  info.rejection = nn::fit_rejection(model, data.slice(0, 100), data.slice(100, 100));
  const auto folder = std::filesystem::temp_directory_path() /
                      nn::detail::temporary_beside("nn_classifier").filename();
  std::filesystem::create_directories(folder);
  nn::save(model, folder / "halves.safetensors", {.about = info});
  nn::viz::write_png(folder / "right.png", half(false, 32));
  const nn::Classifier classifier(folder / "halves.safetensors");
  const nn::Classification answer = classifier.classify(folder / "right.png");
  const nn::Classification expected = nn::Classifier(model, info).classify(half(false, 32));
  CHECK(answer.name == "right");
  CHECK(answer.probabilities == expected.probabilities);
  CHECK(*answer.distance == Approx(*expected.distance).epsilon(1e-4));
  const std::string missing = (folder / "none.png").string();
  CHECK(message_of([&] { (void)classifier.classify(missing); }).find(missing) != std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST_CASE("classifier: a model that classifies no pictures is refused") {
  const nn::Dataset data = halves(4);
  const auto refused = [](const nn::Sequential<nn::AnyLayer>& network, const Shape& input,
                          const nn::ModelInfo& info = {}) {
    return message_of([&] { (void)nn::Classifier(nn::Model(network, input), info); });
  };
  const nn::Sequential<nn::AnyLayer> dense({nn::Flatten{}, nn::Dense{2}});
  CHECK(refused(dense, {16}) ==
        "a classifier of pictures takes images of 1 or 3 channels, and this model 16");
  CHECK(refused(nn::Sequential<nn::AnyLayer>({nn::ReLU{}}), {4, 4, 1}) ==
        "a classifier gives out a number for each of several classes, and this model 4x4x1");
  CHECK(refused(dense, {4, 4, 1}, {.class_names = {"a"}}) == "1 class names for 2 outputs");
  CHECK(refused(dense, {4, 4, 1}, {.normalization = nn::Normalization{{1, 2}, {}}})
            .starts_with("a normalisation with 2 means"));
  CHECK(message_of([] {
          nn::Classifier(std::filesystem::path("no such file"));
        }).find("no such file") != std::string::npos);
}

TEST_CASE("classifier: the repository's digit is a 1 by the repository's weights") {
  const std::filesystem::path tests = data_files::tests_folder;
  const nn::Classifier classifier(tests / "../examples/weights/mnist-best.safetensors");
  const nn::Classification answer = classifier.classify(tests / "support/digit.png");
  CHECK(answer.name == "1");
  CHECK(answer.probability > 0.85);
  CHECK(answer.doubt.empty());
  CHECK(answer.seen.height() == 28);
  CHECK(classifier.info().metrics.at("test_accuracy") == Approx(0.9971));
  const nn::Classifier clothes(tests / "../examples/weights/fashion-mnist-best.safetensors");
  CHECK(clothes.info().class_names.back() == "ankle boot");
  const nn::Classifier things(tests / "../examples/weights/cifar-10-best.safetensors");
  CHECK(things.classify(tests / "support/digit.png").seen.channels() == 3);
}

}  // namespace viz_classifier_test
