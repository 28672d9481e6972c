/// @file
/// What real images come to by the figures of generated ones.
#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "support/judge.hpp"

namespace example {

/// Figures of real images that are compared with other real ones.
struct Floor {
  std::vector<double> class_shares;  ///< of the images that are compared with
  double frechet_distance = 0;
  double nearest_neighbour_accuracy = 0;
  double classifier_score = 0;
};

/// The images of a data set at random places, as a network takes them.
[[nodiscard]] inline nn::Tensor<float> random_inputs(const nn::Dataset& data, nn::Index count,
                                                     std::uint64_t seed) {
  std::vector<nn::Index> order(static_cast<std::size_t>(data.size()));
  std::iota(order.begin(), order.end(), nn::Index{0});
  nn::Random(seed, 55U).shuffle(std::span<nn::Index>(order));
  order.resize(static_cast<std::size_t>(std::min(count, data.size())));
  return data.subset(order).inputs();
}

/// The mean of three draws of `count` images from the training set.
[[nodiscard]] inline Floor measure_floor(const QualityMeter& meter, const nn::Dataset& training,
                                         nn::Index count) {
  Floor floor;
  floor.class_shares = nn::class_shares(meter.test().probabilities);
  constexpr std::uint64_t draws = 3;
  for (std::uint64_t draw = 0; draw < draws; ++draw) {
    const Quality real = meter(random_inputs(training, count, draw));
    floor.frechet_distance += real.frechet_distance / draws;
    floor.nearest_neighbour_accuracy += real.nearest_neighbour_accuracy / draws;
    floor.classifier_score += real.classifier_score / draws;
  }
  return floor;
}

}  // namespace example
