// What recurrent layers carry over from one batch to the next.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "layer_testing.hpp"
#include "nn/distributed/shared_batches.hpp"
#include "nn/sequences.hpp"
#include "nn/train/inference_form.hpp"
#include "ranks.hpp"

namespace carried_state_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::CarriedState;
using nn::GRU;
using nn::LSTM;

namespace {

/// The steps [first, first + count) of all samples.
template <class T>
Tensor<T> steps_of(const Tensor<T>& x, Index first, Index count) {
  const Index samples = x.shape()[0];
  const Index steps = x.shape()[1];
  const Index width = x.size() / (samples * steps);
  Tensor<T> part(x.shape().rank() == 3 ? Shape{samples, count, width} : Shape{samples, count});
  for (Index n = 0; n < samples; ++n) {
    std::copy_n(x.data() + (n * steps + first) * width, count * width,
                part.data() + n * count * width);
  }
  return part;
}

/// Two recurrent layers, one of them within a residual block.
template <class Layer>
auto network_of(Index units) {
  Layer layer;
  layer.units = units;
  layer.return_sequence = true;
  return nn::sequential(layer, nn::residual(nn::sequential(nn::LayerNorm{}, layer)), nn::Dense{3});
}

template <class T, class Network>
nn::Model<Network, T> with_weights_of(const nn::Model<Network, T>& model, Index steps) {
  nn::Model<Network, T> other(model.network(), {steps, model.input_shape()[1]});
  std::copy(model.parameters().begin(), model.parameters().end(), other.parameters().begin());
  return other;
}

/// Sequences of 12 steps at once, in pieces of `steps`, by predictions and by training passes.
template <class T, class Network>
void check_pieces(const Network& network, Index samples, Index steps) {
  CAPTURE(steps);
  const nn::Model<Network, T> whole(network, {12, 4}, {.seed = 3});
  nn::Model<Network, T> piece = with_weights_of(whole, steps);
  const Tensor<T> x = random_tensor<T>({samples, 12, 4}, 5, -2, 2);
  const Tensor<T> y = whole.predict(x);
  CarriedState<T> predicted = piece.carried_state(samples);
  CarriedState<T> trained = piece.carried_state(samples);
  for (Index first = 0; first < 12; first += steps) {
    const Tensor<T> part = steps_of(x, first, steps);
    const Tensor<T> expected = steps_of(y, first, steps);
    CHECK(piece.predict(part, predicted) == expected);
    CHECK(Tensor<T>(piece.forward(part, trained)) == expected);
  }
}

/// The loss of a piece as a function of the weights and of the input: sum of slope * outputs.
template <class Network>
double loss_of(const nn::Model<Network, double>& model, const Tensor<double>& x,
               CarriedState<double> carried, const Tensor<double>& slope) {
  const Tensor<double> y = model.predict(x, carried);
  double sum = 0;
  for (Index i = 0; i < y.size(); ++i) sum += slope[i] * y[i];
  return sum;
}

template <class Layer>
void check_gradients_within_a_piece(const Layer& layer, Index samples) {
  CAPTURE(nn::name_of(layer));
  nn::Model<Layer, double> model(layer, {3, 4}, {.seed = 1});
  CarriedState<double> carried = model.carried_state(samples);
  Tensor<double> x = random_tensor<double>({samples, 3, 4}, 2, -2, 2);
  (void)model.predict(x, carried);  // so that the next piece starts from something
  const CarriedState<double> before = carried;
  const Tensor<double> y(model.forward(x, carried));
  const Tensor<double> slope = random_tensor<double>(y.shape(), 3);
  const Tensor<double> dx(model.backward(slope, {.input_gradient = true}));
  CHECK(model.predict(x) != y);
  const auto check = [&](double& value, double gradient) {
    const double kept = value;
    value = kept + 1e-5;
    const double above = loss_of(model, x, before, slope);
    value = kept - 1e-5;
    const double below = loss_of(model, x, before, slope);
    value = kept;
    CHECK(std::abs((above - below) / 2e-5 - gradient) < 1e-7 * (1 + std::abs(gradient)));
  };
  for (Index i = 0; i < model.parameters().size(); i += 7) {
    check(model.parameters()[i], model.gradients()[i]);
  }
  for (Index i = 0; i < x.size(); i += 5) check(x[i], dx[i]);
}

/// What three training passes give that go on from each other: outputs, gradients, the state.
template <class T>
struct Passes {
  std::vector<T> outputs;
  std::vector<T> gradients;
  std::vector<T> state;
};

template <class T>
void append(std::vector<T>& to, TensorView<const T> values) {
  to.insert(to.end(), values.begin(), values.end());
}

/// Those of so many ranks; outputs and states of all, in the order of the samples.
template <class T, class Network>
Passes<T> shared_passes(const Network& network, Index batch, Index ranks, int threads) {
  constexpr Index pieces = 4;
  std::vector<Passes<T>> parts(static_cast<std::size_t>(ranks * 3));
  const auto errors = run_ranks(
      ranks,
      [&](nn::Communicator& world) {
        nn::Model<Network, T> model(network, {5, 4}, {.seed = 3});
        nn::SharedBatches sharing(world, pieces);
        sharing.begin_batch(batch);
        const Index first = sharing.first_sample();
        const Index own = sharing.begin(sharing.pieces());
        CarriedState<T> carried = model.carried_state(own);
        for (Index pass = 0; pass < 3; ++pass) {
          sharing.begin_batch(batch);
          model.share(&sharing);
          const auto x =
              random_tensor<T>({batch, 5, 4}, 20 + static_cast<std::uint64_t>(pass), -2, 2);
          const auto slope = random_tensor<T>(model.output_shape().prepended(batch), 7);
          Passes<T>& part = parts[static_cast<std::size_t>(pass * ranks + world.rank())];
          model.zero_gradients();
          append<T>(part.outputs, model.forward(x.view().samples(first, own), carried));
          model.backward(slope.view().samples(first, own));
          append<T>(part.gradients, model.gradients());
        }
      },
      threads);
  CHECK(joined(errors) == "");
  Passes<T> all;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    append<T>(all.outputs,
              {parts[i].outputs.data(), {static_cast<Index>(parts[i].outputs.size())}});
    if (i % static_cast<std::size_t>(ranks) == 0) {
      append<T>(all.gradients,
                {parts[i].gradients.data(), {static_cast<Index>(parts[i].gradients.size())}});
    }
  }
  return all;
}

template <class T, class Network>
Passes<T> own_passes(const Network& network, Index batch) {
  nn::Model<Network, T> model(network, {5, 4}, {.seed = 3});
  CarriedState<T> carried = model.carried_state(batch);
  Passes<T> passes;
  for (Index pass = 0; pass < 3; ++pass) {
    const auto x = random_tensor<T>({batch, 5, 4}, 20 + static_cast<std::uint64_t>(pass), -2, 2);
    model.zero_gradients();
    append<T>(passes.outputs, model.forward(x, carried));
    model.backward(random_tensor<T>(model.output_shape().prepended(batch), 7));
    append<T>(passes.gradients, model.gradients());
  }
  append<T>(passes.state, carried.values());
  return passes;
}

}  // namespace

TEST_CASE("sequences in pieces, or step by step, give the bits that they give at once") {
  for (const Index steps : {1, 3, 6}) {
    check_pieces<float>(network_of<LSTM>(5), 3, steps);
    check_pieces<float>(network_of<GRU>(5), 3, steps);
    check_pieces<double>(network_of<LSTM>(9), 30, steps);
    check_pieces<double>(network_of<GRU>(9), 30, steps);
    check_pieces<float>(network_of<LSTM>(160), 20, steps);  // whose products threads share
    check_pieces<float>(network_of<GRU>(160), 20, steps);
  }
  check_pieces<float>(network_of<LSTM>(4), 300, 4);  // more samples than predict takes at once
}

TEST_CASE("a network whose layers are known at run time carries its states too") {
  nn::Sequential<nn::AnyLayer> network;
  network.push_back(LSTM{.units = 6, .return_sequence = true});
  network.push_back(GRU{.units = 3, .return_sequence = true});
  check_pieces<float>(network, 4, 3);
}

TEST_CASE("the gradients of a piece that goes on from a state are right") {
  for (const bool sequence : {false, true}) {
    check_gradients_within_a_piece(LSTM{.units = 6, .return_sequence = sequence}, 3);
    check_gradients_within_a_piece(GRU{.units = 6, .return_sequence = sequence}, 3);
  }
  check_gradients_within_a_piece(network_of<LSTM>(5), 14);
  check_gradients_within_a_piece(network_of<GRU>(5), 14);
}

TEST_CASE("what a layer carries over is the state after the last real step") {
  const auto network = nn::masked(0, LSTM{.units = 5, .return_sequence = true});
  nn::Model<nn::Masked<LSTM>> model(network, {6, 2}, {.seed = 1});
  nn::Model<nn::Masked<LSTM>> shorter(network, {4, 2}, {.seed = 1});
  Tensor<float> x = random_tensor<float>({2, 6, 2}, 2);
  std::fill_n(x.data() + 4 * 2, 2 * 2, 0.0F);  // both sequences end after 4 steps
  std::fill_n(x.data() + (6 + 4) * 2, 2 * 2, 0.0F);
  auto padded = model.carried_state(2);
  auto plain = shorter.carried_state(2);
  (void)model.predict(x, padded);
  (void)shorter.predict(steps_of(x, 0, 4), plain);
  CHECK(Tensor<float>(padded.values()) == Tensor<float>(plain.values()));
  for (const float value : padded.values()) CHECK(value != 0);
}

TEST_CASE("a carried state begins anew for all samples, or for one") {
  const auto network = network_of<LSTM>(4);
  using Network = std::remove_const_t<decltype(network)>;
  const nn::Model<Network> model(network, {3, 4}, {.seed = 1});
  const Tensor<float> x = random_tensor<float>({3, 3, 4}, 2);
  const Tensor<float> first = model.predict(x);
  CarriedState<float> carried = model.carried_state(3);
  CHECK(carried.values().size() == 3 * 2 * 2 * 4);  // h and c of two layers
  CHECK(model.predict(x, carried) == first);
  const CarriedState<float> kept = carried;
  const Tensor<float> second = model.predict(x, carried);
  CHECK(second != first);
  carried = kept;
  carried.reset(1);
  const Tensor<float> mixed = model.predict(x, carried);
  for (Index n = 0; n < 3; ++n) {
    CHECK(Tensor<float>(mixed.view().samples(n, 1)) ==
          Tensor<float>((n == 1 ? first : second).view().samples(n, 1)));
  }
  carried.reset();
  CHECK(model.predict(x, carried) == first);
}

TEST_CASE("passes that carry a state have the same bits for any number of threads and ranks") {
  const int before = nn::threads();
  for (const Index units : {5, 160}) {
    const auto network = network_of<LSTM>(units);
    nn::set_threads(1);
    const Passes<float> expected = own_passes<float>(network, 22);
    for (int threads = 2; threads <= 3; ++threads) {
      nn::set_threads(threads);
      const Passes<float> found = own_passes<float>(network, 22);
      CHECK(found.outputs == expected.outputs);
      CHECK(found.gradients == expected.gradients);
      CHECK(found.state == expected.state);
    }
    const Passes<float> one = shared_passes<float>(network, 22, 1, 1);
    CHECK(one.outputs == expected.outputs);
    for (const Index ranks : {1, 2, 3, 4}) {
      CAPTURE(ranks);
      const Passes<float> several = shared_passes<float>(network, 22, ranks, ranks == 1 ? 3 : 1);
      CHECK(several.outputs == one.outputs);
      CHECK(several.gradients == one.gradients);
    }
  }
  nn::set_threads(before);
}

TEST_CASE("the inference form of a model goes on from the states of the model") {
  const auto network = nn::sequential(nn::Dense{4}, nn::BatchNorm{},
                                      GRU{.units = 4, .return_sequence = true}, nn::Dense{2});
  using Network = std::remove_const_t<decltype(network)>;
  const nn::Model<Network> model(network, {3, 4}, {.seed = 1});
  const auto form = nn::inference_form(model);
  const Tensor<float> x = random_tensor<float>({2, 3, 4}, 2);
  CarriedState<float> carried = model.carried_state(2);
  CarriedState<float> other = form.carried_state(2);
  (void)model.predict(x, carried);
  (void)form.predict(x, other);
  const Tensor<float> expected = model.predict(x, carried);
  const Tensor<float> found = form.predict(x, other);
  for (Index i = 0; i < found.size(); ++i) CHECK(found[i] == doctest::Approx(expected[i]));
  CHECK(form.predict(x) != found);
}

TEST_CASE("what cannot carry a state says so") {
  const auto refused = [](const auto& network, const Shape& input,
                          const std::vector<std::string>& parts) {
    const nn::Model<std::remove_cvref_t<decltype(network)>> model(network, input);
    check_error<nn::Error>([&] { (void)model.carried_state(2); }, parts);
  };
  const LSTM layer{.units = 4, .return_sequence = true};
  refused(nn::Dense{3}, {5, 4}, {"no layer of this network carries a state"});
  refused(LSTM{.units = 4, .reverse = true}, {5, 4}, {"LSTM{4, reverse}", "whole sequence"});
  refused(nn::bidirectional(GRU{.units = 4}), {5, 4}, {"GRU{4, reverse}", "layer 1"});
  refused(nn::sequential(layer, nn::MultiHeadAttention{.heads = 2, .causal = true}), {5, 4},
          {"MultiHeadAttention{2, causal}", "layer 1"});
  refused(nn::sequential(nn::SinusoidalPositions{}, layer), {5, 4}, {"SinusoidalPositions"});
  refused(nn::sequential(nn::LearnedPositions{}, layer), {5, 4}, {"LearnedPositions"});
  refused(nn::sequential(layer, nn::MeanOverSteps{}), {5, 4}, {"MeanOverSteps"});

  nn::Model<LSTM> model(layer, {5, 4});
  check_error<nn::Error>([&] { (void)model.carried_state(0); }, {"at least one sample", "0"});
  auto carried = model.carried_state(3);
  check_error<nn::Error>([&] { carried.reset(3); }, {"no sample 3", "3"});
  const Tensor<float> x({2, 5, 4});
  check_error([&] { (void)model.predict(x, carried); }, {"3 samples", "batch has 2"});
  check_error([&] { (void)model.forward(x, carried); }, {"3 samples", "batch has 2"});
  const nn::Model<GRU> other(GRU{.units = 4, .return_sequence = true}, {5, 4});
  auto fits = other.carried_state(2);
  check_error([&] { (void)model.predict(x, fits); }, {"other layers", "LSTM"});
}

}  // namespace carried_state_test
