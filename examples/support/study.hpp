/// @file
/// What the programs share that compare many small networks.
#pragma once

#include <string>
#include <vector>

#include "support/classifier.hpp"

namespace example {

/// A chain of dense layers of any width and number.
using DenseNetwork = nn::Sequential<nn::AnyLayer>;

/// Hidden layers of `hidden` units with ReLU, then one output for each class.
inline DenseNetwork dense_network(const std::vector<nn::Index>& hidden, nn::Index classes) {
  DenseNetwork network;
  network.push_back(nn::Flatten{});
  for (const nn::Index cells : hidden) {
    network.push_back(nn::Dense{.units = cells, .initializer = nn::he_normal()});
    network.push_back(nn::ReLU{});
  }
  network.push_back(nn::Dense{classes});
  return network;
}

/// All images of the training and the test set in one, whose proportions are the program's.
inline nn::Dataset whole_base(const Flags& flags) {
  const nn::TrainTest base = load_base(flags);
  return concatenate(base.train, base.test);
}

/// The parts of a base with inputs of mean 0 and deviation 1, measured on the first alone.
template <class Parts>
Parts normalized(Parts parts) {
  const nn::Normalization normalization = nn::normalization_of(parts[0]);
  for (nn::Dataset& part : parts) part = part.with_normalization(normalization);
  return parts;
}

/// "98.01 ± 0.05 %" for shares, "0.071 ± 0.002" for the rest.
inline std::string percent_of(const nn::Spread& spread) {
  return percent_with_spread(spread.mean, spread.deviation);
}
inline std::string fixed_of(const nn::Spread& spread, int decimals = 4) {
  return with_spread(spread.mean, spread.deviation, decimals);
}

/// A spread as numbers to be read by programs.
inline Metrics spread_metrics(const nn::Spread& spread) {
  return {{"mean", spread.mean}, {"deviation", spread.deviation}, {"runs", spread.count}};
}

}  // namespace example
