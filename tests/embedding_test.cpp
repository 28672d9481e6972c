#include "nn/layers/embedding.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "data_files.hpp"
#include "nn/io/model_file.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/positions.hpp"
#include "sequence_testing.hpp"

namespace embedding_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::Embedding;
using nn::LearnedPositions;
using nn::SinusoidalPositions;
using sequence_testing::ToTokens;

TEST_CASE("an embedding looks up rows, and adds up their gradients where tokens repeat") {
  static_assert(Embedding{.tokens = 3, .features = 2}.output_shape({4}) == Shape{4, 2});
  nn::Model<Embedding, double> model(Embedding{.tokens = 3, .features = 2}, {4});
  const std::vector<double> vectors{1, 2, 3, 4, 5, 6};
  std::copy(vectors.begin(), vectors.end(), model.parameter("weight").begin());
  const Tensor<double> x({2, 4}, {2., 0., 2., 2., 0., 0., 2., 0.});
  CHECK(worst_difference<double>(model.forward(x),
                                 {5, 6, 1, 2, 5, 6, 5, 6, 1, 2, 1, 2, 5, 6, 1, 2}) == 0);
  const Tensor<double> dy({2, 4, 2},
                          {1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15., 16.});
  const auto dx = model.backward(dy, {.input_gradient = true});
  CHECK(worst_difference<double>(dx, {0, 0, 0, 0, 0, 0, 0, 0}) == 0);
  CHECK(worst_difference<double>(model.gradients(), {38, 42, 0, 0, 26, 30}) == 0);
  model.backward(dy);  // adds
  CHECK(worst_difference<double>(model.gradients(), {76, 84, 0, 0, 52, 60}) == 0);
}

TEST_CASE("the gradients of embeddings and positions are right, in the same bits by any threads") {
  for (const Index features : {1, 2, 7, 70}) {
    check_gradients_of(nn::sequential(ToTokens{}, Embedding{.tokens = 5, .features = features}),
                       {6}, {.batch = 4});
    check_gradients_of(LearnedPositions{}, {3, features});
    check_gradients_of(SinusoidalPositions{}, {3, features});
  }
  // In a chain, where both work in place.
  check_gradients_of(nn::sequential(nn::Dense{4}, LearnedPositions{}, nn::Dense{5},
                                    SinusoidalPositions{100}, nn::Dense{3}),
                     {3, 2});
  check_threads(nn::sequential(ToTokens{}, Embedding{.tokens = 5, .features = 300},
                               LearnedPositions{}, SinusoidalPositions{}),
                {60}, 50);
}

TEST_CASE("what is no token is refused with its place") {
  nn::Model<Embedding> model(Embedding{.tokens = 10, .features = 2}, {3});
  Tensor<float> x({2, 3}, {0.F, 9.F, 1.F, 2.F, 3.F, 4.F});
  (void)model.predict(x);
  for (const float wrong : {10.F, -1.F, 0.5F, std::nanf("")}) {
    x[4] = wrong;
    check_error<nn::Error>([&] { (void)model.predict(x); },
                           {"Embedding{10 x 2}", "0 to 9", "step 1", "sample 1"});
  }
  check_error([] { (void)Embedding{.tokens = 3}.output_shape({4, 2}); }, {"tokens", "4x2"});
  check_error([] { (void)Embedding{.tokens = 0}.output_shape({4}); }, {"0"});
  check_error([] { (void)SinusoidalPositions{}.output_shape({4}); }, {"steps x features", "4"});
}

TEST_CASE("positions are waves of the step") {
  for (const double base : {10000., 50.}) {
    for (const Index features : {6, 7}) {
      nn::Model<SinusoidalPositions, double> model(SinusoidalPositions{static_cast<float>(base)},
                                                   {40, features});
      const auto x = random_tensor<double>({2, 40, features}, 3);
      const Tensor<double> y(model.predict(x));
      double worst = 0;
      for (Index i = 0; i < x.size(); ++i) {
        const auto step = static_cast<double>(i / features % 40);
        const Index feature = i % features;
        const double angle = step / std::pow(base, static_cast<double>(feature / 2 * 2) /
                                                       static_cast<double>(features));
        const double wave = feature % 2 == 0 ? std::sin(angle) : std::cos(angle);
        worst = std::max(worst, std::abs(y[i] - x[i] - wave));
      }
      CHECK(worst < 1e-12);
    }
  }
}

TEST_CASE("learned positions are added") {
  nn::Model<LearnedPositions, double> model(LearnedPositions{}, {2, 2});
  const std::vector<double> positions{1, 2, 3, 4};
  std::copy(positions.begin(), positions.end(), model.parameter("weight").begin());
  const Tensor<double> x({2, 2, 2}, {10., 20., 30., 40., 50., 60., 70., 80.});
  CHECK(worst_difference<double>(model.forward(x), {11, 22, 33, 44, 51, 62, 73, 84}) == 0);
  model.backward(x);
  CHECK(worst_difference<double>(model.gradients(), {60, 80, 100, 120}) == 0);
}

TEST_CASE("embeddings and positions are read from files, with the weights that PyTorch has") {
  nn::Model model(nn::sequential(Embedding{.tokens = 5, .features = 4}, SinusoidalPositions{30},
                                 LearnedPositions{}),
                  {6}, {.seed = 2});
  const auto stored = nn::detail::stored_variables(model.plan(), nn::WeightLayout::pytorch);
  CHECK(stored.parameters[0].name == "0.weight");
  CHECK(stored.parameters[0].shape == Shape{5, 4});
  CHECK(stored.parameters[1].shape == Shape{6, 4});
  nn::detail::for_each_element(stored.parameters[0],
                               [](Index in_model, Index in_file) { CHECK(in_model == in_file); });
  const data_files::TemporaryFolder folder;
  nn::save(model, folder.path() / "tokens.safetensors");
  auto loaded = nn::load_model(folder.path() / "tokens.safetensors");
  const Tensor<float> x({1, 6}, {0.F, 1.F, 2.F, 3.F, 4.F, 4.F});
  CHECK(Tensor<float>(loaded.predict(x)) == Tensor<float>(model.predict(x)));
}

}  // namespace embedding_test
