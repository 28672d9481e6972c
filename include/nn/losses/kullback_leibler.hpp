/// @file
/// The Kullback-Leibler divergence, from logits: learning from another network's outputs.
#pragma once

#include <algorithm>
#include <cmath>

#include "nn/core/rounding.hpp"
#include "nn/losses/loss.hpp"

namespace nn {

/// The Kullback-Leibler divergence from the target distribution t to the softmax p of the outputs
/// (logits z), each divided by the temperature, along the last axis: L = temperature^2 * sum_c t_c
/// (ln t_c - ln p_c), as a mean over all positions before that axis. Its gradient is temperature *
/// (p_c sum_k t_k - t_c), so that its size does not depend on the temperature (Hinton, Vinyals and
/// Dean, "Distilling the knowledge in a neural network", 2015, section 2).
///
/// Targets are probabilities; a class of target 0 adds nothing. With `logits`, they are another
/// network's logits instead, of which t is the softmax at the same temperature: distillation.
struct KullbackLeibler {
  double temperature = 1;  ///< by which logits are divided; positive
  bool logits = false;     ///< whether targets are logits, not probabilities

  [[nodiscard]] std::string settings() const {
    return detail::settings("KullbackLeibler",
                            {{"temperature", temperature}, {"logits", logits ? 1.0 : 0.0}});
  }

  /// @throws ShapeError unless targets and outputs have the same shape, Error for a temperature
  /// that is not positive.
  template <class T>
  T operator()(TensorView<const T> outputs, detail::ViewOf<const T> targets,
               detail::ViewOf<T> gradient) const {
    detail::require_gradient_fits(outputs, gradient);
    detail::require_targets_fit<T>(outputs, targets);
    require(temperature > 0, "KullbackLeibler needs a positive temperature, got ", temperature);
    const Index classes = outputs.shape().back();
    const Index rows = outputs.size() / classes;
    const double sum =
        parallel_sum(rows, std::max<Index>(1, 8192 / classes), [&](Index begin, Index end) {
          double partial = 0;
          for (Index row = begin; row < end; ++row) {
            partial += static_cast<double>(row_loss(outputs, targets, gradient, row));
          }
          return partial;
        });
    return static_cast<T>(sum * temperature * temperature / static_cast<double>(rows));
  }

 private:
  /// The logarithms of a softmax at this temperature.
  template <class T>
  struct LogSoftmax {
    const T* z;
    T largest;
    T inverse;  // of the temperature
    T log_sum = 0;

    LogSoftmax(const T* from, Index count, double temperature)
        : z(from),
          largest(*std::max_element(from, from + count)),
          inverse(static_cast<T>(1 / temperature)) {
      T sum = 0;
      for (Index c = 0; c < count; ++c) sum += detail::exponential(scaled(c));
      log_sum = detail::logarithm(sum);
    }
    [[nodiscard]] T scaled(Index c) const { return detail::product(z[c] - largest, inverse); }
    [[nodiscard]] T operator()(Index c) const { return scaled(c) - log_sum; }
  };

  /// Without the temperature's square.
  template <class T>
  T row_loss(TensorView<const T> outputs, TensorView<const T> targets, TensorView<T> gradient,
             Index row) const {
    const Index classes = outputs.shape().back();
    const LogSoftmax<T> log_p(outputs.data() + row * classes, classes, temperature);
    const T* const given = targets.data() + row * classes;
    T loss = 0;
    T mass = 0;
    const auto visit = [&](auto&& use) {
      if (logits) {
        const LogSoftmax<T> log_t(given, classes, temperature);
        for (Index c = 0; c < classes; ++c) use(c, detail::exponential(log_t(c)), log_t(c));
      } else {
        for (Index c = 0; c < classes; ++c) {
          use(c, given[c], given[c] == T(0) ? T(0) : detail::logarithm(given[c]));
        }
      }
    };
    visit([&](Index c, T t, T log_t) {
      mass += t;
      if (t != T(0)) loss += detail::product(t, log_t - log_p(c));
    });
    if (gradient.empty()) return loss;
    const double rows = static_cast<double>(outputs.size() / classes);
    const T scale = static_cast<T>(temperature / rows);
    T* const dz = gradient.data() + row * classes;
    visit([&](Index c, T t, T /*log_t*/) {
      dz[c] = scale * (detail::product(mass, detail::exponential(log_p(c))) - t);
    });
    return loss;
  }
};

}  // namespace nn
