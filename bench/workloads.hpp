/// @file
/// The networks by which training and inference are measured, W1 to W6, and their batches and
/// optimizers. The same networks stand in the peers' terms in bench/peers.
#pragma once

#include <nn/nn.hpp>

namespace bench {

/// A fully connected network with one hidden layer.
inline auto w1() {
  return nn::sequential(nn::Flatten{}, nn::Dense{128}, nn::ReLU{}, nn::Dense{10});
}

/// A fully connected network with two wide hidden layers.
inline auto w2() {
  return nn::sequential(nn::Flatten{}, nn::Dense{512}, nn::ReLU{}, nn::Dense{512}, nn::ReLU{},
                        nn::Dense{10});
}

/// LeNet-5 with ReLU and maximum pooling.
inline auto w3() {
  return nn::sequential(nn::Conv2D{.filters = 6, .kernel = 5, .padding = 2}, nn::ReLU{},
                        nn::MaxPool2D{2}, nn::Conv2D{.filters = 16, .kernel = 5}, nn::ReLU{},
                        nn::MaxPool2D{2}, nn::Flatten{}, nn::Dense{120}, nn::ReLU{}, nn::Dense{84},
                        nn::ReLU{}, nn::Dense{10});
}

/// Two convolutions and a wide dense layer.
inline auto w4() {
  return nn::sequential(nn::Conv2D{.filters = 32, .kernel = 3}, nn::ReLU{},
                        nn::Conv2D{.filters = 64, .kernel = 3}, nn::ReLU{}, nn::MaxPool2D{2},
                        nn::Flatten{}, nn::Dense{128}, nn::ReLU{}, nn::Dense{10});
}

/// A convolution without a bias, BatchNorm and ReLU.
inline auto convolution_block(nn::Index filters) {
  return nn::sequential(nn::Conv2D{.filters = filters, .kernel = 3, .padding = 1, .bias = false},
                        nn::BatchNorm{}, nn::ReLU{});
}

/// Six convolutions with BatchNorm, for colour images of 32 x 32.
inline auto w5() {
  return nn::sequential(convolution_block(64), convolution_block(64), nn::MaxPool2D{2},
                        convolution_block(128), convolution_block(128), nn::MaxPool2D{2},
                        convolution_block(256), convolution_block(256), nn::MaxPool2D{2},
                        nn::Flatten{}, nn::Dense{10});
}

/// The generator of a DCGAN: 100 random numbers to an image of 28 x 28.
inline auto w6_generator() {
  const auto up = [](nn::Index filters, bool bias) {
    return nn::ConvTranspose2D{
        .filters = filters, .kernel = 4, .stride = 2, .padding = 1, .bias = bias};
  };
  return nn::sequential(nn::Dense{7 * 7 * 128}, nn::Reshape{{7, 7, 128}}, nn::BatchNorm{},
                        nn::ReLU{}, up(64, false), nn::BatchNorm{}, nn::ReLU{}, up(1, true),
                        nn::Tanh{});
}

/// Its discriminator.
inline auto w6_discriminator() {
  const auto down = [](nn::Index filters, bool bias) {
    return nn::Conv2D{.filters = filters, .kernel = 4, .stride = 2, .padding = 1, .bias = bias};
  };
  return nn::sequential(down(64, true), nn::LeakyReLU{0.2F}, down(128, false), nn::BatchNorm{},
                        nn::LeakyReLU{0.2F}, nn::Flatten{}, nn::Dense{1});
}

inline constexpr nn::SGD sgd{.learning_rate = 0.01F, .momentum = 0.9F};
inline constexpr nn::Adam adam{.learning_rate = 0.001F};
inline constexpr nn::Adam gan_adam{.learning_rate = 0.0002F, .beta1 = 0.5F};

/// Standard normal numbers: the work does not depend on what the images show.
inline nn::Tensor<float> random_batch(nn::Index batch, const nn::Shape& sample) {
  nn::Tensor<float> images(sample.prepended(batch));
  nn::Random random(7);
  for (float& value : images) value = static_cast<float>(random.normal());
  return images;
}

inline nn::Tensor<nn::Label> random_labels(nn::Index batch) {
  nn::Tensor<nn::Label> labels({batch});
  nn::Random random(8);
  for (nn::Label& label : labels) label = static_cast<nn::Label>(random.below(10));
  return labels;
}

}  // namespace bench
