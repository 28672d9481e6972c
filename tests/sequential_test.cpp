#include "nn/layers/sequential.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "layer_testing.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/any_layer.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/concat.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/layer_norm.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/prelu.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/residual.hpp"
#include "nn/layers/softmax.hpp"
#include "nn/layers/upsample2d.hpp"

namespace sequential_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::AnyLayer;
using Chain = nn::Sequential<AnyLayer>;

namespace {

std::string describe(const Chain& chain) {
  std::ostringstream text;
  for (const AnyLayer& layer : chain.layers()) text << layer.name() << ' ';
  return text.str();
}

/// Layers that take any image and give one: in place and not, reading their output and not, fusing
/// an activation and not, views, with and without parameters, made of layers.
std::vector<AnyLayer> image_layers() {
  const auto conv = nn::Conv2D{.filters = 4, .kernel = 3, .padding = 1};
  return {
      conv,
      nn::BatchNorm{},
      nn::LayerNorm{},
      nn::ReLU{},
      nn::LeakyReLU{0.2F},
      nn::Tanh{},
      nn::Softplus{},
      nn::SiLU{},
      nn::Softmax{},
      nn::LogSoftmax{},
      nn::PReLU{},
      nn::Dropout{0.3F},
      nn::MaxPool2D{.window = 2, .stride = 1, .padding = nn::Padding::same()},
      nn::AveragePool2D{.window = 3, .stride = 1, .padding = 1},
      nn::Identity{},
      nn::Reshape{{4, 4, 4}},
      Chain({conv, nn::ReLU{}}),
      Chain({nn::Dropout{0.3F}, nn::Identity{}}),
      Chain({nn::Tanh{}}),
      Chain({nn::Identity{}}),
      nn::Residual<AnyLayer>(Chain({conv, nn::Sigmoid{}})),
      nn::Residual<AnyLayer>(conv),
      nn::Residual<AnyLayer, AnyLayer>(nn::BatchNorm{}, Chain({conv, nn::LeakyReLU{}})),
      nn::Residual<AnyLayer>(nn::Identity{}),
      Chain({nn::Concat<AnyLayer, AnyLayer>(conv, nn::Tanh{}), conv}),
      Chain({nn::Concat<AnyLayer, AnyLayer>(nn::Identity{}, Chain({conv, nn::ReLU{}})), conv}),
      Chain({nn::UpSample2D{2}, nn::MaxPool2D{2}}),
  };
}

/// Layers drawn at random, one after another.
Chain random_chain(nn::Random& random, Index length) {
  static const std::vector<AnyLayer> layers = image_layers();
  Chain chain;
  for (Index i = 0; i < length; ++i) {
    const Index drawn = random.below(static_cast<Index>(layers.size()));
    chain.push_back(layers[static_cast<std::size_t>(drawn)]);
  }
  return chain;
}

const Shape image{4, 4, 4};

/// The parameters and states of one layer of a chain, given to a model of that layer alone.
nn::Model<AnyLayer, double> alone(nn::Model<Chain, double>& whole, Index index) {
  const nn::Plan& plan = whole.plan().children[static_cast<std::size_t>(index)];
  nn::Model<AnyLayer, double> model(whole.network().layers()[static_cast<std::size_t>(index)],
                                    plan.input);
  const std::string prefix = std::to_string(index) + ".";
  for (const nn::Variable& variable : whole.variables()) {
    if (!variable.name.starts_with(prefix)) continue;
    const auto from = whole.parameter(variable.name);
    std::copy(from.begin(), from.end(),
              model.parameter(variable.name.substr(prefix.size())).begin());
  }
  Index at = 0;
  for (const nn::Variable& variable : whole.states()) {
    if (!variable.name.starts_with(prefix)) continue;
    const double* from = whole.state().data() + variable.offset;
    std::copy_n(from, variable.shape.size(), model.state().data() + at);
    at += variable.shape.size();
  }
  return model;
}

}  // namespace

TEST_CASE("inference of a chain is its layers' one after another, whatever stands beside what") {
  nn::Random random(1);
  for (int round = 0; round < 300; ++round) {
    const Chain chain = random_chain(random, 1 + random.below(7));
    CAPTURE(describe(chain));
    nn::Model<Chain, double> model(chain, image, {.seed = 2});
    for (double& value : model.parameters()) value += random.uniform(-0.1, 0.1);
    const auto x = random_tensor<double>(image.prepended(3), 3);
    model.forward(x);  // so that there are running statistics
    Tensor<double> expected = x;
    for (Index i = 0; i < chain.length(); ++i) expected = alone(model, i).predict(expected);
    CHECK(model.predict(x) == expected);
    CHECK(x == random_tensor<double>(image.prepended(3), 3));
  }
}

TEST_CASE("the gradients of a chain are right, whatever stands beside what") {
  nn::Random random(4);
  for (int round = 0; round < 300; ++round) {
    const Chain chain = random_chain(random, 1 + random.below(6));
    check_gradients_of(chain, image,
                       {.batch = 2, .elements = 6, .seed = static_cast<std::uint64_t>(round)});
    if (round % 3 == 0) {
      INFO(describe(chain));
      CHECK(nn::check_gradients(chain, image, {.batch = 1, .elements = 3}).ok);
    }
  }
}

TEST_CASE("every layer stands next to every other") {
  const std::vector<AnyLayer> layers = image_layers();
  for (const AnyLayer& first : layers) {
    for (const AnyLayer& second : layers) {
      const Chain chain({first, second});
      INFO(describe(chain));
      CHECK(nn::check_gradients(chain, image, {.batch = 2, .elements = 4}).ok);
    }
  }
}

TEST_CASE("a chain known at run time gives the same bits as one known to the compiler") {
  const auto fixed = nn::sequential(
      nn::Conv2D{.filters = 6, .padding = 1}, nn::BatchNorm{}, nn::ReLU{}, nn::MaxPool2D{2},
      nn::residual(nn::Conv2D{.filters = 6, .padding = 1}, nn::LeakyReLU{}), nn::ReLU{},
      nn::concat(nn::Identity{}, nn::Conv2D{.filters = 2, .kernel = 1}), nn::Flatten{},
      nn::Dropout{0.2F}, nn::Dense{12}, nn::Tanh{}, nn::Dense{5});
  const Chain free(
      {nn::Conv2D{.filters = 6, .padding = 1}, nn::BatchNorm{}, nn::ReLU{}, nn::MaxPool2D{2},
       nn::Residual<AnyLayer>(Chain({nn::Conv2D{.filters = 6, .padding = 1}, nn::LeakyReLU{}})),
       nn::ReLU{},
       nn::Concat<AnyLayer, AnyLayer>(nn::Identity{}, nn::Conv2D{.filters = 2, .kernel = 1}),
       nn::Flatten{}, nn::Dropout{0.2F}, nn::Dense{12}, nn::Tanh{}, nn::Dense{5}});
  CHECK(training_pass<float>(fixed, {8, 8, 3}, 5) == training_pass<float>(free, {8, 8, 3}, 5));
  check_threads(fixed, {12, 12, 3}, 9);
}

TEST_CASE("an activation applied by the layer before it gives the same bits as by itself") {
  // Identity between them would be a view; Dropout of rate 0 keeps them apart.
  const auto check = [](const AnyLayer& layer, const AnyLayer& activation) {
    CAPTURE(layer.name());
    const Chain fused({layer, activation});
    const Chain apart({layer, nn::Dropout{0}, activation});
    CHECK(training_pass<float>(fused, {6, 6, 4}, 3) == training_pass<float>(apart, {6, 6, 4}, 3));
  };
  for (const AnyLayer& activation : {AnyLayer(nn::ReLU{}), AnyLayer(nn::LeakyReLU{0.3F})}) {
    check(nn::Conv2D{.filters = 5}, activation);
    check(nn::BatchNorm{}, activation);
    check(nn::LayerNorm{}, activation);
    check(nn::Residual<AnyLayer>(nn::Conv2D{.filters = 4, .padding = 1}), activation);
    check(nn::Concat<AnyLayer, AnyLayer>(nn::Identity{}, nn::Conv2D{.filters = 4, .padding = 1}),
          activation);
  }
}

TEST_CASE("a network too large for the memory there is says what takes it") {
  constexpr Index many = Index{1} << (sizeof(Index) * 4 - 2);
  const auto make = [](Index first, Index second) {
    (void)nn::Model(nn::sequential(nn::Dense{first}, nn::Dense{second}), Shape{3});
  };
  CHECK_THROWS_WITH_AS(make(many, 8 * many), doctest::Contains("Dense{"), nn::ShapeError);
  CHECK_THROWS_WITH_AS(make(many, 8 * many), doctest::Contains("too many elements to count"),
                       nn::ShapeError);
  CHECK_THROWS_WITH_AS(make(many, 3 * many), doctest::Contains("its largest parameter, 1.weight"),
                       nn::Error);
}

TEST_CASE("any layer tells what it holds, and copies of it do so too") {
  const AnyLayer layer = nn::Dense{7};
  const AnyLayer copy = layer;
  REQUIRE(copy.get_if<nn::Dense>() != nullptr);
  CHECK(copy.get_if<nn::Dense>()->name() == "Dense{7}");
  CHECK(copy.get_if<nn::Conv2D>() == nullptr);
  CHECK(copy.get_if<nn::Tanh>() == nullptr);
  AnyLayer left = layer;
  const AnyLayer taken = std::move(left);
  CHECK(left.get_if<nn::Dense>() == nullptr);  // NOLINT(bugprone-use-after-move)
  CHECK(taken.get_if<nn::Dense>() != nullptr);
}

TEST_CASE("frozen layers stay as they are and let the gradient through") {
  const auto network = nn::sequential(nn::Dense{4}, nn::Tanh{},
                                      nn::residual(nn::Dense{4}, nn::Tanh{}), nn::Dense{2});
  const auto x = random_tensor<double>({3, 5}, 1);
  const auto dy = random_tensor<double>({3, 2}, 2);
  const auto gradients_of = [&](const std::vector<std::string>& frozen, bool input_gradient) {
    nn::Model<std::remove_cvref_t<decltype(network)>, double> model(network, {5}, {.seed = 3});
    for (const std::string& path : frozen) model.freeze(path);
    model.forward(x);
    std::vector<double> numbers;
    const auto dx = model.backward(dy, {.input_gradient = input_gradient});
    numbers.assign(dx.begin(), dx.end());
    for (const nn::Variable& variable : model.variables()) {
      const double* at = model.gradients().data() + variable.offset;
      numbers.insert(numbers.end(), at, at + variable.shape.size());
    }
    return numbers;
  };
  const std::vector<double> all = gradients_of({}, true);
  const Index dx_size = 15;
  const Index first = 5 * 4 + 4;
  const Index second = 4 * 4 + 4;
  // What is frozen has no gradient; the rest is as it was.
  std::vector<double> expected = all;
  std::fill_n(expected.begin() + dx_size + first, second, 0.0);
  CHECK(gradients_of({"2"}, true) == expected);
  CHECK(gradients_of({"2.0.0"}, true) == expected);
  std::fill_n(expected.begin() + dx_size, first, 0.0);
  CHECK(gradients_of({"0", "2"}, true) == expected);
  // With nothing left to learn below the last layer, nothing is run there.
  CHECK(gradients_of({"0", "2"}, false) ==
        std::vector<double>(expected.begin() + dx_size, expected.end()));
  std::fill(expected.begin() + dx_size, expected.end(), 0.0);
  CHECK(gradients_of({""}, true) == expected);
}

TEST_CASE("parameters have the same gradients whether or not the input's is wanted") {
  const auto check = [](const auto& network, std::uint64_t seed) {
    CAPTURE(nn::name_of(network));
    const auto gradients_of = [&](bool input_gradient) {
      nn::Model<std::remove_cvref_t<decltype(network)>, double> model(network, image,
                                                                      {.seed = seed});
      const auto x = random_tensor<double>(image.prepended(3), 8);
      const auto dy = random_tensor<double>(model.forward(x).shape(), 9);
      (void)model.backward(dy, {.input_gradient = input_gradient});
      return std::vector<double>(model.gradients().begin(), model.gradients().end());
    };
    const std::vector<double> without = gradients_of(false);
    CHECK(without == gradients_of(true));
    return without;
  };
  // A branch with nothing to learn is not run backward, but what it keeps stands before what the
  // next one does.
  const auto pooling = nn::MaxPool2D{.window = 3, .stride = 1, .padding = 1};
  const auto learning = nn::sequential(nn::Conv2D{.filters = 4, .kernel = 3, .padding = 1},
                                       nn::BatchNorm{}, nn::Tanh{});
  const auto gradient = check(nn::concat(pooling, learning), 1);
  CHECK(std::any_of(gradient.begin(), gradient.end(), [](double g) { return g != 0; }));
  check(nn::concat(nn::sequential(nn::Tanh{}, pooling), nn::Softplus{}, learning), 2);
  check(nn::concat(learning, nn::Sigmoid{}, pooling, learning), 3);
  check(nn::Residual{learning, nn::sequential(nn::Tanh{}, pooling)}, 4);
  check(nn::Residual{nn::sequential(nn::Tanh{}, pooling), learning}, 5);
  check(nn::residual(nn::concat(pooling, learning), nn::Conv2D{.filters = 4, .kernel = 1}), 6);
  check_gradients_of(nn::concat(pooling, learning), image, {.batch = 2, .elements = 20});
  nn::Random random(10);
  for (std::uint64_t round = 0; round < 100; ++round) {
    const Chain chain = random_chain(random, 1 + random.below(4));
    CAPTURE(describe(chain));
    check(chain, round);
  }
}

TEST_CASE("an error names the layer and its place, however deep") {
  const auto network =
      nn::sequential(nn::Conv2D{.filters = 4}, nn::residual(nn::ReLU{}, nn::Dense{3}));
  check_error(
      [&] {
        (void)nn::Model(network, {8, 8, 1});
      },
      {"Residual (layer 1)", "Sequential (branch 0)", "Dense{3} (layer 1)", "6x6x4"});
  check_error([] { (void)nn::Model(nn::residual(nn::Dense{3}), {4}); },
              {"the body gives 3", "the shortcut 4", "Residual{body, shortcut}"});
  check_error(
      [] {
        (void)nn::Model(nn::concat(nn::Flatten{}, nn::Identity{}), {2, 2, 1});
      },
      {"4", "2x2x1", "side by side"});
  check_error(
      [] {
        (void)nn::Model(nn::concat(nn::Identity{}, nn::MaxPool2D{2}), {4, 4, 1});
      },
      {"4x4x1", "2x2x1"});
  check_error<nn::Error>([] { (void)nn::Model(Chain{}, {2}); }, {"at least one layer"});
}

TEST_CASE("residual blocks and concatenations give what their definitions say") {
  nn::Model<nn::Residual<nn::Sequential<nn::Dense>>, double> residual(nn::residual(nn::Dense{2}),
                                                                      {2}, {.seed = 1});
  const Tensor<double> x({1, 2}, {3.0, -4.0});
  const auto w = residual.parameter("0.0.weight");
  const std::vector<double> expected{3 + 3 * w[0] - 4 * w[2], -4 + 3 * w[1] - 4 * w[3]};
  CHECK(worst_difference<double>(residual.predict(x), expected) < 1e-15);
  CHECK(residual.plan().multiply_adds == 2);
  const auto concat = nn::concat(nn::Identity{}, nn::ReLU{}, nn::Tanh{});
  nn::Model<std::remove_cvref_t<decltype(concat)>, double> model(concat, {1, 2});
  const Tensor<double> pixels({1, 1, 2}, {0.5, -1.0});
  CHECK(model.output_shape() == Shape{1, 6});
  CHECK(worst_difference<double>(model.predict(pixels),
                                 {0.5, -1, 0.5, 0, std::tanh(0.5), std::tanh(-1.0)}) < 1e-15);
  static_assert(
      nn::concat(nn::Conv2D{.filters = 3, .padding = 1}, nn::Identity{}).output_shape({4, 4, 2}) ==
      Shape{4, 4, 5});
  constexpr nn::Residual projected{
      nn::sequential(nn::Conv2D{.filters = 8, .stride = 2, .padding = 1}, nn::BatchNorm{}),
      nn::Conv2D{.filters = 8, .kernel = 1, .stride = 2}};
  static_assert(projected.output_shape({8, 8, 4}) == Shape{4, 4, 8});
  check_gradients_of(projected, {8, 8, 4}, {.elements = 20});
  CHECK(AnyLayer(projected).get_if<std::remove_cvref_t<decltype(projected)>>() != nullptr);
}

}  // namespace sequential_test
