#include "nn/train/fit.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "blobs.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/relu.hpp"
#include "nn/losses/regression.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/sgd.hpp"

namespace fit_test {

using nn::Index;
using nn::SoftmaxCrossEntropy;
using Bytes = std::vector<float>;

auto make_model(std::uint64_t seed = 1) {
  return nn::Model(
      nn::sequential(nn::Flatten{}, nn::Dense{16}, nn::ReLU{}, nn::Dropout{0.25F}, nn::Dense{3}),
      {6, 6, 1}, {.seed = seed});
}

template <class Model>
Bytes weights(const Model& model) {
  return {model.parameters().begin(), model.parameters().end()};
}

TEST_CASE("fit: learns, and writes down how") {
  const nn::Dataset train = blobs(250, 1);
  const nn::Dataset test = blobs(90, 2);
  auto model = make_model();
  const nn::History history =
      nn::fit(model, train, SoftmaxCrossEntropy{}, nn::Adam{.learning_rate = 0.01},
              {.epochs = 8, .batch_size = 32, .validation = &test});
  REQUIRE(history.epochs.size() == 8);
  const nn::EpochRecord& first = history.epochs.front();
  const nn::EpochRecord& last = history.last();
  CHECK(first.epoch == 1);
  CHECK(first.steps == 8);
  CHECK(last.steps == 64);
  CHECK(last.loss < first.loss / 4);
  CHECK(last.accuracy > 0.9);
  CHECK(last.validation_accuracy > 0.97);
  CHECK(last.learning_rate == 0.01);
  CHECK(last.seconds > 0);
  CHECK(last.images_per_second == doctest::Approx(250 / last.seconds));
  // What the history says of the end is what is measured on the model that fit leaves.
  const nn::Evaluation evaluation = nn::evaluate(model, test, SoftmaxCrossEntropy{});
  CHECK(evaluation.accuracy == last.validation_accuracy);
  CHECK(evaluation.loss == last.validation_loss);
  CHECK(nn::accuracy(model, test) == last.validation_accuracy);
}

TEST_CASE("fit: the loop does what its parts do by hand") {
  // The same by hand: one epoch in the order of the data set, in double.
  const nn::Dataset train = blobs(30, 1);
  const auto network = nn::sequential(nn::Flatten{}, nn::Dense{3});
  nn::Model<std::remove_const_t<decltype(network)>, double> fitted(network, {6, 6, 1});
  auto by_hand = fitted;
  nn::fit(fitted, train, nn::MeanSquaredError{}, nn::SGD{.learning_rate = 0.1},
          {.epochs = 1, .batch_size = 10, .shuffle = false});
  for (Index first = 0; first < 30; first += 10) {
    const nn::Tensor<double> inputs = train.inputs<double>(first, 10);
    nn::Tensor<double> gradient({10, 3});
    const auto outputs = by_hand.forward(inputs);
    for (Index i = 0; i < 10; ++i) {
      for (Index c = 0; c < 3; ++c) {
        const double target = train.label(first + i) == c ? 1 : 0;
        gradient(i, c) = 2 * (outputs(i, c) - target) / 30;
      }
    }
    by_hand.zero_gradients();
    by_hand.backward(gradient);
    for (Index p = 0; p < by_hand.parameters().size(); ++p) {
      by_hand.parameters()[p] -= 0.1 * by_hand.gradients()[p];
    }
  }
  for (Index p = 0; p < fitted.parameters().size(); ++p) {
    CHECK(std::abs(fitted.parameters()[p] - by_hand.parameters()[p]) < 1e-14);
  }
}

TEST_CASE("fit: the same bits for any number of threads, other bits for another seed") {
  const nn::Dataset train = blobs(250, 1);
  const auto run = [&](int threads, std::uint64_t seed) {
    nn::set_threads(threads);
    auto model = make_model();
    nn::fit(model, train, SoftmaxCrossEntropy{}, nn::Adam{},
            {.epochs = 2, .batch_size = 32, .seed = seed});
    nn::set_threads(2);
    return weights(model);
  };
  const Bytes one = run(1, 5);
  CHECK(run(2, 5) == one);
  CHECK(run(3, 5) == one);
  CHECK(run(1, 6) != one);
}

TEST_CASE("fit: schedules, clipping and averages") {
  const nn::Dataset train = blobs(64, 1);
  auto model = make_model();
  std::vector<double> rates;
  nn::Callback note;
  note.on_batch = [&](nn::BatchReport& report) { rates.push_back(report.learning_rate); };
  nn::Optimizer optimizer(model, nn::SGD{.learning_rate = 0.5});
  nn::FitOptions options{.epochs = 2, .batch_size = 32};
  options.schedule = nn::linear_schedule();
  options.callbacks = {note};
  nn::fit(model, train, SoftmaxCrossEntropy{}, optimizer, options);
  CHECK(rates == std::vector<double>{0.5, 0.375, 0.25, 0.125});
  CHECK(optimizer.learning_rate() == 0.5);
  CHECK(optimizer.steps() == 4);

  // A step of plain descent is as long as the clipped gradient says.
  auto clipped = make_model();
  const Bytes before = weights(clipped);
  nn::fit(clipped, train, SoftmaxCrossEntropy{}, nn::SGD{.learning_rate = 1},
          {.epochs = 1, .batch_size = 64, .clip_norm = 0.01});
  double squares = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    squares += std::pow(static_cast<double>(weights(clipped)[i] - before[i]), 2);
  }
  CHECK(std::sqrt(squares) == doctest::Approx(0.01).epsilon(1e-4));

  // After one step the average is 2/11 of the start and 9/11 of the end: (1 + 1) / (10 + 1).
  auto averaged = make_model();
  auto plain = make_model();
  nn::FitOptions one_step{.epochs = 1, .batch_size = 64};
  nn::fit(plain, train, SoftmaxCrossEntropy{}, nn::SGD{.learning_rate = 1}, one_step);
  one_step.average_decay = 0.99;
  nn::fit(averaged, train, SoftmaxCrossEntropy{}, nn::SGD{.learning_rate = 1}, one_step);
  for (std::size_t i = 0; i < before.size(); ++i) {
    CHECK(weights(averaged)[i] ==
          doctest::Approx(before[i] * 2 / 11 + weights(plain)[i] * 9 / 11).epsilon(1e-5));
  }
}

TEST_CASE("fit: early stopping restores the best weights") {
  const nn::Dataset train = blobs(60, 1);
  const nn::Dataset test = blobs(60, 2, 90);
  auto model = make_model();
  nn::FitOptions options{.epochs = 60, .batch_size = 20, .validation = &test};
  options.early_stopping.patience = 4;
  const nn::History history =
      nn::fit(model, train, SoftmaxCrossEntropy{}, nn::Adam{.learning_rate = 0.03}, options);
  REQUIRE(history.stopped_early);
  const Index best = history.best();
  CHECK(static_cast<Index>(history.epochs.size()) == best + 1 + 4);
  for (const nn::EpochRecord& record : history.epochs) {
    CHECK(record.validation_loss >= history.epochs[static_cast<std::size_t>(best)].validation_loss);
  }
  CHECK(nn::evaluate(model, test, SoftmaxCrossEntropy{}).loss ==
        history.epochs[static_cast<std::size_t>(best)].validation_loss);
}

TEST_CASE("history: the best epoch") {
  nn::History history;
  CHECK(history.best() == -1);
  for (const double loss : {3.0, 2.0, 1.95, std::nan(""), 1.7, 1.75}) {
    nn::EpochRecord record;
    record.validation_loss = loss;
    record.accuracy = loss / 10;
    history.epochs.push_back(record);
  }
  CHECK(history.best() == 4);
  CHECK(history.best(nn::Monitor::validation_loss, 0.2) == 4);
  CHECK(history.best(nn::Monitor::validation_loss, 0.5) == 1);
  CHECK(history.best(nn::Monitor::accuracy) == 0);
}

TEST_CASE("fit: callbacks can stop it") {
  const nn::Dataset train = blobs(100, 1);
  auto model = make_model();
  nn::Callback stop;
  stop.on_epoch = [](nn::EpochReport& report) { report.stop = report.record.epoch == 2; };
  std::ostringstream lines;
  nn::FitOptions options{.epochs = 5, .batch_size = 20};
  options.callbacks = {stop, nn::print_progress(lines)};
  CHECK(nn::fit(model, train, SoftmaxCrossEntropy{}, nn::Adam{}, options).epochs.size() == 2);
  CHECK(lines.str().find("epoch 1/5: loss ") == 0);
  CHECK(lines.str().find("\nepoch 2/5: loss ") != std::string::npos);

  Index seen = 0;
  nn::Callback stop_batch;
  stop_batch.on_batch = [&](nn::BatchReport& report) {
    ++seen;
    CHECK(report.batches == 5);
    report.stop = report.step == 7;
  };
  options.callbacks = {stop_batch};
  const nn::History history = nn::fit(model, train, SoftmaxCrossEntropy{}, nn::Adam{}, options);
  CHECK(seen == 7);
  CHECK(history.epochs.size() == 2);
  CHECK(history.last().steps == 7);
}

TEST_CASE("fit: a divergence names the step, the learning rate and the layer") {
  const nn::Dataset train = blobs(100, 1);
  auto model = make_model();
  std::string message;
  try {
    nn::fit(model, train, SoftmaxCrossEntropy{}, nn::SGD{.learning_rate = 1e30},
            {.epochs = 5, .batch_size = 20});
  } catch (const nn::DivergenceError& error) {
    message = error.what();
  }
  CAPTURE(message);
  CHECK(message.find("diverged at step ") != std::string::npos);
  CHECK(message.find("the learning rate is 1e+30") != std::string::npos);
  CHECK(message.find("(layer ") != std::string::npos);
}

TEST_CASE("fit: a divergence tells bad data and bad weights apart") {
  const nn::Dataset train = blobs(40, 1);
  auto model = make_model();
  nn::FitOptions options{.epochs = 1, .batch_size = 20, .shuffle = false};
  options.transform = [](auto& batch, nn::Random& /*random*/) {
    batch.inputs(3, 2, 2, 0) = std::numeric_limits<float>::quiet_NaN();
  };
  CHECK_THROWS_WITH_AS(
      nn::fit(model, train, SoftmaxCrossEntropy{}, nn::SGD{}, options),
      "training diverged at step 1 (epoch 1, batch 1): the loss is nan; the learning rate is 0.01; "
      "sample 3 of the batch holds what is infinite or NaN",
      nn::DivergenceError);

  auto broken = make_model();
  broken.parameter("4.weight")[5] = std::numeric_limits<float>::infinity();
  std::string message;
  try {
    nn::fit(broken, train, SoftmaxCrossEntropy{}, nn::SGD{}, {.epochs = 1, .batch_size = 20});
  } catch (const nn::DivergenceError& error) {
    message = error.what();
  }
  CHECK(message.find("the activations of Dense{3} (layer 4) were the first") != std::string::npos);
  CHECK(message.find("4.weight") != std::string::npos);
}

TEST_CASE("fit: what does not fit together") {
  const nn::Dataset train = blobs(40, 1);
  auto model = make_model();
  const SoftmaxCrossEntropy loss;
  const auto fit = [&](const nn::Dataset& data, const nn::FitOptions& options) {
    nn::fit(model, data, loss, nn::SGD{}, options);
  };
  CHECK_THROWS_AS(fit(train, {.batch_size = 41}), nn::Error);
  CHECK_THROWS_AS(fit(train, {.batch_size = 0}), nn::Error);
  CHECK_THROWS_AS(fit(train, {.epochs = -1, .batch_size = 10}), nn::Error);
  CHECK_THROWS_AS(fit(nn::Dataset(), {.batch_size = 1}), nn::Error);
  CHECK_THROWS_AS(
      fit(nn::Dataset(nn::Tensor<std::uint8_t>({2, 5, 6, 1}), {0, 1}), {.batch_size = 2}),
      nn::ShapeError);
  nn::FitOptions patient{.batch_size = 10};
  patient.early_stopping.patience = 1;
  CHECK_THROWS_AS(fit(train, patient), nn::Error);
  nn::FitOptions nowhere{.epochs = 1, .batch_size = 10};
  nowhere.checkpoint = "no/such/folder/file";
  CHECK_THROWS_AS(fit(train, nowhere), nn::FileError);
  // Labels that the network has no output for.
  const nn::Dataset more(nn::Tensor<std::uint8_t>({2, 6, 6, 1}), {0, 3});
  CHECK_THROWS_AS(fit(more, {.epochs = 1, .batch_size = 2}), nn::Error);
}

TEST_CASE("evaluate: predictions over a data set") {
  const nn::Dataset data = blobs(600, 1);
  const auto model = make_model();
  const nn::Tensor<float> all = nn::predict(model, data, {.batch_size = 64});
  REQUIRE(all.shape() == nn::Shape{600, 3});
  CHECK(all == model.predict(data.inputs()));
  const float scores[] = {0.1F, 0.7F, 0.7F};
  CHECK(nn::predicted_class(std::span<const float>(scores)) == 1);
  const nn::Tensor<float> outputs({3, 2}, {1, 2, 3, 0, 0, 1});
  CHECK(nn::count_correct<float>(outputs, nn::Tensor<nn::Label>({3}, {1, 1, 1})) == 2);
  const nn::Tensor<float> logits({3, 1}, {1, -2, 3});
  CHECK(nn::count_correct<float>(logits, nn::Tensor<nn::Label>({3}, {1, 1, 1})) == 2);
  CHECK_THROWS_AS((void)nn::accuracy(model, nn::Dataset()), nn::Error);
}

}  // namespace fit_test
