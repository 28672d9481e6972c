/// @file
/// The training that the page repeats to the last bit of a native one. The page's module for it is
/// compiled with NN_EMULATE_FMA, since WebAssembly has no fused multiply-add (docs/arithmetic.md).
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "nn/nn.hpp"

namespace web {

/// LeNet (LeCun et al., "Gradient-based learning applied to document recognition", 1998) with ReLU
/// and max-pooling.
inline auto proof_network() {
  return nn::sequential(nn::Conv2D{.filters = 6, .kernel = 5, .padding = 2}, nn::ReLU{},
                        nn::MaxPool2D{2}, nn::Conv2D{.filters = 16, .kernel = 5}, nn::ReLU{},
                        nn::MaxPool2D{2}, nn::Flatten{}, nn::Dense{120}, nn::ReLU{}, nn::Dense{84},
                        nn::ReLU{}, nn::Dense{10});
}

/// Trains LeNet by Adam for one epoch, step by step, in batches of 50.
class Proof {
 public:
  /// What the images of MNIST have for mean and deviation.
  static constexpr double mean = 0.13066;
  static constexpr double deviation = 0.30811;

  /// @throws nn::Error when there are fewer than 50 images, or they are not 28x28.
  explicit Proof(const nn::Dataset& images)
      : model_(proof_network(), {28, 28, 1}, {.seed = 1}),
        optimizer_(model_, nn::Adam{.learning_rate = 0.002}),
        loader_(images.with_normalization({{mean}, {deviation}}),
                {.batch_size = 50, .seed = 1, .background = false}) {
    loader_.start(0);
  }

  /// How many steps the epoch has.
  [[nodiscard]] nn::Index steps() const { return loader_.batches(); }

  /// Makes one step. Returns the mean loss of its batch, before the step.
  /// @throws nn::Error after the last step.
  float step() {
    const nn::Batch<float>* batch = loader_.next();
    nn::require(batch != nullptr, "the proof has no more than ", steps(), " steps");
    model_.zero_gradients();
    const nn::TensorView<const float> scores = model_.forward(batch->inputs);
    gradient_.resize(scores.shape());
    const float loss = nn::SoftmaxCrossEntropy{}(scores, batch->labels, gradient_.view());
    model_.backward(std::as_const(gradient_).view());
    optimizer_.step(model_);
    return loss;
  }

  /// Of the weights as they are.
  [[nodiscard]] std::string sha256() const {
    const auto bytes = std::as_bytes(model_.parameters().span());
    return nn::sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }

 private:
  nn::Model<decltype(proof_network())> model_;
  nn::Optimizer<nn::Adam> optimizer_;
  nn::Loader<float> loader_;
  nn::Tensor<float> gradient_;
};

}  // namespace web
