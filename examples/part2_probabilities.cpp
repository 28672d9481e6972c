// Part 2: what a network's outputs mean as probabilities, and whether they deserve the name.

#include <nn/viz/bars.hpp>
#include <nn/viz/plot.hpp>

#include <cmath>
#include <iostream>

#include "support/classifier.hpp"
#include "support/template.hpp"

namespace {

using example::Metrics;
using nn::Dataset;
using nn::Index;
using nn::Label;

struct Options : example::Flags {};

/// The three sets: to train on, to fit the temperature on, and never seen before the end.
struct Sets {
  Dataset train;
  Dataset validation;
  Dataset test;
};

Sets load(const Options& options) {
  const nn::TrainTest mnist = example::load_sets(options);
  auto [train, validation] = nn::split(mnist.train, {0.9, 0.1}, {.seed = options.seed});
  return {train, validation, mnist.test};
}

Dataset everything(const Sets& sets) {
  return concatenate(concatenate(sets.train, sets.validation), sets.test);
}

// ---- a-priori probabilities ----

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
                       {curve("after training", before),
                        curve("with temperature", after),
                        {.name = "as sure as right",
                         .x = {0, 1},
                         .y = {0, 1},
                         .style = nn::viz::CurveStyle::line,
                         .dashed = true}},
                       {.title = "Reliability on the test set",
                        .x = {.label = "highest probability", .min = 0.2, .max = 1.0},
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
void fit(Model& model, const Options& options, const Sets& sets, const auto& loss,
         const std::string& label) {
  example::train(model, sets.train, loss, nn::Adam{.learning_rate = 0.003F},
                 {.epochs = options.epochs,
                  .batch_size = 128,
                  .seed = options.seed,
                  .schedule = nn::one_cycle_schedule()},
                 label);
}

/// How well the probabilities fit what happens on the test set, before and after temperature
/// scaling.
struct Calibration {
  double temperature = 1;
  double error_before = 0;
  double error_after = 0;
  double loss_before = 0;
  double loss_after = 0;
  double accuracy = 0;
  double accuracy_after = 0;
  double confidence = 0;  ///< the mean of the highest probability
};

Calibration calibrate(const Options& options, const auto& model, const Sets& sets) {
  Calibration result;
  result.temperature =
      nn::fit_temperature(nn::predict(model, sets.validation), sets.validation.labels());
  const nn::Tensor<float> logits = nn::predict(model, sets.test);
  const nn::Tensor<float> before = nn::softmax_rows(logits);
  const nn::Tensor<float> after = nn::softmax_rows(logits, result.temperature);
  const auto labels = sets.test.labels();
  const auto loss_at = [&](double divisor) {
    nn::Tensor<float> scaled = logits;
    scaled.array() /= static_cast<float>(divisor);
    return static_cast<double>(
        nn::SoftmaxCrossEntropy{}(std::as_const(scaled).view(), labels, nn::TensorView<float>{}));
  };
  result.error_before = nn::expected_calibration_error(before, labels);
  result.error_after = nn::expected_calibration_error(after, labels);
  result.loss_before = loss_at(1);
  result.loss_after = loss_at(result.temperature);
  result.accuracy = nn::accuracy(before, labels);
  result.accuracy_after = nn::accuracy(after, labels);
  const std::vector<double> largest = nn::largest_posteriors(before);
  result.confidence =
      std::accumulate(largest.begin(), largest.end(), 0.0) / static_cast<double>(largest.size());
  draw_reliability(options, before, after, labels);
  return result;
}

Metrics metrics_of(const Options& options, const std::vector<nn::Proportion>& priors,
                   const std::vector<double>& posteriors, const std::vector<Sums>& sums,
                   const Calibration& calibration) {
  Metrics metrics;
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
  metrics["mean_posteriors"] = posteriors;
  metrics["test_accuracy"] = calibration.accuracy;
  metrics["mean_confidence"] = calibration.confidence;
  metrics["temperature"] = calibration.temperature;
  metrics["calibration_error_before"] = calibration.error_before;
  metrics["calibration_error_after"] = calibration.error_after;
  metrics["test_cost_before"] = calibration.loss_before;
  metrics["test_cost_after"] = calibration.loss_after;
  metrics["seed"] = options.seed;
  return metrics;
}

// ---- what the page says beside the metrics ----

Metrics class_findings(const Dataset& all, const std::vector<nn::Proportion>& priors,
                       const std::vector<double>& posteriors) {
  Metrics classes = Metrics::array();
  double largest_difference = 0;
  std::size_t rarest = 0;
  std::size_t commonest = 0;
  for (std::size_t k = 0; k < priors.size(); ++k) {
    const double difference = posteriors[k] - priors[k].estimate;
    largest_difference = std::max(largest_difference, std::abs(difference));
    if (priors[k].estimate < priors[rarest].estimate) rarest = k;
    if (priors[k].estimate >= priors[commonest].estimate) commonest = k;
    classes.push_back({{"name", all.class_names()[k]},
                       {"count", priors[k].count},
                       {"prior", priors[k].estimate},
                       {"lower", priors[k].lower},
                       {"upper", priors[k].upper},
                       {"posterior", posteriors[k]},
                       {"difference", difference}});
  }
  return {{"examples", all.size()},
          {"classes", classes},
          {"rarest", classes[rarest]},
          {"commonest", classes[commonest]},
          {"overlap", priors[rarest].upper >= priors[commonest].lower},
          {"largest_difference", largest_difference},
          {"priors_match", largest_difference < 0.005}};
}

Metrics sum_findings(const std::vector<Sums>& sums) {
  Metrics rows = Metrics::array();
  for (const Sums& one : sums) {
    const std::size_t count = one.values.size();
    rows.push_back({{"outputs", one.name},
                    {"examples", count},
                    {"exactly_one", one.exact},
                    {"share", static_cast<double>(one.exact) / static_cast<double>(count)},
                    {"deviation", scientific(one.largest_deviation)},
                    {"mean", one.mean}});
  }
  return {{"sum_rows", rows},
          {"largest_deviation", scientific(sums[0].largest_deviation)},
          {"largest_deviation_double", scientific(sums[1].largest_deviation)},
          {"sigmoid_deviation", sums[2].largest_deviation},
          {"sigmoid_deviation_double", sums[3].largest_deviation},
          {"mean_sum_of_sigmoids", sums[2].mean}};
}

Metrics calibration_findings(const Sets& sets, const Calibration& calibration) {
  const double gap = calibration.confidence - calibration.accuracy;
  const bool off = std::abs(gap) >= 0.0005;
  return {{"training_images", sets.train.size()},
          {"validation_images", sets.validation.size()},
          {"accuracy_after", calibration.accuracy_after},
          {"off", off},
          {"too_sure", off && gap > 0 ? Metrics(gap) : Metrics()},
          {"too_modest", off && gap < 0 ? Metrics(-gap) : Metrics()},
          {"less_sure", calibration.temperature > 1},
          {"error_falls", calibration.error_after < calibration.error_before},
          {"cost_falls", calibration.loss_after < calibration.loss_before}};
}

void study(const Options& options) {
  const Sets sets = load(options);
  const Dataset all = everything(sets);
  const std::vector<nn::Proportion> priors = nn::class_priors(all.class_counts());
  draw_priors(options, all, priors);

  const auto network = example::convolutional_network(all.classes());
  nn::Model softmax(network, all.sample_shape(), {.seed = options.seed});
  fit(softmax, options, sets, nn::SoftmaxCrossEntropy{}, "softmax");
  nn::Model sigmoid(network, all.sample_shape(), {.seed = options.seed});
  fit(sigmoid, options, sets, nn::SigmoidCrossEntropy{}, "sigmoid");

  const nn::Tensor<float> posteriors = example::probabilities(softmax, all);
  const std::vector<Sums> sums{
      sums_of("softmax, float", posteriors),
      sums_of("softmax, double", example::probabilities(converted<double>(softmax), all)),
      sums_of("sigmoids, float", sigmoids(nn::predict(sigmoid, all))),
      sums_of("sigmoids, double", sigmoids(nn::predict(converted<double>(sigmoid), all)))};
  draw_sums(options, sums);
  const Calibration calibration = calibrate(options, softmax, sets);

  const std::vector<double> means = mean_posteriors(posteriors);
  Metrics values = metrics_of(options, priors, means, sums, calibration);
  example::write_metrics(options.out, values);
  values.update(class_findings(all, priors, means));
  values.update(sum_findings(sums));
  values.update(calibration_findings(sets, calibration));
  example::Page page = example::page_of("part2_probabilities", values);
  example::add_facts(page, options, sets.train);
  page.write(options.out);
  std::cout << "largest deviation of a softmax's sum from 1: "
            << scientific(sums[0].largest_deviation)
            << "\ncalibration error: " << example::percent(calibration.error_before, 3)
            << ", with temperature " << example::fixed(calibration.temperature, 3) << ' '
            << example::percent(calibration.error_after, 3)
            << "\npage: " << (options.out / "index.html").string() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  example::CommandLine line("part2_probabilities", "Looks at a network's outputs as probabilities.",
                            options, {.epochs = 3, .quick_epochs = 1});
  return example::run_program(line, argc, argv, [&] { study(options); });
}
