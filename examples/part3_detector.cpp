// Part 3: trains a network that tells digits from anything else, and tries it on what it never saw.

#include <nn/io/safetensors.hpp>
#include <nn/train/classification_metrics.hpp>
#include <nn/viz/heat_map.hpp>
#include <nn/viz/plot.hpp>

#include <iostream>

#include "support/study/detector_images.hpp"
#include "support/study/detector_pictures.hpp"
#include "support/study/detector_sheet.hpp"
#include "support/template.hpp"

namespace {

using namespace example::detector;  // NOLINT(google-build-using-namespace): its own parts
using example::Metrics;

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
static_assert(network().output_shape({side, side, 1}) == nn::Shape{1});

using Detector = nn::Model<decltype(network()), float>;

constexpr double learning_rate = 0.002;

nn::FitOptions fit_options(const Options& options) {
  return {.epochs = options.epochs,
          .batch_size = 100,
          .seed = options.seed,
          .schedule = nn::one_cycle_schedule()};
}

/// The logits, positive for a digit.
std::vector<float> logits(const Detector& detector, const Dataset& data) {
  const nn::Tensor<float> outputs = nn::predict(detector, data);
  return {outputs.begin(), outputs.end()};
}

Index count_digits(const std::vector<float>& values) {
  return std::count_if(values.begin(), values.end(), [](float z) { return z > 0; });
}

double share_of_digits(const std::vector<float>& values) {
  return static_cast<double>(count_digits(values)) / static_cast<double>(values.size());
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

// ---- what is trained on, and tested on ----

struct Sets {
  nn::TrainTest digits;
  Kinds kinds;
  Dataset training = {};  ///< digits, and random images of the kinds that were asked for
  Dataset others = {};    ///< random images of all kinds, to test on
  Dataset test = {};      ///< the test digits, then the others
};

Dataset draw_training(const Options& options, const Dataset& digits,
                      const std::vector<nn::ImageGenerator>& kinds) {
  const Index count = sizes_of(options).training;
  return joined(sample(digits, count, options.seed),
                nn::random_images(kinds, count, side, side, options.seed + 1));
}

Sets load(const Options& options) {
  const Index count = sizes_of(options).test;
  nn::TrainTest digits = nn::load_mnist(example::dataset_folder(options.data, "mnist"));
  const nn::Normalization normalization = nn::normalization_of(digits.train);
  digits.train = digits.train.with_normalization(normalization);
  digits.test =
      digits.test.with_normalization(normalization).slice(0, std::min(count, digits.test.size()));
  Sets sets{.digits = digits, .kinds = all_kinds(options, digits)};
  sets.training = draw_training(options, digits.train, chosen(sets.kinds.training, options.kinds));
  sets.others = nn::random_images(sets.kinds.test, count, side, side, options.seed + 2)
                    .with_normalization(normalization);
  sets.test = joined(digits.test, sets.others);
  return sets;
}

LeftOut without_kinds(const Options& options, const Sets& sets, LeftOut study,
                      const std::vector<nn::ImageGenerator>& kinds) {
  const Dataset training = draw_training(options, sets.digits.train, kinds);
  Detector detector(network(), {side, side, 1}, {.seed = options.seed});
  nn::fit(detector, training, nn::SigmoidCrossEntropy{}, nn::Adam{.learning_rate = learning_rate},
          fit_options(options));
  study.digits = share_of_digits(logits(detector, sets.digits.test));
  study.by_kind = detected_by_kind(logits(detector, sets.others), sets.others);
  const std::vector<std::string>& names = sets.others.class_names();
  for (const std::string& name : study.kinds) {
    const auto place = std::find(names.begin(), names.end(), name) - names.begin();
    study.detected +=
        study.by_kind[static_cast<std::size_t>(place)] / static_cast<double>(study.kinds.size());
  }
  return study;
}

/// Trains a detector without each kind in turn, and one without any patches.
std::vector<LeftOut> leave_out(const Options& options, const Sets& sets) {
  const std::vector<nn::ImageGenerator> used = chosen(sets.kinds.training, options.kinds);
  std::vector<LeftOut> studies;
  for (const nn::ImageGenerator& kind : used) {
    studies.push_back({.name = kind.name, .kinds = {kind.name}});
  }
  if (sets.kinds.patches.size() > 1) {
    studies.push_back({.name = "all patches", .kinds = sets.kinds.patches});
  }
  example::Progress progress(static_cast<Index>(studies.size()), {.label = "kinds left out"});
  Index done = 0;
  std::vector<LeftOut> results;
  for (const LeftOut& study : studies) {
    const auto left = without(used, study.kinds);
    if (!left.empty()) results.push_back(without_kinds(options, sets, study, left));
    progress.update(++done);
  }
  progress.finish();
  return results;
}

/// Digits that are not quite digits, and the share that is taken for them.
std::vector<std::pair<std::string, double>> unusual_digits(const Detector& detector,
                                                           const Dataset& digits) {
  const auto level = [&](Index i, Index y, Index x) { return digits.image(i)(y, x, 0); };
  const auto taken = [&](const auto& change) {
    return share_of_digits(logits(detector, changed(digits, change)));
  };
  return {{"black and white exchanged", taken([&](Index i, Index y, Index x) {
             return static_cast<std::uint8_t>(255 - level(i, y, x));
           })},
          {"turned by 180 degrees",
           taken([&](Index i, Index y, Index x) { return level(i, side - 1 - y, side - 1 - x); })},
          {"two digits over each other", taken([&](Index i, Index y, Index x) {
             return std::max(level(i, y, x), level((i + 1) % digits.size(), y, x));
           })}};
}

/// Everything that was measured.
struct Results {
  nn::History history = {};
  Evolution evolution = {};
  std::vector<float> logits = {};  ///< of the test set
  Index digits_right = 0, digits_wrong = 0, others_right = 0, others_wrong = 0;
  double accuracy = 0;
  std::vector<nn::RocPoint> roc = {};
  double roc_area = 0;
  std::vector<double> by_kind = {};
  std::vector<std::pair<std::string, double>> unusual = {};
  std::vector<LeftOut> left_out = {};
  Scan scan = {};
};

void train(const Options& options, Detector& detector, const Sets& sets, Results& results) {
  nn::FitOptions fitting = fit_options(options);
  fitting.validation = &sets.test;
  fitting.callbacks.push_back(
      results.evolution.callback(detector, sample(sets.test, 4000, options.seed)));
  results.history = example::train(detector, sets.training, nn::SigmoidCrossEntropy{},
                                   nn::Adam{.learning_rate = learning_rate}, fitting);
  nn::save(detector, options.out / "weights.safetensors");
}

void measure(const Options& options, const Detector& detector, const Sets& sets, Results& results) {
  const Dataset& digits = sets.digits.test;
  results.logits = logits(detector, sets.test);
  const std::vector<float>& values = results.logits;
  const nn::TensorView<const Label> truth = sets.test.labels();
  results.roc = nn::roc_curve(std::vector<double>(values.begin(), values.end()),
                              std::vector<bool>(truth.begin(), truth.end()));
  results.roc_area = nn::area_under_roc(results.roc);
  const std::vector<float> of_digits(values.begin(), values.begin() + digits.size());
  const std::vector<float> of_others(values.begin() + digits.size(), values.end());
  results.digits_right = count_digits(of_digits);
  results.digits_wrong = digits.size() - results.digits_right;
  results.others_wrong = count_digits(of_others);
  results.others_right = sets.others.size() - results.others_wrong;
  results.accuracy = static_cast<double>(results.digits_right + results.others_right) /
                     static_cast<double>(sets.test.size());
  results.by_kind = detected_by_kind(of_others, sets.others);
  results.unusual = unusual_digits(detector, digits);
  results.left_out = leave_out(options, sets);
  results.scan = scan_sheet(options, detector, digits, sets.others);
}

// ---- pictures ----

/// @return whether there were errors to be drawn
bool draw(const Options& options, const Sets& sets, const Results& results) {
  draw_kinds(options, sets.kinds.test);
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
  if (!results.left_out.empty()) draw_left_out(options, results.left_out, sets.kinds.names());
  std::vector<Index> some;
  for (Index i = 0; i < 20; ++i) some.push_back(i);
  for (Index i = 0; i < 20; ++i) some.push_back(sets.digits.test.size() + i);
  nn::Random(options.seed, 5U).shuffle(std::span<Index>(some));
  draw_decisions(options.out / "decisions.png", sets.test, results.logits, some);
  std::vector<Index> wrong = errors_of(sets.test, results.logits);
  wrong.resize(std::min<std::size_t>(wrong.size(), 24));
  if (wrong.empty()) return false;
  draw_decisions(options.out / "errors.png", sets.test, results.logits, wrong);
  return true;
}

// ---- metrics.json ----

/// The false positive rate at the strictest threshold that finds the share `recall` of the digits.
double false_positives_at(const std::vector<nn::RocPoint>& roc, double recall) {
  const auto point = std::find_if(roc.begin(), roc.end(), [&](const nn::RocPoint& one) {
    return one.true_positive_rate >= recall;
  });
  return point->false_positive_rate;
}

Metrics metrics_of(const Options& options, const Detector& detector, const Sets& sets,
                   const Results& results) {
  const std::vector<std::string> kinds = sets.kinds.names();
  Metrics metrics{{"test_accuracy", results.accuracy},
                  {"roc_auc", results.roc_area},
                  {"false_positives_at_recall_95", false_positives_at(results.roc, 0.95)},
                  {"false_positives_at_recall_99", false_positives_at(results.roc, 0.99)}};
  metrics["confusion_matrix"] = {{results.others_right, results.others_wrong},
                                 {results.digits_wrong, results.digits_right}};
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    metrics["accuracy_by_kind"][kinds[k]] = results.by_kind[k];
  }
  for (const auto& [name, share] : results.unusual) metrics["taken_for_digits"][name] = share;
  for (const LeftOut& study : results.left_out) {
    Metrics& entry = metrics["left_out"][study.name];
    entry = {{"detected", study.detected}, {"digits", study.digits}};
    for (std::size_t k = 0; k < kinds.size(); ++k) entry["by_kind"][kinds[k]] = study.by_kind[k];
  }
  if (!results.left_out.empty()) {
    const LeftOut& worst = worst_of(results.left_out);
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
  return metrics;
}

// ---- the page ----

/// Each kind, how often it is found to be no digit, and how often by a detector that never met it.
Metrics kind_findings(const Sets& sets, const Results& results) {
  const std::vector<std::string> kinds = sets.kinds.names();
  Metrics rows = Metrics::array();
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    Metrics row{{"name", kinds[k]}, {"met", results.by_kind[k]}, {"left_out", nullptr}};
    for (const LeftOut& study : results.left_out) {
      if (study.name == kinds[k]) row["left_out"]["detected"] = study.detected;
    }
    rows.push_back(row);
  }
  return rows;
}

/// The kind of which most pass for digits.
Metrics hardest_kind(const Sets& sets, const Results& results) {
  const auto worst = std::min_element(results.by_kind.begin(), results.by_kind.end());
  const std::string name =
      sets.kinds.names()[static_cast<std::size_t>(worst - results.by_kind.begin())];
  return {{"name", name},
          {"pass", 1 - *worst},
          {"drawn", name == "strokes" || name == "shapes" || name == "mosaic"}};
}

/// What the page says beside the metrics.
Metrics findings_of(const Options& options, const Sets& sets, const Results& results,
                    bool has_errors) {
  const Sizes sizes = sizes_of(options);
  Metrics findings{{"training_digits", sizes.training},
                   {"test_digits", sizes.test},
                   {"test_images", 2 * sizes.test},
                   {"digits_wrong", results.digits_wrong},
                   {"others_wrong", results.others_wrong},
                   {"patches", Metrics(sets.kinds.patches)},
                   {"hardest", hardest_kind(sets, results)},
                   {"never_met", nullptr},
                   {"unusual", Metrics::array()},
                   {"rejects_inverted", results.unusual[0].second < 0.5},
                   {"accepts_turned", results.unusual[1].second > 0.5},
                   {"errors", has_errors}};
  if (!results.left_out.empty()) {
    const LeftOut& worst = worst_of(results.left_out);
    findings["never_met"] = {{"worst", worst.name},
                             {"detected", worst.detected},
                             {"enough", worst.detected >= 0.95},
                             {"kinds", kind_findings(sets, results)}};
  }
  for (const auto& [name, share] : results.unusual) {
    findings["unusual"].push_back({{"change", name}, {"share", share}});
  }
  return findings;
}

void study(const Options& options) {
  const example::Stopwatch watch;
  const Sets sets = load(options);
  Detector detector(network(), {side, side, 1}, {.seed = options.seed});
  Results results;
  train(options, detector, sets, results);
  measure(options, detector, sets, results);
  const bool has_errors = draw(options, sets, results);

  Metrics values = metrics_of(options, detector, sets, results);
  example::write_metrics(options.out, values);
  values.update(findings_of(options, sets, results, has_errors));
  example::Page page = example::page_of(
      "part3_detector", values,
      {{"layers",
        example::network_table(detector.plan(), "The layers, from the input to the output.")}});
  example::add_facts(page, options, sets.digits.train);
  page.fact("whole run", example::duration(watch.seconds()));
  page.write(options.out);

  std::cout << "told right: " << example::percent(results.accuracy) << " of " << sets.test.size()
            << " test images\n"
            << "area under the ROC curve: " << example::fixed(results.roc_area, 6) << '\n';
  if (!results.left_out.empty()) {
    const LeftOut& worst = worst_of(results.left_out);
    std::cout << "worst kind left out: " << worst.name << ", " << example::percent(worst.detected)
              << " detected\n";
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
