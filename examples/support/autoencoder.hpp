/// @file
/// A pair of networks of which one tells what an image has in it, as a normal distribution over a
/// few numbers, and the other draws an image from such numbers (Kingma and Welling, "Auto-encoding
/// variational Bayes", 2014).
#pragma once

#include <nn/kernels/kernels.hpp>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "nn/kernels/portable_math.hpp"
#include "nn/nn.hpp"
#include "support/part.hpp"
#include "support/random_class.hpp"

namespace example {

/// What makes an autoencoder.
struct AutoencoderOptions {
  nn::Index latent = 16;        ///< how many random numbers an image is drawn from
  nn::Index width = 32;         ///< channels at half the image's size
  double learning_rate = 2e-3;  ///< at its highest
  double average_decay = 0.999;
  /// By how much more the divergence counts than in the evidence bound: numbers drawn from the
  /// normal distribution are the more like those of real images (Higgins et al., "beta-VAE", 2017).
  double divergence_weight = 10;
  std::vector<nn::Index> class_counts{};  ///< of the training set
  std::uint64_t seed = 1;
};

/// Of the pixels of an image and its class, the means of `latent` numbers and the logarithms of
/// their variances. Told the class, the encoder need not put it into these numbers, which the
/// decoder would else find in conflict with the class that it is asked for.
[[nodiscard]] inline nn::Sequential<nn::AnyLayer> encoder_network(nn::Index width, nn::Index latent,
                                                                  nn::Index classes) {
  using namespace nn;  // NOLINT(google-build-using-namespace): these few lines are all layers
  using Chain = Sequential<AnyLayer>;
  const Index hidden = 8 * width;
  const AnyLayer image =
      Chain({Part{0, 784}, Reshape{{28, 28, 1}},
             Conv2D{.filters = width, .kernel = 4, .stride = 2, .padding = 1}, ReLU{},
             Conv2D{.filters = 2 * width, .kernel = 4, .stride = 2, .padding = 1, .bias = false},
             BatchNorm{}, ReLU{}, Flatten{}, Dense{hidden}});
  const AnyLayer told = Chain({Part{784, classes}, Dense{.units = hidden, .bias = false}});
  return Chain({Residual<AnyLayer, AnyLayer>(image, told), ReLU{},
                Dense{.units = 2 * latent, .initializer = normal(0.01)}});
}

/// Of numbers, an image with pixels from -1 to 1: the GAN's generator, so that the two learn the
/// same network in two ways.
[[nodiscard]] inline nn::Sequential<nn::AnyLayer> decoder_network(nn::Index width) {
  using namespace nn;  // NOLINT(google-build-using-namespace)
  return Sequential<AnyLayer>(
      {Dense{.units = 7 * 7 * 2 * width, .bias = false}, Reshape{{7, 7, 2 * width}}, BatchNorm{},
       ReLU{},
       ConvTranspose2D{.filters = width, .kernel = 4, .stride = 2, .padding = 1, .bias = false},
       BatchNorm{}, ReLU{}, ConvTranspose2D{.filters = 1, .kernel = 4, .stride = 2, .padding = 1},
       Tanh{}});
}

/// The terms of the loss, as means over images.
struct AutoencoderLoss {
  double squared_error = 0;  ///< of a pixel
  double divergence = 0;     ///< of what the encoder tells from the standard normal distribution
  /// The negative evidence bound, but for constants, at a divergence weight of 1: pixels / 2 *
  /// ln(squared error) + weight * divergence, with the variance of the pixels that fits best
  /// (Rybkin, Daniilidis and Levine, "Simple and effective VAE training with calibrated decoders",
  /// 2021).
  double total = 0;
};

/// Encoder and decoder, what trains them, and the average of the decoder's weights that draws the
/// pictures. The decoder is told the digit beside the numbers.
template <class T = float>
class Autoencoder {
 public:
  using Model = nn::Model<nn::Sequential<nn::AnyLayer>, T>;

  explicit Autoencoder(AutoencoderOptions options)
      : options_(std::move(options)),
        encoder(encoder_network(options_.width, options_.latent, classes()), {pixels + classes()},
                {.seed = nn::Random(options_.seed, 1U)()}),
        decoder(decoder_network(options_.width), {options_.latent + classes()},
                {.seed = nn::Random(options_.seed, 2U)()}),
        encoder_optimizer(encoder, nn::Adam{.learning_rate = options_.learning_rate}),
        decoder_optimizer(decoder, nn::Adam{.learning_rate = options_.learning_rate}),
        average(decoder, {.decay = options_.average_decay}) {}

  [[nodiscard]] const AutoencoderOptions& options() const { return options_; }

  /// One step on a batch of images (N x 28 x 28 x 1, from -1 to 1).
  /// @param factor of the learning rate
  AutoencoderLoss step(nn::TensorView<const T> images, nn::TensorView<const nn::Label> labels,
                       double factor) {
    const AutoencoderLoss loss = gradient(images, labels);
    encoder_optimizer.set_learning_rate(options_.learning_rate * factor);
    decoder_optimizer.set_learning_rate(options_.learning_rate * factor);
    encoder_optimizer.step(encoder);
    decoder_optimizer.step(decoder);
    average.update(decoder);
    return loss;
  }

  /// The loss of a step, and its gradients in those of both models. With mean m and logarithm of
  /// the variance l, the decoder reads z = m + e^(l/2) n for standard normal n; so dm = dz and
  /// dl = dz n e^(l/2) / 2. The divergence (m^2 + e^l - 1 - l) / 2 adds m and (e^l - 1) / 2, times
  /// its weight.
  AutoencoderLoss gradient(nn::TensorView<const T> images, nn::TensorView<const nn::Label> labels) {
    const nn::Index count = images.shape()[0];
    const T share = T(1) / static_cast<T>(count);
    inputs_.resize({count, pixels + classes()});
    for (nn::Index i = 0; i < count; ++i) {
      std::copy_n(images.sample(i).data(), pixels, inputs_.view().sample(i).data());
      set_class(inputs_, pixels, i, labels[i]);
    }
    const nn::TensorView<const T> told = encoder.forward(inputs_);
    latent_.resize({count, options_.latent + classes()});
    for (nn::Index i = 0; i < count; ++i) {
      nn::Random random(options_.seed, 3U, encoder.step(), i);
      for (nn::Index k = 0; k < options_.latent; ++k) {
        latent_(i, k) = told(i, k) + deviation(told, i, k) * static_cast<T>(random.normal());
      }
      set_class(latent_, i, labels[i]);
    }
    const nn::TensorView<const T> drawn = decoder.forward(latent_);
    AutoencoderLoss loss;
    slope_.resize(drawn.shape());
    loss.squared_error = static_cast<double>(nn::MeanSquaredError{}(drawn, images, slope_.view()));
    // The slope of pixels / 2 * ln(squared error).
    const auto size = static_cast<double>(images.size() / count);
    const auto weight = static_cast<T>(size / 2 / loss.squared_error);
    for (T& slope : slope_) slope *= weight;

    const T pull = share * static_cast<T>(options_.divergence_weight);
    decoder.zero_gradients();
    const nn::TensorView<const T> back = decoder.backward(slope_, {.input_gradient = true});
    told_slope_.resize(told.shape());
    for (nn::Index i = 0; i < count; ++i) {
      for (nn::Index k = 0; k < options_.latent; ++k) {
        const T mean = told(i, k);
        const T spread = deviation(told, i, k);
        const T logarithm = told(i, options_.latent + k);
        told_slope_(i, k) = back(i, k) + pull * mean;
        told_slope_(i, options_.latent + k) =
            (back(i, k) * (latent_(i, k) - mean) + pull * (spread * spread - 1)) / 2;
        loss.divergence += static_cast<double>(share) / 2 *
                           static_cast<double>(mean * mean + spread * spread - 1 - logarithm);
      }
    }
    encoder.zero_gradients();
    encoder.backward(told_slope_);
    loss.total =
        size / 2 * std::log(loss.squared_error) + options_.divergence_weight * loss.divergence;
    return loss;
  }

  /// What `count` images are drawn from: N x (latent + classes). Classes come as often as in the
  /// training set.
  [[nodiscard]] nn::Tensor<T> latent(nn::Index count, std::uint64_t seed) const {
    nn::Tensor<T> result({count, options_.latent + classes()});
    nn::Random random(seed, 4U);
    for (nn::Index i = 0; i < count; ++i) {
      set_class(result, i, random_class(options_.class_counts, random));
      for (nn::Index k = 0; k < options_.latent; ++k) {
        result(i, k) = static_cast<T>(random.normal());
      }
    }
    return result;
  }
  /// Has image `row` be of a class.
  void set_class(nn::Tensor<T>& latent, nn::Index row, nn::Label label) const {
    set_class(latent, options_.latent, row, label);
  }

  /// The images that the averaged decoder expects: N x 28 x 28 x 1, from -1 to 1.
  [[nodiscard]] nn::Tensor<T> draw(const nn::Tensor<T>& latent) {
    average.swap(decoder);
    nn::Tensor<T> images = decoder.predict(latent);
    average.swap(decoder);
    return images;
  }

 private:
  static constexpr nn::Index pixels = 28 * 28;
  [[nodiscard]] nn::Index classes() const {
    return static_cast<nn::Index>(options_.class_counts.size());
  }
  void set_class(nn::Tensor<T>& rows, nn::Index from, nn::Index row, nn::Label label) const {
    for (nn::Index c = 0; c < classes(); ++c) rows(row, from + c) = c == label ? T(1) : T(0);
  }
  [[nodiscard]] T deviation(nn::TensorView<const T> told, nn::Index i, nn::Index k) const {
    return nn::portable::exponential(told(i, options_.latent + k) / 2);
  }

  AutoencoderOptions options_;

 public:
  Model encoder;
  Model decoder;
  nn::Optimizer<nn::Adam, T> encoder_optimizer;
  nn::Optimizer<nn::Adam, T> decoder_optimizer;
  nn::WeightAverage<T> average;

 private:
  nn::Tensor<T> inputs_;
  nn::Tensor<T> latent_;
  nn::Tensor<T> slope_;
  nn::Tensor<T> told_slope_;
};

}  // namespace example
