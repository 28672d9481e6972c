/// @file
/// What to train on which images, and how: the recipes of part 5, as data.
#pragma once

#include <nn/kernels/kernels.hpp>

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "nn/nn.hpp"

namespace example {

/// How images are changed while the network learns. What is 0 is not done.
struct AugmentationPlan {
  bool flip = false;     ///< mirrored in every other epoch
  nn::Index shift = 0;   ///< by up to so many whole pixels each way, the edges reflected
  double rotation = 0;   ///< by up to so many degrees, either way
  double scale = 0;      ///< by up to this share, either way
  double shear = 0;      ///< of each row against the next
  double elastic = 0;    ///< the alpha of an elastic distortion
  nn::Index cutout = 0;  ///< the side of a square that is blackened
};

/// The kinds of network.
enum class Architecture {
  pooled,     ///< three convolutions, each followed by pooling, normalisation and ReLU; then the
              ///< classes
  paired,     ///< three blocks of two convolutions, the first of which is followed by pooling
  whitened,   ///< filters that whiten the image, then three such blocks
  attentive,  ///< a vision transformer
  recurrent,  ///< LSTMs that read the image row by row, from both ends
  residual,   ///< a ResNet
  mixing      ///< an MLP-Mixer
};

/// The rules by which weights are changed.
enum class Rule {
  momentum,  ///< SGD with Nesterov's momentum, or LARS
  adamw,
  muon  ///< for convolutions, and AdamW for the shifts of BatchNorm and the last layer
};

/// A network and how it is trained.
struct Recipe {
  std::string_view dataset;
  std::string_view name;

  Architecture architecture = Architecture::pooled;
  std::array<nn::Index, 3> widths{};  ///< channels after each halving of the image
  bool gelu = false;                  ///< GELU instead of ReLU
  std::string_view network = "own";   ///< as --network names it
  double drop_path = 0;               ///< the rate at which the last block's branches are left out

  Rule rule = Rule::momentum;
  nn::Index epochs = 1;
  nn::Index batch_size = 128;
  double learning_rate = 0.1;  ///< at its peak
  double other_rate = 0.01;    ///< with Muon, that of AdamW at its peak
  double weight_decay = 5e-4;
  double warm_up = 0.2;        ///< the share of the training in which the rate rises
  double trust = 0;            ///< of LARS instead of SGD; 0: SGD
  double clip_norm = 0;        ///< the longest gradient; 0: any
  double shift_rate = 1;       ///< by how much faster the shifts of BatchNorm learn
  double head_scale = 1;       ///< of the outputs of the last layer
  double label_smoothing = 0;  ///< of the wanted probabilities
  double average_decay = 0;    ///< of the moving average of the weights; 0: none
  AugmentationPlan augmentation{};
  nn::Index view_shift = 0;  ///< of the views that may be averaged over in the end; 0: none
};

/// The momentum of all recipes, in Nesterov's form.
inline constexpr double recipe_momentum = 0.85;

namespace detail {

inline std::vector<Recipe> mnist_recipes() {
  return {{.dataset = "mnist",
           .name = "fast",
           .widths = {16, 32, 64},
           .gelu = true,
           .rule = Rule::muon,
           .epochs = 1,
           .batch_size = 128,
           .learning_rate = 0.05,
           .weight_decay = 0,
           .label_smoothing = 0.1,
           .view_shift = 1},
          {.dataset = "mnist",
           .name = "best",
           .architecture = Architecture::paired,
           .widths = {32, 64, 128},
           .gelu = true,
           .epochs = 10,
           .batch_size = 256,
           .learning_rate = 0.3,
           .weight_decay = 1e-3,
           .shift_rate = 64,
           .head_scale = 1.0 / 9,
           .label_smoothing = 0.1,
           .average_decay = 0.995,
           .augmentation = {.shift = 2, .rotation = 10, .scale = 0.12, .shear = 0.1},
           .view_shift = 1}};
}

inline std::vector<Recipe> fashion_mnist_recipes() {
  return {{.dataset = "fashion-mnist",
           .name = "fast",
           .widths = {24, 48, 96},
           .gelu = true,
           .rule = Rule::muon,
           .epochs = 4,
           .batch_size = 128,
           .learning_rate = 0.05,
           .weight_decay = 0,
           .augmentation = {.flip = true}},
          {.dataset = "fashion-mnist",
           .name = "best",
           .architecture = Architecture::whitened,
           .widths = {48, 128, 192},
           .gelu = true,
           .rule = Rule::muon,
           .epochs = 24,
           .batch_size = 256,
           .learning_rate = 0.05,
           .weight_decay = 0,
           .warm_up = 0.1,
           .head_scale = 1.0 / 9,
           .label_smoothing = 0.1,
           .average_decay = 0.995,
           .augmentation = {.flip = true, .shift = 2, .cutout = 8},
           .view_shift = 1}};
}

inline std::vector<Recipe> cifar_10_recipes() {
  return {{.dataset = "cifar-10",
           .name = "fast",
           .architecture = Architecture::whitened,
           .widths = {32, 64, 128},
           .epochs = 4,
           .batch_size = 256,
           .learning_rate = 0.35,
           .weight_decay = 1.3e-3,
           .shift_rate = 64,
           .head_scale = 1.0 / 9,
           .label_smoothing = 0.2,
           .average_decay = 0.98,
           .augmentation = {.flip = true, .shift = 2},
           .view_shift = 1},
          {.dataset = "cifar-10",
           .name = "medium",
           .architecture = Architecture::whitened,
           .widths = {32, 96, 160},
           .gelu = true,
           .rule = Rule::muon,
           .epochs = 5,
           .batch_size = 256,
           .learning_rate = 0.05,
           .weight_decay = 0,
           .warm_up = 0.1,
           .head_scale = 1.0 / 9,
           .label_smoothing = 0.2,
           .average_decay = 0.98,
           .augmentation = {.flip = true, .shift = 2},
           .view_shift = 1},
          {.dataset = "cifar-10",
           .name = "best",
           .architecture = Architecture::whitened,
           .widths = {64, 224, 256},
           .gelu = true,
           .epochs = 24,
           .batch_size = 512,
           .learning_rate = 0.75,
           .weight_decay = 1.3e-3,
           .shift_rate = 64,
           .head_scale = 1.0 / 9,
           .label_smoothing = 0.2,
           .average_decay = 0.99,
           .augmentation = {.flip = true, .shift = 2, .cutout = 8},
           .view_shift = 1}};
}

}  // namespace detail

/// All recipes. The whitened ones follow Jordan ("94% on CIFAR-10 in 3.29 seconds on a single GPU",
/// 2024) in the order of layers, the loss, and the rates of shifts and of the last layer, with
/// narrower layers and a moving average of the weights in place of his Lookahead.
/// Muon in place of SGD is worth a point where there are few epochs; where there are many it may
/// learn by heart (docs/results.md). CIFAR-10's fast recipe keeps SGD, since larger batches are
/// compared by it (bench/large_batches).
inline const std::vector<Recipe>& recipes() {
  static const std::vector<Recipe> all = [] {
    std::vector<Recipe> result;
    for (const auto& of_one :
         {detail::mnist_recipes(), detail::fashion_mnist_recipes(), detail::cifar_10_recipes()}) {
      result.insert(result.end(), of_one.begin(), of_one.end());
    }
    return result;
  }();
  return all;
}

/// @throws nn::Error when there is no such recipe.
inline const Recipe& find_recipe(std::string_view dataset, std::string_view name) {
  for (const Recipe& recipe : recipes()) {
    if (recipe.dataset == dataset && recipe.name == name) return recipe;
  }
  throw nn::Error(nn::text("there is no recipe '", name, "' for the data set '", dataset, "'"));
}

/// What a recipe becomes when its batches get larger.
struct LargerBatches {
  nn::Index times = 1;    ///< as large as the recipe's
  double rate_times = 0;  ///< by which the learning rate is multiplied; 0: by as much as the batch
  double warm_up = 0;     ///< the share of the training in which the rate rises; 0: the recipe's
  double trust = 0;       ///< of LARS, which then takes the place of SGD; 0: SGD
};

/// The recipe with larger batches. The learning rate grows with them, and rises to its peak first
/// (Goyal et al., "Accurate, large minibatch SGD", 2017), and the moving average of the weights
/// goes back over as many images.
inline Recipe with_larger_batches(Recipe recipe, const LargerBatches& larger) {
  nn::require(larger.times >= 1 && larger.rate_times >= 0 && larger.warm_up >= 0 &&
                  larger.warm_up < 1 && larger.trust >= 0,
              "batches can be 1, 2, ... times as large, with a rate times 0 or more, a warm-up in "
              "[0, 1) and a trust of 0 or more");
  nn::require(larger.trust == 0 || recipe.rule == Rule::momentum,
              "LARS takes the place of SGD, by which this recipe does not learn");
  recipe.batch_size *= larger.times;
  const double faster =
      larger.rate_times > 0 ? larger.rate_times : static_cast<double>(larger.times);
  recipe.learning_rate *= faster;
  recipe.other_rate *= faster;
  if (larger.warm_up > 0) recipe.warm_up = larger.warm_up;
  recipe.trust = larger.trust;
  recipe.average_decay = std::pow(recipe.average_decay, static_cast<double>(larger.times));
  return recipe;
}

/// The plan as one augmentation, or none.
inline nn::Augmentation augmentation_of(const AugmentationPlan& plan) {
  std::vector<nn::Augmentation> steps;
  if (plan.flip) steps.emplace_back(nn::AlternatingFlip{});
  if (plan.rotation > 0 || plan.scale > 0 || plan.shear > 0) {
    steps.emplace_back(
        nn::RandomAffine{.rotation = plan.rotation, .scale = plan.scale, .shear = plan.shear});
  }
  if (plan.elastic > 0) steps.emplace_back(nn::ElasticDistortion{.alpha = plan.elastic});
  if (plan.shift > 0) {
    steps.emplace_back(nn::RandomShift{.pixels = plan.shift, .border = nn::Border::reflect});
  }
  if (plan.cutout > 0) steps.emplace_back(nn::Cutout{.size = plan.cutout});
  if (steps.empty()) return {};
  return [steps](nn::TensorView<float> image, nn::ImageContext& context) {
    for (const nn::Augmentation& step : steps) step(image, context);
  };
}

/// The plan in words: "mirrored, moved by up to 2 pixels".
inline std::string describe(const AugmentationPlan& plan) {
  std::string words;
  const auto add = [&words](bool done, const std::string& what) {
    if (done) words += (words.empty() ? "" : ", ") + what;
  };
  const auto number = [](double value) { return nn::text(value); };
  add(plan.flip, "mirrored in every other epoch");
  add(plan.rotation > 0, "turned by up to " + number(plan.rotation) + " degrees");
  add(plan.scale > 0, "scaled by up to " + number(100 * plan.scale) + " %");
  add(plan.shear > 0, "sheared by up to " + number(plan.shear));
  add(plan.elastic > 0, "distorted like rubber");
  add(plan.shift > 0, "moved by up to " + number(static_cast<double>(plan.shift)) + " pixels");
  add(plan.cutout > 0,
      "with a black square of " + number(static_cast<double>(plan.cutout)) + " pixels in them");
  return words;
}

}  // namespace example
