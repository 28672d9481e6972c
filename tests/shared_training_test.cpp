#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <mutex>

#include "blobs.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/residual.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/sgd.hpp"
#include "nn/train/fit.hpp"
#include "ranks.hpp"

namespace shared_training_test {

using nn::Index;

auto network() {
  return nn::sequential(nn::Conv2D{.filters = 4, .kernel = 3, .padding = 1}, nn::BatchNorm{},
                        nn::ReLU{},
                        nn::residual(nn::Conv2D{.filters = 4, .kernel = 3, .padding = 1},
                                     nn::BatchNorm{}, nn::ReLU{}),
                        nn::MaxPool2D{2}, nn::Flatten{}, nn::Dropout{0.25F}, nn::Dense{5},
                        nn::BatchNorm{}, nn::ReLU{}, nn::Dense{3});
}

nn::FitOptions options() {
  nn::FitOptions options{.epochs = 2, .batch_size = 16, .seed = 4};
  options.augmentation = [](nn::TensorView<float> image, nn::ImageContext& context) {
    for (float& pixel : image) pixel *= static_cast<float>(context.random.uniform(0.8, 1.2));
  };
  return options;
}

/// The bytes of weights and running statistics, as numbers.
template <class T>
std::vector<T> contents(const auto& model) {
  std::vector<T> all(model.parameters().begin(), model.parameters().end());
  all.insert(all.end(), model.state().begin(), model.state().end());
  return all;
}

/// What `ranks` ranks end in, all of them in the same; empty where they do not.
template <class T = float, class Change>
std::vector<T> trained(Index ranks, int threads, const Change& change) {
  std::vector<std::vector<T>> results(static_cast<std::size_t>(ranks));
  const auto errors = run_ranks(
      ranks,
      [&](nn::Communicator& world) {
        nn::Model<decltype(network()), T> model(network(), {6, 6, 1}, {.seed = 2});
        nn::FitOptions given = options();
        given.communicator = &world;
        change(given);
        nn::fit(model, blobs(70, 1), nn::SoftmaxCrossEntropy{},
                nn::SGD{.learning_rate = 0.05, .momentum = 0.9}, given);
        results[static_cast<std::size_t>(world.rank())] = contents<T>(model);
      },
      threads);
  CHECK(joined(errors) == "");
  for (const auto& result : results) {
    if (result != results[0]) return {};
  }
  return results[0];
}

TEST_CASE("SharedBatches: a batch in pieces has the loss's gradient, to rounding") {
  // Without dropout, which draws by sample; with batch normalisation over all samples.
  const auto net = nn::sequential(nn::Conv2D{.filters = 4, .kernel = 3}, nn::BatchNorm{},
                                  nn::ReLU{}, nn::Flatten{}, nn::Dense{3}, nn::BatchNorm{});
  nn::Model<decltype(net), double> whole(net, {6, 6, 1}, {.seed = 2});
  nn::Model<decltype(net), double> shared(net, {6, 6, 1}, {.seed = 2});
  const nn::Dataset data = blobs(21, 3);
  nn::Loader<double> loader(data, {.batch_size = 21, .shuffle = false});
  nn::Communicator alone;
  nn::SharedBatches sharing(alone, 5);
  nn::Tensor<double> slope({21, 3});
  for (Index i = 0; i < slope.size(); ++i) slope[i] = std::sin(static_cast<double>(i));
  for (const nn::Batch<double>& batch : loader.epoch(0)) {
    const nn::TensorView<const double> expected = whole.forward(batch.inputs);
    whole.backward(slope);
    sharing.begin_batch(21);
    shared.share(&sharing);
    const nn::TensorView<const double> found = shared.forward(batch.inputs);
    shared.backward(slope);
    shared.backward(slope);  // adds
    for (Index i = 0; i < expected.size(); ++i) CHECK(found[i] == doctest::Approx(expected[i]));
  }
  double largest = 0;
  for (Index i = 0; i < whole.gradients().size(); ++i) {
    largest = std::max(largest, std::abs(whole.gradients()[i]));
    CHECK(std::abs(shared.gradients()[i] - 2 * whole.gradients()[i]) < 1e-10);
  }
  CHECK(largest > 0.1);
  for (Index i = 0; i < whole.state().size(); ++i) {
    CHECK(shared.state()[i] == doctest::Approx(whole.state()[i]));
  }
}

TEST_CASE("fit: any number of ranks and threads ends in the same bits") {
  const auto none = [](nn::FitOptions&) {};
  const std::vector<float> one = trained(1, 1, none);
  REQUIRE(!one.empty());
  CHECK(std::isfinite(one[0]));
  CHECK(trained(1, 3, none) == one);
  CHECK(trained(2, 1, none) == one);
  CHECK(trained(3, 2, none) == one);
  CHECK(trained(4, 1, none) == one);
}

TEST_CASE("fit: ranks end in the same bits with all that a training may have") {
  const auto all = [](nn::FitOptions& options) {
    options.batch_size = 19;  // the last batch has 13 samples
    options.pieces = 7;
    options.clip_norm = 0.5;
    options.average_decay = 0.9;
    options.accumulate = 2;
    options.schedule = nn::cosine_schedule(0.1);
    options.transform = [](nn::BatchBuffer<float>& batch, nn::Random& random) {
      batch.make_targets();
      const float share = static_cast<float>(random.uniform(0.5, 1));
      for (float& pixel : batch.inputs.sample(0)) pixel *= share;
    };
  };
  const std::vector<float> one = trained(1, 1, all);
  REQUIRE(!one.empty());
  CHECK(trained(2, 1, all) == one);
  CHECK(trained(3, 1, all) == one);
  // The transform and the clipping have an effect.
  const auto less = [&](nn::FitOptions& options) {
    all(options);
    options.transform = {};
  };
  CHECK(trained(1, 1, less) != one);
}

TEST_CASE("fit: a last batch of fewer samples than pieces is computed by every rank") {
  const auto last = [](nn::FitOptions& options) { options.batch_size = 33; };  // 70 = 2 * 33 + 4
  const std::vector<float> one = trained(1, 1, last);
  REQUIRE(!one.empty());
  CHECK(trained(2, 1, last) == one);
  CHECK(trained(3, 1, last) == one);
}

TEST_CASE("fit: ranks end in the same bits in double") {
  const auto none = [](nn::FitOptions&) {};
  const std::vector<double> one = trained<double>(1, 1, none);
  REQUIRE(!one.empty());
  CHECK(trained<double>(3, 1, none) == one);
}

TEST_CASE("fit: the number of pieces makes the result, and there are enough for the ranks") {
  const auto eight = [](nn::FitOptions&) {};
  const auto four = [](nn::FitOptions& options) { options.pieces = 4; };
  CHECK(trained(1, 1, eight) != trained(1, 1, four));
  const auto errors = run_ranks(3, [&](nn::Communicator& world) {
    nn::Model model(network(), {6, 6, 1});
    nn::FitOptions given = options();
    given.pieces = 2;
    given.communicator = &world;
    nn::fit(model, blobs(70, 1), nn::SoftmaxCrossEntropy{}, nn::SGD{}, given);
  });
  CHECK(errors[1].find("batches of 2 pieces cannot be shared by 3 ranks") == 0);
}

TEST_CASE("fit: the figures of ranks are those of the whole batch, and rank 0 alone reports") {
  std::mutex mutex;
  std::vector<Index> callers;
  std::vector<double> losses;
  std::vector<std::vector<nn::EpochRecord>> records;
  for (const Index size : {1, 3}) {
    const auto errors = run_ranks(size, [&](nn::Communicator& world) {
      nn::Model model(network(), {6, 6, 1}, {.seed = 2});
      nn::FitOptions given = options();
      const nn::Dataset validation = blobs(30, 2);
      given.validation = &validation;
      given.communicator = &world;
      given.callbacks.push_back({.on_batch = [&](nn::BatchReport& report) {
        const std::lock_guard lock(mutex);
        callers.push_back(world.rank());
        losses.push_back(report.loss);
      }});
      const nn::History history =
          nn::fit(model, blobs(70, 1), nn::SoftmaxCrossEntropy{}, nn::SGD{}, given);
      const std::lock_guard lock(mutex);
      records.push_back(history.epochs);
    });
    CHECK(joined(errors) == "");
  }
  CHECK(callers == std::vector<Index>(20, 0));  // 2 times 2 epochs of 5 batches
  REQUIRE(losses.size() == 20);
  CHECK(std::equal(losses.begin(), losses.begin() + 10, losses.begin() + 10));
  REQUIRE(records.size() == 4);
  for (const auto& epochs : records) {
    REQUIRE(epochs.size() == 2);
    CHECK(epochs[1].loss == records[0][1].loss);
    CHECK(epochs[1].accuracy == records[0][1].accuracy);
    CHECK(epochs[1].validation_loss == records[0][1].validation_loss);
  }
}

TEST_CASE("fit: what a callback of rank 0 decides, all ranks do") {
  std::vector<Index> epochs(2);
  std::vector<double> rates(2);
  const auto errors = run_ranks(2, [&](nn::Communicator& world) {
    nn::Model model(network(), {6, 6, 1}, {.seed = 2});
    nn::Optimizer optimizer(model, nn::SGD{.learning_rate = 0.1});
    const auto rank = static_cast<std::size_t>(world.rank());
    nn::FitOptions given = options();
    given.epochs = 5;
    given.communicator = &world;
    given.callbacks.push_back({.on_batch =
                                   [&](nn::BatchReport& report) {
                                     if (report.step == 2) optimizer.set_learning_rate(0.01);
                                   },
                               .on_epoch =
                                   [&](nn::EpochReport& report) {
                                     if (report.record.epoch == 2) report.stop = true;
                                   }});
    const nn::History history =
        nn::fit(model, blobs(70, 1), nn::SoftmaxCrossEntropy{}, optimizer, given);
    epochs[rank] = history.last().epoch;
    rates[rank] = history.last().learning_rate;
  });
  CHECK(joined(errors) == "");
  CHECK(epochs == std::vector<Index>{2, 2});
  CHECK(rates == std::vector<double>{0.01, 0.01});
}

TEST_CASE("fit: an exception in a callback of one rank stops all, with its step") {
  const auto errors = run_ranks(3, [&](nn::Communicator& world) {
    nn::Model model(network(), {6, 6, 1}, {.seed = 2});
    nn::FitOptions given = options();
    given.communicator = &world;
    given.callbacks.push_back({.on_batch =
                                   [&](nn::BatchReport& report) {
                                     if (world.rank() == 1 && report.step == 3) {
                                       throw nn::Error("no more paper");
                                     }
                                   },
                               .everywhere = true});
    nn::fit(model, blobs(70, 1), nn::SoftmaxCrossEntropy{}, nn::SGD{}, given);
  });
  CHECK(errors[0] == "rank 0 stops: rank 1 failed at step 3: no more paper");
  CHECK(errors[1] == "no more paper");
  CHECK(errors[2] == "rank 2 stops: rank 1 failed at step 3: no more paper");
}

TEST_CASE("fit: ranks that do not train the same are named, with what differs") {
  const auto difference = [](const auto& change) {
    const auto errors = run_ranks(3, [&](nn::Communicator& world) {
      Index samples = 70;
      std::uint64_t seed = 2;
      double rate = 0.05;
      nn::FitOptions given = options();
      given.communicator = &world;
      if (world.rank() == 2) change(given, samples, seed, rate);
      nn::Model model(network(), {6, 6, 1}, {.seed = seed});
      nn::fit(model, blobs(samples, 1), nn::SoftmaxCrossEntropy{}, nn::SGD{.learning_rate = rate},
              given);
    });
    CHECK(errors[0] == errors[1]);
    CHECK(errors[0] == errors[2]);
    const std::string begin = "the ranks do not train the same: rank 2 has ";
    REQUIRE(errors[0].find(begin) == 0);
    return errors[0].substr(begin.size());
  };
  CHECK(difference([](nn::FitOptions& given, Index&, std::uint64_t&, double&) {
          given.batch_size = 8;
        }) == "batch_size: 8, and rank 0 16");
  CHECK(difference([](nn::FitOptions&, Index&, std::uint64_t& seed, double&) { seed = 5; }) ==
        "model's seed: 5, and rank 0 2");
  CHECK(difference([](nn::FitOptions&, Index&, std::uint64_t&, double& rate) {
          rate = 0.5;
        }).find("learning_rate: 0.5, and rank 0 0.05") == 0);
  CHECK(difference([](nn::FitOptions&, Index& samples, std::uint64_t&, double&) {
          samples = 69;
        }).find("training set's images: 69 of 6x6x1, fingerprint") == 0);
}

TEST_CASE("fit: a training goes on from its checkpoint with another number of ranks") {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / "nn-shared-training.checkpoint";
  const auto with_file = [&](nn::FitOptions& options) {
    options.average_decay = 0.9;
    options.checkpoint = path;
    options.checkpoint_interval = 1;
  };
  std::filesystem::remove(path);
  const std::vector<float> undisturbed = trained(1, 1, with_file);
  std::filesystem::remove(path);
  const auto stopped = [&](nn::FitOptions& options) {
    with_file(options);
    options.callbacks.push_back(
        {.on_batch = [](nn::BatchReport& report) { report.stop = report.step == 7; }});
  };
  const std::vector<float> half = trained(3, 1, stopped);
  REQUIRE(std::filesystem::exists(path));
  CHECK(half != undisturbed);
  CHECK(trained(2, 1, with_file) == undisturbed);
  std::filesystem::remove(path);
}

}  // namespace shared_training_test
