/// @file
/// A network that carries noise to images, step by step (Lipman et al., "Flow matching for
/// generative modeling", 2023; the straight paths are those of Liu, Gong and Liu, "Flow straight
/// and fast", 2023).
#pragma once

#include <nn/kernels/kernels.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "nn/kernels/portable_math.hpp"
#include "nn/layers/group_norm.hpp"
#include "nn/layers/pixel_shuffle.hpp"
#include "nn/nn.hpp"
#include "support/part.hpp"
#include "support/random_class.hpp"

namespace example {

/// What makes a flow.
struct FlowOptions {
  nn::Index width = 32;         ///< channels at half the image's size
  nn::Index outer_blocks = 2;   ///< there, before and after the inner ones
  nn::Index inner_blocks = 4;   ///< at a quarter of the size, with twice the channels
  double learning_rate = 2e-3;  ///< at its highest
  double average_decay = 0.999;
  /// Whether the network tells the image that it expects at the end of the way, from which the
  /// velocity follows, or the velocity itself. Images, of which most is black, are easier to tell
  /// (Li and He, "Back to basics: let denoising generative models denoise", 2025).
  bool tells_image = true;
  /// How often the network is not told the digit while it learns, so that it knows both: what one
  /// digit looks like, and what any does.
  double untold = 0.1;
  /// The mean of the logits of the moments at which it learns, whose deviation is 1: moments in the
  /// middle of the way come more often than those near its ends, of which there is little to learn
  /// (Esser et al., "Scaling rectified flow transformers for high-resolution image synthesis",
  /// 2024); below 0, those nearer to the noise.
  double moment_logit = -0.5;
  std::vector<nn::Index> class_counts{};  ///< of the training set
  std::uint64_t seed = 1;
};

/// The numbers that stand for a moment t from 0 to 1: sines and cosines of several frequencies.
inline constexpr nn::Index time_features = 16;

namespace detail {

using FlowNetwork = nn::Sequential<nn::AnyLayer>;

/// Two convolutions, added to what they read. The second begins at zero, so that the network begins
/// as a straight way through. ReLU costs nothing there, since the convolution before it applies it.
[[nodiscard]] inline nn::AnyLayer flow_block(nn::Index channels) {
  using namespace nn;  // NOLINT(google-build-using-namespace): these few lines are all layers
  const Conv2D convolution{.filters = channels, .kernel = 3, .padding = 1};
  Conv2D last = convolution;
  last.initializer = zeros();
  return Residual<FlowNetwork>(FlowNetwork({GroupNorm{8}, convolution, ReLU{}, last}));
}

}  // namespace detail

/// A small U-Net (Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical
/// image segmentation", 2015) with residual blocks: of a flat sample with the pixels, the moment
/// and the digit it makes a number for each pixel. Moment and digit become a number for each
/// channel, added to all pixels before the first block.
[[nodiscard]] inline detail::FlowNetwork flow_network(const FlowOptions& options) {
  using namespace nn;  // NOLINT(google-build-using-namespace)
  using detail::FlowNetwork;
  const Index width = options.width;
  const Index told = time_features + static_cast<Index>(options.class_counts.size());
  const AnyLayer image =
      FlowNetwork({Part{0, 784}, Reshape{{28, 28, 1}},
                   Conv2D{.filters = width, .kernel = 4, .stride = 2, .padding = 1}});
  const AnyLayer condition = FlowNetwork({Part{784, told}, Dense{4 * width}, SiLU{}, Dense{width},
                                          Reshape{{1, 1, width}}, UpSample2D{14}});
  FlowNetwork inner({Conv2D{.filters = 2 * width, .kernel = 3, .stride = 2, .padding = 1}});
  for (Index i = 0; i < options.inner_blocks; ++i) {
    inner.push_back(detail::flow_block(2 * width));
  }
  inner.push_back(GroupNorm{8});
  inner.push_back(Conv2D{.filters = width, .kernel = 1});
  inner.push_back(UpSample2D{2});

  FlowNetwork network({Residual<AnyLayer, AnyLayer>(image, condition)});
  for (Index i = 0; i < options.outer_blocks; ++i) network.push_back(detail::flow_block(width));
  network.push_back(Residual<FlowNetwork>(inner));
  for (Index i = 0; i < options.outer_blocks; ++i) network.push_back(detail::flow_block(width));
  for (const AnyLayer& layer : std::vector<AnyLayer>{
           GroupNorm{8}, ReLU{},
           Conv2D{.filters = 4, .kernel = 3, .padding = 1, .initializer = zeros()}, PixelShuffle{2},
           Flatten{}}) {
    network.push_back(layer);
  }
  return network;
}

/// How the way from noise to image is followed.
enum class Solver {
  euler,  ///< one evaluation a step
  heun    ///< two: the mean of the velocities at both ends; in the last step one
};

/// The network, what trains it, and the average of its weights that draws the pictures.
template <class T = float>
class Flow {
 public:
  using Model = nn::Model<detail::FlowNetwork, T>;

  explicit Flow(FlowOptions options)
      : options_(std::move(options)),
        model(flow_network(options_),
              {784 + time_features + static_cast<nn::Index>(options_.class_counts.size())},
              {.seed = nn::Random(options_.seed, 1U)()}),
        optimizer(model, nn::Adam{.learning_rate = options_.learning_rate}),
        average(model, {.decay = options_.average_decay}) {}

  [[nodiscard]] const FlowOptions& options() const { return options_; }

  /// One step: on the straight way from noise x0 to a training image x1, at x = (1 - t) x0 + t x1,
  /// the network learns to tell x1 - x0. Returns the mean squared error, a mean over pixels.
  /// @param images N x 28 x 28 x 1, from -1 to 1
  /// @param factor of the learning rate
  double step(nn::TensorView<const T> images, nn::TensorView<const nn::Label> labels,
              double factor) {
    const double loss = gradient(images, labels);
    optimizer.set_learning_rate(options_.learning_rate * factor);
    optimizer.step(model);
    average.update(model);
    return loss;
  }

  /// The loss of a step and, in the model's `gradients()`, its gradient.
  double gradient(nn::TensorView<const T> images, nn::TensorView<const nn::Label> labels) {
    const nn::Index count = images.shape()[0];
    inputs_.resize({count, model.input_shape()[0]});
    targets_.resize({count, pixels});
    rest_.resize({count});
    nn::parallel_for(count, [&](nn::Index i) {
      nn::Random random(options_.seed, 2U, model.step(), i);
      const bool told = random.uniform() >= options_.untold;
      const double t =
          1 / (1 + nn::portable::exponential(-(options_.moment_logit + random.normal())));
      const nn::TensorView<const T> image = images.sample(i);
      const T rest = rest_of(t);
      T* const row = inputs_.view().sample(i).data();
      for (nn::Index k = 0; k < pixels; ++k) {
        const auto noise = static_cast<T>(random.normal());
        row[k] = static_cast<T>(1 - t) * noise + static_cast<T>(t) * image[k];
        targets_(i, k) = options_.tells_image ? (image[k] - row[k]) / rest : image[k] - noise;
      }
      rest_[i] = rest;
      tell(row, t);
      for (nn::Index c = 0; c < classes(); ++c) {
        row[pixels + time_features + c] = told && c == labels[i] ? T(1) : T(0);
      }
    });
    const nn::TensorView<const T> told = model.forward(inputs_);
    velocities_.resize(told.shape());
    slope_.resize(told.shape());
    std::copy(told.begin(), told.end(), velocities_.begin());
    if (options_.tells_image) {
      for (nn::Index i = 0; i < count; ++i) {
        to_velocity(inputs_.view().sample(i), rest_[i], velocities_.view().sample(i));
      }
    }
    const nn::TensorView<const T> velocities = velocities_;
    const T loss = nn::MeanSquaredError{}(velocities, targets_.view(), slope_.view());
    for (nn::Index i = 0; options_.tells_image && i < count; ++i) {
      for (T& slope : slope_.view().sample(i)) slope /= rest_[i];
    }
    model.zero_gradients();
    model.backward(slope_);
    return static_cast<double>(loss);
  }

  /// What `count` images are drawn from: N x (784 + classes), noise and the digit, which comes as
  /// often as in the training set.
  [[nodiscard]] nn::Tensor<T> latent(nn::Index count, std::uint64_t seed) const {
    nn::Tensor<T> result({count, pixels + classes()});
    nn::Random random(seed, 4U);
    for (nn::Index i = 0; i < count; ++i) {
      set_class(result, i, random_class(options_.class_counts, random));
      for (nn::Index k = 0; k < pixels; ++k) result(i, k) = static_cast<T>(random.normal());
    }
    return result;
  }
  /// Has image `row` be of a class.
  void set_class(nn::Tensor<T>& latent, nn::Index row, nn::Label label) const {
    for (nn::Index c = 0; c < classes(); ++c) latent(row, pixels + c) = c == label ? T(1) : T(0);
  }
  /// What lies between two rows, at `share` from 0 to 1 of the way. Noise keeps its deviation.
  void mix(nn::TensorView<const T> from, nn::TensorView<const T> to, double share,
           nn::TensorView<T> result) const {
    const double length = std::sqrt((1 - share) * (1 - share) + share * share);
    for (nn::Index k = 0; k < result.size(); ++k) {
      const double norm = k < pixels ? length : 1;
      result[k] =
          static_cast<T>((1 - share) / norm) * from[k] + static_cast<T>(share / norm) * to[k];
    }
  }

  /// How often the network is asked for an image.
  [[nodiscard]] nn::Index evaluations() const {
    return (solver == Solver::heun ? 2 * steps - 1 : steps) * (guidance == 1 ? 1 : 2);
  }

  /// Images drawn with the averaged weights: N x 28 x 28 x 1, from -1 to 1, by `steps` steps of
  /// `solver`. A thread takes a few images all the way, so that they stay in its cache.
  [[nodiscard]] nn::Tensor<T> draw(const nn::Tensor<T>& latent) {
    constexpr nn::Index few = 32;
    const nn::Index count = latent.shape()[0];
    nn::Tensor<T> images({count, 28, 28, 1});
    average.swap(model);
    nn::parallel_for((count + few - 1) / few, [&](nn::Index part) {
      const nn::Index first = part * few;
      const nn::Tensor<T> x = carry(latent.samples(first, std::min(few, count - first)),
                                    [](double, nn::TensorView<const T>) {});
      T* to = images.data() + first * pixels;
      for (const T pixel : x) *to++ = std::clamp(pixel, T(-1), T(1));
    });
    average.swap(model);
    return images;
  }

  /// Carries noise to images with the weights as they stand: N x 784.
  /// @param visit called with t and the images as they are then, before the first step and after
  /// each
  template <class Visit>
  [[nodiscard]] nn::Tensor<T> carry(nn::TensorView<const T> latent, const Visit& visit) const {
    nn::Tensor<T> x({latent.shape()[0], pixels});
    for (nn::Index i = 0; i < x.shape()[0]; ++i) {
      std::copy_n(latent.sample(i).data(), pixels, x.view().sample(i).data());
    }
    const double length = 1 / static_cast<double>(steps);
    visit(0.0, x.view());
    for (nn::Index step = 0; step < steps; ++step) {
      const double t = static_cast<double>(step) * length;
      const nn::Tensor<T> v = velocity(x, t, latent);
      if (solver == Solver::heun && step + 1 < steps) {
        nn::Tensor<T> ahead = x;
        move(ahead, v, length);
        move(x, velocity(ahead, t + length, latent), length / 2);
        move(x, v, length / 2);
      } else {
        move(x, v, length);
      }
      visit(t + length, x.view());
    }
    return x;
  }

 private:
  static constexpr nn::Index pixels = 28 * 28;
  [[nodiscard]] nn::Index classes() const {
    return static_cast<nn::Index>(options_.class_counts.size());
  }

  /// Writes a moment into a row of the network's inputs, behind the pixels.
  static void tell(T* row, double t) {
    constexpr double quarter = 1.57079632679489661923;  // pi / 2
    for (nn::Index k = 0; k < time_features / 2; ++k) {
      const double angle = nn::portable::product(quarter * static_cast<double>(k + 1), t);
      row[pixels + 2 * k] = static_cast<T>(nn::portable::sine(angle));
      row[pixels + 2 * k + 1] = static_cast<T>(nn::portable::cosine(angle));
    }
  }

  /// The velocity at x, `guidance` times as far from that of any digit as that of the digit asked
  /// for.
  [[nodiscard]] nn::Tensor<T> velocity(const nn::Tensor<T>& x, double t,
                                       nn::TensorView<const T> latent) const {
    nn::Tensor<T> v = velocity_of(x, t, latent);
    if (guidance != 1) {
      const nn::Tensor<T> no_digit(latent.shape());
      const nn::Tensor<T> of_any = velocity_of(x, t, no_digit.view());
      for (nn::Index i = 0; i < v.size(); ++i) {
        v[i] = of_any[i] + nn::portable::product(static_cast<T>(guidance), v[i] - of_any[i]);
      }
    }
    return v;
  }
  [[nodiscard]] nn::Tensor<T> velocity_of(const nn::Tensor<T>& x, double t,
                                          nn::TensorView<const T> latent) const {
    const nn::Index count = x.shape()[0];
    nn::Tensor<T> inputs({count, model.input_shape()[0]});
    for (nn::Index i = 0; i < count; ++i) {
      T* const row = inputs.view().sample(i).data();
      std::copy_n(x.view().sample(i).data(), pixels, row);
      std::copy_n(latent.sample(i).data() + pixels, classes(), row + pixels + time_features);
      tell(row, t);
    }
    nn::Tensor<T> told = model.predict(inputs);
    for (nn::Index i = 0; options_.tells_image && i < count; ++i) {
      to_velocity(x.view().sample(i), rest_of(t), told.view().sample(i));
    }
    return told;
  }

  /// What is left of the way at t, from the last twentieth on a twentieth, so that errors there are
  /// not blown up.
  static T rest_of(double t) { return static_cast<T>(std::max(1 - t, 0.05)); }

  /// Makes of the image that is expected the velocity that leads there from x.
  static void to_velocity(nn::TensorView<const T> x, T rest, nn::TensorView<T> image) {
    for (nn::Index k = 0; k < pixels; ++k) image[k] = (image[k] - x[k]) / rest;
  }

  static void move(nn::Tensor<T>& x, const nn::Tensor<T>& v, double length) {
    const T factor = static_cast<T>(length);
    for (nn::Index i = 0; i < x.size(); ++i) x[i] += nn::portable::product(factor, v[i]);
  }

  FlowOptions options_;

 public:
  Model model;
  nn::Optimizer<nn::Adam, T> optimizer;
  nn::WeightAverage<T> average;
  nn::Index steps = 10;  ///< from noise (t = 0) to image (t = 1), all of one length
  Solver solver = Solver::heun;
  /// How much what is drawn has of the digit asked for; beyond 1 more than the training images have
  /// (Ho and Salimans, "Classifier-free diffusion guidance", 2022). 1 asks the network once for a
  /// velocity, anything else twice.
  double guidance = 1.25;

 private:
  nn::Tensor<T> inputs_;
  nn::Tensor<T> targets_;
  nn::Tensor<T> rest_;
  nn::Tensor<T> velocities_;
  nn::Tensor<T> slope_;
};

}  // namespace example
