#include <doctest/doctest.h>

#include <algorithm>
#include <string_view>

#include "nn/io/model_file.hpp"
#include "nn/layers/bidirectional.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/gru.hpp"
#include "nn/layers/lstm.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/optimizer.hpp"
#include "recurrent_testing.hpp"

namespace bidirectional_layer_test {

using namespace recurrent_testing;  // NOLINT(google-build-using-namespace)
using nn::bidirectional;
using nn::GRU;
using nn::LSTM;

namespace {

/// Two layers with one of both directions, and one layer more.
auto network() {
  return nn::sequential(bidirectional(LSTM{.units = 5, .return_sequence = true}),
                        GRU{.units = 4, .return_sequence = true, .reverse = true, .bias = false},
                        bidirectional(GRU{.units = 3}), nn::Dense{2});
}

/// The steps of every sample in the opposite order.
Tensor<double> reversed(TensorView<const double> x) {
  Tensor<double> result(x.shape());
  const Index steps = x.shape()[1];
  const Index width = x.shape()[2];
  for (Index row = 0; row < x.size() / width; ++row) {
    const Index other = row / steps * steps + (steps - 1 - row % steps);
    std::copy_n(x.data() + row * width, width, result.data() + other * width);
  }
  return result;
}

template <class Layer>
void check_reversed(bool sequence) {
  const Layer layer{.units = 6, .return_sequence = sequence};
  Layer backward(layer);
  backward.reverse = true;
  nn::Model<Layer, double> model(layer, {5, 4}, {.seed = 1});
  nn::Model<Layer, double> other(backward, {5, 4}, {.seed = 2});
  std::copy(model.parameters().begin(), model.parameters().end(), other.parameters().begin());
  const auto x = random_tensor<double>({3, 5, 4}, 3);
  const Tensor<double> y = other.predict(reversed(x));
  CHECK(model.predict(x) == (sequence ? reversed(y) : y));
}

}  // namespace

static_assert(bidirectional(LSTM{.units = 7}).output_shape({5, 3}) == Shape{14});
static_assert(bidirectional(GRU{.units = 7, .return_sequence = true}).output_shape({5, 3}) ==
              Shape{5, 14});

TEST_CASE("a reversed recurrent layer reads a sequence as the other does the reversed one") {
  for (const bool sequence : {false, true}) {
    check_reversed<LSTM>(sequence);
    check_reversed<GRU>(sequence);
  }
}

TEST_CASE("both directions stand side by side, at the same step") {
  const LSTM layer{.units = 3, .return_sequence = true};
  LSTM backward(layer);
  backward.reverse = true;
  nn::Model model(bidirectional(layer), {4, 2}, {.seed = 1});
  nn::Model forward(layer, {4, 2}, {.seed = 2});
  nn::Model back(backward, {4, 2}, {.seed = 3});
  const Index count = forward.parameters().size();
  REQUIRE(model.parameters().size() == 2 * count);
  std::copy_n(model.parameters().begin(), count, forward.parameters().begin());
  std::copy_n(model.parameters().begin() + count, count, back.parameters().begin());
  const auto x = random_tensor<float>({2, 4, 2}, 4);
  const Tensor<float> y = model.predict(x);
  const Tensor<float> first = forward.predict(x);
  const Tensor<float> second = back.predict(x);
  REQUIRE(y.shape() == Shape{2, 4, 6});
  for (Index row = 0; row < 8; ++row) {
    for (Index unit = 0; unit < 3; ++unit) {
      CHECK(y[row * 6 + unit] == first[row * 3 + unit]);
      CHECK(y[row * 6 + 3 + unit] == second[row * 3 + unit]);
    }
  }
}

TEST_CASE("the gradients of recurrent layers one after another, in both directions, are right") {
  check_gradients_of(network(), {5, 3}, {.elements = 20});
}

TEST_CASE("recurrent layers come back from a file, in the library's layout and in PyTorch's") {
  const nn::Model model(network(), {5, 3}, {.seed = 1});
  const auto x = random_tensor<float>({4, 5, 3}, 2);
  for (const auto layout : {nn::WeightLayout::native, nn::WeightLayout::pytorch}) {
    const nn::SafetensorsFile file = nn::to_safetensors(model, {.layout = layout});
    const auto loaded = nn::model_of<float>(nn::SafetensorsFile::parse(file.serialize(), "a file"));
    CHECK(loaded.predict(x) == model.predict(x));
    CHECK(nn::to_safetensors(loaded, {.layout = layout}).serialize() == file.serialize());
  }
}

TEST_CASE("a file in PyTorch's layout has its names and shapes") {
  nn::Model model(nn::sequential(bidirectional(LSTM{.units = 2}), nn::Dense{1}), {5, 3},
                  {.seed = 1});
  const nn::SaveOptions options{.layout = nn::WeightLayout::pytorch,
                                .names = {{"0.0", "0"}, {"0.1", "0"}}};
  const nn::SafetensorsFile file = nn::to_safetensors(model, options);
  for (const std::string suffix : {"", "_reverse"}) {
    CHECK(file.at("0.weight_ih_l0" + suffix).shape == Shape{8, 3});
    CHECK(file.at("0.weight_hh_l0" + suffix).shape == Shape{8, 2});
    CHECK(file.at("0.bias_ih_l0" + suffix).shape == Shape{8});
    CHECK(file.at("0.bias_hh_l0" + suffix).shape == Shape{8});
  }
  CHECK(file.at("1.weight").shape == Shape{1, 4});
  // Element (row, column) there is (column, row) here.
  const TensorView<float> weights = model.parameter("0.1.weight_ih_l0_reverse");
  const Tensor<float> stored = file.get<float>("0.weight_ih_l0_reverse");
  for (Index row = 0; row < 8; ++row) {
    for (Index column = 0; column < 3; ++column) {
      CHECK(stored[row * 3 + column] == weights[column * 8 + row]);
    }
  }
}

TEST_CASE("recurrent layers learn the next character of a sentence from the twelve before") {
  // Of "sea sh" alone nobody could tell whether shells or the shore follow.
  const std::string_view sentence = "she sells sea shells by the sea shore. ";
  const std::string_view alphabet = " .abehlorsty";
  const auto count = static_cast<Index>(sentence.size());
  const auto classes = static_cast<Index>(alphabet.size());
  constexpr Index steps = 12;
  Tensor<float> x({count, steps, classes});
  Tensor<nn::Label> next({count});
  const auto symbol = [&](Index at) {
    return static_cast<Index>(alphabet.find(sentence[static_cast<std::size_t>(at % count)]));
  };
  for (Index n = 0; n < count; ++n) {
    for (Index step = 0; step < steps; ++step)
      x[(n * steps + step) * classes + symbol(n + step)] = 1;
    next[n] = static_cast<nn::Label>(symbol(n + steps));
  }
  const auto wrong_after = [&](const auto& layer) {
    nn::Model model(nn::sequential(layer, nn::Dense{classes}), {steps, classes}, {.seed = 1});
    nn::Optimizer optimizer(model, nn::Adam{.learning_rate = 0.02});
    Tensor<float> gradient({count, classes});
    for (int step = 0; step < 100; ++step) {
      nn::SoftmaxCrossEntropy{}(model.forward(x), next.view(), gradient.view());
      model.zero_gradients();
      model.backward(gradient);
      optimizer.step(model);
    }
    const Tensor<float> y = model.predict(x);
    Index wrong = 0;
    for (Index n = 0; n < count; ++n) {
      const auto scores = y.view().sample(n);
      const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
      wrong += best == static_cast<Index>(next[n]) ? 0 : 1;
    }
    return wrong;
  };
  CHECK(wrong_after(LSTM{.units = 24}) == 0);
  CHECK(wrong_after(GRU{.units = 24}) == 0);
}

}  // namespace bidirectional_layer_test
