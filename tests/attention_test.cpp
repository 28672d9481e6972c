#include "nn/layers/attention.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "data_files.hpp"
#include "nn/io/model_file.hpp"
#include "nn/layers/attention_block.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/masked.hpp"
#include "nn/layers/relu.hpp"
#include "sequence_testing.hpp"

namespace attention_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::MultiHeadAttention;
using sequence_testing::PadSteps;

template <class L>
void randomize(nn::Model<L, double>& model) {
  nn::Random random(8);
  for (double& value : model.parameters()) value += random.uniform(-0.6, 0.6);
}

/// The definition, number by number. `real(sample, step)` tells what may be attended to.
template <class Real>
std::vector<double> by_definition(const MultiHeadAttention& layer, const auto& model,
                                  const Tensor<double>& x, const Real& real) {
  const Index batch = x.shape()[0];
  const Index steps = x.shape()[1];
  const Index width = x.shape()[2];
  const Index part = width / layer.heads;
  const auto in = model.parameter("in_proj_weight");
  const auto out = model.parameter("out_proj.weight");
  const auto offset = [&](const char* name, Index i) {
    return layer.bias ? model.parameter(name)[i] : 0.0;
  };
  const Index queries = layer.queries > 0 ? layer.queries : steps;
  std::vector<double> y;
  for (Index sample = 0; sample < batch; ++sample) {
    // q, k or v (0, 1, 2) of a step.
    const auto projected = [&](Index which, Index step, Index feature) {
      const Index column = which * width + feature;
      double sum = offset("in_proj_bias", column);
      for (Index i = 0; i < width; ++i) {
        sum += x[(sample * steps + step) * width + i] * in[i * 3 * width + column];
      }
      return sum;
    };
    const auto turned = [&](Index which, Index step, Index head, Index i) {
      const double value = projected(which, step, head * part + i);
      if (!layer.rotary) return value;
      const Index half = part / 2;
      const double angle =
          static_cast<double>(step) *
          std::pow(static_cast<double>(layer.rotary_base),
                   -2.0 * static_cast<double>(i % half) / static_cast<double>(part));
      const double other = projected(which, step, head * part + (i + half) % part);
      return value * std::cos(angle) + (i < half ? -other : other) * std::sin(angle);
    };
    std::vector<double> all;  // q, k and v: [which][step][feature]
    for (Index which = 0; which < 3; ++which)
      for (Index step = 0; step < steps; ++step)
        for (Index i = 0; i < width; ++i) {
          all.push_back(which == 2 ? projected(2, step, i)
                                   : turned(which, step, i / part, i % part));
        }
    const auto at = [&](Index which, Index step, Index head, Index i) {
      return all[static_cast<std::size_t>((which * steps + step) * width + head * part + i)];
    };
    for (Index query = 0; query < queries; ++query) {
      std::vector<double> mixed(static_cast<std::size_t>(width), 0.0);
      for (Index head = 0; head < layer.heads; ++head) {
        std::vector<double> weights;
        double total = 0;
        for (Index step = 0; step < steps; ++step) {
          double score = 0;
          for (Index i = 0; i < part; ++i) score += at(0, query, head, i) * at(1, step, head, i);
          const bool counts = real(sample, step) && (!layer.causal || step <= query) &&
                              (layer.queries == 0 || step >= queries);
          weights.push_back(counts ? std::exp(score / std::sqrt(static_cast<double>(part))) : 0.0);
          total += weights.back();
        }
        for (Index step = 0; step < steps && total > 0; ++step) {
          const double share = weights[static_cast<std::size_t>(step)] / total;
          for (Index i = 0; i < part; ++i) {
            mixed[static_cast<std::size_t>(head * part + i)] += share * at(2, step, head, i);
          }
        }
      }
      for (Index column = 0; column < width; ++column) {
        double sum = offset("out_proj.bias", column);
        for (Index i = 0; i < width; ++i) {
          sum += mixed[static_cast<std::size_t>(i)] * out[i * width + column];
        }
        y.push_back(sum);
      }
    }
  }
  return y;
}

std::vector<MultiHeadAttention> all_options() {
  return {{.heads = 1},
          {.heads = 3, .causal = true},
          {.heads = 2, .bias = false},
          {.heads = 2, .causal = true, .rotary = true},
          {.heads = 3, .rotary = true, .rotary_base = 20},
          {.heads = 2, .queries = 3},
          {.heads = 1, .bias = false, .queries = 2}};
}

TEST_CASE("attention mixes what its definition says, within a block and over several") {
  for (MultiHeadAttention layer : all_options())
    for (const Index steps : {4, 70, 130}) {
      CAPTURE(nn::name_of(layer));
      CAPTURE(steps);
      if (layer.queries > 0 && steps == 130) layer.queries = 65;
      nn::Model<MultiHeadAttention, double> model(layer, {steps, 12}, {.seed = 3});
      randomize(model);
      const auto x = random_tensor<double>({2, steps, 12}, 4, -2, 2);
      const auto expected = by_definition(layer, model, x, [](Index, Index) { return true; });
      CHECK(worst_difference<double>(model.predict(x), expected) < 1e-12);
      CHECK(worst_difference<double>(model.forward(x), expected) < 1e-12);
    }
}

TEST_CASE("attention leaves out padded steps, and is its offset where all are padded") {
  for (const MultiHeadAttention& layer : all_options())
    for (const Index steps : {4, 70}) {
      CAPTURE(nn::name_of(layer));
      CAPTURE(steps);
      const auto net = nn::masked(0, layer);
      nn::Model<nn::Masked<MultiHeadAttention>, double> model(net, {steps, 12}, {.seed = 3});
      nn::Model<MultiHeadAttention, double> bare(layer, {steps, 12}, {.seed = 3});
      randomize(model);
      std::copy(model.parameters().begin(), model.parameters().end(), bare.parameters().begin());
      auto x = random_tensor<double>({4, steps, 12}, 4, -2, 2);
      const auto is_real = [&](Index sample, Index step) {
        return sample != 2 && step < steps - sample && step != 1;
      };
      for (Index row = 0; row < 4 * steps; ++row) {
        if (!is_real(row / steps, row % steps)) std::fill_n(x.data() + row * 12, 12, 0.0);
      }
      const auto expected = by_definition(layer, bare, x, is_real);
      CHECK(worst_difference<double>(model.predict(x), expected) < 1e-12);
    }
}

TEST_CASE("the gradients of attention are right for all its options") {
  for (const MultiHeadAttention& layer : all_options()) {
    check_gradients_of(layer, {5, 12}, {.batch = 2, .elements = 40});
    check_gradients_of(nn::sequential(PadSteps{}, nn::masked(0, layer)), {5, 12},
                       {.batch = 3, .elements = 40});
    check_gradients_of(nn::sequential(layer, nn::ReLU{}), {4, 12}, {.elements = 20});
  }
  for (const bool causal : {false, true})
    for (const float dropout : {0.0F, 0.4F}) {
      const MultiHeadAttention layer{.heads = 2, .causal = causal, .dropout = dropout};
      check_gradients_of(layer, {6, 4}, {.batch = 2, .elements = 40});
      check_gradients_of(layer, {70, 4}, {.batch = 1, .elements = 12});
    }
  check_gradients_of(MultiHeadAttention{.dropout = 0.3F, .queries = 66}, {132, 2},
                     {.batch = 1, .elements = 12});
}

TEST_CASE("attention drops weights at the rate it is told, in training alone") {
  // With q = 0 all weights are 1 / steps; v = out = 1, so the output counts what was not dropped.
  const MultiHeadAttention layer{.dropout = 0.25F, .bias = false};
  const Index steps = 100;
  nn::Model<MultiHeadAttention, double> model(layer, {steps, 1});
  const std::vector<double> weights{0, 0, 1, 1};
  std::copy(weights.begin(), weights.end(), model.parameters().begin());
  const Tensor<double> x({40, steps, 1}, 1.0);
  for (const double value : model.predict(x)) CHECK(std::abs(value - 1) < 1e-12);
  double sum = 0;
  double squares = 0;
  for (const double value : model.forward(x)) {
    const double kept = value * 0.75 * static_cast<double>(steps);
    CHECK(std::abs(kept - std::round(kept)) < 1e-9);
    sum += kept;
    squares += kept * kept;
  }
  const double mean = sum / 4000;  // of a binomial distribution: 75, variance 18.75
  CHECK(std::abs(mean - 75) < 0.35);
  CHECK(std::abs(squares / 4000 - mean * mean - 18.75) < 2.2);
}

TEST_CASE("attention gives the same bits for any number of threads") {
  check_threads(MultiHeadAttention{.heads = 2, .causal = true, .dropout = 0.1F, .rotary = true},
                {150, 24}, 5);
  check_threads(nn::sequential(PadSteps{}, nn::masked(0, MultiHeadAttention{.heads = 3})), {70, 24},
                6);
}

TEST_CASE("the memory of attention grows with the length, not with its square") {
  const MultiHeadAttention layer{.heads = 4};
  const auto bytes = [&](Index steps) {
    const nn::Memory memory = layer.memory<float>(nn::plan_of(layer, Shape{steps, 32}), 2, true);
    return memory.kept + memory.scratch;
  };
  CHECK(bytes(10000) <= 11 * bytes(1000));
  CHECK(bytes(10000) < Index{10000} * 10000);  // a fraction of the weights of a single head
}

TEST_CASE("attention has the weights of PyTorch's, and is read from files") {
  const auto net = nn::sequential(
      nn::Dense{6},
      MultiHeadAttention{
          .heads = 3, .causal = true, .dropout = 0.1F, .rotary = true, .rotary_base = 100});
  nn::Model model(net, {5, 3}, {.seed = 2});
  const auto stored = nn::detail::stored_variables(model.plan(), nn::WeightLayout::pytorch);
  CHECK(stored.parameters[2].name == "1.in_proj_weight");
  CHECK(stored.parameters[2].shape == Shape{18, 6});
  CHECK(stored.parameters[3].name == "1.in_proj_bias");
  CHECK(stored.parameters[4].name == "1.out_proj.weight");
  CHECK(stored.parameters[4].shape == Shape{6, 6});
  CHECK(stored.parameters[5].name == "1.out_proj.bias");
  const data_files::TemporaryFolder folder;
  nn::save(model, folder.path() / "attention.safetensors");
  auto loaded = nn::load_model(folder.path() / "attention.safetensors");
  const auto x = random_tensor<float>({2, 5, 3}, 3);
  CHECK(Tensor<float>(loaded.predict(x)) == Tensor<float>(model.predict(x)));
  nn::detail::ArchitectureWriter told;
  nn::detail::describe(net, told);
  const std::string text = told.take().dump();
  CHECK(text.find("\"dropout\":0.1") != std::string::npos);
  CHECK(text.find("\"rotary_base\":100") != std::string::npos);
}

TEST_CASE("attention says what it wants") {
  static_assert(MultiHeadAttention{.heads = 2}.output_shape({5, 4}) == Shape{5, 4});
  static_assert(MultiHeadAttention{.heads = 2, .queries = 3}.output_shape({5, 4}) == Shape{3, 4});
  CHECK(MultiHeadAttention{.heads = 2, .causal = true}.name() == "MultiHeadAttention{2, causal}");
  CHECK(MultiHeadAttention{}.multiply_adds({5, 4}) == 3 * 5 * 16 + 2 * 5 * 5 * 4 + 5 * 16);
  check_error([] { (void)MultiHeadAttention{}.output_shape({12}); }, {"steps x features", "12"});
  check_error([] { (void)MultiHeadAttention{.heads = 3}.output_shape({5, 4}); }, {"3 heads", "4"});
  check_error(
      [] {
        (void)MultiHeadAttention{.heads = 4, .rotary = true}.output_shape({5, 4});
      },
      {"pairs", "1"});
  check_error([] { (void)MultiHeadAttention{.queries = 5}.output_shape({5, 4}); }, {"5"});
  check_error<nn::Error>(
      [] {
        (void)MultiHeadAttention{.causal = true, .queries = 2}.output_shape({5, 4});
      },
      {"causal"});
  check_error<nn::Error>(
      [] {
        (void)MultiHeadAttention{.dropout = 1}.output_shape({5, 4});
      },
      {"dropout", "1"});
}

}  // namespace attention_test
