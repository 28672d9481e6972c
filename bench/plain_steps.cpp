// Training steps and predictions of the networks W1 to W10, timed without a library for it, so that
// bench/no_flags can compile this in any way:
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
    nn::Model discriminator(bench::w6_discriminator(), bench::digits, {.seed = 2});
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
  bench::for_each_classifier(
      [&](const char* name, const auto& network, const nn::Shape& shape, Index batch,
          const auto& rule) { add(works, name, network, shape, batch, rule); });
  add_generator(works, 64);
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
