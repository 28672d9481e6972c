/// @file
/// The networks by which training and inference are measured, W1 to W10, and their batches and
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

/// 5x5 convolutions of 24 and 48 filters, and a dense layer of 256.
inline auto w7() {
  return nn::sequential(nn::Conv2D{.filters = 24, .kernel = 5, .padding = 2}, nn::ReLU{},
                        nn::MaxPool2D{2}, nn::Conv2D{.filters = 48, .kernel = 5, .padding = 2},
                        nn::ReLU{}, nn::MaxPool2D{2}, nn::Flatten{}, nn::Dense{256}, nn::ReLU{},
                        nn::Dense{10});
}

/// 3x3 depthwise and 1x1, each with BatchNorm.
inline auto separable(nn::Index channels, nn::Index filters, nn::Index stride) {
  return nn::sequential(nn::Conv2D{.filters = channels,
                                   .kernel = 3,
                                   .stride = stride,
                                   .groups = channels,
                                   .padding = 1,
                                   .bias = false},
                        nn::BatchNorm{}, nn::ReLU{},
                        nn::Conv2D{.filters = filters, .kernel = 1, .bias = false}, nn::BatchNorm{},
                        nn::ReLU{});
}

/// Five depthwise-separable convolutions, for colour images of 32 x 32.
inline auto w8() {
  return nn::sequential(convolution_block(32), separable(32, 64, 1), separable(64, 128, 2),
                        separable(128, 128, 1), separable(128, 256, 2), separable(256, 256, 1),
                        nn::GlobalAveragePool2D{}, nn::Dense{10});
}

/// Two convolutions with BatchNorm, without the activation that follows the sum.
inline auto plain_block(nn::Index filters, nn::Index stride) {
  return nn::sequential(
      nn::Conv2D{.filters = filters, .kernel = 3, .stride = stride, .padding = 1, .bias = false},
      nn::BatchNorm{}, nn::ReLU{},
      nn::Conv2D{.filters = filters, .kernel = 3, .padding = 1, .bias = false}, nn::BatchNorm{});
}

/// A residual block; and one that halves the image.
inline auto same_size(nn::Index filters) { return nn::Residual{plain_block(filters, 1)}; }
inline auto half_size(nn::Index filters) {
  return nn::Residual{
      plain_block(filters, 2),
      nn::sequential(nn::Conv2D{.filters = filters, .kernel = 1, .stride = 2, .bias = false},
                     nn::BatchNorm{})};
}

/// A residual network of 16, 32 and 64 channels with two blocks each.
inline auto w9() {
  using nn::ReLU;
  return nn::sequential(convolution_block(16), same_size(16), ReLU{}, same_size(16), ReLU{},
                        half_size(32), ReLU{}, same_size(32), ReLU{}, half_size(64), ReLU{},
                        same_size(64), ReLU{}, nn::GlobalAveragePool2D{}, nn::Dense{10});
}

/// LeNet as Caffe's example has it.
inline auto w10() {
  return nn::sequential(nn::Conv2D{.filters = 20, .kernel = 5}, nn::MaxPool2D{2},
                        nn::Conv2D{.filters = 50, .kernel = 5}, nn::MaxPool2D{2}, nn::Flatten{},
                        nn::Dense{500}, nn::ReLU{}, nn::Dense{10});
}

inline constexpr nn::SGD sgd{.learning_rate = 0.01F, .momentum = 0.9F};
inline constexpr nn::Adam adam{.learning_rate = 0.001F};
inline constexpr nn::Adam gan_adam{.learning_rate = 0.0002F, .beta1 = 0.5F};

inline const nn::Shape digits{28, 28, 1};
inline const nn::Shape colour{32, 32, 3};

/// Calls visit(name, network, shape of an image, batch, rule) for all but W6.
template <class Visit>
void for_each_classifier(const Visit& visit) {
  visit("W1", w1(), digits, 64, sgd);
  visit("W2", w2(), digits, 128, adam);
  visit("W3", w3(), digits, 64, sgd);
  visit("W4", w4(), digits, 128, adam);
  visit("W5", w5(), colour, 64, sgd);
  visit("W7", w7(), digits, 128, adam);
  visit("W8", w8(), colour, 64, sgd);
  visit("W9", w9(), colour, 64, sgd);
  visit("W10", w10(), digits, 64, sgd);
}

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
