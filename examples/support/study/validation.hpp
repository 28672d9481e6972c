/// @file
/// The trainings of part2_cross_validation: settings, their runs, and what is chosen among them.
#pragma once

#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/study.hpp"

namespace example::validation {

using nn::Dataset;
using nn::Index;
using nn::Spread;
using Model = nn::Model<DenseNetwork, float>;

struct Options : StudyFlags {
  Index seeds = 3;
  Index folds = 5;
};

inline constexpr Index batch_size = 128;
inline constexpr double usual_learning_rate = 0.001;
inline constexpr Index patience = 3;

/// What is chosen by validation.
struct Setting {
  Index units = 256;
  double weight_decay = 0;
};

/// A network that has learnt. The test set is left for the end.
struct Run {
  Model model;
  nn::History history;
  nn::Evaluation validation = {};
  nn::Evaluation test = {};

  [[nodiscard]] Index best_epoch() const { return kept_epoch(history); }
};

using Runs = std::vector<Run>;

/// Mean and spread of a figure of several runs.
template <class Figure>
Spread spread(const Runs& runs, const Figure& figure) {
  std::vector<double> values;
  for (const Run& run : runs) values.push_back(static_cast<double>(figure(run)));
  return nn::spread_of(values);
}
inline Spread validation_accuracy(const Runs& runs) {
  return spread(runs, [](const Run& run) { return run.validation.accuracy; });
}
inline Spread validation_loss(const Runs& runs) {
  return spread(runs, [](const Run& run) { return run.validation.loss; });
}
inline Spread test_accuracy(const Runs& runs) {
  return spread(runs, [](const Run& run) { return run.test.accuracy; });
}
inline Spread test_loss(const Runs& runs) {
  return spread(runs, [](const Run& run) { return run.test.loss; });
}
inline Spread best_epochs(const Runs& runs) {
  return spread(runs, [](const Run& run) { return run.best_epoch(); });
}
inline Spread epochs_made(const Runs& runs) {
  return spread(runs, [](const Run& run) { return run.history.epochs.size(); });
}
inline Spread seconds(const Runs& runs) {
  return spread(runs, [](const Run& run) { return run.history.seconds(); });
}

/// Trains on `training`, watched by `validation`; with a patience it stops early and goes back to
/// the best weights.
inline Run learn(const Setting& setting, const Dataset& training, const Dataset& validation,
                 Index epochs, Index patience_in_epochs, std::uint64_t seed) {
  Model model(dense_network({setting.units}, training.classes()), training.sample_shape(),
              {.seed = seed});
  nn::History history =
      nn::fit(model, training, nn::SoftmaxCrossEntropy{},
              nn::AdamW{.learning_rate = usual_learning_rate, .weight_decay = setting.weight_decay},
              {.epochs = epochs,
               .batch_size = batch_size,
               .seed = seed,
               .validation = &validation,
               .early_stopping = {.patience = patience_in_epochs, .restore_best = true}});
  const nn::Evaluation measured = nn::evaluate(model, validation, nn::SoftmaxCrossEntropy{});
  return {std::move(model), std::move(history), measured, {}};
}

/// What of a run another process has to know.
inline nn::Checkpoint packed(const Run& run) {
  nn::Checkpoint bytes;
  bytes.set("model", run.model);
  bytes.set("epochs", std::span<const nn::EpochRecord>(run.history.epochs));
  bytes.set("stopped_early", run.history.stopped_early);
  bytes.set("validation", std::span<const nn::Evaluation>(&run.validation, 1));
  return bytes;
}

/// One training of the study.
struct Training {
  Setting setting;
  const Dataset* training;
  const Dataset* validation;
  Index epochs;
  Index patience;
  std::uint64_t seed;
};

/// The run of `training` that `packed` has packed.
inline Run unpacked(const Training& training, const nn::Checkpoint& bytes) {
  Run run{.model = Model(dense_network({training.setting.units}, training.training->classes()),
                         training.training->sample_shape(), {.seed = training.seed}),
          .history = {}};
  bytes.get("model", run.model);
  run.history.epochs = bytes.values<nn::EpochRecord>("epochs");
  bytes.get("stopped_early", run.history.stopped_early);
  bytes.get("validation", std::span<nn::Evaluation>(&run.validation, 1));
  return run;
}

/// The runs of all trainings, which the processes share.
inline Runs learn_all(const Options& options, const std::string& label,
                      const std::vector<Training>& trainings) {
  const std::vector<nn::Checkpoint> all =
      share_trainings(options, label, static_cast<Index>(trainings.size()), [&](Index place) {
        const Training& one = trainings[static_cast<std::size_t>(place)];
        return packed(
            learn(one.setting, *one.training, *one.validation, one.epochs, one.patience, one.seed));
      });
  Runs runs;
  for (std::size_t i = 0; i < all.size(); ++i) runs.push_back(unpacked(trainings[i], all[i]));
  return runs;
}

/// One setting of the choice with its runs.
struct Candidate {
  Setting setting;
  Runs runs;
};

/// Everything that was learnt before the test set was opened, and what was chosen.
struct Study {
  Runs stopped;
  Runs unstopped;
  std::vector<Candidate> candidates = {};
  std::size_t chosen = 0;
  Index chosen_epochs = 0;  ///< for learning without a validation set
  std::vector<double> fold_accuracies = {};
  std::vector<double> fold_losses = {};
};

/// The candidate with the best mean accuracy on the validation set.
inline std::size_t choose(const std::vector<Candidate>& candidates) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    if (validation_accuracy(candidates[i].runs).mean >
        validation_accuracy(candidates[best].runs).mean) {
      best = i;
    }
  }
  return best;
}

/// Like `choose`, but by the test set: to see afterwards what was missed.
inline std::size_t best_on_test(const std::vector<Candidate>& candidates) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    if (test_accuracy(candidates[i].runs).mean > test_accuracy(candidates[best].runs).mean)
      best = i;
  }
  return best;
}

}  // namespace example::validation
