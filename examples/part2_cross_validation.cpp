// Part 2: what a validation set is for: when to stop, what to choose, and what to expect.

#include <nn/viz/bars.hpp>
#include <nn/viz/plot.hpp>

#include <cmath>
#include <iostream>

#include "ranks/ranks.hpp"
#include "support/study/validation.hpp"
#include "support/template.hpp"

namespace {

using namespace example::validation;  // NOLINT(google-build-using-namespace): its own parts
using example::Metrics;

std::vector<Setting> settings(const Options& options) {
  const std::vector<Index> widths =
      options.quick ? std::vector<Index>{16, 64} : std::vector<Index>{16, 64, 256};
  const std::vector<double> decays =
      options.quick ? std::vector<double>{0, 0.1} : std::vector<double>{0, 0.01, 0.1, 1};
  std::vector<Setting> all;
  for (const Index width : widths) {
    for (const double decay : decays) all.push_back({width, decay});
  }
  return all;
}

std::string decay_text(double decay) { return nn::format_general(decay); }

/// Learns the chosen setting from all folds but one, for each of them, and from all.
/// @return the network that learnt from all
Run cross_validate(const Options& options, Study& study, const Dataset& known) {
  const Setting setting = study.candidates[study.chosen].setting;
  std::vector<std::array<Dataset, 2>> folds;
  for (const nn::Fold& fold : nn::k_folds(known, options.folds, {.seed = options.seed})) {
    folds.push_back(example::normalized(std::array<Dataset, 2>{fold.train, fold.validation}));
  }
  std::vector<Training> trainings;
  for (const auto& [training, validation] : folds) {
    trainings.push_back({setting, &training, &validation, study.chosen_epochs, 0, options.seed});
  }
  trainings.push_back({setting, &known, &known, study.chosen_epochs, 0, options.seed});
  Runs runs = learn_all(options, "folds", trainings);
  for (std::size_t fold = 0; fold < folds.size(); ++fold) {
    study.fold_accuracies.push_back(runs[fold].validation.accuracy);
    study.fold_losses.push_back(runs[fold].validation.loss);
  }
  return std::move(runs.back());
}

void open_test_set(const Options& options, Runs& runs, const Dataset& test) {
  for (Run& run : runs) {
    run.test = nn::evaluate(run.model, test, nn::SoftmaxCrossEntropy{},
                            {.communicator = options.world.get()});
  }
}

// ---- pictures ----

void draw_stopping(const Options& options, const Study& study) {
  const std::size_t epochs = study.unstopped[0].history.epochs.size();
  nn::viz::Curve training{.name = "training set"};
  nn::viz::Curve validation{.name = "validation set"};
  for (std::size_t e = 0; e < epochs; ++e) {
    const auto at = [&](double nn::EpochRecord::*figure) {
      return spread(study.unstopped, [&](const Run& run) { return run.history.epochs[e].*figure; });
    };
    const auto add = [&](nn::viz::Curve& curve, const Spread& loss) {
      curve.x.push_back(static_cast<double>(e + 1));
      curve.y.push_back(loss.mean);
      curve.spread.push_back(loss.deviation);
    };
    add(training, at(&nn::EpochRecord::loss));
    add(validation, at(&nn::EpochRecord::validation_loss));
  }
  nn::viz::plot_curves(
      options.out / "stopping.png", {training, validation},
      {.title = "Loss without early stopping",
       .x = {.label = "epoch", .ticks = example::epoch_ticks(static_cast<Index>(epochs))},
       .y = {.label = "loss", .logarithmic = true},
       .lines = {{.at = best_epochs(study.stopped).mean, .label = "restored", .vertical = true}}});
}

void draw_candidates(const Options& options, const std::vector<Candidate>& candidates) {
  std::vector<std::string> categories;
  std::vector<nn::viz::BarSeries> series;
  for (const Candidate& candidate : candidates) {
    const std::string width = std::to_string(candidate.setting.units) + " units";
    const std::string decay = decay_text(candidate.setting.weight_decay);
    if (series.empty() || series.back().name != width) series.push_back({.name = width});
    if (series.size() == 1) categories.push_back(decay);
    const Spread accuracy = validation_accuracy(candidate.runs);
    series.back().values.push_back(1 - accuracy.mean);
    series.back().spread.push_back(accuracy.deviation);
  }
  nn::viz::plot_bars(options.out / "choice.png", categories, series,
                     {.title = "Errors on the validation set",
                      .x = {.label = "weight decay"},
                      .y = {.label = "images classified wrongly", .percent = true},
                      .ordered = true});
}

void draw_prediction(const Options& options, const std::vector<Candidate>& candidates) {
  nn::viz::Curve points{.name = "one network", .style = nn::viz::CurveStyle::points};
  for (const Candidate& candidate : candidates) {
    for (const Run& run : candidate.runs) {
      points.x.push_back(run.validation.accuracy);
      points.y.push_back(run.test.accuracy);
    }
  }
  const auto [low, high] = std::minmax_element(points.x.begin(), points.x.end());
  nn::viz::plot_curves(options.out / "prediction.png",
                       {points,
                        {.name = "exactly as predicted",
                         .x = {*low, *high},
                         .y = {*low, *high},
                         .style = nn::viz::CurveStyle::line,
                         .dashed = true}},
                       {.title = "What validation predicts",
                        .x = {.label = "accuracy on the validation set", .percent = true},
                        .y = {.label = "accuracy on the test set", .percent = true}});
}

/// What all the settings together say of validation.
struct Gains {
  double difference =
      0;              ///< of the accuracies on validation and test set, the mean over the settings
  double mean = 0;    ///< accuracy on the test set, likewise
  double chosen = 0;  ///< the accuracies of the chosen setting
  double promised = 0;
};

Gains gains_of(const Study& study) {
  Gains gains{.chosen = test_accuracy(study.candidates[study.chosen].runs).mean,
              .promised = validation_accuracy(study.candidates[study.chosen].runs).mean};
  const auto count = static_cast<double>(study.candidates.size());
  for (const Candidate& candidate : study.candidates) {
    const double test = test_accuracy(candidate.runs).mean;
    gains.mean += test / count;
    gains.difference += std::abs(validation_accuracy(candidate.runs).mean - test) / count;
  }
  return gains;
}

Metrics runs_metrics(const Runs& runs) {
  return {{"epochs", epochs_made(runs).mean},
          {"best_epoch", best_epochs(runs).mean},
          {"train_seconds", seconds(runs).mean},
          {"validation_cost", example::spread_metrics(validation_loss(runs))},
          {"validation_recognition", example::spread_metrics(validation_accuracy(runs))},
          {"test_cost", example::spread_metrics(test_loss(runs))},
          {"test_recognition", example::spread_metrics(test_accuracy(runs))}};
}

Metrics metrics_of(const Options& options, const std::array<Dataset, 3>& parts, const Study& study,
                   const Run& final) {
  Metrics metrics;
  metrics["dataset"] = "mnist";
  metrics["learning_images"] = parts[0].size();
  metrics["validation_images"] = parts[1].size();
  metrics["test_images"] = parts[2].size();
  metrics["early_stopping"] = runs_metrics(study.stopped);
  metrics["no_early_stopping"] = runs_metrics(study.unstopped);
  for (const Candidate& candidate : study.candidates) {
    Metrics entry = runs_metrics(candidate.runs);
    entry["cells"] = candidate.setting.units;
    entry["weight_decay"] = candidate.setting.weight_decay;
    metrics["settings"].push_back(entry);
  }
  const Setting chosen = study.candidates[study.chosen].setting;
  metrics["chosen"] = {{"cells", chosen.units},
                       {"weight_decay", chosen.weight_decay},
                       {"epochs", study.chosen_epochs}};
  metrics["fold_recognition"] = study.fold_accuracies;
  metrics["fold_cost"] = study.fold_losses;
  metrics["cross_validation"] = example::spread_metrics(nn::spread_of(study.fold_accuracies));
  const Gains gains = gains_of(study);
  metrics["mean_difference_of_validation_and_test"] = gains.difference;
  metrics["mean_test_recognition_of_settings"] = gains.mean;
  metrics["test_accuracy"] = final.test.accuracy;
  metrics["test_cost"] = final.test.loss;
  metrics["seeds"] = options.seeds;
  metrics["seed"] = options.seed;
  return metrics;
}

// ---- the page ----

Metrics class_findings(const std::array<Dataset, 3>& parts) {
  Metrics classes = Metrics::array();
  for (std::size_t c = 0; c < parts[0].class_names().size(); ++c) {
    classes.push_back({{"name", parts[0].class_names()[c]},
                       {"training", parts[0].class_counts()[c]},
                       {"validation", parts[1].class_counts()[c]},
                       {"test", parts[2].class_counts()[c]}});
  }
  return classes;
}

Metrics stopping_findings(const Study& study) {
  const auto with_epochs = [](const Runs& runs) {
    Metrics result = runs_metrics(runs);
    result["epochs_made"] = example::spread_metrics(epochs_made(runs));
    return result;
  };
  const double gain = test_accuracy(study.stopped).mean - test_accuracy(study.unstopped).mean;
  const bool smaller_loss = test_loss(study.stopped).mean < test_loss(study.unstopped).mean;
  return {{"seeds", study.stopped.size()},
          {"with", with_epochs(study.stopped)},
          {"without", with_epochs(study.unstopped)},
          {"same", std::abs(gain) < 0.00005},
          {"difference", std::abs(gain)},
          {"higher", gain > 0},
          {"too_sure", smaller_loss && gain <= 0}};
}

Metrics candidate_findings(const Candidate& candidate) {
  Metrics result = runs_metrics(candidate.runs);
  result["cells"] = candidate.setting.units;
  result["decay"] = decay_text(candidate.setting.weight_decay);
  return result;
}

/// The setting that was chosen, and what the test set says of it.
Metrics choice_findings(const Study& study) {
  const Candidate& chosen = study.candidates[study.chosen];
  const Candidate& best = study.candidates[best_on_test(study.candidates)];
  const double missed = test_accuracy(best.runs).mean - test_accuracy(chosen.runs).mean;
  Metrics result = candidate_findings(chosen);
  result["missed"] = nullptr;
  if (missed > 0) {
    result["missed"] = candidate_findings(best);
    result["missed"]["points"] = missed;
  }
  return result;
}

Metrics fold_findings(const Study& study, const Run& final, Index known) {
  const Spread accuracy = nn::spread_of(study.fold_accuracies);
  Metrics parts = Metrics::array();
  for (std::size_t k = 0; k < study.fold_accuracies.size(); ++k) {
    parts.push_back(
        {{"part", k + 1}, {"loss", study.fold_losses[k]}, {"accuracy", study.fold_accuracies[k]}});
  }
  const Index total = final.test.count;
  const nn::Proportion proportion = nn::proportion(
      static_cast<Index>(std::llround(final.test.accuracy * static_cast<double>(total))), total);
  const double difference = final.test.accuracy - accuracy.mean;
  return {{"known", known},
          {"count", study.fold_accuracies.size()},
          {"parts", parts},
          {"loss", example::spread_metrics(nn::spread_of(study.fold_losses))},
          {"accuracy", example::spread_metrics(accuracy)},
          {"lower", proportion.lower},
          {"upper", proportion.upper},
          {"difference", std::abs(difference)},
          {"less", difference < 0},
          {"within", accuracy.mean >= proportion.lower && accuracy.mean <= proportion.upper}};
}

Metrics gain_findings(const Study& study, const Run& final) {
  const Gains gains = gains_of(study);
  const auto row = [](const std::string& what, double before, double after) -> Metrics {
    return {{"what", what}, {"before", before}, {"after", after}, {"difference", after - before}};
  };
  const double folds = nn::spread_of(study.fold_accuracies).mean;
  const double stopped = test_accuracy(study.stopped).mean;
  const double unstopped = test_accuracy(study.unstopped).mean;
  const double saved = 1 - epochs_made(study.stopped).mean / epochs_made(study.unstopped).mean;
  const double too_much = gains.promised - gains.chosen;
  Metrics result{{"too_much", too_much > 0 ? Metrics(too_much) : Metrics()},
                 {"chosen", gains.chosen - gains.mean},
                 {"saved", saved},
                 {"stopping", stopped - unstopped},
                 {"more_data", final.test.accuracy - gains.chosen}};
  result["promises"] =
      std::vector<Metrics>{row("the chosen setting, by validation", gains.promised, gains.chosen),
                           row("the same, by cross-validation", folds, final.test.accuracy)};
  result["uses"] = std::vector<Metrics>{
      row("stopping early", unstopped, stopped),
      row("choosing (without: the mean of all settings)", gains.mean, gains.chosen),
      row("learning from the validation set too, in the end", gains.chosen, final.test.accuracy)};
  return result;
}

/// What the page says beside the metrics.
Metrics findings_of(const std::array<Dataset, 3>& parts, const Study& study, const Run& final) {
  const Index known = parts[0].size() + parts[1].size();
  Metrics candidates = Metrics::array();
  for (std::size_t i = 0; i < study.candidates.size(); ++i) {
    candidates.push_back(candidate_findings(study.candidates[i]));
    candidates.back()["chosen"] = i == study.chosen;
  }
  return {{"images", known + parts[2].size()},
          {"classes", class_findings(parts)},
          {"patience", patience},
          {"stopping", stopping_findings(study)},
          {"candidates", candidates},
          {"choice", choice_findings(study)},
          {"folds", fold_findings(study, final, known)},
          {"gains", gain_findings(study, final)}};
}

/// Learns everything, and only then opens the test set.
/// @return what was learnt, and the network of the chosen setting that learnt from all but the test
/// set
std::pair<Study, Run> learn_everything(const Options& options,
                                       const std::array<Dataset, 3>& parts) {
  const Dataset& training = parts[0];
  const Dataset& validation = parts[1];
  const Dataset& test = parts[2];
  const std::vector<Setting> all = settings(options);
  const Index choice_epochs = std::min<Index>(options.epochs, 12);

  std::vector<Training> trainings;
  const auto add = [&](const Setting& setting, Index epochs, Index patience_in_epochs) {
    for (Index run = 0; run < options.seeds; ++run) {
      trainings.push_back({setting, &training, &validation, epochs, patience_in_epochs,
                           options.seed + static_cast<std::uint64_t>(run)});
    }
  };
  add({}, options.epochs, patience);
  add({}, options.epochs, 0);
  for (const Setting& setting : all) add(setting, choice_epochs, patience);
  Runs runs = learn_all(options, "validation", trainings);
  auto take = [&, next = runs.begin()]() mutable {
    Runs taken;
    for (Index run = 0; run < options.seeds; ++run) taken.push_back(std::move(*next++));
    return taken;
  };
  Study study{.stopped = take(), .unstopped = take()};
  for (const Setting& setting : all) study.candidates.push_back({setting, take()});
  study.chosen = choose(study.candidates);
  const Candidate& chosen = study.candidates[study.chosen];
  study.chosen_epochs = static_cast<Index>(std::llround(best_epochs(chosen.runs).mean));
  const Dataset known = concatenate(training, validation);
  Run final = cross_validate(options, study, known);

  // From here on nothing is chosen any more.
  open_test_set(options, study.stopped, test);
  open_test_set(options, study.unstopped, test);
  for (Candidate& candidate : study.candidates) open_test_set(options, candidate.runs, test);
  final.test = nn::evaluate(final.model, test, nn::SoftmaxCrossEntropy{},
                            {.communicator = options.world.get()});
  return {std::move(study), std::move(final)};
}

void study(Options options) {
  if (options.quick) options.seeds = std::min<Index>(options.seeds, 2);
  const Dataset whole = example::whole_set(options);
  const auto parts = example::normalized(nn::split(whole, {0.6, 0.2, 0.2}, {.seed = options.seed}));
  const auto [study, final] = learn_everything(options, parts);
  if (!options.writes()) return;
  draw_stopping(options, study);
  draw_candidates(options, study.candidates);
  draw_prediction(options, study.candidates);
  Metrics values = metrics_of(options, parts, study, final);
  example::write_metrics(options.out, values);
  values.update(findings_of(parts, study, final));
  example::Page page = example::page_of("part2_cross_validation", values);
  example::add_facts(page, options, parts[0]);
  page.write(options.out);
  std::cout << "predicted by cross-validation: "
            << example::percent_of(nn::spread_of(study.fold_accuracies))
            << "\naccuracy on the test set: " << example::percent(final.test.accuracy)
            << "\npage: " << (options.out / "index.html").string() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("part2_cross_validation",
                            "Stops, chooses and predicts by a validation set.", options,
                            {.epochs = 16, .quick_epochs = 3});
  line.flag("--seeds", options.seeds, "runs of everything, each with another seed");
  line.flag("--folds", options.folds, "parts of the cross-validation");
  return example::run_program(line, argc, argv, [&] {
    options.join(example::ranks());
    study(options);
  });
}
