/// @file
/// What a training consists of as bytes, whatever the types of its network, optimizer and scalar.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "nn/optim/optimizer.hpp"
#include "nn/optim/weight_average.hpp"
#include "nn/train/model.hpp"

namespace nn {

namespace detail {

/// What a checkpoint keeps of a model, whatever its network and scalar.
struct ModelBytes {
  const std::vector<Variable>& variables;
  const std::vector<Variable>& states;
  std::size_t element;  ///< bytes
  std::span<std::byte> parameters;
  std::span<std::byte> state;
  std::uint64_t seed = 0;
  std::uint64_t step = 0;

  template <class Network, class T>
  static ModelBytes of(Model<Network, T>& model) {
    return {model.variables(),
            model.states(),
            sizeof(T),
            std::as_writable_bytes(model.parameters().span()),
            std::as_writable_bytes(model.state().span()),
            model.seed(),
            model.step()};
  }
};

/// The same of an optimizer.
struct OptimizerBytes {
  std::span<std::byte> slots;
  Index steps = 0;
  double learning_rate = 0;

  template <class Rule, class T>
  static OptimizerBytes of(Optimizer<Rule, T>& optimizer) {
    return {std::as_writable_bytes(optimizer.state()), optimizer.steps(),
            optimizer.learning_rate()};
  }
};

/// The same of an average of weights.
struct AverageBytes {
  std::span<std::byte> parameters;
  std::span<std::byte> state;
  Index updates = 0;

  template <class T>
  static AverageBytes of(WeightAverage<T>& average) {
    return {std::as_writable_bytes(average.parameters().span()),
            std::as_writable_bytes(average.state().span()), average.updates()};
  }
};

/// Weights and state that were kept, as bytes.
struct BestWeights {
  std::string parameters;
  std::string state;

  [[nodiscard]] bool empty() const { return parameters.empty(); }
  void keep(const ModelBytes& model) {
    copy(model.parameters, parameters);
    copy(model.state, state);
  }
  void restore(const ModelBytes& model) const {
    if (!parameters.empty())
      std::memcpy(model.parameters.data(), parameters.data(), parameters.size());
    if (!state.empty()) std::memcpy(model.state.data(), state.data(), state.size());
  }

 private:
  static void copy(std::span<const std::byte> from, std::string& to) {
    to.assign(reinterpret_cast<const char*>(from.data()), from.size());  // NOLINT: bytes
  }
};

}  // namespace detail

}  // namespace nn
