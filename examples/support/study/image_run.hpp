/// @file
/// A training of part 5 from its images to what the test set says of it.
#pragma once

#include <nn/io/safetensors.hpp>

#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/answers.hpp"
#include "support/stored_network.hpp"
#include "support/study/image_training.hpp"
#include "support/study/seeds.hpp"
#include "support/views.hpp"

namespace example {

/// Where a network is from, for its file.
inline nn::Metadata origin_of(const ImageOptions& options, const Recipe& recipe,
                              const ImageParts& parts) {
  return {{"dataset", options.dataset},
          {"recipe", std::string(recipe.name)},
          {"network", std::string(recipe.network)},
          {"seed", std::to_string(options.seed)},
          {"epochs", std::to_string(epochs_of(options, recipe))},
          {"batch_size", std::to_string(batch_size_of(recipe, parts))},
          {"learning_rate", nn::text(recipe.learning_rate)},
          {"data_sha256", checksum_of(parts)}};
}

/// Everything that was measured.
struct ImageResults {
  ImageTraining training;
  std::vector<Choice> choices;
  Choice chosen;
  Answers answers;
};

/// What the validation set chooses, and what the test set then says of it.
inline ImageResults measure(const ImageModel& model, ImageTraining training, const Recipe& recipe,
                            const ImageParts& parts) {
  std::vector<Choice> choices = measure_choices(model, recipe, parts.validation);
  const Choice chosen = best_of(choices);
  const nn::Tensor<float> logits = nn::predict_views(model, parts.test, chosen.views);
  return {.training = std::move(training),
          .choices = std::move(choices),
          .chosen = chosen,
          .answers = answers_of(nn::softmax_rows(logits), parts.test)};
}

/// A trained network, and what it was made from.
struct ImageRun {
  ImageParts parts;
  ImageModel model;
  std::optional<ImageResults> results;  ///< none where another process has measured
};

/// The options with the number of epochs, which is found by the time where there is none.
inline ImageOptions with_epochs(ImageOptions options, const Recipe& recipe) {
  if (options.epochs > 0 || options.minutes == 0) return options;
  options.epochs = epochs_within(options, recipe, load_parts(options));
  std::cout << recipe.network << ": " << counted(options.epochs, "epoch") << " in about "
            << duration(60 * options.minutes) << '\n';
  return options;
}

/// Trains one network, and measures it.
/// @param show_layers whether to print what the network is
inline ImageRun learn(const ImageOptions& options, const Recipe& recipe, bool show_layers) {
  ImageParts parts = load_parts(options);
  ImageModel model = untrained(options, recipe, parts);
  if (show_layers) std::cout << nn::summary(model, recipe.batch_size);
  ImageTraining training = train(model, options, recipe, parts);
  std::optional<ImageResults> results;
  if (options.writes() || !options.together) {
    // From here on it is the network as it is stored, so that the accuracy is that of the file.
    nn::from_safetensors(model, nn::to_safetensors(model, {.type = stored_type}));
    results = measure(model, std::move(training), recipe, parts);
  }
  return {std::move(parts), std::move(model), std::move(results)};
}

/// What a run from one seed gave.
inline SeedResult result_of(std::uint64_t seed, const ImageResults& results) {
  return {seed, results.chosen.validation_accuracy, results.answers.confusion.accuracy()};
}

/// Writes the network with what there is to know of it.
inline void save_run(const std::filesystem::path& file, const ImageOptions& options,
                     const Recipe& recipe, const ImageRun& run) {
  const ImageResults& results = *run.results;
  save_weights(file, run.model, run.parts.training, results.chosen.views,
               origin_of(options, recipe, run.parts),
               {{"test_accuracy", fixed(results.answers.confusion.accuracy(), 4)},
                {"validation_accuracy", fixed(results.chosen.validation_accuracy, 4)}});
}

}  // namespace example
