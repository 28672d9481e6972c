#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "generator_testing.hpp"
#include "support/autoencoder.hpp"
#include "support/flow.hpp"

namespace generators_test {

namespace {

using namespace nn;  // NOLINT
using example::Autoencoder;
using example::AutoencoderOptions;
using example::Flow;
using example::FlowOptions;
using example::Solver;
using generator_testing::gradient_error;
using generator_testing::Real;

AutoencoderOptions small_pair() {
  return {.latent = 3, .width = 4, .class_counts = {3, 1, 2}, .seed = 5};
}
FlowOptions small_flow(bool tells_image = false) {
  return {.width = 8,
          .outer_blocks = 1,
          .inner_blocks = 1,
          .tells_image = tells_image,
          .class_counts = {3, 1, 2},
          .seed = 5};
}

/// Moves every parameter a little, so that what begins at zero has a gradient to pass on.
void shake(TensorView<double> parameters) {
  Random random(17);
  for (double& value : parameters) value += 0.05 * random.normal();
}

TEST_CASE("the gradients of an autoencoder are those of its loss") {
  Autoencoder<double> pair(small_pair());
  shake(pair.encoder.parameters());
  const Real<double> real(5, 11);
  const auto loss = [&] {
    pair.encoder.set_step(7);
    pair.decoder.set_step(7);
    return pair.gradient(real.images, real.labels).total;
  };
  CHECK(gradient_error(pair.encoder, loss, 20) < 1e-4);
  CHECK(gradient_error(pair.decoder, loss, 20) < 1e-4);
}

TEST_CASE("the divergence of an autoencoder is that of normal distributions") {
  Autoencoder<double> pair(small_pair());
  pair.encoder.parameters().fill(0);
  const Real<double> real(4, 11);
  CHECK(pair.gradient(real.images, real.labels).divergence == doctest::Approx(0));
  const TensorView<double> parameters = pair.encoder.parameters();
  // The last of them are the offsets of the means and of the logarithms of the variances.
  parameters[parameters.size() - 6] = 2;            // a mean
  parameters[parameters.size() - 1] = std::log(3);  // a variance
  CHECK(pair.gradient(real.images, real.labels).divergence ==
        doctest::Approx(2 + (3 - 1 - std::log(3)) / 2));
}

TEST_CASE("the gradients of a flow are those of its loss") {
  for (const bool tells_image : {false, true}) {
    Flow<double> flow(small_flow(tells_image));
    shake(flow.model.parameters());
    const Real<double> real(4, 11);
    const auto loss = [&] {
      flow.model.set_step(7);
      return flow.gradient(real.images, real.labels);
    };
    CHECK(gradient_error(flow.model, loss, 20) < 1e-4);
  }
}

TEST_CASE("a flow that always tells one image arrives at it, whatever the steps") {
  Flow<double> flow(small_flow(true));  // its last convolution begins at zero
  const TensorView<double> weights = flow.average.parameters();
  for (Index k = 1; k <= 4; ++k) weights[weights.size() - k] = 0.25;  // its offsets
  for (const Solver solver : {Solver::euler, Solver::heun}) {
    for (const Index steps : {1, 5}) {
      flow.steps = steps;
      flow.solver = solver;
      double worst = 0;
      for (const double pixel : flow.draw(flow.latent(3, 2))) {
        worst = std::max(worst, std::abs(pixel - 0.25));
      }
      CHECK(worst < 1e-12);
    }
  }
}

TEST_CASE("a flow of one velocity moves noise by it, whatever the steps") {
  Flow<double> flow(small_flow());  // its last convolution begins at zero
  const TensorView<double> weights = flow.average.parameters();
  const Tensor<double> latent = flow.latent(3, 2);
  for (const double velocity : {0.0, 0.25}) {
    for (Index k = 1; k <= 4; ++k) weights[weights.size() - k] = velocity;  // its offsets
    for (const Solver solver : {Solver::euler, Solver::heun}) {
      for (const Index steps : {1, 3}) {
        flow.steps = steps;
        flow.solver = solver;
        const Tensor<double> images = flow.draw(latent);
        double worst = 0;
        for (Index i = 0; i < images.size(); ++i) {
          const double expected = std::clamp(latent(i / 784, i % 784) + velocity, -1.0, 1.0);
          worst = std::max(worst, std::abs(images[i] - expected));
        }
        CHECK(worst < 1e-12);
      }
    }
  }
}

TEST_CASE("guidance goes on from the way to any digit through that to the one asked for") {
  Flow<double> flow(small_flow());
  shake(flow.model.parameters());
  flow.steps = 1;
  flow.solver = Solver::euler;
  const auto arrive = [&](const Tensor<double>& latent, double guidance) {
    flow.guidance = guidance;
    return flow.carry(latent.view(), [](double, TensorView<const double>) {});
  };
  const Tensor<double> latent = flow.latent(3, 2);
  Tensor<double> of_any = latent;
  for (Index i = 0; i < 3; ++i) flow.set_class(of_any, i, 3);  // none of the three
  const Tensor<double> one = arrive(latent, 1);
  const Tensor<double> any = arrive(of_any, 1);
  const Tensor<double> guided = arrive(latent, 2.5);
  double apart = 0;
  double worst = 0;
  for (Index i = 0; i < one.size(); ++i) {
    apart = std::max(apart, std::abs(one[i] - any[i]));
    worst = std::max(worst, std::abs(guided[i] - (any[i] + 2.5 * (one[i] - any[i]))));
  }
  CHECK(apart > 0.01);
  CHECK(worst < 1e-12);
  CHECK(flow.evaluations() == 2);
  flow.guidance = 1;
  flow.steps = 10;
  flow.solver = Solver::heun;
  CHECK(flow.evaluations() == 19);
}

TEST_CASE("digits are drawn as often as they are in the training set") {
  const Flow<float> flow(small_flow());
  const Tensor<float> latent = flow.latent(1200, 3);
  std::vector<double> counts(3, 0.0);
  for (Index i = 0; i < 1200; ++i) {
    for (Index c = 0; c < 3; ++c) counts[static_cast<std::size_t>(c)] += latent(i, 784 + c);
  }
  CHECK(counts[0] == doctest::Approx(600).epsilon(0.1));
  CHECK(counts[1] == doctest::Approx(200).epsilon(0.2));
  CHECK(counts[2] == doctest::Approx(400).epsilon(0.15));
}

TEST_CASE("noise between two points of noise keeps its deviation") {
  const Flow<float> flow(small_flow());
  const Tensor<float> latent = flow.latent(2, 3);
  Tensor<float> middle({787});
  flow.mix(latent.view().sample(0), latent.view().sample(1), 0.5, middle.view());
  double squares = 0;
  for (Index k = 0; k < 784; ++k) squares += static_cast<double>(middle[k] * middle[k]);
  CHECK(squares / 784 == doctest::Approx(1).epsilon(0.15));
}

TEST_CASE("generators learn the same on any number of threads") {
  const Real<float> real(6, 11);
  std::vector<double> losses;
  const int before = threads();
  for (const int count : {1, 3}) {
    set_threads(count);
    Flow<float> flow(small_flow());
    Autoencoder<float> pair(small_pair());
    double last = 0;
    for (int step = 0; step < 3; ++step) {
      last = flow.step(real.images, real.labels, 1) + pair.step(real.images, real.labels, 1).total;
    }
    losses.push_back(last);
  }
  set_threads(before);
  CHECK(losses[0] == losses[1]);
}

}  // namespace

}  // namespace generators_test
