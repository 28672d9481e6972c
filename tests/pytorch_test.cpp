// The same networks here and in PyTorch; see recorded/make_recorded.py.
#include <doctest/doctest.h>
#include <cstdlib>
#include <filesystem>

#include "data_files.hpp"
#include "nn/io/safetensors.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/conv_transpose2d.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/relu.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/optimizer.hpp"
#include "nn/optim/sgd.hpp"

namespace pytorch_test {

namespace {

namespace fs = std::filesystem;
using nn::Index;

fs::path recorded() { return data_files::tests_folder / "recorded"; }

auto lenet() {
  return nn::sequential(nn::Conv2D{.filters = 6, .kernel = 5, .padding = 2}, nn::ReLU{},
                        nn::MaxPool2D{2}, nn::Conv2D{.filters = 16, .kernel = 5}, nn::ReLU{},
                        nn::MaxPool2D{2}, nn::Flatten{}, nn::Dense{120}, nn::ReLU{}, nn::Dense{84},
                        nn::ReLU{}, nn::Dense{10});
}

auto small_lenet() {
  return nn::sequential(nn::Conv2D{.filters = 4, .kernel = 5, .padding = 2}, nn::ReLU{},
                        nn::MaxPool2D{2}, nn::Conv2D{.filters = 8, .kernel = 3}, nn::ReLU{},
                        nn::MaxPool2D{2}, nn::Flatten{}, nn::Dense{24}, nn::ReLU{}, nn::Dense{16},
                        nn::ReLU{}, nn::Dense{10});
}

auto batch_norm() {
  return nn::sequential(
      nn::Conv2D{.filters = 6, .kernel = 3, .stride = 2, .padding = 1, .bias = false},
      nn::BatchNorm{}, nn::Tanh{},
      nn::Conv2D{.filters = 8, .kernel = {3, 2}, .dilation = {1, 2}, .groups = 2}, nn::BatchNorm{},
      nn::SiLU{}, nn::Flatten{}, nn::BatchNorm{}, nn::Dense{.units = 12, .bias = false},
      nn::BatchNorm{}, nn::Tanh{}, nn::Dense{10});
}

auto generator() {
  return nn::sequential(
      nn::Dense{.units = 72, .bias = false}, nn::BatchNorm{}, nn::Tanh{}, nn::Reshape{{3, 4, 6}},
      nn::ConvTranspose2D{.filters = 4, .kernel = 4, .stride = 2, .padding = 1}, nn::BatchNorm{},
      nn::SiLU{},
      nn::ConvTranspose2D{
          .filters = 6, .kernel = 3, .stride = 2, .groups = 2, .padding = 1, .output_padding = 1},
      nn::Sigmoid{}, nn::AveragePool2D{2}, nn::Flatten{}, nn::Dense{10});
}

/// Batches of images with the channel first, as batches of ours.
nn::Tensor<float> channels_last(const nn::Tensor<float>& batches) {
  const nn::Shape& s = batches.shape();
  if (s.rank() != 5) return batches;
  nn::Tensor<float> result({s[0], s[1], s[3], s[4], s[2]});
  for (Index b = 0; b < s[0]; ++b)
    for (Index n = 0; n < s[1]; ++n)
      for (Index c = 0; c < s[2]; ++c)
        for (Index y = 0; y < s[3]; ++y)
          for (Index x = 0; x < s[4]; ++x) result(b, n, y, x, c) = batches(b, n, c, y, x);
  return result;
}

struct Results {
  nn::SafetensorsFile file;
  nn::Tensor<float> inputs;
  nn::Tensor<nn::Label> labels;

  explicit Results(const fs::path& path)
      : file(nn::SafetensorsFile::read(path)),
        inputs(channels_last(file.get<float>("inputs"))),
        labels(file.at("labels").shape) {
    const auto stored = file.get<double>("labels");
    std::transform(stored.begin(), stored.end(), labels.begin(),
                   [](double value) { return static_cast<nn::Label>(value); });
  }
};

double largest_difference(nn::TensorView<const float> a, nn::TensorView<const float> b) {
  REQUIRE(a.shape() == b.shape());
  double largest = 0;
  for (Index i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(difference <= largest)) largest = difference;  // a NaN stays
  }
  return largest;
}

/// Compares inference, gradients and 100 steps of training with what PyTorch made of them.
template <class Network>
void compare(const fs::path& folder, const std::string& name, const Network& network,
             const nn::Shape& input) {
  nn::Model model(network, input, {.seed = 99});
  const Results results(folder / (name + "_results.safetensors"));
  nn::load(model, folder / (name + ".safetensors"));
  const auto output = model.predict(results.inputs.sample(0));
  CHECK(largest_difference(output, results.file.get<float>("outputs")) < 1e-5);

  const nn::SoftmaxCrossEntropy loss;
  nn::Tensor<float> gradient(output.shape());
  const auto backward = [&](Index batch) {
    const auto logits = model.forward(results.inputs.sample(batch));
    const float value = loss(logits, results.labels.view().sample(batch), gradient.view());
    model.zero_gradients();
    model.backward(gradient);
    return value;
  };
  backward(0);
  const auto variables = nn::detail::stored_variables(model.plan(), nn::WeightLayout::pytorch);
  const nn::SafetensorsFile gradients =
      nn::detail::file_of<float>(variables, model.gradients().data(), model.state().data());
  for (const auto& variable : variables.parameters) {
    INFO(variable.name);
    CHECK(largest_difference(gradients.get<float>(variable.name),
                             results.file.get<float>("gradient." + variable.name)) < 1e-4);
  }

  nn::load(model, folder / (name + ".safetensors"));  // the statistics have moved
  nn::Optimizer optimizer(model, nn::SGD{.learning_rate = 0.05});
  const auto losses = results.file.get<float>("losses");
  REQUIRE(losses.size() == 100);
  double largest = 0;
  for (Index step = 0; step < losses.size(); ++step) {
    const float value = backward(step % 10);
    largest = std::max(largest, std::abs(static_cast<double>(value - losses[step])));
    optimizer.step(model);
  }
  CHECK(std::abs(losses[90] - losses[0]) > 0.01F);  // the same batch, after training
  CHECK(largest < 1e-3);
  const auto trained = model.predict(results.inputs.sample(0));
  CHECK(largest_difference(trained, results.file.get<float>("trained_outputs")) < 1e-2);

  const auto trained_file = nn::SafetensorsFile::read(folder / (name + "_trained.safetensors"));
  const nn::SafetensorsFile own = nn::to_safetensors(model, {.layout = nn::WeightLayout::pytorch});
  for (const auto& variable : variables.states) {
    INFO(variable.name);
    CHECK(largest_difference(own.get<float>(variable.name),
                             trained_file.get<float>(variable.name)) < 1e-2);
  }
  nn::from_safetensors(model, trained_file);
  CHECK(largest_difference(model.predict(results.inputs.sample(0)),
                           results.file.get<float>("trained_outputs")) < 1e-5);
}

/// Sends a network with random weights, and statistics that are not the first ones, to PyTorch and
/// back.
template <class Network>
void travel(const std::string& python, const std::string& name, const Network& network,
            const nn::Shape& input) {
  const fs::path folder =
      fs::temp_directory_path() / nn::detail::temporary_beside("nn_" + name).filename();
  fs::create_directories(folder);
  nn::Model model(network, input, {.seed = 5});
  nn::Random random(7);
  nn::Tensor<float> batch(input.prepended(16));
  for (float& value : batch) value = static_cast<float>(random.normal(0.5, 2));
  for (int step = 0; step < 3; ++step) (void)model.forward(batch);

  nn::save(model, folder / (name + ".safetensors"), {.layout = nn::WeightLayout::pytorch});
  const std::string command = python + " '" + (recorded() / "make_recorded.py").string() + "' '" +
                              folder.string() + "' " + name;
  REQUIRE(std::system(command.c_str()) == 0);
  compare(folder, name, network, input);
  fs::remove_all(folder);
}

/// The Python that has PyTorch; empty where none has.
std::string python_with_torch() {
  for (const char* python : {"python3", "/usr/bin/python3"}) {
    if (std::system((std::string(python) + " -c 'import torch' 2>/dev/null").c_str()) == 0) {
      return python;
    }
  }
  return "";
}

}  // namespace

TEST_CASE("networks that PyTorch ran and trained do the same here") {
  compare(recorded(), "small_lenet", small_lenet(), {12, 12, 1});
  compare(recorded(), "batch_norm", batch_norm(), {9, 8, 3});
  compare(recorded(), "generator", generator(), {10});
}

TEST_CASE("networks travel to PyTorch and back") {
  const std::string python = python_with_torch();
  if (python.empty()) {
    MESSAGE("skipped, since it needs python3-torch: networks travel to PyTorch and back");
    return;
  }
  travel(python, "lenet", lenet(), {28, 28, 1});
  travel(python, "batch_norm", batch_norm(), {9, 8, 3});
  travel(python, "generator", generator(), {10});
}

}  // namespace pytorch_test
