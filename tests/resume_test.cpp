#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <limits>
#include <numeric>

#include "blobs.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/layer_norm.hpp"
#include "nn/layers/relu.hpp"
#include "nn/losses/hinge.hpp"
#include "nn/losses/regression.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/lookahead.hpp"
#include "nn/optim/rms_prop.hpp"
#include "nn/optim/sgd.hpp"
#include "nn/train/fit.hpp"

namespace resume_test {

using nn::Index;

/// A path in the temporary folder, without a file at the start and at the end.
class Path {
 public:
  Path() {
    static int count = 0;
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    path_ =
        std::filesystem::temp_directory_path() / nn::detail::text("nn-resume-", now, "-", count++);
  }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;
  ~Path() { std::filesystem::remove(path_); }
  operator std::filesystem::path() const { return path_; }  // NOLINT
  [[nodiscard]] std::string string() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

/// The same images, labels, classes, with some of it changed.
nn::Dataset changed(const nn::Dataset& data, Index pixel, Index label,
                    std::vector<std::string> classes = {"a", "b", "c"}) {
  nn::Tensor<std::uint8_t> images(data.sample_shape().prepended(data.size()));
  std::vector<nn::Label> labels(data.labels().begin(), data.labels().end());
  for (Index i = 0; i < data.size(); ++i) {
    std::copy(data.image(i).begin(), data.image(i).end(), images.sample(i).begin());
  }
  if (pixel >= 0) images[pixel] = static_cast<std::uint8_t>(images[pixel] ^ 1U);
  if (label >= 0) {
    auto& one = labels[static_cast<std::size_t>(label)];
    one = (one + 1) % 3;
  }
  return nn::Dataset(std::move(images), std::move(labels), std::move(classes), "blobs");
}

/// All that a user may set.
struct Setup {
  nn::Dataset data = blobs(50, 1);
  nn::Dataset validation = blobs(30, 2);
  nn::RMSProp rule{.learning_rate = 0.004, .momentum = 0.5};
  nn::OptimizerOptions rule_options{};
  nn::SoftmaxCrossEntropy loss{.class_weights = {1, 2, 3}};
  nn::BatchNorm norm{};
  nn::Dropout dropout{0.25F};
  std::string frozen = "5";
  bool freezes = false;
  nn::FitOptions options{.epochs = 1, .batch_size = 8, .seed = 4, .clip_norm = 2};
};

Setup setup(const Path& path) {
  Setup result;
  result.options.average_decay = 0.9;
  result.options.early_stopping = {.patience = 5, .min_delta = 0.001};
  result.options.checkpoint = std::filesystem::path(path);
  return result;
}

/// The steps that were made, and the weights that came out.
struct Result {
  std::vector<Index> steps;
  std::vector<double> rates;
  std::vector<float> weights;
};

Result run(const Setup& given) {
  nn::Model model(nn::sequential(nn::Flatten{}, nn::Dense{6}, given.norm, nn::ReLU{}, given.dropout,
                                 nn::Dense{3}),
                  {6, 6, 1}, {.seed = 2});
  if (given.freezes) model.freeze(given.frozen);
  nn::Optimizer optimizer(model, given.rule, given.rule_options);
  nn::FitOptions options = given.options;
  options.validation = &given.validation;
  Result result;
  nn::Callback note;
  note.on_batch = [&](nn::BatchReport& report) {
    result.steps.push_back(report.step);
    result.rates.push_back(report.learning_rate);
  };
  options.callbacks.push_back(note);
  const std::vector<float> before(model.parameters().begin(), model.parameters().end());
  try {
    nn::fit(model, given.data, given.loss, optimizer, options);
  } catch (const nn::FileError&) {
    CHECK(std::equal(before.begin(), before.end(), model.parameters().begin()));
    CHECK(model.step() == 0);
    CHECK(optimizer.steps() == 0);
    CHECK(optimizer.learning_rate() == given.rule.learning_rate);
    throw;
  }
  result.weights.assign(model.parameters().begin(), model.parameters().end());
  result.weights.insert(result.weights.end(), model.state().begin(), model.state().end());
  return result;
}

/// What fit says of going on with the training at `path` when `change` is made.
template <class Change>
std::string refusal(const Path& path, const Change& change) {
  Setup other = setup(path);
  change(other);
  try {
    (void)run(other);
  } catch (const nn::FileError& error) {
    const std::string message = error.what();
    REQUIRE(message.find(path.string() + " belongs to ") == 0);
    return message.substr(path.string().size() + 12);
  }
  return "accepted";
}

TEST_CASE("fit: a checkpoint of other data is refused, and says what differs") {
  const Path path;
  (void)run(setup(path));
  const auto refused = [&](const auto& change) { return refusal(path, change); };
  const std::string images = "other data: training set's images there 50 of 6x6x1, fingerprint ";
  CHECK(refused([](Setup& s) { s.data = changed(s.data, 1799, -1); }).find(images) == 0);
  CHECK(refused([](Setup& s) {
          std::vector<Index> order(50);
          std::iota(order.begin(), order.end(), Index{0});
          std::swap(order[3], order[6]);  // of one class
          s.data = s.data.subset(order);
        }).find(images) == 0);
  CHECK(refused([](Setup& s) {
          s.data = s.data.slice(0, 49);
        }).find(", here 49 of 6x6x1, fingerprint ") != std::string::npos);
  CHECK(refused([](Setup& s) {
          s.data = changed(s.data, -1, 49);
        }).find("other data: training set's labels there fingerprint ") == 0);
  CHECK(refused([](Setup& s) {
          s.validation = changed(s.validation, 0, -1);
        }).find("other data: validation set's images there 30 of 6x6x1") == 0);
  CHECK(refused([](Setup& s) {
          s.data = changed(s.data, -1, -1, {"a", "c", "b"});
          s.validation = changed(s.validation, -1, -1, {"a", "c", "b"});
        }) == "other data: training set's classes there a, b, c, here a, c, b");
  CHECK(refused([](Setup& s) {
          s.data = s.data.with_normalization({.mean = {0.5}, .deviation = {0.1}});
          s.validation = s.validation.with_normalization({.mean = {0.5}, .deviation = {0.1}});
        }) ==
        "other data: training set's normalisation there mean 0 and deviation 1, here mean "
        "0.5 and deviation 0.1");
  // The same images in another block and under another name are the same data.
  CHECK(refused([](Setup& s) { s.data = changed(s.data, -1, -1).with_name("other"); }) ==
        "accepted");
}

TEST_CASE("fit: a checkpoint of another training is refused, and says which setting differs") {
  const Path path;
  (void)run(setup(path));
  const auto refused = [&](const auto& change) {
    const std::string message = refusal(path, change);
    const std::string before = "another training: ";
    return message.find(before) == 0 ? message.substr(before.size()) : message;
  };
  CHECK(refused([](Setup& s) { s.dropout.rate = 0.5F; }) ==
        "layer 4 there Dropout{0.25}, here Dropout{0.5}");
  CHECK(refused([](Setup& s) { s.norm.momentum = 0.25F; }).find("layer 2 there BatchNorm{}{mom") ==
        0);
  CHECK(refused([](Setup& s) { s.norm.epsilon = 0.25F; }).find("epsilon 0.25}") !=
        std::string::npos);
  CHECK(refused([](Setup& s) { s.freezes = true; }) ==
        "layer 5 there Dense{3}, here Dense{3} (frozen)");
  CHECK(refused([](Setup& s) { s.loss.label_smoothing = 0.1; }) ==
        "loss there SoftmaxCrossEntropy{label_smoothing 0}, weight 1, weight 2, weight 3, here "
        "SoftmaxCrossEntropy{label_smoothing 0.1}, weight 1, weight 2, weight 3");
  CHECK(refused([](Setup& s) { s.loss.class_weights[1] = 4; }).find("loss there ") == 0);
  const std::string rule =
      "rule there RMSProp{smoothing 0.99, epsilon 1e-08, momentum 0.5, centered 0, weight_decay 0}"
      ", here ";
  CHECK(refused([](Setup& s) { s.rule.smoothing = 0.9; }).find(rule) == 0);
  CHECK(refused([](Setup& s) { s.rule.epsilon = 1e-7; }).find(rule) == 0);
  CHECK(refused([](Setup& s) { s.rule.momentum = 0.4; }).find(rule) == 0);
  CHECK(refused([](Setup& s) { s.rule.centered = true; }).find(rule) == 0);
  CHECK(refused([](Setup& s) { s.rule.weight_decay = 0.1; }).find(rule) == 0);
  CHECK(refused([](Setup& s) { s.rule_options.groups = {{.path = "1", .learning_rate = 0.5}}; }) ==
        "parameter group 1 there none, here {learning_rate 0.5, weight_decay 1}");
  CHECK(refused([](Setup& s) { s.rule_options.decay_all = true; }) ==
        "decay_all there no, here yes");
  CHECK(refused([](Setup& s) { s.options.batch_size = 10; }) == "batch_size there 8, here 10");
  // Beyond what a double tells apart.
  CHECK(refused([](Setup& s) { s.options.seed = ~std::uint64_t{0} - 1; }) ==
        "seed there 4, here 18446744073709551614");
  CHECK(refused([](Setup& s) { s.options.shuffle = false; }) == "shuffle there yes, here no");
  CHECK(refused([](Setup& s) { s.options.drop_last = true; }) == "drop_last there no, here yes");
  CHECK(refused([](Setup& s) { s.options.clip_norm = 0; }) == "clip_norm there 2, here 0");
  CHECK(refused([](Setup& s) { s.options.average_decay = 0.95; }) ==
        "average_decay there 0.9, here 0.95");
  CHECK(refused([](Setup& s) {
          s.options.augmentation = [](nn::TensorView<float>, nn::ImageContext&) {};
        }) == "augmentation there no, here yes");
  const auto nothing = [](nn::BatchBuffer<float>&, nn::Random&) {};
  CHECK(refused([&](Setup& s) { s.options.transform = nothing; }) ==
        "transform there no, here yes");
  CHECK(refused([&](Setup& s) { s.options.validation_transform = nothing; }) ==
        "validation_transform there no, here yes");
  CHECK(refused([](Setup& s) { s.options.early_stopping.monitor = nn::Monitor::loss; }) ==
        "early_stopping there validation_loss, here loss");
  CHECK(refused([](Setup& s) {
          s.options.early_stopping.monitor = nn::Monitor::validation_accuracy;
        }) == "early_stopping there validation_loss, here validation_accuracy");
  CHECK(refused([](Setup& s) { s.options.early_stopping.min_delta = 0; }) ==
        "min_delta there 0.001, here 0");
  CHECK(refused([](Setup& s) { s.options.early_stopping.restore_best = false; }) ==
        "restore_best there yes, here no");
  // What may change.
  CHECK(refused([](Setup& s) {
          s.options.early_stopping.patience = 9;
          s.options.checkpoint_interval = 3;
          s.options.epochs = 2;
        }) == "accepted");
}

/// A rule of a user's own.
struct SignDescent {
  double learning_rate = 0.01;
  void check() const {}
  [[nodiscard]] static constexpr Index slots() { return 0; }
  template <class T>
  void update(const nn::UpdateContext& context, nn::Elements<T> weights,
              nn::Elements<const T> gradient, const nn::Slots<T>& /*slots*/) const {
    weights -= static_cast<T>(context.learning_rate) * gradient.sign();
  }
};

TEST_CASE("fit: a checkpoint of another rule or loss is refused") {
  const Path path;
  const nn::Dataset data = blobs(20, 1);
  const auto train = [&](const auto& rule, const auto& loss) {
    nn::Model model(nn::sequential(nn::Flatten{}, nn::LayerNorm{}, nn::Dense{3}), {6, 6, 1});
    nn::FitOptions options{.epochs = 1, .batch_size = 10};
    options.checkpoint = std::filesystem::path(path);
    nn::fit(model, data, loss, rule, options);
  };
  train(SignDescent{}, nn::MeanSquaredError{});
  train(SignDescent{}, nn::MeanSquaredError{});
  const std::string refused = path.string() + " belongs to another training: ";
  CHECK_THROWS_WITH_AS(train(nn::SGD{}, nn::MeanSquaredError{}),
                       (refused + "rule there resume_test::SignDescent, here SGD{momentum 0, "
                                  "nesterov 0, weight_decay 0}")
                           .c_str(),
                       nn::FileError);
  CHECK_THROWS_WITH_AS(
      train(SignDescent{}, nn::MeanAbsoluteError{}),
      (refused + "loss there nn::MeanSquaredError, here nn::MeanAbsoluteError").c_str(),
      nn::FileError);
}

TEST_CASE("settings: rules, losses and layers tell theirs") {
  CHECK(nn::SGD{.momentum = 0.9, .nesterov = true, .weight_decay = 1e-4}.settings() ==
        "SGD{momentum 0.9, nesterov 1, weight_decay 0.0001}");
  CHECK(nn::Adam{.beta1 = 0.8, .beta2 = 0.9, .epsilon = 1, .weight_decay = 2}.settings() ==
        "Adam{beta1 0.8, beta2 0.9, epsilon 1, weight_decay 2}");
  CHECK(nn::AdamW{}.settings() ==
        "AdamW{beta1 0.9, beta2 0.999, epsilon 1e-08, weight_decay 0.01}");
  CHECK(nn::lookahead(nn::AdamW{.weight_decay = 0.5}, {.interval = 7, .rate = 0.25}).settings() ==
        "Lookahead{interval 7, rate 0.25} of AdamW{beta1 0.9, beta2 0.999, epsilon 1e-08, "
        "weight_decay 0.5}");
  CHECK(nn::Huber{.delta = 3}.settings() == "Huber{delta 3}");
  CHECK(nn::Hinge{.margin = 2}.settings() == "Hinge{margin 2}");
  CHECK(nn::plan_of(nn::LayerNorm{.epsilon = 0.5F}, {3}).settings == "{epsilon 0.5}");
  CHECK(nn::plan_of(nn::BatchNorm{.momentum = 0.25F, .epsilon = 0.5F}, {3}).settings ==
        "{momentum 0.25, epsilon 0.5}");
  CHECK(nn::plan_of(nn::Dense{3}, {3}).settings.empty());
  // As many digits as it takes.
  CHECK(nn::detail::exact_number(0.1) == "0.1");
  const double third = 1.0 / 3;
  CHECK(std::stod(nn::detail::exact_number(third)) == third);
  CHECK(nn::detail::exact_number(third) != nn::detail::exact_number(std::nextafter(third, 1)));
  CHECK(nn::detail::exact_number(-std::numeric_limits<double>::infinity()) == "-inf");
}

TEST_CASE("fit: another learning rate holds from the resume on") {
  const Path path;
  (void)run(setup(path));
  Setup slower = setup(path);
  slower.rule.learning_rate = 0.001;
  slower.options.epochs = 2;
  CHECK(run(slower).rates == std::vector<double>(7, 0.001));
  // A schedule multiplies it; once the schedule is gone, what it was given holds again.
  slower.options.epochs = 3;
  slower.rule.learning_rate = 0.002;
  slower.options.schedule = [](Index, Index) { return 0.5; };
  CHECK(run(slower).rates == std::vector<double>(7, 0.001));
  slower.options.epochs = 4;
  slower.options.schedule = {};
  CHECK(run(slower).rates == std::vector<double>(7, 0.002));
}

TEST_CASE("fit: a learning rate that a callback changed survives a resume") {
  const nn::Dataset data = blobs(40, 1);
  /// Halves the learning rate at step 3. Stops after step `stop`.
  const auto train = [&](const nn::CheckpointFile& checkpoint, Index stop, double given) {
    nn::Model model(nn::sequential(nn::Flatten{}, nn::Dense{3}), {6, 6, 1}, {.seed = 1});
    nn::Optimizer optimizer(model, nn::SGD{.learning_rate = given, .momentum = 0.9});
    nn::FitOptions options{.epochs = 3, .batch_size = 10};
    options.checkpoint = checkpoint;
    Result result;
    nn::Callback halve;
    halve.on_batch = [&](nn::BatchReport& report) {
      result.steps.push_back(report.step);
      result.rates.push_back(report.learning_rate);
      if (report.step == 3) optimizer.set_learning_rate(optimizer.learning_rate() / 2);
      report.stop = report.step == stop;
    };
    options.callbacks = {halve};
    nn::fit(model, data, nn::SoftmaxCrossEntropy{}, optimizer, options);
    CHECK(optimizer.learning_rate() == given);
    result.weights.assign(model.parameters().begin(), model.parameters().end());
    return result;
  };
  const Result whole = train({}, 0, 0.2);
  CHECK(whole.rates ==
        std::vector<double>{0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1});
  for (const Index stop : {3, 6, 8}) {
    CAPTURE(stop);
    const Path path;
    (void)train(std::filesystem::path(path), stop, 0.2);
    const Result rest = train(std::filesystem::path(path), 0, 0.2);
    // A stop in the middle of an epoch has saved where it was.
    REQUIRE(rest.steps.size() == static_cast<std::size_t>(12 - stop));
    CHECK(rest.steps.front() == stop + 1);
    CHECK(rest.rates == std::vector<double>(rest.steps.size(), 0.1));
    CHECK(rest.weights == whole.weights);
  }
  const Path path;
  (void)train(std::filesystem::path(path), 6, 0.2);
  CHECK(train(std::filesystem::path(path), 0, 0.3).rates == std::vector<double>(6, 0.3));
}

TEST_CASE("fit: a checkpoint with a section of the wrong size leaves nothing half read") {
  const Path path;
  (void)run(setup(path));
  const nn::Checkpoint good = nn::Checkpoint::load(path);
  for (const char* const key :
       {"average.parameters", "average.state", "average.updates", "best.parameters", "best.state",
        "optimizer.slots", "model.state", "model.parameters", "progress", "history", "scheduled",
        "learning_rate"}) {
    CAPTURE(key);
    nn::Checkpoint bad = good;
    REQUIRE(bad.contains(key));
    bad.set(key, "three");
    bad.save(path);
    // That the model and the optimizer are as they were is checked in `run`.
    CHECK_THROWS_AS((void)run(setup(path)), nn::FileError);
  }
  good.save(path);
  CHECK_NOTHROW((void)run(setup(path)));
}

TEST_CASE("fit: a checkpoint that was saved where no training can be is refused") {
  const Path path;
  (void)run(setup(path));
  const nn::Checkpoint good = nn::Checkpoint::load(path);
  const auto saved_at = [&](const nn::detail::Progress& progress) {
    nn::Checkpoint bad = good;
    bad.set("progress", std::span<const nn::detail::Progress>(&progress, 1));
    bad.save(path);
    // That the model and the optimizer are as they were is checked in `run`.
    CHECK_THROWS_WITH_AS((void)run(setup(path)), doctest::Contains(" is damaged: it was saved "),
                         nn::FileError);
  };
  // One epoch of seven batches has been made.
  saved_at({.epoch = 2});
  saved_at({.epoch = -1});
  saved_at({.epoch = 1, .batch = -1});
  saved_at({.epoch = 1, .batch = 7, .seen = 50});
  saved_at({.epoch = 1, .batch = 1, .seen = 8, .correct = 9});
  saved_at({.epoch = 1, .batch = 1, .seen = 8, .correct = -1});
  const nn::detail::Progress possible{.epoch = 1, .batch = 6, .seen = 48, .correct = 48};
  nn::Checkpoint edited = good;
  edited.set("progress", std::span<const nn::detail::Progress>(&possible, 1));
  edited.save(path);
  Setup more = setup(path);
  more.options.epochs = 2;
  CHECK(run(more).steps == std::vector<Index>{14});
}

TEST_CASE("fit: a checkpoint that no training of fit's is in") {
  const Path path;
  nn::Checkpoint other;
  other.set("settings", "batch_size 8, seed 4");
  other.save(path);
  CHECK_THROWS_WITH_AS(
      (void)run(setup(path)),
      (path.string() + " holds no training that fit could go on with: an earlier version of fit "
                       "wrote it, or another program. Move it away, or name another file")
          .c_str(),
      nn::FileError);
}

}  // namespace resume_test
