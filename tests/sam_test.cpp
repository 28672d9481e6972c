#include "nn/optim/sam.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "blobs.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/lookahead.hpp"
#include "nn/optim/muon.hpp"
#include "nn/optim/sgd.hpp"
#include "nn/train/fit.hpp"
#include "toy_model.hpp"

namespace sam_test {

using nn::Index;
using nn::Optimizer;

/// The gradient of sum_i a_i w_i^2 / 2 + w_i^4 / 4 with a_i = i + 1.
double slope(std::size_t i, double w) { return static_cast<double>(i + 1) * w + w * w * w; }

TEST_CASE("SAM steps by the gradient at the point uphill") {
  const double radius = 0.3;
  const double rate = 0.05;
  ToyModel<double> model({3, 2});
  std::vector<double> w{1, -0.5, 0.25, 2, -1};
  std::vector<double> v(5, 0);
  std::copy(w.begin(), w.end(), model.parameters().begin());
  Optimizer optimizer(model, nn::sam(nn::SGD{.learning_rate = rate, .momentum = 0.9}, radius));
  const auto set_gradients = [&] {
    for (std::size_t i = 0; i < 5; ++i) {
      const auto place = static_cast<Index>(i);
      model.gradients()[place] = slope(i, model.parameters()[place]);
    }
  };
  for (int step = 0; step < 4; ++step) {
    set_gradients();
    optimizer.climb(model);
    set_gradients();
    optimizer.step(model);
    double squares = 0;
    for (std::size_t i = 0; i < 5; ++i) squares += slope(i, w[i]) * slope(i, w[i]);
    for (std::size_t i = 0; i < 5; ++i) {
      const double uphill = w[i] + radius * slope(i, w[i]) / std::sqrt(squares);
      v[i] = 0.9 * v[i] + slope(i, uphill);
      w[i] -= rate * v[i];
    }
  }
  for (std::size_t i = 0; i < 5; ++i) {
    CAPTURE(i);
    CHECK(std::abs(model.parameters()[static_cast<Index>(i)] - w[i]) < 1e-13);
  }
}

TEST_CASE("SAM: frozen parameters stay, and a gradient of 0 leads nowhere") {
  ToyModel<double> model({2, 1});
  model.parameters().fill(1);
  model.freeze(0);
  model.gradients()[0] = std::nan("");
  model.gradients()[1] = std::nan("");
  model.gradients()[2] = 4;
  Optimizer optimizer(model, nn::sam(nn::SGD{.learning_rate = 0.5}, 0.25));
  optimizer.climb(model);
  CHECK(model.parameters()[0] == 1);
  CHECK(model.parameters()[2] == 1.25);
  model.gradients()[2] = 0;
  optimizer.step(model);
  CHECK(model.parameters()[1] == 1);
  CHECK(model.parameters()[2] == 1);
  optimizer.climb(model);
  CHECK(model.parameters()[2] == 1);
}

TEST_CASE("SAM refuses a step without a climb, and settings that make no sense") {
  ToyModel<double> model({2, 1});
  Optimizer optimizer(model, nn::sam(nn::SGD{}));
  CHECK_THROWS_WITH_AS(optimizer.step(model),
                       "this rule needs two gradients a step: call climb() after the first",
                       nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::sam(nn::SGD{}, -1)), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::sam(nn::SGD{.momentum = 2})), nn::Error);
}

auto network() {
  return nn::sequential(nn::Flatten{}, nn::Dense{8}, nn::BatchNorm{}, nn::Dense{3});
}

struct Trained {
  std::vector<float> weights;
  std::vector<float> state;
};

template <class Rule>
Trained trained(const Rule& rule, int threads) {
  nn::set_threads(threads);
  const nn::Dataset data = blobs(60, 1);
  nn::Model model(network(), {6, 6, 1}, {.seed = 1});
  nn::fit(model, data, nn::SoftmaxCrossEntropy{}, rule,
          {.epochs = 3, .batch_size = 60, .shuffle = false});
  nn::set_threads(2);
  const auto weights = model.parameters();
  const auto state = model.state();
  return {{weights.begin(), weights.end()}, {state.begin(), state.end()}};
}

/// The same by hand, a step an epoch.
template <class Rule>
Trained trained_by_hand(const Rule& rule) {
  const nn::Dataset data = blobs(60, 1);
  nn::Model model(network(), {6, 6, 1}, {.seed = 1});
  Optimizer optimizer(model, rule);
  nn::Loader<float> loader(data, {.batch_size = 60, .shuffle = false});
  nn::Tensor<float> gradient;
  for (Index epoch = 0; epoch < 3; ++epoch) {
    for (const nn::Batch<float>& batch : loader.epoch(epoch)) {
      std::vector<float> statistics;
      for (const bool uphill : {false, true}) {
        const nn::TensorView<const float> outputs = model.forward(batch.inputs);
        gradient.resize(outputs.shape());
        (void)nn::SoftmaxCrossEntropy{}(outputs, batch.labels, gradient.view());
        model.zero_gradients();
        model.backward(gradient);
        if (uphill) {
          optimizer.step(model);
        } else {
          statistics.assign(model.state().begin(), model.state().end());
          optimizer.climb(model);
        }
      }
      std::copy(statistics.begin(), statistics.end(), model.state().begin());
    }
  }
  const auto weights = model.parameters();
  const auto state = model.state();
  return {{weights.begin(), weights.end()}, {state.begin(), state.end()}};
}

TEST_CASE("fit computes both gradients of SAM, and statistics once") {
  const auto rule = nn::sam(nn::SGD{.learning_rate = 0.1, .momentum = 0.9}, 0.5);
  const Trained fitted = trained(rule, 1);
  const Trained expected = trained_by_hand(rule);
  CHECK(fitted.weights == expected.weights);
  CHECK(fitted.state == expected.state);
  const Trained threads = trained(rule, 3);
  CHECK(threads.weights == fitted.weights);
  CHECK(threads.state == fitted.state);
  CHECK(trained(rule.rule, 1).weights != fitted.weights);
}

TEST_CASE("fit: what is thrown at the point uphill leaves the weights where they were") {
  const nn::Dataset data = blobs(60, 1);
  nn::Model model(network(), {6, 6, 1}, {.seed = 1});
  const std::vector<float> before(model.parameters().begin(), model.parameters().end());
  // So far uphill that the loss is no number.
  Optimizer optimizer(model, nn::sam(nn::SGD{}, 1e38));
  CHECK_THROWS_AS(
      nn::fit(model, data, nn::SoftmaxCrossEntropy{}, optimizer, {.epochs = 1, .batch_size = 60}),
      nn::DivergenceError);
  CHECK(std::equal(before.begin(), before.end(), model.parameters().begin()));
  CHECK(optimizer.steps() == 0);
}

TEST_CASE("SAM stands around rules that have a start, a slow step or whole matrices") {
  const auto adagrad = nn::sam(nn::lookahead(nn::AdamW{}, {.interval = 2, .rate = 0.5}), 0.2);
  CHECK(trained(adagrad, 2).weights == trained_by_hand(adagrad).weights);
  const auto muon = nn::sam(nn::Muon{}, 0.2);
  CHECK(trained(muon, 2).weights == trained_by_hand(muon).weights);
  // With a radius of 0 nothing is left of SAM.
  CHECK(trained(nn::sam(nn::Muon{}, 0), 2).weights == trained(nn::Muon{}, 2).weights);
}

TEST_CASE("fit refuses SAM with steps of several batches") {
  const nn::Dataset data = blobs(60, 1);
  nn::Model model(network(), {6, 6, 1}, {.seed = 1});
  CHECK_THROWS_WITH_AS(nn::fit(model, data, nn::SoftmaxCrossEntropy{}, nn::sam(nn::SGD{}),
                               {.batch_size = 30, .accumulate = 2}),
                       "fit cannot make a step of 2 batches by a rule that needs two gradients",
                       nn::Error);
}

}  // namespace sam_test
