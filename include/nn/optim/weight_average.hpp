/// @file
/// Moving averages of weights.
#pragma once

#include <algorithm>

#include "nn/core/parallel.hpp"
#include "nn/core/tensor.hpp"
#include "nn/kernels/loops.hpp"

namespace nn {

/// The options of a WeightAverage.
struct WeightAverageOptions {
  double decay = 0.999;  ///< the factor of the old average in each update
  /// Uses min(decay, (1 + n) / (10 + n)) at update n, so that an average over a short training is
  /// not dominated by where it began.
  bool warm_up = true;
};

/// An exponential moving average of a model's weights: a <- decay a + (1 - decay) w after every
/// step (Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992, in its
/// exponential form). The averaged network is usually a little better than the last one. The state
/// (running statistics) is averaged too, so that it fits the weights.
template <class T>
class WeightAverage {
 public:
  /// Starts with the model's weights.
  template <class AnyModel>
  explicit WeightAverage(const AnyModel& model, const WeightAverageOptions& options = {})
      : options_(options), parameters_(model.parameters()), state_(model.state()) {
    require(options.decay >= 0 && options.decay < 1,
            "an average of weights needs a decay in [0, 1), got ", options.decay);
  }

  /// Updates the average with the model's current weights.
  template <class AnyModel>
  void update(const AnyModel& model) {
    require(model.parameters().size() == parameters_.size(), "an average of ", parameters_.size(),
            " weights was given a model of ", model.parameters().size());
    const auto n = static_cast<double>(++updates_);
    const double decay =
        options_.warm_up ? std::min(options_.decay, (1 + n) / (10 + n)) : options_.decay;
    const T step = static_cast<T>(1 - decay);
    move(parameters_, TensorView<const T>(model.parameters()), step);
    move(state_, TensorView<const T>(model.state()), step);
  }

  /// Swaps the model's weights and state with the averages; a second call swaps them back.
  template <class AnyModel>
  void swap(AnyModel& model) {
    std::swap_ranges(parameters_.begin(), parameters_.end(), model.parameters().begin());
    std::swap_ranges(state_.begin(), state_.end(), model.state().begin());
  }

  /// The number of updates made: save it together with the averages.
  [[nodiscard]] Index updates() const { return updates_; }
  /// Sets the number of updates made, to resume from a checkpoint.
  void set_updates(Index updates) { updates_ = updates; }
  [[nodiscard]] TensorView<T> parameters() { return parameters_; }
  /// The averaged parameters, laid out as the model's are.
  [[nodiscard]] TensorView<const T> parameters() const { return parameters_; }
  [[nodiscard]] TensorView<T> state() { return state_; }
  /// The averaged state, laid out as the model's is.
  [[nodiscard]] TensorView<const T> state() const { return state_; }

 private:
  [[gnu::noinline]] static void move(Tensor<T>& average, TensorView<const T> present, T step) {
    parallel_for_pieces(average.size(), Index{1} << 15U, [&](Index begin, Index end) {
      detail::move_towards(end - begin, step, present.data() + begin, average.data() + begin);
    });
  }

  WeightAverageOptions options_;
  Tensor<T> parameters_;
  Tensor<T> state_;
  Index updates_ = 0;
};

/// The scalar type is the model's.
template <class AnyModel>
explicit WeightAverage(const AnyModel&) -> WeightAverage<typename AnyModel::Scalar>;
/// Likewise.
template <class AnyModel>
WeightAverage(const AnyModel&, const WeightAverageOptions&)
    -> WeightAverage<typename AnyModel::Scalar>;

}  // namespace nn
