/// @file
/// A small data set that a small network can learn: noisy images of as many patterns as classes.
#pragma once

#include "nn/core/random.hpp"
#include "nn/data/dataset.hpp"

/// `count` images of 6x6x1 of 3 classes: each class has its own random pattern, and each image its
/// own noise of the given strength.
inline nn::Dataset blobs(nn::Index count, std::uint64_t seed, double noise = 40) {
  constexpr nn::Index classes = 3;
  constexpr nn::Index pixels = 36;
  nn::Tensor<std::uint8_t> images({count, 6, 6, 1});
  std::vector<nn::Label> labels;
  for (nn::Index i = 0; i < count; ++i) {
    const nn::Index label = i % classes;
    nn::Random pattern(7, static_cast<std::uint64_t>(label));
    nn::Random random(seed, static_cast<std::uint64_t>(i));
    for (nn::Index p = 0; p < pixels; ++p) {
      const double value = 64 + 128 * pattern.uniform() + random.normal(0, noise);
      images[i * pixels + p] = static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0));
    }
    labels.push_back(static_cast<nn::Label>(label));
  }
  return nn::Dataset(std::move(images), std::move(labels), {"a", "b", "c"}, "blobs");
}
