/// @file
/// The networks of part 5, as its recipes have them.
#pragma once

#include <nn/data/patch_whitening.hpp>
#include <nn/kernels/kernels.hpp>

#include <algorithm>

#include "nn/nn.hpp"
#include "support/other_networks.hpp"

namespace example {

/// A network made of layers that are chosen at run time.
using ImageModel = nn::Model<nn::Sequential<nn::AnyLayer>>;

namespace detail {

inline void add_activation(nn::Sequential<nn::AnyLayer>& network, const Recipe& recipe) {
  if (recipe.gelu) {
    network.push_back(nn::GELU{.approximate = true});  // twice as quick as the exact one
  } else {
    network.push_back(nn::ReLU{});
  }
}

inline nn::Sequential<nn::AnyLayer> pooled_network(const Recipe& recipe) {
  nn::Sequential<nn::AnyLayer> network;
  for (std::size_t i = 0; i < recipe.widths.size(); ++i) {
    network.push_back(nn::Conv2D{.filters = recipe.widths[i],
                                 .kernel = i == 0 ? 5 : 3,
                                 .padding = i == 0 ? 2 : 1,
                                 .bias = false,
                                 .initializer = nn::he_normal()});
    network.push_back(nn::MaxPool2D{2});  // before the activation, which then has less to do
    network.push_back(nn::BatchNorm{});
    add_activation(network, recipe);
  }
  network.push_back(nn::Flatten{});
  return network;
}

/// The patches that are whitened: 2x2 pixels of three colours make 24 filters. Of 3x3 grey ones the
/// component that varies least is left out; the 16 filters of the others fill whole vectors.
inline nn::PatchWhiteningOptions whitening(nn::Index channels) {
  if (channels == 1) return {.kernel = 3, .components = 8};
  return {.kernel = 2, .components = 4 * channels};
}

inline nn::Sequential<nn::AnyLayer> paired_network(const Recipe& recipe, const nn::Shape& input) {
  nn::Sequential<nn::AnyLayer> network;
  if (recipe.architecture == Architecture::whitened) {
    const nn::PatchWhiteningOptions patches = whitening(input.back());
    network.push_back(nn::Conv2D{.filters = 2 * patches.components,
                                 .kernel = patches.kernel,
                                 .padding = nn::Padding::same(),
                                 .bias = false});
    add_activation(network, recipe);
  }
  const auto convolution = [](nn::Index filters) {
    return nn::Conv2D{.filters = filters,
                      .kernel = 3,
                      .padding = 1,
                      .bias = false,
                      .initializer = nn::dirac(1.0 / 3)};
  };
  const nn::BatchNorm normalization{.scale = false, .momentum = 0.4F};
  nn::Index side = input[0];
  for (const nn::Index width : recipe.widths) {
    nn::Conv2D first = convolution(width);
    if (network.length() == 0) {
      first.kernel = 5;
      first.padding = 2;
      first.initializer = nn::he_normal();
    }
    network.push_back(first);
    network.push_back(nn::MaxPool2D{2});  // before the others, which then have less to do
    network.push_back(normalization);
    add_activation(network, recipe);
    network.push_back(convolution(width));
    network.push_back(normalization);
    add_activation(network, recipe);
    side /= 2;
  }
  network.push_back(nn::MaxPool2D{side});
  network.push_back(nn::Flatten{});
  return network;
}

/// All layers but the last.
inline nn::Sequential<nn::AnyLayer> layers_of(const Recipe& recipe, const nn::Shape& input) {
  switch (recipe.architecture) {
    case Architecture::pooled:
      return pooled_network(recipe);
    case Architecture::paired:
    case Architecture::whitened:
      return paired_network(recipe, input);
    case Architecture::attentive:
      return vision_transformer(recipe, input);
    case Architecture::recurrent:
      return row_reader(recipe, input);
    case Architecture::residual:
      return residual_network(recipe);
    case Architecture::mixing:
      return mixer(recipe, input);
  }
  return {};
}

}  // namespace detail

/// The recipe's network, for images of this shape.
inline nn::Sequential<nn::AnyLayer> network_of(const Recipe& recipe, const nn::Shape& input,
                                               nn::Index classes) {
  nn::Sequential<nn::AnyLayer> network = detail::layers_of(recipe, input);
  // Variance 1/3 / fan-in, as usual for a last layer, times the square of the scale.
  const nn::Initializer start{nn::Initializer::Kind::uniform, nn::Initializer::Fan::in,
                              recipe.head_scale * recipe.head_scale / 3};
  network.push_back(nn::Dense{.units = classes, .bias = false, .initializer = start});
  return network;
}

/// Gives a whitened network its first layer, which then stays as it is.
template <class Model>
void prepare(Model& model, const Recipe& recipe, const nn::Dataset& train) {
  if (recipe.architecture != Architecture::whitened) return;
  const nn::Tensor<float> filters =
      nn::patch_whitening(train, detail::whitening(train.sample_shape().back()));
  std::copy(filters.begin(), filters.end(), model.parameter("0.weight").begin());
  model.freeze("0");
}

/// The rates of single parameters. To multiply the last layer's outputs by s is to learn weights s
/// times as large at s^2 times the rate; the product of rate and weight decay stays. By Muon it
/// learns as shifts do, element by element.
template <class Model>
nn::OptimizerOptions parameter_groups(const Model& model, const Recipe& recipe) {
  nn::OptimizerOptions options;
  const std::string& last = model.variables().back().name;
  if (recipe.rule == Rule::muon) {
    options.groups.push_back({.path = last, .elementwise = true});
    return options;
  }
  for (const nn::Variable& variable : model.variables()) {
    if (variable.name.ends_with(".shift") && recipe.shift_rate != 1) {
      options.groups.push_back({.path = variable.name, .learning_rate = recipe.shift_rate});
    }
  }
  const double slower = recipe.head_scale * recipe.head_scale;
  options.groups.push_back({.path = last, .learning_rate = slower, .weight_decay = 1 / slower});
  return options;
}

}  // namespace example
