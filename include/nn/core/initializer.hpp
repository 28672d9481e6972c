/// @file
/// How parameters start.
#pragma once

#include <Eigen/Core>
#include <cmath>

#include "nn/core/random.hpp"
#include "nn/core/tensor.hpp"

namespace nn {

/// A description of a parameter's starting values; made by the functions below. Fans are counted as
/// is usual for weights whose last axis is the outputs (dense in x out, convolution KH x KW x in x
/// out): fan-in is the product of all other extents, fan-out the outputs times the kernel's area.
struct Initializer {
  /// How values are drawn.
  enum class Kind { constant, normal, truncated_normal, uniform, orthogonal, dirac };
  /// What `scale` is divided by to give the variance.
  enum class Fan { none, in, out, average };

  Kind kind = Kind::constant;  ///< how values are drawn
  Fan fan = Fan::none;         ///< what the variance is divided by
  double scale = 0;            ///< the value, the variance's numerator, the half-width or the gain
};

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
  return {Initializer::Kind::orthogonal, Initializer::Fan::none, gain};
}

/// Convolution weights that pass their inputs through: output channel c copies input channel c at
/// the kernel's centre (Zagoruyko and Komodakis, "DiracNets", 2017). The other weights are 0.
constexpr Initializer dirac() { return {Initializer::Kind::dirac, Initializer::Fan::none, 1}; }

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

/// Gram-Schmidt, twice over for accuracy, on a random normal matrix with at least as many rows as
/// columns. In double, whatever the weights' type.
inline Eigen::MatrixXd orthonormal_columns(Index rows, Index columns, Random& random) {
  Eigen::MatrixXd q(rows, columns);
  for (Index column = 0; column < columns; ++column) {
    for (Index row = 0; row < rows; ++row) q(row, column) = random.normal();
    for (int round = 0; round < 2; ++round) {
      for (Index other = 0; other < column; ++other) {
        q.col(column) -= q.col(other).dot(q.col(column)) * q.col(other);
      }
      q.col(column) /= q.col(column).norm();
    }
  }
  return q;
}

template <class T>
void fill_orthogonal(TensorView<T> weights, double gain, Random& random) {
  auto matrix = weights.matrix();
  const bool wide = matrix.cols() > matrix.rows();
  const Index rows = std::max(matrix.rows(), matrix.cols());
  const Index columns = std::min(matrix.rows(), matrix.cols());
  const Eigen::MatrixXd q = gain * orthonormal_columns(rows, columns, random);
  for (Index row = 0; row < matrix.rows(); ++row) {
    for (Index column = 0; column < matrix.cols(); ++column) {
      matrix(row, column) = static_cast<T>(wide ? q(column, row) : q(row, column));
    }
  }
}

template <class T>
void fill_dirac(TensorView<T> weights) {
  const Shape& shape = weights.shape();
  require<ShapeError>(shape.rank() == 4,
                      "dirac() is for convolution weights KH x KW x in x out, not ", shape);
  weights.fill(T(0));
  for (Index c = 0; c < std::min(shape[2], shape[3]); ++c) {
    weights(shape[0] / 2, shape[1] / 2, c, c) = T(1);
  }
}

}  // namespace detail

/// Fills `weights` as `initializer` says, with numbers from `random`.
template <class T>
void initialize(TensorView<T> weights, const Initializer& initializer, Random random) {
  using Kind = Initializer::Kind;
  if (initializer.kind == Kind::orthogonal) {
    return detail::fill_orthogonal(weights, initializer.scale, random);
  }
  if (initializer.kind == Kind::dirac) return detail::fill_dirac(weights);
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
