/// @file
/// Samples that are made when they are read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "nn/data/batch.hpp"
#include "nn/data/data_source.hpp"

namespace nn {

/// What a GeneratedDataset is.
struct GeneratedOptions {
  Index size = 0;          ///< the number of samples; of an epoch, if there is no end
  Shape sample_shape{0};   ///< of an input
  Index classes = 0;       ///< the targets are labels below it; 0: none
  Shape target_shape{0};   ///< the targets are tensors; {0}: none
  std::uint64_t seed = 0;  ///< of the random numbers
  bool endless = false;    ///< whether every epoch has samples of its own
  bool weighted = false;   ///< whether the function sets weights
  std::string name{};      ///< what messages call it
};

/// Data that a function makes, sample by sample: more than memory holds, or endless. Each sample
/// has random numbers of its own, which depend on the seed, the sample's index and, for endless
/// data, the epoch: so a training can be repeated and resumed.
///
///     const nn::GeneratedDataset sine({.size = 1000, .sample_shape = {1}, .target_shape = {1},
///                                      .endless = true},
///                                     [](nn::Index, nn::Random& random, nn::Sample<float>& sample)
///                                     {
///       sample.input[0] = static_cast<float>(random.uniform(-3, 3));
///       sample.target[0] = std::sin(sample.input[0]);
///     });
///
/// A checkpoint identifies endless data by name, seed and shapes, since it cannot look into the
/// function: give another function another name. Data with an end are read.
class GeneratedDataset {
 public:
  /// Writes the sample with the given index.
  using Function = std::function<void(Index index, Random& random, Sample<float>& sample)>;

  /// @throws Error without a function, or for sizes below 0.
  GeneratedDataset(GeneratedOptions options, Function function)
      : options_(std::move(options)), function_(std::move(function)) {
    require(static_cast<bool>(function_), "a generated data set needs a function");
    require(options_.size >= 0 && options_.classes >= 0, "a generated data set of ", options_.size,
            " samples of ", options_.classes, " classes");
  }

  [[nodiscard]] Index size() const { return options_.size; }
  /// Of every input.
  [[nodiscard]] const Shape& sample_shape() const { return options_.sample_shape; }
  /// The number of classes; 0 without labels.
  [[nodiscard]] Index classes() const { return options_.classes; }
  /// Of every target; {0} where there are none.
  [[nodiscard]] const Shape& target_shape() const { return options_.target_shape; }
  /// Whether samples weigh differently.
  [[nodiscard]] bool weighted() const { return options_.weighted; }
  /// What messages call it.
  [[nodiscard]] const std::string& name() const { return options_.name; }
  /// As given.
  [[nodiscard]] const GeneratedOptions& options() const { return options_; }

  /// Writes sample `index`, as a `DataSource` does.
  void read(Index index, Sample<float>& sample) const {
    const auto epoch = options_.endless ? static_cast<std::uint64_t>(sample.epoch) + 1 : 0;
    Random random = detail::data_random(options_.seed, detail::DataStream::sample, epoch, index);
    function_(index, random, sample);
  }

  /// What a checkpoint identifies endless data by.
  [[nodiscard]] std::string settings() const {
    if (!options_.endless) return {};
    return detail::text("generated without end: '", name(), "', seed ", options_.seed);
  }

 private:
  GeneratedOptions options_;
  Function function_;
};

}  // namespace nn
