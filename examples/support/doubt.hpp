/// @file
/// When a classifier's answer is no answer.
#pragma once

#include <nn/train/rejection.hpp>

#include <string>

#include "support/text.hpp"

namespace example {

/// The least of the largest probability, and of its margin over the second, at which a picture of
/// unknown origin is answered for: the two rejections for ambiguity (see nn/train/rejection.hpp).
inline constexpr double least_probability = 0.7;
inline constexpr double least_margin = 0.5;

/// Why a network that gives these probabilities to the classes is unsure; empty when it is sure.
/// What is no number is never sure.
inline std::string doubt(nn::TensorView<const float> probabilities) {
  nn::Tensor<float> row(nn::Shape{1, probabilities.size()});
  std::copy(probabilities.begin(), probabilities.end(), row.begin());
  const double best = nn::largest_posteriors(row).front();
  const double margin = nn::posterior_margins(row).front();
  if (!(best >= least_probability)) {
    return "unsure: the largest probability is below " + percent(least_probability, 0);
  }
  if (!(margin >= least_margin)) {
    return "unsure: the two likeliest are less than " + percent(least_margin, 0) + " apart";
  }
  return {};
}

}  // namespace example
