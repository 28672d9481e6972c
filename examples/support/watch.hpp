/// @file
/// The course of a training that may have no more than one epoch.
#pragma once

#include <algorithm>
#include <nn/viz/plot.hpp>
#include <vector>

#include "support/classifier.hpp"

namespace example {

/// How far the network was at one moment of the training.
struct Moment {
  double epoch = 0;
  double seconds = 0;  ///< of training, without what it takes to measure
  double loss = 0;     ///< the mean over the training batches since the moment before
  double validation_loss = 0;
  double validation_accuracy = 0;
};

/// Measures the network, as it is, at some thirty moments of a training on a part of the validation
/// set: the curves of a recipe that may have no more than one epoch.
template <class Model>
class Watch {
 public:
  Watch(const Model& model, const nn::Dataset& validation, const nn::SoftmaxCrossEntropy& loss,
        nn::Index batch_size)
      : model_(model),
        sample_(validation.slice(0, std::min<nn::Index>(1000, validation.size()))),
        loss_(loss),
        batch_size_(batch_size) {}

  [[nodiscard]] nn::Callback callback() {
    nn::Callback callback;
    callback.on_batch = [this](nn::BatchReport& report) {
      if (batches_ == 0 && seen_.empty()) epochs_before_ = report.epoch - 1;
      sum_ += report.loss;
      ++batches_;
      const nn::Index steps = report.epochs * report.batches;
      const bool due = report.step * moments / steps > (report.step - 1) * moments / steps;
      if (due) measure(report);
    };
    callback.on_epoch = [this](nn::EpochReport& report) { before_ += report.record.seconds; };
    return callback;
  }

  /// All moments of a training. Of the epochs before a resumed one began to be watched, only the
  /// history tells.
  [[nodiscard]] std::vector<Moment> seen(const nn::History& history) const {
    const auto before =
        seen_.empty() ? history.epochs.size() : static_cast<std::size_t>(epochs_before_);
    std::vector<Moment> all;
    double seconds = 0;
    for (std::size_t i = 0; i < before; ++i) {
      const nn::EpochRecord& record = history.epochs[i];
      seconds += record.seconds;
      all.push_back({static_cast<double>(record.epoch), seconds, record.loss,
                     record.validation_loss, record.validation_accuracy});
    }
    for (Moment moment : seen_) {
      moment.seconds += seconds;
      all.push_back(moment);
    }
    return all;
  }

 private:
  static constexpr nn::Index moments = 30;

  void measure(const nn::BatchReport& report) {
    const auto images = static_cast<double>(report.batch * batch_size_);
    const nn::Evaluation now = nn::evaluate(model_, sample_, loss_);
    seen_.push_back({static_cast<double>(report.step) / static_cast<double>(report.batches),
                     before_ + images / report.images_per_second,
                     sum_ / static_cast<double>(batches_), now.loss, now.accuracy});
    sum_ = 0;
    batches_ = 0;
  }

  const Model& model_;
  nn::Dataset sample_;
  const nn::SoftmaxCrossEntropy& loss_;
  nn::Index batch_size_;
  std::vector<Moment> seen_;
  nn::Index epochs_before_ = 0;  // that were over when the watching began
  double before_ = 0;            // seconds of the epochs that are over and were watched
  double sum_ = 0;
  nn::Index batches_ = 0;
};

/// Draws cost.png and rate_per_second.png.
inline void draw_curves(const Flags& flags, const std::vector<Moment>& moments) {
  std::vector<double> epochs;
  std::vector<double> seconds;
  std::vector<double> loss;
  std::vector<double> validation_loss;
  std::vector<double> accuracy;
  for (const Moment& moment : moments) {
    epochs.push_back(moment.epoch);
    seconds.push_back(moment.seconds);
    loss.push_back(moment.loss);
    validation_loss.push_back(moment.validation_loss);
    accuracy.push_back(moment.validation_accuracy);
  }
  nn::viz::plot_curves(flags.out / "cost.png",
                       {{.name = "training set", .x = epochs, .y = loss},
                        {.name = "validation set", .x = epochs, .y = validation_loss}},
                       {.title = "Loss (mean cross-entropy)",
                        .x = {.label = "epoch", .min = 0.0},
                        .y = {.label = "loss", .min = 0.0}});
  nn::viz::plot_curves(flags.out / "rate_per_second.png",
                       {{.name = "validation set", .x = seconds, .y = accuracy}},
                       {.title = "Accuracy against time",
                        .x = {.label = "seconds of training", .min = 0.0},
                        .y = {.label = "accuracy", .percent = true}});
}

}  // namespace example
