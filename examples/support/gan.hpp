/// @file
/// A pair of networks that learn from each other (Goodfellow et al., "Generative adversarial
/// nets", 2014): a generator draws images out of random numbers, a discriminator tells them from
/// real ones.
#pragma once

#include <nn/kernels/kernels.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "support/gan_augmentation.hpp"
#include "support/gan_networks.hpp"
#include "support/random_class.hpp"

namespace example {

/// What makes a pair.
struct GanOptions {
  std::string model = "dcgan";          ///< or "mlp"
  std::string loss = "non-saturating";  ///< or "least-squares"
  nn::Index latent = 64;                ///< how many random numbers an image is drawn from
  nn::Index width = 32;                 ///< of the dcgan: channels at half the image's size
  nn::Shape image{28, 28, 1};           ///< height x width x channels
  /// How many images of each class there are to learn from, if the pair is told which class an
  /// image is (Mirza and Osindero, "Conditional generative adversarial nets", 2014); empty: it is
  /// not.
  std::vector<nn::Index> class_counts{};
  double learning_rate = 1e-3;
  double beta1 = 0.5, beta2 = 0.999;
  /// The deviation of the noise on every image that the discriminator sees, whose pixels go from -1
  /// to 1 (Sonderby et al., "Amortised MAP inference for image super-resolution", 2017; Arjovsky
  /// and Bottou, "Towards principled methods for training generative adversarial networks", 2017).
  double noise = 0.25;
  /// Half the weight of the squared norm of the gradient of a real image's logit with respect to
  /// the image (R1: Mescheder, Geiger and Nowozin, "Which training methods for GANs do actually
  /// converge?", 2018). Above 0, the dcgan's discriminator is `free_discriminator`, and its
  /// generator is refined.
  double penalty = 0;
  nn::Index penalty_every = 8;   ///< steps, with so many times the weight
  bool augmentation = false;     ///< whether the discriminator sees images changed by `ImageChange`
  double average_decay = 0.999;  ///< of the average of the generator's weights
  std::uint64_t seed = 1;
};

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
        generator(generator_network(),
                  {options_.latent + static_cast<nn::Index>(options_.class_counts.size())},
                  {.seed = nn::Random(options_.seed, 1U)()}),
        discriminator(discriminator_network(), options_.image,
                      {.seed = nn::Random(options_.seed, 2U)()}),
        generator_optimizer(generator, rule()),
        discriminator_optimizer(discriminator, rule()),
        average(generator, {.decay = options_.average_decay}) {
    nn::require(options_.penalty == 0 || options_.model == "dcgan",
                "a penalty needs a discriminator that answers alike twice, which one with Dropout "
                "does not; only the dcgan has one");
  }

  [[nodiscard]] const GanOptions& options() const { return options_; }
  [[nodiscard]] bool told_classes() const { return !options_.class_counts.empty(); }

  /// Has both networks learn at `factor` times the learning rate of the options.
  void scale_learning_rate(double factor) {
    generator_optimizer.set_learning_rate(factor * options_.learning_rate);
    discriminator_optimizer.set_learning_rate(factor * options_.learning_rate);
  }

  /// One step of the game on a batch of real images: the discriminator learns to tell them from as
  /// many generated ones, then the generator learns to have these taken for real.
  GanStep step(nn::TensorView<const T> real, nn::TensorView<const nn::Label> labels) {
    const nn::TensorView<const T> generated = generate(real.shape().front());
    GanStep result;
    discriminator.zero_gradients();
    result.discriminator_loss = judge(real, labels, 1, result.real_accuracy);
    discriminator.backward(gradient_);
    if (options_.penalty > 0 &&
        generator.step() % static_cast<std::uint64_t>(options_.penalty_every) == 1) {
      add_penalty_gradient(static_cast<double>(options_.penalty_every));
    }
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
    const nn::TensorView<const T> shown =
        discriminator.backward(gradient_, {.parameter_gradients = false, .input_gradient = true});
    generator.zero_gradients();
    generator.backward(before_changes(shown));
    return loss;
  }

  /// Shows the discriminator real images as a training pass does.
  /// @return the penalty on them: half its weight times the mean squared norm of the gradients
  double penalty(nn::TensorView<const T> real, nn::TensorView<const nn::Label> labels) {
    double accuracy = 0;
    judge(real, labels, 1, accuracy);
    return find_slopes();
  }
  /// Adds the gradient of the last `penalty` to the discriminator's `gradients()`.
  ///
  /// It would take a second derivative, that of g = dz/dx by the weights w. But with u = g / |g| it
  /// is d/dw (|g|^2 / 2) = |g| d/dw |g|, where |g| is the derivative of z along u, and u, along
  /// which that is largest, may be taken for fixed (d|g| = u . dg). A difference of two logits
  /// stands for it: |g| d/dw (z(x + h u) - z(x - h u)) / 2h. So two ordinary passes give the
  /// gradient, exactly where the network is linear between the two images.
  /// @param times a factor
  /// @param h how far the images are moved, in all pixels together; so little does no one see
  void add_penalty_gradient(double times, double h = 1) {
    find_slopes();
    const nn::Index count = seen_.shape()[0];
    moved_.resize(seen_.shape());
    for (const double side : {1.0, -1.0}) {
      gradient_.resize(discriminator.output_shape().prepended(count));
      gradient_.fill(T(0));
      for (nn::Index i = 0; i < count; ++i) {
        const double norm = norms_[static_cast<std::size_t>(i)];
        const T step = static_cast<T>(norm > 0 ? side * h / norm : 0);
        moved_.sample(i).array() = seen_.sample(i).array() + step * slopes_.sample(i).array();
        gradient_(i, counting_[i]) =
            static_cast<T>(times * options_.penalty * side * norm / (2 * h * double(count)));
      }
      discriminator.forward(moved_);
      discriminator.backward(gradient_);
    }
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

  /// Images drawn by the averaged generator: N x height x width x channels, from -1 (black) to 1.
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
    return {
        .learning_rate = options_.learning_rate, .beta1 = options_.beta1, .beta2 = options_.beta2};
  }

  void draw_latent(nn::Index count, nn::Random random, nn::Tensor<T>& latent,
                   nn::Tensor<nn::Label>& labels) const {
    latent.resize({count, generator.input_shape()[0]});
    labels.resize({count});
    for (nn::Index i = 0; i < count; ++i) {
      for (nn::Index k = 0; k < options_.latent; ++k) {
        latent(i, k) = static_cast<T>(random.normal());
      }
      labels[i] = told_classes() ? random_class(options_.class_counts, random) : 0;
      set_class(latent, i, labels[i]);
    }
  }

  [[nodiscard]] Network generator_network() const {
    if (options_.model == "mlp") return mlp_generator(options_.image);
    return dcgan_generator(options_.image, options_.width, options_.penalty > 0);
  }
  [[nodiscard]] Network discriminator_network() const {
    if (options_.model == "mlp") return mlp_discriminator(logits());
    return options_.penalty > 0 ? free_discriminator(options_.image, options_.width, logits())
                                : dcgan_discriminator(options_.image, options_.width, logits());
  }

  /// What the discriminator is shown of images: changed, if they are to be, and with noise. Without
  /// either it would soon tell images by traces that no one sees, and teach the generator to play
  /// safe. Each image has a stream of its own.
  void show(nn::TensorView<const T> images) {
    seen_.resize(images.shape());
    changes_.resize(static_cast<std::size_t>(images.shape()[0]));
    nn::parallel_for(images.shape()[0], [&](nn::Index i) {
      nn::Random random(options_.seed, 5U, discriminator.step(), i);
      const nn::TensorView<const T> from = images.sample(i);
      const nn::TensorView<T> to = seen_.sample(i);
      if (options_.augmentation) {
        ImageChange& change = changes_[static_cast<std::size_t>(i)];
        change = ImageChange::draw(options_.image, random);
        change.apply(from, to);
      } else {
        std::copy(from.begin(), from.end(), to.begin());
      }
      for (nn::Index k = 0; options_.noise > 0 && k < to.size(); ++k) {
        to[k] += static_cast<T>(random.normal(0, options_.noise));
      }
    });
  }

  /// The gradient with respect to images, from that with respect to what was shown of them.
  nn::TensorView<const T> before_changes(nn::TensorView<const T> shown) {
    if (!options_.augmentation) return shown;
    slopes_.resize(shown.shape());
    std::copy(shown.begin(), shown.end(), slopes_.begin());
    moved_.resize(shown.shape());
    nn::parallel_for(shown.shape()[0], [&](nn::Index i) {
      changes_[static_cast<std::size_t>(i)].apply_transposed(slopes_.sample(i), moved_.sample(i));
    });
    return moved_;
  }

  /// The gradients of the logits that counted in the last pass, each with respect to its image, in
  /// `slopes_`, and their norms.
  double find_slopes() {
    const nn::Index count = seen_.shape()[0];
    gradient_.resize(discriminator.output_shape().prepended(count));
    gradient_.fill(T(0));
    for (nn::Index i = 0; i < count; ++i) gradient_(i, counting_[i]) = T(1);
    const nn::TensorView<const T> slopes =
        discriminator.backward(gradient_, {.parameter_gradients = false, .input_gradient = true});
    slopes_.resize(slopes.shape());
    std::copy(slopes.begin(), slopes.end(), slopes_.begin());
    norms_.resize(static_cast<std::size_t>(count));
    double sum = 0;
    for (nn::Index i = 0; i < count; ++i) {
      double squares = 0;
      for (const T value : slopes_.sample(i)) squares += double(value) * double(value);
      norms_[static_cast<std::size_t>(i)] = std::sqrt(squares);
      sum += squares;
    }
    return options_.penalty / 2 * sum / static_cast<double>(count);
  }

  /// The loss of the discriminator's answers to `images`, said to be of the classes `labels`,
  /// against `target`, 1 for real. The gradient with respect to its logits goes to `gradient_`.
  double judge(nn::TensorView<const T> images, nn::TensorView<const nn::Label> labels, T target,
               double& accuracy) {
    show(images);
    const nn::TensorView<const T> answers = discriminator.forward(seen_);
    const nn::Index count = answers.shape()[0];
    for (nn::Tensor<T>* tensor : {&logit_, &target_, &slope_}) tensor->resize({count, 1});
    counting_.resize({count});
    for (nn::Index i = 0; i < count; ++i) {
      counting_[i] = told_classes() ? labels[i] : 0;
      logit_[i] = answers(i, counting_[i]);
    }
    target_.fill(target);
    const bool squares = options_.loss == "least-squares";
    const nn::TensorView<const T> logit = logit_;
    const T loss = squares ? nn::MeanSquaredError{}(logit, target_.view(), slope_.view())
                           : nn::SigmoidCrossEntropy{}(logit, target_.view(), slope_.view());
    gradient_.resize(answers.shape());
    gradient_.fill(T(0));
    for (nn::Index i = 0; i < count; ++i) gradient_(i, counting_[i]) = slope_[i];

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
  nn::Tensor<T> seen_;
  nn::Tensor<T> moved_;
  nn::Tensor<T> slopes_;
  std::vector<double> norms_;
  std::vector<ImageChange> changes_;
  nn::Tensor<nn::Label> counting_;  ///< which logit of each image counts
  nn::Tensor<T> latent_;
  nn::Tensor<nn::Label> labels_;
  nn::Tensor<T> logit_;
  nn::Tensor<T> target_;
  nn::Tensor<T> slope_;
  nn::Tensor<T> gradient_;
};

}  // namespace example
