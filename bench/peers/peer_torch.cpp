// The networks W1 to W10 in libtorch, under the names of bench_step. `W4/train/channels_last` is
// the same network with its images stored channels last.

#include <benchmark/benchmark.h>
#include <torch/torch.h>
#include <torch/version.h>

#include <memory>
#include <string>
#include <utility>

namespace {

using torch::Tensor;
namespace layers = torch::nn;

layers::Conv2d convolution(int64_t in, int64_t out, int64_t kernel, int64_t padding = 0,
                           int64_t stride = 1, bool bias = true) {
  return layers::Conv2d(
      layers::Conv2dOptions(in, out, kernel).padding(padding).stride(stride).bias(bias));
}
layers::ConvTranspose2d transposed(int64_t in, int64_t out, bool bias) {
  return layers::ConvTranspose2d(
      layers::ConvTranspose2dOptions(in, out, 4).stride(2).padding(1).bias(bias));
}
layers::ReLU relu() { return layers::ReLU(layers::ReLUOptions(true)); }
layers::LeakyReLU leaky() {
  return layers::LeakyReLU(layers::LeakyReLUOptions().negative_slope(0.2).inplace(true));
}
layers::MaxPool2d pool() { return layers::MaxPool2d(layers::MaxPool2dOptions(2)); }

layers::Sequential w1() {
  return layers::Sequential(layers::Flatten(), layers::Linear(784, 128), relu(),
                            layers::Linear(128, 10));
}
layers::Sequential w2() {
  return layers::Sequential(layers::Flatten(), layers::Linear(784, 512), relu(),
                            layers::Linear(512, 512), relu(), layers::Linear(512, 10));
}
layers::Sequential w3() {
  return layers::Sequential(convolution(1, 6, 5, 2), relu(), pool(), convolution(6, 16, 5), relu(),
                            pool(), layers::Flatten(), layers::Linear(400, 120), relu(),
                            layers::Linear(120, 84), relu(), layers::Linear(84, 10));
}
layers::Sequential w4() {
  return layers::Sequential(convolution(1, 32, 3), relu(), convolution(32, 64, 3), relu(), pool(),
                            layers::Flatten(), layers::Linear(9216, 128), relu(),
                            layers::Linear(128, 10));
}
layers::Sequential w5() {
  layers::Sequential network;
  int64_t channels = 3;
  for (const int64_t width : {64, 128, 256}) {
    for (int i = 0; i < 2; ++i) {
      network->push_back(convolution(channels, width, 3, 1, 1, false));
      network->push_back(layers::BatchNorm2d(width));
      network->push_back(relu());
      channels = width;
    }
    network->push_back(pool());
  }
  network->push_back(layers::Flatten());
  network->push_back(layers::Linear(4096, 10));
  return network;
}
layers::Sequential generator() {
  return layers::Sequential(
      layers::Linear(100, 7 * 7 * 128), layers::Unflatten(layers::UnflattenOptions(1, {128, 7, 7})),
      layers::BatchNorm2d(128), relu(), transposed(128, 64, false), layers::BatchNorm2d(64), relu(),
      transposed(64, 1, true), layers::Tanh());
}
layers::Sequential discriminator() {
  return layers::Sequential(convolution(1, 64, 4, 1, 2), leaky(),
                            convolution(64, 128, 4, 1, 2, false), layers::BatchNorm2d(128), leaky(),
                            layers::Flatten(), layers::Linear(6272, 1));
}

layers::Sequential w7() {
  return layers::Sequential(convolution(1, 24, 5, 2), relu(), pool(), convolution(24, 48, 5, 2),
                            relu(), pool(), layers::Flatten(), layers::Linear(2352, 256), relu(),
                            layers::Linear(256, 10));
}

layers::Conv2d depthwise(int64_t channels, int64_t stride) {
  return layers::Conv2d(layers::Conv2dOptions(channels, channels, 3)
                            .padding(1)
                            .stride(stride)
                            .groups(channels)
                            .bias(false));
}
layers::Sequential w8() {
  layers::Sequential network(convolution(3, 32, 3, 1, 1, false), layers::BatchNorm2d(32), relu());
  int64_t channels = 32;
  const std::pair<int64_t, int64_t> blocks[] = {{64, 1}, {128, 2}, {128, 1}, {256, 2}, {256, 1}};
  for (const auto& [filters, stride] : blocks) {
    network->push_back(depthwise(channels, stride));
    network->push_back(layers::BatchNorm2d(channels));
    network->push_back(relu());
    network->push_back(convolution(channels, filters, 1, 0, 1, false));
    network->push_back(layers::BatchNorm2d(filters));
    network->push_back(relu());
    channels = filters;
  }
  network->push_back(layers::AdaptiveAvgPool2d(layers::AdaptiveAvgPool2dOptions(1)));
  network->push_back(layers::Flatten());
  network->push_back(layers::Linear(channels, 10));
  return network;
}

/// relu(branch(x) + x), or + shortcut(x) where the size changes.
struct ResidualImpl : layers::Module {
  ResidualImpl(int64_t in, int64_t out, int64_t stride) {
    branch = register_module("branch", layers::Sequential(convolution(in, out, 3, 1, stride, false),
                                                          layers::BatchNorm2d(out), relu(),
                                                          convolution(out, out, 3, 1, 1, false),
                                                          layers::BatchNorm2d(out)));
    if (in != out) {
      shortcut = register_module(
          "shortcut",
          layers::Sequential(convolution(in, out, 1, 0, stride, false), layers::BatchNorm2d(out)));
    }
  }
  Tensor forward(const Tensor& x) {
    return torch::relu_(branch->forward(x).add_(shortcut.is_empty() ? x : shortcut->forward(x)));
  }
  layers::Sequential branch{nullptr};
  layers::Sequential shortcut{nullptr};
};
TORCH_MODULE(Residual);

layers::Sequential w9() {
  layers::Sequential network(convolution(3, 16, 3, 1, 1, false), layers::BatchNorm2d(16), relu());
  int64_t channels = 16;
  for (const int64_t width : {16, 32, 64}) {
    network->push_back(Residual(channels, width, channels == width ? 1 : 2));
    network->push_back(Residual(width, width, 1));
    channels = width;
  }
  network->push_back(layers::AdaptiveAvgPool2d(layers::AdaptiveAvgPool2dOptions(1)));
  network->push_back(layers::Flatten());
  network->push_back(layers::Linear(64, 10));
  return network;
}
layers::Sequential w10() {
  return layers::Sequential(convolution(1, 20, 5), pool(), convolution(20, 50, 5), pool(),
                            layers::Flatten(), layers::Linear(800, 500), relu(),
                            layers::Linear(500, 10));
}

void store_channels_last(layers::Sequential& network) {
  const torch::NoGradGuard guard;
  for (Tensor& parameter : network->parameters()) {
    if (parameter.dim() == 4) {
      parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
    }
  }
}

struct Work {
  layers::Sequential (*network)();
  std::vector<int64_t> image;
  int64_t batch;
  bool adam;
};

Tensor images(const Work& work, int64_t batch, bool channels_last) {
  std::vector<int64_t> shape{batch};
  shape.insert(shape.end(), work.image.begin(), work.image.end());
  const Tensor x = torch::randn(shape);
  return channels_last ? x.contiguous(at::MemoryFormat::ChannelsLast) : x;
}

/// The first step, in which memory is found and kernels are chosen, is not measured.
void measure(benchmark::State& state, const auto& step) {
  step();
  for (auto _ : state) step();
}

void train(benchmark::State& state, const Work& work, int64_t batch, bool channels_last) {
  torch::manual_seed(1);
  layers::Sequential network = work.network();
  if (channels_last) store_channels_last(network);
  const Tensor x = images(work, batch, channels_last);
  const Tensor y = torch::randint(10, {batch}, torch::kInt64);
  std::unique_ptr<torch::optim::Optimizer> optimizer;
  if (work.adam) {
    optimizer = std::make_unique<torch::optim::Adam>(network->parameters(),
                                                     torch::optim::AdamOptions(1e-3));
  } else {
    optimizer = std::make_unique<torch::optim::SGD>(network->parameters(),
                                                    torch::optim::SGDOptions(0.01).momentum(0.9));
  }
  measure(state, [&] {
    optimizer->zero_grad();
    Tensor loss = torch::nn::functional::cross_entropy(network->forward(x), y);
    loss.backward();
    optimizer->step();
  });
  state.SetItemsProcessed(state.iterations() * batch);
}

void infer(benchmark::State& state, const Work& work, int64_t batch, bool channels_last) {
  layers::Sequential network = work.network();
  if (channels_last) store_channels_last(network);
  network->eval();
  const torch::NoGradGuard guard;
  const Tensor x = images(work, batch, channels_last);
  measure(state, [&] { benchmark::DoNotOptimize(network->forward(x)); });
  state.SetItemsProcessed(state.iterations() * batch);
}

void train_gan(benchmark::State& state, int64_t batch, bool channels_last) {
  torch::manual_seed(1);
  layers::Sequential g = generator();
  layers::Sequential d = discriminator();
  if (channels_last) {
    store_channels_last(g);
    store_channels_last(d);
  }
  const auto options = torch::optim::AdamOptions(2e-4).betas({0.5, 0.999});
  torch::optim::Adam optimizer_g(g->parameters(), options);
  torch::optim::Adam optimizer_d(d->parameters(), options);
  const Tensor ones = torch::ones({batch, 1});
  const Tensor zeros = torch::zeros({batch, 1});
  Tensor real = torch::randn({batch, 1, 28, 28});
  if (channels_last) real = real.contiguous(at::MemoryFormat::ChannelsLast);
  const auto loss = [](const Tensor& logits, const Tensor& wanted) {
    return torch::binary_cross_entropy_with_logits(logits, wanted);
  };
  measure(state, [&] {
    optimizer_d.zero_grad();
    loss(d->forward(real), ones).backward();
    const Tensor fake = g->forward(torch::randn({batch, 100}));
    loss(d->forward(fake.detach()), zeros).backward();
    optimizer_d.step();
    optimizer_g.zero_grad();
    loss(d->forward(fake), ones).backward();
    optimizer_g.step();
  });
  state.SetItemsProcessed(state.iterations() * batch);
}

void infer_gan(benchmark::State& state, int64_t batch, bool channels_last) {
  layers::Sequential g = generator();
  if (channels_last) store_channels_last(g);
  g->eval();
  const torch::NoGradGuard guard;
  measure(state, [&] { benchmark::DoNotOptimize(g->forward(torch::randn({batch, 100}))); });
  state.SetItemsProcessed(state.iterations() * batch);
}

void add(const std::string& name, auto run, int64_t own_batch) {
  const auto list = [&](const std::string& full, int64_t batch, bool channels_last) {
    benchmark::RegisterBenchmark(full.c_str(),
                                 [=](benchmark::State& state) { run(state, batch, channels_last); })
        ->UseRealTime()
        ->Unit(benchmark::kMillisecond);
  };
  list(name, own_batch, false);
  list(name + "/channels_last", own_batch, true);
  for (int64_t batch = 1; batch <= 1024; batch *= 2) {
    list(name + "/batch:" + std::to_string(batch), batch, false);
  }
}

void add(const std::string& name, const Work& work) {
  add(
      name + "/train", [=](benchmark::State& s, int64_t n, bool last) { train(s, work, n, last); },
      work.batch);
  add(
      name + "/infer", [=](benchmark::State& s, int64_t n, bool last) { infer(s, work, n, last); },
      work.batch);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  if (const char* threads = std::getenv("OMP_NUM_THREADS"))
    torch::set_num_threads(std::stoi(threads));
  const std::vector<int64_t> digit{1, 28, 28};
  add("W1", {w1, digit, 64, false});
  add("W2", {w2, digit, 128, true});
  add("W3", {w3, digit, 64, false});
  add("W4", {w4, digit, 128, true});
  add("W5", {w5, {3, 32, 32}, 64, false});
  add("W7", {w7, digit, 128, true});
  add("W8", {w8, {3, 32, 32}, 64, false});
  add("W9", {w9, {3, 32, 32}, 64, false});
  add("W10", {w10, digit, 64, false});
  add("W6/train", train_gan, 64);
  add("W6/infer", infer_gan, 64);
  benchmark::AddCustomContext("libtorch", TORCH_VERSION);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
