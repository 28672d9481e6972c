// Part 2: what the number of cells, of iterations and the learning step do, one at a time.

#include <nn/viz/plot.hpp>

#include <cmath>
#include <iostream>
#include <limits>
#include <map>

#include "support/study.hpp"

namespace {

using example::fixed_of;
using example::percent_of;
using nn::Dataset;
using nn::Index;
using nn::Spread;

struct Options : example::Flags {
  Index seeds = 3;
  std::vector<Index> widths{4, 8, 16, 32, 64, 128, 256, 512, 1024};
};

constexpr Index batch_size = 128;
constexpr float usual_step = 0.001F;  // of Adam, wherever the step is not what is studied
const double guessing_cost = std::log(10.0);

struct Bases {
  Dataset learning;
  Dataset test;
};

/// Cost and rate on both bases: one number a run.
struct Measures {
  std::vector<double> learning_cost = {};
  std::vector<double> test_cost = {};
  std::vector<double> learning_rate = {};
  std::vector<double> test_rate = {};
  std::vector<double> seconds = {};

  template <class Model>
  void add(const Model& model, const Bases& bases) {
    const nn::Evaluation learning = nn::evaluate(model, bases.learning, nn::SoftmaxCrossEntropy{});
    const nn::Evaluation test = nn::evaluate(model, bases.test, nn::SoftmaxCrossEntropy{});
    learning_cost.push_back(learning.loss);
    learning_rate.push_back(learning.accuracy);
    test_cost.push_back(test.loss);
    test_rate.push_back(test.accuracy);
  }
};

/// The same measures at one point of a curve, over all runs.
struct Point {
  double x = 0;
  Spread learning_cost;
  Spread test_cost;
  Spread learning_rate;
  Spread test_rate;
};

Point point_of(double x, const Measures& measures) {
  return {x, nn::spread_of(measures.learning_cost), nn::spread_of(measures.test_cost),
          nn::spread_of(measures.learning_rate), nn::spread_of(measures.test_rate)};
}

example::Metrics point_metrics(const std::string& factor, const Point& point) {
  return {{factor, point.x},
          {"learning_cost", example::spread_metrics(point.learning_cost)},
          {"test_cost", example::spread_metrics(point.test_cost)},
          {"learning_recognition", example::spread_metrics(point.learning_rate)},
          {"test_recognition", example::spread_metrics(point.test_rate)}};
}

nn::viz::Curve curve_of(const std::string& name, const std::vector<Point>& points,
                        Spread Point::*measure) {
  nn::viz::Curve curve{.name = name};
  for (const Point& point : points) {
    curve.x.push_back(point.x);
    curve.y.push_back((point.*measure).mean);
    curve.spread.push_back((point.*measure).deviation);
  }
  return curve;
}

/// Draws NAME_cost.png and NAME_rate.png.
void draw(const Options& options, const std::string& name, const std::vector<Point>& points,
          const nn::viz::Axis& x) {
  nn::viz::plot_curves(options.out / (name + "_cost.png"),
                       {curve_of("learning base", points, &Point::learning_cost),
                        curve_of("test base", points, &Point::test_cost)},
                       {.title = "Cost", .x = x, .y = {.label = "cost", .logarithmic = true}});
  nn::viz::plot_curves(options.out / (name + "_rate.png"),
                       {curve_of("learning base", points, &Point::learning_rate),
                        curve_of("test base", points, &Point::test_rate)},
                       {.title = "Recognition rate",
                        .x = x,
                        .y = {.label = "images recognised", .percent = true, .max = 1.0}});
}

/// The two neighbours between which the test base's rate falls most; nothing if it never falls.
struct Fall {
  const Point* from = nullptr;
  const Point* to = nullptr;
  [[nodiscard]] double size() const {
    return from == nullptr ? 0 : from->test_rate.mean - to->test_rate.mean;
  }
};

Fall largest_fall(const std::vector<Point>& points) {
  Fall largest;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const Fall fall{&points[i - 1], &points[i]};
    if (fall.size() > largest.size()) largest = fall;
  }
  return largest;
}

/// "from 256 to 512 cells it falls by 0.05 points ...", or that it never falls.
std::string tell(const Fall& fall, const std::string& unit) {
  if (fall.from == nullptr) {
    return "Nowhere does the rate on the test base fall from one value to the next larger.";
  }
  const double spread = std::max(fall.from->test_rate.deviation, fall.to->test_rate.deviation);
  return "From " + example::thousands(static_cast<Index>(fall.from->x)) + " to " +
         example::thousands(static_cast<Index>(fall.to->x)) + " " + unit +
         " the rate on the test base is worse for being larger, by " +
         example::fixed(100 * fall.size(), 2) + " points" +
         (fall.size() > spread ? ", more than the spread between the seeds."
                               : ", less than the spread between the seeds (" +
                                     example::fixed(100 * spread, 2) + ").");
}

/// The values that turned out worse than the next smaller one.
class WorseForBeingLarger {
 public:
  void add(const std::string& factor, const std::string& from, const std::string& to,
           const Spread& smaller, const Spread& larger) {
    add(factor, from, to, smaller, larger, steps_loss_);
  }
  void add(const std::string& factor, const Fall& fall) {
    if (fall.from == nullptr) return;
    const auto text = [](double x) { return example::thousands(static_cast<Index>(x)); };
    add(factor, text(fall.from->x), text(fall.to->x), fall.from->test_rate, fall.to->test_rate,
        counts_loss_);
  }

  [[nodiscard]] std::string verdict() const {
    const auto points = [](double share) { return example::fixed(100 * share, 2) + " points"; };
    std::string text = counts_loss_ < 0
                           ? "No next larger number of cells or epochs was worse. "
                           : "The next larger number of cells or epochs costs at most " +
                                 points(counts_loss_) + " of the rate. ";
    if (steps_loss_ >= 0) {
      text += "The next learning step beyond the best costs up to " + points(steps_loss_) + ".";
    }
    return text;
  }

  [[nodiscard]] const example::Table& table() const { return table_; }
  [[nodiscard]] const example::Metrics& metrics() const { return list_; }

 private:
  void add(const std::string& factor, const std::string& from, const std::string& to,
           const Spread& smaller, const Spread& larger, double& most) {
    const double spread = std::max(smaller.deviation, larger.deviation);
    const double loss = smaller.mean - larger.mean;
    table_.rows.push_back({factor, from, to, percent_of(smaller), percent_of(larger),
                           loss > spread ? "more" : "less"});
    list_.push_back({{"factor", factor},
                     {"from", from},
                     {"to", to},
                     {"test_recognition_from", example::spread_metrics(smaller)},
                     {"test_recognition_to", example::spread_metrics(larger)}});
    most = std::max(most, loss);
  }

  double counts_loss_ = -1;  // of recognition, the largest so far; -1: none
  double steps_loss_ = -1;
  example::Table table_{
      .caption =
          "Where the rate on the test base falls most from one value to the next larger, and "
          "whether by more or less than the spread between the seeds.",
      .columns = {"factor", "from", "to", "rate before", "rate after", "than the spread"}};
  example::Metrics list_ = example::Metrics::array();
};

const Point& best_of(const std::vector<Point>& points) {
  return *std::max_element(points.begin(), points.end(), [](const Point& a, const Point& b) {
    return a.test_rate.mean < b.test_rate.mean;
  });
}

nn::FitOptions fit_options(Index epochs, std::uint64_t seed) {
  return {.epochs = epochs, .batch_size = batch_size, .seed = seed};
}

std::uint64_t seed_of(const Options& options, Index run) {
  return options.seed + static_cast<std::uint64_t>(run);
}

// ---- hidden cells ----

/// One network, learnt once for each seed.
struct Cells {
  std::vector<Index> hidden;
  Index parameters = 0;
  Point point;
  Spread seconds;
};

Cells learn_cells(const Options& options, const Bases& bases, const std::vector<Index>& hidden,
                  Index epochs) {
  Measures measures;
  Index parameters = 0;
  for (Index run = 0; run < options.seeds; ++run) {
    const std::uint64_t seed = seed_of(options, run);
    nn::Model model(example::dense_network(hidden, bases.learning.classes()),
                    bases.learning.sample_shape(), {.seed = seed});
    const nn::History history =
        nn::fit(model, bases.learning, nn::SoftmaxCrossEntropy{},
                nn::Adam{.learning_rate = usual_step}, fit_options(epochs, seed));
    measures.add(model, bases);
    measures.seconds.push_back(history.seconds());
    parameters = example::parameter_count(model);
  }
  return {hidden, parameters, point_of(static_cast<double>(hidden[0]), measures),
          nn::spread_of(measures.seconds)};
}

/// "+0.12" or "−0.12", in points of a hundred.
std::string signed_points(double share) {
  return (share < 0 ? "−" : "+") + example::fixed(100 * std::abs(share), 2);
}

std::string name_of(const std::vector<Index>& hidden) {
  std::string name;
  for (const Index cells : hidden) name += (name.empty() ? "" : " + ") + example::thousands(cells);
  return name;
}

example::Table cells_table(const std::vector<Cells>& all, std::string caption) {
  example::Table table{
      .caption = std::move(caption),
      .columns = {"cells", "parameters", "seconds", "cost", "test cost", "rate", "test rate"}};
  for (const Cells& one : all) {
    table.rows.push_back(
        {name_of(one.hidden), example::thousands(one.parameters),
         example::fixed(one.seconds.mean, 1), example::fixed(one.point.learning_cost.mean, 3),
         example::fixed(one.point.test_cost.mean, 3),
         example::percent(one.point.learning_rate.mean), percent_of(one.point.test_rate)});
  }
  return table;
}

example::Metrics cells_metrics(const std::vector<Cells>& all) {
  example::Metrics list = example::Metrics::array();
  for (const Cells& one : all) {
    example::Metrics entry = point_metrics("cells", one.point);
    entry["hidden_layers"] = one.hidden.size();
    entry["parameters"] = one.parameters;
    entry["train_seconds"] = one.seconds.mean;
    list.push_back(entry);
  }
  return list;
}

/// The smallest width that the best one does not beat by more than the spread of the seeds.
const Cells& enough_cells(const std::vector<Cells>& all, const Point& best) {
  return *std::find_if(all.begin(), all.end(), [&](const Cells& one) {
    const double spread = std::max(one.point.test_rate.deviation, best.test_rate.deviation);
    return one.point.test_rate.mean >= best.test_rate.mean - spread;
  });
}

void study_cells(const Options& options, const Bases& bases, example::Page& page,
                 example::Metrics& metrics, WorseForBeingLarger& larger) {
  const Index epochs = options.quick ? 1 : 6;
  const std::vector<Index> doubled =
      options.quick ? std::vector<Index>{16, 64} : std::vector<Index>{16, 64, 256};
  example::Progress progress(static_cast<Index>(options.widths.size() + doubled.size()),
                             {.label = "hidden cells"});
  Index done = 0;
  std::vector<Cells> single;
  std::vector<Point> points;
  for (const Index width : options.widths) {
    single.push_back(learn_cells(options, bases, {width}, epochs));
    points.push_back(single.back().point);
    progress.update(++done);
  }
  std::vector<Cells> twice;
  for (const Index width : doubled) {
    twice.push_back(learn_cells(options, bases, {width, width}, epochs));
    progress.update(++done);
  }
  progress.finish();

  std::vector<double> ticks;
  for (const Index width : options.widths) ticks.push_back(static_cast<double>(width));
  draw(options, "cells", points, {.label = "hidden cells", .logarithmic = true, .ticks = ticks});
  metrics["cells"] = cells_metrics(single);
  metrics["two_hidden_layers"] = cells_metrics(twice);

  const Point& best = best_of(points);
  const Cells& enough = enough_cells(single, best);
  const Fall fall = largest_fall(points);
  metrics["cells_best"] = best.x;
  metrics["cells_enough"] = enough.point.x;
  page.section("The number of hidden cells")
      .paragraph("One hidden layer, learnt for " + example::counted(epochs, "epoch") +
                 " with Adam at a learning step of 0.001. The time is that of the learning alone.")
      .table(cells_table(single,
                         "One hidden layer of more and more cells: cost and rate on the learning "
                         "base and on the test base."))
      .pictures({{"cells_cost.png", "The cost; the band is the spread of the seeds."},
                 {"cells_rate.png", "The recognition rate."}});
  page.conclusion(
      "With " + name_of(single.front().hidden) + " cells " +
      example::percent(points.front().test_rate.mean) + " of the test base is recognised, with " +
      example::thousands(static_cast<Index>(best.x)) + ", the best of all, " +
      example::percent(best.test_rate.mean) +
      (enough.point.x == best.x
           ? ": ahead of every smaller number by more than the seeds differ, so that up to there "
             "more cells help. "
           : ". That is not ahead of the " + example::percent(enough.point.test_rate.mean) +
                 " of " + name_of(enough.hidden) + " cells by more than the seeds differ: beyond " +
                 name_of(enough.hidden) + " cells, more stop helping. ") +
      tell(fall, "cells"));
  larger.add("hidden cells", fall);

  std::vector<Cells> against;
  std::string verdict;
  for (const Cells& two : twice) {
    for (const Cells& one : single) {
      if (one.hidden[0] != two.hidden[0]) continue;
      against.push_back(one);
      const double gain = two.point.test_rate.mean - one.point.test_rate.mean;
      const double spread = std::max(two.point.test_rate.deviation, one.point.test_rate.deviation);
      verdict += (verdict.empty() ? "A second layer changes the rate on the test base by " : ", ") +
                 signed_points(gain) + " points at " + name_of(one.hidden) + " cells" +
                 (std::abs(gain) > spread ? "" : " (within the spread)");
    }
    against.push_back(two);
  }
  page.heading("One or two hidden layers")
      .table(cells_table(against, "The same number of cells once and twice."));
  if (!verdict.empty()) {
    page.conclusion(verdict +
                    ". It costs few parameters where the layers are narrow, for most of "
                    "them join the 784 pixels to the first layer.");
  }
}

// ---- iterations ----

constexpr Index studied_cells = 256;

/// Whether to measure after this update of the first epoch: 1, 2, 4, 8, ...
bool is_power_of_two(Index step) { return (step & (step - 1)) == 0; }

void study_iterations(const Options& options, const Bases& bases, example::Page& page,
                      example::Metrics& metrics, WorseForBeingLarger& larger) {
  std::map<Index, Measures> after_update;
  std::map<Index, Measures> after_epoch;
  example::Progress progress(options.seeds * options.epochs, {.label = "iterations"});
  Index done = 0;
  for (Index run = 0; run < options.seeds; ++run) {
    const std::uint64_t seed = seed_of(options, run);
    nn::Model model(example::dense_network({studied_cells}, bases.learning.classes()),
                    bases.learning.sample_shape(), {.seed = seed});
    nn::Callback measure;
    measure.on_batch = [&](nn::BatchReport& report) {
      const bool wanted = is_power_of_two(report.step) || report.batch == report.batches;
      if (report.epoch == 1 && wanted) after_update[report.step].add(model, bases);
    };
    measure.on_epoch = [&](nn::EpochReport& report) {
      after_epoch[report.record.epoch].add(model, bases);
      progress.update(++done);
    };
    nn::FitOptions fitting = fit_options(options.epochs, seed);
    fitting.callbacks = {measure};
    nn::fit(model, bases.learning, nn::SoftmaxCrossEntropy{}, nn::Adam{.learning_rate = usual_step},
            fitting);
  }
  progress.finish();

  const auto points_of = [](const std::map<Index, Measures>& all) {
    std::vector<Point> points;
    for (const auto& [x, measures] : all) {
      points.push_back(point_of(static_cast<double>(x), measures));
    }
    return points;
  };
  const std::vector<Point> updates = points_of(after_update);
  const std::vector<Point> epochs = points_of(after_epoch);
  draw(options, "updates", updates, {.label = "updates of the weights", .logarithmic = true});
  std::vector<double> ticks;
  for (const Point& point : epochs) {
    const auto epoch = static_cast<Index>(point.x);
    if (options.epochs <= 12 || epoch == 1 || epoch % 5 == 0) ticks.push_back(point.x);
  }
  draw(options, "epochs", epochs, {.label = "epoch", .ticks = ticks});
  for (const Point& point : updates) {
    metrics["updates"].push_back(point_metrics("update", point));
  }
  for (const Point& point : epochs) metrics["epochs"].push_back(point_metrics("epoch", point));

  const auto table_of = [](const std::vector<Point>& points, const std::string& unit,
                           std::string caption) {
    example::Table table{
        .caption = std::move(caption),
        .columns = {unit, "cost, learning", "cost, test", "rate, learning", "rate, test"}};
    for (const Point& point : points) {
      table.rows.push_back({example::thousands(static_cast<Index>(point.x)),
                            fixed_of(point.learning_cost), fixed_of(point.test_cost),
                            percent_of(point.learning_rate), percent_of(point.test_rate)});
    }
    return table;
  };
  page.section("The number of iterations")
      .paragraph("One hidden layer of " + std::to_string(studied_cells) +
                 " cells, Adam at a learning step of 0.001. An iteration, or update, is one "
                 "correction of all weights, after a batch of " +
                 std::to_string(batch_size) +
                 " images; an epoch is as many as it takes to see "
                 "each image of the learning base once.")
      .heading("Within the first epoch")
      .table(table_of(updates, "update", "After the first updates."))
      .pictures({{"updates_cost.png", "The cost within the first epoch."},
                 {"updates_rate.png", "The recognition rate within the first epoch."}});
  const auto half = std::find_if(updates.begin(), updates.end(),
                                 [](const Point& point) { return point.test_rate.mean > 0.5; });
  page.conclusion(
      (half == updates.end()
           ? "Within the first epoch the network does not come to recognise half of the test base; "
           : "After " + example::counted(static_cast<Index>(half->x), "update") +
                 " the network recognises more than half of the test base; ") +
      "at the end of the epoch, after " + std::to_string(static_cast<Index>(updates.back().x)) +
      ", it is " + example::percent(updates.back().test_rate.mean) + ". The cost is then " +
      example::fixed(updates.back().learning_cost.mean, 3) + " on the learning base and " +
      example::fixed(updates.back().test_cost.mean, 3) + " on the test base" +
      (updates.back().test_cost.mean < 1.1 * updates.back().learning_cost.mean
           ? ", nearly the same: what was seen but once is not yet known by heart."
           : ": what was seen once is already known a little better."));

  page.heading("Epoch after epoch")
      .table(table_of(epochs, "epoch", "After each epoch."))
      .pictures({{"epochs_cost.png", "The cost: where the two part, over-fitting begins."},
                 {"epochs_rate.png", "The recognition rate."}});
  const Point& least = *std::min_element(
      epochs.begin(), epochs.end(),
      [](const Point& a, const Point& b) { return a.test_cost.mean < b.test_cost.mean; });
  const Point& last = epochs.back();
  const Point& best = best_of(epochs);
  metrics["epoch_of_least_test_cost"] = least.x;
  metrics["epoch_of_best_test_recognition"] = best.x;
  const std::string at = std::to_string(static_cast<Index>(least.x));
  page.conclusion(
      (least.x == last.x
           ? "Up to the last epoch, " + at +
                 ", the cost on the test base falls: there is no over-fitting yet. "
           : "Learning ends at epoch " + at + ", where the cost on the test base is least (" +
                 example::fixed(least.test_cost.mean, 4) +
                 "). There over-fitting begins: up to epoch " +
                 std::to_string(static_cast<Index>(last.x)) +
                 " the cost on the learning base falls on from " +
                 example::fixed(least.learning_cost.mean, 4) + " to " +
                 example::fixed(last.learning_cost.mean, 4) + ", that on the test base rises to " +
                 example::fixed(last.test_cost.mean, 4) + ". ") +
      "The recognition rate is best at epoch " + std::to_string(static_cast<Index>(best.x)) + " (" +
      example::percent(best.test_rate.mean) + ")" +
      (best.x == last.x ? ", the last. "
                        : " and " + example::percent(last.test_rate.mean) + " at the end. ") +
      (least.x < best.x
           ? "It goes on rising after the cost has turned: the cost notices that errors are made "
             "with more and more confidence, the rate only counts them. "
           : "") +
      tell(largest_fall(epochs), "epochs"));
  larger.add("epochs", largest_fall(epochs));
}

// ---- the learning step ----

/// What one learning step led to.
struct StepResult {
  double step = 0;
  Index infinite = 0;             ///< runs whose cost became infinite or NaN
  Spread cost = {};               ///< on the learning base, of the runs that ended
  Spread rate = {};               ///< on the test base, likewise
  std::vector<double> path = {};  ///< cost against iteration, the mean of the runs that ended

  /// Whether every run went less than half of the way from guessing to a cost of 0.
  [[nodiscard]] bool failed() const { return infinite > 0 || !(cost.mean <= guessing_cost / 2); }
};

/// One optimizer with all learning steps.
struct StepStudy {
  std::string name;
  std::string key;
  std::vector<StepResult> results = {};
  std::vector<double> iterations = {};  ///< of the paths

  [[nodiscard]] std::size_t best() const {
    std::size_t best = 0;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i].infinite == 0 && results[i].rate.mean > results[best].rate.mean) best = i;
    }
    return best;
  }
  /// The largest step below the best at which learning stalls, or -1.
  [[nodiscard]] Index stalls() const {
    for (std::size_t i = best(); i > 0; --i) {
      if (results[i - 1].failed()) return static_cast<Index>(i - 1);
    }
    return -1;
  }
  /// The smallest step above the best at which it diverges, or -1.
  [[nodiscard]] Index diverges() const {
    for (std::size_t i = best() + 1; i < results.size(); ++i) {
      if (results[i].failed()) return static_cast<Index>(i);
    }
    return -1;
  }
};

constexpr Index step_cells = 64;

/// Two digits, such as "0.0032"; whole decades have one.
std::string step_text(double step) {
  const double decade = std::floor(std::log10(step) + 1e-9);
  const bool whole = step / std::pow(10.0, decade) < 1.01;
  const Index decimals = static_cast<Index>(-decade) + (whole ? 0 : 1);
  return example::fixed(step, static_cast<int>(std::max<Index>(decimals, 0)));
}

template <class Rule>
StepResult learn_step(const Options& options, const Bases& bases, Rule rule, Index epochs,
                      Index points, std::vector<double>& iterations) {
  Measures measures;
  StepResult result{.step = rule.learning_rate};
  const Index steps = epochs * ((bases.learning.size() + batch_size - 1) / batch_size);
  const Index stride = std::max<Index>(1, steps / points);
  std::vector<double> sums;
  for (Index run = 0; run < options.seeds; ++run) {
    const std::uint64_t seed = seed_of(options, run);
    nn::Model model(example::dense_network({step_cells}, bases.learning.classes()),
                    bases.learning.sample_shape(), {.seed = seed});
    std::vector<double> path;
    std::vector<double> places;
    double sum = 0;
    nn::Callback follow;
    follow.on_batch = [&](nn::BatchReport& report) {
      sum += report.loss;
      if (report.step % stride != 0) return;
      path.push_back(sum / static_cast<double>(stride));
      places.push_back(static_cast<double>(report.step));
      sum = 0;
    };
    nn::FitOptions fitting = fit_options(epochs, seed);
    fitting.callbacks = {follow};
    try {
      nn::fit(model, bases.learning, nn::SoftmaxCrossEntropy{}, rule, fitting);
      measures.add(model, bases);
      sums.resize(path.size());
      for (std::size_t i = 0; i < path.size(); ++i) sums[i] += path[i];
      iterations = places;
    } catch (const nn::DivergenceError&) {
      ++result.infinite;
    }
  }
  if (measures.test_rate.empty()) return result;
  result.cost = nn::spread_of(measures.learning_cost);
  result.rate = nn::spread_of(measures.test_rate);
  for (const double sum : sums) {
    result.path.push_back(sum / static_cast<double>(measures.test_rate.size()));
  }
  return result;
}

std::string outcome_of(const StepStudy& study, std::size_t place) {
  if (place == study.best()) return "best";
  if (!study.results[place].failed()) return "learns";
  return place < study.best() ? "stalls" : "diverges";
}

example::Table step_table(const StepStudy& study, Index seeds) {
  example::Table table{.caption = study.name + ", after the last update.",
                       .columns = {"learning step", "cost, learning", "rate, test", "outcome"}};
  for (std::size_t i = 0; i < study.results.size(); ++i) {
    const StepResult& result = study.results[i];
    const bool any = result.infinite < seeds;
    std::string outcome = outcome_of(study, i);
    if (result.infinite > 0) {
      outcome +=
          " (infinite in " + std::to_string(result.infinite) + " of " + std::to_string(seeds) + ")";
    }
    if (i == study.best()) table.bold_rows = {static_cast<Index>(i)};
    table.rows.push_back({step_text(result.step), any ? fixed_of(result.cost, 3) : "",
                          any ? percent_of(result.rate) : "", outcome});
  }
  return table;
}

/// Draws the costs of every second step, which are those of whole decades.
void draw_paths(const Options& options, const StepStudy& study) {
  std::vector<nn::viz::Curve> curves;
  for (std::size_t i = 0; i < study.results.size(); i += 2) {
    const StepResult& result = study.results[i];
    nn::viz::Curve curve{.name = step_text(result.step), .style = nn::viz::CurveStyle::line};
    for (std::size_t k = 0; k < result.path.size(); ++k) {
      curve.x.push_back(study.iterations[k]);
      curve.y.push_back(std::min(result.path[k], 100.0));
    }
    curves.push_back(curve);
  }
  nn::viz::plot_curves(options.out / ("step_" + study.key + ".png"), curves,
                       {.title = study.name + ": cost by learning step",
                        .x = {.label = "iteration"},
                        .y = {.label = "cost of the batches", .logarithmic = true, .max = 10.0},
                        .lines = {{.at = guessing_cost, .label = "guessing"}},
                        .ordered = true,
                        .size = {720, 400}});
}

void draw_rates(const Options& options, const std::vector<StepStudy>& studies) {
  std::vector<nn::viz::Curve> curves;
  for (const StepStudy& study : studies) {
    nn::viz::Curve curve{.name = study.name};
    for (const StepResult& result : study.results) {
      const bool any = result.rate.count > 0;
      curve.x.push_back(result.step);
      curve.y.push_back(any ? result.rate.mean : std::numeric_limits<double>::quiet_NaN());
      curve.spread.push_back(any ? result.rate.deviation : 0);
    }
    curves.push_back(curve);
  }
  nn::viz::plot_curves(options.out / "step_rate.png", curves,
                       {.title = "Recognition rate on the test base by learning step",
                        .x = {.label = "learning step", .logarithmic = true},
                        .y = {.label = "images recognised", .percent = true}});
}

std::string tell(const StepStudy& study) {
  const StepResult& best = study.results[study.best()];
  const auto at = [&](Index i) {
    return step_text(study.results[static_cast<std::size_t>(i)].step);
  };
  const Index stalls = study.stalls();
  const Index diverges = study.diverges();
  std::string text = study.name + " is best at " + step_text(best.step) + " (" +
                     example::percent(best.rate.mean) + "), ";
  text += stalls < 0    ? "stalls at no value tried"
          : stalls == 0 ? "stalls at " + at(stalls) + ", the smallest tried"
                        : "stalls at " + at(stalls) + " and below";
  text += ", ";
  text += diverges < 0 ? "and diverges at none." : "and diverges from " + at(diverges) + " on.";
  const std::size_t next = study.best() + 1;
  if (next < study.results.size()) {
    const StepResult& larger = study.results[next];
    text += " One value larger, " + step_text(larger.step) + ", ";
    text += larger.rate.count == 0
                ? "no run ends."
                : "is worse for being larger, by " +
                      example::fixed(100 * (best.rate.mean - larger.rate.mean), 2) + " points.";
  }
  return text;
}

void step_metrics(example::Metrics& metrics, WorseForBeingLarger& larger, const StepStudy& study) {
  const auto spread_or_nothing = [](const Spread& spread) {
    return spread.count > 0 ? example::spread_metrics(spread) : example::Metrics();
  };
  example::Metrics& list = metrics["learning_steps"][study.key];
  for (std::size_t i = 0; i < study.results.size(); ++i) {
    const StepResult& result = study.results[i];
    list.push_back({{"learning_step", result.step},
                    {"infinite_runs", result.infinite},
                    {"outcome", outcome_of(study, i)},
                    {"learning_cost", spread_or_nothing(result.cost)},
                    {"test_recognition", spread_or_nothing(result.rate)}});
  }
  const std::size_t next = study.best() + 1;
  if (next == study.results.size() || study.results[next].rate.count == 0) return;
  larger.add("learning step, " + study.name, step_text(study.results[next - 1].step),
             step_text(study.results[next].step), study.results[next - 1].rate,
             study.results[next].rate);
}

void study_steps(const Options& options, const Bases& bases, example::Page& page,
                 example::Metrics& metrics, WorseForBeingLarger& larger) {
  const Index epochs = options.quick ? 1 : 2;
  const Index points = options.quick ? 12 : 60;
  std::vector<double> steps;
  for (int power = -10; power <= 2; ++power) steps.push_back(std::pow(10.0, power / 2.0));
  std::vector<StepStudy> studies{{.name = "SGD", .key = "sgd"},
                                 {.name = "SGD with momentum 0.9", .key = "momentum"},
                                 {.name = "Adam", .key = "adam"}};
  example::Progress progress(static_cast<Index>(steps.size()), {.label = "learning steps"});
  Index done = 0;
  for (const double step : steps) {
    const auto learn = [&](StepStudy& study, auto rule) {
      study.results.push_back(learn_step(options, bases, rule, epochs, points, study.iterations));
    };
    learn(studies[0], nn::SGD{.learning_rate = step});
    learn(studies[1], nn::SGD{.learning_rate = step, .momentum = 0.9});
    learn(studies[2], nn::Adam{.learning_rate = step});
    progress.update(++done);
  }
  progress.finish();

  page.section("The learning step")
      .paragraph(
          "One hidden layer of " + std::to_string(step_cells) + " cells, learnt for " +
          example::counted(epochs, "epoch") + " with " + std::to_string(steps.size()) +
          " learning steps over six decades and three rules. A run is said to fail when it ends "
          "with a cost of more than half of what guessing costs (" +
          example::fixed(guessing_cost, 2) +
          "), or when the cost becomes infinite; with a step below the best it has stalled, above "
          "it has diverged.")
      .picture("step_rate.png",
               "The recognition rate on the test base. Steps at which no run "
               "ended with a finite cost are left out.");
  draw_rates(options, studies);
  std::string best_steps;
  for (const StepStudy& study : studies) {
    best_steps += (best_steps.empty() ? "" : ", ") + step_text(study.results[study.best()].step) +
                  " with " + study.name;
  }
  const bool between = std::all_of(studies.begin(), studies.end(), [](const StepStudy& study) {
    return study.best() > 0 && study.best() + 1 < study.results.size();
  });
  Spread at_largest;
  std::vector<double> last_rates;
  for (const StepStudy& study : studies) {
    if (study.results.back().rate.count > 0) last_rates.push_back(study.results.back().rate.mean);
  }
  if (!last_rates.empty()) at_largest = nn::spread_of(last_rates);
  page.conclusion(
      std::string(between
                      ? "With every rule the rate rises with the learning step up to a best one, "
                        "and falls beyond it. "
                      : "") +
      "The best learning step is " + best_steps +
      ". Too small a step does not reach the goal in the iterations that there are; too large a "
      "one leaps over it, and beyond a point each leap is longer than the one before" +
      (last_rates.empty() ? "."
                          : ": at " + step_text(steps.back()) + ", what is left is between " +
                                example::percent(at_largest.least) + " and " +
                                example::percent(at_largest.greatest) + "."));
  for (const StepStudy& study : studies) {
    draw_paths(options, study);
    page.heading(study.name)
        .picture("step_" + study.key + ".png", "The cost of the batches against the iteration.")
        .table(step_table(study, options.seeds));
    page.conclusion(tell(study));
    step_metrics(metrics, larger, study);
  }
}

void study(Options options) {
  if (options.quick) options.seeds = std::min<Index>(options.seeds, 2);
  const Dataset whole = example::whole_base(options);
  const auto parts = example::normalized(nn::split(whole, {0.6, 0.4}, {.seed = options.seed}));
  const Bases bases{parts[0], parts[1]};
  example::Metrics metrics;
  metrics["dataset"] = "mnist";
  metrics["learning_images"] = bases.learning.size();
  metrics["test_images"] = bases.test.size();
  metrics["seeds"] = options.seeds;
  metrics["seed"] = options.seed;

  example::Page page("Cells, iterations and the learning step",
                     "What does each do to a network of one hidden layer, all else being equal?");
  page.section("The distribution")
      .paragraph("All " + example::thousands(whole.size()) +
                 " images were distributed anew, each class in proportion: 60 % (" +
                 example::thousands(bases.learning.size()) + ") to learn from, 40 % (" +
                 example::thousands(bases.test.size()) +
                 ") to test on. One factor is varied at a time, the others stay at values given "
                 "beforehand; the test base shows what a factor does, and decides nothing. "
                 "Everything was learnt with " +
                 example::counted(options.seeds, "seed") +
                 "; numbers are the mean and the standard deviation over them.");
  const std::vector<Index> learning_counts = bases.learning.class_counts();
  const std::vector<Index> test_counts = bases.test.class_counts();
  example::Table classes{.caption = "The classes in both bases.",
                         .columns = {"class", "learning base", "test base"}};
  for (std::size_t c = 0; c < whole.class_names().size(); ++c) {
    classes.rows.push_back({whole.class_names()[c], example::thousands(learning_counts[c]),
                            example::thousands(test_counts[c])});
  }
  page.table(classes);
  WorseForBeingLarger larger;
  study_cells(options, bases, page, metrics, larger);
  study_iterations(options, bases, page, metrics, larger);
  study_steps(options, bases, page, metrics, larger);
  metrics["worse_for_being_larger"] = larger.metrics();
  if (!larger.table().rows.empty()) {
    page.section("Where more is worse").table(larger.table());
    page.conclusion(larger.verdict());
  }
  example::write_metrics(options.out, metrics);
  example::add_facts(page, options, bases.learning);
  page.write(options.out);
  std::cout << "page: " << (options.out / "index.html").string() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("part2_study",
                            "Varies cells, iterations and the learning step, one at a time.",
                            options, {.epochs = 25, .quick_epochs = 3});
  line.flag("--seeds", options.seeds, "runs of everything, each with another seed");
  line.flag("--widths", options.widths, "the numbers of hidden cells");
  return example::run_program(line, argc, argv, [&] { study(options); });
}
