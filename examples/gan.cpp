// A GAN in a hundred lines: one network learns to draw digits, out of random numbers, by deceiving
// another.

#include <nn/data/gzip.hpp>
#include <nn/nn.hpp>

#include <algorithm>
#include <iostream>
#include <set>
#include <string_view>
#include <vector>

namespace {

constexpr nn::Index batch_size = 64;
constexpr nn::Index latent_size = 32;  // how many random numbers an image is drawn from

/// From random numbers to an image, every pixel from 0 to 1.
constexpr auto generator_network =
    nn::sequential(nn::Dense{256}, nn::BatchNorm{}, nn::ReLU{}, nn::Dense{28 * 28}, nn::Sigmoid{},
                   nn::Reshape{{28, 28, 1}});

/// From an image to one number, positive for an image that is taken for real.
constexpr auto discriminator_network = nn::sequential(
    nn::Flatten{}, nn::Dense{256}, nn::LeakyReLU{0.2F}, nn::Dropout{0.3F}, nn::Dense{1});

/// The two players (Goodfellow et al., "Generative adversarial nets", 2014).
struct Gan {
  nn::Model<decltype(generator_network)> generator{generator_network, {latent_size}, {.seed = 1}};
  nn::Model<decltype(discriminator_network)> discriminator{
      discriminator_network, {28, 28, 1}, {.seed = 2}};
  nn::Optimizer<nn::Adam> teach_generator{generator, {.learning_rate = 1e-3, .beta1 = 0.5}};
  nn::Optimizer<nn::Adam> teach_discriminator{discriminator, {.learning_rate = 5e-4, .beta1 = 0.5}};
  nn::Tensor<float> gradient{{batch_size, 1}};  // of the loss, by the discriminator's outputs

  /// The loss of the discriminator on images that it should call real (1) or drawn (0).
  double judge(nn::TensorView<const float> images, float truth) {
    const nn::Tensor<float> truths({batch_size, 1}, truth);
    const auto outputs = discriminator.forward(images);
    return nn::SigmoidCrossEntropy{}(outputs, truths.view(), gradient.view());
  }

  /// One step of the game on a batch of real images.
  void step(nn::TensorView<const float> real, const nn::Tensor<float>& latent) {
    const nn::TensorView<const float> drawn = generator.forward(latent);

    // The discriminator learns to tell both kinds: two backward passes, whose gradients add up.
    discriminator.zero_gradients();
    judge(real, 1);
    discriminator.backward(gradient);
    judge(drawn, 0);
    discriminator.backward(gradient);
    teach_discriminator.step(discriminator);

    // The generator learns to have its images called real. Its gradient comes through the
    // discriminator, whose own weights learn nothing from this pass.
    judge(drawn, 1);
    const auto through =
        discriminator.backward(gradient, {.parameter_gradients = false, .input_gradient = true});
    generator.zero_gradients();
    generator.backward(through);
    teach_generator.step(generator);
  }
};

/// What `count` images are drawn from: normal random numbers, the same for the same `random`.
nn::Tensor<float> random_latent(nn::Index count, nn::Random random) {
  nn::Tensor<float> latent({count, latent_size});
  for (float& value : latent) value = static_cast<float>(random.normal());
  return latent;
}

/// Prints four images side by side, as letters.
void print(const nn::Tensor<float>& images) {
  for (nn::Index i = 0; i < 14 * 4 * 28; ++i) {
    const nn::Index x = i % (4 * 28);
    const float grey = images(x / 28, i / (4 * 28) * 2, x % 28, 0);
    std::cout << " .:-=+*#%@"[static_cast<int>(9.99F * grey)] << (x == 4 * 28 - 1 ? "\n" : "");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  const auto data = std::find(words.begin(), words.end(), "--data");
  if (words.end() - data < 2) {
    std::cout << "usage: gan --data FOLDER; MNIST is in FOLDER/mnist\n";
    return 0;
  }
  const nn::Dataset images = nn::load_mnist(std::string(data[1]) + "/mnist").train.slice(0, 12000);
  nn::Loader<float> loader(images, {.batch_size = batch_size, .drop_last = true, .seed = 1});
  Gan gan;
  for (nn::Index epoch = 0; epoch < 8; ++epoch) {
    for (const nn::Batch<float>& batch : loader.epoch(epoch)) {
      gan.step(batch.inputs, random_latent(batch_size, nn::Random(1, gan.generator.step())));
    }
    print(gan.generator.predict(random_latent(4, nn::Random(3))));
  }

  // How good are they? A classifier looks at a thousand: how sure is it of each, and does the
  // generator draw all ten digits?
  nn::Model judge(nn::sequential(nn::Flatten{}, nn::Dense{128}, nn::ReLU{}, nn::Dense{10}),
                  images.sample_shape(), {.seed = 1});
  nn::fit(judge, images, nn::SoftmaxCrossEntropy{}, nn::Adam{.learning_rate = 2e-3},
          {.epochs = 4, .batch_size = 64});
  const auto drawn = gan.generator.predict(random_latent(1000, nn::Random(4)));
  const nn::Tensor<float> probabilities = nn::softmax_rows(judge.predict(drawn));
  std::set<nn::Index> digits;  // that it takes them for
  double sure = 0;             // its largest probability, in the mean
  for (nn::Index i = 0; i < 1000; ++i) {
    const auto row = probabilities.sample(i);
    const auto best = std::max_element(row.begin(), row.end());
    digits.insert(best - row.begin());
    sure += *best / 1000;
  }
  std::cout << "To a classifier these are " << digits.size() << " different digits; it gives the "
            << "likeliest one a probability of " << sure << " in the mean.\n";
  nn::require(sure >= 0.7 && digits.size() == 10, "expected ten digits, and 0.7 at least");
}
