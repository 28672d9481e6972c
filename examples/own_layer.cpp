// A layer of one's own: written, checked against numeric derivatives, and trained to tell two
// spirals apart.

#include <nn/nn.hpp>

#include <cmath>
#include <exception>
#include <iostream>
#include <numbers>
#include <string>

/// Radial basis functions: each unit has a place c among the inputs and answers to what is near it,
///
///     y_j = exp(-s^2 |x - c_j|^2)
///
/// for flat samples. The places and the sharpness s are learned (Broomhead and Lowe,
/// "Multivariable functional interpolation and adaptive networks", 1988).
///
/// A layer holds its options only. Its weights live in the model, which hands them over in a
/// `Context`; so one description may stand in many networks, and in threads at once.
struct RadialBasis {
  nn::Index units = 1;

  /// What messages and summaries call it.
  std::string name() const { return "RadialBasis{" + std::to_string(units) + "}"; }

  /// The shape of one sample that comes out, and a complaint about one that cannot go in.
  nn::Shape output_shape(const nn::Shape& input) const {
    nn::require<nn::ShapeError>(input.rank() == 1, "expects a flat input, got ", input);
    return {units};
  }

  /// What it learns: a name, a shape and the values to start from for each.
  std::vector<nn::Variable> parameters(const nn::Shape& input) const {
    return {{"place", {units, input.size()}, nn::uniform(1.2)},
            {"sharpness", {1}, nn::constant(1)}};
  }

  /// From a batch of samples x, one a row, to y. T is float in training, double in the check.
  template <class T>
  void forward(const nn::Context<T>& context, nn::TensorView<const T> x,
               nn::TensorView<T> y) const {
    const auto points = x.matrix();  // an Eigen matrix of the same memory
    const auto places = context.parameter(0).matrix();
    const T s = context.parameter(1)[0];
    for (nn::Index n = 0; n < points.rows(); ++n) {
      for (nn::Index j = 0; j < units; ++j) {
        y[n * units + j] = std::exp(-s * s * (points.row(n) - places.row(j)).squaredNorm());
      }
    }
  }

  /// From dy, the gradient of the loss with respect to y, to that with respect to x and to the
  /// parameters. By the chain rule, with g = dy * y and the distance d = x - c_j:
  ///
  ///     dc_j = 2 s^2 g d,    dx = -2 s^2 g d,    ds = -2 s g |d|^2,    each summed over the others
  template <class T>
  void backward(const nn::Context<T>& context, nn::TensorView<const T> x, nn::TensorView<const T> y,
                nn::TensorView<const T> dy, nn::TensorView<T> dx) const {
    const auto points = x.matrix();
    const auto places = context.parameter(0).matrix();
    const T s = context.parameter(1)[0];
    if (context.wants_gradients() && !context.accumulate) {  // else the sums are added to
      context.gradient(0).fill(T(0));
      context.gradient(1).fill(T(0));
    }
    if (context.wants_input_gradient) dx.fill(T(0));
    for (nn::Index n = 0; n < points.rows(); ++n) {
      for (nn::Index j = 0; j < units; ++j) {
        const T g = dy[n * units + j] * y[n * units + j];
        const auto d = points.row(n) - places.row(j);
        if (context.wants_gradients()) {
          context.gradient(0).matrix().row(j) += 2 * s * s * g * d;
          context.gradient(1)[0] -= 2 * s * g * d.squaredNorm();
        }
        if (context.wants_input_gradient) dx.matrix().row(n) -= 2 * s * s * g * d;
      }
    }
  }
};

namespace {

/// Points of two spirals that wind around each other, slightly scattered; the class is the spiral.
nn::TensorDataset spirals(nn::Index count, nn::Random random) {
  nn::Tensor<float> points({count, 2});
  std::vector<nn::Label> labels;
  for (nn::Index n = 0; n < count; ++n) {
    labels.push_back(static_cast<nn::Label>(random.below(2)));
    const double turn = random.uniform(0.1, 1.25);
    const double angle = 2 * std::numbers::pi * turn + std::numbers::pi * labels.back();
    points(n, 0) = static_cast<float>(turn * std::cos(angle) + random.normal(0, 0.02));
    points(n, 1) = static_cast<float>(turn * std::sin(angle) + random.normal(0, 0.02));
  }
  return {points, labels};
}

}  // namespace

int main() try {
  // Is the backward pass right? It is compared with differences of forward passes, in a network.
  const auto network = nn::sequential(RadialBasis{60}, nn::Dense{2});
  const nn::GradientCheck check = nn::check_gradients(network, {2});
  std::cout << check << '\n';
  nn::require(check.ok, "the gradients are wrong");

  // From here on it is a layer like any other.
  const nn::TensorDataset training_set = spirals(300, nn::Random(1, 0));
  const nn::TensorDataset test_set = spirals(1000, nn::Random(1, 1));
  nn::Model model(network, training_set.sample_shape(), {.seed = 1});
  nn::fit(model, training_set, nn::SoftmaxCrossEntropy{}, nn::Adam{.learning_rate = 0.03F},
          {.epochs = 100, .batch_size = 50, .seed = 1});
  const double accuracy = nn::accuracy(model, test_set);
  std::cout << "accuracy on 1000 new points: " << accuracy << '\n';
  nn::require(accuracy >= 0.98, "expected an accuracy of 0.98 at least");
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
