// A training loop of one's own: a network learns to withstand images that were changed a little in
// order to deceive it, which takes three backward passes for every step.

#include <nn/data/gzip.hpp>
#include <nn/nn.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string_view>
#include <vector>

namespace {

using nn::Label;
using nn::TensorView;

constexpr float strength = 0.1F;  // how much a pixel may change, of a range from 0 to 1

/// A small network for images of digits.
auto network() { return nn::sequential(nn::Flatten{}, nn::Dense{128}, nn::ReLU{}, nn::Dense{10}); }
using Model = nn::Model<decltype(network())>;

/// The images, each pixel changed by `strength` in the direction in which the loss rises (the fast
/// gradient sign method: Goodfellow, Shlens and Szegedy, "Explaining and harnessing adversarial
/// examples", 2015). To a person they look the same.
/// @param result the changed images, which may keep its memory from call to call
void attack(Model& model, TensorView<const float> images, TensorView<const Label> labels,
            nn::Tensor<float>& result) {
  // The forward pass remembers what the backward pass needs. The loss has a gradient with respect
  // to the network's outputs; the backward pass takes it back through the layers: here to the
  // images, while the gradients of the weights are not wanted and not computed.
  const auto outputs = model.forward(images);
  const auto [loss, gradient] = nn::value_and_gradient(nn::SoftmaxCrossEntropy{}, outputs, labels);
  const TensorView<const float> slope =
      model.backward(gradient, {.parameter_gradients = false, .input_gradient = true});
  result.resize(images.shape());
  for (nn::Index i = 0; i < images.size(); ++i) {
    result[i] = images[i] + (slope[i] > 0 ? strength : -strength);
  }
}

/// Adds the gradient of the loss on a batch to the model's, and returns the loss.
double learn(Model& model, TensorView<const float> images, TensorView<const Label> labels) {
  const auto outputs = model.forward(images);
  const auto [loss, gradient] = nn::value_and_gradient(nn::SoftmaxCrossEntropy{}, outputs, labels);
  model.backward(gradient);
  return loss;
}

/// Trains: what nn::fit does, written out. With `defend`, on attacked images as well.
void train(Model& model, const nn::Dataset& data, nn::Index epochs, bool defend) {
  nn::Optimizer optimizer(model, nn::Adam{.learning_rate = 2e-3});
  const nn::Schedule schedule = nn::cosine_schedule();
  // The loader shuffles anew in every epoch, and prepares the next batch while this one is used.
  nn::Loader<float> loader(data, {.batch_size = 64, .seed = 1});
  nn::Tensor<float> attacked;
  nn::Index step = 0;
  for (nn::Index epoch = 0; epoch < epochs; ++epoch) {
    double sum = 0;
    for (const nn::Batch<float>& batch : loader.epoch(epoch)) {
      if (defend) attack(model, batch.inputs, batch.labels, attacked);
      // One step: how wrong is it, which way lies better, and a little that way.
      model.zero_gradients();
      sum += learn(model, batch.inputs, batch.labels);
      if (defend) learn(model, attacked, batch.labels);  // its gradients add to those before
      optimizer.set_learning_rate(2e-3 * schedule(step++, epochs * loader.batches()));
      optimizer.step(model);
    }
    std::cout << "  epoch " << epoch + 1 << ": loss " << sum / static_cast<double>(loader.batches())
              << '\n';
  }
}

/// The accuracy on a test set whose images were attacked, knowing the network's weights.
double accuracy_attacked(Model& model, const nn::Dataset& test_set) {
  nn::Tensor<float> attacked;
  attack(model, test_set.inputs(), test_set.labels(), attacked);
  const nn::Tensor<float> outputs = model.predict(attacked);
  return nn::accuracy(outputs, test_set.labels());
}

void run(const std::filesystem::path& folder, bool quick) {
  auto [training_set, test_set] = nn::load_mnist(folder / "mnist");
  if (quick) training_set = training_set.slice(0, 20000);
  test_set = test_set.slice(0, 2000);
  double robust = 0;
  for (const bool defend : {false, true}) {
    std::cout << (defend ? "Trained on attacked images too:\n" : "Trained on the images alone:\n");
    Model model(network(), training_set.sample_shape(), {.seed = 1});
    train(model, training_set, quick ? 4 : 8, defend);
    robust = accuracy_attacked(model, test_set);
    std::cout << "  accuracy on the test set: " << nn::accuracy(model, test_set)
              << ", on attacked images " << robust << '\n';
  }
  const double expected = quick ? 0.6 : 0.7;
  nn::require(robust >= expected, "expected an accuracy of ", expected, " on attacked images");
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);  // --data FOLDER, --quick
  const auto given = [&](std::string_view word) {
    return std::find(words.begin(), words.end(), word);
  };
  if (given("--help") != words.end()) {
    std::cout << "usage: own_loop --data FOLDER [--quick]; MNIST is in FOLDER/mnist\n";
    return EXIT_SUCCESS;
  }
  try {
    const auto data = given("--data");
    run(words.end() - data > 1 ? data[1] : "data", given("--quick") != words.end());
    return EXIT_SUCCESS;
  } catch (const nn::Error& error) {
    std::cerr << "own_loop: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
