// Layers with names, and what speaks of layers by them.
#include "nn/layers/named.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "blobs.hpp"
#include "nn/io/load_part.hpp"
#include "nn/io/model_file.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/sgd.hpp"
#include "nn/train/features.hpp"
#include "nn/train/fit.hpp"

namespace named_layers_test {

using namespace nn;  // NOLINT

auto network(Index classes) {
  return sequential(named("features", Flatten{}, Dense{5}, BatchNorm{}, Tanh{}),
                    named("head", Dense{classes}));
}

auto make_model(Index classes = 3, std::uint64_t seed = 1) {
  return Model(network(classes), {6, 6, 1}, {.seed = seed});
}

template <class M>
std::vector<std::string> names_of(const M& model) {
  std::vector<std::string> names;
  for (const Variable& variable : model.variables()) names.push_back(variable.name);
  return names;
}

std::string temporary(const char* name) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return (std::filesystem::temp_directory_path() / detail::text("nn-named-", now, name)).string();
}

TEST_CASE("named layers give their names to parameters, and change nothing else") {
  const auto model = make_model();
  CHECK(names_of(model) == std::vector<std::string>{"features.1.weight", "features.1.bias",
                                                    "features.2.scale", "features.2.shift",
                                                    "head.weight", "head.bias"});
  CHECK(model.states().front().name == "features.2.running_mean");
  const Model plain(sequential(sequential(Flatten{}, Dense{5}, BatchNorm{}, Tanh{}), Dense{3}),
                    {6, 6, 1}, {.seed = 1});
  CHECK(
      std::equal(plain.parameters().begin(), plain.parameters().end(), model.parameters().begin()));
  const Tensor<float> inputs = blobs(4, 1).inputs();
  CHECK(plain.predict(inputs) == model.predict(inputs));
  CHECK(named("head", Dense{3}).label() == "head");
}

TEST_CASE("names are what paths can hold, and no two neighbours share one") {
  for (const char* wrong : {"", "3", "a.b", "a b", "\xc3\xa4"}) {
    CHECK_THROWS_AS((void)named(wrong, Tanh{}), Error);
  }
  CHECK_NOTHROW((void)named("_a-1", Tanh{}));
  CHECK_THROWS_WITH_AS(Model(sequential(named("a", Tanh{}), named("a", Tanh{})), {2}),
                       doctest::Contains("have the name 'a'"), Error);
}

TEST_CASE("freezing, parameter groups and features speak of layers by their names") {
  const Dataset data = blobs(30, 1);
  auto model = make_model();
  const Tensor<float> before(std::as_const(model).parameter("features.1.weight"));
  const Tensor<float> head(std::as_const(model).parameter("head.weight"));
  model.freeze("features");
  fit(model, data, SoftmaxCrossEntropy{}, SGD{.learning_rate = 0.1},
      {.epochs = 1, .batch_size = 10});
  CHECK(Tensor<float>(std::as_const(model).parameter("features.1.weight")) == before);
  CHECK_FALSE(Tensor<float>(std::as_const(model).parameter("head.weight")) == head);

  model.freeze("features", false);
  const Tensor<float> held(std::as_const(model).parameter("head.weight"));
  Optimizer optimizer(model, SGD{.learning_rate = 0.1},
                      {.groups = {{.path = "head", .learning_rate = 0}}});
  fit(model, data, SoftmaxCrossEntropy{}, optimizer, {.epochs = 1, .batch_size = 10});
  CHECK(Tensor<float>(std::as_const(model).parameter("head.weight")) == held);
  CHECK_FALSE(Tensor<float>(std::as_const(model).parameter("features.1.weight")) == before);

  CHECK(features(model, data, "features").shape() == Shape{30, 5});
  CHECK_THROWS_WITH_AS((void)features(model, data, "tail"), doctest::Contains("head"), Error);
}

TEST_CASE("a model file keeps the names") {
  const auto model = make_model();
  const std::string file = temporary("model");
  save(model, file);
  const auto loaded = load_model(file);
  CHECK(names_of(loaded) == names_of(model));
  const Tensor<float> inputs = blobs(4, 1).inputs();
  CHECK(loaded.predict(inputs) == model.predict(inputs));
  std::filesystem::remove(file);
}

TEST_CASE("a part of a file is loaded under a new head, and the rest is told of") {
  const auto trained = make_model(3, 1);
  const std::string file = temporary("weights");
  save(trained, file);
  auto model = make_model(4, 2);
  const Tensor<float> head(std::as_const(model).parameter("head.weight"));
  const LoadPartReport report = load_part(model, file);
  CHECK(report.taken.size() == 6);  // two of Dense, four of BatchNorm
  CHECK(report.other_shape == std::vector<std::string>{"head.weight (5x3 there, 5x4 here)",
                                                       "head.bias (3 there, 4 here)"});
  CHECK(report.missing.empty());
  CHECK(report.left_in_file.empty());
  for (const char* name : {"features.1.weight", "features.2.scale"}) {
    CHECK(Tensor<float>(std::as_const(model).parameter(name)) ==
          Tensor<float>(trained.parameter(name)));
  }
  CHECK(Tensor<float>(std::as_const(model).parameter("head.weight")) == head);
  CHECK(report.to_string().find("taken (6): features.1.weight, ") == 0);
  std::filesystem::remove(file);
}

TEST_CASE("a part of a file goes to another layer, with names mapped, in PyTorch's layout too") {
  const auto trained = make_model(3, 1);
  const std::string file = temporary("weights");
  save(trained, file, {.layout = WeightLayout::pytorch});
  Model model(sequential(named("body", Flatten{}, named("first", Dense{5}), BatchNorm{}), Dense{2}),
              {6, 6, 1}, {.seed = 2});
  const LoadPartReport report =
      load_part(model, file, {.from = "features", .into = "body", .names = {{"first", "1"}}});
  CHECK(report.taken.size() == 6);
  CHECK(report.left_in_file == std::vector<std::string>{"head.bias", "head.weight"});
  CHECK(Tensor<float>(std::as_const(model).parameter("body.first.weight")) ==
        Tensor<float>(trained.parameter("features.1.weight")));

  const Tensor<float> before(std::as_const(model).parameters());
  CHECK_THROWS_WITH_AS((void)load_part(model, file, {.from = "nothing"}),
                       doctest::Contains("is for this model"), FileError);
  CHECK_THROWS_WITH_AS((void)load_part(model, file, {.into = "tail"}),
                       "the model has no layer 'tail' with parameters", Error);
  CHECK(Tensor<float>(std::as_const(model).parameters()) == before);
  std::filesystem::remove(file);
}

}  // namespace named_layers_test
