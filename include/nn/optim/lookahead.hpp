/// @file
/// Lookahead: slow weights that follow fast ones.
#pragma once

#include "nn/kernels/loops.hpp"
#include "nn/optim/rule.hpp"

namespace nn {

/// Lets `rule` make `interval` steps, then moves the weights from where they were by `rate` of the
/// way, and starts again from there (Zhang et al., "Lookahead optimizer: k steps forward, 1 step
/// back", 2019, algorithm 1). Made by `lookahead(Adam{})`.
template <class Rule>
struct Lookahead {
  static_assert(!detail::Climbs<Rule>, "put the rule with two gradients around Lookahead");

  Rule rule{};                                ///< makes the fast steps
  Index interval = 5;                         ///< fast steps to a slow one
  double rate = 0.5;                          ///< how far a slow step goes towards the fast weights
  double learning_rate = rule.learning_rate;  ///< of the fast steps

  void check() const {
    rule.check();
    detail::require_not_negative(learning_rate, "Lookahead", "a learning rate");
    require(interval > 0, "Lookahead needs a positive interval, got ", interval);
    require(rate > 0 && rate <= 1, "Lookahead needs a rate in (0, 1], got ", rate);
  }

  [[nodiscard]] std::string settings() const {
    return detail::settings("Lookahead",
                            {{"interval", static_cast<double>(interval)}, {"rate", rate}}) +
           " of " + detail::settings_of(rule);
  }

  [[nodiscard]] constexpr Index slots() const { return 1 + rule.slots(); }

  /// The slow weights start where the fast ones do.
  template <class T>
  void start(Elements<const T> weights, const Slots<T>& slots) const {
    slots[0] = weights;
    if constexpr (requires { rule.template start<T>(weights, slots); }) {
      rule.template start<T>(weights, slots.without(1));
    }
  }

  template <class T>
  void update(const UpdateContext& context, Elements<T> weights, Elements<const T> gradient,
              const Slots<T>& slots) const {
    rule.template update<T>(context, weights, gradient, slots.without(1));
    follow(context, weights, slots);
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
    rule.template update_whole<T>(context, variable, weights, gradient, slots.without(1), scratch);
    follow(context, weights, slots);
  }

 private:
  /// The slow step, when it is time for one.
  template <class T>
  void follow(const UpdateContext& context, Elements<T>& weights, const Slots<T>& slots) const {
    if (context.step % interval != 0) return;
    Elements<T> slow = slots[0];
    detail::move_towards<T>(weights.size(), static_cast<T>(rate), weights.data(), slow.data());
    weights = slow;
  }
};

/// The options of lookahead().
struct LookaheadOptions {
  Index interval = 5;  ///< fast steps to a slow one
  double rate = 0.5;   ///< how far a slow step goes towards the fast weights
};

/// Lookahead around `rule`.
template <class Rule>
[[nodiscard]] constexpr Lookahead<Rule> lookahead(Rule rule, const LookaheadOptions& options = {}) {
  return {rule, options.interval, options.rate, rule.learning_rate};
}

}  // namespace nn
