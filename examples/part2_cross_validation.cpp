// Part 2: what a validation base is for: when to stop, what to choose, and what to expect.

#include <nn/viz/bars.hpp>
#include <nn/viz/plot.hpp>

#include <cmath>
#include <iostream>

#include "support/study.hpp"

namespace {

using example::fixed_of;
using example::percent_of;
using nn::Dataset;
using nn::Index;
using nn::Spread;
using Model = nn::Model<example::DenseNetwork, float>;

struct Options : example::Flags {
  Index seeds = 3;
  Index folds = 5;
};

constexpr Index batch_size = 128;
constexpr double learning_step = 0.001;
constexpr Index patience = 3;

/// What is chosen by validation.
struct Setting {
  Index cells = 256;
  double weight_decay = 0;
};

/// A network that has learnt. The test base is left for the end.
struct Run {
  Model model;
  nn::History history;
  nn::Evaluation validation = {};
  nn::Evaluation test = {};

  [[nodiscard]] Index best_epoch() const { return example::kept_epoch(history); }
};

using Runs = std::vector<Run>;

/// Mean and spread of a figure of several runs.
template <class Figure>
Spread spread(const Runs& runs, const Figure& figure) {
  std::vector<double> values;
  for (const Run& run : runs) values.push_back(static_cast<double>(figure(run)));
  return nn::spread_of(values);
}
Spread validation_rate(const Runs& runs) {
  return spread(runs, [](const Run& run) { return run.validation.accuracy; });
}
Spread validation_cost(const Runs& runs) {
  return spread(runs, [](const Run& run) { return run.validation.loss; });
}
Spread test_rate(const Runs& runs) {
  return spread(runs, [](const Run& run) { return run.test.accuracy; });
}
Spread test_cost(const Runs& runs) {
  return spread(runs, [](const Run& run) { return run.test.loss; });
}
Spread best_epochs(const Runs& runs) {
  return spread(runs, [](const Run& run) { return run.best_epoch(); });
}
Spread epochs_made(const Runs& runs) {
  return spread(runs, [](const Run& run) { return run.history.epochs.size(); });
}
Spread seconds(const Runs& runs) {
  return spread(runs, [](const Run& run) { return run.history.seconds(); });
}

/// Learns on `learning`, watched by `validation`; with a patience it stops early and goes back to
/// the best weights.
Run learn(const Setting& setting, const Dataset& learning, const Dataset& validation, Index epochs,
          Index patience_in_epochs, std::uint64_t seed) {
  Model model(example::dense_network({setting.cells}, learning.classes()), learning.sample_shape(),
              {.seed = seed});
  nn::History history =
      nn::fit(model, learning, nn::SoftmaxCrossEntropy{},
              nn::AdamW{.learning_rate = learning_step, .weight_decay = setting.weight_decay},
              {.epochs = epochs,
               .batch_size = batch_size,
               .seed = seed,
               .validation = &validation,
               .early_stopping = {.patience = patience_in_epochs, .restore_best = true}});
  const nn::Evaluation measured = nn::evaluate(model, validation, nn::SoftmaxCrossEntropy{});
  return {std::move(model), std::move(history), measured, {}};
}

Runs learn_all(const Options& options, const Setting& setting, const Dataset& learning,
               const Dataset& validation, Index epochs, Index patience_in_epochs) {
  Runs runs;
  for (Index run = 0; run < options.seeds; ++run) {
    runs.push_back(learn(setting, learning, validation, epochs, patience_in_epochs,
                         options.seed + static_cast<std::uint64_t>(run)));
  }
  return runs;
}

/// One setting of the choice with its runs.
struct Candidate {
  Setting setting;
  Runs runs;
};

/// Everything that was learnt before the test base was opened, and what was chosen.
struct Study {
  Runs stopped;
  Runs unstopped;
  std::vector<Candidate> candidates = {};
  std::size_t chosen = 0;
  Index chosen_epochs = 0;  ///< for learning without a validation base
  std::vector<double> fold_rates = {};
  std::vector<double> fold_costs = {};
};

/// The candidate with the best mean rate on the validation base.
std::size_t choose(const std::vector<Candidate>& candidates) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    if (validation_rate(candidates[i].runs).mean > validation_rate(candidates[best].runs).mean) {
      best = i;
    }
  }
  return best;
}

/// Like `choose`, but by the test base: to see afterwards what was missed.
std::size_t best_on_test(const std::vector<Candidate>& candidates) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    if (test_rate(candidates[i].runs).mean > test_rate(candidates[best].runs).mean) best = i;
  }
  return best;
}

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

std::string name_of(const Setting& setting) {
  return std::to_string(setting.cells) + " cells with a weight decay of " +
         decay_text(setting.weight_decay);
}

void cross_validate(const Options& options, Study& study, const Dataset& known) {
  const Setting setting = study.candidates[study.chosen].setting;
  for (const nn::Fold& fold : nn::k_folds(known, options.folds, {.seed = options.seed})) {
    const auto parts = example::normalized(std::array<Dataset, 2>{fold.train, fold.validation});
    const Run run = learn(setting, parts[0], parts[1], study.chosen_epochs, 0, options.seed);
    study.fold_rates.push_back(run.validation.accuracy);
    study.fold_costs.push_back(run.validation.loss);
  }
}

void open_test_base(Runs& runs, const Dataset& test) {
  for (Run& run : runs) run.test = nn::evaluate(run.model, test, nn::SoftmaxCrossEntropy{});
}

// ---- pictures ----

void draw_stopping(const Options& options, const Study& study) {
  const std::size_t epochs = study.unstopped[0].history.epochs.size();
  nn::viz::Curve learning{.name = "learning base"};
  nn::viz::Curve validation{.name = "validation base"};
  std::vector<double> ticks;
  for (std::size_t e = 0; e < epochs; ++e) {
    const auto at = [&](double nn::EpochRecord::*figure) {
      return spread(study.unstopped, [&](const Run& run) { return run.history.epochs[e].*figure; });
    };
    const auto add = [&](nn::viz::Curve& curve, const Spread& cost) {
      curve.x.push_back(static_cast<double>(e + 1));
      curve.y.push_back(cost.mean);
      curve.spread.push_back(cost.deviation);
    };
    if (epochs <= 12 || e == 0 || (e + 1) % 5 == 0) ticks.push_back(static_cast<double>(e + 1));
    add(learning, at(&nn::EpochRecord::loss));
    add(validation, at(&nn::EpochRecord::validation_loss));
  }
  nn::viz::plot_curves(
      options.out / "stopping.png", {learning, validation},
      {.title = "Cost without early stopping",
       .x = {.label = "epoch", .ticks = ticks},
       .y = {.label = "cost", .logarithmic = true},
       .lines = {{.at = best_epochs(study.stopped).mean, .label = "restored", .vertical = true}}});
}

void draw_candidates(const Options& options, const std::vector<Candidate>& candidates) {
  std::vector<std::string> categories;
  std::vector<nn::viz::BarSeries> series;
  for (const Candidate& candidate : candidates) {
    const std::string width = std::to_string(candidate.setting.cells) + " cells";
    const std::string decay = decay_text(candidate.setting.weight_decay);
    if (series.empty() || series.back().name != width) series.push_back({.name = width});
    if (series.size() == 1) categories.push_back(decay);
    const Spread rate = validation_rate(candidate.runs);
    series.back().values.push_back(1 - rate.mean);
    series.back().spread.push_back(rate.deviation);
  }
  nn::viz::plot_bars(options.out / "choice.png", categories, series,
                     {.title = "Errors on the validation base",
                      .x = {.label = "weight decay"},
                      .y = {.label = "images not recognised", .percent = true},
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
                        .x = {.label = "rate on the validation base", .percent = true},
                        .y = {.label = "rate on the test base", .percent = true}});
}

// ---- the page ----

void tell_bases(example::Page& page, const std::array<Dataset, 3>& parts) {
  const Dataset whole = concatenate(concatenate(parts[0], parts[1]), parts[2]);
  example::Table table{.caption = "The classes in the three bases.",
                       .columns = {"class", "learning", "validation", "test"}};
  for (std::size_t c = 0; c < whole.class_names().size(); ++c) {
    std::vector<std::string> row{whole.class_names()[c]};
    for (const Dataset& part : parts) row.push_back(example::thousands(part.class_counts()[c]));
    table.rows.push_back(row);
  }
  page.section("Three bases")
      .paragraph("All " + example::thousands(whole.size()) +
                 " images were distributed anew, each class in proportion: 60 % (" +
                 example::thousands(parts[0].size()) + ") to learn from, 20 % (" +
                 example::thousands(parts[1].size()) +
                 ") to validate, that is, to choose by, and "
                 "20 % (" +
                 example::thousands(parts[2].size()) +
                 ") to test. The test base was opened once, when everything had been learnt and "
                 "chosen; its numbers stand beside the others only here on the page.")
      .table(table);
}

void tell_stopping(example::Page& page, const Study& study) {
  const auto row = [&](const std::string& name, const auto& text_of) {
    return std::vector<std::string>{name, text_of(study.stopped), text_of(study.unstopped)};
  };
  const auto cost_text = [](Spread (*figure)(const Runs&)) {
    return [figure](const Runs& runs) { return fixed_of(figure(runs)); };
  };
  const auto rate_text = [](Spread (*figure)(const Runs&)) {
    return [figure](const Runs& runs) { return percent_of(figure(runs)); };
  };
  const auto epochs_text = [](const Runs& runs) { return fixed_of(epochs_made(runs), 1); };
  const double cost = test_cost(study.stopped).mean;
  const double cost_without = test_cost(study.unstopped).mean;
  const double gain = test_rate(study.stopped).mean - test_rate(study.unstopped).mean;
  page.section("When to stop")
      .paragraph(
          "A network of 256 hidden cells learnt twice from the same first weights: for all "
          "epochs, and with early stopping, which ends when the cost on the validation base "
          "has not fallen for " +
          std::to_string(patience) + " epochs and goes back to the weights where it was least.")
      .picture("stopping.png",
               "Without stopping. The line marks the epoch, in the mean, whose "
               "weights early stopping restores.")
      .table({.caption = "With and without early stopping, mean and spread of " +
                         example::counted(static_cast<Index>(study.stopped.size()), "seed") + ".",
              .columns = {"", "with", "without"},
              .rows = {row("epochs", epochs_text),
                       row("cost on the validation base", cost_text(validation_cost)),
                       row("cost on the test base", cost_text(test_cost)),
                       row("rate on the validation base", rate_text(validation_rate)),
                       row("rate on the test base", rate_text(test_rate))}});
  page.conclusion(
      "Early stopping went back to epoch " + example::fixed(best_epochs(study.stopped).mean, 1) +
      " in the mean and made " + example::fixed(epochs_made(study.stopped).mean, 1) + " of " +
      example::fixed(epochs_made(study.unstopped).mean, 0) +
      " epochs. The cost on the test base is " + example::fixed(cost, 4) + " with it and " +
      example::fixed(cost_without, 4) + " without; the recognition rate is " +
      (std::abs(gain) < 0.00005 ? "the same"
                                : example::fixed(100 * std::abs(gain), 2) + " points " +
                                      (gain > 0 ? "higher" : "lower") + " with it") +
      (cost < cost_without && gain <= 0
           ? ". Longer learning makes the outputs too sure, which the cost punishes, but errors do "
             "not become more."
           : "."));
}

void tell_choice(example::Page& page, const Study& study) {
  const std::vector<Candidate>& candidates = study.candidates;
  example::Table table{
      .caption = "Every setting, with early stopping.",
      .columns = {"cells", "weight decay", "best epoch", "rate, validation", "rate, test"},
      .bold_rows = {static_cast<Index>(study.chosen)}};
  for (const Candidate& candidate : candidates) {
    const Runs& runs = candidate.runs;
    table.rows.push_back({std::to_string(candidate.setting.cells),
                          decay_text(candidate.setting.weight_decay),
                          example::fixed(best_epochs(runs).mean, 1),
                          percent_of(validation_rate(runs)), percent_of(test_rate(runs))});
  }
  const Candidate& chosen = candidates[study.chosen];
  const Candidate& best = candidates[best_on_test(candidates)];
  const double missed = test_rate(best.runs).mean - test_rate(chosen.runs).mean;
  page.section("What to choose")
      .paragraph(
          "Each width was tried with each weight decay (AdamW, learning step 0.001). The "
          "setting with the best mean rate on the validation base is chosen: in bold.")
      .picture("choice.png", "The share of the validation base that is not recognised.")
      .table(table)
      .picture("prediction.png",
               "Each network's rate on the base by which it was chosen, and on the one that "
               "played no part in it.");
  page.conclusion("Validation chooses " + name_of(chosen.setting) + ", with " +
                  example::percent(validation_rate(chosen.runs).mean) +
                  ". On the test base that setting has " +
                  example::percent(test_rate(chosen.runs).mean) +
                  (missed <= 0 ? ", the best of all there too: nothing was missed."
                               : "; the best there would have been " + name_of(best.setting) +
                                     " with " + example::fixed(100 * missed, 2) + " points more."));
}

void tell_folds(example::Page& page, const Study& study, const Run& final, Index known) {
  const Spread rate = nn::spread_of(study.fold_rates);
  const Spread cost = nn::spread_of(study.fold_costs);
  example::Table table{.caption = "Each part in turn left out of learning, and measured.",
                       .columns = {"part left out", "cost", "rate"}};
  for (std::size_t k = 0; k < study.fold_rates.size(); ++k) {
    table.rows.push_back({std::to_string(k + 1), example::fixed(study.fold_costs[k], 4),
                          example::percent(study.fold_rates[k])});
  }
  table.rows.push_back({"mean", fixed_of(cost), percent_of(rate)});
  table.bold_rows = {static_cast<Index>(table.rows.size()) - 1};
  const Index total = final.test.count;
  const nn::Proportion proportion = nn::proportion(
      static_cast<Index>(std::llround(final.test.accuracy * static_cast<double>(total))), total);
  const double difference = final.test.accuracy - rate.mean;
  const bool within = rate.mean >= proportion.lower && rate.mean <= proportion.upper;
  page.section("What to expect")
      .paragraph(
          "One validation base gives one number, and the choice was made on it. So the "
          "learning and the validation base together, " +
          example::thousands(known) + " images, were cut into " +
          std::to_string(study.fold_rates.size()) +
          " parts; the chosen setting learnt as many times, for " +
          example::counted(study.chosen_epochs, "epoch") +
          ", from all but one part, on which it was measured.")
      .table(table)
      .paragraph("At last the chosen setting learnt from all " + example::thousands(known) +
                 " images, and the test base was opened: " + example::percent(final.test.accuracy) +
                 " (95 % interval " + example::percent(proportion.lower) + " to " +
                 example::percent(proportion.upper) + "), cost " +
                 example::fixed(final.test.loss, 4) + ".");
  page.conclusion(
      "Cross-validation predicts " + percent_of(rate) + "; the test base gives " +
      example::percent(final.test.accuracy) + ", " + example::fixed(100 * std::abs(difference), 2) +
      " points " + (difference < 0 ? "less" : "more") + ". The prediction lies " +
      (within ? "within" : "outside") + " the interval of the test base. Over " +
      std::to_string(study.fold_rates.size()) +
      " parts the rate varies by a standard deviation of " +
      example::fixed(100 * rate.deviation, 2) +
      " points: differences between settings that are smaller are not to be taken seriously.");
}

/// What all the settings together say of validation.
struct Gains {
  double difference = 0;  ///< of the rates on validation and test base, the mean over the settings
  double mean = 0;        ///< rate on the test base, likewise
  double chosen = 0;      ///< the rates of the chosen setting
  double promised = 0;
};

Gains gains_of(const Study& study) {
  Gains gains{.chosen = test_rate(study.candidates[study.chosen].runs).mean,
              .promised = validation_rate(study.candidates[study.chosen].runs).mean};
  const auto count = static_cast<double>(study.candidates.size());
  for (const Candidate& candidate : study.candidates) {
    const double test = test_rate(candidate.runs).mean;
    gains.mean += test / count;
    gains.difference += std::abs(validation_rate(candidate.runs).mean - test) / count;
  }
  return gains;
}

void tell_gains(example::Page& page, const Study& study, const Run& final) {
  const auto points = [](double share) {
    return (share < 0 ? "−" : "+") + example::fixed(100 * std::abs(share), 2) + " points";
  };
  const auto row = [&](const std::string& use, double before, double after) {
    return std::vector<std::string>{use, example::percent(before), example::percent(after),
                                    points(after - before)};
  };
  const Gains gains = gains_of(study);
  const double folds = nn::spread_of(study.fold_rates).mean;
  const double stopped = test_rate(study.stopped).mean;
  const double unstopped = test_rate(study.unstopped).mean;
  const double saved = 1 - epochs_made(study.stopped).mean / epochs_made(study.unstopped).mean;
  page.section("What validation predicts, and what it buys")
      .table({.caption = "The recognition rates side by side.",
              .columns = {"prediction", "promised", "on the test base", "difference"},
              .rows = {row("the chosen setting, by validation", gains.promised, gains.chosen),
                       row("the same, by cross-validation", folds, final.test.accuracy)}})
      .table(
          {.caption = "The recognition rate on the test base.",
           .columns = {"use", "without", "with", "difference"},
           .rows = {row("stopping early", unstopped, stopped),
                    row("choosing (without: the mean of all settings)", gains.mean, gains.chosen),
                    row("learning from the validation base too, in the end", gains.chosen,
                        final.test.accuracy)}});
  page.conclusion(
      "A setting's rate on the validation base tells that on the test base within " +
      example::fixed(100 * gains.difference, 2) +
      " points in the mean over all settings; the one that was chosen for being the highest "
      "promises " +
      (gains.promised > gains.chosen
           ? example::fixed(100 * (gains.promised - gains.chosen), 2) + " points too much"
           : "no more than the test base keeps") +
      ". Choosing brings " + points(gains.chosen - gains.mean) +
      " against a setting taken at random, stopping early saves " + example::percent(saved, 0) +
      " of the epochs for " + points(stopped - unstopped) +
      ", and learning from the validation images in the end brings " +
      points(final.test.accuracy - gains.chosen) + ".");
}

example::Metrics runs_metrics(const Runs& runs) {
  return {{"epochs", epochs_made(runs).mean},
          {"best_epoch", best_epochs(runs).mean},
          {"train_seconds", seconds(runs).mean},
          {"validation_cost", example::spread_metrics(validation_cost(runs))},
          {"validation_recognition", example::spread_metrics(validation_rate(runs))},
          {"test_cost", example::spread_metrics(test_cost(runs))},
          {"test_recognition", example::spread_metrics(test_rate(runs))}};
}

example::Metrics metrics_of(const Options& options, const std::array<Dataset, 3>& parts,
                            const Study& study, const Run& final) {
  example::Metrics metrics;
  metrics["dataset"] = "mnist";
  metrics["learning_images"] = parts[0].size();
  metrics["validation_images"] = parts[1].size();
  metrics["test_images"] = parts[2].size();
  metrics["early_stopping"] = runs_metrics(study.stopped);
  metrics["no_early_stopping"] = runs_metrics(study.unstopped);
  for (const Candidate& candidate : study.candidates) {
    example::Metrics entry = runs_metrics(candidate.runs);
    entry["cells"] = candidate.setting.cells;
    entry["weight_decay"] = candidate.setting.weight_decay;
    metrics["settings"].push_back(entry);
  }
  const Setting chosen = study.candidates[study.chosen].setting;
  metrics["chosen"] = {{"cells", chosen.cells},
                       {"weight_decay", chosen.weight_decay},
                       {"epochs", study.chosen_epochs}};
  metrics["fold_recognition"] = study.fold_rates;
  metrics["fold_cost"] = study.fold_costs;
  metrics["cross_validation"] = example::spread_metrics(nn::spread_of(study.fold_rates));
  const Gains gains = gains_of(study);
  metrics["mean_difference_of_validation_and_test"] = gains.difference;
  metrics["mean_test_recognition_of_settings"] = gains.mean;
  metrics["test_accuracy"] = final.test.accuracy;
  metrics["test_cost"] = final.test.loss;
  metrics["seeds"] = options.seeds;
  metrics["seed"] = options.seed;
  return metrics;
}

void study(Options options) {
  if (options.quick) options.seeds = std::min<Index>(options.seeds, 2);
  const Dataset whole = example::whole_base(options);
  const auto parts = example::normalized(nn::split(whole, {0.6, 0.2, 0.2}, {.seed = options.seed}));
  const auto& [learning, validation, test] = parts;
  const std::vector<Setting> all = settings(options);
  const Index choice_epochs = std::min<Index>(options.epochs, 12);

  example::Progress progress(static_cast<Index>(all.size()) + 4, {.label = "validation"});
  progress.update(0);
  Index done = 0;
  Study study{.stopped = learn_all(options, {}, learning, validation, options.epochs, patience),
              .unstopped = learn_all(options, {}, learning, validation, options.epochs, 0)};
  progress.update(done += 2);
  for (const Setting& setting : all) {
    study.candidates.push_back(
        {setting, learn_all(options, setting, learning, validation, choice_epochs, patience)});
    progress.update(++done);
  }
  study.chosen = choose(study.candidates);
  const Candidate& chosen = study.candidates[study.chosen];
  study.chosen_epochs = static_cast<Index>(std::llround(best_epochs(chosen.runs).mean));
  const Dataset known = concatenate(learning, validation);
  cross_validate(options, study, known);
  progress.update(++done);
  Run final = learn(chosen.setting, known, known, study.chosen_epochs, 0, options.seed);
  progress.update(++done);
  progress.finish();

  // From here on nothing is chosen any more.
  open_test_base(study.stopped, test);
  open_test_base(study.unstopped, test);
  for (Candidate& candidate : study.candidates) open_test_base(candidate.runs, test);
  final.test = nn::evaluate(final.model, test, nn::SoftmaxCrossEntropy{});

  draw_stopping(options, study);
  draw_candidates(options, study.candidates);
  draw_prediction(options, study.candidates);
  example::write_metrics(options.out, metrics_of(options, parts, study, final));

  example::Page page("Validation and cross-validation",
                     "What does a validation base predict about the test base, and what does it "
                     "buy?");
  page.key_figures({{percent_of(nn::spread_of(study.fold_rates)), "predicted by cross-validation"},
                    {example::percent(final.test.accuracy), "recognised of the test base"}});
  tell_bases(page, parts);
  tell_stopping(page, study);
  tell_choice(page, study);
  tell_folds(page, study, final, known.size());
  tell_gains(page, study, final);
  example::add_facts(page, options, learning);
  page.write(options.out);
  std::cout << "predicted by cross-validation: " << percent_of(nn::spread_of(study.fold_rates))
            << "\nrecognition rate on the test base: " << example::percent(final.test.accuracy)
            << "\npage: " << (options.out / "index.html").string() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("part2_cross_validation",
                            "Stops, chooses and predicts by a validation base.", options,
                            {.epochs = 16, .quick_epochs = 3});
  line.flag("--seeds", options.seeds, "runs of everything, each with another seed");
  line.flag("--folds", options.folds, "parts of the cross-validation");
  return example::run_program(line, argc, argv, [&] { study(options); });
}
