// Makes the weights that the page in this folder carries (examples/web/weights): the classifier of
// part 5 in a byte a weight, what it needs to refuse a picture, and a generator with its
// discriminator, trained as in part 4.
//
//     weights MNIST_FOLDER OUT_FOLDER EPOCHS [SEED]

#include <nn/io/safetensors.hpp>
#include <nn/train/features.hpp>
#include <nn/train/mahalanobis.hpp>
#include <nn/train/rejection.hpp>

#include <cstdlib>
#include <iostream>
#include <span>

#include "support/classifier.hpp"
#include "support/gan.hpp"
#include "support/recipe_network.hpp"

namespace {

using nn::Index;

/// Of the scores, in ascending order, the smallest, the largest and 499 between them.
nn::Tensor<float> quantiles(std::vector<double> scores) {
  std::sort(scores.begin(), scores.end());
  nn::Tensor<float> result({501});
  for (Index i = 0; i <= 500; ++i) {
    const auto rank = static_cast<std::size_t>(i) * (scores.size() - 1) / 500;
    result[i] = static_cast<float>(scores[rank]);
  }
  return result;
}

/// The classifier, and how far the features before its last layer lie from those that it learned:
/// means and whitening of the training images, quantiles of what the test images come to.
void convert_classifier(const nn::TrainTest& digits, const std::filesystem::path& stored,
                        const std::filesystem::path& out) {
  const example::Recipe& recipe = example::find_recipe("mnist", "best");
  nn::Model model(example::network_of(recipe, {28, 28, 1}, 10), {28, 28, 1});
  nn::load(model, stored);
  nn::save(model, out / "classifier.safetensors", {.type = nn::ElementType::i8});
  nn::load(model, out / "classifier.safetensors");  // measured as the page has it
  const std::string last = std::to_string(model.network().length() - 3);
  const nn::Dataset learned = digits.train.slice(0, 10000);
  const nn::MahalanobisDistance distance(nn::features(model, learned, last), learned.labels(), 10,
                                         1e-3);
  const nn::Tensor<float> scores = model.predict(digits.test.inputs());
  nn::Tensor<float> probabilities(scores.shape());
  Index right = 0;
  for (Index i = 0; i < scores.shape()[0]; ++i) {
    const auto row = scores.rows().row(i).array();
    Index best = 0;
    const float most = row.maxCoeff(&best);
    probabilities.rows().row(i) = ((row - most).exp() / (row - most).exp().sum()).matrix();
    if (best == digits.test.label(i)) ++right;
  }
  std::cout << "the classifier recognises " << right << " of " << digits.test.size() << std::endl;

  nn::SafetensorsFile doubt;
  const nn::Tensor<double> means = distance.means();
  const nn::Tensor<double> whitening = distance.whitening();
  const nn::Tensor<float> distances = quantiles(distance(nn::features(model, digits.test, last)));
  const nn::Tensor<float> posteriors = quantiles(nn::largest_posteriors(probabilities));
  doubt.put("means", means.view(), nn::ElementType::f32);
  doubt.put("whitening", whitening.view(), nn::ElementType::f32);
  doubt.put("distances", distances.view());
  doubt.put("probabilities", posteriors.view());
  doubt.metadata["layer"] = last;
  doubt.write(out / "doubt.safetensors");
}

void train_gan(const nn::TrainTest& digits, const std::filesystem::path& out, Index epochs,
               std::uint64_t seed) {
  const nn::Dataset learned = digits.train.with_normalization({{0.5}, {0.5}});
  example::Gan<float> gan({.class_counts = learned.class_counts(), .seed = seed});
  nn::Loader<float> loader(
      learned, {.batch_size = 32, .drop_last = true, .seed = seed, .background = false});
  for (Index epoch = 0; epoch < epochs; ++epoch) {
    example::GanStep last;
    for (const nn::Batch<float>& batch : loader.epoch(epoch)) {
      last = gan.step(batch.inputs, batch.labels);
    }
    std::cout << "epoch " << epoch + 1 << ": losses " << last.discriminator_loss << ", "
              << last.generator_loss << std::endl;
    gan.average.swap(gan.generator);
    nn::save(gan.generator, out / "generator.safetensors", {.type = nn::ElementType::i8});
    gan.average.swap(gan.generator);
    nn::save(gan.discriminator, out / "discriminator.safetensors", {.type = nn::ElementType::i8});
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> words(argv, static_cast<std::size_t>(argc));
  try {
    nn::require(argc == 4 || argc == 5, "usage: weights MNIST_FOLDER OUT_FOLDER EPOCHS [SEED]");
    const std::filesystem::path out = words[2];
    std::filesystem::create_directories(out);
    nn::TrainTest digits = nn::load_mnist(words[1]);
    const nn::Normalization normalization = nn::normalization_of(digits.train);
    digits.train = digits.train.with_normalization(normalization);
    digits.test = digits.test.with_normalization(normalization);
    convert_classifier(digits, "examples/weights/mnist-best.safetensors", out);
    train_gan(digits, out, std::atol(words[3]),
              argc == 5 ? std::strtoull(words[4], nullptr, 10) : 1);
    return 0;
  } catch (const nn::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
