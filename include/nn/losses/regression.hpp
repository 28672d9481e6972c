/// @file
/// Distances between outputs and targets, as means over all elements. Labels stand for a target of
/// 1 at the labelled output and 0 at the others (with a single output, for the targets 0 and 1).
#pragma once

#include "nn/core/rounding.hpp"
#include "nn/losses/loss.hpp"

namespace nn {

/// The mean of (y - t)^2.
struct MeanSquaredError {
  /// @throws Error naming sample and label when a label is not a class.
  template <class T>
  T operator()(TensorView<const T> outputs, TensorView<const Label> labels,
               detail::ViewOf<T> gradient) const {
    return elementwise_loss<T>(outputs, labels, gradient, term<T>);
  }
  /// @throws ShapeError unless targets and outputs have the same shape.
  template <class T>
  T operator()(TensorView<const T> outputs, detail::ViewOf<const T> targets,
               detail::ViewOf<T> gradient) const {
    return elementwise_loss<T>(outputs, targets, gradient, term<T>);
  }

 private:
  template <class T>
  static LossTerm<T> term(T output, T target) {
    const T error = output - target;
    return {detail::product(error, error), 2 * error};
  }
};

/// The mean of |y - t|, its slope taken as 0 where y = t.
struct MeanAbsoluteError {
  /// @throws Error naming sample and label when a label is not a class.
  template <class T>
  T operator()(TensorView<const T> outputs, TensorView<const Label> labels,
               detail::ViewOf<T> gradient) const {
    return elementwise_loss<T>(outputs, labels, gradient, term<T>);
  }
  /// @throws ShapeError unless targets and outputs have the same shape.
  template <class T>
  T operator()(TensorView<const T> outputs, detail::ViewOf<const T> targets,
               detail::ViewOf<T> gradient) const {
    return elementwise_loss<T>(outputs, targets, gradient, term<T>);
  }

 private:
  template <class T>
  static LossTerm<T> term(T output, T target) {
    const T error = output - target;
    return {std::abs(error), static_cast<T>((error > T(0)) - (error < T(0)))};
  }
};

/// The mean of e^2 / 2 where |e| <= delta, and delta (|e| - delta / 2) beyond, for e = y - t: a
/// squared error that an outlier cannot dominate (Huber, "Robust estimation of a location
/// parameter", 1964).
struct Huber {
  double delta = 1;  ///< positive

  [[nodiscard]] std::string settings() const {
    return detail::settings("Huber", {{"delta", delta}});
  }

  /// @throws Error naming sample and label when a label is not a class.
  template <class T>
  T operator()(TensorView<const T> outputs, TensorView<const Label> labels,
               detail::ViewOf<T> gradient) const {
    return elementwise_loss<T>(outputs, labels, gradient, term<T>());
  }
  /// @throws ShapeError unless targets and outputs have the same shape.
  template <class T>
  T operator()(TensorView<const T> outputs, detail::ViewOf<const T> targets,
               detail::ViewOf<T> gradient) const {
    return elementwise_loss<T>(outputs, targets, gradient, term<T>());
  }

 private:
  template <class T>
  [[nodiscard]] auto term() const {
    require(delta > 0, "Huber needs a positive delta, got ", delta);
    return [edge = static_cast<T>(delta)](T output, T target) -> LossTerm<T> {
      const T error = output - target;
      if (error > edge) return {detail::product(edge, error - edge / 2), edge};
      if (error < -edge) return {detail::product(edge, -error - edge / 2), -edge};
      return {detail::product(error, error) / 2, error};
    };
  }
};

}  // namespace nn
