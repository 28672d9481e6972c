#include "nn/optim/lbfgs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "nn/core/random.hpp"
#include "toy_model.hpp"

namespace lbfgs_test {

using nn::Index;
using nn::LBFGS;
using nn::LBFGSOptions;

/// sum_i a_i w_i^2 / 2 + w_i^4 / 4 with a_i = i + 1, and its gradient.
double bowl(ToyModel<double>& model) {
  double sum = 0;
  for (Index i = 0; i < model.parameters().size(); ++i) {
    const double w = model.parameters()[i];
    const auto a = static_cast<double>(i + 1);
    sum += a * w * w / 2 + w * w * w * w / 4;
    model.gradients()[i] = a * w + w * w * w;
  }
  return sum;
}

/// Rosenbrock's valley, in a chain: sum_i 100 (w_{i+1} - w_i^2)^2 + (1 - w_i)^2.
double valley(ToyModel<double>& model) {
  const auto w = model.parameters();
  const auto g = model.gradients();
  g.fill(0);
  double sum = 0;
  for (Index i = 0; i + 1 < w.size(); ++i) {
    const double off = w[i + 1] - w[i] * w[i];
    sum += 100 * off * off + (1 - w[i]) * (1 - w[i]);
    g[i] += -400 * off * w[i] - 2 * (1 - w[i]);
    g[i + 1] += 200 * off;
  }
  return sum;
}

TEST_CASE("L-BFGS without a line search goes where PyTorch's goes") {
  // torch.optim.LBFGS([w], lr=0.3, max_iter=1, history_size=3, tolerance_grad=0,
  //                   tolerance_change=0), seven steps, in double (PyTorch 1.13).
  ToyModel<double> model({5});
  const std::vector<double> from{1, -0.5, 0.25, 2, -1};
  std::copy(from.begin(), from.end(), model.parameters().begin());
  LBFGS lbfgs(model, {.learning_rate = 0.3, .history = 3, .line_search = false});
  double loss = 0;
  for (int step = 0; step < 7; ++step) loss = lbfgs.step(model, [&] { return bowl(model); });
  const std::vector<double> expected{0.44044995631201345, -0.14208327547423458, 0.04655156391731602,
                                     0.5232050055282401, -0.15806870401688636};
  for (std::size_t i = 0; i < 5; ++i) {
    CAPTURE(i);
    CHECK(std::abs(model.parameters()[static_cast<Index>(i)] - expected[i]) < 1e-12);
  }
  CHECK(loss == doctest::Approx(0.7587891866401556).epsilon(1e-12));
  CHECK(lbfgs.steps() == 7);
}

TEST_CASE("L-BFGS finds the end of a curved valley, and knows that it has") {
  ToyModel<double> model({10});
  for (Index i = 0; i < 10; ++i) model.parameters()[i] = i % 2 == 0 ? -1.2 : 1;
  int evaluations = 0;
  const auto evaluate = [&] {
    ++evaluations;
    return valley(model);
  };
  LBFGS lbfgs(model);
  double before = valley(model);
  while (!lbfgs.converged() && lbfgs.steps() < 200) {
    const double loss = lbfgs.step(model, evaluate);
    CHECK(loss <= before);
    before = loss;
  }
  CHECK(lbfgs.converged());
  for (const double w : model.parameters()) CHECK(std::abs(w - 1) < 1e-7);
  CHECK(evaluations < 200);
  const int enough = evaluations;
  lbfgs.step(model, evaluate);
  CHECK(evaluations == enough);
}

TEST_CASE("L-BFGS: every step satisfies Wolfe's conditions") {
  ToyModel<double> model({6});
  for (Index i = 0; i < 6; ++i) model.parameters()[i] = i % 2 == 0 ? -1.2 : 1;
  LBFGS lbfgs(model, {.history = 4, .curvature = 0.5});
  const auto evaluate = [&] { return valley(model); };
  for (int step = 0; step < 20; ++step) {
    const double loss = valley(model);
    const std::vector<double> w(model.parameters().begin(), model.parameters().end());
    const std::vector<double> g(model.gradients().begin(), model.gradients().end());
    const double there = lbfgs.step(model, evaluate);
    CHECK(there == valley(model));
    double slope = 0;  // times the length of the step, before and after
    double slope_there = 0;
    for (std::size_t i = 0; i < 6; ++i) {
      const double moved = model.parameters()[static_cast<Index>(i)] - w[i];
      slope += moved * g[i];
      slope_there += moved * model.gradients()[static_cast<Index>(i)];
    }
    CHECK(slope < 0);
    CHECK(there <= loss + 1e-4 * slope + 1e-12);
    CHECK(std::abs(slope_there) <= 0.5 * -slope + 1e-12);
  }
}

TEST_CASE("L-BFGS: a state put back goes on in the same bits") {
  const auto run = [](bool interrupted) {
    ToyModel<double> model({6});
    for (Index i = 0; i < 6; ++i) model.parameters()[i] = i % 2 == 0 ? -1.2 : 1;
    LBFGS first(model, {.history = 3});
    LBFGS second(model, {.history = 3});
    for (int step = 0; step < 12; ++step) {
      if (interrupted && step == 6) {
        std::copy(first.state().begin(), first.state().end(), second.state().begin());
        second.set_progress(first.progress());
      }
      (interrupted && step >= 6 ? second : first).step(model, [&] { return valley(model); });
    }
    return std::vector<double>(model.parameters().begin(), model.parameters().end());
  };
  CHECK(run(true) == run(false));
}

std::vector<float> many_steps(int threads) {
  nn::set_threads(threads);
  ToyModel<float> model({70001, 33});
  nn::Random random(1);
  for (float& weight : model.parameters()) weight = static_cast<float>(random.normal());
  LBFGS lbfgs(model);
  for (int step = 0; step < 6; ++step) {
    lbfgs.step(model, [&] {
      double sum = 0;
      for (Index i = 0; i < model.parameters().size(); ++i) {
        const float w = model.parameters()[i];
        const float a = 1 + static_cast<float>(i % 7);
        sum += static_cast<double>(a * w * w / 2);
        model.gradients()[i] = a * w;
      }
      return sum;
    });
  }
  nn::set_threads(2);
  return {model.parameters().begin(), model.parameters().end()};
}

TEST_CASE("L-BFGS: the same bits for any number of threads") {
  CHECK(many_steps(1) == many_steps(3));
}

TEST_CASE("L-BFGS: frozen parameters stay") {
  ToyModel<double> model({2, 3});
  model.parameters().fill(1);
  model.freeze(0);
  LBFGS lbfgs(model);
  for (int step = 0; step < 20; ++step) lbfgs.step(model, [&] { return bowl(model); });
  CHECK(model.parameters()[0] == 1);
  CHECK(model.parameters()[1] == 1);
  for (Index i = 2; i < 5; ++i) CHECK(std::abs(model.parameters()[i]) < 1e-6);
}

TEST_CASE("L-BFGS: steps beyond where the loss is finite are shortened, others refused") {
  // -log(w) + w, not a number below 0, and least at 1.
  ToyModel<double> model({1});
  model.parameters()[0] = 30;
  LBFGS lbfgs(model, {.learning_rate = 100});
  const auto evaluate = [&] {
    const double w = model.parameters()[0];
    model.gradients()[0] = 1 - 1 / w;
    return w - std::log(w);
  };
  for (int step = 0; step < 30; ++step) lbfgs.step(model, evaluate);
  CHECK(model.parameters()[0] == doctest::Approx(1).epsilon(1e-6));
  ToyModel<double> broken({1});
  LBFGS other(broken);
  CHECK_THROWS_WITH_AS(other.step(broken, [] { return std::nan(""); }),
                       doctest::Contains("L-BFGS was given a loss of"), nn::Error);
  ToyModel<double> larger({2});
  CHECK_THROWS_AS(other.step(larger, [] { return 0.0; }), nn::Error);
  CHECK_THROWS_AS(LBFGS(model, {.history = 0}), nn::Error);
  CHECK_THROWS_AS(LBFGS(model, {.curvature = 1}), nn::Error);
  CHECK_THROWS_AS(LBFGS(model, {.learning_rate = 0}), nn::Error);
}

}  // namespace lbfgs_test
