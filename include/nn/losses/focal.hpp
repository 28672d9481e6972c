/// @file
/// The focal loss: cross-entropy that forgets what is easy.
#pragma once

#include "nn/core/rounding.hpp"
#include "nn/losses/loss.hpp"

namespace nn {

/// The mean over all outputs of a_t (1 - p_t)^gamma times the cross-entropy between a target t in
/// [0, 1] and the sigmoid p of the output z (a logit; the network ends without a Sigmoid), where
/// p_t = p t + (1 - p) (1 - t) is the probability given to what is right and a_t = alpha t + (1 -
/// alpha) (1 - t) (Lin et al., "Focal loss for dense object detection", 2017, equation 5). For many
/// outputs of which few are wanted. Labels stand for one target of 1 and the others 0; with a
/// single output, label 1 for a target of 1. With a gamma of 0 and without weights it is
/// SigmoidCrossEntropy.
struct Focal {
  double gamma = 2;     ///< how much less counts what is right already; 0 or more
  double alpha = 0.25;  ///< the weight of a target of 1, in [0, 1]; below 0 for no weights

  [[nodiscard]] std::string settings() const {
    return detail::settings("Focal", {{"gamma", gamma}, {"alpha", alpha}});
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
    require(gamma >= 0, "Focal needs a gamma of 0 or more, got ", gamma);
    require(alpha <= 1, "Focal needs an alpha of at most 1, got ", alpha);
    const bool weighted = alpha >= 0;
    return [power = static_cast<T>(gamma), on = static_cast<T>(weighted ? alpha : 1),
            off = static_cast<T>(weighted ? 1 - alpha : 1)](T z, T t) -> LossTerm<T> {
      const T p = detail::logistic(z);
      const T q = detail::logistic(-z);
      const T size = z < T(0) ? -z : z;
      const T entropy = (z > T(0) ? z : T(0)) - detail::product(z, t) +
                        detail::logarithm_of_1_plus(detail::exponential(-size));
      const T wrong = detail::product(p, 1 - t) + detail::product(q, t);  // 1 - p_t
      const T factor = power == T(0)
                           ? T(1)
                           : detail::exponential(detail::product(power, detail::logarithm(wrong)));
      const T weight = detail::product(on, t) + detail::product(off, 1 - t);
      // p (1 - p) / (1 - p_t), which has no division by 0 where the target is 0 or 1.
      const T share = t == T(1) ? p : t == T(0) ? q : p * q / wrong;
      const T bend = detail::product(entropy * power * (1 - 2 * t), share);
      return {weight * factor * entropy, weight * factor * (p - t + bend)};
    };
  }
};

}  // namespace nn
