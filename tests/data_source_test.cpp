// Every kind of data, with labels and with tensors as targets, through fit and all around it.
#include "nn/data/data_source.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "nn/data/generated_dataset.hpp"
#include "nn/data/splits.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/sequential.hpp"
#include "nn/losses/regression.hpp"
#include "nn/losses/sigmoid_cross_entropy.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/sgd.hpp"
#include "nn/train/features.hpp"
#include "nn/train/fit.hpp"

namespace data_source_test {

using namespace nn;  // NOLINT

using Values = std::vector<float>;

/// Byte p of sample `index` of a set: one of three patterns, with noise.
std::uint8_t byte_of(std::uint64_t set, Index index, Index p) {
  Random random(set, static_cast<std::uint64_t>(index), static_cast<std::uint64_t>(p));
  const double centre = index % 3 == p ? 190 : 60;
  return static_cast<std::uint8_t>(std::clamp(centre + random.normal(0, 45), 0.0, 255.0));
}

float input_of(std::uint64_t set, Index index, Index p) {
  return static_cast<float>(static_cast<double>(byte_of(set, index, p)) / 255);
}

void write_one_hot(Label label, TensorView<float> target) {
  target.fill(0);
  target[label] = 1;
}

/// The samples as images.
Dataset images(std::uint64_t set, Index count) {
  Tensor<std::uint8_t> bytes({count, 1, 2, 1});
  std::vector<Label> labels;
  for (Index i = 0; i < count; ++i) {
    for (Index p = 0; p < 2; ++p) bytes[2 * i + p] = byte_of(set, i, p);
    labels.push_back(static_cast<Label>(i % 3));
  }
  return Dataset(std::move(bytes), std::move(labels), {}, "images");
}

/// The same samples as tensors.
TensorDataset tensors(std::uint64_t set, Index count, bool with_labels) {
  Tensor<float> inputs({count, 1, 2, 1});
  Tensor<float> targets({count, 3});
  std::vector<Label> labels;
  for (Index i = 0; i < count; ++i) {
    for (Index p = 0; p < 2; ++p) inputs[2 * i + p] = input_of(set, i, p);
    labels.push_back(static_cast<Label>(i % 3));
    write_one_hot(labels.back(), targets.sample(i));
  }
  if (with_labels) return TensorDataset(std::move(inputs), std::move(labels));
  return TensorDataset(std::move(inputs), std::move(targets));
}

/// The same samples made on the go.
GeneratedDataset generated(std::uint64_t set, Index count, bool with_labels) {
  GeneratedOptions options{.size = count, .sample_shape = {1, 2, 1}};
  if (with_labels) {
    options.classes = 3;
  } else {
    options.target_shape = {3};
  }
  return GeneratedDataset(options, [=](Index index, Random& /*random*/, Sample<float>& sample) {
    for (Index p = 0; p < 2; ++p) sample.input[p] = input_of(set, index, p);
    sample.label = static_cast<Label>(index % 3);
    if (!with_labels) write_one_hot(sample.label, sample.target);
  });
}

/// A program's own data, with no more than there has to be: the same samples with labels.
struct OwnLabels {
  std::uint64_t set;
  Index count;

  [[nodiscard]] Index size() const { return count; }
  [[nodiscard]] static Shape sample_shape() { return {1, 2, 1}; }
  [[nodiscard]] static Index classes() { return 3; }
  void read(Index index, Sample<float>& sample) const {
    for (Index p = 0; p < 2; ++p) sample.input[p] = input_of(set, index, p);
    sample.label = static_cast<Label>(index % 3);
  }
};

/// Likewise with targets; it writes doubles alone.
struct OwnTargets {
  std::uint64_t set;
  Index count;

  [[nodiscard]] Index size() const { return count; }
  [[nodiscard]] static Shape sample_shape() { return {1, 2, 1}; }
  [[nodiscard]] static Shape target_shape() { return {3}; }
  void read(Index index, Sample<double>& sample) const {
    for (Index p = 0; p < 2; ++p) sample.input[p] = static_cast<double>(input_of(set, index, p));
    for (Index c = 0; c < 3; ++c) sample.target[c] = index % 3 == c ? 1 : 0;
  }
};

static_assert(DataSource<Dataset> && DataSource<TensorDataset> && DataSource<GeneratedDataset> &&
              DataSource<OwnLabels> && DataSource<OwnTargets> && DataSource<Subset<OwnLabels>>);
static_assert(!HasTargets<OwnLabels> && !HasLabels<OwnTargets>);
struct Nothing {};
static_assert(!DataSource<Nothing>);

auto network() { return sequential(Flatten{}, Dense{6}, Tanh{}, Dense{3}); }
using Net = decltype(network());

Values everything(const Model<Net>& model) {
  return {model.parameters().begin(), model.parameters().end()};
}

/// One of the kinds of data, a training and a validation set of it.
struct Kind {
  const char* name;
  bool labels;  ///< else tensors
  DataPointer train;
  DataPointer validation;
  bool make_targets = false;  ///< by a transform, as images have labels only
};

struct Result {
  Values weights;
  History history;
};

/// Trains on data of a kind.
Result run(const Kind& kind, FitOptions options) {
  Model<Net> model(network(), {1, 2, 1}, {.seed = 3});
  options.batch_size = 8;
  options.seed = 4;
  if (kind.make_targets) {
    options.transform = [](auto& batch, Random&) { batch.make_targets(); };
    options.validation_transform = options.transform;
  }
  if (kind.labels) {
    History history =
        fit(model, *kind.train, SoftmaxCrossEntropy{}, Adam{.learning_rate = 0.05}, options);
    return {everything(model), std::move(history)};
  }
  History history =
      fit(model, *kind.train, MeanSquaredError{}, Adam{.learning_rate = 0.05}, options);
  return {everything(model), std::move(history)};
}

/// Calls visit(kind) for every kind of data with either kind of targets.
template <class Visit>
void for_each_kind(const Visit& visit) {
  const Dataset image_train = images(1, 45);
  const Dataset image_validation = images(2, 30);
  for (const bool labels : {true, false}) {
    const TensorDataset tensor_train = tensors(1, 45, labels);
    const TensorDataset tensor_validation = tensors(2, 30, labels);
    const GeneratedDataset generated_train = generated(1, 45, labels);
    const GeneratedDataset generated_validation = generated(2, 30, labels);
    const OwnLabels own_train{1, 45};
    const OwnLabels own_validation{2, 30};
    const OwnTargets targets_train{1, 45};
    const OwnTargets targets_validation{2, 30};
    const Kind kinds[] = {
        {"images", labels, &image_train, &image_validation, !labels},
        {"tensors", labels, &tensor_train, &tensor_validation},
        {"generated", labels, &generated_train, &generated_validation},
        labels ? Kind{"own", labels, &own_train, &own_validation}
               : Kind{"own", labels, &targets_train, &targets_validation},
    };
    for (const Kind& kind : kinds) {
      const std::string name = detail::text(kind.name, labels ? ", labels" : ", targets");
      CAPTURE(name);
      visit(kind);
    }
  }
}

/// A folder that is gone at the end.
class Folder {
 public:
  Folder()
      : path_(
            std::filesystem::temp_directory_path() /
            detail::text("nn-data-", std::chrono::steady_clock::now().time_since_epoch().count())) {
    std::filesystem::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

template <class E = Error, class Function>
std::string message_of(Function&& function) {
  try {
    function();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST_CASE("the same samples train to the same bits, whatever kind of data holds them") {
  Values of_labels;
  Values of_targets;
  for_each_kind([&](const Kind& kind) {
    const Result result = run(kind, {.epochs = 3, .validation = kind.validation});
    Values& expected = kind.labels ? of_labels : of_targets;
    if (expected.empty()) expected = result.weights;
    CHECK(result.weights == expected);
    CHECK(result.history.last().loss < 0.8 * result.history.epochs.front().loss);
    CHECK(std::isfinite(result.history.last().validation_loss));
    // There is an accuracy where there are labels, and nowhere else.
    const bool has_labels = (*kind.train).classes() > 0;
    CHECK(std::isnan(result.history.last().accuracy) == !has_labels);
    CHECK(std::isnan(result.history.last().validation_accuracy) == !has_labels);
  });
  CHECK(of_labels != of_targets);
}

TEST_CASE("any data train to the same bits with any number of threads") {
  for_each_kind([](const Kind& kind) {
    set_threads(1);
    const Values one = run(kind, {.epochs = 2}).weights;
    set_threads(3);
    const Values three = run(kind, {.epochs = 2}).weights;
    set_threads(2);
    CHECK(one == three);
  });
}

TEST_CASE("a training on any data goes on as if it had not been interrupted") {
  const Folder folder;
  for_each_kind([&](const Kind& kind) {
    const Values whole = run(kind, {.epochs = 3, .validation = kind.validation}).weights;
    const std::string file = folder.file("training");
    std::filesystem::remove(file);
    FitOptions options{.epochs = 3, .validation = kind.validation};
    options.checkpoint = file;
    FitOptions interrupted = options;
    Callback stop;
    stop.on_batch = [](BatchReport& report) { report.stop = report.step == 9; };
    interrupted.callbacks = {stop};
    CHECK(run(kind, interrupted).weights != whole);
    CHECK(run(kind, options).weights == whole);
  });
}

TEST_CASE("early stopping ends a training on any data with the weights of the best epoch") {
  for_each_kind([](const Kind& kind) {
    FitOptions options{.epochs = 200, .validation = kind.validation};
    options.early_stopping = {.patience = 2, .min_delta = 0.001};
    const Result result = run(kind, options);
    CHECK(result.history.stopped_early);
    const Index best = result.history.best(Monitor::validation_loss, 0.001);
    CHECK(static_cast<Index>(result.history.epochs.size()) == best + 3);
    CHECK(result.weights == run(kind, {.epochs = best + 1}).weights);
  });
}

TEST_CASE("a checkpoint is refused for other data of any kind") {
  const Folder folder;
  for_each_kind([&](const Kind& kind) {
    const std::string file = folder.file("training");
    std::filesystem::remove(file);
    FitOptions options{.epochs = 1};
    options.checkpoint = file;
    (void)run(kind, options);
    Kind other = kind;
    other.train = kind.validation;
    const std::string message = message_of<FileError>([&] { (void)run(other, options); });
    CHECK(message.find("belongs to other data: training set's") != std::string::npos);
  });
}

TEST_CASE("XOR is learned") {
  const TensorDataset gate(Tensor<float>({4, 2}, {0, 0, 0, 1, 1, 0, 1, 1}),
                           Tensor<float>({4, 1}, {0, 1, 1, 0}), "XOR");
  Model model(sequential(Dense{4}, Tanh{}, Dense{1}), {2}, {.seed = 1});
  fit(model, gate, SigmoidCrossEntropy{}, Adam{.learning_rate = 0.1},
      {.epochs = 200, .batch_size = 4});
  const Tensor<float> logits = predict(model, gate);
  CHECK(logits.shape() == Shape{4, 1});
  for (Index i = 0; i < 4; ++i) CHECK((logits[i] > 0) == (gate.target(i)[0] > 0.5F));
  CHECK(evaluate(model, gate, SigmoidCrossEntropy{}).loss < 0.05);
}

TEST_CASE("a stream without end teaches a sine, and goes on in the middle") {
  const GeneratedOptions options{.size = 256,
                                 .sample_shape = {1},
                                 .target_shape = {1},
                                 .seed = 1,
                                 .endless = true,
                                 .name = "sine"};
  const auto sine = [](Index /*index*/, Random& random, Sample<float>& sample) {
    sample.input[0] = static_cast<float>(random.uniform(-3, 3));
    sample.target[0] = std::sin(sample.input[0]);
  };
  const GeneratedDataset stream(options, sine);
  Loader loader(stream, {.batch_size = 256, .shuffle = false});
  const auto first_of = [&](Index epoch) { return (*loader.epoch(epoch).begin()).inputs[0]; };
  const float first = first_of(0);
  CHECK(first_of(1) != first);
  CHECK(first_of(0) == first);

  const Folder folder;
  const auto train = [&](const GeneratedDataset& data, const char* file, Index stop_at) {
    Model model(sequential(Dense{16}, Tanh{}, Dense{1}), {1}, {.seed = 2});
    FitOptions fitting{.epochs = 60, .batch_size = 32, .schedule = cosine_schedule()};
    if (file != nullptr) fitting.checkpoint = folder.file(file);
    Callback stop;
    stop.on_batch = [=](BatchReport& report) { report.stop = report.step == stop_at; };
    fitting.callbacks = {stop};
    fit(model, data, MeanSquaredError{}, Adam{.learning_rate = 0.03}, fitting);
    return model;
  };
  const auto model = train(stream, nullptr, -1);
  GeneratedOptions unseen = options;
  unseen.seed = 99;
  CHECK(evaluate(model, GeneratedDataset(unseen, sine), MeanSquaredError{}).loss <
        0.006);  // of a variance of 0.5
  (void)train(stream, "sine", 101);
  const auto resumed = train(stream, "sine", -1);
  CHECK(std::equal(model.parameters().begin(), model.parameters().end(),
                   resumed.parameters().begin()));
  CHECK(message_of<FileError>([&] {
          (void)train(GeneratedDataset(unseen, sine), "sine", -1);
        }).find("seed 1, here ") != std::string::npos);
}

TEST_CASE("an autoencoder learns its inputs") {
  // Points of a line in space: one number says it all.
  Tensor<float> points({64, 3});
  for (Index i = 0; i < 64; ++i) {
    const float t = static_cast<float>(i) / 32 - 1;
    points(i, 0) = t;
    points(i, 1) = -t / 2;
    points(i, 2) = 0.25F + t / 4;
  }
  const TensorDataset data =
      TensorDataset(std::move(points), std::vector<Label>(64)).with_inputs_as_targets();
  Model model(sequential(Dense{1}, Dense{3}), {3}, {.seed = 1});
  fit(model, data, MeanSquaredError{}, Adam{.learning_rate = 0.03},
      {.epochs = 100, .batch_size = 16});
  CHECK(evaluate(model, data, MeanSquaredError{}).loss < 1e-3);
  const Tensor<float> codes = features(model, data, "0");
  CHECK(codes.shape() == Shape{64, 1});
}

TEST_CASE("several labels at once are learned") {
  // Whether each of two numbers is positive, and whether their sum is.
  Tensor<float> inputs({200, 2});
  Tensor<float> targets({200, 3});
  Random random(5);
  for (Index i = 0; i < 200; ++i) {
    for (Index k = 0; k < 2; ++k) inputs(i, k) = static_cast<float>(random.normal());
    targets(i, 0) = inputs(i, 0) > 0 ? 1.0F : 0.0F;
    targets(i, 1) = inputs(i, 1) > 0 ? 1.0F : 0.0F;
    targets(i, 2) = inputs(i, 0) + inputs(i, 1) > 0 ? 1.0F : 0.0F;
  }
  const TensorDataset data(std::move(inputs), std::move(targets));
  Model model(sequential(Dense{3}), {2}, {.seed = 1});
  fit(model, data, SigmoidCrossEntropy{}, Adam{.learning_rate = 0.1},
      {.epochs = 60, .batch_size = 20});
  const Tensor<float> logits = predict(model, data);
  Index right = 0;
  for (Index i = 0; i < 200; ++i) {
    for (Index k = 0; k < 3; ++k) right += (logits(i, k) > 0) == (data.target(i)[k] > 0.5F) ? 1 : 0;
  }
  CHECK(right >= 590);
}

TEST_CASE("soft labels are learned, and labels beside them counted") {
  const TensorDataset hard(Tensor<float>({2, 1}, {-1, 1}), {0, 1});
  const TensorDataset soft = hard.with_targets(Tensor<float>({2, 2}, {0.8F, 0.2F, 0.3F, 0.7F}));
  Model model(sequential(Dense{2}), {1}, {.seed = 1});
  const History history = fit(model, soft, SoftmaxCrossEntropy{}, SGD{.learning_rate = 1},
                              {.epochs = 100, .batch_size = 2});
  CHECK(history.last().accuracy == 1.0);
  const Tensor<float> logits = predict(model, soft);
  // The log of the odds, which the loss is least at.
  CHECK(logits(0, 0) - logits(0, 1) == doctest::Approx(std::log(4.0)).epsilon(1e-3));
  CHECK(logits(1, 1) - logits(1, 0) == doctest::Approx(std::log(7.0 / 3)).epsilon(1e-3));
}

TEST_CASE("the loss of weighted samples is their weighted mean, and so is its gradient") {
  const TensorDataset plain(Tensor<float>({3, 1}, {1, 2, 3}), Tensor<float>({3, 1}, {0, 1, 5}));
  const TensorDataset data = plain.with_weights({1, 0, 3});
  Model<decltype(sequential(Dense{1})), double> model(sequential(Dense{1}), {1});
  model.parameter("0.weight")[0] = 2;
  model.parameter("0.bias")[0] = 0;
  // Outputs 2, 4, 6: errors 2, 3, 1; (1 * 4 + 3 * 1) / 4.
  CHECK(evaluate(model, data, MeanSquaredError{}).loss == doctest::Approx(7.0 / 4));
  CHECK(evaluate(model, data, MeanSquaredError{}, {.batch_size = 1}).loss ==
        doctest::Approx(7.0 / 4));
  const History history = fit(model, data, MeanSquaredError{}, SGD{.learning_rate = 0.1},
                              {.epochs = 1, .batch_size = 3, .shuffle = false});
  CHECK(history.last().loss == doctest::Approx(7.0 / 4));
  // d/dw = (1 * 2 * 2 * 1 + 3 * 2 * 1 * 3) / 4 = 5.5; d/db = (1 * 2 * 2 + 3 * 2 * 1) / 4 = 2.5.
  CHECK(model.parameter("0.weight")[0] == doctest::Approx(2 - 0.55));
  CHECK(model.parameter("0.bias")[0] == doctest::Approx(-0.25));
}

TEST_CASE("weights of samples and of classes multiply") {
  const TensorDataset data =
      TensorDataset(Tensor<float>({3, 1}, {1, 1, 1}), {0, 1, 1}).with_weights({1, 2, 0.5F});
  Model model(sequential(Dense{2}), {1});
  model.parameters().fill(0);
  model.parameter("0.bias")[0] = std::log(3.0F);  // probabilities 3/4 and 1/4
  const SoftmaxCrossEntropy loss{.class_weights = {4, 2}};
  const double l0 = std::log(4.0 / 3);
  const double l1 = std::log(4.0);
  CHECK(evaluate(model, data, loss).loss ==
        doctest::Approx((1 * 4 * l0 + 2 * 2 * l1 + 0.5 * 2 * l1) / (4 + 4 + 1)));
}

/// Data of whatever one likes.
struct Odd {
  Label label = 0;
  double weight = 1;
  Index count = 4;

  [[nodiscard]] Index size() const { return count; }
  [[nodiscard]] static Shape sample_shape() { return {1, 2, 1}; }
  [[nodiscard]] static Index classes() { return 3; }
  [[nodiscard]] static bool weighted() { return true; }
  [[nodiscard]] static std::string name() { return "odd"; }
  void read(Index /*index*/, Sample<float>& sample) const {
    sample.input.fill(1);
    sample.label = label;
    sample.weight = weight;
  }
};

TEST_CASE("data that cannot be are refused by name") {
  Model<Net> model(network(), {1, 2, 1});
  const auto train = [&](const Odd& data) {
    return message_of([&] {
      (void)fit(model, data, SoftmaxCrossEntropy{}, SGD{}, {.epochs = 1, .batch_size = 4});
    });
  };
  CHECK(train({}) == "nothing was thrown");
  CHECK(train({.label = 3}) ==
        "sample 0 of odd (4 samples of 1x2x1) has the label 3; expected 0 to 2");
  CHECK(train({.label = -1}) ==
        "sample 0 of odd (4 samples of 1x2x1) has the label -1; expected 0 to 2");
  CHECK(train({.weight = -2}) == "sample 0 of odd (4 samples of 1x2x1) has the weight -2");
  CHECK(train({.weight = std::nan("")}).find("has the weight") != std::string::npos);
  CHECK(train({.count = 0}) == "fit needs samples, and odd (0 samples of 1x2x1) is empty");
}

TEST_CASE("what needs labels says so where there are none") {
  Model<Net> model(network(), {1, 2, 1});
  const TensorDataset data = tensors(1, 12, false);
  CHECK(message_of([&] { (void)accuracy(model, data); }) ==
        "there is no accuracy on a data set (12 samples of 1x2x1), which has no labels");
  FitOptions options{.epochs = 1, .batch_size = 4, .validation = &data};
  options.early_stopping = {.patience = 1, .monitor = Monitor::validation_accuracy};
  CHECK(
      message_of([&] { (void)fit(model, data, MeanSquaredError{}, SGD{}, options); }) ==
      "early stopping is to watch an accuracy, but the validation set has no labels: let it watch "
      "a loss");
  const TensorDataset other(Tensor<float>({4, 1, 2, 1}), Tensor<float>({4, 2}));
  options.early_stopping = {};
  options.validation = &other;
  CHECK(
      message_of([&] { (void)fit(model, data, MeanSquaredError{}, SGD{}, options); }) ==
      "fit cannot train on a data set (12 samples of 1x2x1) and validate on a data set (4 samples "
      "of 1x2x1): their targets are of the shapes 3 and 2");
}

TEST_CASE("data of any kind are split, stratified where they have labels") {
  const OwnLabels own{1, 30};
  const auto [train, test] = split(own, {0.6, 0.4}, {.seed = 2});
  CHECK(train.size() == 18);
  CHECK(test.size() == 12);
  std::vector<Index> counts(3);
  for (const Index index : test.indices()) ++counts[static_cast<std::size_t>(index % 3)];
  CHECK(counts == std::vector<Index>{4, 4, 4});
  // The same choice as for the same labels in a Dataset.
  const auto of_images = split(images(1, 30), {0.6, 0.4}, {.seed = 2});
  for (Index i = 0; i < test.size(); ++i) {
    Tensor<float> input({1, 2, 1});
    Sample<float> sample{input, {}};
    test.read(i, sample);
    CHECK(input[1] == of_images[1].inputs()(i, 0, 1, 0));
  }
  const auto folds = k_folds(tensors(1, 31, false), 4);
  CHECK(folds.size() == 4);
  Index validated = 0;
  for (const auto& fold : folds) validated += fold.validation.size();
  CHECK(validated == 31);
  CHECK(random_subset(own, 7).size() == 7);
  Model<Net> model(network(), {1, 2, 1});
  CHECK(predict(model, test).shape() == Shape{12, 3});
}

TEST_CASE("a loader keeps temporary data, and refers to what has a name") {
  Loader<float> kept(OwnLabels{1, 12}, {.batch_size = 4, .shuffle = false});
  CHECK((*kept.epoch(0).begin()).inputs[1] == input_of(1, 0, 1));
  OwnLabels own{1, 12};
  Loader<float> referring(own, {.batch_size = 4, .shuffle = false, .background = false});
  own.set = 2;
  CHECK((*referring.epoch(0).begin()).inputs[1] == input_of(2, 0, 1));
}

TEST_CASE("samples that are no images are augmented, in either precision") {
  const TensorDataset data = tensors(1, 6, true);
  const Augmentation twice = [](TensorView<float> sample, ImageContext& /*context*/) {
    for (float& value : sample) value *= 2;
  };
  Loader<float> floats(data, {.batch_size = 6, .shuffle = false, .augmentation = twice});
  Loader<double> doubles(data, {.batch_size = 6, .shuffle = false, .augmentation = twice});
  const Batch<float>& of_floats = *floats.epoch(0).begin();
  const Batch<double>& of_doubles = *doubles.epoch(0).begin();
  for (Index i = 0; i < 12; ++i) {
    CHECK(of_floats.inputs[i] == 2 * data.input(i / 2)[i % 2]);
    CHECK(of_doubles.inputs[i] == static_cast<double>(of_floats.inputs[i]));
  }
}

TEST_CASE("images read one by one are what the loader makes of them") {
  const Dataset data = images(1, 6).with_normalization({.mean = {0.4}, .deviation = {0.3}});
  const Tensor<float> inputs = data.inputs();
  Tensor<float> input({1, 2, 1});
  for (Index i = 0; i < 6; ++i) {
    Sample<float> sample{input, {}};
    data.read(i, sample);
    CHECK(input[0] == inputs(i, 0, 0, 0));
    CHECK(input[1] == inputs(i, 0, 1, 0));
    CHECK(sample.label == i % 3);
  }
}

}  // namespace data_source_test
