/// @file
/// The hinge loss: zero once the true class leads by a margin.
#pragma once

#include <cmath>

#include "nn/core/rounding.hpp"
#include "nn/losses/loss.hpp"

namespace nn {

/// With targets of -1 and 1: the mean over all outputs of max(0, margin - t y). With labels: the
/// mean over the samples of max(0, margin + max_{j != label} y_j - y_label) (Crammer and Singer,
/// "On the algorithmic implementation of multiclass kernel-based vector machines", 2001); with a
/// single output, labels 0 and 1 stand for the targets -1 and 1.
struct Hinge {
  double margin = 1;  ///< by which the true class must lead

  [[nodiscard]] std::string settings() const {
    return detail::settings("Hinge", {{"margin", margin}});
  }

  /// @throws Error naming sample and label when a label is not a class.
  template <class T>
  T operator()(TensorView<const T> outputs, TensorView<const Label> labels,
               detail::ViewOf<T> gradient) const {
    detail::require_gradient_fits(outputs, gradient);
    const Index classes = outputs.shape().back();
    if (classes == 1) {
      return elements(outputs, detail::LabelTargets<T>(outputs, labels, T(1), T(-1)), gradient);
    }
    const Index rows = outputs.size() / classes;
    detail::require_labels_fit(labels, rows, classes);
    double sum = 0;
    for (Index row = 0; row < rows; ++row) {
      sum += static_cast<double>(row_loss(outputs, labels, gradient, row));
    }
    return static_cast<T>(sum / static_cast<double>(rows));
  }

  /// @throws ShapeError unless targets and outputs have the same shape.
  template <class T>
  T operator()(TensorView<const T> outputs, detail::ViewOf<const T> targets,
               detail::ViewOf<T> gradient) const {
    detail::require_gradient_fits(outputs, gradient);
    detail::require_targets_fit<T>(outputs, targets);
    return elements(outputs, targets, gradient);
  }

 private:
  template <class T, class Targets>
  T elements(TensorView<const T> outputs, const Targets& targets, TensorView<T> gradient) const {
    return detail::mean_over_elements(
        outputs, targets, gradient, [wanted = static_cast<T>(margin)](T y, T t) {
          const T lack = wanted - detail::product(t, y);
          // Written so that a NaN is not taken for a right answer.
          return lack <= T(0) ? LossTerm<T>{T(0), T(0)} : LossTerm<T>{lack, -t};
        });
  }

  template <class T>
  T row_loss(TensorView<const T> outputs, TensorView<const Label> labels, TensorView<T> gradient,
             Index row) const {
    const Index classes = outputs.shape().back();
    const T* y = outputs.data() + row * classes;
    const Index label = labels[row];
    Index rival = label == 0 ? 1 : 0;
    for (Index c = rival + 1; c < classes; ++c) {
      // A NaN is the rival of every class and has none itself: the loss must show it.
      if (c != label && !(y[c] <= y[rival]) && !std::isnan(y[rival])) rival = c;
    }
    const T lack = static_cast<T>(margin) + y[rival] - y[label];
    const bool content = lack <= T(0);
    if (!gradient.empty()) {
      T* dy = gradient.data() + row * classes;
      std::fill(dy, dy + classes, T(0));
      if (!content) {
        const T scale = static_cast<T>(1 / static_cast<double>(outputs.size() / classes));
        dy[rival] = scale;
        dy[label] = -scale;
      }
    }
    return content ? T(0) : lack;
  }
};

}  // namespace nn
