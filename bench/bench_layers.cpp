// Every layer by itself, forward and backward, at a typical shape and a batch of 64:
//
//     bench_layers --benchmark_filter='^BatchNorm/'
//
// In samples per second, in GB/s (what goes in and what comes out, each once: x and y forward, dy
// and dx backward) and, where the layer counts multiply-adds, in GFLOP/s (2 for each).

#include <nn/nn.hpp>
#include <string>

#include "run.hpp"
#include "workloads.hpp"

namespace {

using nn::AnyLayer;
using nn::Index;
using Model = nn::Model<AnyLayer>;

constexpr Index batch = 64;

struct Subject {
  std::string name;
  AnyLayer layer;
  nn::Shape input;
};

std::vector<Subject> subjects() {
  const nn::Shape image{16, 16, 64};
  const nn::Shape flat{512};
  const nn::Conv2D same{.filters = 64, .kernel = 3, .padding = 1};
  nn::Conv2D strided = same;
  strided.stride = 2;
  nn::Conv2D dilated = same;
  dilated.dilation = 2;
  dilated.padding = 2;
  nn::Conv2D depthwise = same;
  depthwise.groups = 64;
  return {{"Dense", nn::Dense{512}, flat},
          {"Conv2D", same, image},
          {"Conv2D/stride:2", strided, image},
          {"Conv2D/dilation:2", dilated, image},
          {"Conv2D/depthwise", depthwise, image},
          {"Conv2D/1x1", nn::Conv2D{.filters = 64, .kernel = 1}, image},
          {"Conv2D/RGB", nn::Conv2D{.filters = 64, .kernel = 3, .padding = 1}, {32, 32, 3}},
          {"ConvTranspose2D",
           nn::ConvTranspose2D{.filters = 32, .kernel = 4, .stride = 2, .padding = 1}, image},
          {"MaxPool2D", nn::MaxPool2D{2}, image},
          {"MaxPool2D/6channels", nn::MaxPool2D{2}, {28, 28, 6}},
          {"AveragePool2D", nn::AveragePool2D{2}, image},
          {"GlobalAveragePool2D", nn::GlobalAveragePool2D{}, image},
          {"UpSample2D", nn::UpSample2D{2}, image},
          {"BatchNorm", nn::BatchNorm{}, image},
          {"LayerNorm", nn::LayerNorm{}, flat},
          {"Dropout", nn::Dropout{0.5F}, image},
          {"ReLU", nn::ReLU{}, image},
          {"LeakyReLU", nn::LeakyReLU{0.2F}, image},
          {"PReLU", nn::PReLU{}, image},
          {"Sigmoid", nn::Sigmoid{}, image},
          {"Tanh", nn::Tanh{}, image},
          {"ELU", nn::ELU{}, image},
          {"SELU", nn::SELU{}, image},
          {"Softplus", nn::Softplus{}, image},
          {"SiLU", nn::SiLU{}, image},
          {"GELU", nn::GELU{}, image},
          {"Softmax", nn::Softmax{}, {1000}},
          {"LogSoftmax", nn::LogSoftmax{}, {1000}},
          {"Residual", nn::Residual(same), image},
          {"Concat", nn::concat(same, nn::Identity{}), image}};
}

void count(benchmark::State& state, const Model& model, double products) {
  Index multiply_adds = 0;
  nn::Plan::for_each(model.plan(),
                     [&](const nn::Plan& plan) { multiply_adds += plan.multiply_adds; });
  const Index values = model.input_shape().size() + model.output_shape().size();
  state.SetItemsProcessed(state.iterations() * batch);
  bench::count_rate(state, "GB/s", sizeof(float) * static_cast<double>(batch * values));
  if (multiply_adds > 0) {
    bench::count_rate(state, "GFLOP/s", products * 2 * static_cast<double>(multiply_adds * batch));
  }
}

void forward(benchmark::State& state, const Subject& subject) {
  Model model(subject.layer, subject.input, {.seed = 1});
  const nn::Tensor<float> x = bench::random_batch(batch, subject.input);
  bench::measure(state, [&] { benchmark::DoNotOptimize(model.forward(x).data()); });
  count(state, model, 1);
}

/// With the gradient of the input and, where there are weights, of those: two products.
void backward(benchmark::State& state, const Subject& subject) {
  Model model(subject.layer, subject.input, {.seed = 1});
  const nn::Tensor<float> x = bench::random_batch(batch, subject.input);
  const nn::Tensor<float> dy = bench::random_batch(batch, model.output_shape());
  model.forward(x);
  bench::measure(state, [&] {
    model.zero_gradients();
    benchmark::DoNotOptimize(model.backward(dy, {.input_gradient = true}).data());
  });
  count(state, model, 2);
}

}  // namespace

int main(int argc, char** argv) {
  for (const Subject& subject : subjects()) {
    const auto add = [&](const char* pass, auto function) {
      benchmark::RegisterBenchmark((subject.name + "/" + pass).c_str(),
                                   [=](benchmark::State& state) { function(state, subject); })
          ->UseRealTime()
          ->Unit(benchmark::kMicrosecond);
    };
    add("forward", forward);
    add("backward", backward);
  }
  return bench::run(argc, argv);
}
