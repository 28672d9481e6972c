/// @file
/// A pair of networks that learn from each other (Goodfellow et al., "Generative adversarial
/// nets", 2014): a generator draws images out of random numbers, a discriminator tells them from
/// real ones.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "nn/nn.hpp"

namespace example {

/// A network chosen at run time.
using Network = nn::Sequential<nn::AnyLayer>;

/// What makes a pair.
struct GanOptions {
  std::string model = "dcgan";          ///< or "mlp"
  std::string loss = "non-saturating";  ///< or "least-squares"
  nn::Index latent = 64;                ///< how many random numbers an image is drawn from
  nn::Index width = 32;                 ///< of the dcgan: channels at half the image's size
  double learning_rate = 1e-3;          ///< of the generator
  double discriminator_learning_rate = 1e-3;
  double average_decay = 0.999;  ///< of the average of the generator's weights
  std::uint64_t seed = 1;
};

/// Images of MNIST's size out of `latent` normal numbers: transposed convolutions and BatchNorm
/// (Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional
/// generative adversarial networks", 2016), at a width that two processor cores can afford.
[[nodiscard]] inline Network dcgan_generator(nn::Index width) {
  using namespace nn;  // NOLINT(google-build-using-namespace): these few lines are all layers
  const Initializer start = normal(0.02);
  return Network(
      {Dense{.units = 7 * 7 * 2 * width, .bias = false, .initializer = start},
       Reshape{{7, 7, 2 * width}}, BatchNorm{}, ReLU{},
       ConvTranspose2D{.filters = width,
                       .kernel = 4,
                       .stride = 2,
                       .padding = 1,
                       .bias = false,
                       .initializer = start},
       BatchNorm{}, ReLU{},
       ConvTranspose2D{.filters = 1, .kernel = 4, .stride = 2, .padding = 1, .initializer = start},
       Tanh{}});
}

/// One logit, positive for an image taken for real.
[[nodiscard]] inline Network dcgan_discriminator(nn::Index width) {
  using namespace nn;  // NOLINT(google-build-using-namespace)
  const Initializer start = normal(0.02);
  return Network(
      {Conv2D{.filters = width, .kernel = 4, .stride = 2, .padding = 1, .initializer = start},
       LeakyReLU{0.2F},
       Conv2D{.filters = 2 * width,
              .kernel = 4,
              .stride = 2,
              .padding = 1,
              .bias = false,
              .initializer = start},
       BatchNorm{}, LeakyReLU{0.2F}, Flatten{}, Dense{.units = 1, .initializer = start}});
}

/// The fully connected pair, as in the paper of 2014 but for the activations.
[[nodiscard]] inline Network mlp_generator() {
  using namespace nn;  // NOLINT(google-build-using-namespace)
  return Network({Dense{256}, BatchNorm{}, ReLU{}, Dense{512}, BatchNorm{}, ReLU{}, Dense{784},
                  Tanh{}, Reshape{{28, 28, 1}}});
}
[[nodiscard]] inline Network mlp_discriminator() {
  using namespace nn;  // NOLINT(google-build-using-namespace)
  return Network({Flatten{}, Dense{512}, LeakyReLU{0.2F}, Dropout{0.3F}, Dense{256},
                  LeakyReLU{0.2F}, Dropout{0.3F}, Dense{1}});
}

/// What one step of the game came to.
struct GanStep {
  double discriminator_loss = 0;
  double generator_loss = 0;
  double real_accuracy = 0;       ///< the share of real images that were taken for real
  double generated_accuracy = 0;  ///< the share of generated ones that were found out
};

/// The two networks, what trains them, and the average of the generator that draws the pictures.
template <class T = float>
class Gan {
 public:
  using Model = nn::Model<Network, T>;

  explicit Gan(const GanOptions& options)
      : options_(options),
        generator(options.model == "mlp" ? mlp_generator() : dcgan_generator(options.width),
                  {options.latent}, {.seed = nn::Random(options.seed, 1U)()}),
        discriminator(
            options.model == "mlp" ? mlp_discriminator() : dcgan_discriminator(options.width),
            {28, 28, 1}, {.seed = nn::Random(options.seed, 2U)()}),
        generator_optimizer(generator,
                            nn::Adam{.learning_rate = options.learning_rate, .beta1 = 0.5}),
        discriminator_optimizer(
            discriminator,
            nn::Adam{.learning_rate = options.discriminator_learning_rate, .beta1 = 0.5}),
        average(generator, {.decay = options.average_decay}) {}

  [[nodiscard]] const GanOptions& options() const { return options_; }

  /// One step of the game on a batch of real images: the discriminator learns to tell them from as
  /// many generated ones, then the generator learns to have these taken for real.
  GanStep step(nn::TensorView<const T> real) {
    const nn::Index batch = real.shape().front();
    latent_.resize({batch, options_.latent});
    draw_latent(latent_, nn::Random(options_.seed, 3U, generator.step()));
    const nn::TensorView<const T> generated = generator.forward(latent_);

    GanStep result;
    discriminator.zero_gradients();
    result.discriminator_loss = judge(real, 1, result.real_accuracy);
    discriminator.backward(gradient_);
    result.discriminator_loss += judge(generated, 0, result.generated_accuracy);
    discriminator.backward(gradient_);
    discriminator_optimizer.step(discriminator);

    result.generator_loss = generator_gradient(generated);
    generator_optimizer.step(generator);
    average.update(generator);
    return result;
  }

  /// The generator's loss on images that its last forward pass has drawn, and in its `gradients()`
  /// the gradient: through the discriminator, which learns nothing from it.
  double generator_gradient(nn::TensorView<const T> generated) {
    double accuracy = 0;
    const double loss = judge(generated, 1, accuracy);
    const nn::TensorView<const T> image_gradient =
        discriminator.backward(gradient_, {.parameter_gradients = false, .input_gradient = true});
    generator.zero_gradients();
    generator.backward(image_gradient);
    return loss;
  }

  /// `count` images drawn by the averaged generator: N x 28 x 28 x 1, from -1 (black) to 1 (white).
  [[nodiscard]] nn::Tensor<T> draw(nn::Index count, std::uint64_t seed) {
    nn::Tensor<T> latent({count, options_.latent});
    draw_latent(latent, nn::Random(seed, 4U));
    return draw(latent);
  }
  [[nodiscard]] nn::Tensor<T> draw(const nn::Tensor<T>& latent) {
    average.swap(generator);
    nn::Tensor<T> images = generator.predict(latent);
    average.swap(generator);
    return images;
  }

 private:
  static void draw_latent(nn::Tensor<T>& latent, nn::Random random) {
    for (T& value : latent) value = static_cast<T>(random.normal());
  }

  /// The loss of the discriminator's answers to `images` against `target`, 1 for real; its gradient
  /// with respect to the answers goes to `gradient_`.
  double judge(nn::TensorView<const T> images, T target, double& accuracy) {
    const nn::TensorView<const T> answers = discriminator.forward(images);
    gradient_.resize(answers.shape());
    target_.resize(answers.shape());
    target_.fill(target);
    const bool squares = options_.loss == "least-squares";
    const T border = squares ? T(0.5) : T(0);
    const auto taken_for_real =
        std::count_if(answers.begin(), answers.end(), [&](T answer) { return answer > border; });
    const double share =
        static_cast<double>(taken_for_real) / static_cast<double>(answers.shape().front());
    accuracy = target == T(1) ? share : 1 - share;
    const T loss = squares ? nn::MeanSquaredError{}(answers, target_.view(), gradient_.view())
                           : nn::SigmoidCrossEntropy{}(answers, target_.view(), gradient_.view());
    return static_cast<double>(loss);
  }

  GanOptions options_;

 public:
  Model generator;
  Model discriminator;
  nn::Optimizer<nn::Adam, T> generator_optimizer;
  nn::Optimizer<nn::Adam, T> discriminator_optimizer;
  nn::WeightAverage<T> average;

 private:
  nn::Tensor<T> latent_;
  nn::Tensor<T> target_;
  nn::Tensor<T> gradient_;
};

}  // namespace example
