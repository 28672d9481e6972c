// Trains four small networks and prints one SHA-256 of the weights of each. Every build prints the
// same, whatever the compiler, the processor and the number of threads; tests/same_bits compares
// them. With `--mnist FOLDER` it trains a LeNet for one epoch on MNIST instead.
//
//     same_bits [THREADS] [--mnist FOLDER]
#include <cstdlib>
#include <iostream>
#include <span>
#include <string>
#include <string_view>

#include <nn/data/random_images.hpp>
#include <nn/nn.hpp>
#ifdef NN_MNIST
#include <nn/data/gzip.hpp>
#endif

namespace {

template <class T>
std::string bytes_of(nn::TensorView<const T> values) {
  const auto bytes = std::as_bytes(values.span());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Model>
void print(const std::string& name, const Model& model) {
  std::cout << name << ' '
            << nn::sha256(bytes_of<float>(model.parameters()) + bytes_of<float>(model.state()))
            << std::endl;
}

/// Drawings of four kinds, which are the classes.
nn::Dataset drawings(nn::Index count, nn::Index side) {
  return nn::random_images({{"texture", nn::Texture{}},
                            {"strokes", nn::Strokes{}},
                            {"shapes", nn::Shapes{}},
                            {"noise", nn::NormalNoise{}}},
                           count, side, side, 7);
}

nn::Dataset normalized(const nn::Dataset& data) {
  return data.with_normalization(nn::normalization_of(data));
}

nn::Tensor<float> random_tensor(const nn::Shape& shape, nn::Random random) {
  nn::Tensor<float> values(shape);
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

auto lenet(nn::Index classes) {
  return nn::sequential(nn::Conv2D{.filters = 6, .kernel = 5, .padding = 2}, nn::Tanh{},
                        nn::MaxPool2D{2}, nn::Conv2D{.filters = 16, .kernel = 5}, nn::ReLU{},
                        nn::AveragePool2D{2}, nn::Flatten{}, nn::Dense{60}, nn::Sigmoid{},
                        nn::Dense{classes});
}

/// LeNet by SGD, with every augmentation, clipping and validation.
void train_lenet() {
  const nn::Dataset data = normalized(drawings(160, 28));
  const nn::Dataset validation = drawings(32, 28).with_normalization(data.normalization());
  nn::Model model(lenet(4), {28, 28, 1}, {.seed = 1});
  nn::FitOptions options;
  options.epochs = 6;
  options.batch_size = 8;
  options.seed = 3;
  options.validation = &validation;
  options.schedule = nn::one_cycle_schedule();
  options.clip_norm = 1;
  options.early_stopping = {.patience = 4};
  options.augmentation = nn::compose(
      nn::RandomAffine{.rotation = 15, .scale = 0.1, .shear = 0.1, .shift = 1},
      nn::Sometimes{0.3, nn::ElasticDistortion{.alpha = 20, .sigma = 3}}, nn::RandomFlip{},
      nn::RandomBrightnessContrast{.brightness = 0.1, .contrast = 0.2}, nn::Cutout{6});
  nn::fit(model, data, nn::SoftmaxCrossEntropy{.label_smoothing = 0.1},
          nn::SGD{.learning_rate = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 1e-4},
          options);
  print("lenet", model);
}

/// Convolutions with batch normalisation, dropout and Adam; odd sizes, Winograd's filtering.
void train_convolutions() {
  nn::Model model(
      nn::sequential(nn::Conv2D{.filters = 16, .kernel = 3, .padding = 1}, nn::BatchNorm{},
                     nn::LeakyReLU{.negative_slope = 0.1F},
                     nn::Conv2D{.filters = 32, .kernel = 3, .padding = 1}, nn::BatchNorm{},
                     nn::ELU{}, nn::MaxPool2D{2}, nn::Conv2D{.filters = 7, .kernel = 3},
                     nn::BatchNorm{}, nn::Softplus{}, nn::Flatten{}, nn::Dropout{0.3F},
                     nn::Dense{33}, nn::LayerNorm{}, nn::SELU{}, nn::Dense{10}),
      {14, 14, 3}, {.seed = 2});
  nn::Optimizer optimizer(model, nn::Adam{.learning_rate = 2e-3, .weight_decay = 1e-4});
  const nn::SoftmaxCrossEntropy loss;
  nn::Tensor<nn::Label> labels({6});
  nn::Tensor<float> gradient(model.output_shape().prepended(6));
  for (nn::Index step = 0; step < 120; ++step) {
    const nn::Tensor<float> x =
        random_tensor({6, 14, 14, 3}, nn::Random(5, static_cast<std::uint64_t>(step)));
    for (nn::Index i = 0; i < 6; ++i) labels[i] = x[i * 14 * 14 * 3] > 0 ? 3 : 8;
    loss(model.forward(x), labels.view(), gradient.view());
    model.zero_gradients();
    model.backward(gradient);
    optimizer.step(model);
  }
  print("convolutions", model);
}

/// Depthwise-separable convolutions with a residual, by AdamW, mixed images and averaged weights.
void train_separable() {
  const nn::Dataset data = normalized(drawings(160, 16));
  nn::Model model(
      nn::sequential(
          nn::Conv2D{.filters = 24, .kernel = 3, .stride = 2, .padding = 1}, nn::SiLU{},
          nn::residual(nn::Conv2D{.filters = 24, .kernel = 3, .groups = 24, .padding = 1},
                       nn::BatchNorm{}, nn::GELU{}, nn::Conv2D{.filters = 24, .kernel = 1}),
          nn::Conv2D{.filters = 24, .kernel = 3, .stride = 2, .groups = 24, .padding = 1},
          nn::GELU{.approximate = true}, nn::Conv2D{.filters = 40, .kernel = 1}, nn::ReLU{},
          nn::GlobalAveragePool2D{}, nn::Dense{4}),
      {16, 16, 1}, {.seed = 3});
  nn::FitOptions options;
  options.epochs = 6;
  options.batch_size = 8;
  options.seed = 4;
  options.schedule = nn::warm_up_schedule(10, nn::cosine_schedule(0.01));
  options.average_decay = 0.98;
  options.transform = [](nn::BatchBuffer<float>& batch, nn::Random& random) {
    nn::MixUp{.alpha = 0.4, .probability = 0.5}(batch, random);
    nn::CutMix{.alpha = 1.5, .probability = 0.5}(batch, random);
  };
  nn::fit(model, data, nn::SoftmaxCrossEntropy{}, nn::AdamW{.learning_rate = 3e-3}, options);
  print("separable", model);
}

/// A small DCGAN: a generator and a discriminator in turns.
void train_gan() {
  nn::Model generator(
      nn::sequential(nn::Dense{4 * 4 * 32}, nn::Reshape{{4, 4, 32}}, nn::BatchNorm{}, nn::ReLU{},
                     nn::ConvTranspose2D{.filters = 32, .kernel = 4, .stride = 2, .padding = 1},
                     nn::BatchNorm{}, nn::ReLU{},
                     nn::ConvTranspose2D{.filters = 1, .kernel = 4, .stride = 2, .padding = 1},
                     nn::Tanh{}),
      {12}, {.seed = 4});
  nn::Model discriminator(
      nn::sequential(nn::Conv2D{.filters = 32, .kernel = 4, .stride = 2, .padding = 1},
                     nn::LeakyReLU{.negative_slope = 0.2F},
                     nn::Conv2D{.filters = 32, .kernel = 4, .stride = 2, .padding = 1},
                     nn::BatchNorm{}, nn::LeakyReLU{.negative_slope = 0.2F}, nn::Flatten{},
                     nn::Dense{1}),
      {16, 16, 1}, {.seed = 5});
  const nn::Adam rule{.learning_rate = 1e-3, .beta1 = 0.5};
  nn::Optimizer generator_optimizer(generator, rule);
  nn::Optimizer discriminator_optimizer(discriminator,
                                        nn::RMSProp{.learning_rate = 1e-3, .centered = true});
  const nn::Dataset data = normalized(drawings(64, 16));
  const nn::SigmoidCrossEntropy loss;
  constexpr nn::Index count = 8;
  nn::Tensor<nn::Label> labels({count});
  nn::Tensor<float> gradient({count, 1});
  const auto judge = [&](nn::TensorView<const float> images, nn::Label label) {
    labels.fill(label);
    loss(discriminator.forward(images), labels.view(), gradient.view());
  };
  nn::Loader<float> loader(data, {.batch_size = count, .seed = 6});
  for (nn::Index epoch = 0; epoch < 14; ++epoch) {
    for (const nn::Batch<float>& batch : loader.epoch(epoch)) {
      discriminator.zero_gradients();
      judge(batch.inputs, 1);
      discriminator.backward(gradient);
      const nn::Tensor<float> latent = random_tensor({count, 12}, nn::Random(8, generator.step()));
      const nn::TensorView<const float> drawn = generator.forward(latent);
      judge(drawn, 0);
      discriminator.backward(gradient);
      discriminator_optimizer.step(discriminator);
      judge(drawn, 1);
      generator.zero_gradients();
      generator.backward(
          discriminator.backward(gradient, {.parameter_gradients = false, .input_gradient = true}));
      generator_optimizer.step(generator);
    }
  }
  print("generator", generator);
  print("discriminator", discriminator);
}

/// A LeNet for one epoch: the hash in the README.
void train_on_mnist(const std::string& folder) {
  const nn::TrainTest mnist = nn::load_mnist(folder);
  nn::Model model(nn::sequential(nn::Conv2D{.filters = 6, .kernel = 5, .padding = 2}, nn::ReLU{},
                                 nn::MaxPool2D{2}, nn::Conv2D{.filters = 16, .kernel = 5},
                                 nn::ReLU{}, nn::MaxPool2D{2}, nn::Flatten{}, nn::Dense{120},
                                 nn::ReLU{}, nn::Dense{84}, nn::ReLU{}, nn::Dense{10}),
                  {28, 28, 1}, {.seed = 1});
  nn::fit(model, mnist.train, nn::SoftmaxCrossEntropy{}, nn::Adam{},
          {.epochs = 1, .batch_size = 64, .seed = 1});
  std::cout << "accuracy on the test set: " << nn::accuracy(model, mnist.test) << '\n';
  print("lenet on MNIST", model);
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  std::string mnist;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (std::string_view(arguments[i]) == "--mnist" && i + 1 < arguments.size()) {
      mnist = arguments[++i];
    } else {
      nn::set_threads(std::atoi(arguments[i]));  // NOLINT(cert-err34-c): given by the script
    }
  }
  if (!mnist.empty()) {
    train_on_mnist(mnist);
    return 0;
  }
  train_lenet();
  train_convolutions();
  train_separable();
  train_gan();
}
