#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <limits>
#include <stdexcept>

#include "blobs.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/relu.hpp"
#include "nn/losses/regression.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/sgd.hpp"
#include "nn/train/fit.hpp"

namespace fit_promises_test {

using nn::Index;
using nn::SoftmaxCrossEntropy;
using Values = std::vector<float>;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

auto make_model() {
  return nn::Model(
      nn::sequential(nn::Flatten{}, nn::Dense{8}, nn::BatchNorm{}, nn::ReLU{}, nn::Dense{3}),
      {6, 6, 1}, {.seed = 5});
}

template <class View>
Values copy(const View& values) {
  return {values.begin(), values.end()};
}

template <class Model>
Values everything(const Model& model) {
  Values all = copy(model.parameters());
  all.insert(all.end(), model.state().begin(), model.state().end());
  return all;
}

TEST_CASE("fit: every sample counts once in the loss, also where the last batch is not whole") {
  // Nothing is learned, so that what is met batch after batch is what one prediction of all gives.
  const nn::Dataset train = blobs(101, 1);
  const nn::Dataset test = blobs(259, 2, 120);
  nn::Model model(nn::sequential(nn::Flatten{}, nn::Dense{3}), {6, 6, 1}, {.seed = 8});
  const nn::History history =
      nn::fit(model, train, SoftmaxCrossEntropy{}, nn::SGD{.learning_rate = 0},
              {.epochs = 1, .batch_size = 40, .validation = &test});
  const auto expected = [&](const nn::Dataset& data) {
    const nn::Tensor<float> outputs = model.predict(data.inputs());
    double loss = 0;
    Index correct = 0;
    for (Index i = 0; i < data.size(); ++i) {
      double sum = 0;
      for (Index c = 0; c < 3; ++c) sum += std::exp(static_cast<double>(outputs(i, c)));
      const double score = static_cast<double>(outputs(i, data.label(i)));
      loss += std::log(sum) - score;
      bool highest = true;
      for (Index c = 0; c < 3; ++c)
        highest = highest && static_cast<double>(outputs(i, c)) <= score;
      if (highest) ++correct;
    }
    const auto count = static_cast<double>(data.size());
    return std::pair(loss / count, static_cast<double>(correct) / count);
  };
  const auto [loss, accuracy] = expected(train);
  CHECK(history.last().loss == doctest::Approx(loss).epsilon(1e-6));
  CHECK(history.last().accuracy == accuracy);
  const auto [validation_loss, validation_accuracy] = expected(test);
  CHECK(history.last().validation_loss == doctest::Approx(validation_loss).epsilon(1e-6));
  CHECK(history.last().validation_accuracy == validation_accuracy);
}

TEST_CASE("fit: the best epoch's running statistics come back with its weights") {
  const nn::Dataset train = blobs(60, 1);
  const nn::Dataset test = blobs(60, 2, 90);
  auto model = make_model();
  std::vector<Values> after;
  nn::Callback note;
  note.on_epoch = [&](nn::EpochReport& /*report*/) { after.push_back(everything(model)); };
  nn::FitOptions options{.epochs = 60, .batch_size = 20, .validation = &test};
  options.early_stopping.patience = 3;
  options.callbacks = {note};
  const nn::History history =
      nn::fit(model, train, SoftmaxCrossEntropy{}, nn::Adam{.learning_rate = 0.05}, options);
  REQUIRE(history.stopped_early);
  const auto best = static_cast<std::size_t>(history.best());
  CHECK(everything(model) == after[best]);
  CHECK(everything(model) != after.back());
}

TEST_CASE("fit: with averaged weights, callbacks find the network that was measured") {
  const nn::Dataset train = blobs(60, 1);
  const nn::Dataset test = blobs(45, 2, 90);
  auto plain = make_model();
  auto model = make_model();
  std::vector<Values> raw;
  std::vector<Values> averaged;
  nn::FitOptions options{.epochs = 3, .batch_size = 20, .validation = &test};
  nn::Callback note;
  note.on_epoch = [&](nn::EpochReport& /*report*/) { raw.push_back(everything(plain)); };
  options.callbacks = {note};
  nn::fit(plain, train, SoftmaxCrossEntropy{}, nn::SGD{.learning_rate = 0.3}, options);

  options.average_decay = 0.9;
  Index steps_seen_raw = 0;
  note.on_batch = [&](nn::BatchReport& report) {
    // Between epochs training goes on from the weights that are not averaged.
    if (report.batch == 3 && everything(model) == raw[static_cast<std::size_t>(report.epoch - 1)]) {
      ++steps_seen_raw;
    }
  };
  note.on_epoch = [&](nn::EpochReport& report) {
    averaged.push_back(everything(model));
    const nn::Evaluation now = nn::evaluate(model, test, SoftmaxCrossEntropy{});
    CHECK(now.loss == report.record.validation_loss);
    CHECK(now.accuracy == report.record.validation_accuracy);
  };
  options.callbacks = {note};
  nn::fit(model, train, SoftmaxCrossEntropy{}, nn::SGD{.learning_rate = 0.3}, options);
  CHECK(steps_seen_raw == 3);
  REQUIRE(averaged.size() == 3);
  CHECK(everything(model) == averaged.back());
  CHECK(averaged.back() != raw.back());
}

/// Whose values are NaN in the evaluations up to number `until`, and fall from then on to rise
/// again.
struct FadingLoss {
  Index* evaluations;
  Index until;
  template <class T>
  T operator()(nn::TensorView<const T> outputs, nn::TensorView<const nn::Label> labels,
               nn::TensorView<T> gradient) const {
    const T loss = SoftmaxCrossEntropy{}(outputs, labels, gradient);
    if (!gradient.empty()) return loss;
    const Index number = ++*evaluations;
    if (number <= until) return static_cast<T>(not_a_number);
    return number == until + 2 ? T(0.5) : T(1);
  }
};

TEST_CASE("fit: an epoch whose monitored value is NaN is never the best") {
  const nn::Dataset train = blobs(40, 1);
  const nn::Dataset test = blobs(30, 2);
  const auto run = [&](Index until, Index& best, std::vector<Values>& after, Values& left) {
    auto model = make_model();
    Index evaluations = 0;
    nn::Callback note;
    note.on_epoch = [&](nn::EpochReport& /*report*/) { after.push_back(everything(model)); };
    nn::FitOptions options{.epochs = 20, .batch_size = 20, .validation = &test};
    options.early_stopping.patience = 4;
    options.callbacks = {note};
    const nn::History history =
        nn::fit(model, train, FadingLoss{&evaluations, until}, nn::SGD{}, options);
    best = history.best();
    left = everything(model);
    CHECK(history.stopped_early);
  };
  Index best = 0;
  std::vector<Values> after;
  Values left;
  run(1, best, after, left);  // NaN 1 0.5 1 1 1 1
  CHECK(best == 2);
  REQUIRE(after.size() == 7);
  CHECK(left == after[2]);
  // None that could be the best: patience counts from the start, and the last weights stay.
  after.clear();
  run(50, best, after, left);
  CHECK(best == -1);
  REQUIRE(after.size() == 4);
  CHECK(left == after.back());
}

TEST_CASE("history: NaN is worse than anything, an infinite figure is not NaN") {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  const auto best = [](const std::vector<double>& losses, double min_delta = 0) {
    nn::History history;
    for (const double loss : losses) {
      history.epochs.emplace_back().validation_loss = loss;
    }
    return history.best(nn::Monitor::validation_loss, min_delta);
  };
  CHECK(best({not_a_number}) == -1);
  CHECK(best({not_a_number, 9}) == 1);
  CHECK(best({not_a_number, 9, not_a_number, 8.5}, 1) == 1);
  CHECK(best({not_a_number, infinite, not_a_number}) == 1);
  CHECK(best({infinite, 7}) == 1);
}

TEST_CASE("fit: a monitor that cannot be measured is refused") {
  const nn::Dataset train = blobs(40, 1);
  const nn::Dataset two(nn::Tensor<std::uint8_t>({4, 6, 6, 1}), {0, 1, 0, 1});
  auto model = make_model();
  nn::Model two_outputs(nn::sequential(nn::Flatten{}, nn::Dense{2}), {6, 6, 1});
  nn::FitOptions options{.epochs = 2, .batch_size = 4, .validation = &two};
  options.early_stopping = {.patience = 1, .monitor = nn::Monitor::validation_accuracy};
  CHECK_THROWS_WITH_AS(nn::fit(model, train, SoftmaxCrossEntropy{}, nn::SGD{}, options),
                       "outputs of shape 3 are not scores of the 2 classes of the validation set, "
                       "which early stopping is to watch",
                       nn::Error);
  options.validation = nullptr;
  CHECK_THROWS_WITH_AS(nn::fit(model, train, SoftmaxCrossEntropy{}, nn::SGD{}, options),
                       "early stopping is to watch the validation set, but fit was given none",
                       nn::Error);
  options.early_stopping.monitor = nn::Monitor::accuracy;
  CHECK_THROWS_WITH_AS(nn::fit(two_outputs, train, nn::MeanSquaredError{}, nn::SGD{}, options),
                       "outputs of shape 2 are not scores of the 3 classes of the training set, "
                       "which early stopping is to watch",
                       nn::Error);
  CHECK_NOTHROW(nn::fit(two_outputs, two, SoftmaxCrossEntropy{}, nn::SGD{}, options));
}

TEST_CASE("fit: a validation set of other classes or another normalisation is refused") {
  const nn::Dataset train = blobs(40, 1);
  const auto validate = [&](const nn::Dataset& validation) {
    auto model = make_model();
    nn::fit(model, train, SoftmaxCrossEntropy{}, nn::SGD{},
            {.epochs = 1, .batch_size = 20, .validation = &validation});
  };
  const nn::Dataset other = blobs(20, 2).with_normalization({.mean = {0.25}, .deviation = {2}});
  CHECK_THROWS_WITH_AS(validate(other),
                       "fit cannot train on blobs (40 images of 6x6x1) and validate on blobs (20 "
                       "images of 6x6x1): they are normalised differently",
                       nn::Error);
  const nn::Dataset turned(nn::Tensor<std::uint8_t>({2, 6, 6, 1}), {0, 1}, {"c", "b", "a"});
  CHECK_THROWS_WITH_AS(validate(turned),
                       "fit cannot train on blobs (40 images of 6x6x1) and validate on a data set "
                       "(2 images of 6x6x1): their classes differ",
                       nn::Error);
  // Said in other words, it is the same normalisation.
  CHECK_NOTHROW(validate(blobs(20, 2).with_normalization({.mean = {0}, .deviation = {1}})));
}

/// Something that a program throws.
struct Trouble : std::runtime_error {
  Trouble() : std::runtime_error("trouble") {}
};

TEST_CASE("fit: whatever is thrown, and wherever, model and optimizer are as promised") {
  const nn::Dataset train = blobs(60, 1);
  const nn::Dataset test = blobs(30, 2);
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / nn::detail::text("nn-promises-", now);

  nn::FitOptions base{.epochs = 3, .batch_size = 20, .validation = &test};
  base.schedule = nn::linear_schedule();
  base.average_decay = 0.9;
  // The weights after every step.
  std::vector<Values> steps;
  auto undisturbed = make_model();
  nn::FitOptions noted = base;
  nn::Callback note;
  note.on_batch = [&](nn::BatchReport& /*report*/) { steps.push_back(everything(undisturbed)); };
  noted.callbacks = {note};
  nn::fit(undisturbed, train, SoftmaxCrossEntropy{}, nn::SGD{.learning_rate = 0.3, .momentum = 0.5},
          noted);

  /// Runs with `options`, which throw after `made` steps.
  const auto throws = [&](const char* where, Index made, const nn::FitOptions& options) {
    CAPTURE(where);
    auto model = make_model();
    nn::Optimizer optimizer(model, nn::SGD{.learning_rate = 0.3, .momentum = 0.5});
    CHECK_THROWS((void)nn::fit(model, train, SoftmaxCrossEntropy{}, optimizer, options));
    CHECK(optimizer.learning_rate() == 0.3);
    CHECK(optimizer.steps() == made);
    const Values& expected = steps[static_cast<std::size_t>(made - 1)];
    if (model.step() == static_cast<std::uint64_t>(made)) {
      CHECK(everything(model) == expected);
    } else {  // A forward pass without a step has moved the running statistics, not the weights.
      const Values weights = copy(model.parameters());
      CHECK(std::equal(weights.begin(), weights.end(), expected.begin()));
    }
  };
  nn::FitOptions options = base;
  nn::Callback callback;
  callback.on_batch = [](nn::BatchReport& report) {
    if (report.step == 5) throw Trouble();
  };
  options.callbacks = {callback};
  throws("on_batch", 5, options);

  callback = {};
  callback.on_epoch = [](nn::EpochReport& report) {
    if (report.record.epoch == 2) throw Trouble();
  };
  options.callbacks = {callback};
  throws("on_epoch", 6, options);

  options = base;
  options.schedule = [](Index step, Index steps_in_all) {
    if (step == 4) throw Trouble();
    return 1 - static_cast<double>(step) / static_cast<double>(steps_in_all);
  };
  throws("schedule", 4, options);

  options = base;
  Index batches = 0;
  options.transform = [&](nn::BatchBuffer<float>& /*batch*/, nn::Random& /*random*/) {
    if (++batches == 5) throw Trouble();
  };
  throws("transform", 4, options);

  options = base;
  options.augmentation = [](nn::TensorView<float> /*image*/, nn::ImageContext& context) {
    if (context.epoch == 1) throw Trouble();
  };
  {  // Augmented images pass through floats, which changes the last bits: only the rate is checked.
    auto model = make_model();
    nn::Optimizer optimizer(model, nn::SGD{.learning_rate = 0.3});
    CHECK_THROWS_AS(nn::fit(model, train, SoftmaxCrossEntropy{}, optimizer, options), Trouble);
    CHECK(optimizer.learning_rate() == 0.3);
    CHECK(optimizer.steps() == 3);
  }

  options = base;
  Index validations = 0;
  options.validation_transform = [&](nn::BatchBuffer<float>& /*batch*/, nn::Random& /*random*/) {
    if (++validations == 2) throw Trouble();
  };
  throws("validation_transform", 6, options);

  options = base;
  batches = 0;
  options.transform = [&](nn::BatchBuffer<float>& batch, nn::Random& /*random*/) {
    if (++batches == 6) batch.inputs.fill(std::numeric_limits<float>::infinity());
  };
  throws("divergence", 5, options);

  // A checkpoint that cannot be written: its folder is gone.
  std::filesystem::create_directory(folder);
  options = base;
  options.checkpoint = folder / "file";
  options.checkpoint_interval = 2;
  callback = {};
  callback.on_batch = [&](nn::BatchReport& report) {
    if (report.step == 4) std::filesystem::remove_all(folder);
  };
  options.callbacks = {callback};
  throws("checkpoint", 5, options);  // it is written while step 5 is made

  // After an exception the checkpoint is whole, and the training goes on from it.
  std::filesystem::create_directory(folder);
  callback.on_batch = [](nn::BatchReport& report) {
    if (report.step == 8) throw Trouble();
  };
  options.callbacks = {callback};
  throws("on_batch with a checkpoint", 8, options);
  auto resumed = make_model();
  std::vector<Index> made;
  callback.on_batch = [&](nn::BatchReport& report) { made.push_back(report.step); };
  options.callbacks = {callback};
  nn::fit(resumed, train, SoftmaxCrossEntropy{}, nn::SGD{.learning_rate = 0.3, .momentum = 0.5},
          options);
  CHECK(made == std::vector<Index>{7, 8, 9});
  CHECK(everything(resumed) == everything(undisturbed));
  std::filesystem::remove_all(folder);
}

TEST_CASE("fit: a divergence is explained with the dropout mask that it came from") {
  // One element is so large that, where dropout leaves it, the layer behind overflows.
  const nn::Dataset train = blobs(12, 1);
  Index explained = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    nn::Model model(nn::sequential(nn::Flatten{}, nn::Dropout{0.5F}, nn::Dense{3}), {6, 6, 1},
                    {.seed = seed});
    model.parameter("2.weight").fill(10.0F);
    nn::FitOptions options{.epochs = 1, .batch_size = 1};
    options.transform = [](nn::BatchBuffer<float>& batch, nn::Random& /*random*/) {
      batch.inputs[0] = 1e38F;
    };
    try {
      nn::fit(model, train, SoftmaxCrossEntropy{}, nn::SGD{.learning_rate = 0}, options);
    } catch (const nn::DivergenceError& error) {
      const std::string message = error.what();
      CAPTURE(message);
      CHECK(message.find("the activations of Dense{3} (layer 2) were the first") !=
            std::string::npos);
      ++explained;
    }
  }
  CHECK(explained > 9);
}

}  // namespace fit_promises_test
