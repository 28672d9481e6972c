/// @file
/// Part 2's study of the learning rate: three rules, each with rates over six decades.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <nn/viz/plot.hpp>
#include <span>
#include <string>
#include <vector>

#include "support/study/points.hpp"

namespace example::study {

/// What one learning rate led to.
struct RateResult {
  double rate = 0;
  Index infinite = 0;             ///< runs whose loss became infinite or NaN
  Spread loss = {};               ///< on the training set, of the runs that ended
  Spread accuracy = {};           ///< on the test set, likewise
  std::vector<double> path = {};  ///< loss against iteration, the mean of the runs that ended

  /// Whether every run went less than half of the way from guessing to a loss of 0.
  [[nodiscard]] bool failed() const { return infinite > 0 || !(loss.mean <= guessing_loss / 2); }
};

/// One optimizer with all learning rates.
struct RateStudy {
  std::string name;
  std::string key;
  std::vector<RateResult> results = {};
  std::vector<double> iterations = {};  ///< of the paths

  [[nodiscard]] std::size_t best() const {
    std::size_t best = 0;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (results[i].infinite == 0 && results[i].accuracy.mean > results[best].accuracy.mean) {
        best = i;
      }
    }
    return best;
  }
  /// The largest rate below the best at which learning stalls, or -1.
  [[nodiscard]] Index stalls() const {
    for (std::size_t i = best(); i > 0; --i) {
      if (results[i - 1].failed()) return static_cast<Index>(i - 1);
    }
    return -1;
  }
  /// The smallest rate above the best at which it diverges, or -1.
  [[nodiscard]] Index diverges() const {
    for (std::size_t i = best() + 1; i < results.size(); ++i) {
      if (results[i].failed()) return static_cast<Index>(i);
    }
    return -1;
  }
  [[nodiscard]] std::string outcome(std::size_t place) const {
    if (place == best()) return "best";
    if (!results[place].failed()) return "learns";
    return place < best() ? "stalls" : "diverges";
  }
};

inline constexpr Index rate_units = 64;

/// Two digits, such as "0.0032"; whole decades have one.
inline std::string rate_text(double rate) {
  const double decade = std::floor(std::log10(rate) + 1e-9);
  const bool whole = rate / std::pow(10.0, decade) < 1.01;
  const Index decimals = static_cast<Index>(-decade) + (whole ? 0 : 1);
  return fixed(rate, static_cast<int>(std::max<Index>(decimals, 0)));
}

/// The losses of a run's batches, as means over `stride` batches.
struct Path {
  std::vector<double> losses = {};
  double sum = 0;

  [[nodiscard]] nn::Callback follow(Index stride) {
    nn::Callback callback;
    callback.on_batch = [this, stride](nn::BatchReport& report) {
      sum += report.loss;
      if (report.step % stride != 0) return;
      losses.push_back(sum / static_cast<double>(stride));
      sum = 0;
    };
    return callback;
  }
};

/// How long the networks learn by each rate, and how often their loss is noted.
struct RateCourse {
  Index epochs = 0;
  Index stride = 1;  ///< iterations between two points of a path
};

/// Learns once: "measured" and the "losses" of its path; nothing if it diverged.
template <class Rule>
nn::Checkpoint learn_at_rate(const Parts& parts, const Rule& rule, const RateCourse& course,
                             std::uint64_t seed) {
  nn::Checkpoint result;
  nn::Model model(dense_network({rate_units}, parts.training.classes()),
                  parts.training.sample_shape(), {.seed = seed});
  Path path;
  nn::FitOptions fitting = fit_options(course.epochs, seed);
  fitting.callbacks = {path.follow(course.stride)};
  try {
    nn::fit(model, parts.training, nn::SoftmaxCrossEntropy{}, rule, fitting);
    const Measured measured = measure(model, parts);
    result.set("measured", std::span<const Measured>(&measured, 1));
    result.set("losses", std::span<const double>(path.losses));
  } catch (const nn::DivergenceError&) {
    return {};
  }
  return result;
}

/// What the runs at a rate led to, of which there are `seeds` from the first on.
inline RateResult rate_result(double rate, const nn::Checkpoint* runs, Index seeds) {
  Measures measures;
  RateResult result{.rate = rate};
  std::vector<double> sums;
  for (Index run = 0; run < seeds; ++run) {
    if (!runs[run].contains("measured")) {
      ++result.infinite;
      continue;
    }
    measures.add(runs[run].values<Measured>("measured").front());
    const std::vector<double> losses = runs[run].values<double>("losses");
    sums.resize(losses.size());
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += losses[i];
  }
  if (measures.test_accuracy.empty()) return result;
  result.loss = nn::spread_of(measures.training_loss);
  result.accuracy = nn::spread_of(measures.test_accuracy);
  for (const double sum : sums) {
    result.path.push_back(sum / static_cast<double>(measures.test_accuracy.size()));
  }
  return result;
}

/// Draws the losses of every second rate, which are those of whole decades.
inline void draw_paths(const Options& options, const RateStudy& study) {
  if (!options.writes()) return;
  std::vector<nn::viz::Curve> curves;
  for (std::size_t i = 0; i < study.results.size(); i += 2) {
    const RateResult& result = study.results[i];
    nn::viz::Curve curve{.name = rate_text(result.rate), .style = nn::viz::CurveStyle::line};
    for (std::size_t k = 0; k < result.path.size(); ++k) {
      curve.x.push_back(study.iterations[k]);
      curve.y.push_back(std::min(result.path[k], 100.0));
    }
    curves.push_back(curve);
  }
  nn::viz::plot_curves(options.out / ("step_" + study.key + ".png"), curves,
                       {.title = study.name + ": loss by learning rate",
                        .x = {.label = "iteration"},
                        .y = {.label = "loss of the batches", .logarithmic = true, .max = 10.0},
                        .lines = {{.at = guessing_loss, .label = "guessing"}},
                        .ordered = true,
                        .size = {720, 400}});
}

inline void draw_accuracies(const Options& options, const std::vector<RateStudy>& studies) {
  if (!options.writes()) return;
  std::vector<nn::viz::Curve> curves;
  for (const RateStudy& study : studies) {
    nn::viz::Curve curve{.name = study.name};
    for (const RateResult& result : study.results) {
      const bool any = result.accuracy.count > 0;
      curve.x.push_back(result.rate);
      curve.y.push_back(any ? result.accuracy.mean : std::numeric_limits<double>::quiet_NaN());
      curve.spread.push_back(any ? result.accuracy.deviation : 0);
    }
    curves.push_back(curve);
  }
  nn::viz::plot_curves(options.out / "step_rate.png", curves,
                       {.title = "Accuracy on the test set by learning rate",
                        .x = {.label = "learning rate", .logarithmic = true},
                        .y = {.label = "accuracy", .percent = true}});
}

inline Metrics spread_or_nothing(const Spread& spread) {
  return spread.count > 0 ? spread_metrics(spread) : Metrics();
}

/// What the page says of one rule.
inline Metrics findings_of(const RateStudy& study) {
  const auto rate_at = [&](Index i) {
    return rate_text(study.results[static_cast<std::size_t>(i)].rate);
  };
  const RateResult& best = study.results[study.best()];
  const Index stalls = study.stalls();
  const Index diverges = study.diverges();
  Metrics findings{
      {"name", study.name},
      {"key", study.key},
      {"best", {{"rate", rate_text(best.rate)}, {"accuracy", spread_metrics(best.accuracy)}}},
      {"stalls", nullptr},
      {"diverges", nullptr},
      {"next", nullptr},
      {"results", Metrics::array()}};
  if (stalls >= 0) findings["stalls"] = {{"rate", rate_at(stalls)}, {"smallest", stalls == 0}};
  if (diverges >= 0) findings["diverges"] = rate_at(diverges);
  const std::size_t next = study.best() + 1;
  if (next < study.results.size()) {
    const RateResult& larger = study.results[next];
    findings["next"] = {{"rate", rate_text(larger.rate)},
                        {"accuracy", spread_or_nothing(larger.accuracy)},
                        {"loss", best.accuracy.mean - larger.accuracy.mean}};
  }
  for (std::size_t i = 0; i < study.results.size(); ++i) {
    const RateResult& result = study.results[i];
    findings["results"].push_back(
        {{"rate", rate_text(result.rate)},
         {"loss", spread_or_nothing(result.loss)},
         {"accuracy", spread_or_nothing(result.accuracy)},
         {"outcome", study.outcome(i)},
         {"infinite", result.infinite > 0 ? Metrics(result.infinite) : Metrics()},
         {"is_best", i == study.best()}});
  }
  return findings;
}

inline void report(const RateStudy& study, Results& results) {
  Metrics& list = results.metrics["learning_steps"][study.key];
  for (std::size_t i = 0; i < study.results.size(); ++i) {
    const RateResult& result = study.results[i];
    list.push_back({{"learning_step", result.rate},
                    {"infinite_runs", result.infinite},
                    {"outcome", study.outcome(i)},
                    {"learning_cost", spread_or_nothing(result.loss)},
                    {"test_recognition", spread_or_nothing(result.accuracy)}});
  }
  results.findings["rules"].push_back(findings_of(study));
  const std::size_t next = study.best() + 1;
  if (next == study.results.size() || study.results[next].accuracy.count == 0) return;
  const RateResult& best = study.results[next - 1];
  const RateResult& larger = study.results[next];
  note_worse(results, "learning step, " + study.name, "learning rate, " + study.name,
             rate_text(best.rate), rate_text(larger.rate), best.accuracy, larger.accuracy, "rates");
}

/// What is left at the largest rate, over the rules with which any run ended; null if none did.
inline Metrics left_at_largest(const std::vector<RateStudy>& studies) {
  std::vector<double> accuracies;
  for (const RateStudy& study : studies) {
    const Spread& last = study.results.back().accuracy;
    if (last.count > 0) accuracies.push_back(last.mean);
  }
  if (accuracies.empty()) return {};
  const Spread spread = nn::spread_of(accuracies);
  return {{"rate", rate_text(studies[0].results.back().rate)},
          {"least", spread.least},
          {"greatest", spread.greatest}};
}

inline void study_rates(const Options& options, const Parts& parts, Results& results) {
  const Index epochs = options.quick ? 1 : 2;
  const Index points = options.quick ? 12 : 60;
  constexpr Index count = 13;  // from 1e-5 to 10
  std::vector<RateStudy> studies{{.name = "SGD", .key = "sgd"},
                                 {.name = "SGD with momentum 0.9", .key = "momentum"},
                                 {.name = "Adam", .key = "adam"}};
  const auto rate_at = [](Index i) { return std::pow(10.0, static_cast<double>(i - 10) / 2.0); };
  const Index steps = epochs * ((parts.training.size() + batch_size - 1) / batch_size);
  const RateCourse course{epochs, std::max<Index>(1, steps / points)};
  const auto rules = static_cast<Index>(studies.size());
  const std::vector<nn::Checkpoint> runs = share_trainings(
      options, "learning rates", count * rules * options.seeds, [&](Index training) {
        const std::uint64_t seed = seed_of(options, training % options.seeds);
        const double rate = rate_at(training / (options.seeds * rules));
        switch (training / options.seeds % rules) {
          case 0:
            return learn_at_rate(parts, nn::SGD{.learning_rate = rate}, course, seed);
          case 1:
            return learn_at_rate(parts, nn::SGD{.learning_rate = rate, .momentum = 0.9}, course,
                                 seed);
          default:
            return learn_at_rate(parts, nn::Adam{.learning_rate = rate}, course, seed);
        }
      });
  const nn::Checkpoint* of_rate = runs.data();
  for (Index i = 0; i < count; ++i) {
    for (RateStudy& study : studies) {
      study.results.push_back(rate_result(rate_at(i), of_rate, options.seeds));
      of_rate += options.seeds;
    }
  }
  for (RateStudy& study : studies) {
    for (Index step = course.stride; step <= steps; step += course.stride) {
      study.iterations.push_back(static_cast<double>(step));
    }
  }

  draw_accuracies(options, studies);
  const bool between = std::all_of(studies.begin(), studies.end(), [](const RateStudy& study) {
    return study.best() > 0 && study.best() + 1 < study.results.size();
  });
  results.findings["rates"] = {{"units", rate_units},     {"epochs", epochs},
                               {"count", count},          {"guessing_loss", guessing_loss},
                               {"best_between", between}, {"at_largest", left_at_largest(studies)}};
  for (const RateStudy& study : studies) {
    draw_paths(options, study);
    report(study, results);
  }
}

}  // namespace example::study
