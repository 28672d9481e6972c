/// @file
/// How parameters start.
#pragma once

#include <algorithm>
#include <cmath>

#include "nn/core/random.hpp"
#include "nn/core/rounding.hpp"
#include "nn/core/tensor.hpp"

namespace nn {

/// A description of a parameter's starting values; made by the functions below. Fans are counted as
/// is usual for weights whose last axis is the outputs (dense in x out, convolution KH x KW x in x
/// out): fan-in is the product of all other extents, fan-out the outputs times the kernel's area.
struct Initializer {
  /// How values are drawn.
  enum class Kind { constant, normal, truncated_normal, uniform, other };
  /// What `scale` is divided by to give the variance.
  enum class Fan { none, in, out, average };

  Kind kind = Kind::constant;  ///< how values are drawn
  Fan fan = Fan::none;         ///< what the variance is divided by
  double scale = 0;            ///< the value, the variance's numerator, the half-width or the gain
  /// For a kind of its own: writes all values. A pointer, so that unused initializers are not
  /// compiled.
  void (*fill)(TensorView<double> values, double scale, Random& random) = nullptr;
};

namespace detail {
inline void fill_orthogonal(TensorView<double> weights, double gain, Random& random);
inline void fill_dirac(TensorView<double> weights, double others, Random& random);
}  // namespace detail

/// Every element is `value`.
constexpr Initializer constant(double value) {
  return {Initializer::Kind::constant, Initializer::Fan::none, value};
}
/// Every element is 0: for biases.
constexpr Initializer zeros() { return constant(0); }
/// Every element is 1: for scales.
constexpr Initializer ones() { return constant(1); }

/// Normal with mean 0 and the given standard deviation.
constexpr Initializer normal(double deviation) {
  return {Initializer::Kind::normal, Initializer::Fan::none, deviation * deviation};
}
/// Normal with mean 0, redrawn beyond two standard deviations; `deviation` is that before the cut.
constexpr Initializer truncated_normal(double deviation) {
  return {Initializer::Kind::truncated_normal, Initializer::Fan::none, deviation * deviation};
}
/// Uniform in [-limit, limit].
constexpr Initializer uniform(double limit) {
  return {Initializer::Kind::uniform, Initializer::Fan::none, limit * limit / 3};
}

/// Variance 2 / fan-in, for layers before a ReLU (He et al., "Delving deep into rectifiers", 2015).
constexpr Initializer he_normal() { return {Initializer::Kind::normal, Initializer::Fan::in, 2}; }
/// As he_normal(), uniform.
constexpr Initializer he_uniform() { return {Initializer::Kind::uniform, Initializer::Fan::in, 2}; }

/// Variance 2 / (fan-in + fan-out), for layers before tanh or softmax (Glorot and Bengio,
/// "Understanding the difficulty of training deep feedforward neural networks", 2010).
constexpr Initializer glorot_normal() {
  return {Initializer::Kind::normal, Initializer::Fan::average, 1};
}
/// As glorot_normal(), uniform.
constexpr Initializer glorot_uniform() {
  return {Initializer::Kind::uniform, Initializer::Fan::average, 1};
}

/// Variance 1 / fan-in, for layers before SELU (LeCun et al., "Efficient BackProp", 1998).
constexpr Initializer lecun_normal() {
  return {Initializer::Kind::normal, Initializer::Fan::in, 1};
}
/// As lecun_normal(), uniform.
constexpr Initializer lecun_uniform() {
  return {Initializer::Kind::uniform, Initializer::Fan::in, 1};
}

/// A random matrix (all axes but the last) x (last) with orthonormal columns, or rows where it has
/// more columns than rows, times `gain` (Saxe et al., "Exact solutions to the nonlinear dynamics of
/// learning in deep linear neural networks", 2014).
constexpr Initializer orthogonal(double gain = 1) {
  return {Initializer::Kind::other, Initializer::Fan::none, gain, detail::fill_orthogonal};
}

/// Convolution weights that pass their inputs through: output channel c copies input channel c at
/// the kernel's centre, and its other weights are 0 (Zagoruyko and Komodakis, "DiracNets", 2017).
/// Where there are more output channels than inputs, those beyond are normal with the variance
/// `others` / fan-in; with 0 they would stay silent.
constexpr Initializer dirac(double others = 0) {
  return {Initializer::Kind::other, Initializer::Fan::none, others, detail::fill_dirac};
}

namespace detail {

/// The standard deviation that an initializer of variance type gives weights of this shape.
inline double standard_deviation(const Initializer& initializer, const Shape& shape) {
  const Index outputs = shape.rank() == 0 ? 1 : shape.back();
  const Index fan_in = outputs == 0 ? 1 : shape.size() / outputs;
  const Index inputs = shape.rank() < 2 ? 1 : shape[-2];
  const Index fan_out = inputs == 0 ? 1 : outputs * (fan_in / inputs);
  double divisor = 1;
  if (initializer.fan == Initializer::Fan::in) divisor = static_cast<double>(fan_in);
  if (initializer.fan == Initializer::Fan::out) divisor = static_cast<double>(fan_out);
  if (initializer.fan == Initializer::Fan::average) {
    divisor = 0.5 * static_cast<double>(fan_in + fan_out);
  }
  return std::sqrt(initializer.scale / divisor);
}

inline double truncated(Random& random) {
  for (;;) {
    const double value = random.normal();
    if (value > -2 && value < 2) return value;
  }
}

/// Makes row `row` of q, whose rows before are orthonormal, orthogonal to them and of length 1.
inline void orthonormalize_row(TensorView<double> q, Index row) {
  const Index size = q.shape()[1];
  double* const added = q.data() + row * size;
  for (Index other = 0; other < row; ++other) {
    const double* const before = q.data() + other * size;
    double projection = 0;
    for (Index i = 0; i < size; ++i) projection += product(before[i], added[i]);
    for (Index i = 0; i < size; ++i) added[i] -= product(projection, before[i]);
  }
  double squares = 0;
  for (Index i = 0; i < size; ++i) squares += product(added[i], added[i]);
  for (Index i = 0; i < size; ++i) added[i] /= std::sqrt(squares);
}

/// Gram-Schmidt, twice over for accuracy, on a random normal matrix.
inline void fill_orthogonal(TensorView<double> weights, double gain, Random& random) {
  const Index columns = weights.shape().back();
  const Index rows = columns == 0 ? 0 : weights.size() / columns;
  const bool wide = columns > rows;
  Tensor<double> q({std::min(rows, columns), std::max(rows, columns)});
  for (Index row = 0; row < q.shape()[0]; ++row) {
    for (double& value : q.sample(row)) value = random.normal();
    for (int round = 0; round < 2; ++round) orthonormalize_row(q, row);
  }
  for (Index row = 0; row < rows; ++row) {
    for (Index column = 0; column < columns; ++column) {
      weights[row * columns + column] = gain * (wide ? q(row, column) : q(column, row));
    }
  }
}

inline void fill_dirac(TensorView<double> weights, double others, Random& random) {
  const Shape& shape = weights.shape();
  require<ShapeError>(shape.rank() == 4,
                      "dirac() is for convolution weights KH x KW x in x out, not ", shape);
  const Index inputs = shape[2];
  const Index outputs = shape[3];
  const double deviation =
      std::sqrt(others / static_cast<double>(shape[0] * shape[1] * std::max<Index>(1, inputs)));
  for (Index i = 0; i < weights.size(); ++i) {
    const bool copies = i % outputs < inputs;
    weights[i] = copies || others == 0 ? 0 : deviation * random.normal();
  }
  for (Index c = 0; c < std::min(inputs, outputs); ++c) {
    weights(shape[0] / 2, shape[1] / 2, c, c) = 1;
  }
}

}  // namespace detail

/// Fills `weights` as `initializer` says, with numbers from `random`.
template <class T>
void initialize(TensorView<T> weights, const Initializer& initializer, Random random) {
  using Kind = Initializer::Kind;
  if (initializer.kind == Kind::other) {
    Tensor<double> values(weights.shape());
    initializer.fill(values, initializer.scale, random);
    for (Index i = 0; i < weights.size(); ++i) weights[i] = static_cast<T>(values[i]);
    return;
  }
  if (initializer.kind == Kind::constant) return weights.fill(static_cast<T>(initializer.scale));

  const double deviation = detail::standard_deviation(initializer, weights.shape());
  const double limit = std::sqrt(3.0) * deviation;  // a uniform variable's, for this deviation
  for (T& weight : weights) {
    double value = 0;
    if (initializer.kind == Kind::normal) value = deviation * random.normal();
    if (initializer.kind == Kind::truncated_normal) value = deviation * detail::truncated(random);
    if (initializer.kind == Kind::uniform) value = random.uniform(-limit, limit);
    weight = static_cast<T>(value);
  }
}

}  // namespace nn
