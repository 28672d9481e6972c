/// @file
/// The least that an optimizer needs of a model, so that it can be tested alone.
#pragma once

#include <string>
#include <vector>

#include "nn/core/tensor.hpp"
#include "nn/layers/plan.hpp"

/// Parameters "0.weight", "0.bias", "1.weight", "1.bias", ... of the given sizes.
template <class T>
class ToyModel {
 public:
  using Scalar = T;

  explicit ToyModel(const std::vector<nn::Index>& sizes) {
    nn::Index offset = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const bool weight = i % 2 == 0;
      const std::string name = std::to_string(i / 2) + (weight ? ".weight" : ".bias");
      variables_.push_back({name, {sizes[i]}, nn::zeros(), weight, offset});
      offset += sizes[i];
    }
    trainable_.assign(sizes.size(), true);
    parameters_.resize({offset});
    gradients_.resize({offset});
    state_.resize({2});
  }

  nn::TensorView<T> parameters() { return parameters_; }
  nn::TensorView<const T> parameters() const { return parameters_; }
  nn::TensorView<T> gradients() { return gradients_; }
  nn::TensorView<T> state() { return state_; }
  nn::TensorView<const T> state() const { return state_; }
  const std::vector<nn::Variable>& variables() const { return variables_; }
  const std::vector<bool>& trainable() const { return trainable_; }
  void freeze(std::size_t variable, bool frozen = true) { trainable_[variable] = !frozen; }

 private:
  nn::Tensor<T> parameters_;
  nn::Tensor<T> gradients_;
  nn::Tensor<T> state_;
  std::vector<nn::Variable> variables_;
  std::vector<bool> trainable_;
};
