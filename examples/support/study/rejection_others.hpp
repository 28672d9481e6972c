/// @file
/// Images that are no digits, and how part2_rejection's network answers them.
#pragma once

#include <nn/data/random_images.hpp>
#include <nn/viz/bars.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "support/study/rejection.hpp"

namespace example::rejection {

struct Others {
  std::string name;
  Dataset data;
};

/// Digits turned by a quarter, without the 0, which turned is still one.
inline Dataset turned(const Dataset& digits) {
  std::vector<Index> kept;
  for (Index i = 0; i < digits.size(); ++i) {
    if (digits.label(i) != 0) kept.push_back(i);
  }
  const nn::Shape& shape = digits.sample_shape();
  nn::Tensor<std::uint8_t> images(shape.prepended(static_cast<Index>(kept.size())));
  std::vector<Label> labels;
  for (std::size_t k = 0; k < kept.size(); ++k) {
    const auto from = digits.image(kept[k]);
    const auto to = images.sample(static_cast<Index>(k));
    for (Index y = 0; y < shape[0]; ++y) {
      for (Index x = 0; x < shape[1]; ++x) to(y, x, 0) = from(x, shape[1] - 1 - y, 0);
    }
    labels.push_back(digits.label(kept[k]));
  }
  return {std::move(images), std::move(labels), digits.class_names(), "digits turned by 90°"};
}

inline std::vector<Others> other_images(const Flags& options, const Sets& sets) {
  const Index most = options.quick ? 1000 : 10000;
  const auto first_of = [&](const Dataset& data) {
    return data.slice(0, std::min(most, data.size()));
  };
  std::vector<Others> others;
  if (const auto folder = example::find_dataset(options.data, "fashion-mnist")) {
    others.push_back({"Fashion-MNIST", first_of(nn::load_fashion_mnist(*folder).test)});
  }
  const std::vector<nn::ImageGenerator> kinds = nn::standard_generators(sets.training);
  const auto middle = kinds.begin() + 5;
  const nn::Shape& shape = sets.training.sample_shape();
  const auto random = [&](auto begin, auto end) {
    return nn::random_images({begin, end}, most / 5, shape[0], shape[1], options.seed + 2000);
  };
  others.push_back({"noise", random(kinds.begin(), middle)});
  others.push_back({"random drawings", random(middle, kinds.end())});
  others.push_back({"digits turned by 90°", turned(first_of(sets.test))});
  for (Others& other : others) {
    other.data = other.data.with_normalization(sets.training.normalization());
  }
  return others;
}

/// What the thresholds that reject 5 % of the validation set do to some images.
struct Verdict {
  std::string name;
  Index images = 0;
  double ambiguity = 0;
  double distance = 0;
  double either = 0;
  double mean_posterior = 0;
};

inline Verdict verdict_on(const std::string& name, const Scores& scores, const Scores& validation) {
  const double lowest = nn::threshold_for_rate(validation.posterior, allowed_rate, Reject::below);
  const double farthest = nn::threshold_for_rate(validation.distance, allowed_rate, Reject::above);
  Verdict verdict{.name = name,
                  .images = scores.count(),
                  .ambiguity = rejected_share(scores.posterior, lowest, Reject::below),
                  .distance = rejected_share(scores.distance, farthest, Reject::above)};
  Index either = 0;
  for (std::size_t i = 0; i < scores.posterior.size(); ++i) {
    verdict.mean_posterior += scores.posterior[i] / static_cast<double>(verdict.images);
    if (nn::is_rejected(scores.posterior[i], lowest, Reject::below) ||
        nn::is_rejected(scores.distance[i], farthest, Reject::above)) {
      ++either;
    }
  }
  verdict.either = static_cast<double>(either) / static_cast<double>(verdict.images);
  return verdict;
}

inline void draw_verdicts(const Flags& options, const std::vector<Verdict>& verdicts) {
  std::vector<std::string> names;
  nn::viz::BarSeries ambiguity{.name = "ambiguity"};
  nn::viz::BarSeries distance{.name = "distance"};
  for (const Verdict& verdict : verdicts) {
    names.push_back(verdict.name);
    ambiguity.values.push_back(verdict.ambiguity);
    distance.values.push_back(verdict.distance);
  }
  nn::viz::plot_bars(options.out / "others.png", names, {ambiguity, distance},
                     {.title = "Rejected at the thresholds that reject 5 % of the digits",
                      .y = {.label = "rejected", .percent = true, .max = 1.0},
                      .size = {720, 380}});
}

}  // namespace example::rejection
