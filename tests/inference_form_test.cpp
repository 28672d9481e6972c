#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <nn/layers/adaptive_pooling.hpp>
#include <nn/layers/squeeze_excitation.hpp>
#include <nn/nn.hpp>
#include <nn/train/inference_form.hpp>

namespace nn {
namespace inference_form_test {
namespace {

Tensor<float> random_batch(const Shape& sample, Index batch, std::uint64_t seed) {
  Tensor<float> x(sample.prepended(batch));
  Random random(seed);
  for (float& value : x) value = static_cast<float>(random.normal());
  return x;
}

/// Weights and statistics as after some training: nothing is 0 or 1, variances are positive.
template <class AnyModel>
void disturb(AnyModel& model) {
  Random random(5);
  for (auto& value : model.parameters()) value += static_cast<float>(random.uniform(-0.3, 0.3));
  for (const Variable& state : model.states()) {
    const bool is_variance = state.name.ends_with("variance");
    for (Index i = 0; i < state.shape.size(); ++i) {
      model.state()[state.offset + i] =
          static_cast<float>(is_variance ? random.uniform(0.2, 3.0) : random.uniform(-1.0, 1.0));
    }
  }
}

/// The largest difference, as a part of the largest output.
template <class T>
double difference(TensorView<const T> a, TensorView<const T> b) {
  REQUIRE(a.shape() == b.shape());
  double largest = 0;
  double difference = 0;
  for (Index i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a[i])));
    difference = std::max(difference, std::abs(static_cast<double>(a[i] - b[i])));
  }
  return difference / largest;
}

Index folded_layers(const Plan& root) {
  Index count = 0;
  Plan::for_each(root, [&](const Plan& plan) { count += plan.folded ? 1 : 0; });
  return count;
}

/// Layers one after another that are known at run time: one type for all networks, which is quicker
/// to compile.
template <class... Layers>
Sequential<AnyLayer> chain(const Layers&... layers) {
  return Sequential<AnyLayer>(std::vector<AnyLayer>{AnyLayer(layers)...});
}

/// Folds `folds` of the network's normalisations, and predicts what the model itself does.
void check_form(const Sequential<AnyLayer>& network, const Shape& input, Index folds) {
  Model model(network, input, {.seed = 3});
  disturb(model);
  const Tensor<float> before(model.parameters());
  const Tensor<float> x = random_batch(input, 5, 9);
  const Tensor<float> expected = model.predict(x);
  const Model form = inference_form(model);
  CHECK(folded_layers(form.plan()) == folds);
  CHECK(difference<float>(form.predict(x), expected) < 1e-5);
  CHECK(std::equal(before.begin(), before.end(), model.parameters().begin()));
  CHECK(difference<float>(model.predict(x), expected) == 0.0);
  const Model again = inference_form(model);
  CHECK(difference<float>(again.predict(x), form.predict(x)) == 0.0);
}

TEST_CASE("BatchNorm goes into a convolution before it, with or without a bias or an activation") {
  for (const bool bias : {false, true}) {
    const Conv2D convolution{.filters = 6, .kernel = 3, .padding = 1, .bias = bias};
    check_form(chain(convolution, BatchNorm{}), {7, 6, 3}, 1);
    check_form(chain(convolution, BatchNorm{}, ReLU{}), {7, 6, 3}, 1);
    check_form(chain(convolution, BatchNorm{}, LeakyReLU{0.2F}, Dropout{}, Flatten{}), {7, 6, 3},
               1);
    check_form(chain(convolution, BatchNorm{}, SiLU{}, MaxPool2D{2}), {7, 6, 3}, 1);
  }
}

TEST_CASE("BatchNorm goes into convolutions of groups, depthwise ones and such as Winograd's") {
  const BatchNorm norm{.epsilon = 1e-2F};
  check_form(chain(Conv2D{.filters = 8, .kernel = 3, .groups = 2}, norm, ReLU{}), {6, 6, 4}, 1);
  check_form(chain(Conv2D{.filters = 8, .kernel = 3, .groups = 8, .padding = 1}, norm, ReLU{}),
             {6, 6, 8}, 1);
  check_form(chain(Conv2D{.filters = 16, .kernel = 1, .bias = false}, norm), {6, 6, 8}, 1);
  check_form(chain(Conv2D{.filters = 32, .kernel = 3, .padding = 1, .bias = false}, norm, ReLU{}),
             {16, 16, 32}, 1);
  check_form(chain(Conv2D{.filters = 4, .kernel = 3, .stride = 2, .dilation = 2}, norm, ReLU{}),
             {11, 9, 3}, 1);
}

TEST_CASE("BatchNorm goes into a transposed convolution before it, whatever its groups") {
  for (const Index groups : {1, 2}) {
    check_form(chain(ConvTranspose2D{.filters = 6,
                                     .kernel = 4,
                                     .stride = 2,
                                     .groups = groups,
                                     .padding = 1,
                                     .bias = groups == 2},
                     BatchNorm{}, ReLU{}),
               {5, 4, 4}, 1);
  }
}

TEST_CASE("BatchNorm goes into a dense layer before it, also past a change of shape") {
  check_form(chain(Dense{.units = 12}, BatchNorm{}, ReLU{}, Dense{3}), {10}, 1);
  check_form(chain(Dense{.units = 12, .bias = false}, BatchNorm{.scale = false}, Tanh{}), {10}, 1);
  check_form(chain(Dense{24}, Reshape{{2, 3, 4}}, BatchNorm{.shift = false}, ReLU{},
                   Conv2D{.filters = 3, .kernel = 2}),
             {10}, 1);
}

TEST_CASE("BatchNorm goes into layers within residuals, chains and branches") {
  const auto block = [](Index filters) {
    return chain(Conv2D{.filters = filters, .kernel = 3, .padding = 1, .bias = false}, BatchNorm{},
                 ReLU{});
  };
  check_form(chain(block(4), block(5), GlobalAveragePool2D{}, Dense{3}), {6, 6, 2}, 2);
  check_form(
      chain(block(4),
            Residual{chain(Conv2D{.filters = 4, .kernel = 3, .padding = 1}, BatchNorm{}, ReLU{},
                           Conv2D{.filters = 4, .kernel = 3, .padding = 1, .bias = false},
                           BatchNorm{})},
            ReLU{},
            Residual{chain(Conv2D{.filters = 6, .stride = 2, .padding = 1}, BatchNorm{}),
                     chain(Conv2D{.filters = 6, .kernel = 1, .stride = 2}, BatchNorm{})},
            ReLU{}, concat(block(3), Conv2D{.filters = 2, .kernel = 1})),
      {6, 6, 2}, 6);
  // The convolution is the last layer of a chain within.
  check_form(chain(chain(Flatten{}, chain(Dense{8})), BatchNorm{}, ReLU{}), {2, 3}, 1);
  // One BatchNorm after another.
  check_form(chain(Dense{8}, BatchNorm{}, BatchNorm{}), {6}, 2);
}

TEST_CASE("BatchNorm stays where it cannot go into the layer before it") {
  check_form(chain(BatchNorm{}, Dense{4}), {6}, 0);
  check_form(chain(Dense{6}, ReLU{}, BatchNorm{}, Dense{4}), {6}, 0);
  check_form(chain(Conv2D{.filters = 4}, MaxPool2D{2}, BatchNorm{}), {6, 6, 2}, 0);
  check_form(chain(Conv2D{.filters = 4}, Flatten{}, BatchNorm{}), {6, 6, 2}, 0);
  check_form(chain(residual(Dense{6}), BatchNorm{}), {6}, 0);
}

TEST_CASE("a network of AnyLayer folds as one that the compiler knows, to the same bits") {
  const auto known = sequential(Conv2D{.filters = 6, .padding = 1, .bias = false}, BatchNorm{},
                                ReLU{}, Flatten{}, Dense{4}, BatchNorm{});
  const Sequential<AnyLayer> unknown({Conv2D{.filters = 6, .padding = 1, .bias = false},
                                      BatchNorm{}, ReLU{}, Flatten{}, Dense{4}, BatchNorm{}});
  Model first(known, {5, 5, 2}, {.seed = 3});
  Model second(unknown, {5, 5, 2}, {.seed = 3});
  disturb(first);
  disturb(second);
  const Tensor<float> x = random_batch({5, 5, 2}, 4, 1);
  const Model form = inference_form(second);
  CHECK(folded_layers(form.plan()) == 2);
  CHECK(difference<float>(form.predict(x), inference_form(first).predict(x)) == 0.0);
}

TEST_CASE("in double the inference form agrees far closer") {
  Model<Sequential<Dense, BatchNorm, ReLU>, double> model(sequential(Dense{7}, BatchNorm{}, ReLU{}),
                                                          {5}, {.seed = 2});
  for (Index i = 0; i < model.state().size(); ++i) model.state()[i] += 0.1 * static_cast<double>(i);
  Tensor<double> x({3, 5});
  Random random(4);
  for (double& value : x) value = random.normal();
  CHECK(difference<double>(inference_form(model).predict(x), model.predict(x)) < 1e-14);
}

TEST_CASE("after training, frozen or not, the inference form predicts as the model") {
  Model model(
      sequential(Conv2D{.filters = 4, .bias = false}, BatchNorm{}, ReLU{}, Flatten{}, Dense{3}),
      {6, 6, 2}, {.seed = 1});
  Optimizer optimizer(model, SGD{.learning_rate = 0.1});
  const Tensor<float> x = random_batch({6, 6, 2}, 8, 2);
  Tensor<Label> labels({8});
  for (Index i = 0; i < 8; ++i) labels[i] = static_cast<Label>(i % 3);
  Tensor<float> gradient({8, 3});
  for (int step = 0; step < 6; ++step) {
    if (step == 4) model.freeze("1");
    SoftmaxCrossEntropy{}(model.forward(x), labels.view(), gradient.view());
    model.zero_gradients();
    model.backward(gradient);
    optimizer.step(model);
  }
  const Model form = inference_form(model);
  CHECK(difference<float>(form.predict(x), model.predict(x)) < 1e-5);
  // It is a model of its own: more training does not reach it.
  const Tensor<float> then = form.predict(x);
  model.forward(x);
  model.zero_gradients();
  model.backward(gradient);
  optimizer.step(model);
  CHECK(difference<float>(form.predict(x), then) == 0.0);
}

/// Without a BatchNorm, the inference form has the model's bits.
void check_parts(const Sequential<AnyLayer>& network, const Shape& input, Index batch) {
  Model model(network, input, {.seed = 3});
  disturb(model);
  const Model form = inference_form(model);
  const Tensor<float> x = random_batch(input, batch, 9);
  const Tensor<float> expected = model.predict(x);
  CHECK(form.plan().leading > 0);
  CHECK(2 * form.plan().samples_together < batch);
  const int before = threads();
  for (const int count : {1, 2, 3}) {
    set_threads(count);
    CHECK(difference<float>(form.predict(x), expected) == 0.0);
    CHECK(difference<float>(form.predict(x), expected) == 0.0);  // with the weights that are packed
  }
  set_threads(before);
}

TEST_CASE("a batch that goes through the first layers part by part has the bits of the whole") {
  const auto convolution = [](Index filters) {
    return Conv2D{.filters = filters, .kernel = 3, .padding = 1};
  };
  // Winograd's filtering is chosen for the batch, but would not be for a part of it.
  check_parts(
      chain(convolution(32), ReLU{}, convolution(32), ReLU{}, MaxPool2D{2}, Flatten{}, Dense{7}),
      {20, 20, 16}, 90);
  check_parts(chain(Conv2D{.filters = 16, .kernel = 3, .groups = 16, .padding = 1}, ReLU{},
                    Conv2D{.filters = 32, .kernel = 1}, GlobalAveragePool2D{}, Dense{5}, Softmax{}),
              {24, 24, 16}, 41);
  // Layers within layers, of which some keep packed weights.
  check_parts(chain(chain(convolution(16), ReLU{}),
                    Residual{chain(convolution(16), ReLU{}, convolution(16))}, ReLU{},
                    concat(convolution(8), chain(Conv2D{.filters = 8, .kernel = 1}, SiLU{})),
                    AnyLayer(squeeze_excitation(16, 4)), UpSample2D{2}, GlobalMaxPool2D{}, Dense{9},
                    Dense{5}),
              {18, 18, 8}, 61);
  check_parts(chain(ConvTranspose2D{.filters = 8, .kernel = 4, .stride = 2, .padding = 1}, Tanh{},
                    Dropout{}, convolution(3)),
              {16, 16, 8}, 70);
  // The last part is one sample, whose product by a single row of weights is another kernel's.
  check_parts(
      chain(convolution(1), GlobalAveragePool2D{}, Dense{.units = 40, .bias = false}, Dense{3}),
      {100, 100, 8}, 5);
}

TEST_CASE_TEMPLATE("dense layers give the same bits with packed weights, of any size", T, float,
                   double) {
  for (const Index units : {1, 3, 7, 16, 17, 31, 32, 33, 50, 64, 100, 130, 300}) {
    for (const Index inputs : {1, 5, 300, 700}) {
      const Model<Sequential<Dense, ReLU, Dense>, T> model(
          sequential(Dense{units}, ReLU{}, Dense{.units = 40, .bias = false}), {inputs},
          {.seed = 2});
      const auto form = inference_form(model);
      for (const Index batch : {1, 2, 40, 1}) {
        Tensor<T> x({batch, inputs});
        Random random(4);
        for (T& value : x) value = static_cast<T>(random.normal());
        const Tensor<T> expected = model.predict(x);
        CAPTURE(units);
        CAPTURE(inputs);
        CAPTURE(batch);
        for (int again = 0; again < 2; ++again) {
          const Tensor<T> y = form.predict(x);
          CHECK(std::equal(y.begin(), y.end(), expected.begin()));
        }
      }
    }
  }
}

TEST_CASE("packed weights are those of now, whatever the batches") {
  Model form = inference_form(
      Model(sequential(Conv2D{.filters = 32, .kernel = 3, .padding = 1}, ReLU{},
                       Conv2D{.filters = 32, .kernel = 3, .padding = 1}, Flatten{}, Dense{3}),
            {12, 12, 32}, {.seed = 1}));
  const Tensor<float> one = random_batch({12, 12, 32}, 1, 2);
  const Tensor<float> few = random_batch({12, 12, 32}, 9, 3);
  const Tensor<float> first = form.predict(one);
  const Tensor<float> second = form.predict(few);
  CHECK(difference<float>(form.predict(one), first) == 0.0);
  CHECK(difference<float>(form.predict(few), second) == 0.0);
  for (float& weight : form.parameters()) weight *= 2;
  CHECK(difference<float>(form.predict(one), first) > 0.1);
  for (float& weight : form.parameter("0.weight")) weight /= 2;
  for (float& weight : form.parameter("0.bias")) weight /= 2;
  for (float& weight : form.parameter("2.weight")) weight /= 2;
  for (float& weight : form.parameter("2.bias")) weight /= 2;
  for (float& weight : form.parameter("4.weight")) weight /= 2;
  for (float& weight : form.parameter("4.bias")) weight /= 2;
  CHECK(difference<float>(form.predict(one), first) == 0.0);
  CHECK(difference<float>(form.predict(few), second) == 0.0);
}

TEST_CASE("an inference form refuses training passes and says why") {
  const Model model(sequential(Dense{4}, BatchNorm{}), {6});
  Model form = inference_form(model);
  const Tensor<float> x = random_batch({6}, 2, 1);
  CHECK(model.learns());
  CHECK_FALSE(form.learns());
  CHECK_THROWS_WITH_AS(form.forward(x),
                       "the inference form of a model takes no training passes; train the model "
                       "that it is made of",
                       Error);
  // A copy of it is one, too.
  const Model copy = form;  // NOLINT(performance-unnecessary-copy-initialization)
  CHECK_FALSE(copy.learns());
  CHECK(difference<float>(copy.predict(x), model.predict(x)) < 1e-5);
}

}  // namespace
}  // namespace inference_form_test
}  // namespace nn
