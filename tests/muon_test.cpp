#include "nn/optim/muon.hpp"

#include <doctest/doctest.h>

#include <Eigen/SVD>
#include <vector>

#include "nn/core/random.hpp"
#include "nn/optim/lars.hpp"
#include "nn/optim/lookahead.hpp"
#include "nn/optim/optimizer.hpp"
#include "toy_model.hpp"

namespace muon_test {

using nn::Axes;
using nn::Index;
using nn::Optimizer;
using nn::Shape;

/// Parameters of given shapes with numbers that look random.
template <class T>
class ShapedModel : public ToyModel<T> {
 public:
  ShapedModel(const std::vector<Shape>& shapes, const std::vector<Axes>& axes)
      : ToyModel<T>(sizes_of(shapes)), variables_(ToyModel<T>::variables()) {
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      variables_[i].shape = shapes[i];
      variables_[i].axes = axes[i];
      variables_[i].decay = shapes[i].rank() > 1;
    }
    draw(this->parameters());
  }
  const std::vector<nn::Variable>& variables() const { return variables_; }
  void draw_gradients() { draw(this->gradients()); }

 private:
  static std::vector<Index> sizes_of(const std::vector<Shape>& shapes) {
    std::vector<Index> sizes;
    for (const Shape& shape : shapes) sizes.push_back(shape.size());
    return sizes;
  }
  void draw(nn::TensorView<T> values) {
    for (T& value : values) value = static_cast<T>(random_.normal());
  }

  nn::Random random_{5};
  std::vector<nn::Variable> variables_;
};

/// A dense layer that is tall, one that is wide, a convolution, a vector and a table.
template <class T>
ShapedModel<T> model_of_all_kinds() {
  return {{{7, 4}, {4}, {3, 8}, {3, 3, 2, 5}, {6, 5}},
          {Axes::dense, Axes::plain, Axes::dense, Axes::convolution, Axes::plain}};
}

using Rows = std::vector<std::vector<double>>;

Rows product(const Rows& a, const Rows& b) {
  Rows c(a.size(), std::vector<double>(b[0].size()));
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t k = 0; k < b.size(); ++k) {
      for (std::size_t j = 0; j < b[0].size(); ++j) c[i][j] += a[i][k] * b[k][j];
    }
  }
  return c;
}

Rows transposed(const Rows& a) {
  Rows b(a[0].size(), std::vector<double>(a.size()));
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < a[0].size(); ++j) b[j][i] = a[i][j];
  }
  return b;
}

/// Newton and Schulz's iteration as Jordan's page has it, for outputs x rest.
Rows newton_schulz(Rows x, int iterations) {
  double squares = 0;
  for (const auto& row : x) {
    for (const double value : row) squares += value * value;
  }
  const bool tall = x.size() > x[0].size();
  if (tall) x = transposed(x);
  for (auto& row : x) {
    for (double& value : row) value /= std::sqrt(squares) + 1e-7;
  }
  for (int k = 0; k < iterations; ++k) {
    const Rows gram = product(x, transposed(x));
    Rows inner = product(gram, gram);
    for (std::size_t i = 0; i < gram.size(); ++i) {
      for (std::size_t j = 0; j < gram.size(); ++j) {
        inner[i][j] = -4.7750 * gram[i][j] + 2.0315 * inner[i][j];
      }
    }
    Rows next = product(inner, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (std::size_t j = 0; j < x[0].size(); ++j) next[i][j] += 3.4445 * x[i][j];
    }
    x = next;
  }
  return tall ? transposed(x) : x;
}

/// Muon for one matrix of outputs x rest, from stored ones of rest x outputs.
struct PlainMuon {
  nn::Muon rule;
  Rows velocity{};

  void step(double* weights, const double* gradients, const Shape& shape) {
    const auto outputs = static_cast<std::size_t>(shape.back());
    const auto rest = static_cast<std::size_t>(shape.size()) / outputs;
    if (velocity.empty()) velocity.assign(outputs, std::vector<double>(rest));
    Rows update = velocity;
    for (std::size_t o = 0; o < outputs; ++o) {
      for (std::size_t r = 0; r < rest; ++r) {
        const double g = gradients[r * outputs + o];
        double& v = velocity[o][r];
        v = rule.momentum * v + g;
        update[o][r] = rule.nesterov ? g + rule.momentum * v : v;
      }
    }
    update = newton_schulz(update, static_cast<int>(rule.iterations));
    const double ratio = static_cast<double>(outputs) / static_cast<double>(rest);
    for (std::size_t o = 0; o < outputs; ++o) {
      for (std::size_t r = 0; r < rest; ++r) {
        double& w = weights[r * outputs + o];
        w -= rule.learning_rate * rule.weight_decay * w;
        w -= rule.learning_rate * std::sqrt(std::max(1.0, ratio)) * update[o][r];
      }
    }
  }
};

void check_against_plain(const nn::Muon& rule) {
  auto model = model_of_all_kinds<double>();
  auto others = model_of_all_kinds<double>();
  std::vector<double> expected(model.parameters().begin(), model.parameters().end());
  std::vector<PlainMuon> plain(5, PlainMuon{rule});
  Optimizer optimizer(model, rule);
  Optimizer adam(others, rule.others);
  for (int step = 0; step < 4; ++step) {
    model.draw_gradients();
    std::copy(model.gradients().begin(), model.gradients().end(), others.gradients().begin());
    optimizer.step(model);
    adam.step(others);
    for (const std::size_t i : {0U, 2U, 3U}) {
      const nn::Variable& variable = model.variables()[i];
      plain[i].step(expected.data() + variable.offset, model.gradients().data() + variable.offset,
                    variable.shape);
    }
  }
  for (std::size_t i = 0; i < model.variables().size(); ++i) {
    const nn::Variable& variable = model.variables()[i];
    const bool is_matrix = variable.axes != Axes::plain;
    for (Index at = variable.offset; at < variable.offset + variable.shape.size(); ++at) {
      CAPTURE(at);
      const double wanted =
          is_matrix ? expected[static_cast<std::size_t>(at)] : others.parameters()[at];
      CHECK(std::abs(model.parameters()[at] - wanted) < 1e-11);
    }
  }
}

TEST_CASE("Muon does what its page says, and AdamW the rest") {
  check_against_plain(nn::Muon{});
  check_against_plain({.learning_rate = 0.3, .momentum = 0.5, .nesterov = false, .iterations = 3});
  check_against_plain({.learning_rate = 0.1,
                       .weight_decay = 0.2,
                       .others = {.learning_rate = 0.05, .beta1 = 0.7, .weight_decay = 0.1}});
}

TEST_CASE("Muon moves all directions of a matrix alike") {
  // From weights of 0 the first step is a multiple of the orthogonal matrix.
  ShapedModel<float> model({{48, 20}}, {Axes::dense});
  model.parameters().fill(0);
  model.draw_gradients();
  Optimizer(model, nn::Muon{.learning_rate = 1}).step(model);
  const Eigen::MatrixXf step =
      Eigen::Map<const nn::RowMatrix<float>>(model.parameters().data(), 48, 20);
  const Eigen::VectorXf values = Eigen::BDCSVD<Eigen::MatrixXf>(step).singularValues();
  CHECK(values.maxCoeff() < 1.3F);
  CHECK(values.minCoeff() > 0.6F);
}

TEST_CASE("Muon leaves a matrix without a gradient, and one that is kept from it, to others") {
  auto model = model_of_all_kinds<double>();
  auto adam = model_of_all_kinds<double>();
  model.draw_gradients();
  std::copy(model.gradients().begin(), model.gradients().end(), adam.gradients().begin());
  const nn::Muon rule{.learning_rate = 0.1};
  Optimizer optimizer(model, rule, {.groups = {{.path = "1", .elementwise = true}}});
  std::fill_n(model.gradients().begin(), 28, 0.0);
  const std::vector<double> before(model.parameters().begin(), model.parameters().begin() + 28);
  optimizer.step(model);
  Optimizer(adam, rule.others).step(adam);
  CHECK(std::equal(before.begin(), before.end(), model.parameters().begin()));
  const nn::Variable& kept = model.variables()[2];  // "1.weight"
  for (Index i = kept.offset; i < kept.offset + kept.shape.size(); ++i) {
    CHECK(model.parameters()[i] == doctest::Approx(adam.parameters()[i]).epsilon(1e-12));
  }
}

/// Six steps of all kinds of parameters, and a matrix cut into several pieces.
template <class Rule>
std::vector<float> six_steps(const Rule& rule, int threads, bool interrupted = false) {
  nn::set_threads(threads);
  ShapedModel<float> model({{300, 90}, {90}, {3, 3, 20, 24}, {5, 70}},
                           {Axes::dense, Axes::plain, Axes::convolution, Axes::dense});
  Optimizer first(model, rule);
  Optimizer second(model, rule);
  for (int step = 0; step < 6; ++step) {
    model.draw_gradients();
    if (interrupted && step == 3) {
      std::copy(first.state().begin(), first.state().end(), second.state().begin());
      second.set_steps(first.steps());
    }
    (interrupted && step >= 3 ? second : first).step(model);
  }
  nn::set_threads(2);
  return {model.parameters().begin(), model.parameters().end()};
}

TEST_CASE_TEMPLATE("whole parameters: the same bits for any number of threads, and resumed", Rule,
                   nn::Muon, nn::LARS, nn::Lookahead<nn::Muon>) {
  const auto expected = six_steps(Rule{}, 1);
  CHECK(six_steps(Rule{}, 3) == expected);
  CHECK(six_steps(Rule{}, 2, true) == expected);
}

TEST_CASE("Lookahead takes whole what its rule does") {
  const nn::Muon rule{.learning_rate = 0.1};
  const auto lookahead = nn::lookahead(rule, {.interval = 6, .rate = 0.5});
  const auto slow = six_steps(lookahead, 2);
  const auto fast = six_steps(rule, 2);
  ShapedModel<float> start({{300, 90}, {90}, {3, 3, 20, 24}, {5, 70}},
                           {Axes::dense, Axes::plain, Axes::convolution, Axes::dense});
  for (std::size_t i = 0; i < slow.size(); ++i) {
    const float half = (start.parameters()[static_cast<Index>(i)] + fast[i]) / 2;
    CHECK(std::abs(slow[i] - half) < 1e-5F);
  }
}

TEST_CASE("LARS does what its paper says") {
  const nn::LARS rule{.learning_rate = 0.5, .momentum = 0.8, .trust = 0.02, .weight_decay = 0.1};
  auto model = model_of_all_kinds<double>();
  std::fill_n(model.parameters().begin() + model.variables()[2].offset, 24, 0.0);  // |w| = 0
  std::vector<double> w(model.parameters().begin(), model.parameters().end());
  std::vector<double> v(w.size(), 0);
  Optimizer optimizer(model, rule);
  for (int step = 0; step < 4; ++step) {
    model.draw_gradients();
    optimizer.step(model);
    for (const nn::Variable& variable : model.variables()) {
      double weights = 0;
      double gradients = 0;
      const Index end = variable.offset + variable.shape.size();
      for (Index at = variable.offset; at < end; ++at) {
        weights += w[static_cast<std::size_t>(at)] * w[static_cast<std::size_t>(at)];
        gradients += model.gradients()[at] * model.gradients()[at];
      }
      const double decay = variable.decay ? 0.1 : 0;
      double ratio = 1;
      if (variable.decay && weights > 0) {
        ratio = 0.02 * std::sqrt(weights) / (std::sqrt(gradients) + 0.1 * std::sqrt(weights));
      }
      for (Index at = variable.offset; at < end; ++at) {
        const auto i = static_cast<std::size_t>(at);
        v[i] = 0.8 * v[i] + 0.5 * ratio * (model.gradients()[at] + decay * w[i]);
        w[i] -= v[i];
      }
    }
  }
  for (std::size_t i = 0; i < w.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(model.parameters()[static_cast<Index>(i)] - w[i]) < 1e-9);
  }
}

TEST_CASE("Muon and LARS: settings that make no sense") {
  const ToyModel<float> model({1});
  CHECK_THROWS_AS(Optimizer(model, nn::Muon{.learning_rate = 0}), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::Muon{.momentum = 1}), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::Muon{.momentum = 0}), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::Muon{.iterations = 0}), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::Muon{.others = {.beta1 = 1}}), nn::Error);
  CHECK_THROWS_AS(Optimizer(model, nn::LARS{.trust = -1}), nn::Error);
}

}  // namespace muon_test
