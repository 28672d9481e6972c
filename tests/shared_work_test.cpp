#include "nn/distributed/share_tasks.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <numeric>

#include "blobs.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/relu.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/sgd.hpp"
#include "nn/train/fit.hpp"
#include "ranks.hpp"

namespace shared_work_test {

using nn::Index;

nn::Model<nn::Sequential<nn::Flatten, nn::Dense, nn::BatchNorm, nn::ReLU, nn::Dense>, float>
network() {
  return {nn::sequential(nn::Flatten{}, nn::Dense{7}, nn::BatchNorm{}, nn::ReLU{}, nn::Dense{3}),
          {6, 6, 1},
          {.seed = 5}};
}

/// The usual loss, which counts the samples that it is told.
struct CountingLoss {
  nn::SoftmaxCrossEntropy loss;
  std::atomic<Index>* samples;

  float operator()(nn::TensorView<const float> outputs, nn::TensorView<const nn::Label> labels,
                   nn::TensorView<float> gradient) const {
    *samples += labels.size();
    return loss(outputs, labels, gradient);
  }
};

/// Batches of 16 whose images depend on the batch and on the place in it.
nn::EvaluationOptions changed_batches() {
  nn::EvaluationOptions options{.batch_size = 16};
  options.transform = [](nn::BatchBuffer<float>& batch, nn::Random& random) {
    for (float& pixel : batch.inputs) pixel += static_cast<float>(random.normal(0, 0.3));
  };
  options.augmentation = [](nn::TensorView<float> image, nn::ImageContext& context) {
    for (float& pixel : image) pixel *= static_cast<float>(context.random.uniform(0.8, 1.2));
  };
  return options;
}

TEST_CASE("evaluate: ranks share the samples and measure the bits of one process") {
  const nn::Dataset data = blobs(107, 2);  // 6 batches of 16 and one of 11
  const auto model = network();
  std::atomic<Index> samples = 0;
  const CountingLoss loss{{}, &samples};
  const nn::Evaluation alone = nn::evaluate(model, data, loss, changed_batches());
  CHECK(samples == 107);
  CHECK(alone.loss != nn::evaluate(model, data, loss, {.batch_size = 16}).loss);
  for (const Index size : {1, 2, 3, 5, 9}) {
    samples = 0;
    std::vector<nn::Evaluation> found(static_cast<std::size_t>(size));
    const auto errors = run_ranks(size, [&](nn::Communicator& world) {
      nn::EvaluationOptions options = changed_batches();
      options.communicator = &world;
      found[static_cast<std::size_t>(world.rank())] = nn::evaluate(model, data, loss, options);
    });
    CHECK(joined(errors) == "");
    CHECK(samples == 107);  // of all ranks together
    for (const nn::Evaluation& one : found) {
      CHECK(one.loss == alone.loss);
      CHECK(one.accuracy == alone.accuracy);
      CHECK(one.count == 107);
    }
  }
}

TEST_CASE("predict: every rank has the outputs of all samples, in the order of the data") {
  const nn::Dataset data = blobs(107, 2);
  const auto model = network();
  const nn::Tensor<float> alone = nn::predict(model, data, changed_batches());
  for (const Index size : {2, 3, 9}) {
    std::atomic<int> right = 0;
    const auto errors = run_ranks(size, [&](nn::Communicator& world) {
      nn::EvaluationOptions options = changed_batches();
      options.communicator = &world;
      const nn::Tensor<float> outputs = nn::predict(model, data, options);
      if (outputs.shape() == alone.shape() &&
          std::equal(alone.begin(), alone.end(), outputs.begin())) {
        ++right;
      }
    });
    CHECK(joined(errors) == "");
    CHECK(right == size);
  }
}

TEST_CASE("evaluate: a rank with other data is named, and one that throws stops the others") {
  const auto model = network();
  const auto other = run_ranks(3, [&](nn::Communicator& world) {
    const nn::Dataset data = blobs(world.rank() == 2 ? 300 : 600, 2);
    (void)nn::evaluate(model, data, nn::SoftmaxCrossEntropy{}, {.communicator = &world});
  });
  for (const std::string& error : other) {
    CHECK(error == "the ranks do not share the same work: rank 2 has batches: 2, and rank 0 3");
  }
  const auto thrown = run_ranks(2, [&](nn::Communicator& world) {
    nn::EvaluationOptions options{.batch_size = 16, .communicator = &world};
    options.augmentation = [&](nn::TensorView<float>, nn::ImageContext&) {
      if (world.rank() == 1) throw nn::Error("no more paint");
    };
    (void)nn::predict(model, blobs(64, 2), options);
  });
  CHECK(thrown[0] == "rank 0 stops: rank 1 failed: no more paint");
  CHECK(thrown[1] == "no more paint");
}

TEST_CASE("fit: ranks share the validation set") {
  const nn::Dataset train = blobs(64, 1);
  const nn::Dataset validation = blobs(300, 2);
  std::atomic<Index> samples = 0;
  std::vector<double> losses(3);
  const auto errors = run_ranks(3, [&](nn::Communicator& world) {
    auto model = network();
    const nn::History history =
        nn::fit(model, train, CountingLoss{{}, &samples}, nn::SGD{},
                {.epochs = 2, .batch_size = 16, .validation = &validation, .communicator = &world});
    losses[static_cast<std::size_t>(world.rank())] = history.last().validation_loss;
    CHECK(history.last().validation_loss ==
          nn::evaluate(model, validation, nn::SoftmaxCrossEntropy{}).loss);
  });
  CHECK(joined(errors) == "");
  CHECK(samples == 2 * (64 + 300));
  CHECK(losses == std::vector<double>(3, losses[0]));
}

TEST_CASE("share_tasks: every task is done once, and every rank has all results in order") {
  for (const Index size : {1, 2, 3, 5, 8}) {
    for (const Index count : {0, 1, 5, 6}) {
      std::atomic<Index> done = 0;
      std::atomic<int> right = 0;
      std::vector<double> expected;
      for (Index i = 0; i < count; ++i) expected.push_back(std::sqrt(static_cast<double>(i)));
      const auto errors = run_ranks(size, [&](nn::Communicator& world) {
        const std::vector<double> roots = nn::share_tasks(world, count, [&](Index task) {
          ++done;
          return std::sqrt(static_cast<double>(task));
        });
        if (roots == expected) ++right;
      });
      CHECK(joined(errors) == "");
      CHECK(done == count);
      CHECK(right == size);
    }
  }
}

TEST_CASE("share_tasks: results may be structures, texts, vectors and checkpoints with models") {
  struct Figures {
    Index task = 0;
    double value = 0;
  };
  std::atomic<int> right = 0;
  const auto errors = run_ranks(2, [&](nn::Communicator& world) {
    const auto figures = nn::share_tasks(world, 3, [](Index task) { return Figures{task, 0.1}; });
    const auto texts = nn::share_tasks(
        world, 3, [](Index task) { return std::string(static_cast<std::size_t>(task), 'x'); });
    const auto vectors = nn::share_tasks(world, 3, [](Index task) {
      return std::vector<float>(static_cast<std::size_t>(task), 0.5F);
    });
    const auto checkpoints = nn::share_tasks(world, 3, [](Index task) {
      nn::Checkpoint checkpoint;
      auto model = network();
      model.parameters().fill(static_cast<float>(task));
      checkpoint.set("model", model);
      return checkpoint;
    });
    auto model = network();
    checkpoints[2].get("model", model);
    if (figures[1].task == 1 && figures[1].value == 0.1 && figures[2].task == 2 &&
        texts == std::vector<std::string>{"", "x", "xx"} &&
        vectors == std::vector<std::vector<float>>{{}, {0.5F}, {0.5F, 0.5F}} &&
        model.parameters()[0] == 2) {
      ++right;
    }
  });
  CHECK(joined(errors) == "");
  CHECK(right == 2);
}

TEST_CASE("share_tasks: when a task fails, no rank begins another one") {
  std::atomic<Index> done = 0;
  const auto errors = run_ranks(2, [&](nn::Communicator& world) {
    (void)nn::share_tasks(world, 100, [&](Index task) {
      if (task == 1) throw nn::Error("the oven is cold");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      ++done;
      return 0;
    });
  });
  CHECK(errors[0] == "rank 0 stops: rank 1 failed: the oven is cold");
  CHECK(errors[1] == "the oven is cold");
  CHECK(done < 50);
}

TEST_CASE("share_tasks: ranks with other numbers of tasks are named") {
  const auto errors = run_ranks(3, [&](nn::Communicator& world) {
    (void)nn::share_tasks(world, world.rank() == 1 ? 4 : 5, [](Index task) { return task; });
  });
  for (const std::string& error : errors) {
    CHECK(error == "the ranks do not share the same tasks: rank 1 has tasks: 4, and rank 0 5");
  }
}

TEST_CASE("share_tasks: a task may take longer than the timeout") {
  std::atomic<int> right = 0;
  const auto errors = run_ranks(
      3,
      [&](nn::Communicator& world) {
        const std::vector<Index> results = nn::share_tasks(world, 2, [](Index task) {
          if (task == 1) std::this_thread::sleep_for(std::chrono::milliseconds(4500));
          return 10 + task;
        });
        if (results == std::vector<Index>{10, 11}) ++right;
        world.barrier();
      },
      1, 2);  // far longer than a rank is kept from answering on a busy machine
  CHECK(joined(errors) == "");
  CHECK(right == 3);
}

TEST_CASE("AtWork: a rank that does not answer is found out when nobody is at work any more") {
  const auto errors = run_ranks(
      3,
      [&](nn::Communicator& world) {
        if (world.rank() == 2) return;
        if (world.rank() == 1) {
          const nn::AtWork at_work(world);
          std::this_thread::sleep_for(std::chrono::milliseconds(2500));
        }
        world.barrier();
      },
      1, 2);
  CHECK(errors[0] == "rank 0 stops: rank 2 does not answer within 2 s");
  CHECK(errors[1] == "rank 1 stops: rank 2 does not answer within 2 s");
}

}  // namespace shared_work_test
