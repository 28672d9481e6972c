// Training steps of networks for sequences, in samples per second:
//
//     bench_sequences --benchmark_filter='^S1/train/real_time$'
//
// S1 is a vision transformer, S2 a character model of an LSTM, S3 one of a transformer; each with
// Adam. The same networks stand in libtorch's terms in peers/peer_torch_sequences.cpp.

#include <nn/sequences.hpp>

#include "run.hpp"
#include "workloads.hpp"

namespace {

using nn::Index;

constexpr Index characters = 96;

/// Patches of 4 x 4, and five blocks of 128 features: 1.0 million parameters.
auto vision_transformer() {
  const auto block = nn::transformer_block({.features = 128, .heads = 4});
  return nn::sequential(nn::Conv2D{.filters = 128, .kernel = 4, .stride = 4},
                        nn::Reshape{{64, 128}}, nn::LearnedPositions{}, block, block, block, block,
                        block, nn::LayerNorm{}, nn::MeanOverSteps{}, nn::Dense{10});
}

/// 256 units over 128 characters.
auto character_lstm() {
  return nn::sequential(nn::Embedding{.tokens = characters, .features = 64},
                        nn::LSTM{.units = 256, .return_sequence = true}, nn::Dense{characters});
}

/// Four causal blocks of 192 features over 256 characters: 1.9 million parameters.
auto character_transformer() {
  const auto block = nn::transformer_block({.features = 192, .heads = 6, .causal = true});
  return nn::sequential(nn::Embedding{.tokens = characters, .features = 192},
                        nn::LearnedPositions{}, block, block, block, block, nn::LayerNorm{},
                        nn::Dense{characters});
}

/// Numbers below `count`, as many as `shape` has.
template <class T>
nn::Tensor<T> random_numbers(const nn::Shape& shape, Index count) {
  nn::Tensor<T> numbers(shape);
  nn::Random random(8);
  for (T& number : numbers) number = static_cast<T>(random.below(count));
  return numbers;
}

template <class Network>
void train(benchmark::State& state, const Network& network, const nn::Tensor<float>& inputs) {
  nn::Model model(network, inputs.shape().without_front(), {.seed = 1});
  nn::Optimizer optimizer(model, nn::Adam{});
  const nn::SoftmaxCrossEntropy loss{};
  const Index batch = inputs.shape().front();
  nn::Tensor<float> gradient(model.output_shape().prepended(batch));
  const Index classes = gradient.shape().back();
  const auto labels = random_numbers<nn::Label>({gradient.size() / classes}, classes);
  bench::measure(state, [&] {
    const auto outputs = model.forward(inputs);
    benchmark::DoNotOptimize(loss(outputs, labels.view(), gradient.view()));
    model.zero_gradients();
    model.backward(gradient);
    optimizer.step(model);
  });
  bench::count_work(state, batch, bench::training_work(model.plan()));
}

void add(const char* name, const auto& network, const nn::Tensor<float>& inputs) {
  benchmark::RegisterBenchmark(name,
                               [=](benchmark::State& state) { train(state, network, inputs); })
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

int main(int argc, char** argv) {
  add("S1/train", vision_transformer(), bench::random_batch(64, bench::colour));
  add("S2/train", character_lstm(), random_numbers<float>({64, 128}, characters));
  add("S3/train", character_transformer(), random_numbers<float>({16, 256}, characters));
  return bench::run(argc, argv);
}
