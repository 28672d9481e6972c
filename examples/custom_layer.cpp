// A layer of one's own, in a file outside the library: written, tested by check_gradients, and
// trained to tell two spirals apart.

#include <nn/nn.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <numbers>
#include <string>

using nn::Context;
using nn::Index;
using nn::Label;
using nn::Shape;
using nn::Tensor;
using nn::TensorView;

/// Radial basis functions: each unit has a place c among the inputs and answers to what is near,
///
///     y_j = exp(-s_j^2 |x - c_j|^2)
///
/// for flat samples. Places and sharpness s are learned (Broomhead and Lowe, "Multivariable
/// functional interpolation and adaptive networks", 1988).
struct RadialBasis {
  Index units = 1;
  double spread = 1;  ///< how far from zero the units start

  [[nodiscard]] std::string name() const { return "RadialBasis{" + std::to_string(units) + "}"; }

  [[nodiscard]] Shape output_shape(const Shape& input) const {
    nn::require<nn::ShapeError>(input.rank() == 1, "expects a flat input, got ", input);
    return {units};
  }

  [[nodiscard]] std::vector<nn::Variable> parameters(const Shape& input) const {
    return {{"place", {units, input.size()}, nn::uniform(spread)},
            {"sharpness", {units}, nn::constant(1 / spread)}};
  }

  [[nodiscard]] Index multiply_adds(const Shape& input) const { return input.size() * units; }

  /// `forward` writes all of y.
  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const auto points = x.matrix();
    const auto places = context.parameter(0).matrix();
    const TensorView<const T> sharpness = context.parameter(1);
    auto answers = y.matrix();
    // Pieces of a fixed size, so that the result does not depend on the number of threads.
    nn::parallel_for_pieces(points.rows(), 64, [&](Index begin, Index end) {
      for (Index n = begin; n < end; ++n) {
        for (Index j = 0; j < units; ++j) {
          const T distance = (points.row(n) - places.row(j)).squaredNorm();
          answers(n, j) = std::exp(-sharpness[j] * sharpness[j] * distance);
        }
      }
    });
  }

  /// With g = dy * y: dc_j = 2 s_j^2 sum over samples of g_j (x - c_j), ds_j = -2 s_j sum of
  /// g_j |x - c_j|^2, dx = -2 sum over units of g_j s_j^2 (x - c_j).
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    const auto points = x.matrix();
    const auto places = context.parameter(0).matrix();
    const TensorView<const T> sharpness = context.parameter(1);
    if (context.wants_gradients()) {
      auto dplaces = context.gradient(0).matrix();
      const TensorView<T> dsharpness = context.gradient(1);
      if (!context.accumulate) {  // the first gradient is written, others are added to it
        dplaces.setZero();
        dsharpness.fill(T(0));
      }
      for (Index n = 0; n < points.rows(); ++n) {
        for (Index j = 0; j < units; ++j) {
          const T g = 2 * sharpness[j] * dy[n * units + j] * y[n * units + j];
          dsharpness[j] -= g * (points.row(n) - places.row(j)).squaredNorm();
          dplaces.row(j) += g * sharpness[j] * (points.row(n) - places.row(j));
        }
      }
    }
    if (context.wants_input_gradient) {
      auto dpoints = dx.matrix();
      dpoints.setZero();
      for (Index n = 0; n < points.rows(); ++n) {
        for (Index j = 0; j < units; ++j) {
          const T g = 2 * sharpness[j] * sharpness[j] * dy[n * units + j] * y[n * units + j];
          dpoints.row(n) -= g * (points.row(n) - places.row(j));
        }
      }
    }
  }
};

namespace {

/// Points on two spirals that wind around each other, one and a quarter turns, slightly scattered.
struct Spirals {
  Tensor<float> points;
  Tensor<Label> labels;

  Spirals(Index count, nn::Random random) : points({count, 2}), labels({count}) {
    for (Index n = 0; n < count; ++n) {
      const auto spiral = static_cast<Label>(random.below(2));
      const double turn = random.uniform(0.1, 1.25);
      const double angle = 2 * std::numbers::pi * turn + std::numbers::pi * spiral;
      points(n, 0) = static_cast<float>(turn * std::cos(angle) + random.normal(0, 0.02));
      points(n, 1) = static_cast<float>(turn * std::sin(angle) + random.normal(0, 0.02));
      labels[n] = spiral;
    }
  }
};

/// The share of points whose larger logit is that of their spiral.
template <class Model>
double accuracy(const Model& model, const Spirals& spirals) {
  const Tensor<float> logits = model.predict(spirals.points);
  Index right = 0;
  for (Index n = 0; n < spirals.labels.size(); ++n) {
    const Label found = logits(n, 1) > logits(n, 0) ? 1 : 0;
    right += found == spirals.labels[n] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(spirals.labels.size());
}

/// What the network takes the plane for: the region of one spiral as '#', that of the other as '.'.
template <class Model>
void print_map(const Model& model) {
  const Index rows = 23;
  const Index columns = 46;
  Tensor<float> points({rows * columns, 2});
  for (Index n = 0; n < rows * columns; ++n) {
    points(n, 0) = 2.8F * static_cast<float>(n % columns) / static_cast<float>(columns - 1) - 1.4F;
    points(n, 1) = 1.4F - 2.8F * static_cast<float>(n / columns) / static_cast<float>(rows - 1);
  }
  const Tensor<float> logits = model.predict(points);
  for (Index n = 0; n < rows * columns; ++n) {
    std::cout << (n % columns == 0 ? "  " : "") << (logits(n, 1) > logits(n, 0) ? '#' : '.')
              << ((n + 1) % columns == 0 ? "\n" : "");
  }
}

/// @throws nn::Error when the layer or the training fails.
void run() {
  // 1. Is its backward pass right? Alone, and between other layers.
  const nn::GradientCheck alone = nn::check_gradients(RadialBasis{5}, {3});
  std::cout << "Gradients of RadialBasis{5}: " << alone << '\n';
  nn::require(alone.ok, "the gradients of RadialBasis are wrong");
  const auto network = nn::sequential(RadialBasis{.units = 60, .spread = 1.2}, nn::Dense{2});
  const nn::GradientCheck together = nn::check_gradients(network, {2});
  std::cout << "Gradients of the network: " << together << '\n';
  nn::require(together.ok, "the gradients of the network are wrong");

  // 2. Train it, in a loop of one's own.
  const Spirals train(300, nn::Random(1, 0));
  const Spirals test(1000, nn::Random(1, 1));
  nn::Model model(network, {2}, {.seed = 1});
  nn::Optimizer optimizer(model, nn::Adam{.learning_rate = 0.03F});
  const nn::SoftmaxCrossEntropy loss;
  std::cout << "Telling two spirals apart, from 300 points, with " << model.parameters().size()
            << " parameters:\n";
  for (int step = 1; step <= 400; ++step) {
    const TensorView<const float> logits = model.forward(train.points);
    const auto [value, gradient] = nn::value_and_gradient(loss, logits, train.labels);
    model.zero_gradients();
    model.backward(gradient);
    optimizer.step(model);
    if (step % 100 == 0) std::cout << "  step " << step << ": loss " << value << '\n';
  }

  // 3. How good is it, on points it has not seen?
  print_map(model);
  const double right = accuracy(model, test);
  std::cout << std::fixed << std::setprecision(1) << "Right on " << 100 * right
            << " % of 1000 new points.\n";
  nn::require(right >= 0.98, "the network should be right on at least 98 % of them");
}

}  // namespace

int main() {
  try {
    run();
    return EXIT_SUCCESS;
  } catch (const nn::Error& error) {
    std::cerr << "custom_layer: " << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
