/// @file
/// A pair of networks that learn from each other (Goodfellow et al., "Generative adversarial
/// nets", 2014): a generator draws images out of random numbers, a discriminator tells them from
/// real ones.
#pragma once

#include <nn/kernels/kernels.hpp>

#include <algorithm>
#include <numeric>
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
  /// How many images of each class there are to learn from, if the pair is told which class an
  /// image is (Mirza and Osindero, "Conditional generative adversarial nets", 2014); empty: it is
  /// not.
  std::vector<nn::Index> class_counts{};
  double learning_rate = 1e-3;
  /// The deviation of the noise on every image that the discriminator sees, whose pixels go from -1
  /// to 1 (Sonderby et al., "Amortised MAP inference for image super-resolution", 2017; Arjovsky
  /// and Bottou, "Towards principled methods for training generative adversarial networks", 2017).
  double noise = 0.25;
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

/// Logits, positive for an image taken for real: one for each class that it may be said to be of.
[[nodiscard]] inline Network dcgan_discriminator(nn::Index width, nn::Index classes) {
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
       BatchNorm{}, LeakyReLU{0.2F}, Flatten{}, Dense{.units = classes, .initializer = start}});
}

/// The fully connected pair, as in the paper of 2014 but for the activations.
[[nodiscard]] inline Network mlp_generator() {
  using namespace nn;  // NOLINT(google-build-using-namespace)
  return Network({Dense{256}, BatchNorm{}, ReLU{}, Dense{512}, BatchNorm{}, ReLU{}, Dense{784},
                  Tanh{}, Reshape{{28, 28, 1}}});
}
[[nodiscard]] inline Network mlp_discriminator(nn::Index classes) {
  using namespace nn;  // NOLINT(google-build-using-namespace)
  return Network({Flatten{}, Dense{512}, LeakyReLU{0.2F}, Dropout{0.3F}, Dense{256},
                  LeakyReLU{0.2F}, Dropout{0.3F}, Dense{classes}});
}

/// What one step of the game came to.
struct GanStep {
  double discriminator_loss = 0;
  double generator_loss = 0;
  double real_accuracy = 0;       ///< the share of real images that were taken for real
  double generated_accuracy = 0;  ///< the share of generated ones that were found out
};

/// The two networks, what trains them, and the average of the generator that draws the pictures.
///
/// Told the classes, the generator gets the class beside the random numbers, and of the
/// discriminator's logits the one of the class counts: the simplest projection (Miyato and Koyama,
/// "cGANs with projection discriminator", 2018).
template <class T = float>
class Gan {
 public:
  using Model = nn::Model<Network, T>;

  explicit Gan(GanOptions options)
      : options_(std::move(options)),
        generator(options_.model == "mlp" ? mlp_generator() : dcgan_generator(options_.width),
                  {options_.latent + static_cast<nn::Index>(options_.class_counts.size())},
                  {.seed = nn::Random(options_.seed, 1U)()}),
        discriminator(options_.model == "mlp" ? mlp_discriminator(logits())
                                              : dcgan_discriminator(options_.width, logits()),
                      {28, 28, 1}, {.seed = nn::Random(options_.seed, 2U)()}),
        generator_optimizer(generator, rule()),
        discriminator_optimizer(discriminator, rule()),
        average(generator, {.decay = options_.average_decay}) {}

  [[nodiscard]] const GanOptions& options() const { return options_; }
  [[nodiscard]] bool told_classes() const { return !options_.class_counts.empty(); }

  /// One step of the game on a batch of real images: the discriminator learns to tell them from as
  /// many generated ones, then the generator learns to have these taken for real.
  GanStep step(nn::TensorView<const T> real, nn::TensorView<const nn::Label> labels) {
    const nn::TensorView<const T> generated = generate(real.shape().front());
    GanStep result;
    discriminator.zero_gradients();
    result.discriminator_loss = judge(real, labels, 1, result.real_accuracy);
    discriminator.backward(gradient_);
    result.discriminator_loss += judge(generated, labels_, 0, result.generated_accuracy);
    discriminator.backward(gradient_);
    discriminator_optimizer.step(discriminator);

    result.generator_loss = generator_gradient(generated);
    generator_optimizer.step(generator);
    average.update(generator);
    return result;
  }

  /// Draws images in a training pass of the generator.
  nn::TensorView<const T> generate(nn::Index count) {
    draw_latent(count, nn::Random(options_.seed, 3U, generator.step()), latent_, labels_);
    return generator.forward(latent_);
  }

  /// The generator's loss on images that its last training pass has drawn, and in its `gradients()`
  /// the gradient: through the discriminator, which learns nothing from it.
  double generator_gradient(nn::TensorView<const T> generated) {
    double accuracy = 0;
    const double loss = judge(generated, labels_, 1, accuracy);
    const nn::TensorView<const T> image_gradient =
        discriminator.backward(gradient_, {.parameter_gradients = false, .input_gradient = true});
    generator.zero_gradients();
    generator.backward(image_gradient);
    return loss;
  }

  /// What `count` images are drawn from: N x numbers. Classes come as often as in the training
  /// set.
  [[nodiscard]] nn::Tensor<T> latent(nn::Index count, std::uint64_t seed) const {
    nn::Tensor<T> result;
    nn::Tensor<nn::Label> labels;
    draw_latent(count, nn::Random(seed, 4U), result, labels);
    return result;
  }
  /// Has image `row` be of a class, if the pair is told of classes.
  void set_class(nn::Tensor<T>& latent, nn::Index row, nn::Label label) const {
    constexpr T weight = 4;  // so that the class weighs about as much as all random numbers
    for (nn::Index c = 0; told_classes() && c < logits(); ++c) {
      latent(row, options_.latent + c) = c == label ? weight : T(0);
    }
  }

  /// Images drawn by the averaged generator: N x 28 x 28 x 1, from -1 (black) to 1 (white).
  [[nodiscard]] nn::Tensor<T> draw(const nn::Tensor<T>& latent) {
    average.swap(generator);
    nn::Tensor<T> images = generator.predict(latent);
    average.swap(generator);
    return images;
  }

 private:
  [[nodiscard]] nn::Index logits() const {
    return std::max<nn::Index>(1, static_cast<nn::Index>(options_.class_counts.size()));
  }
  [[nodiscard]] nn::Adam rule() const {
    return {.learning_rate = options_.learning_rate, .beta1 = 0.5};
  }

  void draw_latent(nn::Index count, nn::Random random, nn::Tensor<T>& latent,
                   nn::Tensor<nn::Label>& labels) const {
    latent.resize({count, generator.input_shape()[0]});
    labels.resize({count});
    for (nn::Index i = 0; i < count; ++i) {
      for (nn::Index k = 0; k < options_.latent; ++k) {
        latent(i, k) = static_cast<T>(random.normal());
      }
      labels[i] = told_classes() ? random_class(random) : 0;
      set_class(latent, i, labels[i]);
    }
  }
  [[nodiscard]] nn::Label random_class(nn::Random& random) const {
    const std::vector<nn::Index>& counts = options_.class_counts;
    nn::Index rank = random.below(std::accumulate(counts.begin(), counts.end(), nn::Index{0}));
    nn::Label label = 0;
    while (rank >= counts[static_cast<std::size_t>(label)]) {
      rank -= counts[static_cast<std::size_t>(label++)];
    }
    return label;
  }

  /// Without noise the discriminator would soon tell images by traces that no one sees, and teach
  /// the generator to play safe. Each image has a stream of its own.
  void add_noise(nn::TensorView<const T> images) {
    noisy_.resize(images.shape());
    nn::parallel_for(images.shape()[0], [&](nn::Index i) {
      nn::Random random(options_.seed, 5U, discriminator.step(), i);
      const nn::TensorView<const T> from = images.sample(i);
      const nn::TensorView<T> to = noisy_.sample(i);
      for (nn::Index k = 0; k < from.size(); ++k) {
        to[k] = from[k] + static_cast<T>(random.normal(0, options_.noise));
      }
    });
  }

  /// The loss of the discriminator's answers to `images`, said to be of the classes `labels`,
  /// against `target`, 1 for real. The gradient with respect to its logits goes to `gradient_`.
  double judge(nn::TensorView<const T> images, nn::TensorView<const nn::Label> labels, T target,
               double& accuracy) {
    add_noise(images);
    const nn::TensorView<const T> answers = discriminator.forward(noisy_);
    const nn::Index count = answers.shape()[0];
    const auto counts = [&](nn::Index i) { return told_classes() ? labels[i] : 0; };
    for (nn::Tensor<T>* tensor : {&logit_, &target_, &slope_}) tensor->resize({count, 1});
    for (nn::Index i = 0; i < count; ++i) logit_[i] = answers(i, counts(i));
    target_.fill(target);
    const bool squares = options_.loss == "least-squares";
    const nn::TensorView<const T> logit = logit_;
    const T loss = squares ? nn::MeanSquaredError{}(logit, target_.view(), slope_.view())
                           : nn::SigmoidCrossEntropy{}(logit, target_.view(), slope_.view());
    gradient_.resize(answers.shape());
    gradient_.fill(T(0));
    for (nn::Index i = 0; i < count; ++i) gradient_(i, counts(i)) = slope_[i];

    const T border = squares ? T(0.5) : T(0);
    const auto real = std::count_if(logit_.begin(), logit_.end(), [&](T z) { return z > border; });
    const double share = static_cast<double>(real) / static_cast<double>(count);
    accuracy = target == T(1) ? share : 1 - share;
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
  nn::Tensor<T> noisy_;
  nn::Tensor<T> latent_;
  nn::Tensor<nn::Label> labels_;
  nn::Tensor<T> logit_;
  nn::Tensor<T> target_;
  nn::Tensor<T> slope_;
  nn::Tensor<T> gradient_;
};

}  // namespace example
