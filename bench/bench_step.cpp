// Whole training steps and predictions of the networks W1 to W10, in images per second:
//
//     bench_step --benchmark_filter='^W4/train/real_time$'
//     OMP_NUM_THREADS=1 bench_step --benchmark_filter='/infer'
//
// `W4/train/batch:256/real_time` and the like measure other batch sizes than the network's own.

#include <string>

#include <nn/train/inference_form.hpp>

#include "run.hpp"
#include "workloads.hpp"

namespace {

using nn::Index;

template <class Network, class Rule>
void train(benchmark::State& state, const Network& network, const nn::Shape& shape, Index batch,
           const Rule& rule) {
  nn::Model model(network, shape, {.seed = 1});
  nn::Optimizer optimizer(model, rule);
  const nn::SoftmaxCrossEntropy loss{};
  const nn::Tensor<float> images = bench::random_batch(batch, shape);
  const nn::Tensor<nn::Label> labels = bench::random_labels(batch);
  nn::Tensor<float> gradient(model.output_shape().prepended(batch));
  bench::measure(state, [&] {
    const auto outputs = model.forward(images);
    benchmark::DoNotOptimize(loss(outputs, labels.view(), gradient.view()));
    model.zero_gradients();
    model.backward(gradient);
    optimizer.step(model);
  });
  bench::count_work(state, batch, bench::training_work(model.plan()));
}

template <class Network>
void infer(benchmark::State& state, const Network& network, const nn::Shape& shape, Index batch) {
  const nn::Model model = nn::inference_form(nn::Model(network, shape, {.seed = 1}));
  const nn::Tensor<float> images = bench::random_batch(batch, shape);
  nn::Tensor<float> outputs(model.output_shape().prepended(batch));
  bench::measure(state, [&] {
    model.predict(images, outputs);
    benchmark::DoNotOptimize(outputs.data());
  });
  bench::count_work(state, batch, bench::forward_work(model.plan()));
}

nn::Tensor<float> noise(nn::Random& random, Index batch) {
  nn::Tensor<float> latent({batch, 100});
  for (float& value : latent) value = static_cast<float>(random.normal());
  return latent;
}

/// One step of both networks of a GAN: the discriminator on real and on generated images, then the
/// generator through the discriminator.
void train_gan(benchmark::State& state, Index batch) {
  nn::Model generator(bench::w6_generator(), {100}, {.seed = 1});
  nn::Model discriminator(bench::w6_discriminator(), bench::digits, {.seed = 2});
  nn::Optimizer generator_optimizer(generator, bench::gan_adam);
  nn::Optimizer discriminator_optimizer(discriminator, bench::gan_adam);
  const nn::SigmoidCrossEntropy loss{};
  const nn::Tensor<float> real = bench::random_batch(batch, bench::digits);
  const nn::Tensor<float> ones({batch, 1}, 1.0F);
  const nn::Tensor<float> zeros({batch, 1});
  nn::Tensor<float> gradient({batch, 1});
  nn::Random random(3);
  bench::measure(state, [&] {
    discriminator.zero_gradients();
    loss(discriminator.forward(real), ones.view(), gradient.view());
    discriminator.backward(gradient);
    const nn::Tensor<float> latent = noise(random, batch);
    const auto fake = generator.forward(latent);
    loss(discriminator.forward(fake), zeros.view(), gradient.view());
    discriminator.backward(gradient);
    discriminator_optimizer.step(discriminator);

    generator.zero_gradients();
    loss(discriminator.forward(fake), ones.view(), gradient.view());
    const auto image_gradient =
        discriminator.backward(gradient, {.parameter_gradients = false, .input_gradient = true});
    generator.backward(image_gradient);
    generator_optimizer.step(generator);
  });
  state.SetItemsProcessed(state.iterations() * batch);
}

void infer_gan(benchmark::State& state, Index batch) {
  const nn::Model generator =
      nn::inference_form(nn::Model(bench::w6_generator(), nn::Shape{100}, {.seed = 1}));
  nn::Tensor<float> images(bench::digits.prepended(batch));
  nn::Random random(3);
  bench::measure(state, [&] {
    generator.predict(noise(random, batch), images);
    benchmark::DoNotOptimize(images.data());
  });
  bench::count_work(state, batch, bench::forward_work(generator.plan()));
}

void add(const std::string& name, auto&& run, Index own_batch) {
  using benchmark::RegisterBenchmark;
  const auto list = [&](const std::string& full, Index batch) {
    RegisterBenchmark(full.c_str(), [run, batch](benchmark::State& state) { run(state, batch); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  };
  list(name, own_batch);
  for (Index batch = 1; batch <= 1024; batch *= 2) {
    list(name + "/batch:" + std::to_string(batch), batch);
  }
}

template <class Network, class Rule>
void add(const std::string& name, const Network& network, const nn::Shape& shape, Index batch,
         const Rule& rule) {
  add(
      name + "/train",
      [=](benchmark::State& state, Index n) { train(state, network, shape, n, rule); }, batch);
  add(
      name + "/infer", [=](benchmark::State& state, Index n) { infer(state, network, shape, n); },
      batch);
}

}  // namespace

int main(int argc, char** argv) {
  bench::for_each_classifier([](const char* name, const auto& network, const nn::Shape& shape,
                                Index batch,
                                const auto& rule) { add(name, network, shape, batch, rule); });
  add("W6/train", train_gan, 64);
  add("W6/infer", infer_gan, 64);
  return bench::run(argc, argv);
}
