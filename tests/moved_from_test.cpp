/// @file
/// What was moved from can be assigned to and destroyed, and copies are independent.

#include <doctest/doctest.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "blobs.hpp"
#include "nn/nn.hpp"

namespace moved_from_test {

using namespace nn;  // NOLINT

/// Moves `value` away, assigns `other` to what is left, by copy and by move, and destroys what is
/// left once. `check` is called with what must be like `other`.
template <class Value, class Check>
void move_and_assign(const Value& value, const Value& other, const Check& check) {
  Value first = value;
  const Value taken = std::move(first);
  first = other;  // NOLINT(bugprone-use-after-move): that is the point
  check(first);
  const Value again = std::move(first);
  first = Value(other);  // NOLINT(bugprone-use-after-move)
  check(first);
  check(again);
  Value left = taken;
  [[maybe_unused]] const Value last = std::move(left);
  const Value& self = first;
  first = self;
  check(first);
}

Model<Sequential<Flatten, Dense, ReLU, Dense>> network(std::uint64_t seed) {
  return Model(sequential(Flatten{}, Dense{5}, ReLU{}, Dense{3}), Shape{6, 6, 1}, {.seed = seed});
}

const Tensor<float> images({2, 6, 6, 1}, 0.25F);

TEST_CASE("a model that was moved from can be assigned to, used and destroyed") {
  const auto other = network(2);
  const Tensor<float> expected = other.predict(images);
  move_and_assign(network(1), other, [&](const auto& model) {
    CHECK(model.predict(images) == expected);
    auto trained = model;
    const Tensor<float> y(trained.forward(images));
    CHECK(y == expected);
    trained.backward(y);
    const auto g = trained.gradients();
    CHECK(std::any_of(g.begin(), g.end(), [](float value) { return value != 0; }));
  });
}

TEST_CASE("a model that is assigned another forgets the passes it made before") {
  auto model = network(1);
  model.forward(images);
  const auto other = network(2);
  model = other;
  const Tensor<float> dy({2, 3}, 1.0F);
  CHECK_THROWS_WITH_AS(model.backward(dy), "Model::backward needs a forward pass before it", Error);
}

TEST_CASE("copies of a model are independent") {
  const auto model = network(1);
  auto copy = model;
  const Tensor<float> before = model.predict(images);
  fit(copy, blobs(12, 1), SoftmaxCrossEntropy{}, SGD{.learning_rate = 0.1},
      {.epochs = 1, .batch_size = 4});
  CHECK(model.predict(images) == before);
  CHECK(copy.predict(images) != before);
}

TEST_CASE("optimizers and averages that were moved from can be assigned to") {
  auto model = network(1);
  const auto step = [&](auto& optimizer, auto& of) {
    of.forward(images);
    of.zero_gradients();
    of.backward(Tensor<float>({2, 3}, 1.0F));
    optimizer.step(of);
  };
  Optimizer used(model, Adam{.learning_rate = 0.1});
  step(used, model);
  const std::vector<float> slots(used.state().begin(), used.state().end());
  move_and_assign(Optimizer(model, Adam{.learning_rate = 0.5}), used, [&](const auto& optimizer) {
    CHECK(optimizer.steps() == 1);
    CHECK(optimizer.learning_rate() == 0.1);
    CHECK(std::equal(slots.begin(), slots.end(), optimizer.state().begin()));
    auto copy = optimizer;
    auto other = model;
    step(copy, other);
    CHECK(optimizer.steps() == 1);
    CHECK(std::equal(slots.begin(), slots.end(), optimizer.state().begin()));
  });
  WeightAverage average(model);
  average.update(model);
  move_and_assign(WeightAverage(network(3)), average, [&](const auto& value) {
    CHECK(value.updates() == 1);
    CHECK(Tensor<float>(value.parameters()) == Tensor<float>(average.parameters()));
  });
}

TEST_CASE(
    "tensors, data sets, layers and files in memory that were moved from can be assigned to") {
  const Tensor<float> tensor({2, 2}, {1, 2, 3, 4});
  move_and_assign(Tensor<float>({3}, 1.0F), tensor,
                  [&](const auto& value) { CHECK(value == tensor); });
  const Dataset data = blobs(6, 1);
  move_and_assign(blobs(9, 2), data, [&](const Dataset& value) {
    CHECK(value.size() == 6);
    CHECK(Tensor<std::uint8_t>(value.image(5)) == Tensor<std::uint8_t>(data.image(5)));
  });
  move_and_assign(AnyLayer(Dense{3}), AnyLayer(Dense{7}),
                  [](const AnyLayer& layer) { CHECK(layer.get_if<Dense>() != nullptr); });
  Sequential<AnyLayer> chain;
  chain.push_back(ReLU{});
  move_and_assign(Sequential<AnyLayer>{}, chain,
                  [](const auto& value) { CHECK(value.length() == 1); });
  Checkpoint checkpoint;
  checkpoint.set("step", 3);
  move_and_assign(Checkpoint{}, checkpoint, [](const Checkpoint& value) {
    int step = 0;
    value.get("step", step);
    CHECK(step == 3);
  });
  History history;
  history.epochs.resize(2);
  move_and_assign(History{}, history,
                  [](const History& value) { CHECK(value.epochs.size() == 2); });
  move_and_assign(Random(1), Random(2), [](Random value) {
    Random expected(2);
    CHECK(value.below(1000) == expected.below(1000));
  });
}

// What holds a thread or lends its insides stays where it is, and the compiler says so.
static_assert(!std::is_copy_constructible_v<Loader<float>>);
static_assert(!std::is_move_constructible_v<Loader<float>>);
static_assert(!std::is_move_assignable_v<Loader<float>>);

}  // namespace moved_from_test
