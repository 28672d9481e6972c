// First networks: one learns XOR, another the sine, in a second and without any file.

#include <nn/nn.hpp>

#include <cmath>
#include <cstdlib>
#include <iostream>
#include <numbers>
#include <string>

namespace {

using nn::Index;

/// XOR: is exactly one of two inputs 1? No straight line parts the two answers, so one layer alone
/// cannot learn it (Minsky and Papert, "Perceptrons", 1969); with a hidden layer it is easy.
void learn_xor() {
  // All the data there is: four samples of two numbers each, and the class of each sample.
  const nn::TensorDataset data(nn::Tensor<float>({4, 2}, {0, 0, 0, 1, 1, 0, 1, 1}), {0, 1, 1, 0});

  // Eight hidden units, and one output for each class: its score, called a logit.
  // The seed decides the weights to start from. The same seed always gives the same result.
  nn::Model model(nn::sequential(nn::Dense{8}, nn::Tanh{}, nn::Dense{2}), data.sample_shape(),
                  {.seed = 1});

  // In each epoch the network sees every sample once. The loss says how wrong it was; Adam changes
  // the weights so that the loss falls.
  nn::fit(model, data, nn::SoftmaxCrossEntropy{}, nn::Adam{.learning_rate = 0.05F},
          {.epochs = 100, .batch_size = 4, .seed = 1});

  // What does it answer? The softmax turns scores into probabilities that add up to 1.
  const nn::Tensor<float> probabilities = nn::softmax_rows(nn::predict(model, data));
  for (Index i = 0; i < data.size(); ++i) {
    const nn::TensorView<const float> input = data.input(i);
    std::cout << input[0] << " xor " << input[1] << " is 1 with a probability of "
              << probabilities(i, 1) << '\n';
  }
  nn::require(nn::accuracy(model, data) == 1, "XOR: expected four right answers");
}

/// `count` places from -pi to pi, and the sine at each of them.
nn::TensorDataset sines(Index count) {
  nn::Tensor<float> places({count, 1});
  nn::Tensor<float> values({count, 1});
  for (Index i = 0; i < count; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(count - 1);
    places[i] = static_cast<float>(std::numbers::pi * (2 * share - 1));
    values[i] = std::sin(places[i]);
  }
  return {places, values};
}

/// The sine: the target is a number, and so the loss is the squared difference from it.
void learn_sine() {
  const nn::TensorDataset training_set = sines(200);
  const nn::TensorDataset test_set = sines(37);  // places between those of the training set

  nn::Model model(nn::sequential(nn::Dense{32}, nn::Tanh{}, nn::Dense{1}),
                  training_set.sample_shape(), {.seed = 1});

  // The learning rate falls to 0 in the course of the training: large steps first, fine ones last.
  const nn::History history =
      nn::fit(model, training_set, nn::MeanSquaredError{}, nn::Adam{.learning_rate = 0.02F},
              {.epochs = 600, .batch_size = 20, .seed = 1, .schedule = nn::cosine_schedule()});
  std::cout << "\nThe sine: the loss fell from " << history.epochs.front().loss << " to "
            << history.last().loss << ".\n";

  // Is it right at places that it has not seen? Each row of the drawing is a place.
  const nn::Tensor<float> outputs = nn::predict(model, test_set);
  float largest = 0;
  for (Index i = 0; i < test_set.size(); ++i) {
    largest = std::max(largest, std::abs(outputs[i] - test_set.target(i)[0]));
    if (i % 3 == 0) {
      const auto column = static_cast<std::size_t>(std::lround(30 * (1 + outputs[i])));
      std::cout << std::string(column, ' ') << "*\n";
    }
  }
  std::cout << "On the test set the network is off by " << largest << " at most.\n";
  nn::require(largest < 0.05F, "the sine: expected to be off by less than 0.05");
}

}  // namespace

int main() {
  try {
    learn_xor();
    learn_sine();
    return EXIT_SUCCESS;
  } catch (const nn::Error& error) {
    std::cerr << "first_network: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
