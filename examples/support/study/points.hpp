/// @file
/// What the three studies of part2_study share: what is measured, drawn and told of one factor.
#pragma once

#include <algorithm>
#include <cmath>
#include <nn/viz/plot.hpp>
#include <string>
#include <vector>

#include "support/study.hpp"

namespace example::study {

using nn::Dataset;
using nn::Index;
using nn::Spread;

struct Options : example::StudyFlags {
  Index seeds = 3;
  std::vector<Index> widths{4, 8, 16, 32, 64, 128, 256, 512, 1024};
};

inline constexpr Index batch_size = 128;
inline constexpr float usual_rate = 0.001F;  // of Adam, wherever the rate is not what is studied
inline const double guessing_loss = std::log(10.0);

struct Parts {
  Dataset training;
  Dataset test;
};

/// What was measured, for metrics.json, and what else the page says.
struct Results {
  Metrics metrics;
  Metrics findings;
};

/// Loss and accuracy of a network on both sets.
struct Measured {
  double training_loss = 0;
  double test_loss = 0;
  double training_accuracy = 0;
  double test_accuracy = 0;
};

template <class Model>
Measured measure(const Model& model, const Parts& parts) {
  const nn::Evaluation training = nn::evaluate(model, parts.training, nn::SoftmaxCrossEntropy{});
  const nn::Evaluation test = nn::evaluate(model, parts.test, nn::SoftmaxCrossEntropy{});
  return {training.loss, test.loss, training.accuracy, test.accuracy};
}

/// The same of several runs: one number a run.
struct Measures {
  std::vector<double> training_loss = {};
  std::vector<double> test_loss = {};
  std::vector<double> training_accuracy = {};
  std::vector<double> test_accuracy = {};
  std::vector<double> seconds = {};

  void add(const Measured& run) {
    training_loss.push_back(run.training_loss);
    training_accuracy.push_back(run.training_accuracy);
    test_loss.push_back(run.test_loss);
    test_accuracy.push_back(run.test_accuracy);
  }
};

/// The same measures at one point of a curve, over all runs.
struct Point {
  double x = 0;
  Spread training_loss;
  Spread test_loss;
  Spread training_accuracy;
  Spread test_accuracy;
};

inline Point point_of(double x, const Measures& measures) {
  return {x, nn::spread_of(measures.training_loss), nn::spread_of(measures.test_loss),
          nn::spread_of(measures.training_accuracy), nn::spread_of(measures.test_accuracy)};
}

inline Metrics point_metrics(const std::string& factor, const Point& point) {
  return {{factor, point.x},
          {"learning_cost", example::spread_metrics(point.training_loss)},
          {"test_cost", example::spread_metrics(point.test_loss)},
          {"learning_recognition", example::spread_metrics(point.training_accuracy)},
          {"test_recognition", example::spread_metrics(point.test_accuracy)}};
}

inline nn::viz::Curve curve_of(const std::string& name, const std::vector<Point>& points,
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
inline void draw(const Options& options, const std::string& name, const std::vector<Point>& points,
                 const nn::viz::Axis& x) {
  if (!options.writes()) return;
  nn::viz::plot_curves(options.out / (name + "_cost.png"),
                       {curve_of("training set", points, &Point::training_loss),
                        curve_of("test set", points, &Point::test_loss)},
                       {.title = "Loss", .x = x, .y = {.label = "loss", .logarithmic = true}});
  nn::viz::plot_curves(
      options.out / (name + "_rate.png"),
      {curve_of("training set", points, &Point::training_accuracy),
       curve_of("test set", points, &Point::test_accuracy)},
      {.title = "Accuracy", .x = x, .y = {.label = "accuracy", .percent = true, .max = 1.0}});
}

inline const Point& best_of(const std::vector<Point>& points) {
  return *std::max_element(points.begin(), points.end(), [](const Point& a, const Point& b) {
    return a.test_accuracy.mean < b.test_accuracy.mean;
  });
}

// ---- where more is worse ----

/// The two neighbours between which the test accuracy falls most; nothing if it never falls.
struct Fall {
  const Point* from = nullptr;
  const Point* to = nullptr;
  [[nodiscard]] double size() const {
    return from == nullptr ? 0 : from->test_accuracy.mean - to->test_accuracy.mean;
  }
};

inline Fall largest_fall(const std::vector<Point>& points) {
  Fall largest;
  for (std::size_t i = 1; i < points.size(); ++i) {
    const Fall fall{&points[i - 1], &points[i]};
    if (fall.size() > largest.size()) largest = fall;
  }
  return largest;
}

/// The fall as the page tells it; null if there is none.
inline Metrics findings_of(const Fall& fall) {
  if (fall.from == nullptr) return {};
  const double spread =
      std::max(fall.from->test_accuracy.deviation, fall.to->test_accuracy.deviation);
  return {{"from", fall.from->x},
          {"to", fall.to->x},
          {"loss", fall.size()},
          {"spread", spread},
          {"more_than_spread", fall.size() > spread}};
}

/// Notes that a value turned out worse than the next smaller one.
/// @param shown what the page calls the factor
/// @param largest the finding that keeps the largest loss of its kind
inline void note_worse(Results& results, const std::string& factor, const std::string& shown,
                       const std::string& from, const std::string& to, const Spread& smaller,
                       const Spread& larger, const char* largest) {
  const double loss = smaller.mean - larger.mean;
  Metrics row{{"factor", factor},
              {"from", from},
              {"to", to},
              {"test_recognition_from", example::spread_metrics(smaller)},
              {"test_recognition_to", example::spread_metrics(larger)}};
  results.metrics["worse_for_being_larger"].push_back(row);
  row["factor"] = shown;
  row["more"] = loss > std::max(smaller.deviation, larger.deviation);
  Metrics& worse = results.findings["worse"];
  worse["any"] = true;
  worse["rows"].push_back(row);
  if (worse[largest].is_null() || loss > worse[largest]) worse[largest] = loss;
}

inline void note_worse(Results& results, const std::string& factor, const std::string& shown,
                       const Fall& fall) {
  if (fall.from == nullptr) return;
  const auto text = [](double x) { return example::thousands(static_cast<Index>(x)); };
  note_worse(results, factor, shown, text(fall.from->x), text(fall.to->x), fall.from->test_accuracy,
             fall.to->test_accuracy, "counts");
}

inline nn::FitOptions fit_options(Index epochs, std::uint64_t seed) {
  return {.epochs = epochs, .batch_size = batch_size, .seed = seed};
}

inline std::uint64_t seed_of(const Options& options, Index run) {
  return options.seed + static_cast<std::uint64_t>(run);
}

}  // namespace example::study
