#include "nn/optim/optimizer.hpp"

#include <doctest/doctest.h>

#include "nn/core/random.hpp"
#include "nn/optim/adagrad.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/lion.hpp"
#include "nn/optim/lookahead.hpp"
#include "nn/optim/rms_prop.hpp"
#include "nn/optim/sgd.hpp"
#include "toy_model.hpp"

// The figures come from the formulas of PyTorch's documentation, written out for one weight in
// Python:
//
//   from math import sqrt
//   def run(rule):                      # four steps of two weights
//       w = [1.0, -0.5]; s = [{}, {}]
//       for k in range(1, 5):
//           for i in range(2): w[i] = rule(w[i], w[i] * k + (0.25, -2)[i], s[i], k)
//       return w
//   def sgd(lr, mu=0, nesterov=False, wd=0):
//       def f(w, g, s, k):
//           g = g + wd * w
//           if mu:
//               s['b'] = mu * s['b'] + g if 'b' in s else g
//               g = g + mu * s['b'] if nesterov else s['b']
//           return w - lr * g
//       return f
//   def adam(lr, b1, b2, eps, wd=0, decoupled=False):
//       def f(w, g, s, k):
//           if decoupled: w = w - lr * wd * w
//           else: g = g + wd * w
//           s['m'] = b1 * s.get('m', 0) + (1 - b1) * g
//           s['v'] = b2 * s.get('v', 0) + (1 - b2) * g * g
//           return w - lr * s['m'] / (1 - b1**k) / (sqrt(s['v'] / (1 - b2**k)) + eps)
//       return f
//   def rms(lr, a, eps, mu=0, centered=False, wd=0):
//       def f(w, g, s, k):
//           g = g + wd * w
//           s['v'] = v = a * s.get('v', 0) + (1 - a) * g * g
//           if centered:
//               s['g'] = a * s.get('g', 0) + (1 - a) * g; v = v - s['g']**2
//           d = g / (sqrt(v) + eps)
//           if mu: s['b'] = d = mu * s.get('b', 0) + d
//           return w - lr * d
//       return f
//   def adagrad(lr, fall=0, start=0, eps=1e-10, wd=0):
//       def f(w, g, s, k):
//           g = g + wd * w
//           s['v'] = s.get('v', start) + g * g
//           return w - lr / (1 + (k - 1) * fall) * g / (sqrt(s['v']) + eps)
//       return f
//   def lion(lr, b1=0.9, b2=0.99, wd=0):
//       def f(w, g, s, k):
//           c = b1 * s.get('m', 0) + (1 - b1) * g
//           s['m'] = b2 * s.get('m', 0) + (1 - b2) * g
//           return w - lr * ((c > 0) - (c < 0) + wd * w)
//       return f
//   def look(inner, interval, rate):
//       def f(w, g, s, k):
//           s.setdefault('slow', w); w = inner(w, g, s, k)
//           if k % interval == 0: s['slow'] += rate * (w - s['slow']); w = s['slow']
//           return w
//       return f

namespace optimizer_test {

using nn::Index;
using nn::Optimizer;

/// Four steps from {1, -0.5} with the gradient k w + {0.25, -2} at step k; so many such pairs that
/// there are whole vectors and what is left of one.
template <class Rule>
void check_four_steps(const Rule& rule, double first, double second) {
  const Index pairs = 19;
  ToyModel<double> model({2 * pairs});
  for (Index i = 0; i < 2 * pairs; ++i) model.parameters()[i] = i % 2 == 0 ? 1 : -0.5;
  Optimizer optimizer(model, rule);
  for (int k = 1; k <= 4; ++k) {
    for (Index i = 0; i < 2 * pairs; ++i) {
      model.gradients()[i] = model.parameters()[i] * k + (i % 2 == 0 ? 0.25 : -2);
    }
    optimizer.step(model);
  }
  CHECK(optimizer.steps() == 4);
  CHECK(std::abs(model.parameters()[0] - first) < 1e-13);
  CHECK(std::abs(model.parameters()[1] - second) < 1e-13);
  for (Index i = 2; i < 2 * pairs; ++i) {
    CHECK(std::abs(model.parameters()[i] - model.parameters()[i % 2]) < 1e-15);
  }
}

TEST_CASE("optimizers: four steps by the published formulas") {
  using nn::SGD;
  check_four_steps(SGD{.learning_rate = 0.1}, 0.2435, 0.32);
  check_four_steps(SGD{.learning_rate = 0.1, .momentum = 0.9}, -0.4000000000000001,
                   1.1750000000000003);
  check_four_steps(SGD{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true},
                   -0.39223120000000006, 0.9509954);
  check_four_steps(
      SGD{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01},
      -0.3930618057476154, 0.9485469591946639);
  check_four_steps(nn::Adam{.learning_rate = 0.05}, 0.8031521476759712, -0.2994464636261383);
  check_four_steps(
      nn::Adam{
          .learning_rate = 0.05, .beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-3, .weight_decay = 0.1},
      0.7989220967991006, -0.2982839424131251);
  check_four_steps(nn::AdamW{.learning_rate = 0.05, .weight_decay = 0.1}, 0.7846748591286684,
                   -0.29101739136151705);
  check_four_steps(nn::RMSProp{}, 0.6729060851484857, -0.20875274019704304);
  check_four_steps(nn::RMSProp{.smoothing = 0.9, .momentum = 0.5}, 0.8319353002046098,
                   -0.3463154926869035);
  check_four_steps(nn::RMSProp{.smoothing = 0.9,
                               .epsilon = 1e-3,
                               .momentum = 0.5,
                               .centered = true,
                               .weight_decay = 0.1},
                   0.8147897689443669, -0.32915159885784817);
  check_four_steps(nn::Adagrad{.learning_rate = 0.1}, 0.673506595911631, -0.20953121310669987);
  check_four_steps(nn::Adagrad{.learning_rate = 0.5,
                               .rate_decay = 0.3,
                               .initial_sum = 0.2,
                               .epsilon = 1e-3,
                               .weight_decay = 0.1},
                   0.0325680650849129, 0.38664919768521433);
  check_four_steps(nn::Lion{.learning_rate = 0.05}, 0.8, -0.3);
  check_four_steps(nn::Lion{.learning_rate = 0.4, .beta1 = 0.5, .beta2 = 0.7, .weight_decay = 0.1},
                   0.1428121599999999, 1.08186112);
  check_four_steps(
      nn::lookahead(SGD{.learning_rate = 0.1, .momentum = 0.9}, {.interval = 2, .rate = 0.5}),
      0.20703125, 0.4915625);
}

TEST_CASE("optimizers: a centred RMSProp survives a variance that rounds below 0") {
  // Of gradients that do not change, the mean of squares and the square of the mean become equal
  // but for rounding.
  const Index count = 257;
  ToyModel<float> model({count});
  model.parameters().fill(1);
  const nn::RMSProp rule{.learning_rate = 1e-6, .smoothing = 0.5, .epsilon = 1, .centered = true};
  Optimizer optimizer(model, rule);
  bool below = false;
  for (int step = 0; step < 60; ++step) {
    for (Index i = 0; i < count; ++i) model.gradients()[i] = 1 + static_cast<float>(i) / 7;
    optimizer.step(model);
    for (Index i = 0; i < count; ++i) {
      const auto place = static_cast<std::size_t>(i);
      const float mean = optimizer.state()[static_cast<std::size_t>(count) + place];
      below = below || optimizer.state()[place] - mean * mean < 0;
    }
  }
  CHECK(below);  // or there is nothing to survive
  for (const float weight : model.parameters()) CHECK((weight > 0.99F && weight < 1));
}

TEST_CASE("optimizers: Lion moves nothing without a gradient and hides no NaN") {
  ToyModel<float> model({3});
  model.parameters().fill(1);
  model.gradients()[0] = 0;
  model.gradients()[1] = std::nanf("");
  model.gradients()[2] = -1e-30F;
  Optimizer(model, nn::Lion{.learning_rate = 0.5}).step(model);
  CHECK(model.parameters()[0] == 1);
  CHECK(std::isnan(model.parameters()[1]));
  CHECK(model.parameters()[2] == 1.5F);
}

/// A model whose weights are all 1 and whose gradients are all 0.
ToyModel<double> still_model() {
  ToyModel<double> model({2, 1, 2, 1});
  model.parameters().fill(1);
  model.gradients().fill(0);
  return model;
}

TEST_CASE("optimizers: weight decay leaves biases alone unless told") {
  auto model = still_model();
  const nn::AdamW rule{.learning_rate = 0.5, .weight_decay = 0.5};
  Optimizer(model, rule).step(model);
  const std::vector<double> expected{0.75, 0.75, 1, 0.75, 0.75, 1};
  CHECK(std::equal(expected.begin(), expected.end(), model.parameters().begin()));
  Optimizer(model, rule, {.decay_all = true}).step(model);
  const std::vector<double> all{0.5625, 0.5625, 0.75, 0.5625, 0.5625, 0.75};
  CHECK(std::equal(all.begin(), all.end(), model.parameters().begin()));
}

TEST_CASE("optimizers: groups have their own learning rate and decay") {
  auto model = still_model();
  model.gradients().fill(1);
  const nn::SGD rule{.learning_rate = 0.5, .weight_decay = 0.5};
  Optimizer optimizer(model, rule,
                      {.groups = {{.path = "1", .learning_rate = 0.5, .weight_decay = 0},
                                  {.path = "1.bias", .learning_rate = 0},
                                  {.path = "", .learning_rate = 2}}});
  optimizer.step(model);
  // w - rate * (1 + decay * w): the first layer at twice the rate, the second at half of it without
  // decay, but for its bias.
  const std::vector<double> expected{-0.5, -0.5, 0, 0.75, 0.75, 1};
  CHECK(std::equal(expected.begin(), expected.end(), model.parameters().begin()));
  CHECK_THROWS_WITH_AS(Optimizer(model, rule, {.groups = {{.path = "1.w"}}}),
                       "there are no parameters at '1.w' to make a group of", nn::Error);
}

TEST_CASE("optimizers: frozen parameters stay as they are, and so do their moments") {
  auto model = still_model();
  model.gradients().fill(1);
  Optimizer optimizer(model, nn::SGD{.learning_rate = 0.5, .momentum = 0.5, .weight_decay = 0.5});
  model.freeze(0);
  // What a frozen parameter's gradient holds must not matter.
  model.gradients()[0] = std::nan("");
  optimizer.step(model);
  CHECK(model.parameters()[0] == 1);
  CHECK(model.parameters()[2] == 0.5);
  CHECK(optimizer.state()[0] == 0);
  model.freeze(0, false);
  model.gradients()[0] = 1;
  optimizer.step(model);
  CHECK(model.parameters()[0] == 0.25);
}

TEST_CASE("optimizers: the learning rate of the moment") {
  auto model = still_model();
  model.gradients().fill(1);
  Optimizer optimizer(model, nn::SGD{.learning_rate = 0.5});
  CHECK(optimizer.learning_rate() == 0.5);
  optimizer.set_learning_rate(0.25);
  optimizer.step(model);
  CHECK(model.parameters()[0] == 0.75);
  CHECK(optimizer.rule().learning_rate == 0.5);
}

/// Five steps of a block that is cut into several pieces, from the same start.
template <class Rule>
std::vector<float> five_steps(const Rule& rule, int threads) {
  nn::set_threads(threads);
  ToyModel<float> model({50000, 33, 20001, 7});
  nn::Random random(1);
  for (float& weight : model.parameters()) weight = static_cast<float>(random.normal());
  Optimizer optimizer(model, rule);
  for (int step = 0; step < 5; ++step) {
    for (float& gradient : model.gradients()) gradient = static_cast<float>(random.normal());
    optimizer.step(model);
  }
  nn::set_threads(2);
  return {model.parameters().begin(), model.parameters().end()};
}

TEST_CASE("optimizers: the same bits for any number of threads") {
  CHECK(five_steps(nn::Adam{}, 1) == five_steps(nn::Adam{}, 3));
  const nn::SGD sgd{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true};
  CHECK(five_steps(nn::lookahead(sgd), 1) == five_steps(nn::lookahead(sgd), 3));
  const nn::Adagrad adagrad{.initial_sum = 0.1};
  CHECK(five_steps(adagrad, 1) == five_steps(adagrad, 3));
  CHECK(five_steps(nn::Lion{}, 1) == five_steps(nn::Lion{}, 3));
}

TEST_CASE_TEMPLATE("optimizers: a state put back goes on in the same bits", Rule, nn::Adam,
                   nn::Adagrad, nn::Lion) {
  const auto run = [](bool interrupted) {
    ToyModel<double> model({3});
    model.parameters().fill(1);
    Optimizer first(model, Rule{.learning_rate = 0.1});
    Optimizer second(model, Rule{.learning_rate = 0.1});
    for (int step = 0; step < 6; ++step) {
      for (Index i = 0; i < 3; ++i) {
        model.gradients()[i] = model.parameters()[i] * static_cast<double>(i) - 1;
      }
      if (interrupted && step == 3) {
        std::copy(first.state().begin(), first.state().end(), second.state().begin());
        second.set_steps(first.steps());
      }
      (interrupted && step >= 3 ? second : first).step(model);
    }
    return std::vector<double>(model.parameters().begin(), model.parameters().end());
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("optimizers: settings that make no sense") {
  const ToyModel<float> model({1});
  CHECK_THROWS_AS(Optimizer(model, nn::SGD{.learning_rate = -1}), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::SGD{.learning_rate = std::nan("")}), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::SGD{.momentum = 1}), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::SGD{.nesterov = true}), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::Adam{.beta2 = 1}), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::AdamW{.weight_decay = -1}), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::RMSProp{.smoothing = 2}), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::Adagrad{.initial_sum = -1}), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::Lion{.beta1 = 1}), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::lookahead(nn::Adam{}, {.interval = 0})), nn::Error);
  ToyModel<float> other({2});
  Optimizer optimizer(model, nn::SGD{});
  CHECK_THROWS_AS(optimizer.step(other), nn::Error);
}

}  // namespace optimizer_test
