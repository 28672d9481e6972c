/// @file
/// What part3_detector measures and draws: the training, the kinds left out, single decisions.
#pragma once

#include <nn/viz/heat_map.hpp>
#include <nn/viz/labelled_grid.hpp>
#include <nn/viz/plot.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "support/answers.hpp"
#include "support/study/detector_images.hpp"
#include "support/study/detector_sheet.hpp"

namespace example::detector {

/// Loss and accuracy as they change while the network is trained.
struct Evolution {
  std::vector<double> epochs, loss, accuracy, test_loss, test_accuracy;

  /// Measures ten times an epoch: the batches since the last time, and a part of the test set.
  template <class Detector>
  nn::Callback callback(const Detector& detector, Dataset test) {
    nn::Callback result;
    result.on_batch = [this, &detector, test](nn::BatchReport& report) {
      if (report.batch == 1) loss_sum_ = correct_ = 0, last_ = 0;
      const Index every = std::max<Index>(1, report.batches / 10);
      if (report.batch % every != 0) return;
      const auto seen = static_cast<double>(report.batch);
      const double since = seen - last_;
      epochs.push_back(static_cast<double>(report.epoch - 1) +
                       seen / static_cast<double>(report.batches));
      loss.push_back((report.mean_loss * seen - loss_sum_) / since);
      accuracy.push_back((report.accuracy * seen - correct_) / since);
      loss_sum_ = report.mean_loss * seen;
      correct_ = report.accuracy * seen;
      last_ = seen;
      const nn::Evaluation now = nn::evaluate(detector, test, nn::SigmoidCrossEntropy{});
      test_loss.push_back(now.loss);
      test_accuracy.push_back(now.accuracy);
    };
    return result;
  }

 private:
  double loss_sum_ = 0, correct_ = 0, last_ = 0;
};

inline void draw_evolution(const Options& options, const Evolution& evolution) {
  nn::viz::plot_curves(options.out / "cost.png",
                       {{.name = "training set", .x = evolution.epochs, .y = evolution.loss},
                        {.name = "test set", .x = evolution.epochs, .y = evolution.test_loss}},
                       {.title = "Loss (mean cross-entropy)",
                        .x = {.label = "epoch", .min = 0.0},
                        .y = {.label = "loss", .logarithmic = true}});
  nn::viz::plot_curves(options.out / "accuracy.png",
                       {{.name = "training set", .x = evolution.epochs, .y = evolution.accuracy},
                        {.name = "test set", .x = evolution.epochs, .y = evolution.test_accuracy}},
                       {.title = "Accuracy",
                        .x = {.label = "epoch", .min = 0.0},
                        .y = {.label = "images told right", .percent = true}});
}

/// A detector that some kinds were kept from, and what it makes of every kind.
struct LeftOut {
  std::string name;                  ///< of the kind, or of a group of them
  std::vector<std::string> kinds;    ///< left out
  double digits = 0;                 ///< recognised
  std::vector<double> by_kind = {};  ///< detected
  double detected = 0;               ///< of the kinds left out
};

/// The single kind that is detected worst when it is left out.
inline const LeftOut& worst_of(const std::vector<LeftOut>& studies) {
  return *std::min_element(studies.begin(), studies.end(), [](const LeftOut& a, const LeftOut& b) {
    if (a.kinds.size() != b.kinds.size()) return a.kinds.size() < b.kinds.size();
    return a.detected < b.detected;
  });
}

inline void draw_left_out(const Options& options, const std::vector<LeftOut>& studies,
                          std::vector<std::string> kinds) {
  std::vector<std::string> rows;
  std::vector<double> values;
  for (const LeftOut& study : studies) {
    rows.push_back(study.name);
    values.insert(values.end(), study.by_kind.begin(), study.by_kind.end());
    values.push_back(study.digits);
  }
  kinds.emplace_back("digits");
  nn::viz::plot_heat_map(options.out / "left_out.png", values, rows, kinds,
                         {.title = "Images told right (%)",
                          .row_label = "left out of the training",
                          .column_label = "tested",
                          .min = 0.8,
                          .max = 1.0,
                          .percent = true,
                          .cell = 50});
}

/// A row of images of each kind.
inline void draw_kinds(const Options& options, const std::vector<nn::ImageGenerator>& kinds) {
  constexpr Index columns = 12;
  std::vector<nn::viz::Image> images;
  std::vector<std::string> names;
  for (const nn::ImageGenerator& kind : kinds) {
    const Dataset drawn = nn::random_images({kind}, columns, side, side, options.seed);
    for (Index i = 0; i < columns; ++i) images.push_back(picture_of(drawn, i));
    names.push_back(kind.name);
  }
  nn::viz::write_image_grid(options.out / "kinds.png", images, columns, {.row_titles = names});
}

/// Images with the probability of a digit under each, framed in the colour of right or wrong.
inline void draw_decisions(const std::filesystem::path& path, const Dataset& data,
                           const std::vector<float>& logits, const std::vector<Index>& which) {
  std::vector<nn::viz::Image> images;
  nn::viz::GridOptions grid{.scale = 4};
  for (const Index i : which) {
    const float logit = logits[static_cast<std::size_t>(i)];
    const bool right = (logit > 0) == (data.label(i) == 1);
    images.push_back(picture_of(data, i));
    grid.labels.push_back(percent(probability(logit), 1));
    grid.frames.push_back(right ? nn::viz::right_colour : nn::viz::wrong_colour);
  }
  nn::viz::write_image_grid(path, images, 8, grid);
}

/// The errors, the most confident first.
inline std::vector<Index> errors_of(const Dataset& data, const std::vector<float>& logits) {
  std::vector<Index> wrong;
  for (Index i = 0; i < data.size(); ++i) {
    if ((logits[static_cast<std::size_t>(i)] > 0) != (data.label(i) == 1)) wrong.push_back(i);
  }
  std::stable_sort(wrong.begin(), wrong.end(), [&](Index a, Index b) {
    return std::abs(logits[static_cast<std::size_t>(a)]) >
           std::abs(logits[static_cast<std::size_t>(b)]);
  });
  return wrong;
}

}  // namespace example::detector
