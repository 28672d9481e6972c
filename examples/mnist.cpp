// Handwritten digits: the network of the README is trained, tested, and shown at work.

#include <nn/data/gzip.hpp>
#include <nn/nn.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string_view>
#include <vector>

namespace {

/// The image as letters, the brighter the denser.
void print(const nn::TensorView<const std::uint8_t>& image) {
  constexpr std::string_view shades = " .:-=+*#%@";
  const nn::Index width = image.shape()[1];
  for (nn::Index i = 0; i < image.size(); ++i) {
    std::cout << shades[image[i] * shades.size() / 256] << ((i + 1) % width == 0 ? "\n" : "");
  }
}

/// Trains on the whole training set, or on a tenth of it if `quick`.
void run(const std::filesystem::path& folder, bool quick) {
  // MNIST (LeCun et al., 1998): 60 000 images to learn from, 10 000 to be tested on. An image has
  // 28 x 28 pixels of one channel. The files may be compressed, for which <nn/data/gzip.hpp> is.
  auto [training_set, test_set] = nn::load_mnist(folder / "mnist");
  if (quick) training_set = training_set.slice(0, 6000);

  // Convolutions look for the same small patterns everywhere in the image; ReLU keeps what was
  // found and drops the rest; pooling halves height and width. Dense layers decide from all of it.
  // Dropout leaves out half of the hidden units at random while training, so that none of them
  // relies on a single other one.
  const auto network =
      nn::sequential(nn::Conv2D{.filters = 32, .kernel = 3}, nn::ReLU{},
                     nn::Conv2D{.filters = 64, .kernel = 3}, nn::ReLU{}, nn::MaxPool2D{2},
                     nn::Flatten{}, nn::Dense{128}, nn::ReLU{}, nn::Dropout{0.5F}, nn::Dense{10});
  nn::Model model(network, training_set.sample_shape(), {.seed = 1});
  std::cout << nn::summary(model);

  // The weights change after every batch of 128 images; an epoch shows every image once.
  nn::fit(
      model, training_set, nn::SoftmaxCrossEntropy{}, nn::Adam{.learning_rate = 1e-3},
      {.epochs = quick ? 2 : 4, .batch_size = 128, .callbacks = {nn::print_progress(std::cout)}});

  // The first image of the test set, and what the network takes it for.
  const nn::Tensor<float> probabilities =
      nn::softmax_rows(nn::predict(model, test_set.slice(0, 1)));
  nn::Label best = 0;
  for (nn::Label digit = 1; digit < 10; ++digit) {
    if (probabilities[digit] > probabilities[best]) best = digit;
  }
  print(test_set.image(0));
  std::cout << "This is a " << best << ", with a probability of " << probabilities[best] << ".\n";

  // The accuracy on the test set: the share of images that it classifies correctly. None of these
  // took part in the training.
  const double accuracy = nn::accuracy(model, test_set);
  std::cout << "accuracy: " << accuracy << '\n';
  const double expected = quick ? 0.93 : 0.985;
  nn::require(accuracy >= expected, "expected an accuracy of ", expected, " at least");
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);  // --data FOLDER, --quick
  const auto given = [&](std::string_view word) {
    return std::find(words.begin(), words.end(), word);
  };
  if (given("--help") != words.end()) {
    std::cout << "usage: mnist --data FOLDER [--quick]; MNIST is in FOLDER/mnist\n";
    return EXIT_SUCCESS;
  }
  try {
    const auto data = given("--data");
    run(words.end() - data > 1 ? data[1] : "data", given("--quick") != words.end());
    return EXIT_SUCCESS;
  } catch (const nn::Error& error) {
    std::cerr << "mnist: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
