/// @file
/// The requirements on a loss, and what losses share.
///
/// A loss is a small description like a layer. It compares a batch of a network's outputs with
/// labels or targets, returns the mean over the batch, and writes the gradient of that mean with
/// respect to the outputs:
///
///     template <class T>
///     T operator()(TensorView<const T> outputs, TensorView<const Label> labels,
///                  TensorView<T> gradient) const;
///     template <class T>
///     T operator()(TensorView<const T> outputs, TensorView<const T> targets,
///                  TensorView<T> gradient) const;
///
/// One of the two is enough. `gradient` has the shape of `outputs`, is written whole, and may be
/// empty when only the value is wanted; it may not be the outputs themselves. A loss with settings
/// may name them, so that they are compared with a checkpoint's:
///
///     std::string settings() const;  // "Huber{delta 1}"
#pragma once

#include <cmath>
#include <type_traits>

#include "nn/core/parallel_sum.hpp"
#include "nn/core/settings.hpp"
#include "nn/core/tensor.hpp"
#include "nn/kernels/simd/math.hpp"

namespace nn {

/// A loss and its gradient with respect to the outputs.
template <class T>
struct LossResult {
  T value{};           ///< the mean over the batch
  Tensor<T> gradient;  ///< of the value with respect to the outputs
};

/// The loss of `outputs` (a tensor or a view) against labels or targets, in a tensor of its own:
/// `auto [value, gradient] = value_and_gradient(SoftmaxCrossEntropy{}, logits, labels)`. A loop
/// that must not allocate calls the loss with a gradient that it keeps.
template <class LossFunction, class Outputs, class Wanted>
[[nodiscard]] auto value_and_gradient(const LossFunction& loss, const Outputs& outputs,
                                      const Wanted& wanted) {
  using T = typename Outputs::value_type;
  const TensorView<const T> view = outputs;
  LossResult<T> result{T{}, Tensor<T>(view.shape())};
  result.value =
      loss(view, TensorView<const typename Wanted::value_type>(wanted), result.gradient.view());
  return result;
}

/// One element's share of a loss, for elementwise_loss().
template <class T>
struct LossTerm {
  T value{};  ///< of the loss
  T slope{};  ///< the derivative of the value with respect to the output
};

namespace detail {

/// A view from which `T` is not deduced, so that a tensor converts to it.
template <class T>
using ViewOf = std::type_identity_t<TensorView<T>>;

template <class T>
void require_gradient_fits(TensorView<const T> outputs, TensorView<T> gradient) {
  require<ShapeError>(outputs.shape().rank() > 0 && !outputs.empty(),
                      "a loss needs outputs, got the shape ", outputs.shape());
  require<ShapeError>(gradient.empty() || gradient.shape() == outputs.shape(),
                      "the gradient of outputs of shape ", outputs.shape(), " cannot have shape ",
                      gradient.shape());
}

template <class T>
void require_targets_fit(TensorView<const T> outputs, TensorView<const T> targets) {
  require<ShapeError>(targets.shape() == outputs.shape(), "outputs of shape ", outputs.shape(),
                      " cannot be compared with targets of shape ", targets.shape());
}

/// Every label is one of `classes`, and there is one for each of `count` rows of outputs.
/// @throws Error naming the sample and its label.
inline void require_labels_fit(TensorView<const Label> labels, Index count, Index classes) {
  require<ShapeError>(labels.size() == count, labels.size(), " labels for ", count,
                      " rows of outputs");
  for (Index i = 0; i < count; ++i) {
    require(labels[i] >= 0 && labels[i] < classes, "sample ", i, " of the batch has the label ",
            labels[i], ", but there are ", classes, " classes, 0 to ", classes - 1);
  }
}

/// Targets given as labels: `on` for the labelled output and `off` for the others. A single output
/// tells two classes apart: `on` for label 1.
template <class T>
class LabelTargets {
 public:
  /// @throws Error when a label does not fit the outputs.
  LabelTargets(TensorView<const T> outputs, TensorView<const Label> labels, T on, T off)
      : labels_(labels), columns_(outputs.shape().back()), on_(on), off_(off) {
    require_labels_fit(labels, outputs.size() / columns_, std::max<Index>(columns_, 2));
  }

  [[nodiscard]] T operator[](Index position) const {
    if (columns_ == 1) return labels_[position] == 1 ? on_ : off_;
    return labels_[position / columns_] == position % columns_ ? on_ : off_;
  }

 private:
  TensorView<const Label> labels_;
  Index columns_;
  T on_;
  T off_;
};

/// The mean of term(output, target) over all elements, and its gradient.
template <class T, class Targets, class TermOf>
T mean_over_elements(TensorView<const T> outputs, const Targets& targets, TensorView<T> gradient,
                     const TermOf& term) {
  const auto count = static_cast<double>(outputs.size());
  const T scale = static_cast<T>(1 / count);
  const bool wants_gradient = !gradient.empty();
  const double sum = parallel_sum(outputs.size(), 8192, [&](Index begin, Index end) {
    double partial = 0;
    for (Index i = begin; i < end; ++i) {
      const LossTerm<T> element = term(outputs[i], targets[i]);
      partial += static_cast<double>(element.value);
      if (wants_gradient) gradient[i] = scale * element.slope;
    }
    return partial;
  });
  return static_cast<T>(sum / count);
}

}  // namespace detail

/// The mean of `term(output, target)`, a LossTerm<T>, over all elements of a batch, and its
/// gradient: what a loss that compares element with element returns. Values are added in an order
/// that does not depend on the number of threads. `gradient` may be empty.
/// @throws ShapeError unless outputs, targets and gradient have the same shape.
template <class T, class TermOf>
T elementwise_loss(TensorView<const T> outputs, detail::ViewOf<const T> targets,
                   detail::ViewOf<T> gradient, const TermOf& term) {
  detail::require_gradient_fits(outputs, gradient);
  detail::require_targets_fit<T>(outputs, targets);
  return detail::mean_over_elements<T>(outputs, targets, gradient, term);
}

/// The same against labels, which stand for a target of 1 at the labelled output and 0 at the
/// others (with a single output, for the targets 0 and 1).
/// @throws Error naming sample and label when a label is not a class.
template <class T, class TermOf>
T elementwise_loss(TensorView<const T> outputs, TensorView<const Label> labels,
                   detail::ViewOf<T> gradient, const TermOf& term) {
  detail::require_gradient_fits(outputs, gradient);
  return detail::mean_over_elements<T>(
      outputs, detail::LabelTargets<T>(outputs, labels, T(1), T(0)), gradient, term);
}

}  // namespace nn
