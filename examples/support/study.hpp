/// @file
/// What the programs share that compare many small networks.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/classifier.hpp"
#include "support/progress.hpp"

#include <nn/distributed/share_tasks.hpp>

namespace example {

/// The flags of a study, and with whom it shares its trainings.
struct StudyFlags : Flags {
  /// The processes that were started together, or this one alone. Rank 0 writes the files.
  std::shared_ptr<nn::Communicator> world = std::make_shared<nn::Communicator>();

  /// Whether this process writes files.
  [[nodiscard]] bool writes() const { return world->rank() == 0; }
  /// Joins the processes that `example::ranks` has found, if any.
  void join(std::shared_ptr<nn::Communicator> ranks) {
    if (ranks) world = std::move(ranks);
  }
};

/// How far trainings have come that processes share: this one's stand for those of all.
class SharedProgress {
 public:
  /// Of so many steps, those of all processes.
  SharedProgress(const StudyFlags& options, nn::Index steps, const std::string& label)
      : world_(*options.world), steps_(steps), progress_(steps, {.label = label}) {}
  /// A step of this process is done.
  void step() { progress_.update(done_ = std::min(done_ + world_.size(), steps_)); }
  /// All are.
  void finish() {
    progress_.update(steps_);
    progress_.finish();
  }

 private:
  const nn::Communicator& world_;
  nn::Index steps_;
  nn::Index done_ = 0;
  Progress progress_;
};

/// learn(0), learn(1), ..., of so many trainings that do not depend on one another; every process
/// does some of them and has the results of all.
template <class Learn>
auto share_trainings(const StudyFlags& options, const std::string& label, nn::Index count,
                     const Learn& learn) {
  SharedProgress progress(options, count, label);
  auto results = nn::share_tasks(*options.world, count, [&](nn::Index training) {
    auto result = learn(training);
    progress.step();
    return result;
  });
  progress.finish();
  return results;
}

/// A chain of dense layers of any width and number.
using DenseNetwork = nn::Sequential<nn::AnyLayer>;

/// Hidden layers of `hidden` units with ReLU, then one output for each class.
inline DenseNetwork dense_network(const std::vector<nn::Index>& hidden, nn::Index classes) {
  DenseNetwork network;
  network.push_back(nn::Flatten{});
  for (const nn::Index units : hidden) {
    network.push_back(nn::Dense{.units = units, .initializer = nn::he_normal()});
    network.push_back(nn::ReLU{});
  }
  network.push_back(nn::Dense{classes});
  return network;
}

/// All images of the training and the test set in one, whose proportions are the program's.
inline nn::Dataset whole_set(const Flags& flags) {
  const nn::TrainTest images = load_sets(flags);
  return concatenate(images.train, images.test);
}

/// The parts of a data set with inputs of mean 0 and deviation 1, measured on the first alone.
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
