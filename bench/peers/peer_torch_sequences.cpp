// The networks for sequences of bench_sequences in libtorch, under the same names.

#include <benchmark/benchmark.h>
#include <torch/torch.h>
#include <torch/version.h>

#include <cstdlib>
#include <functional>
#include <string>

namespace {

using torch::Tensor;
namespace layers = torch::nn;

constexpr int64_t characters = 96;

/// A block that normalises before attention and before its two dense layers.
struct BlockImpl : layers::Module {
  BlockImpl(int64_t features, int64_t heads, bool causal)
      : heads_(heads),
        causal_(causal),
        norm_(register_module("norm", layers::LayerNorm(layers::LayerNormOptions({features})))),
        attended_(register_module("attended", layers::Linear(features, 3 * features))),
        mixed_(register_module("mixed", layers::Linear(features, features))),
        dense_(register_module(
            "dense", layers::Sequential(layers::LayerNorm(layers::LayerNormOptions({features})),
                                        layers::Linear(features, 4 * features), layers::GELU(),
                                        layers::Linear(4 * features, features)))) {}

  Tensor forward(const Tensor& x) {
    const int64_t batch = x.size(0);
    const int64_t steps = x.size(1);
    const int64_t features = x.size(2);
    // batch x heads x steps x features of a head, three times
    const Tensor all = attended_->forward(norm_->forward(x))
                           .view({batch, steps, 3, heads_, features / heads_})
                           .permute({2, 0, 3, 1, 4});
    const Tensor mixed = at::scaled_dot_product_attention(all[0], all[1], all[2], {}, 0.0, causal_)
                             .transpose(1, 2)
                             .reshape({batch, steps, features});
    const Tensor middle = x + mixed_->forward(mixed);
    return middle + dense_->forward(middle);
  }

 private:
  int64_t heads_;
  bool causal_;
  layers::LayerNorm norm_;
  layers::Linear attended_;
  layers::Linear mixed_;
  layers::Sequential dense_;
};
TORCH_MODULE(Block);

/// A vector for each of so many steps, added.
struct PositionsImpl : layers::Module {
  PositionsImpl(int64_t steps, int64_t features)
      : values(register_parameter("values", 0.02 * torch::randn({steps, features}))) {}
  Tensor forward(const Tensor& x) { return x + values; }
  Tensor values;
};
TORCH_MODULE(Positions);

struct VisionTransformerImpl : layers::Module {
  VisionTransformerImpl() {
    patches =
        register_module("patches", layers::Conv2d(layers::Conv2dOptions(3, 128, 4).stride(4)));
    blocks = register_module("blocks", layers::Sequential(Positions(64, 128)));
    for (int i = 0; i < 5; ++i) blocks->push_back(Block(128, 4, false));
    blocks->push_back(layers::LayerNorm(layers::LayerNormOptions({128})));
    classes = register_module("classes", layers::Linear(128, 10));
  }
  Tensor forward(const Tensor& x) {
    const Tensor steps = patches->forward(x).flatten(2).transpose(1, 2);
    return classes->forward(blocks->forward(steps).mean(1));
  }
  layers::Conv2d patches{nullptr};
  layers::Sequential blocks{nullptr};
  layers::Linear classes{nullptr};
};
TORCH_MODULE(VisionTransformer);

struct CharacterLstmImpl : layers::Module {
  CharacterLstmImpl() {
    embedding = register_module("embedding", layers::Embedding(characters, 64));
    lstm = register_module("lstm", layers::LSTM(layers::LSTMOptions(64, 256).batch_first(true)));
    classes = register_module("classes", layers::Linear(256, characters));
  }
  Tensor forward(const Tensor& x) {
    return classes->forward(std::get<0>(lstm->forward(embedding->forward(x))));
  }
  layers::Embedding embedding{nullptr};
  layers::LSTM lstm{nullptr};
  layers::Linear classes{nullptr};
};
TORCH_MODULE(CharacterLstm);

layers::Sequential character_transformer() {
  layers::Sequential network(layers::Embedding(characters, 192), Positions(256, 192));
  for (int i = 0; i < 4; ++i) network->push_back(Block(192, 6, true));
  network->push_back(layers::LayerNorm(layers::LayerNormOptions({192})));
  network->push_back(layers::Linear(192, characters));
  return network;
}

/// Every step but the first, in which memory is found and kernels are chosen, is measured.
void train(benchmark::State& state, auto network, const Tensor& x) {
  const int64_t batch = x.size(0);
  torch::optim::Adam optimizer(network->parameters(), torch::optim::AdamOptions(1e-3));
  const Tensor outputs = network->forward(x);
  const int64_t classes = outputs.size(-1);
  const Tensor labels = torch::randint(classes, {outputs.numel() / classes}, torch::kInt64);
  const auto step = [&] {
    optimizer.zero_grad();
    Tensor loss =
        torch::nn::functional::cross_entropy(network->forward(x).reshape({-1, classes}), labels);
    loss.backward();
    optimizer.step();
  };
  step();
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations() * batch);
}

void add(const char* name, const std::function<void(benchmark::State&)>& run) {
  benchmark::RegisterBenchmark(name, run)->UseRealTime()->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  if (const char* threads = std::getenv("OMP_NUM_THREADS")) {
    torch::set_num_threads(std::stoi(threads));
  }
  torch::manual_seed(1);
  add("S1/train", [](benchmark::State& state) {
    train(state, VisionTransformer(), torch::randn({64, 3, 32, 32}));
  });
  add("S2/train", [](benchmark::State& state) {
    train(state, CharacterLstm(), torch::randint(characters, {64, 128}, torch::kInt64));
  });
  add("S3/train", [](benchmark::State& state) {
    train(state, character_transformer(), torch::randint(characters, {16, 256}, torch::kInt64));
  });
  benchmark::AddCustomContext("libtorch", TORCH_VERSION);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
