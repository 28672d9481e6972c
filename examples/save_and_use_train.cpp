// Trains a small network on handwritten digits and saves it in one file, which
// save_and_use_classify then uses without knowing the network.

#include <nn/data/gzip.hpp>
#include <nn/io/fit_rejection.hpp>
#include <nn/io/safetensors.hpp>
#include <nn/nn.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>

namespace {

/// What follows `name` on the command line, or `usual`.
std::string option(int argc, char** argv, const std::string& name, const std::string& usual) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (argv[i] == name) return argv[i + 1];
  }
  return usual;
}

void run(const std::filesystem::path& data, const std::filesystem::path& out) {
  // The data: a part of the training set is enough here; a fifth of it validates.
  nn::TrainTest mnist = nn::load_mnist(data / "mnist");
  const nn::Normalization normalization = nn::normalization_of(mnist.train);
  const nn::Dataset images = mnist.train.slice(0, 12000).with_normalization(normalization);
  const nn::Dataset test = mnist.test.with_normalization(normalization);
  const auto [train, validation] = nn::split(images, {0.8, 0.2}, {.seed = 1});

  // The network, and its training.
  const auto network =
      nn::sequential(nn::Conv2D{.filters = 8, .kernel = 5}, nn::ReLU{}, nn::MaxPool2D{2},
                     nn::Conv2D{.filters = 16, .kernel = 5}, nn::ReLU{}, nn::MaxPool2D{2},
                     nn::Flatten{}, nn::Dense{32}, nn::ReLU{}, nn::Dense{10});
  nn::Model model(network, train.sample_shape(), {.seed = 1});
  nn::fit(model, train, nn::SoftmaxCrossEntropy{}, nn::Adam{.learning_rate = 0.003F},
          {.epochs = 3,
           .batch_size = 64,
           .validation = &validation,
           .schedule = nn::one_cycle_schedule(),
           .callbacks = {nn::print_progress(std::cout)}});
  const nn::Evaluation result = nn::evaluate(model, test, nn::SoftmaxCrossEntropy{});

  // All that another program needs: the names of the classes, the normalisation, how photographs
  // are made into such images, when an answer is none, and how good the network was found to be.
  nn::ModelInfo about = nn::info_of(train);
  about.picture = nn::PictureKind::digit;
  about.rejection = nn::fit_rejection(model, train, validation, {.share = 0.02});
  about.metrics = {{"test_accuracy", result.accuracy}, {"test_loss", result.loss}};
  about.provenance = {{"data", train.name()}, {"trained by", "save_and_use_train"}};
  const std::filesystem::path file = out / "digits.safetensors";
  nn::save(model, file, {.type = nn::ElementType::f16, .about = about});

  std::cout << "accuracy on the test set: " << result.accuracy << '\n'
            << "saved, " << std::filesystem::file_size(file) / 1024 << " KiB: " << file.string()
            << '\n';
  nn::require(result.accuracy > 0.96, "expected an accuracy of 0.96 at least");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--help") {
    std::cout << "usage: save_and_use_train --data FOLDER --out FOLDER\n"
                 "MNIST is looked for in FOLDER/mnist.\n";
    return 0;
  }
  try {
    const std::filesystem::path out = option(argc, argv, "--out", ".");
    std::filesystem::create_directories(out);
    run(option(argc, argv, "--data", "data"), out);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
