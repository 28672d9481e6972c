#include "nn/data/loader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace loader_test {

using namespace nn;  // NOLINT

/// `count` images of 2 x 1 pixels; both bytes of image n are n, and its label is n mod 3.
Dataset numbered(Index count) {
  Tensor<std::uint8_t> images(Shape{count, 2, 1, 1});
  std::vector<Label> labels;
  for (Index n = 0; n < count; ++n) {
    images[2 * n] = images[2 * n + 1] = static_cast<std::uint8_t>(n);
    labels.push_back(static_cast<Label>(n % 3));
  }
  return Dataset(std::move(images), std::move(labels), {"a", "b", "c"}, "numbers");
}

/// The samples of an epoch's batches from `first` on.
template <class T>
std::vector<std::vector<Index>> samples_of(Loader<T>& loader, Index epoch, Index first = 0) {
  std::vector<std::vector<Index>> result;
  for (const Batch<T>& batch : loader.epoch(epoch, first))
    result.emplace_back(batch.indices.begin(), batch.indices.end());
  return result;
}

std::vector<Index> joined(const std::vector<std::vector<Index>>& batches) {
  std::vector<Index> all;
  for (const auto& batch : batches) all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

/// The inputs of an epoch, one after another.
std::vector<float> inputs_of(Loader<float>& loader, Index epoch, Index first = 0) {
  std::vector<float> result;
  for (const Batch<float>& batch : loader.epoch(epoch, first))
    result.insert(result.end(), batch.inputs.begin(), batch.inputs.end());
  return result;
}

void add_noise(TensorView<float> image, ImageContext& context) {
  for (float& value : image) value += static_cast<float>(context.random.uniform());
}

TEST_CASE("an epoch holds every sample once, with its image and label") {
  for (const bool background : {false, true}) {
    Loader loader(numbered(23), {.batch_size = 5, .seed = 3, .background = background});
    CHECK(loader.batches() == 5);
    for (Index epoch = 0; epoch < 3; ++epoch) {
      std::set<Index> seen;
      std::vector<Index> sizes;
      for (const Batch<float>& batch : loader.epoch(epoch)) {
        sizes.push_back(batch.size());
        CHECK(batch.inputs.shape() == Shape{batch.size(), 2, 1, 1});
        CHECK(batch.targets.empty());
        for (Index i = 0; i < batch.size(); ++i) {
          const Index n = batch.indices[static_cast<std::size_t>(i)];
          CHECK(seen.insert(n).second);
          CHECK(batch.labels[i] == n % 3);
          CHECK(batch.inputs(i, 1, 0, 0) == static_cast<float>(n) / 255.0F);
        }
      }
      CHECK(seen.size() == 23);
      CHECK(sizes == std::vector<Index>{5, 5, 5, 5, 3});
    }
  }
}

TEST_CASE("the order is a function of the seed and the epoch alone") {
  Loader first(numbered(60), {.batch_size = 7, .seed = 1});
  Loader second(numbered(60), {.batch_size = 7, .seed = 1, .background = false});
  Loader other(numbered(60), {.batch_size = 7, .seed = 2});
  Loader larger(numbered(60), {.batch_size = 20, .seed = 1});
  const auto epoch_4 = samples_of(first, 4);
  CHECK(samples_of(first, 5) != epoch_4);
  CHECK(samples_of(first, 4) == epoch_4);
  CHECK(samples_of(second, 4) == epoch_4);
  CHECK(samples_of(other, 4) != epoch_4);
  CHECK(joined(samples_of(larger, 4)) == joined(epoch_4));

  std::vector<Index> order(60);
  epoch_order(order, 1, 4);
  CHECK(joined(epoch_4) == order);
}

TEST_CASE("without shuffling the order is the data set's") {
  Loader loader(numbered(6), {.batch_size = 4, .shuffle = false});
  CHECK(samples_of(loader, 9) == std::vector<std::vector<Index>>{{0, 1, 2, 3}, {4, 5}});
}

TEST_CASE("a last smaller batch can be left out") {
  Loader loader(numbered(23), {.batch_size = 5, .drop_last = true});
  CHECK(loader.batches() == 4);
  const auto batches = samples_of(loader, 0);
  CHECK(batches.size() == 4);
  CHECK(batches.back().size() == 5);
  Loader exact(numbered(20), {.batch_size = 5});
  CHECK(exact.batches() == 4);
  CHECK(samples_of(exact, 0).size() == 4);
}

TEST_CASE("an epoch can be taken up in the middle") {
  for (const bool background : {false, true}) {
    Loader loader(
        numbered(40),
        {.batch_size = 6, .seed = 5, .background = background, .augmentation = add_noise});
    const auto all = inputs_of(loader, 2);
    const auto rest = inputs_of(loader, 2, 4);
    REQUIRE(rest.size() == static_cast<std::size_t>(2 * (40 - 4 * 6)));
    CHECK(std::equal(rest.begin(), rest.end(), all.begin() + 2 * 4 * 6));
    CHECK(samples_of(loader, 2, loader.batches()).empty());
  }
}

TEST_CASE("augmentation is a function of the seed, the epoch and the sample alone") {
  const Dataset data = numbered(30);
  Loader shuffled(data, {.batch_size = 7, .seed = 5, .augmentation = add_noise});
  Loader ordered(data, {.batch_size = 30,
                        .shuffle = false,
                        .seed = 5,
                        .background = false,
                        .augmentation = add_noise});
  ordered.start(3);
  const Tensor<float> expected(ordered.next()->inputs);
  for (const Batch<float>& batch : shuffled.epoch(3)) {
    for (Index i = 0; i < batch.size(); ++i) {
      const Index n = batch.indices[static_cast<std::size_t>(i)];
      CHECK(batch.inputs(i, 0, 0, 0) == expected(n, 0, 0, 0));
      CHECK(batch.inputs(i, 1, 0, 0) == expected(n, 1, 0, 0));
    }
  }
  ordered.start(4);
  CHECK(ordered.next()->inputs[0] != expected[0]);
}

TEST_CASE("augmentation comes before normalisation and leaves the data set alone") {
  const Dataset data = numbered(4).with_normalization({.mean = {0.5}, .deviation = {0.25}});
  Loader loader(data, {.batch_size = 4,
                       .augmentation = [](TensorView<float> image, auto&) { image.fill(1.0F); }});
  loader.start(0);
  for (const float value : loader.next()->inputs) CHECK(value == doctest::Approx(2.0));
  CHECK(data.image(3)[0] == 3);
}

TEST_CASE("a transform changes whole batches") {
  const auto transform = [](auto& batch, Random& random) {
    batch.make_targets();
    batch.targets(0, 0) = static_cast<float>(random.uniform());
  };
  const Dataset data = numbered(9);
  Loader loader(data, {.batch_size = 4, .shuffle = false, .seed = 8, .transform = transform});
  std::vector<float> drawn;
  for (const Batch<float>& batch : loader.epoch(1)) {
    REQUIRE(batch.targets.shape() == Shape{batch.size(), 3});
    drawn.push_back(batch.targets(0, 0));
    for (Index i = 1; i < batch.size(); ++i) {
      for (Label c = 0; c < 3; ++c)
        CHECK(batch.targets(i, c) == (batch.labels[i] == c ? 1.0F : 0.0F));
    }
  }
  CHECK(drawn.size() == 3);
  CHECK(drawn[0] != drawn[1]);
  loader.start(1, 2);
  CHECK(loader.next()->targets(0, 0) == drawn[2]);

  Loader<double> in_double(data, {.batch_size = 4, .transform = transform});
  in_double.start(0);
  CHECK(in_double.next()->targets.shape() == Shape{4, 3});
}

TEST_CASE("a transform of float batches alone says so to a loader of doubles") {
  Loader<double> loader(numbered(9),
                        {.batch_size = 4, .transform = [](BatchBuffer<float>&, Random&) {}});
  loader.start(0);
  CHECK_THROWS_WITH_AS(loader.next(), "this transform does not take batches of double", Error);
}

TEST_CASE("a batch stays as it is while the next ones are made") {
  Loader loader(numbered(40), {.batch_size = 4, .shuffle = false});
  Index expected = 0;
  for (const Batch<float>& batch : loader.epoch(0)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // time to overwrite it
    for (Index i = 0; i < batch.size(); ++i)
      CHECK(batch.inputs(i, 0, 0, 0) == static_cast<float>(expected++) / 255.0F);
  }
  CHECK(expected == 40);
}

TEST_CASE("the memory of batches is used again") {
  Loader loader(numbered(50), {.batch_size = 8});
  std::set<const float*> blocks;
  for (Index epoch = 0; epoch < 4; ++epoch) {
    for (const Batch<float>& batch : loader.epoch(epoch)) blocks.insert(batch.inputs.data());
  }
  CHECK(blocks.size() <= 3);
}

TEST_CASE("what an augmentation throws reaches the consumer, after the batches before it") {
  for (const bool background : {false, true}) {
    const auto fails = [](TensorView<float>, ImageContext& context) {
      if (context.sample == 9) throw std::runtime_error("sample 9 is broken");
    };
    Loader loader(
        numbered(20),
        {.batch_size = 4, .shuffle = false, .background = background, .augmentation = fails});
    loader.start(0);
    CHECK(loader.next()->indices[0] == 0);
    CHECK(loader.next()->indices[0] == 4);
    CHECK_THROWS_WITH_AS(loader.next(), "sample 9 is broken", std::runtime_error);
    CHECK_THROWS_WITH_AS(loader.next(), "sample 9 is broken", std::runtime_error);
    loader.start(0, 3);  // and the loader is still of use
    CHECK(loader.next()->indices[0] == 12);
  }
}

TEST_CASE("a loader can be left and started again at any moment") {
  const auto slow = [](TensorView<float> /*image*/, ImageContext& context) {
    if (context.sample % 16 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
  };
  for (Index taken = 0; taken < 12; ++taken) {
    Loader loader(numbered(64), {.batch_size = 4, .shuffle = false, .augmentation = slow});
    for (Index epoch = 0; epoch < 4; ++epoch) {
      loader.start(epoch);
      for (Index i = 0; i < taken; ++i) CHECK(loader.next()->indices[0] == 4 * i);
    }
  }
  const Loader never_started(numbered(64), {.batch_size = 4});
  CHECK(never_started.batches() == 16);
}

TEST_CASE("next says when the epoch is over, and before one has begun") {
  Loader loader(numbered(4), {.batch_size = 4});
  CHECK(loader.next() == nullptr);
  loader.start(0);
  CHECK(loader.next() != nullptr);
  CHECK(loader.next() == nullptr);
  CHECK(loader.next() == nullptr);
}

TEST_CASE("batches are prepared while the consumer is busy") {
  std::atomic<int> prepared{0};
  const auto count = [&prepared](TensorView<float>, ImageContext&) { ++prepared; };
  Loader loader(numbered(40), {.batch_size = 4, .augmentation = count});
  loader.start(0);
  CHECK(loader.next() != nullptr);
  // One batch in use and two made ahead, but no more.
  for (int wait = 0; wait < 2000 && prepared < 12; ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(prepared == 12);
}

TEST_CASE("impossible batches are refused") {
  CHECK_THROWS_WITH_AS(Loader(Dataset(), {}),
                       "cannot take batches from a data set (0 images of 0x0x0): it is empty",
                       Error);
  CHECK_THROWS_WITH_AS(Loader(numbered(10), {.batch_size = 11}),
                       "a batch size of 11 is more than there are in numbers (10 images of 2x1x1)",
                       Error);
  CHECK_THROWS_AS(Loader(numbered(10), {.batch_size = 0}), Error);
  Loader loader(numbered(10), {.batch_size = 5});
  CHECK_THROWS_WITH_AS(loader.start(1, 3), "batch 3 of epoch 1, where an epoch has 2", Error);
  CHECK_THROWS_AS(loader.start(-1), Error);
}

TEST_CASE("a loop over a loader in which another was begun says so") {
  for (const bool background : {false, true}) {
    CAPTURE(background);
    Loader loader(numbered(9), {.batch_size = 2, .background = background});
    Index outer = 0;
    Index inner = 0;
    const auto both = [&] {
      for (const Batch<float>& batch : loader.epoch(3)) {
        outer += batch.size();
        for (const Batch<float>& other : loader.epoch(4)) inner += other.size();
      }
    };
    CHECK_THROWS_WITH_AS(both(),
                         "the loop over epoch 3 of a loader cannot go on: epoch 4 was started "
                         "meanwhile; two loops need a loader each",
                         Error);
    CHECK(outer == 2);
    CHECK(inner == 9);
    const auto stale = loader.epoch(5);
    CHECK(joined(samples_of(loader, 6)).size() == 9);
    CHECK_THROWS_AS(static_cast<void>(stale.begin()), Error);
    // A loop that was left is no obstacle, and two loaders do not disturb each other.
    for (const Batch<float>& batch : loader.epoch(0)) {
      CHECK(batch.size() == 2);
      break;
    }
    Loader second(numbered(9), {.batch_size = 2, .background = background});
    outer = inner = 0;
    for (const Batch<float>& batch : loader.epoch(0)) {
      outer += batch.size();
      for (const Batch<float>& other : second.epoch(1)) inner += other.size();
    }
    CHECK(outer == 9);
    CHECK(inner == 5 * 9);
  }
}

/// Whether `epoch` can be called of such a loader.
template <class AnyLoader>
concept LendsEpochs = requires(AnyLoader&& loader) {
  std::forward<AnyLoader>(loader).epoch(0);
};
static_assert(LendsEpochs<Loader<float>&>);
static_assert(!LendsEpochs<Loader<float>>);  // it would be gone before the first batch

}  // namespace loader_test
