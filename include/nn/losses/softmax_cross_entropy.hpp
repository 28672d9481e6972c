/// @file
/// Cross-entropy after a softmax, from logits.
#pragma once

#include <algorithm>
#include <vector>

#include "nn/core/rounding.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/losses/loss.hpp"

namespace nn {

/// The cross-entropy between the target distribution over classes and the softmax of the outputs
/// (logits; the network ends without a Softmax). Classes run along the last axis; every position
/// before it is an example of its own, so that N x C classifies samples and N x H x W x C pixels.
///
/// For logits z and targets t: L = sum_c w_c t_c (logsumexp(z) - z_c), dL/dz_c = p_c sum_k w_k t_k
/// - w_c t_c with p = softmax(z). `label_smoothing` s puts t = (1 - s) t + s / C (Szegedy et al.,
/// "Rethinking the Inception architecture", 2016, section 7). As in PyTorch's CrossEntropyLoss, the
/// mean over labels is weighted by w_label, the mean over soft targets is not.
struct SoftmaxCrossEntropy {
  double label_smoothing = 0;          ///< in [0, 1)
  std::vector<float> class_weights{};  ///< one a class, or none

  [[nodiscard]] std::string settings() const {
    std::string text =
        detail::settings("SoftmaxCrossEntropy", {{"label_smoothing", label_smoothing}});
    for (const float weight : class_weights) {
      (text += ", weight ") += detail::exact_number(static_cast<double>(weight));
    }
    return text;
  }

  /// How much a sample of this class counts in the mean over labels: 1 without weights.
  [[nodiscard]] double label_weight(Label label) const {
    const bool weighted = label >= 0 && label < static_cast<Label>(class_weights.size());
    return weighted ? static_cast<double>(class_weights[static_cast<std::size_t>(label)]) : 1.0;
  }

  /// @throws Error naming sample and label when a label is not a class, ShapeError when the shapes
  /// do not fit.
  template <class T>
  T operator()(TensorView<const T> outputs, TensorView<const Label> labels,
               detail::ViewOf<T> gradient) const {
    const Index classes = check(outputs, gradient);
    const Index rows = outputs.size() / classes;
    detail::require_labels_fit(labels, rows, classes);
    double weight = static_cast<double>(rows);
    if (!class_weights.empty()) {
      weight = 0;
      for (const Label label : labels) weight += static_cast<double>(weight_of<T>(label));
    }
    return mean<T>(outputs, {labels.data(), nullptr, classes}, gradient, weight);
  }

  /// Targets are a distribution over the classes for each example.
  template <class T>
  T operator()(TensorView<const T> outputs, detail::ViewOf<const T> targets,
               detail::ViewOf<T> gradient) const {
    const Index classes = check(outputs, gradient);
    detail::require_targets_fit(outputs, targets);
    return mean<T>(outputs, {nullptr, targets.data(), classes}, gradient,
                   static_cast<double>(outputs.size() / classes));
  }

 private:
  /// Either a label for each row or a target for each output. They are told apart at run time,
  /// which costs less than compiling the rest twice.
  template <class T>
  struct Wanted {
    const Label* labels;
    const T* targets;
    Index classes;

    [[nodiscard]] T operator()(Index row, Index column) const {
      if (labels == nullptr) return targets[row * classes + column];
      return labels[row] == column ? T(1) : T(0);
    }
  };

  template <class T>
  [[gnu::noinline]] Index check(TensorView<const T> outputs, TensorView<T> gradient) const {
    detail::require_gradient_fits(outputs, gradient);
    const Index classes = outputs.shape().back();
    require(class_weights.empty() || static_cast<Index>(class_weights.size()) == classes,
            "SoftmaxCrossEntropy has ", class_weights.size(), " class weights, but there are ",
            classes, " classes");
    require(label_smoothing >= 0 && label_smoothing < 1, "label smoothing must be in [0, 1), got ",
            label_smoothing);
    return classes;
  }

  template <class T>
  [[nodiscard]] T weight_of(Index label) const {
    return class_weights.empty() ? T(1)
                                 : static_cast<T>(class_weights[static_cast<std::size_t>(label)]);
  }

  /// The sum over the rows divided by `weight`, and its gradient.
  template <class T>
  [[gnu::noinline]] T mean(TensorView<const T> outputs, const Wanted<T>& target,
                           TensorView<T> gradient, double weight) const {
    const Index classes = outputs.shape().back();
    const Index rows = outputs.size() / classes;
    const double sum =
        parallel_sum(rows, std::max<Index>(1, 8192 / classes), [&](Index begin, Index end) {
          double partial = 0;
          for (Index row = begin; row < end; ++row) {
            partial += static_cast<double>(row_loss(outputs, target, gradient, row, weight));
          }
          return partial;
        });
    return static_cast<T>(sum / weight);
  }

  /// The weighted target of a class.
  template <class T>
  [[nodiscard]] T wanted_of(const Wanted<T>& target, Index row, Index c, T keep, T spread) const {
    return detail::product(weight_of<T>(c), detail::product(keep, target(row, c)) + spread);
  }

  template <class T>
  T row_loss(TensorView<const T> outputs, const Wanted<T>& target, TensorView<T> gradient,
             Index row, double weight) const {
    const Index classes = outputs.shape().back();
    const T* const z = outputs.data() + row * classes;
    // Subtracts the largest logit, so that exp does not overflow.
    const T largest = *std::max_element(z, z + classes);
    const T log_sum = detail::logarithm(detail::sum_of_exponentials(classes, z, largest));
    const T keep = static_cast<T>(1 - label_smoothing);
    const T spread = static_cast<T>(label_smoothing / static_cast<double>(classes));
    T loss = 0;
    T mass = 0;  // of the weighted targets: 1 for plain labels
    for (Index c = 0; c < classes; ++c) {
      const T wanted = wanted_of(target, row, c, keep, spread);
      mass += wanted;
      // A class with target 0 contributes 0, even where its logit is -infinity.
      if (wanted != T(0)) loss += detail::product(wanted, log_sum - (z[c] - largest));
    }
    if (gradient.empty()) return loss;
    const T scale = static_cast<T>(1 / weight);
    T* const dz = gradient.data() + row * classes;
    detail::scale_exponentials(classes, z, largest + log_sum, scale * mass, dz);
    for (Index c = 0; c < classes; ++c) {
      dz[c] -= detail::product(scale, wanted_of(target, row, c, keep, spread));
    }
    return loss;
  }
};

}  // namespace nn
