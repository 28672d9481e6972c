/// @file
/// How part 5 trains: which images, by which recipe, with whom.
#pragma once

#include <nn/data/sha256.hpp>
#include <nn/distributed/shared_batches.hpp>
#include <nn/optim/lars.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "support/recipe_network.hpp"
#include "support/study.hpp"
#include "support/watch.hpp"

namespace example {

/// The flags of part 5.
struct ImageOptions : StudyFlags {
  std::string recipe = "fast";
  nn::Index seeds = 1;    ///< how many trainings, from `seed` on
  LargerBatches larger;   ///< than the recipe's
  bool resume = false;    ///< whether to go on from a checkpoint
  bool together = false;  ///< whether several processes share one training
  std::vector<std::string> weights;
  std::vector<std::string> classify;

  /// With the processes that were started together, if any. They share one training, or, where
  /// there are several, do some each.
  /// @throws nn::Error when there is nothing that all could go on from.
  void join_training(std::shared_ptr<nn::Communicator> ranks) {
    nn::require(seeds > 0, "--seeds needs a number above 0");
    together = ranks != nullptr && seeds == 1;
    join(std::move(ranks));
    nn::require(together || !resume || world->size() == 1,
                "several processes with a training each cannot go on from checkpoints: --resume "
                "needs one process or one seed");
  }
};

/// 5,000 images of the training set become the validation set; with --quick all is a small part.
inline ImageParts load_parts(const ImageOptions& options, const Recipe& recipe) {
  nn::TrainTest images = load_images(options);
  nn::Index held_out = 5000;
  if (options.quick) {
    const nn::Index size = recipe.name == "best" ? 1200 : 5000;
    images.train = images.train.slice(0, std::min(size, images.train.size()));
    images.test = images.test.slice(0, std::min(size / 4, images.test.size()));
    held_out = size / 5;
  }
  const double share = static_cast<double>(held_out) / static_cast<double>(images.train.size());
  auto [training, validation] = nn::split(images.train, {1 - share, share}, {.seed = options.seed});
  const nn::Normalization normalization = nn::normalization_of(training);
  return {training.with_normalization(normalization), validation.with_normalization(normalization),
          images.test.with_normalization(normalization)};
}

/// The SHA-256 of all images and labels that the network was made from.
inline std::string checksum_of(const ImageParts& parts) {
  std::string bytes;
  for (const nn::Dataset* part : {&parts.training, &parts.validation}) {
    for (nn::Index i = 0; i < part->size(); ++i) {
      bytes.append(part->image(i).begin(), part->image(i).end());
      bytes += static_cast<char>(part->label(i));
    }
  }
  return nn::sha256(bytes);
}

/// The recipe's epochs, or those of --epochs or --quick.
inline nn::Index epochs_of(const ImageOptions& options, const Recipe& recipe) {
  if (options.epochs > 0) return options.epochs;
  return options.quick ? std::min<nn::Index>(2, recipe.epochs) : recipe.epochs;
}

/// The recipe's, unless there are too few images.
inline nn::Index batch_size_of(const Recipe& recipe, const ImageParts& parts) {
  return std::min(recipe.batch_size, parts.training.size() / 4);
}

/// What there is to tell of a training.
struct ImageTraining {
  nn::History history;
  std::vector<Moment> moments;
};

namespace detail {

/// Where a training goes on from: one of several has a file of its own.
inline std::filesystem::path checkpoint_of(const ImageOptions& options) {
  const std::string which = options.seeds > 1 ? "-" + std::to_string(options.seed) : "";
  return options.out / ("training" + which + ".checkpoint");
}

inline nn::FitOptions fit_options(const ImageOptions& options, const Recipe& recipe,
                                  const ImageParts& parts) {
  nn::FitOptions fitting;
  fitting.epochs = epochs_of(options, recipe);
  fitting.batch_size = batch_size_of(recipe, parts);
  fitting.seed = options.seed;
  fitting.validation = &parts.validation;
  fitting.schedule =
      nn::one_cycle_schedule({.warm_up = recipe.warm_up, .first = 0.2, .last = 0.01});
  fitting.average_decay = recipe.average_decay;
  fitting.drop_last = true;  // a small last batch would count as much as any other
  fitting.augmentation = augmentation_of(recipe.augmentation);
  // Several processes with a training each have no file that all could go on from.
  if (options.together || options.world->size() == 1) fitting.checkpoint = checkpoint_of(options);
  if (options.together) fitting.communicator = options.world.get();
  return fitting;
}

template <class Rule>
ImageTraining train_by(const Rule& rule, ImageModel& model, const ImageOptions& options,
                       const Recipe& recipe, const ImageParts& parts) {
  const nn::SoftmaxCrossEntropy loss{.label_smoothing = recipe.label_smoothing};
  nn::Optimizer optimizer(model, rule, parameter_groups(model, recipe));
  nn::FitOptions fitting = fit_options(options, recipe, parts);
  if (!options.resume && options.writes()) std::filesystem::remove(checkpoint_of(options));
  Watch watch(model, parts.validation, loss, fitting.batch_size);
  const nn::Index steps = parts.training.size() / fitting.batch_size;
  Progress progress(
      fitting.epochs * steps,
      {.steps_per_epoch = steps,
       .images_per_step = fitting.batch_size,
       .label = options.seeds > 1 ? "seed " + std::to_string(options.seed) : std::string()});
  fitting.callbacks = {show(progress), watch.callback()};
  ImageTraining training;
  training.history = nn::fit(model, parts.training, loss, optimizer, fitting);
  progress.finish();
  training.moments = watch.seen(training.history);
  return training;
}

}  // namespace detail

/// Trains the model by the recipe, showing how far it is.
inline ImageTraining train(ImageModel& model, const ImageOptions& options, const Recipe& recipe,
                           const ImageParts& parts) {
  prepare(model, recipe, parts.training);
  if (recipe.trust > 0) {
    const nn::LARS rule{.learning_rate = recipe.learning_rate,
                        .momentum = recipe_momentum,
                        .trust = recipe.trust,
                        .weight_decay = recipe.weight_decay};
    return detail::train_by(rule, model, options, recipe, parts);
  }
  const nn::SGD rule{.learning_rate = recipe.learning_rate,
                     .momentum = recipe_momentum,
                     .nesterov = true,
                     .weight_decay = recipe.weight_decay};
  return detail::train_by(rule, model, options, recipe, parts);
}

}  // namespace example
