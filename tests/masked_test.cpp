#include "nn/layers/masked.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "data_files.hpp"
#include "nn/distributed/shared_batches.hpp"
#include "nn/io/model_file.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/layer_norm.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/residual.hpp"
#include "nn/layers/step_mask.hpp"
#include "sequence_testing.hpp"

namespace masked_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::MeanOverSteps;
using sequence_testing::PadSteps;

TEST_CASE("the mean over the steps leaves out rows of nothing but padding") {
  const auto net = nn::masked(0, MeanOverSteps{});
  static_assert(nn::masked(0, MeanOverSteps{}).output_shape({4, 2}) == Shape{2});
  nn::Model<nn::Masked<MeanOverSteps>, double> model(net, {4, 2});
  // The second row of the first sample is padding, the third has one feature that is not.
  const Tensor<double> x({3, 4, 2}, {1., 2., 0., 0., 0., 5., 5., 8., 0., 0., 0., 0.,
                                     0., 0., 0., 0., 7., 1., 0., 0., 0., 0., 0., 0.});
  const std::vector<double> expected{2, 5, 0, 0, 7, 1};
  CHECK(worst_difference<double>(model.predict(x), expected) == 0);
  CHECK(worst_difference<double>(model.forward(x), expected) == 0);
  const Tensor<double> dy({3, 2}, {3., 6., 1., 1., 4., 2.});
  CHECK(worst_difference<double>(
            model.backward(dy, {.input_gradient = true}),
            {1, 2, 0, 0, 1, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0}) < 1e-15);
  // Without a mask all rows count, and with another padding other rows.
  nn::Model<MeanOverSteps, double> all(MeanOverSteps{}, {4, 2});
  CHECK(worst_difference<double>(all.predict(x), {1.5, 3.75, 0, 0, 1.75, 0.25}) == 0);
  nn::Model<nn::Masked<MeanOverSteps>, double> threes(nn::masked(3, MeanOverSteps{}), {2, 2});
  const Tensor<double> few({1, 2, 2}, {3., 3., 3., 0.});
  CHECK(worst_difference<double>(threes.predict(few), {3, 0}) == 0);
}

/// Puts 1 where a step is real: shows the mask that a layer is given.
struct ShowMask {
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const { return {input.front()}; }
  template <class T>
  void forward(const nn::Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const Index steps = context.plan->input.front();
    const nn::StepMask mask = context.mask.for_steps(steps);
    for (Index sample = 0; sample < x.shape().front(); ++sample) {
      for (Index step = 0; step < steps; ++step) {
        y[sample * steps + step] = mask.is_real(sample, step) ? T(1) : T(0);
      }
    }
  }
  template <class T>
  void backward(const nn::Context<T>& /*context*/, TensorView<const T> /*x*/,
                TensorView<const T> /*y*/, TensorView<const T> /*dy*/, TensorView<T> dx) const {
    std::fill(dx.begin(), dx.end(), T(0));
  }
};

TEST_CASE("the mask is found in tokens, and reaches layers inside of layers") {
  const auto net =
      nn::masked(0, nn::sequential(nn::residual(ShowMask{}), nn::residual(ShowMask{})));
  nn::Model<std::decay_t<decltype(net)>, double> model(net, {4});
  const Tensor<double> x({2, 4}, {7., 0., 3., 0., 0., 0., 0., 2.});
  CHECK(worst_difference<double>(model.predict(x), {9, 0, 5, 0, 0, 0, 0, 4}) == 0);
  // Outside of Masked there is none, and layers of another number of steps cannot use it.
  nn::Model<ShowMask, double> outside(ShowMask{}, {4});
  CHECK(worst_difference<double>(outside.predict(x), {1, 1, 1, 1, 1, 1, 1, 1}) == 0);
  const std::uint8_t real[] = {1, 1, 0, 1};
  const nn::StepMask mask{real, 2};
  CHECK(mask.from(1).is_real(0, 1));
  CHECK_FALSE(mask.from(1).is_real(0, 0));
  CHECK(nn::StepMask{}.from(3).for_steps(5).is_real(1, 2));
  check_error([&] { (void)mask.for_steps(5); }, {"2 steps", "5"});
}

auto network() {
  return nn::masked(0, nn::Dense{5}, nn::residual(nn::LayerNorm{}, nn::Dense{5}, nn::ReLU{}),
                    MeanOverSteps{}, nn::Dense{3});
}

TEST_CASE("the gradients behind a mask are right") {
  check_gradients_of(MeanOverSteps{}, {5, 3}, {.batch = 4});
  check_gradients_of(nn::sequential(PadSteps{}, network()), {4, 3}, {.batch = 4});
  check_gradients_of(nn::sequential(nn::Dense{3}, PadSteps{}, nn::masked(0, MeanOverSteps{})),
                     {4, 2}, {.batch = 4});
  check_threads(nn::sequential(PadSteps{}, network()), {40, 30}, 70);
}

TEST_CASE("a dense layer takes each row of a sequence by itself") {
  static_assert(nn::Dense{7}.output_shape({4, 3}) == Shape{4, 7});
  nn::Model<nn::Dense, double> rows(nn::Dense{7}, {4, 3}, {.seed = 5});
  nn::Model<nn::Dense, double> flat(nn::Dense{7}, {3}, {.seed = 5});
  const auto x = random_tensor<double>({5, 4, 3}, 1);
  const auto expected = Tensor<double>(flat.predict(TensorView<const double>(x).reshaped({20, 3})));
  CHECK(worst_difference<double>(rows.predict(x), {expected.begin(), expected.end()}) == 0);
  for (const bool bias : {false, true}) {
    check_gradients_of(nn::Dense{.units = 5, .bias = bias}, {4, 3}, {.batch = 2});
  }
  CHECK(nn::Dense{7}.multiply_adds({4, 3}) == 84);
  // PyTorch has units x inputs.
  const auto stored = nn::detail::stored_variables(rows.plan(), nn::WeightLayout::pytorch);
  CHECK(stored.parameters[0].shape == Shape{7, 3});
  nn::detail::for_each_element(stored.parameters[0], [](Index in_model, Index in_file) {
    CHECK(in_file == in_model % 7 * 3 + in_model / 7);
  });
}

TEST_CASE("a batch in pieces has the mask of each piece") {
  nn::Model<decltype(network()), double> whole(network(), {6, 4}, {.seed = 2});
  nn::Model<decltype(network()), double> shared(network(), {6, 4}, {.seed = 2});
  auto x = random_tensor<double>({11, 6, 4}, 3);
  for (Index sample = 0; sample < 11; ++sample) {
    std::fill(x.data() + (sample * 6 + PadSteps::length(sample, 6)) * 4,
              x.data() + (sample + 1) * 24, 0.0);
  }
  const auto slope = random_tensor<double>({11, 3}, 4);
  const TensorView<const double> expected = whole.forward(x);
  whole.backward(slope);
  nn::Communicator alone;
  nn::SharedBatches sharing(alone, 4);
  sharing.begin_batch(11);
  shared.share(&sharing);
  const TensorView<const double> found = shared.forward(x);
  shared.backward(slope);
  for (Index i = 0; i < expected.size(); ++i) CHECK(std::abs(found[i] - expected[i]) < 1e-12);
  for (Index i = 0; i < whole.gradients().size(); ++i) {
    CHECK(std::abs(shared.gradients()[i] - whole.gradients()[i]) < 1e-12);
  }
}

TEST_CASE("masked layers have the paths of a chain's, and are read from files") {
  nn::Model<decltype(network())> model(network(), {6, 4}, {.seed = 2});
  CHECK(model.variables()[0].name == "0.weight");
  CHECK(model.plan().name == "Masked{0}");
  const data_files::TemporaryFolder folder;
  const auto file = folder.path() / "masked.safetensors";
  nn::save(model, file);
  auto loaded = nn::load_model(file);
  const auto x = random_tensor<float>({3, 6, 4}, 3);
  auto padded = x;
  std::fill_n(padded.data() + 8, 16, 0.0F);
  const Tensor<float> expected(model.predict(padded));
  CHECK(Tensor<float>(loaded.predict(padded)) == expected);
  CHECK(Tensor<float>(model.predict(x)) != expected);
}

TEST_CASE("masked layers say what they want") {
  check_error([] { (void)network().output_shape({2, 3, 4}); }, {"sequences", "2x3x4"});
  check_error([] { (void)MeanOverSteps{}.output_shape({4}); }, {"steps x features", "4"});
}

}  // namespace masked_test
