// Trains three small networks on all ranks and prints one SHA-256 of the weights of each. Any
// number of ranks and threads prints the same; tests/same_ranks compares them.
//
//     same_ranks THREADS RANKS                 ranks that are threads of this process
//     mpirun -n RANKS same_ranks THREADS       linked with same_ranks_mpi.cpp: those of MPI
//
// With MPI, `same_ranks THREADS FAILURE CHECKPOINT` trains the second network alone, and rank 1
// fails after step 7 (FAILURE: "throw", "kill", "stop", "memory", or "none"), or rank 0, which
// writes the checkpoint ("disk"). With "slow" nobody fails, and each step takes 150 ms longer.
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <nn/data/random_images.hpp>
#include <nn/distributed/thread_ranks.hpp>
#include <nn/nn.hpp>

/// In same_ranks_mpi.cpp, where that is linked.
[[gnu::weak]] std::unique_ptr<nn::Communicator> world_of_mpi(int& argc, char**& argv);

namespace {

using nn::Index;

template <class T>
std::string bytes_of(nn::TensorView<const T> values) {
  const auto bytes = std::as_bytes(values.span());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Rank 0 prints the hash of the weights, which has to be that of all ranks.
template <class Model>
void print(nn::Communicator& world, const std::string& name, const Model& model) {
  const std::string hash =
      nn::sha256(bytes_of<float>(model.parameters()) + bytes_of<float>(model.state()));
  std::string first = hash;
  world.broadcast(std::span<char>(first));
  nn::require(first == hash, "rank ", world.rank(), " has other weights of ", name, " than rank 0");
  if (world.rank() == 0) std::cout << name << ' ' << hash << std::endl;
}

/// Drawings of four kinds, which are the classes.
nn::Dataset drawings(Index count, Index side) {
  const nn::Dataset data = nn::random_images({{"texture", nn::Texture{}},
                                              {"strokes", nn::Strokes{}},
                                              {"shapes", nn::Shapes{}},
                                              {"noise", nn::NormalNoise{}}},
                                             count, side, side, 7);
  return data.with_normalization(nn::normalization_of(data));
}

/// LeNet by SGD, with clipping, validation and a last batch that is not whole.
void train_lenet(nn::Communicator& world) {
  const nn::Dataset data = drawings(150, 20);
  const nn::Dataset validation = drawings(32, 20).with_normalization(data.normalization());
  nn::Model model(nn::sequential(nn::Conv2D{.filters = 6, .kernel = 5, .padding = 2}, nn::Tanh{},
                                 nn::MaxPool2D{2}, nn::Conv2D{.filters = 16, .kernel = 5},
                                 nn::ReLU{}, nn::AveragePool2D{2}, nn::Flatten{}, nn::Dense{60},
                                 nn::Sigmoid{}, nn::Dense{4}),
                  {20, 20, 1}, {.seed = 1});
  nn::FitOptions options;
  options.communicator = &world;
  options.epochs = 3;
  options.batch_size = 32;
  options.seed = 3;
  options.validation = &validation;
  options.schedule = nn::one_cycle_schedule();
  options.clip_norm = 1;
  nn::fit(model, data, nn::SoftmaxCrossEntropy{.label_smoothing = 0.1},
          nn::SGD{.learning_rate = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 1e-4},
          options);
  print(world, "lenet", model);
}

/// Batch normalisation, dropout, augmentation, mixed images, accumulation and averaged weights.
void train_convolutions(nn::Communicator& world, nn::CheckpointFile checkpoint = {},
                        const nn::Callback& callback = {}) {
  nn::Model model(nn::sequential(nn::Conv2D{.filters = 16, .kernel = 3, .padding = 1},
                                 nn::BatchNorm{}, nn::LeakyReLU{.negative_slope = 0.1F},
                                 nn::residual(nn::Conv2D{.filters = 16, .kernel = 3, .padding = 1},
                                              nn::BatchNorm{}, nn::ReLU{}),
                                 nn::MaxPool2D{2}, nn::Conv2D{.filters = 7, .kernel = 3},
                                 nn::BatchNorm{}, nn::Softplus{}, nn::Flatten{}, nn::Dropout{0.3F},
                                 nn::Dense{33}, nn::LayerNorm{}, nn::SELU{}, nn::Dense{4}),
                  {14, 14, 1}, {.seed = 2});
  nn::FitOptions options;
  options.communicator = &world;
  options.epochs = 3;
  options.batch_size = 24;
  options.pieces = 12;
  options.seed = 4;
  options.accumulate = 2;
  options.average_decay = 0.9;
  options.augmentation = nn::compose(nn::RandomShift{.pixels = 1}, nn::RandomFlip{}, nn::Cutout{4});
  options.transform = nn::MixUp{.alpha = 0.4, .probability = 0.5};
  options.checkpoint = std::move(checkpoint);
  options.checkpoint_interval = 1;
  options.callbacks = {callback};
  nn::fit(model, drawings(150, 14), nn::SoftmaxCrossEntropy{},
          nn::Adam{.learning_rate = 2e-3, .weight_decay = 1e-4}, options);
  print(world, "convolutions", model);
}

/// A small DCGAN in a loop of its own.
void train_gan(nn::Communicator& world) {
  nn::Model generator(
      nn::sequential(nn::Dense{4 * 4 * 16}, nn::Reshape{{4, 4, 16}}, nn::BatchNorm{}, nn::ReLU{},
                     nn::ConvTranspose2D{.filters = 16, .kernel = 4, .stride = 2, .padding = 1},
                     nn::BatchNorm{}, nn::ReLU{},
                     nn::ConvTranspose2D{.filters = 1, .kernel = 4, .stride = 2, .padding = 1},
                     nn::Tanh{}),
      {12}, {.seed = 4});
  nn::Model discriminator(
      nn::sequential(nn::Conv2D{.filters = 16, .kernel = 4, .stride = 2, .padding = 1},
                     nn::LeakyReLU{.negative_slope = 0.2F},
                     nn::Conv2D{.filters = 16, .kernel = 4, .stride = 2, .padding = 1},
                     nn::BatchNorm{}, nn::LeakyReLU{.negative_slope = 0.2F}, nn::Flatten{},
                     nn::Dense{1}),
      {16, 16, 1}, {.seed = 5});
  const nn::Adam rule{.learning_rate = 1e-3, .beta1 = 0.5};
  nn::Optimizer generator_optimizer(generator, rule);
  nn::Optimizer discriminator_optimizer(discriminator,
                                        nn::RMSProp{.learning_rate = 1e-3, .centered = true});
  const nn::SigmoidCrossEntropy loss;
  constexpr Index count = 16;  // of all ranks together
  nn::SharedBatches sharing(world, 8);
  sharing.begin_batch(count);
  generator.share(&sharing);
  discriminator.share(&sharing);
  const Index own = sharing.part().count(count);
  nn::Tensor<nn::Label> labels({own});
  nn::Tensor<float> gradient({own, 1});
  nn::Tensor<float> latent({own, 12});
  const auto judge = [&](nn::TensorView<const float> images, nn::Label label,
                         std::span<const Index> indices) {
    labels.fill(label);
    const nn::TensorView<const float> outputs = discriminator.forward(images);
    sharing.loss<float>(loss, outputs, {images, labels, {}, indices}, gradient);
  };
  const nn::Dataset data = drawings(64, 16);
  nn::Loader<float> loader(data, {.batch_size = count, .seed = 6, .part = sharing.part()});
  Index step = 0;
  for (Index epoch = 0; epoch < 3; ++epoch) {
    for (const nn::Batch<float>& batch : loader.epoch(epoch)) {
      sharing.begin_step(++step);
      discriminator.zero_gradients();
      judge(batch.inputs, 1, batch.indices);
      discriminator.backward(gradient);
      for (Index i = 0; i < own; ++i) {  // by the place in the whole batch
        nn::Random random(8, generator.step(),
                          static_cast<std::uint64_t>(sharing.first_sample() + i));
        for (float& value : latent.sample(i)) value = static_cast<float>(random.normal());
      }
      const nn::TensorView<const float> drawn = generator.forward(latent);
      judge(drawn, 0, batch.indices);
      discriminator.backward(gradient);
      discriminator_optimizer.step(discriminator);
      judge(drawn, 1, batch.indices);
      generator.zero_gradients();
      generator.backward(
          discriminator.backward(gradient, {.parameter_gradients = false, .input_gradient = true}));
      generator_optimizer.step(generator);
    }
  }
  print(world, "generator", generator);
  print(world, "discriminator", discriminator);
}

void train_all(nn::Communicator& world, int threads) {
  nn::set_threads(threads);
  train_lenet(world);
  train_convolutions(world);
  train_gan(world);
}

/// What a program may come to in the middle of a training.
void fail_by(const std::string& failure) {
  if (failure == "disk") {  // from here on files hold 4 KiB, and what is written beyond is refused
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    nn::require(setrlimit(RLIMIT_FSIZE, &limit) == 0, "cannot limit the sizes of files");
  }
  if (failure == "throw") throw nn::Error("no more paper");
  if (failure == "memory") (void)nn::Tensor<float>({Index{1} << 40U, 64});
  if (failure == "kill") std::raise(SIGKILL);
  if (failure == "stop") std::raise(SIGSTOP);
}

void train_until(nn::Communicator& world, const std::string& failure, const std::string& path) {
  nn::Callback callback;
  callback.everywhere = true;
  callback.on_batch = [&](nn::BatchReport& report) {
    const Index failing = failure == "disk" ? 0 : 1;
    if (failure == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(150));
    if (world.rank() == failing && report.step == 7) fail_by(failure);
  };
  train_convolutions(world, path, callback);
}

int number(const char* text) { return std::atoi(text); }

/// Returns 3 after a failure, in one rank or in all.
template <class Training>
int run(const Training& training) {
  try {
    training();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 3;
  }
}

int run_threads(int size, int threads) {
  nn::ThreadRanks ranks(size);
  std::vector<std::thread> all;
  std::vector<int> results(static_cast<std::size_t>(size));
  for (int rank = 0; rank < size; ++rank) {
    all.emplace_back([&, rank] {
      results[static_cast<std::size_t>(rank)] = run([&] { train_all(ranks[rank], threads); });
    });
  }
  for (std::thread& thread : all) thread.join();
  return *std::max_element(results.begin(), results.end());
}

}  // namespace

int main(int argc, char** argv) {
  if (world_of_mpi == nullptr) {
    return argc == 3 ? run_threads(number(argv[2]), number(argv[1])) : 2;
  }
  const std::unique_ptr<nn::Communicator> world = world_of_mpi(argc, argv);
  if (argc < 2) return 2;
  nn::set_threads(number(argv[1]));
  if (argc < 4) return run([&] { train_all(*world, number(argv[1])); });
  world->set_timeout(5);
  return run([&] { train_until(*world, argv[2], argv[3]); });
}
