// Training steps and predictions of the networks W1 to W6 and of four more, timed without a library
// for it, so that bench/no_flags can compile this in any way:
//
//     plain_steps SECONDS WORK...     # prints the images per second of each, as "W1/train 12345"
//     plain_steps                     # prints the works

#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <string>

#include <nn/train/inference_form.hpp>

#include "workloads.hpp"

namespace {

using nn::Index;

const nn::Shape digits{28, 28, 1};
const nn::Shape colour{32, 32, 3};

/// 5x5 convolutions of 24 and 48 filters.
auto wide_windows() {
  return nn::sequential(nn::Conv2D{.filters = 24, .kernel = 5, .padding = 2}, nn::ReLU{},
                        nn::MaxPool2D{2}, nn::Conv2D{.filters = 48, .kernel = 5, .padding = 2},
                        nn::ReLU{}, nn::MaxPool2D{2}, nn::Flatten{}, nn::Dense{256}, nn::ReLU{},
                        nn::Dense{10});
}

/// 3x3 depthwise and 1x1, each with BatchNorm.
auto separable(Index channels, Index filters, Index stride) {
  return nn::sequential(nn::Conv2D{.filters = channels,
                                   .kernel = 3,
                                   .stride = stride,
                                   .groups = channels,
                                   .padding = 1,
                                   .bias = false},
                        nn::BatchNorm{}, nn::ReLU{},
                        nn::Conv2D{.filters = filters, .kernel = 1, .bias = false}, nn::BatchNorm{},
                        nn::ReLU{});
}

auto depthwise_separable() {
  return nn::sequential(bench::convolution_block(32), separable(32, 64, 1), separable(64, 128, 2),
                        separable(128, 128, 1), separable(128, 256, 2), separable(256, 256, 1),
                        nn::GlobalAveragePool2D{}, nn::Dense{10});
}

auto plain_block(Index filters, Index stride) {
  return nn::sequential(
      nn::Conv2D{.filters = filters, .kernel = 3, .stride = stride, .padding = 1, .bias = false},
      nn::BatchNorm{}, nn::ReLU{},
      nn::Conv2D{.filters = filters, .kernel = 3, .padding = 1, .bias = false}, nn::BatchNorm{});
}

auto same_size(Index filters) { return nn::Residual{plain_block(filters, 1)}; }
auto half_size(Index filters) {
  return nn::Residual{
      plain_block(filters, 2),
      nn::sequential(nn::Conv2D{.filters = filters, .kernel = 1, .stride = 2, .bias = false},
                     nn::BatchNorm{})};
}

auto resnet() {
  using nn::ReLU;
  return nn::sequential(bench::convolution_block(16), same_size(16), ReLU{}, same_size(16), ReLU{},
                        half_size(32), ReLU{}, same_size(32), ReLU{}, half_size(64), ReLU{},
                        same_size(64), ReLU{}, nn::GlobalAveragePool2D{}, nn::Dense{10});
}

/// As Caffe's example has it.
auto caffe_lenet() {
  return nn::sequential(nn::Conv2D{.filters = 20, .kernel = 5}, nn::MaxPool2D{2},
                        nn::Conv2D{.filters = 50, .kernel = 5}, nn::MaxPool2D{2}, nn::Flatten{},
                        nn::Dense{500}, nn::ReLU{}, nn::Dense{10});
}

double seconds = 0.3;

/// Images per second of `step`, which takes `batch` of them. The first is not counted.
double rate_of(Index batch, const std::function<void()>& step) {
  using Clock = std::chrono::steady_clock;
  step();
  const Clock::time_point begin = Clock::now();
  std::chrono::duration<double> taken{};
  Index images = 0;
  do {
    step();
    images += batch;
    taken = Clock::now() - begin;
  } while (taken.count() < seconds);
  return static_cast<double>(images) / taken.count();
}

using Works = std::map<std::string, std::function<double()>>;

template <class Network, class Rule>
void add(Works& works, const std::string& name, const Network& network, const nn::Shape& shape,
         Index batch, const Rule& rule) {
  works[name + "/train"] = [=] {
    nn::Model model(network, shape, {.seed = 1});
    nn::Optimizer optimizer(model, rule);
    const nn::Tensor<float> images = bench::random_batch(batch, shape);
    const nn::Tensor<nn::Label> labels = bench::random_labels(batch);
    nn::Tensor<float> gradient(model.output_shape().prepended(batch));
    return rate_of(batch, [&] {
      nn::SoftmaxCrossEntropy{}(model.forward(images), labels.view(), gradient.view());
      model.zero_gradients();
      model.backward(gradient);
      optimizer.step(model);
    });
  };
  works[name + "/infer"] = [=] {
    const nn::Model model = nn::inference_form(nn::Model(network, shape, {.seed = 1}));
    const nn::Tensor<float> images = bench::random_batch(batch, shape);
    nn::Tensor<float> outputs(model.output_shape().prepended(batch));
    return rate_of(batch, [&] { model.predict(images, outputs); });
  };
}

/// A step of a generator alone, towards images of noise.
void add_generator(Works& works, Index batch) {
  works["W6/train"] = [=] {
    nn::Model generator(bench::w6_generator(), {100}, {.seed = 1});
    nn::Model discriminator(bench::w6_discriminator(), digits, {.seed = 2});
    nn::Optimizer optimizer(generator, bench::gan_adam);
    nn::Optimizer discriminator_optimizer(discriminator, bench::gan_adam);
    const nn::Tensor<float> latent = bench::random_batch(batch, {100});
    const nn::Tensor<float> ones({batch, 1}, 1.0F);
    nn::Tensor<float> gradient({batch, 1});
    return rate_of(batch, [&] {
      discriminator.zero_gradients();
      nn::SigmoidCrossEntropy{}(discriminator.forward(generator.forward(latent)), ones.view(),
                                gradient.view());
      const auto image_gradient = discriminator.backward(gradient, {.input_gradient = true});
      discriminator_optimizer.step(discriminator);
      generator.zero_gradients();
      generator.backward(image_gradient);
      optimizer.step(generator);
    });
  };
}

Works all_works() {
  Works works;
  add(works, "W1", bench::w1(), digits, 64, bench::sgd);
  add(works, "W2", bench::w2(), digits, 128, bench::adam);
  add(works, "W3", bench::w3(), digits, 64, bench::sgd);
  add(works, "W4", bench::w4(), digits, 64, bench::adam);
  add(works, "W5", bench::w5(), colour, 64, bench::sgd);
  add_generator(works, 64);
  add(works, "wide windows", wide_windows(), digits, 128, bench::adam);
  add(works, "depthwise-separable", depthwise_separable(), colour, 64, bench::sgd);
  add(works, "ResNet", resnet(), colour, 64, bench::sgd);
  add(works, "Caffe's LeNet", caffe_lenet(), digits, 64, bench::sgd);
  return works;
}

}  // namespace

int main(int argc, char** argv) {
  const Works works = all_works();
  if (argc < 2) {
    for (const auto& [name, run] : works) std::cout << name << '\n';
    return 0;
  }
  seconds = std::atof(argv[1]);
  for (int i = 2; i < argc; ++i) {
    const auto found = works.find(argv[i]);
    if (found == works.end()) {
      std::cerr << "there is no work '" << argv[i] << "'\n";
      return 1;
    }
    std::cout << found->first << '\t' << found->second() << std::endl;
  }
}
