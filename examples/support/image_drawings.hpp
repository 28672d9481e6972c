/// @file
/// What can be drawn of a network for images: what augmentation does to its inputs, its first
/// filters, the images within it, and where it looks.
#pragma once

#include <algorithm>
#include <cmath>
#include <nn/viz/heat_map.hpp>
#include <nn/viz/image.hpp>
#include <nn/viz/labelled_grid.hpp>
#include <string>
#include <utility>
#include <vector>

#include "support/answers.hpp"
#include "support/classifier.hpp"
#include "support/recipe_network.hpp"

namespace example {

/// Ten images, of all classes, to show what augmentation does to them.
inline std::vector<nn::Index> one_of_each_class(const nn::Dataset& data) {
  std::vector<nn::Index> result;
  for (nn::Label label = 0; label < data.classes(); ++label) {
    for (nn::Index i = 0; i < data.size(); ++i) {
      if (data.label(i) != label) continue;
      result.push_back(i);
      break;
    }
  }
  return result;
}

/// All that the library can do to single images, and what this recipe does.
inline std::vector<std::pair<std::string, nn::Augmentation>> augmentations(const Recipe& recipe) {
  return {{"as it is", {}},
          {"shift", nn::RandomShift{.pixels = 4}},
          {"shift, reflected", nn::RandomShift{.pixels = 4, .border = nn::Border::reflect}},
          {"flip", nn::RandomFlip{}},
          {"rotation", nn::RandomAffine{.rotation = 25}},
          {"scale", nn::RandomAffine{.scale = 0.3}},
          {"shear", nn::RandomAffine{.shear = 0.4}},
          {"elastic", nn::ElasticDistortion{}},
          {"cutout", nn::Cutout{.size = 10}},
          {"light, contrast", nn::RandomBrightnessContrast{.brightness = 0.2, .contrast = 0.5}},
          {"this recipe", augmentation_of(recipe.augmentation)}};
}

/// The images in [0, 1], one after another.
inline nn::Tensor<float> in_unit_range(const nn::Dataset& data) {
  return data.with_normalization({}).inputs<float>();
}

/// Draws augmentations.png: a row of images for each way to change them.
inline void draw_augmentations(const Flags& flags, const Recipe& recipe, const nn::Dataset& data) {
  const nn::Dataset shown = data.subset(one_of_each_class(data));
  std::vector<nn::viz::Image> images;
  std::vector<std::string> titles;
  const auto add = [&](const std::string& title, const nn::Tensor<float>& batch) {
    titles.push_back(title);
    for (const nn::viz::Image& image : nn::viz::to_images(batch, nn::viz::ValueRange{0, 1})) {
      images.push_back(image);
    }
  };
  nn::ImageContext context;
  for (const auto& [title, augmentation] : augmentations(recipe)) {
    nn::Tensor<float> batch = in_unit_range(shown);
    for (nn::Index i = 0; i < shown.size() && augmentation; ++i) {
      context.begin(flags.seed, 1, i);
      augmentation(batch.sample(i), context);
    }
    add(title, batch);
  }
  const auto mix = [&](const std::string& title, const auto& mixing) {
    nn::BatchBuffer<float> buffer;
    buffer.inputs = in_unit_range(shown);
    buffer.labels = nn::Tensor<nn::Label>(shown.labels());
    buffer.classes = shown.classes();
    nn::Random random(flags.seed, 17U);
    mixing(buffer, random);
    add(title, buffer.inputs);
  };
  mix("mixup", nn::MixUp{.alpha = 4});
  mix("cutmix", nn::CutMix{.alpha = 4});
  nn::viz::write_image_grid(flags.out / "augmentations.png", images, shown.size(),
                            {.scale = 3, .row_titles = titles});
}

/// Whether the network begins with a convolution, whose filters can be drawn.
inline bool has_filters(const ImageModel& model) {
  return model.plan().children.front().name.starts_with("Conv2D");
}

/// Draws filters.png, those of the first convolution: black for the lowest weight, white for the
/// highest.
inline void draw_filters(const Flags& flags, const ImageModel& model) {
  const nn::TensorView<const float> weights = model.parameter("0.weight");
  const nn::Index filters = weights.shape().back();
  std::vector<nn::viz::Image> images;
  for (nn::Index f = 0; f < filters; ++f) {
    nn::Tensor<float> filter({weights.shape()[0], weights.shape()[1], weights.shape()[2]});
    float largest = 0;
    for (nn::Index i = 0; i < filter.size(); ++i) {
      filter[i] = weights[i * filters + f];
      largest = std::max(largest, std::abs(filter[i]));
    }
    images.push_back(nn::viz::to_image(filter, nn::viz::ValueRange{-largest, largest}));
  }
  nn::viz::write_png(flags.out / "filters.png",
                     nn::viz::image_grid(images, 12, {.scale = weights.shape()[0] > 3 ? 12 : 20}));
}

/// The activations that are drawn as feature maps: the first, and the last at each size of image.
inline std::vector<const nn::Plan*> drawn_layers(const nn::Plan& root) {
  std::vector<const nn::Plan*> layers;
  for (const nn::Plan& layer : root.children) {
    const bool activation = layer.name.starts_with("ReLU") || layer.name.starts_with("GELU");
    if (!activation || layer.output.rank() != 3) continue;
    if (layers.size() > 1 && layers.back()->output == layer.output) layers.pop_back();
    layers.push_back(&layer);
  }
  return layers;
}

/// Draws features.png, what one image becomes inside the network: the image, then the channels that
/// it moves most.
inline void draw_features(const Flags& flags, const ImageModel& model, const nn::Dataset& one) {
  constexpr std::size_t columns = 12;
  std::vector<nn::viz::Image> images;
  std::vector<std::string> titles;
  const nn::Index side = one.sample_shape()[0];
  for (const nn::Plan* layer : drawn_layers(model.plan())) {
    const nn::Tensor<float> maps = nn::features(model, one, layer->path);
    const nn::Index channels = layer->output.back();
    std::vector<std::pair<float, nn::Index>> strongest;
    for (nn::Index c = 0; c < channels; ++c) {
      float sum = 0;
      for (nn::Index i = c; i < maps.size(); i += channels) sum += std::abs(maps[i]);
      strongest.emplace_back(-sum, c);
    }
    std::sort(strongest.begin(), strongest.end());
    titles.push_back(layer->output.to_string());
    images.push_back(picture_of(one, 0));
    for (std::size_t k = 0; k + 1 < columns; ++k) {
      nn::Tensor<float> map({layer->output[0], layer->output[1]});
      const nn::Index c = strongest[std::min(k, strongest.size() - 1)].second;
      for (nn::Index i = 0; i < map.size(); ++i) map[i] = maps[i * channels + c];
      images.push_back(
          nn::viz::resized(nn::viz::to_image(map), side, side, nn::viz::Resampling::nearest));
    }
  }
  nn::viz::write_image_grid(flags.out / "features.png", images, columns,
                            {.scale = 3, .row_titles = titles});
}

/// Where a network looks: how much the probability of `label` falls when a square of mean colour
/// hides a part of the image, as the mean over all squares that hide a pixel (Zeiler and Fergus,
/// "Visualizing and understanding convolutional networks", 2014, section 4.2).
inline nn::Tensor<float> occlusion_map(const ImageModel& model, const nn::Dataset& one,
                                       nn::Label label) {
  const nn::Shape& shape = one.sample_shape();
  const nn::Index square = shape[0] / 4;
  constexpr nn::Index stride = 2;
  const nn::Index rows = (shape[0] - square) / stride + 1;
  const nn::Index columns = (shape[1] - square) / stride + 1;
  nn::Tensor<std::uint8_t> hidden(shape.prepended(rows * columns + 1));
  const auto for_each_pixel = [&](nn::Index place, const auto& visit) {
    const nn::Index top = place / columns * stride;
    const nn::Index left = place % columns * stride;
    for (nn::Index y = top; y < top + square; ++y) {
      for (nn::Index x = left; x < left + square; ++x) visit(y, x);
    }
  };
  for (nn::Index place = 0; place <= rows * columns; ++place) {
    const auto image = hidden.sample(place);
    std::copy(one.image(0).begin(), one.image(0).end(), image.begin());
    if (place == rows * columns) continue;  // the last one is left as it is
    for_each_pixel(place, [&](nn::Index y, nn::Index x) {
      for (nn::Index c = 0; c < shape[2]; ++c) {
        image(y, x, c) = one.normalization().to_byte(0, c);  // the mean colour
      }
    });
  }
  const nn::Dataset views(
      std::move(hidden),
      std::vector<nn::Label>(static_cast<std::size_t>(rows * columns + 1), label),
      one.class_names());
  const nn::Tensor<float> probabilities =
      example::probabilities(model, views.with_normalization(one.normalization()));
  nn::Tensor<float> fall({shape[0], shape[1]});
  nn::Tensor<float> times({shape[0], shape[1]});
  for (nn::Index place = 0; place < rows * columns; ++place) {
    const float lost = probabilities(rows * columns, label) - probabilities(place, label);
    for_each_pixel(place, [&](nn::Index y, nn::Index x) {
      fall(y, x) += lost;
      times(y, x) += 1;
    });
  }
  for (nn::Index i = 0; i < fall.size(); ++i) fall[i] = times[i] > 0 ? fall[i] / times[i] : 0.0F;
  return fall;
}

/// Draws attention.png: images, and below each where the network looks.
inline void draw_attention(const Flags& flags, const ImageModel& model, const nn::Dataset& test,
                           const std::vector<nn::Index>& which) {
  std::vector<nn::viz::Image> pictures;
  std::vector<nn::viz::Image> maps;
  for (const nn::Index i : which) {
    const nn::Tensor<float> fall = occlusion_map(model, test.slice(i, 1), test.label(i));
    const float most = std::max(0.02F, nn::viz::value_range(fall).high);
    pictures.push_back(picture_of(test, i));
    maps.push_back(nn::viz::colour_map(fall, nn::viz::ValueRange{0, most}));
  }
  const auto columns = static_cast<nn::Index>(pictures.size());
  pictures.insert(pictures.end(), maps.begin(), maps.end());
  nn::viz::write_png(flags.out / "attention.png",
                     nn::viz::image_grid(pictures, columns, {.scale = 4}));
}

}  // namespace example
