/// @file
/// The networks of part 4, for images of any size whose sides can be halved twice or more.
#pragma once

#include <algorithm>

#include "nn/nn.hpp"

namespace example {

/// A network chosen at run time.
using Network = nn::Sequential<nn::AnyLayer>;

/// How often both sides of an image can be halved and still have four pixels: twice for 28x28,
/// three times for 32x32.
/// @throws nn::ShapeError when they cannot be halved twice.
[[nodiscard]] inline nn::Index halvings(const nn::Shape& image) {
  nn::Index count = 0;
  for (nn::Index h = image[0], w = image[1]; h % 2 == 0 && w % 2 == 0 && std::min(h, w) >= 8;
       h /= 2, w /= 2) {
    ++count;
  }
  nn::require<nn::ShapeError>(count >= 2, "a dcgan halves the sides of an image twice and leaves ",
                              "four pixels at least; images of ", image, " do not allow it");
  return count;
}

/// Images, height x width x channels, out of random numbers: transposed convolutions and BatchNorm
/// (Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional
/// generative adversarial networks", 2016), at a width that two processor cores can afford.
/// @param width channels at half the image's size; twice as many at a quarter, and so on
/// @param refined whether a convolution works on the smallest image before it is enlarged
[[nodiscard]] inline Network dcgan_generator(const nn::Shape& image, nn::Index width,
                                             bool refined = false) {
  using namespace nn;  // NOLINT(google-build-using-namespace): these few lines are all layers
  const Initializer start = normal(0.02);
  const Index levels = halvings(image);
  const Index top = width << (levels - 1);
  const Shape smallest{image[0] >> levels, image[1] >> levels, top};
  Network network({Dense{.units = smallest.size(), .bias = false, .initializer = start},
                   Reshape{smallest}, BatchNorm{}, ReLU{}});
  if (refined) {
    network.push_back(
        Conv2D{.filters = top, .kernel = 3, .padding = 1, .bias = false, .initializer = start});
    network.push_back(BatchNorm{});
    network.push_back(ReLU{});
  }
  const auto enlarge = [&](Index filters, bool bias) {
    network.push_back(ConvTranspose2D{.filters = filters,
                                      .kernel = 4,
                                      .stride = 2,
                                      .padding = 1,
                                      .bias = bias,
                                      .initializer = start});
  };
  for (Index filters = top / 2; filters >= width; filters /= 2) {
    enlarge(filters, false);
    network.push_back(BatchNorm{});
    network.push_back(ReLU{});
  }
  enlarge(image[2], true);
  network.push_back(Tanh{});
  return network;
}

/// Logits, positive for an image taken for real: one for each class that it may be said to be of.
[[nodiscard]] inline Network dcgan_discriminator(const nn::Shape& image, nn::Index width,
                                                 nn::Index classes) {
  using namespace nn;  // NOLINT(google-build-using-namespace)
  const Initializer start = normal(0.02);
  const auto halve = [&](Index filters, bool bias) {
    return Conv2D{.filters = filters,
                  .kernel = 4,
                  .stride = 2,
                  .padding = 1,
                  .bias = bias,
                  .initializer = start};
  };
  Network network({halve(width, true), LeakyReLU{0.2F}});
  for (Index level = 1; level < halvings(image); ++level) {
    network.push_back(halve(width << level, false));
    network.push_back(BatchNorm{});
    network.push_back(LeakyReLU{0.2F});
  }
  network.push_back(Flatten{});
  network.push_back(Dense{.units = classes, .initializer = start});
  return network;
}

/// The same without BatchNorm, which would tie the images of a batch to one another where each is
/// to have a gradient of its own, and halved on until no side has more than four pixels, so that
/// the last convolution sees most of the image.
[[nodiscard]] inline Network free_discriminator(const nn::Shape& image, nn::Index width,
                                                nn::Index classes) {
  using namespace nn;  // NOLINT(google-build-using-namespace)
  Network network;
  Shape size = image;
  for (Index filters = width; std::max(size[0], size[1]) > 4; filters *= 2) {
    const bool even = size[0] % 2 == 0 && size[1] % 2 == 0;
    const Conv2D halve{.filters = filters, .kernel = even ? 4 : 3, .stride = 2, .padding = 1};
    network.push_back(halve);
    network.push_back(LeakyReLU{0.2F});
    size = halve.output_shape(size);
  }
  network.push_back(Flatten{});
  network.push_back(Dense{.units = classes});
  return network;
}

/// The fully connected pair, as in the paper of 2014 but for the activations.
[[nodiscard]] inline Network mlp_generator(const nn::Shape& image) {
  using namespace nn;  // NOLINT(google-build-using-namespace)
  return Network({Dense{256}, BatchNorm{}, ReLU{}, Dense{512}, BatchNorm{}, ReLU{},
                  Dense{image.size()}, Tanh{}, Reshape{image}});
}
/// See `mlp_generator`.
[[nodiscard]] inline Network mlp_discriminator(nn::Index classes) {
  using namespace nn;  // NOLINT(google-build-using-namespace)
  return Network({Flatten{}, Dense{512}, LeakyReLU{0.2F}, Dropout{0.3F}, Dense{256},
                  LeakyReLU{0.2F}, Dropout{0.3F}, Dense{classes}});
}

}  // namespace example
