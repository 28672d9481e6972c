// Part 2: what a classifier gains by being allowed to say "I don't know", for either of two
// reasons: the image lies between two classes, or far from all of them.

#include <nn/data/random_images.hpp>
#include <nn/viz/labelled_grid.hpp>

#include <cmath>
#include <iostream>

#include "support/study/rejection.hpp"
#include "support/study/rejection_others.hpp"
#include "support/template.hpp"

namespace {

using namespace example::rejection;  // NOLINT(google-build-using-namespace): its own parts
using example::Metrics;
using Options = example::Flags;
using Network = nn::Model<decltype(example::convolutional_network(0)), float>;

// ---- which features ----

/// How features were tried: on images of the validation set against random images.
struct Trial {
  FeatureChoice choice;
  double rejected = 0;  ///< of the random images, where 5 % of the validation set are
};

std::vector<Trial> try_features(const Options& options, const Network& model, const Sets& sets,
                                const Dataset& learned) {
  const nn::Shape& shape = sets.training.sample_shape();
  const Dataset random =
      nn::random_images(nn::standard_generators(sets.training), options.quick ? 500 : 2000,
                        shape[0], shape[1], options.seed + 1000)
          .with_normalization(sets.training.normalization());
  std::vector<Trial> trials;
  for (const FeatureChoice& choice :
       {FeatureChoice{"last hidden layer", true, 0},
        FeatureChoice{"last filters, mean over the image", false, 1},
        FeatureChoice{"last filters, means over 3x3 parts", false, 3},
        FeatureChoice{"last hidden layer and last filters, 3x3 parts", true, 3}}) {
    const Scorer<Network> scorer(model, choice, learned);
    const double threshold =
        nn::threshold_for_rate(scorer.distances(sets.validation), allowed_rate, Reject::above);
    trials.push_back({choice, rejected_share(scorer.distances(random), threshold, Reject::above)});
  }
  return trials;
}

const Trial& best_of(const std::vector<Trial>& trials) {
  return *std::max_element(trials.begin(), trials.end(),
                           [](const Trial& a, const Trial& b) { return a.rejected < b.rejected; });
}

// ---- what the criteria do to digits ----

/// What a criterion does at thresholds chosen on the validation set.
struct Effect {
  Criterion criterion;
  std::vector<nn::RejectionPoint> all = {};
  std::vector<nn::RejectionPoint> test = {};
  nn::RejectionPoint working = {};  ///< the threshold of the conclusion, on the test set
  Index wrong_first = 0;            ///< errors among the first images that it rejects
};

constexpr std::size_t first_shown = 24;

/// Draws the first images of the test set that a criterion rejects; returns how many of them are
/// recognised wrongly.
Index draw_first(const Options& options, const Criterion& criterion, const Dataset& test,
                 const Scores& scores) {
  const std::vector<double>& values = scores.*criterion.score;
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return criterion.side == Reject::below ? values[a] < values[b] : values[a] > values[b];
  });
  order.resize(std::min(order.size(), first_shown));
  const auto name = [&](Label label) {
    return test.class_names()[static_cast<std::size_t>(label)];
  };
  std::vector<nn::viz::Image> images;
  std::vector<std::string> labels;
  Index wrong = 0;
  for (const std::size_t i : order) {
    const Label truth = test.label(static_cast<Index>(i));
    images.emplace_back(test.image(static_cast<Index>(i)));
    labels.push_back(scores.correct[i] ? name(truth)
                                       : name(truth) + " as " + name(scores.answer[i]));
    if (!scores.correct[i]) ++wrong;
  }
  nn::viz::write_image_grid(options.out / ("first_" + criterion.name + ".png"), images, 8,
                            {.scale = 5, .labels = labels});
  return wrong;
}

// ---- everything that is measured ----

struct Results {
  nn::History history = {};
  Index learned = 0;  ///< images whose features give the means and the covariance
  std::vector<Trial> trials = {};
  Scores validation = {}, test = {}, all = {};
  std::vector<Effect> effects = {};  ///< of ambiguity and of distance
  std::vector<Verdict> verdicts = {};
};

nn::History train(const Options& options, Network& model, const Sets& sets) {
  return example::train(model, sets.training, nn::SoftmaxCrossEntropy{},
                        nn::Adam{.learning_rate = 0.003F},
                        {.epochs = options.epochs,
                         .batch_size = 128,
                         .seed = options.seed,
                         .validation = &sets.validation,
                         .schedule = nn::one_cycle_schedule(),
                         .early_stopping = {.patience = options.epochs},
                         .augmentation = nn::RandomShift{2}});
}

Effect effect_of(const Options& options, const Criterion& criterion, const Sets& sets,
                 const Results& results) {
  const std::vector<double> at = thresholds(criterion, results.validation, table_rates());
  const std::vector<double> work = thresholds(criterion, results.validation, {working_rate});
  Effect effect{.criterion = criterion,
                .all = points(criterion, results.all, at),
                .test = points(criterion, results.test, at),
                .working = points(criterion, results.test, work).back(),
                .wrong_first = draw_first(options, criterion, sets.test, results.test)};
  nn::require(effect.all.front().accuracy_accepted == results.all.accuracy() &&
                  effect.test.front().accuracy_accepted == results.test.accuracy(),
              "the rates of a threshold that rejects nothing are not the plain ones");
  draw_thresholds(options, criterion, results.validation, results.all, results.test);
  return effect;
}

Results measure(const Options& options, const Network& model, const Sets& sets) {
  const Dataset learned = nn::random_subset(
      sets.training, std::min<Index>(sets.training.size(), 20000), {.seed = options.seed});
  Results results{.learned = learned.size(), .trials = try_features(options, model, sets, learned)};
  const Scorer<Network> scorer(model, best_of(results.trials).choice, learned);
  results.validation = scorer(sets.validation);
  results.test = scorer(sets.test);
  results.all = scorer(sets.training);
  append(results.all, results.validation);
  append(results.all, results.test);
  const double beyond_all =
      std::ceil(*std::max_element(results.all.distance.begin(), results.all.distance.end()));
  for (const Criterion& criterion :
       {Criterion{"ambiguity", Reject::below, &Scores::posterior, 0.0},
        Criterion{"distance", Reject::above, &Scores::distance, beyond_all}}) {
    results.effects.push_back(effect_of(options, criterion, sets, results));
  }
  results.verdicts.push_back(verdict_on("unseen digits", results.test, results.validation));
  for (const Others& other : other_images(options, sets)) {
    results.verdicts.push_back(verdict_on(other.name, scorer(other.data), results.validation));
  }
  return results;
}

// ---- metrics.json ----

Metrics rows_of(const std::vector<nn::RejectionPoint>& points) {
  Metrics rows = Metrics::array();
  for (const nn::RejectionPoint& point : points) {
    rows.push_back({{"threshold", point.threshold},
                    {"rejection_rate", point.rejection_rate},
                    {"recognition_rate_accepted", point.accuracy_accepted},
                    {"error_rate", point.error_rate},
                    {"overall_rate", point.overall_rate}});
  }
  return rows;
}

/// The threshold of the conclusion: how much it rejects, and which share of all errors it removes.
Metrics working_point(const Effect& effect, double accuracy) {
  const nn::RejectionPoint& point = effect.working;
  return {{"kind", effect.criterion.name},
          {"threshold", point.threshold},
          {"unseen_rejection_rate", point.rejection_rate},
          {"unseen_error_accepted", 1 - point.accuracy_accepted},
          {"unseen_errors_removed", accuracy < 1 ? 1 - point.error_rate / (1 - accuracy) : 0.0},
          {"wrong_among_first_rejected", effect.wrong_first}};
}

Metrics verdict_metrics(const Verdict& verdict) {
  return {{"name", verdict.name},
          {"images", verdict.images},
          {"ambiguity_rejected", verdict.ambiguity},
          {"distance_rejected", verdict.distance},
          {"either_rejected", verdict.either},
          {"mean_largest_posterior", verdict.mean_posterior}};
}

Metrics metrics_of(const Options& options, const Results& results) {
  Metrics metrics{{"dataset", "mnist"},
                  {"images", results.all.count()},
                  {"unseen_images", results.test.count()},
                  {"recognition_rate", results.all.accuracy()},
                  {"unseen_recognition_rate", results.test.accuracy()}};
  for (const Effect& effect : results.effects) {
    metrics[effect.criterion.name] = rows_of(effect.all);
    metrics["unseen_" + effect.criterion.name] = rows_of(effect.test);
  }
  for (const Criterion& criterion :
       {results.effects[0].criterion, Criterion{"margin", Reject::below, &Scores::margin, 0.0},
        results.effects[1].criterion}) {
    metrics["area_" + criterion.name] = area(criterion, results.all);
    metrics["unseen_area_" + criterion.name] = area(criterion, results.test);
  }
  for (const Trial& trial : results.trials) {
    metrics["features"].push_back({{"name", trial.choice.name},
                                   {"random_images_rejected", trial.rejected},
                                   {"chosen", &trial == &best_of(results.trials)}});
  }
  for (const Verdict& verdict : results.verdicts) {
    metrics["other_images"].push_back(verdict_metrics(verdict));
  }
  for (const Effect& effect : results.effects) {
    metrics["working_point"].push_back(working_point(effect, results.test.accuracy()));
  }
  metrics["first_rejected"] = first_shown;
  metrics["epochs"] = options.epochs;
  metrics["epochs_kept"] = example::kept_epoch(results.history);
  for (const nn::EpochRecord& epoch : results.history.epochs) {
    metrics["validation_loss"].push_back(epoch.validation_loss);
  }
  metrics["seed"] = options.seed;
  return metrics;
}

// ---- the page ----

/// What the page says of one criterion.
Metrics findings_of(const Effect& effect, double accuracy) {
  const auto rows = [&](const std::vector<nn::RejectionPoint>& points) {
    Metrics result = rows_of(points);
    for (Metrics& row : result) {
      row["shown_threshold"] = threshold_text(row["threshold"], effect.criterion.side);
    }
    return result;
  };
  Metrics result = working_point(effect, accuracy);
  result["shown_threshold"] = threshold_text(effect.working.threshold, effect.criterion.side);
  result["rows"] = rows(effect.all);
  result["test_rows"] = rows(effect.test);
  return result;
}

/// What the page says beside the metrics.
Metrics findings_of(const Options& options, const Sets& sets, const Results& results,
                    const Metrics& metrics) {
  const double accuracy = results.test.accuracy();
  const double gap = results.all.accuracy() - accuracy;
  const double ambiguity_area = metrics["unseen_area_ambiguity"];
  const double distance_area = metrics["unseen_area_distance"];
  const bool ambiguity_ahead = ambiguity_area > distance_area;
  const std::vector<Verdict> others(results.verdicts.begin() + 1, results.verdicts.end());
  const auto distance_ahead = static_cast<std::size_t>(std::count_if(
      others.begin(), others.end(), [](const Verdict& v) { return v.distance > v.ambiguity; }));
  Metrics findings{
      {"training_images", sets.training.size()},
      {"validation_images", sets.validation.size()},
      {"learned_images", results.learned},
      {"right", results.all.right()},
      {"unseen_right", results.test.right()},
      {"gap", {{"size", std::abs(gap)}, {"higher", gap > 0}}},
      {"error", 1 - accuracy},
      {"working_rate", working_rate},
      {"chosen_features",
       {{"name", best_of(results.trials).choice.name},
        {"rejected", best_of(results.trials).rejected}}},
      {"by_ambiguity", findings_of(results.effects[0], accuracy)},
      {"by_distance", findings_of(results.effects[1], accuracy)},
      {"ambiguity_ahead", ambiguity_ahead},
      {"larger_area", std::max(ambiguity_area, distance_area)},
      {"smaller_area", std::min(ambiguity_area, distance_area)},
      {"finder", working_point(results.effects[ambiguity_ahead ? 0 : 1], accuracy)},
      {"ambiguity_finds_more", results.effects[0].wrong_first > results.effects[1].wrong_first},
      {"digits", verdict_metrics(results.verdicts[0])},
      {"others", Metrics::array()},
      {"first_other", verdict_metrics(others[0])},
      {"distance_sees_first", others[0].distance > others[0].ambiguity},
      {"distance_ahead_on", distance_ahead},
      {"kinds_of_others", others.size()},
      {"distance_guards", 2 * distance_ahead > others.size()},
      {"clothes", example::find_dataset(options.data, "fashion-mnist").has_value()}};
  for (const Verdict& other : others) findings["others"].push_back(verdict_metrics(other));
  return findings;
}

void say(const Metrics& values, const Options& options) {
  const auto of = [&](const char* name, const char* figure, int decimals) {
    return example::percent(values.at(name).at(figure), decimals);
  };
  std::cout << "accuracy: all images " << example::percent(values["recognition_rate"], 3)
            << ", test set " << example::percent(values["unseen_recognition_rate"], 3) << '\n';
  for (const char* name : {"by_ambiguity", "by_distance"}) {
    std::cout << values[name]["kind"].get<std::string>() << ": rejecting "
              << of(name, "unseen_rejection_rate", 2) << " removes "
              << of(name, "unseen_errors_removed", 1) << " of the errors\n";
  }
  for (const Metrics& other : values["others"]) {
    std::cout << other["name"].get<std::string>() << ": rejected by ambiguity "
              << example::percent(other["ambiguity_rejected"], 1) << ", by distance "
              << example::percent(other["distance_rejected"], 1) << '\n';
  }
  std::cout << "page: " << (options.out / "index.html").string() << '\n';
}

void study(const Options& options) {
  const Sets sets = load(options);
  Network model(example::convolutional_network(sets.training.classes()),
                sets.training.sample_shape(), {.seed = options.seed});
  const nn::History history = train(options, model, sets);
  Results results = measure(options, model, sets);
  results.history = history;
  draw_comparison(options, {results.effects[0].criterion, results.effects[1].criterion},
                  results.validation, results.test);
  draw_verdicts(options, results.verdicts);

  Metrics values = metrics_of(options, results);
  example::write_metrics(options.out, values);
  values.update(findings_of(options, sets, results, values));
  example::Page page = example::page_of("part2_rejection", values);
  example::add_facts(page, options, sets.training);
  page.write(options.out);
  say(values, options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("part2_rejection",
                            "Lets a classifier reject images, for ambiguity or for distance.",
                            options, {.epochs = 10, .quick_epochs = 3});
  return example::run_program(line, argc, argv, [&] { study(options); });
}
