// Steps of several batches, and learning rates that fall on a plateau.
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <vector>

#include "blobs.hpp"
#include "nn/data/tensor_dataset.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/losses/regression.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/sgd.hpp"
#include "nn/train/fit.hpp"

namespace accumulation_test {

using namespace nn;  // NOLINT

auto network() { return sequential(Flatten{}, Dense{3}); }
using Net = Model<decltype(network()), double>;

struct Result {
  std::vector<double> weights;
  History history;
  std::vector<BatchReport> reports;
};

Result run(const DataView& data, FitOptions options, double learning_rate = 0.1) {
  Net model(network(), {6, 6, 1}, {.seed = 1});
  Result result;
  Callback note;
  note.on_batch = [&](BatchReport& report) { result.reports.push_back(report); };
  options.callbacks.insert(options.callbacks.begin(), note);
  Optimizer optimizer(model, SGD{.learning_rate = learning_rate, .momentum = 0.9});
  result.history = detail::Fit(model, data, SoftmaxCrossEntropy{}, optimizer, options).run();
  result.weights = {model.parameters().begin(), model.parameters().end()};
  return result;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

std::string temporary() {
  return (std::filesystem::temp_directory_path() /
          detail::text("nn-accumulation-",
                       std::chrono::steady_clock::now().time_since_epoch().count()))
      .string();
}

TEST_CASE("a step of several batches is that of one batch of their samples") {
  // 62 samples: batches of 12 and one of 2, so that the last step makes do with less.
  const Dataset data = blobs(62, 1);
  const Result whole = run(data, {.epochs = 3, .batch_size = 24});
  const Result parts = run(data, {.epochs = 3, .batch_size = 12, .accumulate = 2});
  CHECK(distance(whole.weights, parts.weights) < 1e-13);
  REQUIRE(parts.reports.size() == whole.reports.size());
  for (std::size_t i = 0; i < whole.reports.size(); ++i) {
    CHECK(parts.reports[i].step == whole.reports[i].step);
    CHECK(parts.reports[i].loss == doctest::Approx(whole.reports[i].loss));
  }
  CHECK(parts.history.last().steps == 9);
  CHECK(parts.history.last().loss == doctest::Approx(whole.history.last().loss));
  CHECK(distance(whole.weights, run(data, {.epochs = 3, .batch_size = 12}).weights) > 1e-3);
}

TEST_CASE("weights of samples hold across the batches of a step, and so does clipping") {
  Random random(3);
  std::vector<float> weights(48);
  for (float& weight : weights) weight = static_cast<float>(random.uniform(0, 3));
  const Dataset images = blobs(48, 1);
  const TensorDataset data =
      TensorDataset(images.inputs(), {images.labels().begin(), images.labels().end()})
          .with_weights(weights);
  const FitOptions whole{.epochs = 2, .batch_size = 24, .clip_norm = 0.5};
  const FitOptions parts{.epochs = 2, .batch_size = 8, .clip_norm = 0.5, .accumulate = 3};
  // Weights are batched as floats or doubles alike, so the two agree to rounding.
  CHECK(distance(run(data, whole).weights, run(data, parts).weights) < 1e-13);
}

TEST_CASE("a training of accumulated steps goes on from between two of them") {
  const Dataset data = blobs(62, 1);
  FitOptions options{.epochs = 3, .batch_size = 8, .schedule = cosine_schedule(), .accumulate = 3};
  const Result whole = run(data, options);
  options.checkpoint = temporary();
  FitOptions interrupted = options;
  Callback stop;
  stop.on_batch = [](BatchReport& report) { report.stop = report.step == 5; };
  interrupted.callbacks = {stop};
  CHECK(run(data, interrupted).weights != whole.weights);
  CHECK(run(data, options).weights == whole.weights);
  options.accumulate = 2;
  CHECK_THROWS_WITH_AS(run(data, options), doctest::Contains("accumulate there 3, here 2"),
                       FileError);
  std::filesystem::remove(options.checkpoint.path());
  CHECK_THROWS_WITH_AS(run(data, {.epochs = 1, .accumulate = 0}),
                       "fit cannot make a step of 0 batches", Error);
}

History of_losses(const std::vector<double>& losses) {
  History history;
  for (const double loss : losses) history.epochs.emplace_back().loss = loss;
  return history;
}

TEST_CASE("a plateau reduces the learning rate, again and again, down to the least") {
  const ReduceOnPlateau options{
      .patience = 2, .factor = 0.5, .monitor = Monitor::loss, .min_delta = 0.1, .least = 0.2};
  CHECK(plateau_factor(of_losses({}), options) == 1);
  CHECK(plateau_factor(of_losses({1, 1}), options) == 1);
  CHECK(plateau_factor(of_losses({1, 1, 1}), options) == 0.5);
  CHECK(plateau_factor(of_losses({1, 0.95, 0.91}), options) == 0.5);  // too little each
  CHECK(plateau_factor(of_losses({1, 0.95, 0.89}), options) == 1);
  CHECK(plateau_factor(of_losses({1, 1, 1, 1}), options) == 0.5);
  CHECK(plateau_factor(of_losses({1, 1, 1, 1, 1}), options) == 0.25);
  CHECK(plateau_factor(of_losses({1, 1, 1, 1, 1, 1, 1}), options) == 0.2);
  CHECK(plateau_factor(of_losses({1, std::nan(""), 2}), options) == 0.5);
  CHECK(plateau_factor(of_losses({1, 1, 1}), {}) == 1);
}

TEST_CASE("fit reduces the learning rate on a plateau, and goes on with it") {
  const Dataset data = blobs(60, 1);
  FitOptions options{.epochs = 9, .batch_size = 20};
  // Nothing improves by as much as 10: a reduction every two epochs after the first.
  options.reduce_on_plateau = {
      .patience = 2, .factor = 0.5, .monitor = Monitor::loss, .min_delta = 10};
  const Result whole = run(data, options);
  std::vector<double> rates;
  for (const EpochRecord& record : whole.history.epochs)
    rates.push_back(record.learning_rate / 0.1);
  CHECK(rates == std::vector<double>{1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125});
  options.checkpoint = temporary();
  FitOptions interrupted = options;
  Callback stop;
  stop.on_batch = [](BatchReport& report) { report.stop = report.step == 14; };
  interrupted.callbacks = {stop};
  (void)run(data, interrupted);
  CHECK(run(data, options).weights == whole.weights);
  std::filesystem::remove(options.checkpoint.path());

  options.reduce_on_plateau = {.patience = 1};
  options.checkpoint = {};
  CHECK_THROWS_WITH_AS(run(data, options),
                       "reduce_on_plateau is to watch the validation set, but fit was given none",
                       Error);
  options.reduce_on_plateau = {.patience = 1, .factor = 2, .monitor = Monitor::loss};
  CHECK_THROWS_WITH_AS(run(data, options),
                       "reduce_on_plateau cannot multiply the learning rate by 2", Error);
}

}  // namespace accumulation_test
