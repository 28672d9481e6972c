/// @file
/// Sharpness-aware minimisation: steps by the gradient of a point nearby where the loss is larger.
#pragma once

#include "nn/kernels/loops.hpp"
#include "nn/optim/rule.hpp"

namespace nn {

/// Lets `rule` make its steps by the gradient at w + radius * g / |g| instead of g, the gradient at
/// w; |g| is the norm over all parameters (Foret et al., "Sharpness-aware minimization for
/// efficiently improving generalization", 2021, algorithm 1 with p = 2). Made by `sam(SGD{...})`.
///
/// Each step takes two gradients, so twice the time. `fit` computes both, of the same batch; a
/// program's own loop calls `optimizer.climb(model)` after the first and `optimizer.step(model)`
/// after the second.
template <class Rule>
struct SAM {
  Rule rule{};                                ///< makes the steps
  double radius = 0.05;                       ///< how far away the second gradient is computed
  double learning_rate = rule.learning_rate;  ///< of the steps

  void check() const {
    rule.check();
    detail::require_not_negative(learning_rate, "SAM", "a learning rate");
    detail::require_not_negative(radius, "SAM", "a radius");
  }

  [[nodiscard]] std::string settings() const {
    return detail::settings("SAM", {{"radius", radius}}) + " of " + detail::settings_of(rule);
  }

  /// Slot 0 has the weights to come back to.
  [[nodiscard]] constexpr Index slots() const { return 1 + rule.slots(); }

  template <class T>
  void start(Elements<const T> weights, const Slots<T>& slots) const {
    if constexpr (requires { rule.template start<T>(weights, slots); }) {
      rule.template start<T>(weights, slots.without(1));
    }
  }

  /// A gradient of 0, or one that is not finite, does not move the weights.
  template <class T>
  void climb(double gradient_norm, Elements<T> weights, Elements<const T> gradient,
             const Slots<T>& slots) const {
    slots[0] = weights;
    if (!(gradient_norm > 0) || !std::isfinite(gradient_norm)) return;
    detail::add_multiple(weights.size(), static_cast<T>(radius / gradient_norm), gradient.data(),
                         weights.data());
  }

  template <class T>
  void update(const UpdateContext& context, Elements<T> weights, Elements<const T> gradient,
              const Slots<T>& slots) const {
    weights = slots[0];
    rule.template update<T>(context, weights, gradient, slots.without(1));
  }

  /// What the rule takes whole, this does too.
  [[nodiscard]] bool takes_whole(
      const Variable& variable) const requires detail::UpdatesWhole<Rule> {
    return rule.takes_whole(variable);
  }
  [[nodiscard]] Index scratch(const Variable& variable) const requires detail::UpdatesWhole<Rule> {
    return rule.scratch(variable);
  }
  template <class T>
  void update_whole(const UpdateContext& context, const Variable& variable, Elements<T> weights,
                    Elements<const T> gradient, const Slots<T>& slots, T* scratch) const {
    weights = slots[0];
    rule.template update_whole<T>(context, variable, weights, gradient, slots.without(1), scratch);
  }
};

/// SAM around `rule`.
template <class Rule>
[[nodiscard]] constexpr SAM<Rule> sam(Rule rule, double radius = 0.05) {
  return {rule, radius, rule.learning_rate};
}

}  // namespace nn
