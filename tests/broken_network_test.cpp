// What a training does when the network between its ranks breaks.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "blobs.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/relu.hpp"
#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/adam.hpp"
#include "nn/train/fit.hpp"
#include "ranks.hpp"

namespace broken_network_test {

using nn::Index;

constexpr Index broken_step = 7;
/// Far longer than a rank is kept from answering on a busy machine.
constexpr double timeout = 3;

/// A rank whose cable is pulled in that step: from then on nothing goes out or comes in, and nobody
/// is told.
class PulledCable final : public nn::Communicator {
 public:
  /// It breaks at this message of the step, 1 for the first; never for 0.
  PulledCable(nn::Communicator& world, Index message) : world_(world), message_(message) {
    set_timeout(world.timeout());
  }
  [[nodiscard]] Index rank() const override { return world_.rank(); }
  [[nodiscard]] Index size() const override { return world_.size(); }
  void start(std::span<const std::byte> out, Index to, std::span<std::byte> in,
             Index from) override {
    if (step() == broken_step && ++messages_ == message_) broken_ = true;
    if (!broken_) world_.start(out, to, in, from);
  }
  [[nodiscard]] bool progress() override {
    if (!broken_) return world_.progress();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return false;
  }
  void tell(Index to, const nn::Notice& notice) override {
    if (!broken_) world_.tell(to, notice);
  }
  [[nodiscard]] bool hear(nn::Notice& notice) override { return !broken_ && world_.hear(notice); }

  /// How many messages the step has had.
  [[nodiscard]] Index messages() const { return messages_; }

 private:
  nn::Communicator& world_;
  Index message_;
  Index messages_ = 0;
  bool broken_ = false;
};

/// Weights and running statistics of rank 0 after a training of 3 epochs with 5 steps each, and
/// what each rank threw.
struct Outcome {
  std::vector<float> weights = {};
  std::vector<std::string> errors = {};
  Index messages = 0;  ///< of rank 1 in the step that may be broken
};

/// Trains with a checkpoint after every step; the cable of rank 1 breaks as PulledCable says.
Outcome train(Index ranks, const std::filesystem::path& checkpoint, Index message = 0) {
  Outcome outcome;
  outcome.errors = run_ranks(
      ranks,
      [&](nn::Communicator& world) {
        PulledCable cable(world, world.rank() == 1 ? message : 0);
        nn::Model model(
            nn::sequential(nn::Flatten{}, nn::Dense{9}, nn::BatchNorm{}, nn::ReLU{}, nn::Dense{3}),
            {6, 6, 1}, {.seed = 2});
        nn::FitOptions options{.epochs = 3, .batch_size = 16, .seed = 4};
        options.checkpoint = checkpoint;
        options.checkpoint_interval = 1;
        options.communicator = &cable;
        nn::fit(model, blobs(70, 1), nn::SoftmaxCrossEntropy{}, nn::Adam{}, options);
        if (world.rank() == 1) outcome.messages = cable.messages();
        if (world.rank() != 0) return;
        outcome.weights.assign(model.parameters().begin(), model.parameters().end());
        outcome.weights.insert(outcome.weights.end(), model.state().begin(), model.state().end());
      },
      1, timeout);
  return outcome;
}

/// Whether a rank says that it is rank 1 that does not answer. Who waits for nothing of it any more
/// notices in the next step.
bool names_rank_1(const std::string& error, Index rank) {
  const std::string begin = nn::detail::text("rank ", rank, " stops at step ");
  const std::string end = nn::detail::text(": rank 1 does not answer within ", timeout, " s");
  return error == begin + "7" + end || error == begin + "8" + end;
}

TEST_CASE("fit: when the network breaks in a sum all ranks stop and name it; the rest is as ever") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "nn-broken-network";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  const Outcome undisturbed = train(3, folder / "whole");
  REQUIRE(joined(undisturbed.errors) == "");
  REQUIRE(!undisturbed.weights.empty());
  // Those of BatchNorm, forward and backward, of the loss, the gradients and what callbacks decide.
  REQUIRE(undisturbed.messages > 8);
  for (const Index message : {Index{1}, Index{4}, undisturbed.messages / 2, undisturbed.messages}) {
    CAPTURE(message);
    const std::filesystem::path file = folder / "file";
    std::filesystem::remove(file);
    const auto begin = std::chrono::steady_clock::now();
    const Outcome broken = train(3, file, message);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
    CHECK_MESSAGE(names_rank_1(broken.errors[0], 0), broken.errors[0]);
    CHECK_MESSAGE(names_rank_1(broken.errors[2], 2), broken.errors[2]);
    // For rank 1 it is the others that say nothing.
    CHECK(broken.errors[1].find("rank 1 stops at step 7: rank ") == 0);
    CHECK(broken.errors[1].find(" does not answer within 3 s") != std::string::npos);
    REQUIRE(std::filesystem::exists(file));
    const Outcome resumed = train(2, file);
    CHECK(joined(resumed.errors) == "");
    CHECK(resumed.weights == undisturbed.weights);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace broken_network_test
