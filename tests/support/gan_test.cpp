#include "support/gan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "generator_testing.hpp"
#include "nn/viz/grid.hpp"
#include "nn/viz/image.hpp"

namespace gan_test {

namespace {

using namespace nn;  // NOLINT
using example::Gan;
using example::GanOptions;
using generator_testing::Real;

GanOptions small(const std::string& model, const std::string& loss, bool told_classes) {
  GanOptions options{.model = model, .loss = loss, .latent = 6, .width = 4, .class_counts = {}};
  if (told_classes) options.class_counts = {3, 1, 2};
  options.seed = 5;
  return options;
}

/// The largest relative difference between the generator's gradients through the discriminator and
/// central differences of the generator's loss.
double gradient_error(const GanOptions& options) {
  Gan<double> gan(options);
  // Dropout draws new masks in every pass of a model: only without it does a difference make sense.
  const auto loss = [&] {
    gan.generator.set_step(7);
    gan.discriminator.set_step(7);
    return gan.generator_gradient(gan.generate(5));
  };
  return generator_testing::gradient_error(gan.generator, loss, 60);
}

/// The bytes of the pictures after a few steps of training.
std::string pictures(int thread_count) {
  const int before = threads();
  set_threads(thread_count);
  GanOptions options = small("dcgan", "non-saturating", true);
  options.width = 16;
  Gan<float> gan(options);
  const Real<float> real(48, 2);
  for (int step = 0; step < 4; ++step) gan.step(real.images, real.labels);
  const Tensor<float> images = gan.draw(gan.latent(20, 9));
  set_threads(before);
  return viz::encode_png(viz::image_grid(viz::to_images(images, viz::ValueRange{-1, 1}), 5));
}

}  // namespace

TEST_CASE("the generator's gradient through the discriminator is that of its loss") {
  for (const char* model : {"dcgan", "mlp"}) {
    for (const char* loss : {"non-saturating", "least-squares"}) {
      for (const bool told_classes : {false, true}) {
        INFO(model, ", ", loss, ", told classes: ", told_classes);
        CHECK(gradient_error(small(model, loss, told_classes)) < 1e-4);
      }
    }
  }
}

TEST_CASE("the generator's gradient finds back through changed images of any size") {
  GanOptions options = small("dcgan", "non-saturating", true);
  options.image = {16, 24, 3};
  options.augmentation = true;
  for (const double penalty : {0.0, 1.0}) {
    options.penalty = penalty;
    CHECK(gradient_error(options) < 1e-4);
  }
}

TEST_CASE("a change of an image hands back the gradient by its transpose") {
  // <A x, y> = <x, A^T y> for the linear part A of any change, and A x = change(x) - change(0).
  const Shape shape{9, 12, 3};
  Random random(4);
  const auto noise = [&] {
    Tensor<double> values(shape);
    for (double& value : values) value = random.uniform(-1, 1);
    return values;
  };
  const auto dot = [](const Tensor<double>& a, const Tensor<double>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  };
  for (int trial = 0; trial < 50; ++trial) {
    const example::ImageChange change = example::ImageChange::draw(shape, random);
    const Tensor<double> x = noise();
    const Tensor<double> y = noise();
    const Tensor<double> none(shape, 0.0);
    Tensor<double> changed(shape);
    Tensor<double> base(shape);
    change.apply<double>(x, changed);
    change.apply<double>(none, base);
    Tensor<double> copy = y;
    Tensor<double> back(shape);
    change.apply_transposed<double>(copy, back);
    CHECK(dot(changed, y) - dot(base, y) == doctest::Approx(dot(x, back)).epsilon(1e-6));
  }
}

TEST_CASE("a change moves, brightens and cuts as it says") {
  example::ImageChange change;
  change.down = 1;
  change.right = -1;
  change.brightness = 0.5F;
  change.top = 2;
  change.left = 2;
  change.cut_height = change.cut_width = 5;
  Tensor<float> x({3, 3, 1});
  for (Index i = 0; i < 9; ++i) x[i] = static_cast<float>(i);
  Tensor<float> y({3, 3, 1});
  change.apply<float>(x, y);
  const std::array<float, 9> expected{-0.5F, -0.5F, -0.5F, 1.5F, 2.5F, -0.5F, 4.5F, 5.5F, 0};
  CHECK(std::equal(y.begin(), y.end(), expected.begin()));
}

TEST_CASE("the penalty's gradient is that of the squared norms of the image gradients") {
  for (const bool told_classes : {false, true}) {
    GanOptions options = small("dcgan", "non-saturating", told_classes);
    options.image = {16, 16, 1};
    options.penalty = 3;
    Gan<double> gan(options);
    Real<double> real(4, 3);
    real.images.resize({4, 16, 16, 1});
    const auto penalty = [&] {
      gan.discriminator.set_step(7);
      return gan.penalty(real.images, real.labels);
    };
    penalty();
    gan.discriminator.zero_gradients();
    gan.add_penalty_gradient(1, 1e-5);  // so little that no kink lies between
    const TensorView<double> view = gan.discriminator.gradients();
    const std::vector<double> gradients(view.begin(), view.end());
    double largest = 0;
    for (const double value : gradients) largest = std::max(largest, std::abs(value));
    REQUIRE(largest > 1e-6);
    Random random(8);
    for (int trial = 0; trial < 60; ++trial) {
      const auto at = random.below(static_cast<Index>(gradients.size()));
      double& weight = gan.discriminator.parameters()[at];
      const double original = weight;
      weight = original + 1e-6;
      const double above = penalty();
      weight = original - 1e-6;
      const double below = penalty();
      weight = original;
      const double exact = gradients[static_cast<std::size_t>(at)];
      CHECK(std::abs((above - below) / 2e-6 - exact) < 1e-3 * largest);
    }
  }
}

TEST_CASE("networks fit images of other sizes, and refuse what cannot be halved twice") {
  CHECK(example::halvings({28, 28, 1}) == 2);
  CHECK(example::halvings({32, 32, 3}) == 3);
  CHECK_THROWS_AS((void)example::halvings({27, 28, 1}), ShapeError);
  for (const Shape& image : {Shape{28, 28, 1}, Shape{32, 32, 3}, Shape{16, 48, 3}}) {
    const auto generator = example::dcgan_generator(image, 4, true);
    CHECK(generator.output_shape({10}) == image);
    CHECK(example::dcgan_discriminator(image, 4, 10).output_shape(image) == Shape{10});
    CHECK(example::free_discriminator(image, 4, 10).output_shape(image) == Shape{10});
  }
}

TEST_CASE("the generator's step leaves the discriminator's gradients alone") {
  Gan<double> gan(small("dcgan", "non-saturating", true));
  gan.discriminator.gradients().fill(3);
  gan.generator_gradient(gan.generate(4));
  for (const double value : gan.discriminator.gradients()) REQUIRE(value == 3);
}

TEST_CASE("the discriminator's accuracies count what it tells right") {
  Gan<double> gan(small("dcgan", "non-saturating", false));
  const Real<double> real(8, 1);
  // A bias that outweighs everything: all images are taken for real.
  gan.discriminator.parameters()[gan.discriminator.parameters().size() - 1] = 1000;
  const example::GanStep step = gan.step(real.images, real.labels);
  CHECK(step.real_accuracy == 1);
  CHECK(step.generated_accuracy == 0);
  CHECK(step.discriminator_loss == doctest::Approx(1000).epsilon(0.01));
  CHECK(step.generator_loss == doctest::Approx(0));
}

TEST_CASE("classes come as often as they were counted") {
  const Gan<float> gan(small("dcgan", "non-saturating", true));
  const Tensor<float> latent = gan.latent(6000, 1);
  std::array<int, 3> counts{};
  for (Index i = 0; i < 6000; ++i) {
    for (Index c = 0; c < 3; ++c) {
      if (latent(i, 6 + c) > 0) ++counts[static_cast<std::size_t>(c)];
    }
  }
  CHECK(counts[0] == doctest::Approx(3000).epsilon(0.05));
  CHECK(counts[1] == doctest::Approx(1000).epsilon(0.1));
  CHECK(counts[2] == doctest::Approx(2000).epsilon(0.07));
}

TEST_CASE("a pair learns the same, byte for byte, with one thread and with two") {
  const std::string one = pictures(1);
  CHECK(one == pictures(2));
  CHECK(one == pictures(1));
}

TEST_CASE("the discriminator sees images with noise, the same for any number of threads") {
  GanOptions options = small("dcgan", "non-saturating", false);
  options.noise = 0;
  const Real<float> real(6, 4);
  const auto loss = [&](double noise, int thread_count) {
    const int before = threads();
    set_threads(thread_count);
    options.noise = noise;
    const double value = Gan<float>(options).step(real.images, real.labels).discriminator_loss;
    set_threads(before);
    return value;
  };
  CHECK(loss(0.5, 1) == loss(0.5, 2));
  CHECK(loss(0.5, 1) != loss(0, 1));
}

}  // namespace gan_test
