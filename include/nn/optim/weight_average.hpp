/// @file
/// Averages over the weights that training passes through.
#pragma once

#include <algorithm>

#include "nn/core/parallel.hpp"
#include "nn/core/tensor.hpp"
#include "nn/kernels/loops.hpp"

namespace nn {

/// How weights are averaged.
struct WeightAverageOptions {
  double decay = 0.999;  ///< of the old average that stays in each update
  /// Uses min(decay, (1 + n) / (10 + n)) at update n, so that an average over a short training is
  /// not dominated by where it began.
  bool warm_up = true;
};

/// An exponential moving average of a model's weights: a <- decay a + (1 - decay) w after every
/// step (Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992, in its
/// exponential form). The averaged network is usually a little better than the last. The state
/// (running statistics) is averaged likewise, so that it suits the weights.
template <class T>
class WeightAverage {
 public:
  /// Starts as the model's weights.
  template <class AnyModel>
  explicit WeightAverage(const AnyModel& model, const WeightAverageOptions& options = {})
      : options_(options), parameters_(model.parameters()), state_(model.state()) {
    require(options.decay >= 0 && options.decay < 1,
            "an average of weights needs a decay in [0, 1), got ", options.decay);
  }

  /// Takes the model's present weights into the average.
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

  /// Exchanges the model's weights and state with the averages. Done twice, all is as it was.
  template <class AnyModel>
  void swap(AnyModel& model) {
    std::swap_ranges(parameters_.begin(), parameters_.end(), model.parameters().begin());
    std::swap_ranges(state_.begin(), state_.end(), model.state().begin());
  }

  /// How many updates have been made: part of what is to be saved, with the averages.
  [[nodiscard]] Index updates() const { return updates_; }
  /// As if so many updates had been made: for going on from a checkpoint.
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

/// The model says which scalar.
template <class AnyModel>
explicit WeightAverage(const AnyModel&) -> WeightAverage<typename AnyModel::Scalar>;
/// Likewise.
template <class AnyModel>
WeightAverage(const AnyModel&, const WeightAverageOptions&)
    -> WeightAverage<typename AnyModel::Scalar>;

}  // namespace nn
