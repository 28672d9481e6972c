/// @file
/// The two criteria of part2_rejection: their thresholds, what these reject, and the curves.
#pragma once

#include <nn/train/rejection.hpp>
#include <nn/viz/plot.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "support/study/rejection_scores.hpp"

namespace example::rejection {

/// The share of the validation set that the thresholds for images which are no digits reject.
inline constexpr double allowed_rate = 0.05;
/// The share of it that the threshold of the conclusion rejects.
inline constexpr double working_rate = 0.015;

/// A reason to reject: its scores, and on which side of a threshold they are rejected.
struct Criterion {
  std::string name;
  Reject side;
  std::vector<double> Scores::*score;
  double none;  ///< a threshold that rejects nothing
};

inline double rejected_share(const std::vector<double>& scores, double threshold, Reject side) {
  const auto count = std::count_if(scores.begin(), scores.end(), [&](double score) {
    return nn::is_rejected(score, threshold, side);
  });
  return static_cast<double>(count) / static_cast<double>(scores.size());
}

/// The thresholds that reject these shares of the validation set, after one that rejects nothing.
inline std::vector<double> thresholds(const Criterion& criterion, const Scores& validation,
                                      const std::vector<double>& rates) {
  std::vector<double> result{criterion.none};
  for (const double rate : rates) {
    result.push_back(nn::threshold_for_rate(validation.*criterion.score, rate, criterion.side));
  }
  return result;
}

inline std::vector<nn::RejectionPoint> points(const Criterion& criterion, const Scores& scores,
                                              const std::vector<double>& at) {
  return nn::rejection_curve(scores.*criterion.score, scores.correct, at, criterion.side);
}

inline double area(const Criterion& criterion, const Scores& scores) {
  return nn::area_under_rejection(scores.*criterion.score, scores.correct, criterion.side);
}

/// The shares of the validation set that the thresholds of the tables reject.
inline std::vector<double> table_rates() {
  return {0.002, 0.005, 0.01, working_rate, 0.02, 0.03, allowed_rate, 0.1, 0.15, 0.2, 0.3, 0.5};
}

/// Those of the curves: evenly spaced by their logarithm.
inline std::vector<double> curve_rates() {
  constexpr int count = 80;
  std::vector<double> rates;
  for (int k = 0; k <= count; ++k) {
    rates.push_back(0.002 * std::pow(300.0, static_cast<double>(k) / count));
  }
  return rates;
}

/// A threshold as readers can tell it from its neighbours.
inline std::string threshold_text(double threshold, Reject side) {
  if (side == Reject::above) return fixed(threshold, 2);
  if (threshold < 0.999) return fixed(threshold, 4);
  const double nines = -std::log10(std::max(1 - threshold, 1e-12));
  return fixed(threshold, static_cast<int>(nines) + 2);
}

/// Rejection and accuracy against the threshold, as NAME_rejection.png and NAME_recognition.png.
inline void draw_thresholds(const Flags& options, const Criterion& criterion,
                            const Scores& validation, const Scores& all, const Scores& test) {
  const bool ambiguity = criterion.side == Reject::below;
  std::vector<double> at = thresholds(criterion, validation, curve_rates());
  // The threshold that rejects nothing may lie far out; a point a little beyond the others shows
  // as much.
  if (!ambiguity) at.front() = std::min(at.front(), 1.15 * at[1]);
  const auto curve = [&](const std::string& name, const Scores& scores,
                         double nn::RejectionPoint::*rate) {
    nn::viz::Curve result{.name = name, .style = nn::viz::CurveStyle::line};
    for (const nn::RejectionPoint& point : points(criterion, scores, at)) {
      result.x.push_back(ambiguity ? 1 - point.threshold : point.threshold);
      result.y.push_back(point.*rate);
    }
    return result;
  };
  const auto draw = [&](const std::string& what, const std::string& title, const std::string& label,
                        double nn::RejectionPoint::*rate) {
    nn::viz::plot_curves(options.out / (criterion.name + '_' + what + ".png"),
                         {curve("all images", all, rate), curve("test set", test, rate)},
                         {.title = title,
                          .x = {.label = ambiguity ? "1 − threshold of the largest posterior"
                                                   : "threshold of the distance",
                                .logarithmic = ambiguity},
                          .y = {.label = label, .percent = true}});
  };
  draw("rejection", "Rejection rate", "rejected", &nn::RejectionPoint::rejection_rate);
  draw("recognition", "Accuracy among the accepted", "accuracy among the accepted",
       &nn::RejectionPoint::accuracy_accepted);
}

/// What a rejection would reach that rejects all errors first.
inline nn::viz::Curve best_possible(double accuracy) {
  constexpr int steps = 200;
  nn::viz::Curve best{.name = "errors only",
                      .style = nn::viz::CurveStyle::line,
                      .dashed = true,
                      .colour = nn::viz::Colour{120, 120, 120}};
  for (int k = 0; k <= steps; ++k) {
    const double rate = 0.5 * static_cast<double>(k) / steps;
    best.x.push_back(rate);
    best.y.push_back(std::min(1.0, accuracy / (1 - rate)));
  }
  return best;
}

/// Accuracy against rejection by either criterion, with the best that is possible.
inline void draw_comparison(const Flags& options, const std::vector<Criterion>& criteria,
                            const Scores& validation, const Scores& test) {
  std::vector<nn::viz::Curve> curves;
  for (const Criterion& criterion : criteria) {
    nn::viz::Curve curve{.name = criterion.name + " (area " + fixed(area(criterion, test), 5) + ")",
                         .style = nn::viz::CurveStyle::line};
    for (const nn::RejectionPoint& point :
         points(criterion, test, thresholds(criterion, validation, curve_rates()))) {
      if (point.rejection_rate > 0.5) continue;
      curve.x.push_back(point.rejection_rate);
      curve.y.push_back(point.accuracy_accepted);
    }
    curves.push_back(curve);
  }
  curves.push_back(best_possible(test.accuracy()));
  nn::viz::plot_curves(options.out / "comparison.png", curves,
                       {.title = "Accuracy against rejection on the test set",
                        .x = {.label = "rejected", .percent = true, .min = 0.0, .max = 0.5},
                        .y = {.label = "accuracy among the accepted", .percent = true},
                        .size = {720, 420}});
}

}  // namespace example::rejection
