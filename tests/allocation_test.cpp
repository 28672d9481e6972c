// A training step after the first allocates nothing. All that is allocated through operator new in
// this program is counted, in every thread.

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>

#include "blobs.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/any_layer.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/bidirectional.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/gru.hpp"
#include "nn/layers/layer_norm.hpp"
#include "nn/layers/lstm.hpp"
#include "nn/layers/masked.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/positions.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/transformer.hpp"
#include "nn/losses/hinge.hpp"
#include "nn/losses/regression.hpp"
#include "nn/losses/sigmoid_cross_entropy.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/lookahead.hpp"
#include "nn/optim/muon.hpp"
#include "nn/optim/rms_prop.hpp"
#include "nn/optim/sam.hpp"
#include "nn/optim/sgd.hpp"
#include "nn/train/fit.hpp"

namespace {

std::atomic<long> allocations{0};

}  // namespace

// clang's thread sanitizer has operators new of its own that cannot be replaced, but can be
// watched.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NN_SANITIZER_ALLOCATES
#endif
#endif

#ifdef NN_SANITIZER_ALLOCATES

#include <sanitizer/allocator_interface.h>

namespace {

const int watched = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void* /*block*/, std::size_t /*size*/) { ++allocations; },
    [](const volatile void* /*block*/) {});

}  // namespace

#else

namespace {

void* counted_or_null(std::size_t size) {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);  // NOLINT(*-no-malloc)
}

void* counted_or_null(std::size_t size, std::align_val_t alignment) {
  ++allocations;
  const auto line = static_cast<std::size_t>(alignment);
  // aligned_alloc wants whole lines.
  return std::aligned_alloc(line, (std::max<std::size_t>(size, 1) + line - 1) / line * line);
}

void* checked(void* block) {
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

}  // namespace

void* operator new(std::size_t size) { return checked(counted_or_null(size)); }
void* operator new[](std::size_t size) { return checked(counted_or_null(size)); }
void* operator new(std::size_t size, std::align_val_t line) {
  return checked(counted_or_null(size, line));
}
void* operator new[](std::size_t size, std::align_val_t line) {
  return checked(counted_or_null(size, line));
}
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return counted_or_null(size);
}
void* operator new[](std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return counted_or_null(size);
}
void* operator new(std::size_t size, std::align_val_t line,
                   const std::nothrow_t& /*tag*/) noexcept {
  return counted_or_null(size, line);
}
void* operator new[](std::size_t size, std::align_val_t line,
                     const std::nothrow_t& /*tag*/) noexcept {
  return counted_or_null(size, line);
}
namespace {

// A call of its own: gcc 14 warns where it sees what delete calls, but not what new does.
[[gnu::noinline]] void give_back(void* block) noexcept { std::free(block); }

}  // namespace

void operator delete(void* block) noexcept { give_back(block); }
void operator delete[](void* block) noexcept { give_back(block); }
void operator delete(void* block, std::size_t /*size*/) noexcept { give_back(block); }
void operator delete[](void* block, std::size_t /*size*/) noexcept { give_back(block); }
void operator delete(void* block, std::align_val_t /*line*/) noexcept { give_back(block); }
void operator delete[](void* block, std::align_val_t /*line*/) noexcept { give_back(block); }
void operator delete(void* block, std::size_t /*size*/, std::align_val_t /*line*/) noexcept {
  give_back(block);
}
void operator delete[](void* block, std::size_t /*size*/, std::align_val_t /*line*/) noexcept {
  give_back(block);
}

#endif

namespace {

using nn::Index;

auto network() {
  return nn::sequential(nn::Conv2D{.filters = 8, .kernel = 3}, nn::BatchNorm{}, nn::ReLU{},
                        nn::Conv2D{.filters = 8, .kernel = 3}, nn::LeakyReLU{0.1F},
                        nn::MaxPool2D{2}, nn::Flatten{}, nn::Dense{16}, nn::LayerNorm{}, nn::Tanh{},
                        nn::Dropout{0.25F}, nn::Dense{3});
}

TEST_CASE("allocations: the counter counts") {
  const long before = allocations;
  nn::Tensor<float> tensor({100});
  CHECK(allocations == before + 1);
  tensor.resize({50});
  tensor.resize({100});
  CHECK(allocations == before + 1);
}

/// What `steps` further steps allocate.
template <class Model, class Loss, class Rule>
long allocations_of_steps(Model& model, const Loss& loss, const Rule& rule, int steps) {
  const nn::Dataset data = blobs(32, 1);
  const nn::Tensor<float> inputs = data.inputs();
  nn::Tensor<float> gradient({32, 3});
  nn::Optimizer optimizer(model, rule);
  nn::WeightAverage average(model);
  long before = 0;
  for (int step = 0; step <= steps; ++step) {
    if (step == 1) before = allocations;
    const nn::TensorView<const float> outputs = model.forward(inputs);
    (void)loss(outputs, data.labels(), gradient.view());
    model.zero_gradients();
    model.backward(gradient, {.input_gradient = true});
    nn::clip_gradient_norm(model, 0.1);
    optimizer.step(model);
    average.update(model);
  }
  return allocations - before;
}

TEST_CASE("allocations: a training step after the first allocates nothing") {
  nn::Model model(network(), {6, 6, 1}, {.seed = 1});
  using nn::SoftmaxCrossEntropy;
  CHECK(allocations_of_steps(model, SoftmaxCrossEntropy{}, nn::Adam{}, 3) == 0);
  CHECK(allocations_of_steps(model, nn::MeanSquaredError{}, nn::RMSProp{.momentum = 0.5}, 3) == 0);
  CHECK(allocations_of_steps(model, nn::Hinge{}, nn::SGD{.momentum = 0.9}, 3) == 0);
  CHECK(allocations_of_steps(model, nn::SigmoidCrossEntropy{}, nn::lookahead(nn::AdamW{}), 6) == 0);
  CHECK(allocations_of_steps(model, SoftmaxCrossEntropy{}, nn::Muon{}, 3) == 0);
}

TEST_CASE("allocations: nor does one of a network known only at run time") {
  nn::Sequential<nn::AnyLayer> layers;
  layers.push_back(nn::Flatten{});
  layers.push_back(nn::Dense{16});
  layers.push_back(nn::ReLU{});
  layers.push_back(nn::Dense{3});
  nn::Model model(layers, {6, 6, 1});
  CHECK(allocations_of_steps(model, nn::SoftmaxCrossEntropy{}, nn::Adam{}, 3) == 0);
}

TEST_CASE("allocations: nor does one of recurrent layers") {
  nn::Model model(nn::sequential(nn::Reshape{{6, 6}},
                                 nn::bidirectional(nn::LSTM{.units = 8, .return_sequence = true}),
                                 nn::GRU{.units = 8}, nn::Dense{3}),
                  {6, 6, 1});
  CHECK(allocations_of_steps(model, nn::SoftmaxCrossEntropy{}, nn::Adam{}, 3) == 0);
}

TEST_CASE("allocations: nor does one of a transformer, with padding and tokens") {
  nn::Model rows(
      nn::sequential(nn::Reshape{{6, 6}},
                     nn::masked(0, nn::Dense{8}, nn::SinusoidalPositions{},
                                nn::transformer_block(
                                    {.features = 8, .heads = 2, .dropout = 0.1F, .rotary = true}),
                                nn::MeanOverSteps{}),
                     nn::Dense{3}),
      {6, 6, 1});
  CHECK(allocations_of_steps(rows, nn::SoftmaxCrossEntropy{}, nn::Adam{}, 3) == 0);
  nn::Model model(nn::sequential(nn::Embedding{.tokens = 9, .features = 8}, nn::LearnedPositions{}),
                  {70});
  const nn::Tensor<float> tokens({4, 70}, 5.0F);
  const nn::Tensor<float> slope({4, 70, 8}, 0.5F);
  long before = 0;
  for (int step = 0; step < 3; ++step) {
    if (step == 1) before = allocations;
    model.forward(tokens);
    model.zero_gradients();
    model.backward(slope);
  }
  CHECK(allocations == before);
}

TEST_CASE("allocations: nor does fit, with all that prepares the batches") {
  const nn::Dataset data = blobs(200, 1);
  nn::Model model(network(), {6, 6, 1}, {.seed = 1});
  std::vector<long> counts;
  counts.reserve(100);
  nn::Callback note;
  note.on_batch = [&](nn::BatchReport& /*report*/) { counts.push_back(allocations); };
  nn::FitOptions options{.epochs = 2, .batch_size = 16, .clip_norm = 1, .average_decay = 0.9};
  options.schedule = nn::one_cycle_schedule();
  options.callbacks = {note};
  nn::fit(model, data, nn::SoftmaxCrossEntropy{}, nn::Adam{}, options);
  REQUIRE(counts.size() == 26);
  // The first batches fill the loader's buffers, and the first step those of the model.
  for (std::size_t step = 4; step < 13; ++step) CHECK(counts[step] == counts[step - 1]);
  for (std::size_t step = 14; step < 26; ++step) CHECK(counts[step] == counts[step - 1]);
}

TEST_CASE("allocations: nor does fit by a rule that needs two gradients a step") {
  const nn::Dataset data = blobs(200, 1);
  nn::Model model(network(), {6, 6, 1}, {.seed = 1});
  std::vector<long> counts;
  counts.reserve(100);
  nn::Callback note;
  note.on_batch = [&](nn::BatchReport& /*report*/) { counts.push_back(allocations); };
  nn::FitOptions options{.epochs = 1, .batch_size = 16};
  options.callbacks = {note};
  nn::fit(model, data, nn::SoftmaxCrossEntropy{}, nn::sam(nn::Muon{}), options);
  REQUIRE(counts.size() == 13);
  for (std::size_t step = 4; step < 13; ++step) CHECK(counts[step] == counts[step - 1]);
}

TEST_CASE("allocations: nor does fit on weighted numbers, with several batches a step") {
  const nn::Dataset images = blobs(200, 1);
  const nn::TensorDataset data =
      nn::TensorDataset(images.inputs(), {images.labels().begin(), images.labels().end()})
          .with_weights(std::vector<float>(200, 0.5F));
  nn::Model model(network(), {6, 6, 1}, {.seed = 1});
  std::vector<long> counts;
  counts.reserve(100);
  nn::Callback note;
  note.on_batch = [&](nn::BatchReport& /*report*/) { counts.push_back(allocations); };
  nn::FitOptions options{.epochs = 2, .batch_size = 16, .accumulate = 2};
  options.callbacks = {note};
  nn::fit(model, data, nn::SoftmaxCrossEntropy{}, nn::Adam{}, options);
  REQUIRE(counts.size() == 14);
  for (std::size_t step = 3; step < 7; ++step) CHECK(counts[step] == counts[step - 1]);
  for (std::size_t step = 8; step < 14; ++step) CHECK(counts[step] == counts[step - 1]);
}

TEST_CASE("allocations: predicting into a tensor allocates nothing after the first time") {
  const nn::Model model(network(), {6, 6, 1}, {.seed = 1});
  const nn::Tensor<float> inputs = blobs(300, 1).inputs();
  nn::Tensor<float> outputs({300, 3});
  model.predict(inputs, outputs);
  const long before = allocations;
  model.predict(inputs, outputs);
  model.predict(inputs.samples(0, 7), outputs.samples(0, 7));
  CHECK(allocations == before);
}

TEST_CASE("predict: several threads at once get what one alone gets") {
  const nn::Model model(network(), {6, 6, 1}, {.seed = 1});
  const nn::Tensor<float> inputs = blobs(300, 1).inputs();
  const nn::Tensor<float> expected = model.predict(inputs);
  constexpr std::size_t count = 4;
  std::vector<nn::Tensor<float>> found(count);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < count; ++t) {
    threads.emplace_back([&model, &inputs, &result = found[t]] {
      for (int again = 0; again < 3; ++again) result = model.predict(inputs);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const nn::Tensor<float>& result : found) CHECK(result == expected);
}

}  // namespace
