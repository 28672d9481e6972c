// Training steps of W4 to W6, and of the quick recipe for CIFAR-10, that processes share, timed for
// bench/ranks:
//
//     mpirun -n 2 rank_steps WORK SECONDS [--pieces 8] [--batch 128] [--delay 0.00005]
//     rank_steps WORK SECONDS --alone       # without a communicator, by this process's threads
//     mpirun -n 2 rank_steps --messages SECONDS [--delay 0]
//
// Rank 0 writes one line of JSON. A step is what `fit` does in one: forward, loss, backward, the
// optimizer, and the numbers that all take over from rank 0. With --messages ranks 0 and 1 exchange
// 8 bytes and 4 MiB in turns.
//
// --delay SECONDS makes every message arrive so much later than it does. What MPI itself sends to
// and fro, acknowledgements and the agreement that comes before a long message, is not delayed.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <nn/distributed/mpi.hpp>

#include "support/recipe_network.hpp"
#include "workloads.hpp"

namespace {

using nn::Index;
using SteadyClock = std::chrono::steady_clock;

double since(SteadyClock::time_point begin) {
  return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

/// Another communicator whose messages it counts, times and delays.
class Meter final : public nn::Communicator {
 public:
  Meter(nn::Communicator& world, double delay) : world_(world), delay_(delay) {}
  [[nodiscard]] Index rank() const override { return world_.rank(); }
  [[nodiscard]] Index size() const override { return world_.size(); }
  void start(std::span<const std::byte> out, Index to, std::span<std::byte> in,
             Index from) override {
    begin_ = SteadyClock::now();
    receives_ = from >= 0;
    arrived_ = false;
    world_.start(out, to, in, from);
  }
  [[nodiscard]] bool progress() override {
    if (!arrived_) {
      if (!world_.progress()) return false;
      arrived_ = true;
      arrival_ = SteadyClock::now();
    }
    if (receives_ && delay_ > 0 && since(arrival_) < delay_) {
      std::this_thread::yield();
      return false;
    }
    seconds += since(begin_);
    ++exchanges;
    return true;
  }
  void tell(Index to, const nn::Notice& notice) override { world_.tell(to, notice); }
  [[nodiscard]] bool hear(nn::Notice& notice) override { return world_.hear(notice); }

  double seconds = 0;   ///< between the begin and the end of messages
  Index exchanges = 0;  ///< messages, one sent and one received at a time counting once

 private:
  nn::Communicator& world_;
  double delay_;
  bool receives_ = false;
  bool arrived_ = false;
  SteadyClock::time_point begin_;
  SteadyClock::time_point arrival_;
};

/// Another sharing whose sums it times.
class TimedSums final : public nn::BatchSharing {
 public:
  /// Of batches that `sharing` has cut.
  explicit TimedSums(nn::BatchSharing& sharing) : sharing_(sharing) {
    for (Index piece = 0; piece < sharing.pieces(); ++piece) {
      pieces_.push_back({sharing.begin(piece), sharing.block(piece), sharing.joins(piece)});
      block_count_ = std::max(block_count_, sharing.block(piece) + 1);
    }
    own_samples_ = sharing.begin(sharing.pieces());
    first_sample_ = sharing.first_sample();
    samples_ = sharing.samples();
    smallest_piece_ = sharing.smallest_piece();
  }
  void sum(float* blocks, Index size) override {
    const SteadyClock::time_point begin = SteadyClock::now();
    sharing_.sum(blocks, size);
    seconds += since(begin);
  }
  void sum(double* blocks, Index size) override {
    const SteadyClock::time_point begin = SteadyClock::now();
    sharing_.sum(blocks, size);
    seconds += since(begin);
  }
  void join(double* records, Index size,
            nn::FunctionRef<void(double* left, const double* right)> combine) override {
    const SteadyClock::time_point begin = SteadyClock::now();
    sharing_.join(records, size, combine);
    seconds += since(begin);
  }

  double seconds = 0;

 private:
  nn::BatchSharing& sharing_;
};

/// What a step is made with: alone, where there is no sharing.
struct Setting {
  Index batch;
  nn::BatchSharing* sharing;  ///< or null

  [[nodiscard]] Index own() const {
    return sharing == nullptr ? batch : sharing->begin(sharing->pieces());
  }
  [[nodiscard]] Index first() const { return sharing == nullptr ? 0 : sharing->first_sample(); }
};

/// This process's samples of something.
template <class T>
nn::Tensor<T> own_part(const nn::Tensor<T>& whole, const Setting& setting) {
  const nn::TensorView<const T> part = whole.view().samples(setting.first(), setting.own());
  nn::Tensor<T> copy(part.shape());
  std::copy(part.begin(), part.end(), copy.begin());
  return copy;
}

/// The gradient of the mean loss over the whole batch, for this process's samples.
template <class Loss>
void measure_loss(const Setting& setting, nn::detail::PieceFigures& figures, const Loss& loss,
                  nn::TensorView<const float> outputs, const nn::Batch<float>& batch,
                  nn::TensorView<float> gradient) {
  const auto measure = [&](nn::TensorView<const float> part, const nn::Batch<float>& samples,
                           nn::TensorView<float> slope) {
    return nn::detail::BatchFigures{nn::detail::batch_loss<float>(loss, part, samples, slope), 0,
                                    samples.size()};
  };
  if (setting.sharing == nullptr) {
    (void)measure(outputs, batch, gradient);
  } else {
    (void)figures.measure<float>(*setting.sharing, outputs, batch, gradient, measure);
  }
}

/// Makes a step.
class Training {
 public:
  Training() = default;
  Training(const Training&) = delete;
  Training& operator=(const Training&) = delete;
  virtual ~Training() = default;
  virtual void step() = 0;
  /// The elements of all gradients.
  [[nodiscard]] virtual Index parameters() const = 0;
};

template <class Network, class Rule>
class Classifier final : public Training {
 public:
  Classifier(const Network& network, const nn::Shape& shape, const Rule& rule,
             const Setting& setting)
      : setting_(setting),
        model_(network, shape, {.seed = 1}),
        optimizer_(model_, rule),
        images_(own_part(bench::random_batch(setting.batch, shape), setting)),
        labels_(own_part(bench::random_labels(setting.batch), setting)),
        places_(static_cast<std::size_t>(setting.own())),
        gradient_(model_.output_shape().prepended(setting.own())) {}

  void step() override {
    if (setting_.sharing != nullptr) model_.share(setting_.sharing);
    const auto outputs = model_.forward(images_);
    measure_loss(setting_, figures_, nn::SoftmaxCrossEntropy{}, outputs,
                 {images_, labels_, {}, places_}, gradient_);
    model_.zero_gradients();
    model_.backward(gradient_);
    optimizer_.step(model_);
  }
  [[nodiscard]] Index parameters() const override {
    return static_cast<Index>(model_.parameters().size());
  }

 private:
  Setting setting_;
  nn::Model<Network> model_;
  nn::Optimizer<Rule> optimizer_;
  nn::Tensor<float> images_;
  nn::Tensor<nn::Label> labels_;
  std::vector<Index> places_;
  nn::Tensor<float> gradient_;
  nn::detail::PieceFigures figures_;
};

/// Both networks of the DCGAN: the discriminator on real and on generated images, whose gradients
/// are added up, then the generator through the discriminator.
class Gan final : public Training {
 public:
  explicit Gan(const Setting& setting)
      : setting_(setting),
        generator_(bench::w6_generator(), {100}, {.seed = 1}),
        discriminator_(bench::w6_discriminator(), {28, 28, 1}, {.seed = 2}),
        generator_optimizer_(generator_, bench::gan_adam),
        discriminator_optimizer_(discriminator_, bench::gan_adam),
        real_(own_part(bench::random_batch(setting.batch, {28, 28, 1}), setting)),
        latent_(own_part(bench::random_batch(setting.batch, {100}), setting)),
        ones_({setting.own(), 1}, 1.0F),
        zeros_({setting.own(), 1}),
        places_(static_cast<std::size_t>(setting.own())),
        gradient_({setting.own(), 1}) {}

  void step() override {
    if (setting_.sharing != nullptr) {
      generator_.share(setting_.sharing);
      discriminator_.share(setting_.sharing);
    }
    discriminator_.zero_gradients();
    judge(real_, ones_);
    discriminator_.backward(gradient_);
    const auto fake = generator_.forward(latent_);
    judge(fake, zeros_);
    discriminator_.backward(gradient_);
    discriminator_optimizer_.step(discriminator_);

    generator_.zero_gradients();
    judge(fake, ones_);
    generator_.backward(
        discriminator_.backward(gradient_, {.parameter_gradients = false, .input_gradient = true}));
    generator_optimizer_.step(generator_);
  }
  [[nodiscard]] Index parameters() const override {
    return static_cast<Index>(generator_.parameters().size() + discriminator_.parameters().size());
  }

 private:
  void judge(nn::TensorView<const float> images, const nn::Tensor<float>& targets) {
    measure_loss(setting_, figures_, nn::SigmoidCrossEntropy{}, discriminator_.forward(images),
                 {images, {}, targets, places_}, gradient_);
  }

  Setting setting_;
  nn::Model<decltype(bench::w6_generator())> generator_;
  nn::Model<decltype(bench::w6_discriminator())> discriminator_;
  nn::Optimizer<nn::Adam> generator_optimizer_;
  nn::Optimizer<nn::Adam> discriminator_optimizer_;
  nn::Tensor<float> real_;
  nn::Tensor<float> latent_;
  nn::Tensor<float> ones_;
  nn::Tensor<float> zeros_;
  std::vector<Index> places_;
  nn::Tensor<float> gradient_;
  nn::detail::PieceFigures figures_;
};

using Maker = std::function<std::unique_ptr<Training>(const Setting&)>;

template <class Network, class Rule>
Maker classifier(const Network& network, const nn::Shape& shape, const Rule& rule) {
  return [=](const Setting& setting) -> std::unique_ptr<Training> {
    return std::make_unique<Classifier<Network, Rule>>(network, shape, rule, setting);
  };
}

struct Work {
  Index batch;
  Maker make;
};

std::map<std::string, Work> works() {
  const example::Recipe& cifar = example::find_recipe("cifar-10", "fast");
  const nn::Shape colour{32, 32, 3};
  return {{"W4", {128, classifier(bench::w4(), {28, 28, 1}, bench::adam)}},
          {"W5", {64, classifier(bench::w5(), colour, bench::sgd)}},
          {"CIFAR-10",
           {cifar.batch_size, classifier(example::network_of(cifar, colour, 10), colour,
                                         nn::SGD{.learning_rate = 1e-3,
                                                 .momentum = example::recipe_momentum,
                                                 .nesterov = true,
                                                 .weight_decay = cifar.weight_decay})}},
          {"W6", {64, [](const Setting& setting) -> std::unique_ptr<Training> {
                    return std::make_unique<Gan>(setting);
                  }}}};
}

struct Arguments {
  std::string work;
  double seconds = 0;
  bool alone = false;
  bool messages = false;
  Index pieces = 0;  ///< 0: as `fit` cuts batches
  Index batch = 0;   ///< 0: the work's own
  double delay = 0;
};

Arguments read(int argc, char** argv) {
  Arguments arguments;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto value = [&]() -> const char* {
      nn::require(i + 1 < argc, word, " needs a value");
      return argv[++i];
    };
    if (word == "--alone") {
      arguments.alone = true;
    } else if (word == "--messages") {
      arguments.messages = true;
    } else if (word == "--pieces") {
      arguments.pieces = std::atol(value());
    } else if (word == "--batch") {
      arguments.batch = std::atol(value());
    } else if (word == "--delay") {
      arguments.delay = std::atof(value());
    } else {
      words.push_back(word);
    }
  }
  if (!arguments.messages && !words.empty()) {
    arguments.work = words.front();
    words.erase(words.begin());
  }
  nn::require(words.size() == 1, "usage: rank_steps WORK SECONDS, or --messages SECONDS");
  arguments.seconds = std::atof(words.front().c_str());
  return arguments;
}

/// Calls `step` until rank 0's clock says that it is enough, at least once. The first call is not
/// timed. Returns the seconds of one.
template <class Step, class Reset>
double time_steps(nn::Communicator& world, double seconds, Index& steps, const Step& step,
                  const Reset& reset) {
  step();
  world.barrier();
  reset();
  const SteadyClock::time_point begin = SteadyClock::now();
  double decisions[] = {1, 0};  // whether to go on, and as much as `fit` sends besides
  for (steps = 0; decisions[0] != 0;) {
    step();
    ++steps;
    decisions[0] = since(begin) < seconds ? 1 : 0;
    world.broadcast(std::span<double>(decisions));
  }
  return since(begin) / static_cast<double>(steps);
}

void time_training(nn::Communicator& mpi, const Arguments& arguments) {
  const auto all = works();
  const auto found = all.find(arguments.work);
  nn::require(found != all.end(), "there is no work ", arguments.work);
  const Work& work = found->second;
  const Index batch = arguments.batch > 0 ? arguments.batch : work.batch;
  const Index pieces = nn::detail::piece_count(batch, arguments.pieces);
  Meter world(mpi, arguments.delay);
  nn::SharedBatches sharing(world, pieces);
  sharing.begin_batch(batch);
  TimedSums timed(sharing);
  const std::unique_ptr<Training> training = work.make({batch, arguments.alone ? nullptr : &timed});
  Index steps = 0;
  Index bytes = 0;
  const double seconds = time_steps(
      world, arguments.seconds, steps, [&] { training->step(); },
      [&] {
        timed.seconds = world.seconds = 0;
        world.exchanges = 0;
        bytes = world.bytes_sent();
      });
  const auto count = static_cast<double>(steps);
  // Of the rank that sends most, and of the one that waits least.
  std::vector<double> sent(static_cast<std::size_t>(world.size()));
  std::vector<double> sums(sent.size());
  sent[static_cast<std::size_t>(world.rank())] =
      static_cast<double>(world.bytes_sent() - bytes) / count;
  sums[static_cast<std::size_t>(world.rank())] = timed.seconds / count;
  const double messages = world.seconds / count;
  const double exchanges = static_cast<double>(world.exchanges) / count;
  const std::vector<Index> ones(sent.size(), 1);
  world.gather(std::span<double>(sent), std::span<const Index>(ones));
  world.gather(std::span<double>(sums), std::span<const Index>(ones));
  if (world.rank() != 0) return;
  std::cout << "{\"work\": \"" << arguments.work << "\", \"ranks\": " << world.size()
            << ", \"threads\": " << nn::threads() << ", \"batch\": " << batch
            << ", \"pieces\": " << pieces << ", \"steps\": " << steps
            << ", \"seconds\": " << seconds
            << ", \"images_per_second\": " << static_cast<double>(batch) / seconds
            << ", \"sums\": " << *std::min_element(sums.begin(), sums.end())
            << ", \"sums_most\": " << *std::max_element(sums.begin(), sums.end())
            << ", \"messages\": " << messages << ", \"exchanges\": " << exchanges
            << ", \"bytes\": " << *std::max_element(sent.begin(), sent.end())
            << ", \"gradient_bytes\": " << 4 * training->parameters() << "}" << std::endl;
}

void time_messages(nn::Communicator& mpi, const Arguments& arguments) {
  Meter world(mpi, arguments.delay);
  nn::require(world.size() > 1, "messages need two ranks");
  const auto time = [&](std::size_t bytes) {
    std::vector<std::byte> out(bytes);
    std::vector<std::byte> in(bytes);
    const Index other = 1 - world.rank();
    Index exchanges = 0;
    return time_steps(
               world, arguments.seconds, exchanges,
               [&] {
                 for (int i = 0; i < 20 && world.rank() < 2; ++i)
                   world.exchange(out, other, in, other);
               },
               [] {}) /
           20;
  };
  const double small = time(8);
  const double large = time(std::size_t{1} << 22U);
  if (world.rank() != 0) return;
  std::cout << "{\"latency\": " << small
            << ", \"bytes_per_second\": " << (1 << 22U) / std::max(1e-9, large - small) << "}"
            << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Arguments arguments = read(argc, argv);
    if (arguments.alone) {
      nn::Communicator alone;
      time_training(alone, arguments);
      return 0;
    }
    nn::Mpi world(argc, argv);
    if (arguments.messages) {
      time_messages(world, arguments);
    } else {
      time_training(world, arguments);
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}
