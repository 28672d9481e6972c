/// @file
/// Binary cross-entropy of independent outputs, from logits.
#pragma once

#include "nn/core/rounding.hpp"
#include "nn/losses/loss.hpp"

namespace nn {

/// The mean over all outputs of the cross-entropy between a target t in [0, 1] and the sigmoid of
/// the output z (a logit; the network ends without a Sigmoid). Labels stand for one target of 1 and
/// the others 0; with a single output, label 1 for a target of 1.
///
/// L = max(z, 0) - z t + log(1 + exp(-|z|)), which neither overflows nor cancels; dL/dz =
/// sigmoid(z) - t.
struct SigmoidCrossEntropy {
  /// @throws Error naming sample and label when a label is not a class.
  template <class T>
  T operator()(TensorView<const T> outputs, TensorView<const Label> labels,
               detail::ViewOf<T> gradient) const {
    detail::require_gradient_fits(outputs, gradient);
    return mean(outputs, detail::LabelTargets<T>(outputs, labels, T(1), T(0)), gradient);
  }

  /// @throws ShapeError unless targets and outputs have the same shape.
  template <class T>
  T operator()(TensorView<const T> outputs, detail::ViewOf<const T> targets,
               detail::ViewOf<T> gradient) const {
    detail::require_gradient_fits(outputs, gradient);
    detail::require_targets_fit<T>(outputs, targets);
    return mean(outputs, targets, gradient);
  }

 private:
  template <class T, class Targets>
  static T mean(TensorView<const T> outputs, const Targets& targets, TensorView<T> gradient) {
    return detail::mean_over_elements(outputs, targets, gradient, [](T z, T t) {
      const T small = detail::exponential(-std::abs(z));
      const T sigmoid = (z >= T(0) ? T(1) : small) / (T(1) + small);
      // Not std::max, which would hide a NaN.
      const T positive = z < T(0) ? T(0) : z;
      const T value = positive - detail::product(z, t) + detail::logarithm_of_1_plus(small);
      return LossTerm<T>{value, sigmoid - t};
    });
  }
};

}  // namespace nn
