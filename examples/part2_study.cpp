// Part 2: what the number of hidden units, of iterations and the learning rate do, one at a time.

#include <cmath>
#include <iostream>
#include <map>

#include "ranks/ranks.hpp"
#include "support/study/points.hpp"
#include "support/study/rates.hpp"
#include "support/template.hpp"

namespace {

using namespace example::study;  // NOLINT(google-build-using-namespace): its own parts
using example::Metrics;

// ---- hidden units ----

/// One network, learnt once for each seed.
struct Hidden {
  Point point;
  Metrics metrics;
};

/// One of them from one seed.
struct HiddenRun {
  Measured measured;
  double seconds = 0;
  Index parameters = 0;
};

HiddenRun learn_hidden(const Parts& parts, const std::vector<Index>& hidden, Index epochs,
                       std::uint64_t seed) {
  nn::Model model(example::dense_network(hidden, parts.training.classes()),
                  parts.training.sample_shape(), {.seed = seed});
  const nn::History history =
      nn::fit(model, parts.training, nn::SoftmaxCrossEntropy{},
              nn::Adam{.learning_rate = usual_rate}, fit_options(epochs, seed));
  return {measure(model, parts), history.seconds(), example::parameter_count(model)};
}

/// Networks with these hidden layers, each from several seeds.
std::vector<Hidden> learn_all_hidden(const Options& options, const Parts& parts,
                                     const std::vector<std::vector<Index>>& networks,
                                     Index epochs) {
  const auto count = static_cast<Index>(networks.size());
  const std::vector<HiddenRun> runs =
      share_trainings(options, "hidden units", count * options.seeds, [&](Index training) {
        return learn_hidden(parts, networks[static_cast<std::size_t>(training / options.seeds)],
                            epochs, seed_of(options, training % options.seeds));
      });
  std::vector<Hidden> all;
  const HiddenRun* run = runs.data();
  for (const std::vector<Index>& hidden : networks) {
    Measures measures;
    Index parameters = 0;
    for (Index seed = 0; seed < options.seeds; ++seed, ++run) {
      measures.add(run->measured);
      measures.seconds.push_back(run->seconds);
      parameters = run->parameters;
    }
    Hidden result{.point = point_of(static_cast<double>(hidden[0]), measures), .metrics = {}};
    result.metrics = point_metrics("cells", result.point);
    result.metrics["hidden_layers"] = hidden.size();
    result.metrics["parameters"] = parameters;
    result.metrics["train_seconds"] = nn::spread_of(measures.seconds).mean;
    all.push_back(result);
  }
  return all;
}

/// The first that the best one does not beat by more than the spread of the seeds.
const Hidden& enough_of(const std::vector<Hidden>& all, const Point& best) {
  return *std::find_if(all.begin(), all.end(), [&](const Hidden& one) {
    const double spread = std::max(one.point.test_accuracy.deviation, best.test_accuracy.deviation);
    return one.point.test_accuracy.mean >= best.test_accuracy.mean - spread;
  });
}

/// Networks with one hidden layer beside those with two as wide ones.
void compare_depths(const std::vector<Hidden>& single, const std::vector<Hidden>& twice,
                    Metrics& findings) {
  for (const Hidden& two : twice) {
    Metrics one_of_same_width;
    for (const Hidden& one : single) {
      if (one.point.x != two.point.x) continue;
      one_of_same_width = one.metrics;
      const double gain = two.point.test_accuracy.mean - one.point.test_accuracy.mean;
      const double spread =
          std::max(two.point.test_accuracy.deviation, one.point.test_accuracy.deviation);
      findings["gains"].push_back(
          {{"gain", gain}, {"units", one.point.x}, {"within_spread", !(std::abs(gain) > spread)}});
    }
    findings["depths"].push_back({{"one", one_of_same_width}, {"two", two.metrics}});
  }
}

void study_units(const Options& options, const Parts& parts, Results& results) {
  const Index epochs = options.quick ? 1 : 6;
  const std::vector<Index> doubled =
      options.quick ? std::vector<Index>{16, 64} : std::vector<Index>{16, 64, 256};
  std::vector<std::vector<Index>> networks;
  for (const Index width : options.widths) networks.push_back({width});
  for (const Index width : doubled) networks.push_back({width, width});
  std::vector<Hidden> single = learn_all_hidden(options, parts, networks, epochs);
  const auto first_double = single.begin() + static_cast<std::ptrdiff_t>(options.widths.size());
  const std::vector<Hidden> twice(first_double, single.end());
  single.erase(first_double, single.end());
  std::vector<Point> points;
  std::vector<double> ticks;
  for (const Hidden& one : single) {
    points.push_back(one.point);
    ticks.push_back(one.point.x);
    results.metrics["cells"].push_back(one.metrics);
  }
  for (const Hidden& two : twice) results.metrics["two_hidden_layers"].push_back(two.metrics);
  draw(options, "cells", points, {.label = "hidden units", .logarithmic = true, .ticks = ticks});

  const Point& best = best_of(points);
  const Hidden& enough = enough_of(single, best);
  const Fall fall = largest_fall(points);
  results.metrics["cells_best"] = best.x;
  results.metrics["cells_enough"] = enough.point.x;
  results.findings["units"] = {{"epochs", epochs},
                               {"fewest", single.front().metrics},
                               {"best", point_metrics("cells", best)},
                               {"enough", enough.metrics},
                               {"best_is_ahead", enough.point.x == best.x},
                               {"fall", findings_of(fall)},
                               {"gains", Metrics::array()},
                               {"depths", Metrics::array()}};
  compare_depths(single, twice, results.findings["units"]);
  note_worse(results, "hidden cells", "hidden units", fall);
}

// ---- iterations ----

constexpr Index studied_units = 256;

/// Whether to measure after this update of the first epoch: 1, 2, 4, 8, ...
bool is_power_of_two(Index step) { return (step & (step - 1)) == 0; }

/// What was measured while networks learnt.
struct Course {
  std::vector<Point> updates;  ///< within the first epoch
  std::vector<Point> epochs;
};

/// What a network is at some time.
struct Moment {
  Index update = 0;  ///< within the first epoch; 0 at the end of an epoch
  Index epoch = 0;   ///< likewise the other way round
  Measured measured;
};

/// The moments of one training.
std::vector<Moment> follow_training(const Options& options, const Parts& parts, std::uint64_t seed,
                                    example::SharedProgress& progress) {
  std::vector<Moment> moments;
  nn::Model model(example::dense_network({studied_units}, parts.training.classes()),
                  parts.training.sample_shape(), {.seed = seed});
  nn::Callback callback;
  callback.on_batch = [&](nn::BatchReport& report) {
    const bool wanted = is_power_of_two(report.step) || report.batch == report.batches;
    if (report.epoch == 1 && wanted) moments.push_back({report.step, 0, measure(model, parts)});
  };
  callback.on_epoch = [&](nn::EpochReport& report) {
    moments.push_back({0, report.record.epoch, measure(model, parts)});
    progress.step();
  };
  nn::FitOptions fitting = fit_options(options.epochs, seed);
  fitting.callbacks = {callback};
  nn::fit(model, parts.training, nn::SoftmaxCrossEntropy{}, nn::Adam{.learning_rate = usual_rate},
          fitting);
  return moments;
}

Course follow_course(const Options& options, const Parts& parts) {
  example::SharedProgress progress(options, options.seeds * options.epochs, "iterations");
  const auto runs = nn::share_tasks(*options.world, options.seeds, [&](Index run) {
    return follow_training(options, parts, seed_of(options, run), progress);
  });
  progress.finish();
  std::map<Index, Measures> after_update;
  std::map<Index, Measures> after_epoch;
  for (const std::vector<Moment>& moments : runs) {
    for (const Moment& moment : moments) {
      Measures& measures =
          moment.update > 0 ? after_update[moment.update] : after_epoch[moment.epoch];
      measures.add(moment.measured);
    }
  }
  Course course;
  for (const auto& [x, all] : after_update) {
    course.updates.push_back(point_of(static_cast<double>(x), all));
  }
  for (const auto& [x, all] : after_epoch) {
    course.epochs.push_back(point_of(static_cast<double>(x), all));
  }
  return course;
}

/// What the page says of the first epoch.
void findings_of_first_epoch(const std::vector<Point>& updates, Metrics& findings) {
  const auto half = std::find_if(updates.begin(), updates.end(),
                                 [](const Point& point) { return point.test_accuracy.mean > 0.5; });
  findings["half"] = half == updates.end() ? Metrics() : point_metrics("update", *half);
  const Point& last = updates.back();
  findings["first_epoch"] = point_metrics("update", last);
  findings["same_loss"] = last.test_loss.mean < 1.1 * last.training_loss.mean;
}

void study_iterations(const Options& options, const Parts& parts, Results& results) {
  const auto [updates, epochs] = follow_course(options, parts);
  draw(options, "updates", updates, {.label = "updates of the weights", .logarithmic = true});
  draw(options, "epochs", epochs,
       {.label = "epoch", .ticks = example::epoch_ticks(options.epochs)});
  Metrics& metrics = results.metrics;
  for (const Point& point : updates) metrics["updates"].push_back(point_metrics("update", point));
  for (const Point& point : epochs) metrics["epochs"].push_back(point_metrics("epoch", point));

  const Point& least = *std::min_element(
      epochs.begin(), epochs.end(),
      [](const Point& a, const Point& b) { return a.test_loss.mean < b.test_loss.mean; });
  const Point& last = epochs.back();
  const Point& best = best_of(epochs);
  metrics["epoch_of_least_test_cost"] = least.x;
  metrics["epoch_of_best_test_recognition"] = best.x;
  Metrics& findings = results.findings["iterations"];
  findings = {{"units", studied_units},
              {"batch_size", batch_size},
              {"least", point_metrics("epoch", least)},
              {"last", point_metrics("epoch", last)},
              {"best", point_metrics("epoch", best)},
              {"overfits", least.x != last.x},
              {"best_is_last", best.x == last.x},
              {"rises_on", least.x < best.x},
              {"fall", findings_of(largest_fall(epochs))}};
  findings_of_first_epoch(updates, findings);
  note_worse(results, "epochs", "epochs", largest_fall(epochs));
}

// ---- all of it ----

/// The classes in both sets.
Metrics class_findings(const Parts& parts) {
  const std::vector<Index> training = parts.training.class_counts();
  const std::vector<Index> test = parts.test.class_counts();
  Metrics classes = Metrics::array();
  for (std::size_t c = 0; c < training.size(); ++c) {
    classes.push_back(
        {{"name", parts.training.class_names()[c]}, {"training", training[c]}, {"test", test[c]}});
  }
  return classes;
}

void study(Options options) {
  if (options.quick) options.seeds = std::min<Index>(options.seeds, 2);
  const Dataset whole = example::whole_set(options);
  const auto halves = example::normalized(nn::split(whole, {0.6, 0.4}, {.seed = options.seed}));
  const Parts parts{halves[0], halves[1]};
  Results results;
  results.metrics = {{"dataset", "mnist"},
                     {"learning_images", parts.training.size()},
                     {"test_images", parts.test.size()},
                     {"seeds", options.seeds},
                     {"seed", options.seed}};
  results.findings = {
      {"images", whole.size()},
      {"classes", class_findings(parts)},
      {"worse",
       {{"any", false}, {"rows", Metrics::array()}, {"counts", nullptr}, {"rates", nullptr}}}};
  study_units(options, parts, results);
  study_iterations(options, parts, results);
  study_rates(options, parts, results);
  if (!results.metrics.contains("worse_for_being_larger")) {
    results.metrics["worse_for_being_larger"] = Metrics::array();
  }
  if (!options.writes()) return;
  example::write_metrics(options.out, results.metrics);

  Metrics values = results.metrics;
  values.update(results.findings);
  example::Page page = example::page_of("part2_study", values);
  example::add_facts(page, options, parts.training);
  page.write(options.out);
  std::cout << "page: " << (options.out / "index.html").string() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("part2_study",
                            "Varies hidden units, iterations and the learning rate, one at a time.",
                            options, {.epochs = 25, .quick_epochs = 3});
  line.flag("--seeds", options.seeds, "runs of everything, each with another seed");
  line.flag("--widths", options.widths, "the numbers of hidden units");
  return example::run_program(line, argc, argv, [&] {
    options.join(example::ranks());
    study(options);
  });
}
