/// @file
/// How part 5 trains: which images, by which recipe, for how long, with whom.
#pragma once

#include <nn/data/sha256.hpp>
#include <nn/distributed/shared_batches.hpp>
#include <nn/optim/lars.hpp>
#include <nn/optim/muon.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/recipe_network.hpp"
#include "support/study.hpp"
#include "support/watch.hpp"

namespace example {

/// The flags of part 5.
struct ImageOptions : StudyFlags {
  std::string recipe = "fast";
  std::string network = "own";  ///< one of `network_names`, or "all"
  /// Of the network, or of each of all; none: by the time or as the recipe has it.
  std::vector<nn::Index> given_epochs{};
  nn::Index quick_images = 5000;  ///< of the training set with --quick
  double minutes = 0;             ///< of training; 0: as many as the epochs take
  nn::Index seeds = 1;            ///< how many trainings, from `seed` on
  LargerBatches larger;           ///< than the recipe's
  bool resume = false;            ///< whether to go on from a checkpoint
  bool together = false;          ///< whether several processes share one training
  std::vector<std::string> weights;
  std::vector<std::string> classify;

  /// Settles for how long to train, and with --quick on how many images.
  /// @throws nn::Error when the flags say it twice, or not for all networks.
  void settle_time() {
    const std::size_t networks = network == "all" ? network_names.size() : 1;
    nn::require(minutes >= 0, "--minutes needs a number above 0");
    nn::require(given_epochs.size() <= 1 || given_epochs.size() == networks, "--epochs needs ",
                counted(static_cast<nn::Index>(networks), "number"), ", one for each network");
    nn::require(given_epochs.empty() || minutes == 0, "--epochs and --minutes say the same twice");
    nn::require(network != "all" || !resume || !given_epochs.empty(),
                "--resume of all networks needs the --epochs that were found for them");
    if (!given_epochs.empty()) epochs = given_epochs.front();
    if (recipe == "best" || network != "own") quick_images = 1200;
    // The recipe has the epochs of its own network alone.
    if (network != "own" && given_epochs.empty() && minutes == 0) minutes = quick ? 0.05 : 2;
  }

  /// With the processes that were started together, if any. They share one training, or, where
  /// there are several, do some each.
  /// @throws nn::Error when there is nothing that all could go on from.
  void join_training(std::shared_ptr<nn::Communicator> ranks) {
    nn::require(seeds > 0, "--seeds needs a number above 0");
    together = ranks != nullptr && seeds == 1;
    nn::require(ranks == nullptr || (minutes == 0 && network != "all"),
                "several processes would each find another number of epochs for the same minutes: "
                "they train one --network, with --epochs");
    join(std::move(ranks));
    nn::require(together || !resume || world->size() == 1,
                "several processes with a training each cannot go on from checkpoints: --resume "
                "needs one process or one seed");
  }
};

/// 5,000 images of the training set become the validation set; with --quick all is a small part.
inline ImageParts load_parts(const ImageOptions& options) {
  nn::TrainTest images = load_images(options);
  nn::Index held_out = 5000;
  if (options.quick) {
    const nn::Index size = options.quick_images;
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

/// The recipe of one of `network_names`, with larger batches if they are asked for.
inline Recipe recipe_of(const ImageOptions& options, std::string_view network) {
  return with_larger_batches(with_network(find_recipe(options.dataset, options.recipe), network),
                             options.larger);
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
  std::string which;
  if (options.network != "own") which += "-" + options.network;
  if (options.seeds > 1) which += "-" + std::to_string(options.seed);
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
  fitting.clip_norm = recipe.clip_norm;
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

/// How fast the rule lets the model learn: the images a second of its first steps, of which the
/// very first do not count.
template <class Rule>
double rate_by(const Rule& rule, ImageModel& model, const ImageOptions& options,
               const Recipe& recipe, const ImageParts& parts, double seconds) {
  nn::FitOptions fitting = fit_options(options, recipe, parts);
  fitting.epochs = std::numeric_limits<int>::max();
  fitting.validation = {};
  fitting.checkpoint = {};
  constexpr nn::Index first = 3;
  std::optional<Stopwatch> watch;
  nn::Index steps = 0;
  double taken = 0;
  nn::Callback callback;
  callback.on_batch = [&](nn::BatchReport& report) {
    if (report.step == first) watch.emplace();
    if (report.step <= first) return;
    ++steps;
    taken = watch->seconds();
    report.stop = taken >= seconds;
  };
  fitting.callbacks = {callback};
  nn::Optimizer optimizer(model, rule, parameter_groups(model, recipe));
  nn::fit(model, parts.training, nn::SoftmaxCrossEntropy{.label_smoothing = recipe.label_smoothing},
          optimizer, fitting);
  return static_cast<double>(steps * fitting.batch_size) / taken;
}

/// Calls `use` with the recipe's rule.
template <class Use>
auto with_rule(const Recipe& recipe, const Use& use) {
  if (recipe.rule == example::Rule::adamw) {
    return use(
        nn::AdamW{.learning_rate = recipe.learning_rate, .weight_decay = recipe.weight_decay});
  }
  if (recipe.rule == example::Rule::muon) {
    return use(nn::Muon{.learning_rate = recipe.learning_rate,
                        .momentum = recipe_momentum,
                        .weight_decay = recipe.weight_decay,
                        .others = {.learning_rate = recipe.other_rate, .weight_decay = 0}});
  }
  if (recipe.trust > 0) {
    return use(nn::LARS{.learning_rate = recipe.learning_rate,
                        .momentum = recipe_momentum,
                        .trust = recipe.trust,
                        .weight_decay = recipe.weight_decay});
  }
  return use(nn::SGD{.learning_rate = recipe.learning_rate,
                     .momentum = recipe_momentum,
                     .nesterov = true,
                     .weight_decay = recipe.weight_decay});
}

}  // namespace detail

/// An untrained network of the recipe.
inline ImageModel untrained(const ImageOptions& options, const Recipe& recipe,
                            const ImageParts& parts) {
  const nn::Shape& shape = parts.training.sample_shape();
  ImageModel model(network_of(recipe, shape, parts.training.classes()), shape,
                   {.seed = options.seed});
  prepare(model, recipe, parts.training);
  return model;
}

/// The epochs that --minutes are nearest to, at the rate of a training's first steps, here and now.
/// The schedule of the learning rate needs them before it begins; given as --epochs, they make the
/// same network on any machine.
inline nn::Index epochs_within(const ImageOptions& options, const Recipe& recipe,
                               const ImageParts& parts) {
  const double budget = 60 * options.minutes;
  ImageModel model = untrained(options, recipe, parts);
  const double rate = detail::with_rule(recipe, [&](const auto& rule) {
    return detail::rate_by(rule, model, options, recipe, parts, std::clamp(budget / 30, 0.2, 3.0));
  });
  const double epochs = rate * budget / static_cast<double>(parts.training.size());
  return std::max<nn::Index>(1, std::lround(epochs));
}

/// Trains the model by the recipe, showing how far it is.
inline ImageTraining train(ImageModel& model, const ImageOptions& options, const Recipe& recipe,
                           const ImageParts& parts) {
  return detail::with_rule(recipe, [&](const auto& rule) {
    return detail::train_by(rule, model, options, recipe, parts);
  });
}

}  // namespace example
