// Part 3: trains a network that tells digits from anything else, and tries it on what it never saw.

#include <nn/data/random_images.hpp>
#include <nn/io/safetensors.hpp>
#include <nn/train/classification_metrics.hpp>
#include <nn/viz/grid.hpp>
#include <nn/viz/heat_map.hpp>
#include <nn/viz/image.hpp>
#include <nn/viz/plot.hpp>

#include <iostream>
#include <set>
#include <sstream>

#include "support/classifier.hpp"

namespace {

using nn::Dataset;
using nn::Index;
using nn::Label;
using nn::viz::Image;

struct Options : example::Flags {
  std::string kinds;
  std::filesystem::path patches;
};

/// How many images each step of the study takes.
struct Sizes {
  Index learning;  ///< digits to learn from, and as many other images
  Index test;      ///< likewise to test on
};

Sizes sizes_of(const Options& options) {
  if (options.quick) return {4000, 2000};
  return {30000, 10000};
}

// ---- the images ----

/// The kinds of images that are not digits, drawn from the learning bases or from the test bases.
struct Kinds {
  std::vector<nn::ImageGenerator> learning;
  std::vector<nn::ImageGenerator> test;
  std::vector<std::string> patches;  ///< the names of those cut out of other images

  void add_patches(const std::string& name, std::vector<Dataset> train,
                   std::vector<Dataset> other) {
    learning.push_back({name, nn::Patches(std::move(train))});
    test.push_back({name, nn::Patches(std::move(other))});
    patches.push_back(name);
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const nn::ImageGenerator& kind : test) result.push_back(kind.name);
    return result;
  }
};

/// The PNG and JPEG files of a folder that are large enough, as data sets of one image each.
std::vector<Dataset> read_pictures(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string extension = entry.path().extension().string();
    const std::set<std::string> known{".png", ".PNG", ".jpg", ".JPG", ".jpeg", ".JPEG"};
    if (known.contains(extension)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Dataset> pictures;
  for (const auto& file : files) {
    const Image image = nn::viz::read_image(file);
    if (image.height() < 28 || image.width() < 28) continue;
    nn::Tensor<std::uint8_t> pixels({1, image.height(), image.width(), image.channels()});
    std::copy(image.pixels().begin(), image.pixels().end(), pixels.begin());
    pictures.emplace_back(std::move(pixels), std::vector<Label>{0}, std::vector<std::string>{"any"},
                          file.filename().string());
  }
  nn::require(pictures.size() >= 2, "--patches: there are ", pictures.size(),
              " pictures of at least ", "28x28 pixels in ", folder.string(),
              ", and two are needed: one to learn from, one to ", "test on");
  return pictures;
}

Kinds all_kinds(const Options& options, const nn::TrainTest& digits) {
  Kinds kinds{nn::standard_generators(digits.train), nn::standard_generators(digits.test), {}};
  if (const auto folder = example::find_dataset(options.data, "cifar-10-batches-bin")) {
    const auto base = nn::load_cifar10(*folder);
    kinds.add_patches("cifar", {base.train}, {base.test});
  }
  if (const auto folder = example::find_dataset(options.data, "fashion-mnist")) {
    const auto base = nn::load_fashion_mnist(*folder);
    kinds.add_patches("fashion", {base.train}, {base.test});
  }
  if (!options.patches.empty()) {
    std::vector<Dataset> sources[2];
    for (const Dataset& picture : read_pictures(options.patches)) {
      sources[sources[0].size() > sources[1].size() ? 1 : 0].push_back(picture);
    }
    kinds.add_patches("pictures", sources[0], sources[1]);
  }
  return kinds;
}

/// The generators whose names are in a list with commas between; all for an empty list.
std::vector<nn::ImageGenerator> chosen(const std::vector<nn::ImageGenerator>& kinds,
                                       const std::string& list) {
  if (list.empty()) return kinds;
  std::vector<nn::ImageGenerator> result;
  std::istringstream names(list);
  for (std::string name; std::getline(names, name, ',');) {
    const auto found = std::find_if(kinds.begin(), kinds.end(),
                                    [&](const auto& kind) { return kind.name == name; });
    std::string known;
    for (const auto& kind : kinds) known += " " + kind.name;
    nn::require(found != kinds.end(), "--kinds: there is no kind '", name, "'; there are:", known);
    result.push_back(*found);
  }
  return result;
}

std::vector<nn::ImageGenerator> without(const std::vector<nn::ImageGenerator>& kinds,
                                        const std::vector<std::string>& names) {
  std::vector<nn::ImageGenerator> result;
  for (const nn::ImageGenerator& kind : kinds) {
    if (std::find(names.begin(), names.end(), kind.name) == names.end()) result.push_back(kind);
  }
  return result;
}

/// `count` images of a data set, picked at random.
Dataset sample(const Dataset& data, Index count, std::uint64_t seed) {
  std::vector<Index> order(static_cast<std::size_t>(data.size()));
  std::iota(order.begin(), order.end(), Index{0});
  nn::Random(seed, 31U).shuffle(std::span<Index>(order));
  order.resize(static_cast<std::size_t>(std::min(count, data.size())));
  return data.subset(order);
}

/// Digits, which have the label 1, and other images, which have the label 0.
Dataset joined(const Dataset& digits, const Dataset& others) {
  nn::Tensor<std::uint8_t> images(digits.sample_shape().prepended(digits.size() + others.size()));
  std::vector<Label> labels;
  for (const Dataset* part : {&digits, &others}) {
    for (Index i = 0; i < part->size(); ++i) {
      const auto from = part->image(i);
      std::copy(from.begin(), from.end(), images.sample(static_cast<Index>(labels.size())).begin());
      labels.push_back(part == &digits ? 1 : 0);
    }
  }
  return Dataset(std::move(images), std::move(labels), {"other", "digit"}, "digits and others")
      .with_normalization(digits.normalization());
}

/// Every image of a data set changed by `change(y, x, image)`, which gives the pixel's new level.
template <class Change>
Dataset changed(const Dataset& data, const Change& change) {
  nn::Tensor<std::uint8_t> images(data.sample_shape().prepended(data.size()));
  for (Index i = 0; i < data.size(); ++i) {
    for (Index y = 0; y < 28; ++y) {
      for (Index x = 0; x < 28; ++x) images(i, y, x, 0) = change(i, y, x);
    }
  }
  return Dataset(std::move(images), std::vector<Label>(static_cast<std::size_t>(data.size()), 1),
                 {"other", "digit"})
      .with_normalization(data.normalization());
}

Image picture_of(const Dataset& data, Index index) {
  const auto bytes = data.image(index);
  Image image(bytes.shape()[0], bytes.shape()[1], 1);
  std::copy(bytes.begin(), bytes.end(), image.pixels().begin());
  return image;
}

// ---- the detector ----

/// Two convolutions that halve the image, a dense layer, one logit.
constexpr auto network() {
  using namespace nn;  // NOLINT(google-build-using-namespace): these few lines are all layers
  return sequential(Conv2D{.filters = 16, .kernel = 5, .stride = 2, .padding = 2, .bias = false},
                    BatchNorm{}, ReLU{},
                    Conv2D{.filters = 32, .kernel = 3, .stride = 2, .padding = 1, .bias = false},
                    BatchNorm{}, ReLU{}, Flatten{}, Dense{.units = 64, .initializer = he_normal()},
                    ReLU{}, Dropout{0.3F}, Dense{1});
}
static_assert(network().output_shape({28, 28, 1}) == nn::Shape{1});

using Detector = nn::Model<decltype(network()), float>;

/// Cost and accuracy as they change while the network learns.
struct Evolution {
  std::vector<double> epochs, cost, accuracy, test_cost, test_accuracy;

  /// Measures ten times an epoch: the batches since the last time, and a part of the test base.
  nn::Callback callback(const Detector& detector, Dataset test) {
    nn::Callback result;
    result.on_batch = [this, &detector, test](nn::BatchReport& report) {
      if (report.batch == 1) cost_sum_ = correct_ = 0, last_ = 0;
      const Index every = std::max<Index>(1, report.batches / 10);
      if (report.batch % every != 0) return;
      const auto seen = static_cast<double>(report.batch);
      const double since = seen - last_;
      epochs.push_back(static_cast<double>(report.epoch - 1) +
                       seen / static_cast<double>(report.batches));
      cost.push_back((report.mean_loss * seen - cost_sum_) / since);
      accuracy.push_back((report.accuracy * seen - correct_) / since);
      cost_sum_ = report.mean_loss * seen;
      correct_ = report.accuracy * seen;
      last_ = seen;
      const nn::Evaluation now = nn::evaluate(detector, test, nn::SigmoidCrossEntropy{});
      test_cost.push_back(now.loss);
      test_accuracy.push_back(now.accuracy);
    };
    return result;
  }

 private:
  double cost_sum_ = 0, correct_ = 0, last_ = 0;
};

constexpr double learning_rate = 0.002;

nn::FitOptions fit_options(Index epochs, std::uint64_t seed) {
  return {.epochs = epochs, .batch_size = 100, .seed = seed, .schedule = nn::one_cycle_schedule()};
}

/// The logits, positive for a digit.
std::vector<float> logits(const Detector& detector, const Dataset& data) {
  const nn::Tensor<float> outputs = nn::predict(detector, data);
  return {outputs.begin(), outputs.end()};
}

double probability(float logit) { return 1 / (1 + std::exp(-static_cast<double>(logit))); }

/// The share of logits on the given side of 0.
double share_of_digits(const std::vector<float>& values) {
  const auto count = std::count_if(values.begin(), values.end(), [](float z) { return z > 0; });
  return static_cast<double>(count) / static_cast<double>(values.size());
}

/// The share of each kind that is found to be no digit.
std::vector<double> detected_by_kind(const std::vector<float>& values, const Dataset& others) {
  std::vector<double> detected(others.class_names().size());
  for (Index i = 0; i < others.size(); ++i) {
    if (!(values[static_cast<std::size_t>(i)] > 0)) {
      detected[static_cast<std::size_t>(others.label(i))] += 1;
    }
  }
  const std::vector<Index> counts = others.class_counts();
  for (std::size_t k = 0; k < counts.size(); ++k) detected[k] /= static_cast<double>(counts[k]);
  return detected;
}

/// What a detector makes of every kind when some were left out of its training.
struct LeftOut {
  std::string name;                ///< of the kind, or of a group of them
  std::vector<std::string> kinds;  ///< left out
  double digits = 0;               ///< recognised
  std::vector<double> by_kind;     ///< detected
  double detected = 0;             ///< of the kinds left out
};

/// Trains a detector without each kind in turn, and one without any patches.
std::vector<LeftOut> leave_out(const Options& options, const Kinds& kinds, const Dataset& digits,
                               const Dataset& test_digits, const Dataset& others) {
  const Sizes sizes = sizes_of(options);
  const std::vector<nn::ImageGenerator> used = chosen(kinds.learning, options.kinds);
  std::vector<LeftOut> studies;
  for (const nn::ImageGenerator& kind : used) studies.push_back({kind.name, {kind.name}, 0, {}, 0});
  if (kinds.patches.size() > 1) studies.push_back({"all patches", kinds.patches, 0, {}, 0});
  example::Progress progress(static_cast<Index>(studies.size()), {.label = "kinds left out"});
  Index done = 0;
  for (LeftOut& study : studies) {
    const auto left = without(used, study.kinds);
    if (left.empty()) continue;
    const Dataset learning =
        joined(sample(digits, sizes.learning, options.seed),
               nn::random_images(left, sizes.learning, 28, 28, options.seed + 1));
    Detector detector(network(), {28, 28, 1}, {.seed = options.seed});
    nn::fit(detector, learning, nn::SigmoidCrossEntropy{}, nn::Adam{.learning_rate = learning_rate},
            fit_options(options.epochs, options.seed));
    study.digits = share_of_digits(logits(detector, test_digits));
    study.by_kind = detected_by_kind(logits(detector, others), others);
    for (const std::string& name : study.kinds) {
      const auto place = std::find(others.class_names().begin(), others.class_names().end(), name);
      study.detected +=
          study.by_kind[static_cast<std::size_t>(place - others.class_names().begin())] /
          static_cast<double>(study.kinds.size());
    }
    progress.update(++done);
  }
  progress.finish();
  return studies;
}

// ---- the pictures ----

void draw_kinds(const Options& options, const std::vector<nn::ImageGenerator>& kinds) {
  constexpr Index columns = 12;
  std::vector<Image> images;
  std::vector<std::string> names;
  for (const nn::ImageGenerator& kind : kinds) {
    const Dataset drawn = nn::random_images({kind}, columns, 28, 28, options.seed);
    for (Index i = 0; i < columns; ++i) images.push_back(picture_of(drawn, i));
    names.push_back(kind.name);
  }
  nn::viz::write_png(options.out / "kinds.png",
                     nn::viz::image_grid(images, columns, {.row_titles = names}));
}

/// Images with the probability of a digit under each, framed in the colour of right or wrong.
void draw_decisions(const std::filesystem::path& path, const Dataset& data,
                    const std::vector<float>& values, const std::vector<Index>& which) {
  std::vector<Image> images;
  nn::viz::GridOptions grid{.scale = 4};
  for (const Index i : which) {
    const float logit = values[static_cast<std::size_t>(i)];
    const bool right = (logit > 0) == (data.label(i) == 1);
    images.push_back(picture_of(data, i));
    grid.labels.push_back(example::percent(probability(logit), 1));
    grid.frames.push_back(right ? nn::viz::right_colour : nn::viz::wrong_colour);
  }
  nn::viz::write_png(path, nn::viz::image_grid(images, 8, grid));
}

/// The errors, the most confident first.
std::vector<Index> errors_of(const Dataset& data, const std::vector<float>& values) {
  std::vector<Index> wrong;
  for (Index i = 0; i < data.size(); ++i) {
    if ((values[static_cast<std::size_t>(i)] > 0) != (data.label(i) == 1)) wrong.push_back(i);
  }
  std::stable_sort(wrong.begin(), wrong.end(), [&](Index a, Index b) {
    return std::abs(values[static_cast<std::size_t>(a)]) >
           std::abs(values[static_cast<std::size_t>(b)]);
  });
  return wrong;
}

void draw_evolution(const Options& options, const Evolution& evolution) {
  nn::viz::plot_curves(options.out / "cost.png",
                       {{.name = "learning base", .x = evolution.epochs, .y = evolution.cost},
                        {.name = "test base", .x = evolution.epochs, .y = evolution.test_cost}},
                       {.title = "Cost (mean cross-entropy)",
                        .x = {.label = "epoch", .min = 0.0},
                        .y = {.label = "cost", .logarithmic = true}});
  nn::viz::plot_curves(options.out / "accuracy.png",
                       {{.name = "learning base", .x = evolution.epochs, .y = evolution.accuracy},
                        {.name = "test base", .x = evolution.epochs, .y = evolution.test_accuracy}},
                       {.title = "Accuracy",
                        .x = {.label = "epoch", .min = 0.0},
                        .y = {.label = "images told right", .percent = true}});
}

/// A large picture with cards on it, some with digits, and where the detector finds them.
struct Scan {
  Index digits = 0;
  Index distractors = 0;
  Index found = 0;
  Index false_alarms = 0;
};

struct Card {
  Index top = 0;
  Index left = 0;
  bool digit = false;
};

/// Lays cards of 28x28 pixels at random places of a textured sheet, none over another.
std::vector<Card> lay_cards(nn::Tensor<std::uint8_t>& sheet, const Dataset& digits,
                            const Dataset& others, std::uint64_t seed) {
  nn::Random random(seed, 77U);
  nn::Texture{.spacings = {8, 16, 32, 64}, .darkest = {20, 20}, .brightest = {220, 220}}(
      random, sheet.view());
  std::vector<Card> cards;
  for (int attempt = 0; attempt < 2000 && cards.size() < 30; ++attempt) {
    const Card card{random.below(sheet.shape()[0] - 36) + 4,
                    random.below(sheet.shape()[1] - 36) + 4, cards.size() % 3 != 2};
    const bool free = std::none_of(cards.begin(), cards.end(), [&](const Card& other) {
      return std::abs(other.top - card.top) < 36 && std::abs(other.left - card.left) < 36;
    });
    if (!free) continue;
    const Dataset& source = card.digit ? digits : others;
    const auto image = source.image(random.below(source.size()));
    for (Index y = 0; y < 28; ++y) {
      for (Index x = 0; x < 28; ++x) sheet(card.top + y, card.left + x) = image(y, x, 0);
    }
    cards.push_back(card);
  }
  return cards;
}

/// The probability of a digit in every window of 28x28 pixels, two pixels apart.
nn::Tensor<float> slide(const Detector& detector, const nn::Tensor<std::uint8_t>& sheet,
                        const nn::Normalization& normalization) {
  constexpr Index step = 2;
  const Index rows = (sheet.shape()[0] - 28) / step + 1;
  const Index columns = (sheet.shape()[1] - 28) / step + 1;
  nn::Tensor<float> map({rows, columns});
  nn::Tensor<float> windows({columns, 28, 28, 1});
  for (Index row = 0; row < rows; ++row) {
    for (Index i = 0; i < windows.size(); ++i) {
      const Index y = row * step + i / 28 % 28;
      const Index x = i / 784 * step + i % 28;
      windows[i] = static_cast<float>(normalization.apply(sheet(y, x) / 255.0, 0));
    }
    const nn::Tensor<float> answers = detector.predict(windows);
    for (Index column = 0; column < columns; ++column) {
      map(row, column) = static_cast<float>(probability(answers[column]));
    }
  }
  return map;
}

/// The windows that are taken for a digit, the surest first, without those near a surer one.
std::vector<Card> find_digits(const nn::Tensor<float>& map) {
  std::vector<Index> order(static_cast<std::size_t>(map.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return map[a] > map[b]; });
  std::vector<Card> found;
  for (const Index place : order) {
    if (map[place] <= 0.5F) break;
    const Card window{place / map.shape()[1] * 2, place % map.shape()[1] * 2, true};
    const bool taken = std::any_of(found.begin(), found.end(), [&](const Card& other) {
      return std::abs(other.top - window.top) < 20 && std::abs(other.left - window.left) < 20;
    });
    if (!taken) found.push_back(window);
  }
  return found;
}

Scan scan_sheet(const Options& options, const Detector& detector, const Dataset& digits,
                const Dataset& others) {
  nn::Tensor<std::uint8_t> sheet({300, 400});
  const std::vector<Card> cards = lay_cards(sheet, digits, others, options.seed);
  const nn::Tensor<float> map = slide(detector, sheet, digits.normalization());
  constexpr Index scale = 2;
  Image picture = nn::viz::to_rgb(nn::viz::upscaled(Image(std::as_const(sheet).view()), scale));
  Scan scan;
  std::set<const Card*> hit;
  for (const Card& window : find_digits(map)) {
    const auto card = std::find_if(cards.begin(), cards.end(), [&](const Card& one) {
      return one.digit && std::abs(one.top - window.top) <= 8 &&
             std::abs(one.left - window.left) <= 8;
    });
    const bool right = card != cards.end();
    if (right) hit.insert(&*card);
    if (!right) ++scan.false_alarms;
    nn::viz::draw_frame(picture, scale * window.top, scale * window.left, scale * 28, scale * 28, 3,
                        right ? nn::viz::right_colour : nn::viz::wrong_colour);
  }
  for (const Card& card : cards) ++(card.digit ? scan.digits : scan.distractors);
  scan.found = static_cast<Index>(hit.size());
  nn::viz::write_png(options.out / "sheet.png", picture);
  // Each window's answer stands at its centre: 14 pixels from its corner.
  Image response(picture.height(), picture.width(), 3,
                 nn::viz::colour_of(0, nn::viz::ColourScale::viridis));
  nn::viz::paste(response, nn::viz::upscaled(nn::viz::colour_map(map.view(), {0, 1}), 2 * scale),
                 14 * scale - scale, 14 * scale - scale);
  nn::viz::write_png(options.out / "response.png", response);
  return scan;
}

// ---- the page ----

/// Everything that was measured.
struct Results {
  nn::History history;
  Evolution evolution;
  Index digits_right = 0, digits_wrong = 0, others_right = 0, others_wrong = 0;
  double accuracy = 0;
  std::vector<nn::RocPoint> roc;
  double roc_area = 0;
  std::vector<std::string> kinds;
  std::vector<double> by_kind;
  std::vector<std::pair<std::string, double>> unusual;  ///< share still taken for digits
  std::vector<LeftOut> left_out;
  Scan scan;
};

/// The false positive rate at the strictest threshold that finds the share `recall` of the digits.
double false_positives_at(const std::vector<nn::RocPoint>& roc, double recall) {
  const auto point = std::find_if(roc.begin(), roc.end(), [&](const nn::RocPoint& one) {
    return one.true_positive_rate >= recall;
  });
  return point->false_positive_rate;
}

/// The single kind that is detected worst when it is left out.
const LeftOut& worst_left_out(const Results& results) {
  return *std::min_element(results.left_out.begin(), results.left_out.end(),
                           [](const LeftOut& a, const LeftOut& b) {
                             if (a.kinds.size() != b.kinds.size())
                               return a.kinds.size() < b.kinds.size();
                             return a.detected < b.detected;
                           });
}

void write_numbers(const Options& options, const Detector& detector, const Results& results) {
  example::Metrics metrics;
  metrics["test_accuracy"] = results.accuracy;
  metrics["roc_auc"] = results.roc_area;
  metrics["false_positives_at_recall_95"] = false_positives_at(results.roc, 0.95);
  metrics["false_positives_at_recall_99"] = false_positives_at(results.roc, 0.99);
  metrics["confusion_matrix"] = {{results.others_right, results.others_wrong},
                                 {results.digits_wrong, results.digits_right}};
  for (std::size_t k = 0; k < results.kinds.size(); ++k) {
    metrics["accuracy_by_kind"][results.kinds[k]] = results.by_kind[k];
  }
  for (const auto& [name, share] : results.unusual) metrics["taken_for_digits"][name] = share;
  for (const LeftOut& study : results.left_out) {
    auto& entry = metrics["left_out"][study.name];
    entry["detected"] = study.detected;
    entry["digits"] = study.digits;
    for (std::size_t k = 0; k < study.by_kind.size(); ++k) {
      entry["by_kind"][results.kinds[k]] = study.by_kind[k];
    }
  }
  if (!results.left_out.empty()) {
    const LeftOut& worst = worst_left_out(results);
    metrics["worst_left_out"] = {{"kind", worst.name}, {"detected", worst.detected}};
  }
  metrics["scan"] = {{"digits", results.scan.digits},
                     {"distractors", results.scan.distractors},
                     {"found", results.scan.found},
                     {"false_alarms", results.scan.false_alarms}};
  metrics["parameters"] = example::parameter_count(detector);
  metrics["operations_per_image"] = 2 * example::multiply_adds(detector.plan());
  metrics["epochs"] = options.epochs;
  metrics["train_seconds"] = results.history.seconds();
  metrics["seed"] = options.seed;
  metrics["history"] = example::history_metrics(results.history);
  example::write_metrics(options.out, metrics);
}

void draw_left_out(const Options& options, const Results& results) {
  std::vector<std::string> rows;
  std::vector<std::string> columns = results.kinds;
  columns.emplace_back("digits");
  std::vector<double> values;
  for (const LeftOut& study : results.left_out) {
    rows.push_back(study.name);
    values.insert(values.end(), study.by_kind.begin(), study.by_kind.end());
    values.push_back(study.digits);
  }
  nn::viz::plot_heat_map(options.out / "left_out.png", values, rows, columns,
                         {.title = "Images told right (%)",
                          .row_label = "left out of the training",
                          .column_label = "tested",
                          .min = 0.8,
                          .max = 1.0,
                          .percent = true,
                          .cell = 50});
}

example::Table kinds_table(const Results& results) {
  example::Table table{.caption =
                           "How often each kind of image is found to be no digit: by the "
                           "detector that has learned from all kinds, and by one that has "
                           "never met this kind.",
                       .columns = {"kind", "learned from", "left out"}};
  for (std::size_t k = 0; k < results.kinds.size(); ++k) {
    std::string left = "-";
    for (const LeftOut& study : results.left_out) {
      if (study.name == results.kinds[k]) left = example::percent(study.detected, 1);
    }
    table.rows.push_back({results.kinds[k], example::percent(results.by_kind[k], 1), left});
  }
  return table;
}

void tell_images(example::Page& page, const Options& options, const Kinds& kinds) {
  const Sizes sizes = sizes_of(options);
  page.section("Images that are no digits")
      .paragraph(
          "A network that knows a digit has to have seen what is none. There is no such "
          "collection, so the program draws one: pixels from a probability distribution "
          "(`uniform`, `normal`, `bernoulli`; `histogram`, as often black and white as MNIST; "
          "`pixelwise`, each pixel with the mean and variance it has in MNIST), smooth "
          "`texture`, `grain` that is denser in some places, `strokes`, `shapes`, and `mosaic`: "
          "pieces of digits put together at random.")
      .picture("kinds.png", "Each kind of random image, one a row.");
  if (!kinds.patches.empty()) {
    std::string names;
    for (const std::string& name : kinds.patches)
      names += (names.empty() ? "`" : ", `") + name + "`";
    page.paragraph("Patches of 28x28 pixels cut out of other images come last: " + names +
                   ". They are what noise is not: full of the edges and areas that the world "
                   "consists of. Those to learn from come from the learning bases, those to test "
                   "on from the test bases.");
  } else {
    page.note(
        "No other images were found to cut patches out of: put CIFAR-10 or Fashion-MNIST into "
        "the data folder, or name a folder of pictures with `--patches`.");
  }
  page.paragraph(
      "The learning base has " + example::thousands(sizes.learning) +
      " digits drawn at random from MNIST's learning base and as many random images, all "
      "kinds in equal parts; the test base has " +
      example::thousands(sizes.test) +
      " digits of MNIST's test base and as many new random images.");
}

void tell_network(example::Page& page, const Detector& detector) {
  page.section("The network")
      .paragraph(
          "The detector has **one output**, the logit z. The question has two answers that "
          "exclude each other, so one number is enough: the probability of a digit is "
          "1 / (1 + exp(-z)), and the answer is \"digit\" where z > 0. Two outputs through a "
          "softmax would give the same probability from their difference, with twice the "
          "weights in the last layer and nothing to gain.")
      .paragraph(
          "Two convolutions find small forms: the first in windows of 5x5 pixels, wide enough "
          "for a stroke and both of its edges, the second in windows of those. Both move by "
          "two pixels, which halves the image without a pooling layer. A dense layer then "
          "judges which forms were found where, for a digit is not its strokes but their "
          "arrangement.")
      .table(example::network_table(detector.plan(), "The layers, from the input to the output."));
}

void tell_evaluation(example::Page& page, const Options& options, const Results& results) {
  const Sizes sizes = sizes_of(options);
  page.section("Learning")
      .paragraph(
          "The network saw the learning base " + example::counted(options.epochs, "time") +
          ", in batches of 100. The cost is the cross-entropy between its probability and the "
          "truth; Adam follows its gradient.")
      .pictures({{"cost.png", "The cost, ten times an epoch."},
                 {"accuracy.png", "The share of images told right."}});
  page.section("How well it tells them apart")
      .paragraph("Of " + example::thousands(2 * sizes.test) + " test images, " +
                 example::percent(results.accuracy) + " are told right. The detector misses " +
                 example::counted(results.digits_wrong, "digit") + " and takes " +
                 example::counted(results.others_wrong, "other image") + " for digits.")
      .pictures(
          {{"confusion.png", "What the images are (row) and what they are taken for (column)."},
           {"roc.png",
            "The price of finding more digits: false positives, on a logarithmic "
            "scale."}})
      .table({.caption = "At other thresholds than a probability of one half.",
              .columns = {"figure", "value"},
              .rows = {{"area under the ROC curve", example::fixed(results.roc_area, 6)},
                       {"false positives where 95 % of the digits are found",
                        example::percent(false_positives_at(results.roc, 0.95), 3)},
                       {"false positives where 99 % of the digits are found",
                        example::percent(false_positives_at(results.roc, 0.99), 3)}}});
  const auto worst = std::min_element(results.by_kind.begin(), results.by_kind.end());
  const std::string hardest =
      results.kinds[static_cast<std::size_t>(worst - results.by_kind.begin())];
  page.conclusion(
      "The hardest kind is `" + hardest + "`, of which " + example::percent(1 - *worst, 1) +
      " pass for digits" +
      (hardest == "strokes" || hardest == "shapes" || hardest == "mosaic"
           ? ": no wonder, for it is drawn with the same pen as digits, and some of these images "
             "might be digits in a hurry."
           : "."));
}

void tell_left_out(example::Page& page, const Results& results) {
  if (results.left_out.empty()) return;
  const LeftOut& worst = worst_left_out(results);
  page.section("What it has never seen")
      .paragraph(
          "Telling digits from noise that one has learned by heart is easy. The honest test "
          "is a kind of image that the detector has **never met**: for each kind a new "
          "detector was trained without it, in the same way, and tested on all of them.")
      .table(kinds_table(results))
      .picture(
          "left_out.png",
          "Kinds left out of the training (row) against kinds tested (column); the last column "
          "is the share of digits recognised.");
  page.conclusion(
      "The worst case is `" + worst.name +
      "`: without having met it, a detector still "
      "finds " +
      example::percent(worst.detected, 1) + " of it to be no digits. " +
      (worst.detected >= 0.95
           ? "So the mixture teaches what a digit is, rather than a list of what is none."
           : "So the other kinds do not stand in for it: it has to be learned from."));
  page.note(
      "The mixture was not made without a look at this test. Detectors that had never met "
      "`pixelwise` took nine in ten of such images for digits: it was the only noise that "
      "leaves the border black and comes thick in the middle, as ink does. So half of `grain`, "
      "noise of uneven density, was confined to a round spot, anywhere and of any width. "
      "How long to learn was chosen on digits held out of the learning base.");
  page.paragraph(
      "And digits that are not quite digits? Nothing in the training says what to make of "
      "them.");
  example::Table table{.caption = "How often changed test digits are still taken for digits.",
                       .columns = {"change", "taken for digits"}};
  for (const auto& [name, share] : results.unusual) {
    table.rows.push_back({name, example::percent(share, 1)});
  }
  page.table(table);
  const double inverted = results.unusual[0].second;
  const double rotated = results.unusual[1].second;
  page.paragraph(
      (inverted < 0.5
           ? std::string("Black digits on white are rejected: all digits that it has seen "
                         "were white on black, and it has learned that as well. ")
           : std::string("It takes black digits on white for digits: the forms count, not "
                         "the colour. ")) +
      (rotated > 0.5
           ? "Upside down they still pass, as a 6 becomes a 9, a 0 stays a 0, and the pen "
             "strokes of the others are those of digits."
           : "Upside down they do not pass: it knows how digits stand."));
}

void tell_pictures(example::Page& page, const Results& results, bool errors) {
  page.section("Decisions")
      .paragraph(
          "The probability of a digit under each test image; a blue frame for a right "
          "decision, an orange one for a wrong one.")
      .picture("decisions.png", "Test images and decisions.");
  if (errors) {
    page.picture("errors.png", "The errors of which the detector was most certain.");
  }
  const Scan& scan = results.scan;
  page.section("Searching a picture")
      .paragraph(
          "A detector of images of 28x28 pixels finds digits in larger pictures when it looks "
          "through a window that moves over them, here by two pixels at a time. On a textured "
          "sheet lie " +
          example::counted(scan.digits, "card") + " with digits and " +
          std::to_string(scan.distractors) + " with other images. Of the digits it finds " +
          std::to_string(scan.found) + ", with " +
          example::counted(scan.false_alarms, "false alarm") + ".")
      .pictures({{"sheet.png",
                  "The sheet, with a frame around each window taken for a digit: blue "
                  "where there is one."},
                 {"response.png",
                  "The probability of a digit around each point, from 0 (dark) to 1 "
                  "(bright)."}});
}

void study(const Options& options) {
  const example::Stopwatch watch;
  const Sizes sizes = sizes_of(options);
  nn::TrainTest digits = nn::load_mnist(example::dataset_folder(options.data, "mnist"));
  const nn::Normalization normalization = nn::normalization_of(digits.train);
  digits.train = digits.train.with_normalization(normalization);
  digits.test = digits.test.with_normalization(normalization)
                    .slice(0, std::min(sizes.test, digits.test.size()));

  const Kinds kinds = all_kinds(options, digits);
  draw_kinds(options, kinds.test);
  const Dataset learning = joined(sample(digits.train, sizes.learning, options.seed),
                                  nn::random_images(chosen(kinds.learning, options.kinds),
                                                    sizes.learning, 28, 28, options.seed + 1));
  const Dataset others = nn::random_images(kinds.test, sizes.test, 28, 28, options.seed + 2)
                             .with_normalization(normalization);
  const Dataset test = joined(digits.test, others);

  Results results;
  results.kinds = kinds.names();
  Detector detector(network(), {28, 28, 1}, {.seed = options.seed});
  nn::FitOptions fitting = fit_options(options.epochs, options.seed);
  fitting.validation = &test;
  fitting.callbacks.push_back(
      results.evolution.callback(detector, sample(test, 4000, options.seed)));
  results.history = example::train(detector, learning, nn::SigmoidCrossEntropy{},
                                   nn::Adam{.learning_rate = learning_rate}, fitting);
  nn::save(detector, options.out / "weights.safetensors");

  const std::vector<float> values = logits(detector, test);
  const nn::TensorView<const Label> truth = test.labels();
  results.roc = nn::roc_curve(std::vector<double>(values.begin(), values.end()),
                              std::vector<bool>(truth.begin(), truth.end()));
  results.roc_area = nn::area_under_roc(results.roc);
  const std::vector<float> of_digits(values.begin(), values.begin() + digits.test.size());
  const std::vector<float> of_others(values.begin() + digits.test.size(), values.end());
  results.digits_right =
      std::count_if(of_digits.begin(), of_digits.end(), [](float z) { return z > 0; });
  results.digits_wrong = digits.test.size() - results.digits_right;
  results.others_wrong =
      std::count_if(of_others.begin(), of_others.end(), [](float z) { return z > 0; });
  results.others_right = others.size() - results.others_wrong;
  results.accuracy = static_cast<double>(results.digits_right + results.others_right) /
                     static_cast<double>(test.size());
  results.by_kind = detected_by_kind(of_others, others);

  const auto level = [&](Index i, Index y, Index x) { return digits.test.image(i)(y, x, 0); };
  const auto taken = [&](const auto& change) {
    return share_of_digits(logits(detector, changed(digits.test, change)));
  };
  results.unusual = {{"black and white exchanged", taken([&](Index i, Index y, Index x) {
                        return static_cast<std::uint8_t>(255 - level(i, y, x));
                      })},
                     {"turned by 180 degrees",
                      taken([&](Index i, Index y, Index x) { return level(i, 27 - y, 27 - x); })},
                     {"two digits over each other", taken([&](Index i, Index y, Index x) {
                        return std::max(level(i, y, x), level((i + 1) % digits.test.size(), y, x));
                      })}};
  results.left_out = leave_out(options, kinds, digits.train, digits.test, others);
  results.scan = scan_sheet(options, detector, digits.test, others);

  draw_evolution(options, results.evolution);
  nn::viz::plot_confusion_matrix(options.out / "confusion.png",
                                 std::vector<Index>{results.others_right, results.others_wrong,
                                                    results.digits_wrong, results.digits_right},
                                 {"other", "digit"});
  nn::viz::RocCurve roc{.name = "detector", .area = results.roc_area};
  for (const nn::RocPoint& point : results.roc) {
    roc.false_positive_rate.push_back(point.false_positive_rate);
    roc.true_positive_rate.push_back(point.true_positive_rate);
  }
  nn::viz::plot_roc(options.out / "roc.png", {roc},
                    {.x = {.logarithmic = true, .min = 1e-4}, .size = {480, 440}});
  if (!results.left_out.empty()) draw_left_out(options, results);
  std::vector<Index> some;
  for (Index i = 0; i < 20; ++i) some.push_back(i);
  for (Index i = 0; i < 20; ++i) some.push_back(digits.test.size() + i);
  nn::Random(options.seed, 5U).shuffle(std::span<Index>(some));
  draw_decisions(options.out / "decisions.png", test, values, some);
  std::vector<Index> wrong = errors_of(test, values);
  wrong.resize(std::min<std::size_t>(wrong.size(), 24));
  if (!wrong.empty()) draw_decisions(options.out / "errors.png", test, values, wrong);
  write_numbers(options, detector, results);

  example::Page page(
      "Is there a digit at all?",
      "How does a network learn to tell a digit from anything else, and what does it "
      "make of what it has never seen?");
  std::vector<example::KeyFigure> figures{
      {example::percent(results.accuracy), "of the test images told right"},
      {example::fixed(results.roc_area, 5), "area under the ROC curve"}};
  if (!results.left_out.empty()) {
    figures.push_back({example::percent(worst_left_out(results).detected, 1),
                       "of the worst kind found without having met it"});
  }
  figures.push_back({example::duration(results.history.seconds()), "of learning"});
  page.key_figures(figures);
  tell_images(page, options, kinds);
  tell_network(page, detector);
  tell_evaluation(page, options, results);
  tell_left_out(page, results);
  tell_pictures(page, results, !wrong.empty());
  example::add_facts(page, options, digits.train);
  page.fact("whole run", example::duration(watch.seconds()));
  page.write(options.out);

  std::cout << "told right: " << example::percent(results.accuracy) << " of " << test.size()
            << " test images\n"
            << "area under the ROC curve: " << example::fixed(results.roc_area, 6) << '\n';
  if (!results.left_out.empty()) {
    std::cout << "worst kind left out: " << worst_left_out(results).name << ", "
              << example::percent(worst_left_out(results).detected) << " detected\n";
  }
  std::cout << "page: " << (options.out / "index.html").string() << '\n';
  example::check_expected_accuracy(options, results.accuracy);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("part3_detector",
                            "Trains a network that tells digits from anything else.", options,
                            {.epochs = 4, .quick_epochs = 2, .accuracy = true});
  line.flag("--kinds", options.kinds,
            "the kinds of random images to learn from, with commas between (default: all)");
  line.flag("--patches", options.patches, "a folder of PNG or JPEG files to cut patches out of");
  return example::run_program(line, argc, argv, [&] { study(options); });
}
