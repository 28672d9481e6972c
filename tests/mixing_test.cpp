#include "nn/data/mixing.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "nn/data/loader.hpp"

namespace mixing_test {

using namespace nn;  // NOLINT

/// A batch of `count` images of 6 x 5 pixels and 2 channels, all different, with labels 0, 1, 2,
/// 0, ...
template <class T = double>
BatchBuffer<T> batch_of(Index count) {
  BatchBuffer<T> batch;
  batch.inputs.resize({count, 6, 5, 2});
  batch.labels.resize({count});
  batch.classes = 3;
  for (Index i = 0; i < batch.inputs.size(); ++i) batch.inputs[i] = static_cast<T>(i);
  for (Index i = 0; i < count; ++i) batch.labels[i] = static_cast<Label>(i % 3);
  return batch;
}

TEST_CASE("mixup blends a sample and its target with another in the same proportion") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const BatchBuffer<double> original = batch_of(5);
    BatchBuffer<double> batch = original;
    Random random(seed);
    MixUp{.alpha = 0.7}(batch, random);
    REQUIRE(batch.targets.shape() == Shape{5, 3});
    // Labels 0 1 2 0 1: sample 0 is mixed with 4 and sample 1 with 3; 2 is the middle one.
    const double lambda = batch.targets(0, 0);
    CHECK(lambda >= 0);
    CHECK(lambda <= 1);
    CHECK(batch.targets(0, 1) == doctest::Approx(1 - lambda));
    CHECK(batch.targets(4, 1) == doctest::Approx(lambda));
    CHECK(batch.targets(1, 1) == doctest::Approx(lambda));
    CHECK(batch.targets(3, 0) == doctest::Approx(lambda));
    CHECK(batch.targets(2, 2) == 1);
    for (Index i = 0; i < 5; ++i) {
      const auto image = batch.inputs.sample(i);
      const auto first = original.inputs.sample(i);
      const auto second = original.inputs.sample(4 - i);
      for (Index k = 0; k < image.size(); ++k)
        CHECK(image[k] == doctest::Approx(lambda * first[k] + (1 - lambda) * second[k]));
    }
    CHECK(batch.labels == original.labels);
  }
}

TEST_CASE("cutmix exchanges a rectangle, and the targets by its area") {
  std::set<Index> areas;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const BatchBuffer<double> original = batch_of(4);
    BatchBuffer<double> batch = original;
    Random random(seed);
    CutMix{}(batch, random);
    Index top = 6;
    Index bottom = 0;
    Index left = 5;
    Index right = 0;
    Index count = 0;
    for (Index y = 0; y < 6; ++y) {
      for (Index x = 0; x < 5; ++x) {
        const bool exchanged = batch.inputs(0, y, x, 0) != original.inputs(0, y, x, 0);
        for (Index i = 0; i < 4; ++i) {
          for (Index c = 0; c < 2; ++c)
            CHECK(batch.inputs(i, y, x, c) == original.inputs(exchanged ? 3 - i : i, y, x, c));
        }
        if (!exchanged) continue;
        ++count;
        top = std::min(top, y);
        bottom = std::max(bottom, y + 1);
        left = std::min(left, x);
        right = std::max(right, x + 1);
      }
    }
    if (count > 0) CHECK(count == (bottom - top) * (right - left));
    areas.insert(count);
    // Labels 0 1 2 0: sample 1 is mixed with 2; 0 and 3 have the same label.
    const double share = static_cast<double>(count) / 30;
    CHECK(batch.targets(1, 1) == doctest::Approx(1 - share));
    CHECK(batch.targets(1, 2) == doctest::Approx(share));
    CHECK(batch.targets(2, 1) == doctest::Approx(share));
    CHECK(batch.targets(0, 0) == doctest::Approx(1));
  }
  CHECK(areas.size() > 8);
}

TEST_CASE("cutmix's rectangle lies about its centre and is cut off at every border") {
  std::set<std::string> cut_off;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    const BatchBuffer<double> original = batch_of(2);
    BatchBuffer<double> batch = original;
    Random random(seed);
    CutMix{.alpha = 2}(batch, random);

    Random drawn(seed);
    (void)drawn.bernoulli(1);
    const double side = std::sqrt(1 - detail::symmetric_beta(drawn, 2));
    const auto tall = static_cast<Index>(side * 6);
    const auto wide = static_cast<Index>(side * 5);
    const Index centre_y = drawn.below(6);
    const Index centre_x = drawn.below(5);
    const auto within = [](Index place, Index centre, Index length) {
      return place >= centre - length / 2 && place < centre - length / 2 + length;
    };
    Index count = 0;
    for (Index y = 0; y < 6; ++y) {
      for (Index x = 0; x < 5; ++x) {
        const bool exchanged = within(y, centre_y, tall) && within(x, centre_x, wide);
        count += exchanged ? 1 : 0;
        for (Index c = 0; c < 2; ++c) {
          CHECK(batch.inputs(0, y, x, c) == original.inputs(exchanged ? 1 : 0, y, x, c));
          CHECK(batch.inputs(1, y, x, c) == original.inputs(exchanged ? 0 : 1, y, x, c));
        }
      }
    }
    CHECK(batch.targets(0, 1) == doctest::Approx(static_cast<double>(count) / 30));
    if (count == 0) continue;
    if (centre_y < tall / 2) cut_off.insert("top");
    if (centre_x < wide / 2) cut_off.insert("left");
    if (centre_y - tall / 2 + tall > 6) cut_off.insert("bottom");
    if (centre_x - wide / 2 + wide > 5) cut_off.insert("right");
  }
  CHECK(cut_off.size() == 4);
}

TEST_CASE("the proportions have the moments of the beta distribution") {
  for (const double alpha : {0.2, 0.5, 1.0, 3.0}) {
    CAPTURE(alpha);
    Random random(11);
    constexpr int count = 40000;
    double sum = 0;
    double squares = 0;
    double fourths = 0;
    for (int i = 0; i < count; ++i) {
      const double x = detail::symmetric_beta(random, alpha) - 0.5;
      REQUIRE(std::abs(x) <= 0.5);
      sum += x;
      squares += x * x;
      fourths += x * x * x * x;
    }
    // Variance 1 / (4 (2a + 1)); fourth central moment 3 / (16 (2a + 1) (2a + 3)).
    CHECK(std::abs(sum / count) < 0.01);
    CHECK(squares / count == doctest::Approx(1 / (4 * (2 * alpha + 1))).epsilon(0.03));
    CHECK(fourths / count ==
          doctest::Approx(3 / (16 * (2 * alpha + 1) * (2 * alpha + 3))).epsilon(0.06));
  }
}

TEST_CASE("without mixing the targets are the labels") {
  BatchBuffer<float> batch = batch_of<float>(4);
  const Tensor<float> inputs = batch.inputs;
  Random random(1);
  MixUp{.probability = 0}(batch, random);
  CHECK(batch.inputs == inputs);
  CHECK(batch.targets == Tensor<float>(Shape{4, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0}));
  CutMix{.probability = 0}(batch, random);
  CHECK(batch.inputs == inputs);
}

TEST_CASE("a batch that was mixed before is mixed again") {
  BatchBuffer<double> batch = batch_of(2);
  batch.targets.resize({2, 3});
  batch.targets.fill(0.25);
  Random random(1);
  MixUp{.alpha = 1}(batch, random);
  for (const double target : batch.targets) CHECK(target == doctest::Approx(0.25));
}

TEST_CASE("a loader mixes its batches, the same way each time") {
  Tensor<std::uint8_t> images(Shape{20, 4, 4, 1});
  for (Index i = 0; i < images.size(); ++i) images[i] = static_cast<std::uint8_t>(i);
  std::vector<Label> labels;
  for (Label i = 0; i < 20; ++i) labels.push_back(i % 4);
  const Dataset data(std::move(images), std::move(labels));
  Loader mixed(data, {.batch_size = 8, .seed = 2, .transform = MixUp{}});
  Loader cut(data, {.batch_size = 8, .seed = 2, .background = false, .transform = CutMix{}});
  Loader<double> in_double(data, {.batch_size = 8, .seed = 2, .transform = CutMix{}});
  const auto targets_of = [](auto& loader) {
    std::vector<double> targets;
    for (const auto& batch : loader.epoch(1)) {
      CHECK(batch.targets.shape() == Shape{batch.size(), 4});
      targets.insert(targets.end(), batch.targets.begin(), batch.targets.end());
    }
    return targets;
  };
  CHECK(targets_of(mixed) == targets_of(mixed));
  CHECK(targets_of(cut) == targets_of(cut));
  const auto targets = targets_of(cut);
  const auto same = targets_of(in_double);
  REQUIRE(targets.size() == same.size());
  for (std::size_t i = 0; i < targets.size(); ++i)
    CHECK(targets[i] == doctest::Approx(same[i]).epsilon(1e-6));
}

TEST_CASE("impossible mixes are refused") {
  BatchBuffer<double> batch = batch_of(2);
  Random random(1);
  CHECK_THROWS_AS(MixUp{.alpha = 0}(batch, random), Error);
  CHECK_THROWS_AS(CutMix{.alpha = -1}(batch, random), Error);
  batch.inputs.resize({2, 60});
  CHECK_THROWS_AS(CutMix{}(batch, random), ShapeError);
}

}  // namespace mixing_test
