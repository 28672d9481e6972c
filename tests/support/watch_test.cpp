#include "support/watch.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

namespace {

/// Two classes that the brightness of 2x2 pixels tells apart.
nn::Dataset brightness(nn::Index count) {
  nn::Tensor<std::uint8_t> pixels({count, 2, 2, 1});
  std::vector<nn::Label> labels;
  for (nn::Index i = 0; i < count; ++i) {
    labels.push_back(static_cast<nn::Label>(i % 2));
    for (std::uint8_t& pixel : pixels.sample(i)) pixel = i % 2 == 0 ? 40 : 200;
  }
  return {std::move(pixels), std::move(labels), {"dark", "bright"}};
}

auto small_model(const nn::Dataset& data) {
  return nn::Model(nn::sequential(nn::Flatten{}, nn::Dense{2}), data.sample_shape(), {.seed = 1});
}

TEST_CASE("watch: a training of one epoch is seen at thirty moments, the last at its end") {
  const nn::Dataset data = brightness(120);
  auto model = small_model(data);
  const nn::SoftmaxCrossEntropy loss;
  example::Watch watch(model, data, loss, 2);
  const nn::History history =
      nn::fit(model, data, loss, nn::SGD{.learning_rate = 0.1},
              {.epochs = 1, .batch_size = 2, .callbacks = {watch.callback()}});
  const std::vector<example::Moment> moments = watch.seen(history);
  REQUIRE(moments.size() == 30);
  CHECK(moments.front().epoch == doctest::Approx(1.0 / 30));
  CHECK(moments.back().epoch == 1);
  double sum = 0;
  for (std::size_t i = 0; i < moments.size(); ++i) {
    sum += moments[i].loss / 30;  // two batches in each
    if (i > 0) CHECK(moments[i].seconds >= moments[i - 1].seconds);
  }
  CHECK(sum == doctest::Approx(history.last().loss));
  const nn::Evaluation end = nn::evaluate(model, data, loss);
  CHECK(moments.back().validation_loss == end.loss);
  CHECK(moments.back().validation_accuracy == end.accuracy);
}

TEST_CASE("watch: what came before a training was resumed is taken from its history") {
  const nn::Dataset data = brightness(4);
  const auto model = small_model(data);
  const nn::SoftmaxCrossEntropy loss;
  const nn::History history{
      .epochs = {{.epoch = 1, .loss = 0.5, .validation_loss = 0.625, .seconds = 2},
                 {.epoch = 2, .loss = 0.25, .validation_loss = 0.375, .seconds = 3}}};
  example::Watch watch(model, data, loss, 4);
  // Nothing was seen: the training had already been over.
  REQUIRE(watch.seen(history).size() == 2);
  CHECK(watch.seen(history).back().validation_loss == 0.375);
  CHECK(watch.seen(history).back().seconds == 5);

  nn::BatchReport report{.epoch = 2,
                         .epochs = 2,
                         .batch = 1,
                         .batches = 1,
                         .step = 2,
                         .loss = 0.25,
                         .images_per_second = 4};
  watch.callback().on_batch(report);
  const std::vector<example::Moment> moments = watch.seen(history);
  REQUIRE(moments.size() == 2);
  CHECK(moments[0].loss == 0.5);
  CHECK(moments[0].seconds == 2);
  CHECK(moments[1].epoch == 2);
  CHECK(moments[1].loss == 0.25);
  CHECK(moments[1].seconds == 3);  // those of the first epoch, and 4 images at 4 a second
}

}  // namespace
