// Part 2: what a network's outputs mean as probabilities, and whether they deserve the name.

#include <nn/viz/bars.hpp>
#include <nn/viz/plot.hpp>

#include <cmath>
#include <iostream>

#include "support/classifier.hpp"

namespace {

using nn::Dataset;
using nn::Index;
using nn::Label;

struct Options : example::Flags {};

/// The three bases: to learn from, to fit the temperature on, and never seen before the end.
struct Bases {
  Dataset train;
  Dataset validation;
  Dataset test;
};

Bases load(const Options& options) {
  const nn::TrainTest base = example::load_base(options);
  auto [train, validation] = nn::split(base.train, {0.9, 0.1}, {.seed = options.seed});
  return {train, validation, base.test};
}

Dataset everything(const Bases& bases) {
  return concatenate(concatenate(bases.train, bases.validation), bases.test);
}

// ---- a-priori probabilities ----

example::Table priors_table(const Dataset& all, const std::vector<nn::Proportion>& priors) {
  example::Table table{
      .caption = "A-priori probability of each class, with 95 % intervals (Wilson).",
      .columns = {"class", "images", "probability", "from", "to"}};
  for (std::size_t k = 0; k < priors.size(); ++k) {
    table.rows.push_back({all.class_names()[k], example::thousands(priors[k].count),
                          example::fixed(priors[k].estimate, 4), example::fixed(priors[k].lower, 4),
                          example::fixed(priors[k].upper, 4)});
  }
  return table;
}

void draw_priors(const Options& options, const Dataset& all,
                 const std::vector<nn::Proportion>& priors) {
  nn::viz::BarSeries series{.name = "a-priori probability"};
  for (const nn::Proportion& prior : priors) {
    series.values.push_back(prior.estimate);
    series.spread.push_back((prior.upper - prior.lower) / 2);
  }
  nn::viz::plot_bars(
      options.out / "priors.png", all.class_names(), {series},
      {.title = "A-priori probability of each class",
       .y = {.label = "probability"},
       .lines = {{.at = 1.0 / static_cast<double>(all.classes()), .label = "all alike"}}});
}

// ---- sums of the outputs ----

/// What the outputs of all examples add up to.
struct Sums {
  std::string name;
  Index exact = 0;  ///< examples whose outputs sum to exactly 1
  double largest_deviation = 0;
  double mean = 0;
  std::vector<double> values = {};
};

/// Adds the outputs in the type that they have.
template <class T>
Sums sums_of(std::string name, const nn::Tensor<T>& outputs) {
  Sums sums{.name = std::move(name)};
  const auto rows = outputs.rows();
  for (Index i = 0; i < rows.rows(); ++i) {
    T sum = 0;
    for (Index c = 0; c < rows.cols(); ++c) sum += rows(i, c);
    const double deviation = std::abs(static_cast<double>(sum) - 1);
    if (deviation == 0) ++sums.exact;
    sums.largest_deviation = std::max(sums.largest_deviation, deviation);
    sums.mean += static_cast<double>(sum) / static_cast<double>(rows.rows());
    sums.values.push_back(static_cast<double>(sum));
  }
  return sums;
}

template <class T>
nn::Tensor<T> sigmoids(nn::Tensor<T> logits) {
  for (T& value : logits) value = T(1) / (T(1) + std::exp(-value));
  return logits;
}

/// The same network with the same weights in another scalar type.
template <class To, class Network, class From>
nn::Model<Network, To> converted(const nn::Model<Network, From>& model) {
  nn::Model<Network, To> result(model.network(), model.input_shape());
  const auto copy = [](nn::TensorView<const From> from, nn::TensorView<To> to) {
    std::transform(from.begin(), from.end(), to.begin(),
                   [](From value) { return static_cast<To>(value); });
  };
  copy(model.parameters(), result.parameters());
  copy(model.state(), result.state());
  return result;
}

std::string scientific(double value) {
  if (value == 0) return "0";
  return nn::format_scientific(value, 2);
}

example::Table sums_table(const std::vector<Sums>& all) {
  example::Table table{.caption = "Sums of the ten outputs.",
                       .columns = {"outputs", "examples", "sum exactly 1", "share",
                                   "largest deviation", "mean sum"}};
  for (const Sums& sums : all) {
    const auto count = static_cast<Index>(sums.values.size());
    table.rows.push_back(
        {sums.name, example::thousands(count), example::thousands(sums.exact),
         example::percent(static_cast<double>(sums.exact) / static_cast<double>(count), 1),
         scientific(sums.largest_deviation), example::fixed(sums.mean, 6)});
  }
  return table;
}

/// Rounding makes the deviations multiples of half the distance `unit` between numbers near 1.
void draw_deviations(const Options& options, const std::string& file, const Sums& sums, double unit,
                     const std::string& unit_name) {
  nn::viz::Sample deviations{.name = sums.name};
  for (const double sum : sums.values) deviations.values.push_back((sum - 1) / unit);
  nn::viz::plot_histogram(options.out / file, {deviations},
                          {.title = "Sums of " + sums.name,
                           .x = {.label = "deviation from 1, in units of " + unit_name},
                           .y = {.label = "examples", .logarithmic = true}},
                          31);
}

void draw_sums(const Options& options, const std::vector<Sums>& sums) {
  draw_deviations(options, "softmax_sums_float.png", sums[0], std::ldexp(1.0, -24), "2⁻²⁴");
  draw_deviations(options, "softmax_sums_double.png", sums[1], std::ldexp(1.0, -53), "2⁻⁵³");
  for (const std::size_t k : {std::size_t{2}, std::size_t{3}}) {
    nn::viz::plot_histogram(
        options.out / (k == 2 ? "sigmoid_sums_float.png" : "sigmoid_sums_double.png"),
        {{.name = sums[k].name, .values = sums[k].values}},
        {.title = "Sums of " + sums[k].name,
         .x = {.label = "sum of the ten outputs"},
         .y = {.label = "examples", .logarithmic = true}},
        60);
  }
}

// ---- calibration ----

void draw_reliability(const Options& options, const nn::Tensor<float>& before,
                      const nn::Tensor<float>& after, nn::TensorView<const Label> labels) {
  const auto curve = [&](const std::string& name, const nn::Tensor<float>& probabilities) {
    nn::viz::Curve result{.name = name, .style = nn::viz::CurveStyle::line_and_points};
    for (const nn::ReliabilityBin& bin : nn::reliability_bins(probabilities, labels, 15)) {
      if (bin.count == 0) continue;
      result.x.push_back(bin.confidence);
      result.y.push_back(bin.accuracy);
    }
    return result;
  };
  nn::viz::plot_curves(options.out / "reliability.png",
                       {curve("as learnt", before),
                        curve("with temperature", after),
                        {.name = "deserved",
                         .x = {0, 1},
                         .y = {0, 1},
                         .style = nn::viz::CurveStyle::line,
                         .dashed = true}},
                       {.title = "Reliability on the test base",
                        .x = {.label = "probability of the winner", .min = 0.2, .max = 1.0},
                        .y = {.label = "share that is right", .min = 0.0, .max = 1.0}});
}

/// The mean probability that the network gives to each class.
std::vector<double> mean_posteriors(const nn::Tensor<float>& probabilities) {
  const auto rows = probabilities.rows();
  std::vector<double> means;
  for (Index c = 0; c < rows.cols(); ++c) means.push_back(rows.col(c).cast<double>().mean());
  return means;
}

template <class Model>
void fit(Model& model, const Options& options, const Bases& bases, const auto& loss,
         const std::string& label) {
  example::train(model, bases.train, loss, nn::Adam{.learning_rate = 0.003F},
                 {.epochs = options.epochs,
                  .batch_size = 128,
                  .seed = options.seed,
                  .schedule = nn::one_cycle_schedule()},
                 label);
}

void study(const Options& options) {
  const Bases bases = load(options);
  const Dataset all = everything(bases);
  const std::vector<nn::Proportion> priors = nn::class_priors(all.class_counts());
  draw_priors(options, all, priors);

  const auto network = example::convolutional_network(all.classes());
  nn::Model softmax(network, all.sample_shape(), {.seed = options.seed});
  fit(softmax, options, bases, nn::SoftmaxCrossEntropy{}, "softmax");
  nn::Model sigmoid(network, all.sample_shape(), {.seed = options.seed});
  fit(sigmoid, options, bases, nn::SigmoidCrossEntropy{}, "sigmoid");

  const nn::Tensor<float> posteriors = example::probabilities(softmax, all);
  const std::vector<Sums> sums{
      sums_of("softmax, float", posteriors),
      sums_of("softmax, double", example::probabilities(converted<double>(softmax), all)),
      sums_of("sigmoids, float", sigmoids(nn::predict(sigmoid, all))),
      sums_of("sigmoids, double", sigmoids(nn::predict(converted<double>(sigmoid), all)))};
  draw_sums(options, sums);

  const double temperature =
      nn::fit_temperature(nn::predict(softmax, bases.validation), bases.validation.labels());
  const nn::Tensor<float> test_logits = nn::predict(softmax, bases.test);
  const nn::Tensor<float> before = nn::softmax_rows(test_logits);
  const nn::Tensor<float> after = nn::softmax_rows(test_logits, temperature);
  const auto labels = bases.test.labels();
  const double error_before = nn::expected_calibration_error(before, labels);
  const double error_after = nn::expected_calibration_error(after, labels);
  const double accuracy = nn::accuracy(before, labels);
  const auto cost_at = [&](double divisor) {
    nn::Tensor<float> scaled = test_logits;
    scaled.array() /= static_cast<float>(divisor);
    return static_cast<double>(
        nn::SoftmaxCrossEntropy{}(std::as_const(scaled).view(), labels, nn::TensorView<float>{}));
  };
  const double cost_before = cost_at(1);
  const double cost_after = cost_at(temperature);
  draw_reliability(options, before, after, labels);
  const double confidence = [&] {
    const std::vector<double> largest = nn::largest_posteriors(before);
    return std::accumulate(largest.begin(), largest.end(), 0.0) /
           static_cast<double>(largest.size());
  }();

  const std::vector<double> means = mean_posteriors(posteriors);
  example::Table mean_table{
      .caption =
          "The mean a-posteriori probability of each class over all examples, against its "
          "a-priori probability.",
      .columns = {"class", "a priori", "mean a posteriori", "difference"}};
  double largest_difference = 0;
  for (std::size_t k = 0; k < means.size(); ++k) {
    const double difference = means[k] - priors[k].estimate;
    largest_difference = std::max(largest_difference, std::abs(difference));
    mean_table.rows.push_back({all.class_names()[k], example::fixed(priors[k].estimate, 4),
                               example::fixed(means[k], 4), example::fixed(difference, 5)});
  }

  example::Metrics metrics;
  metrics["dataset"] = "mnist";
  for (const nn::Proportion& prior : priors) {
    metrics["priors"].push_back({{"count", prior.count},
                                 {"probability", prior.estimate},
                                 {"lower", prior.lower},
                                 {"upper", prior.upper}});
  }
  for (const Sums& one : sums) {
    metrics["sums"].push_back({{"outputs", one.name},
                               {"examples", one.values.size()},
                               {"exactly_one", one.exact},
                               {"largest_deviation", one.largest_deviation},
                               {"mean", one.mean}});
  }
  metrics["mean_posteriors"] = means;
  metrics["test_accuracy"] = accuracy;
  metrics["mean_confidence"] = confidence;
  metrics["temperature"] = temperature;
  metrics["calibration_error_before"] = error_before;
  metrics["calibration_error_after"] = error_after;
  metrics["test_cost_before"] = cost_before;
  metrics["test_cost_after"] = cost_after;
  metrics["seed"] = options.seed;
  example::write_metrics(options.out, metrics);

  const auto [rarest, commonest] =
      std::minmax_element(priors.begin(), priors.end(),
                          [](const auto& a, const auto& b) { return a.estimate < b.estimate; });
  const auto class_of = [&](auto place) {
    return all.class_names()[static_cast<std::size_t>(place - priors.begin())];
  };
  example::Page page("Outputs as probabilities",
                     "What do a network's ten outputs mean, and can one believe them?");
  page.key_figures(
      {{scientific(sums[0].largest_deviation), "at most between a softmax's sum and 1"},
       {example::fixed(sums[2].mean, 3), "mean sum of ten sigmoids"},
       {example::percent(error_before), "calibration error as learnt"},
       {example::percent(error_after), "after temperature scaling"}});
  page.section("Before looking: a-priori probabilities")
      .paragraph(
          "The a-priori probability of a class is what one would bet on without seeing the "
          "image: its frequency over the whole base of " +
          example::thousands(all.size()) +
          " examples. The interval says where the true probability lies with 95 % confidence "
          "if the base is a random sample.")
      .table(priors_table(all, priors))
      .picture("priors.png", "The a-priori probabilities and their 95 % intervals.");
  page.conclusion("They run from " + example::fixed(rarest->estimate, 4) + " (class " +
                  class_of(rarest) + ") to " + example::fixed(commonest->estimate, 4) + " (class " +
                  class_of(commonest) + "); the intervals of the two do " +
                  (rarest->upper < commonest->lower
                       ? "not overlap: the classes are really not equally "
                         "frequent."
                       : "overlap: they may be equally frequent."));
  page.section("After looking: do the outputs sum to 1?")
      .paragraph(
          "A softmax divides ten positive numbers by their sum, so that what comes out must sum "
          "to 1, up to rounding. Ten sigmoids answer ten separate questions, “is it a 0?”, “is "
          "it a 1?”, and nothing makes their answers agree. Both networks learnt from the same " +
          example::thousands(bases.train.size()) + " images; their outputs for all " +
          example::thousands(all.size()) + " were added up.")
      .table(sums_table(sums))
      .pictures({{"softmax_sums_float.png", "Softmax in float: deviations from 1."},
                 {"softmax_sums_double.png", "In double: the unit is 2²⁹ times smaller."}})
      .pictures({{"sigmoid_sums_float.png", "Sigmoids: near 1 where one class alone is certain."},
                 {"sigmoid_sums_double.png", "More digits do not bring them nearer to 1."}});
  page.conclusion(
      "With softmax the largest deviation is " + scientific(sums[0].largest_deviation) +
      " in float and " + scientific(sums[1].largest_deviation) +
      " in double, a few units of the last digit of a number near 1 (6.0e-08 and 1.1e-16). "
      "The sigmoids' sums are off by up to " +
      example::fixed(sums[2].largest_deviation, 2) + ", and not by less in double (" +
      example::fixed(sums[3].largest_deviation, 2) +
      "): that is no rounding, but images for which the network says yes to several "
      "classes, or to none.");
  page.section("Do they deserve to be called probabilities?")
      .paragraph(
          "Of the images to which a network gives 80 %, 80 % should be right. The reliability "
          "diagram sorts the test base by the winner's probability into 15 bins and shows the "
          "share that is right in each; the calibration error is the mean distance from the "
          "diagonal. Temperature scaling divides the logits by one number, fitted on a "
          "validation base of " +
          example::thousands(bases.validation.size()) +
          " images; it changes how sure the network is, never what it answers.")
      .picture("reliability.png",
               "Above the dashed line the network is too modest, below too sure.")
      .table({.caption = "The test base before and after temperature scaling.",
              .columns = {"", "as learnt", "temperature " + example::fixed(temperature, 3)},
              .rows = {{"recognition rate", example::percent(accuracy),
                        example::percent(nn::accuracy(after, labels))},
                       {"expected calibration error", example::percent(error_before, 3),
                        example::percent(error_after, 3)},
                       {"cost (cross-entropy)", example::fixed(cost_before, 4),
                        example::fixed(cost_after, 4)}}})
      .table(mean_table);
  page.conclusion(
      "On average the winner gets " + example::percent(confidence) + " and is right " +
      example::percent(accuracy) + " of the time: the network is " +
      (std::abs(confidence - accuracy) < 0.0005
           ? "as sure as it is right"
           : std::string(confidence > accuracy ? "too sure" : "too modest") + " by " +
                 example::fixed(100 * std::abs(confidence - accuracy), 2) + " points") +
      ". The temperature " + example::fixed(temperature, 3) + " makes it " +
      (temperature > 1 ? "less" : "more") + " sure. On the test base that " +
      (error_after < error_before ? "lowers" : "raises") + " the calibration error from " +
      example::percent(error_before, 3) + " to " + example::percent(error_after, 3) + " and " +
      (cost_after < cost_before ? "lowers" : "raises") + " the cost from " +
      example::fixed(cost_before, 4) + " to " + example::fixed(cost_after, 4) +
      (error_after < error_before
           ? ""
           : ": a network that is as well calibrated from the start leaves it nothing to mend") +
      ". Averaged over all examples, the a-posteriori "
      "probabilities give back the a-priori ones within " +
      example::fixed(largest_difference, 4) +
      (largest_difference < 0.005 ? ", as probabilities should."
                                  : ": these are not yet the probabilities of this base."));
  example::add_facts(page, options, bases.train);
  page.write(options.out);
  std::cout << "largest deviation of a softmax's sum from 1: "
            << scientific(sums[0].largest_deviation)
            << "\ncalibration error: " << example::percent(error_before, 3) << ", with temperature "
            << example::fixed(temperature, 3) << ' ' << example::percent(error_after, 3)
            << "\npage: " << (options.out / "index.html").string() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("part2_probabilities", "Looks at a network's outputs as probabilities.",
                            options, {.epochs = 3, .quick_epochs = 1});
  return example::run_program(line, argc, argv, [&] { study(options); });
}
