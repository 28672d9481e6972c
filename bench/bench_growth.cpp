// How the time of an image grows with its size and with the channels, in training and in inference,
// for a small network of two 3x3 convolutions (with ReLU), pooling and a dense layer:
//
//     size:32/train       images of 32 x 32, 32 channels
//     channels:24/infer   24 channels, images of 16 x 16
//
// How it grows with the batch, bench_step measures.

#include <string>

#include "run.hpp"
#include "workloads.hpp"

namespace {

using nn::Index;

constexpr Index batch = 16;

auto network(Index channels) {
  const nn::Conv2D convolution{.filters = channels, .kernel = 3, .padding = 1};
  return nn::sequential(convolution, nn::ReLU{}, convolution, nn::ReLU{}, nn::GlobalAveragePool2D{},
                        nn::Dense{10});
}

void count(benchmark::State& state, const nn::Plan& root, Index passes) {
  Index multiply_adds = 0;
  nn::Plan::for_each(root, [&](const nn::Plan& plan) { multiply_adds += plan.multiply_adds; });
  state.SetItemsProcessed(state.iterations() * batch);
  bench::count_rate(state, "GFLOP/s", 2 * static_cast<double>(passes * batch * multiply_adds));
}

/// The gradient of the first layer's input is wanted, so that training is three products a layer.
void train(benchmark::State& state, Index size, Index channels) {
  const nn::Shape shape{size, size, channels};
  nn::Model model(network(channels), shape, {.seed = 1});
  nn::Optimizer optimizer(model, bench::sgd);
  const nn::Tensor<float> images = bench::random_batch(batch, shape);
  const nn::Tensor<nn::Label> labels = bench::random_labels(batch);
  nn::Tensor<float> gradient(model.output_shape().prepended(batch));
  bench::measure(state, [&] {
    const auto outputs = model.forward(images);
    benchmark::DoNotOptimize(nn::SoftmaxCrossEntropy{}(outputs, labels.view(), gradient.view()));
    model.zero_gradients();
    model.backward(gradient, {.input_gradient = true});
    optimizer.step(model);
  });
  count(state, model.plan(), 3);
}

void infer(benchmark::State& state, Index size, Index channels) {
  const nn::Shape shape{size, size, channels};
  const nn::Model model(network(channels), shape, {.seed = 1});
  const nn::Tensor<float> images = bench::random_batch(batch, shape);
  nn::Tensor<float> outputs(model.output_shape().prepended(batch));
  bench::measure(state, [&] { model.predict(images, outputs); });
  count(state, model.plan(), 1);
}

void add(const std::string& name, Index size, Index channels) {
  const auto list = [&](const char* mode, auto run) {
    benchmark::RegisterBenchmark((name + mode).c_str(),
                                 [=](benchmark::State& state) { run(state, size, channels); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  };
  list("/train", train);
  list("/infer", infer);
}

}  // namespace

int main(int argc, char** argv) {
  for (const Index size : {4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192}) {
    add("size:" + std::to_string(size), size, 32);
  }
  for (const Index channels : {1,  2,  3,  4,  6,  8,  12, 15, 16, 17,  20,  24,
                               28, 31, 32, 33, 40, 48, 56, 64, 96, 128, 192, 256}) {
    add("channels:" + std::to_string(channels), 16, channels);
  }
  return bench::run(argc, argv);
}
