/// @file
/// Part 5's ways of answering: by one view of an image or by the mean over several.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "support/recipe_network.hpp"
#include "support/text.hpp"

namespace example {

/// One way of answering, and its accuracy on the validation set.
struct Choice {
  nn::ViewOptions views{};
  double validation_accuracy = 0;
};

/// The ways of answering among which the validation chooses.
inline std::vector<nn::ViewOptions> view_choices(const Recipe& recipe) {
  std::vector<nn::ViewOptions> choices{{.flip = false}};
  const bool flip = recipe.augmentation.flip;
  if (flip) choices.push_back({.flip = true});
  if (recipe.view_shift > 0) choices.push_back({.flip = flip, .shift = recipe.view_shift});
  return choices;
}

/// "two views: as it is and mirrored"
inline std::string words_of(const nn::ViewOptions& views) {
  const std::string moved = ", and moved by " + counted(views.shift, "pixel");
  if (!views.flip) return views.shift > 0 ? "three views: as it is" + moved : "one view: as it is";
  return views.shift > 0 ? "six views: as it is and mirrored" + moved
                         : "two views: as it is and mirrored";
}

/// The accuracy of all ways of answering that a recipe allows.
inline std::vector<Choice> measure_choices(const ImageModel& model, const Recipe& recipe,
                                           const nn::Dataset& validation) {
  std::vector<Choice> choices;
  for (const nn::ViewOptions& views : view_choices(recipe)) {
    const nn::Tensor<float> outputs = nn::predict_views(model, validation, views);
    choices.push_back({views, nn::accuracy(outputs, validation.labels())});
  }
  return choices;
}

/// The best on the validation set; of equal ones the first, which is the quicker.
inline const Choice& best_of(const std::vector<Choice>& choices) {
  return *std::max_element(choices.begin(), choices.end(), [](const Choice& a, const Choice& b) {
    return a.validation_accuracy < b.validation_accuracy;
  });
}

}  // namespace example
