/// @file
/// Networks of other kinds for the images of part 5, beside the convolutional ones of its recipes:
/// small enough to be trained in minutes.
#pragma once

#include <nn/layers/drop_path.hpp>
#include <nn/sequences.hpp>

#include <algorithm>
#include <array>
#include <string_view>

#include "support/recipes.hpp"

namespace example {

/// What --network can name: the recipe's own network first.
inline constexpr std::array<std::string_view, 5> network_names{"own", "resnet", "vit", "mixer",
                                                               "lstm"};

/// The recipe for another network: the same images, changed in the same way while it learns, but
/// the rule, rates and batches that this kind needs.
/// @throws nn::Error when there is no such network.
inline Recipe with_network(Recipe recipe, std::string_view network) {
  const auto* const named = std::find(network_names.begin(), network_names.end(), network);
  nn::require(named != network_names.end(), "there is no network '", network, "'");
  if (network == "own") return recipe;
  const bool colour = recipe.dataset == "cifar-10";
  Recipe other{.dataset = recipe.dataset,
               .name = recipe.name,
               .gelu = true,
               .network = *named,
               .drop_path = 0.05,
               .rule = Rule::adamw,
               .epochs = recipe.epochs,
               .batch_size = 128,
               .learning_rate = 2e-3,
               .weight_decay = 0.05,
               .clip_norm = 1,
               .label_smoothing = 0.1,
               .average_decay = 0.99,
               .augmentation = recipe.augmentation,
               .view_shift = recipe.view_shift};
  if (network == "vit") {
    other.architecture = Architecture::attentive;
    other.widths = {64, 4, 4};
  } else if (network == "mixer") {
    other.architecture = Architecture::mixing;
    other.widths = {64, 4, 0};
  } else if (network == "lstm") {
    other.architecture = Architecture::recurrent;
    other.widths = {128, 2, 0};
    other.drop_path = 0;
  } else {
    other.architecture = Architecture::residual;
    other.widths =
        colour ? std::array<nn::Index, 3>{16, 48, 96} : std::array<nn::Index, 3>{16, 32, 64};
    other.gelu = false;
    other.drop_path = 0;
    other.rule = Rule::momentum;
    other.learning_rate = 0.1;
    other.weight_decay = 5e-4;
    other.clip_norm = 0;
  }
  return other;
}

namespace detail {

/// The side of the square patches that an image is cut into.
inline constexpr nn::Index patch_side = 4;

/// Makes of each patch of the image a row of features, by the same product for all.
/// @return how many patches there are
inline nn::Index add_patches(nn::Sequential<nn::AnyLayer>& network, const nn::Shape& input,
                             nn::Index features) {
  const nn::Index patches = (input[0] / patch_side) * (input[1] / patch_side);
  network.push_back(nn::Conv2D{.filters = features, .kernel = patch_side, .stride = patch_side});
  network.push_back(nn::Reshape{{patches, features}});
  return patches;
}

/// The rate of block `block` of `blocks`: it rises from nearly 0 to the recipe's (Huang et al.,
/// "Deep networks with stochastic depth", 2016).
inline nn::DropPath drop_path(const Recipe& recipe, nn::Index block, nn::Index blocks) {
  return {static_cast<float>(recipe.drop_path * static_cast<double>(block + 1) /
                             static_cast<double>(blocks))};
}

/// Two dense layers with GELU between, each step by itself, added to what they read.
inline auto dense_block(nn::Index features, const nn::DropPath& drop_path) {
  return nn::residual(nn::LayerNorm{}, nn::Dense{.units = 4 * features},
                      nn::GELU{.approximate = true}, nn::Dense{.units = features}, drop_path);
}

/// A vision transformer (Dosovitskiy et al., "An image is worth 16x16 words", 2021) with the mean
/// over the patches in place of a class token: `widths` are its features, heads and blocks.
inline nn::Sequential<nn::AnyLayer> vision_transformer(const Recipe& recipe,
                                                       const nn::Shape& input) {
  const auto [features, heads, blocks] = recipe.widths;
  nn::Sequential<nn::AnyLayer> network;
  add_patches(network, input, features);
  network.push_back(nn::LearnedPositions{});
  for (nn::Index block = 0; block < blocks; ++block) {
    const nn::DropPath rate = drop_path(recipe, block, blocks);
    network.push_back(nn::residual(nn::LayerNorm{}, nn::MultiHeadAttention{.heads = heads}, rate));
    network.push_back(dense_block(features, rate));
  }
  network.push_back(nn::LayerNorm{});
  network.push_back(nn::MeanOverSteps{});
  return network;
}

/// An MLP-Mixer (Tolstikhin et al., "MLP-Mixer: an all-MLP architecture for vision", 2021):
/// `widths` are its features and blocks.
inline nn::Sequential<nn::AnyLayer> mixer(const Recipe& recipe, const nn::Shape& input) {
  const nn::Index features = recipe.widths[0];
  const nn::Index blocks = recipe.widths[1];
  nn::Sequential<nn::AnyLayer> network;
  const nn::Index patches = add_patches(network, input, features);
  for (nn::Index block = 0; block < blocks; ++block) {
    const nn::DropPath rate = drop_path(recipe, block, blocks);
    network.push_back(nn::residual(nn::LayerNorm{}, nn::SwapAxes{}, nn::Dense{.units = features},
                                   nn::GELU{.approximate = true}, nn::Dense{.units = patches},
                                   nn::SwapAxes{}, rate));
    network.push_back(dense_block(features, rate));
  }
  network.push_back(nn::LayerNorm{});
  network.push_back(nn::MeanOverSteps{});
  return network;
}

/// Recurrent layers that read the rows of an image from the top and from the bottom: `widths` are
/// the units each way and the number of layers.
inline nn::Sequential<nn::AnyLayer> row_reader(const Recipe& recipe, const nn::Shape& input) {
  nn::Sequential<nn::AnyLayer> network;
  network.push_back(nn::Reshape{{input[0], input[1] * input[2]}});
  for (nn::Index layer = 0; layer < recipe.widths[1]; ++layer) {
    network.push_back(
        nn::bidirectional(nn::LSTM{.units = recipe.widths[0], .return_sequence = true}));
  }
  network.push_back(nn::MeanOverSteps{});
  return network;
}

/// A ResNet (He et al., "Deep residual learning for image recognition", 2016, section 4.2) of one
/// block for each of `widths`, the size of the image being halved before the second and the third.
inline nn::Sequential<nn::AnyLayer> residual_network(const Recipe& recipe) {
  const auto convolution = [](nn::Index filters, nn::Index kernel, nn::Index stride) {
    return nn::Conv2D{.filters = filters,
                      .kernel = kernel,
                      .stride = stride,
                      .padding = kernel / 2,
                      .bias = false,
                      .initializer = nn::he_normal()};
  };
  nn::Sequential<nn::AnyLayer> network;
  network.push_back(convolution(recipe.widths[0], 3, 1));
  network.push_back(nn::BatchNorm{});
  network.push_back(nn::ReLU{});
  for (std::size_t i = 0; i < recipe.widths.size(); ++i) {
    const nn::Index width = recipe.widths[i];
    const nn::Index stride = i == 0 ? 1 : 2;
    const auto body = nn::sequential(convolution(width, 3, stride), nn::BatchNorm{}, nn::ReLU{},
                                     convolution(width, 3, 1), nn::BatchNorm{});
    if (i == 0) {
      network.push_back(nn::Residual{body});
    } else {
      network.push_back(
          nn::Residual{body, nn::sequential(convolution(width, 1, stride), nn::BatchNorm{})});
    }
    network.push_back(nn::ReLU{});
  }
  network.push_back(nn::GlobalAveragePool2D{});
  return network;
}

}  // namespace detail

}  // namespace example
