/// @file
/// LARS: a learning rate for each layer, by the norms of its weights and its gradient.
#pragma once

#include <cmath>

#include "nn/core/parallel_sum.hpp"
#include "nn/core/rounding.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/optim/rule.hpp"

namespace nn {

/// For the weights of each layer (what weight decay applies to), with the gradient g and Euclidean
/// norms: r = trust * |w| / (|g| + weight_decay * |w| + epsilon); v = momentum * v + learning_rate
/// * r * (g + weight_decay * w); w -= v. Biases and normalisation have r = 1 and no decay, and so
/// has a layer whose weights or gradients are all 0 r = 1 (You, Gitman and Ginsburg, "Large batch
/// training of convolutional networks", 2017, algorithm 1). For batches of thousands, with a
/// warm-up.
struct LARS {
  double learning_rate = 1;      ///< of the first step
  double momentum = 0.9;         ///< in [0, 1)
  double trust = 0.001;          ///< how far a step may change a layer, of its norm
  double weight_decay = 0.0005;  ///< of weights, not of biases and normalisation
  double epsilon = 1e-9;         ///< added to the denominator

  void check() const {
    detail::require_not_negative(learning_rate, "LARS", "a learning rate");
    detail::require_fraction(momentum, "LARS", "a momentum");
    detail::require_not_negative(trust, "LARS", "a trust");
    detail::require_not_negative(weight_decay, "LARS", "a weight decay");
    detail::require_not_negative(epsilon, "LARS", "an epsilon");
  }

  [[nodiscard]] std::string settings() const {
    return detail::settings("LARS", {{"momentum", momentum},
                                     {"trust", trust},
                                     {"weight_decay", weight_decay},
                                     {"epsilon", epsilon}});
  }

  [[nodiscard]] static constexpr Index slots() { return 1; }

  [[nodiscard]] bool takes_whole(const Variable& variable) const { return variable.decay; }
  [[nodiscard]] Index scratch(const Variable& /*variable*/) const { return 0; }

  template <class T>
  void update_whole(const UpdateContext& context, const Variable& /*variable*/, Elements<T> weights,
                    Elements<const T> gradient, const Slots<T>& slots, T* /*scratch*/) const {
    const Index size = weights.size();
    T* const w = weights.data();
    const T* const g = gradient.data();
    T* const v = slots[0].data();
    const double decay = detail::product(weight_decay, context.decay);
    const double length = norm<T>(size, w);
    const double slope = norm<T>(size, g);
    const bool moves = length > 0 && slope > 0;
    const double ratio =
        moves ? trust * length / (slope + detail::product(decay, length) + epsilon) : 1;
    const double rate = context.learning_rate * ratio;
    parallel_for_pieces(size, Index{1} << 14U, [&](Index begin, Index end) {
      move<T>(end - begin, rate, decay, g + begin, w + begin, v + begin);
    });
  }

  template <class T>
  void update(const UpdateContext& context, Elements<T> weights, Elements<const T> gradient,
              const Slots<T>& slots) const {
    move<T>(weights.size(), context.learning_rate, 0, gradient.data(), weights.data(),
            slots[0].data());
  }

 private:
  template <class T>
  [[nodiscard]] static double norm(Index count, const T* values) {
    return std::sqrt(parallel_sum(count, Index{1} << 15U, [values](Index begin, Index end) {
      return detail::sum_of_squares(end - begin, values + begin);
    }));
  }

  template <class T>
  void move(Index count, double rate, double decay, const T* gradient, T* weights,
            T* velocity) const {
    detail::scale_elements(count, static_cast<T>(momentum), velocity, velocity);
    detail::add_multiple(count, static_cast<T>(rate), gradient, velocity);
    detail::add_multiple(count, static_cast<T>(rate * decay), weights, velocity);
    detail::add_multiple(count, T(-1), velocity, weights);
  }
};

}  // namespace nn
