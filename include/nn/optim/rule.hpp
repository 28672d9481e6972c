/// @file
/// The requirements on an optimizer's rule.
///
/// A rule is a small description: it holds settings and never changes. Its state between steps,
/// such as momentum, is kept by the Optimizer in *slots*: one number for each parameter, 0 at the
/// start. A rule must have:
///
///     double learning_rate;                 // its default
///     void check() const;                   // throws Error for invalid settings
///     Index slots() const;                  // how many slots it needs
///     template <class T>
///     void update(const UpdateContext& context, Elements<T> weights, Elements<const T> gradient,
///                 const Slots<T>& slots) const;
///
/// It may have a function that is called once before the first step:
///
///     template <class T>
///     void start(Elements<const T> weights, const Slots<T>& slots) const;
///
/// and one that names its settings, which `fit` compares with a checkpoint's; without it only the
/// type's name is compared:
///
///     std::string settings() const;         // "SGD{momentum 0.9}", without the learning rate
///
/// Every element is updated by itself: `update` is called for short runs of the weights, in any
/// order and from several threads.
///
/// A rule whose step needs a parameter as a whole, its norm for instance or products of it as a
/// matrix, takes such parameters by three more functions. They are updated one after another, and
/// `update` is called for the others; the step may use several threads itself:
///
///     bool takes_whole(const Variable& variable) const;
///     Index scratch(const Variable& variable) const;    // how many numbers it needs meanwhile
///     template <class T>
///     void update_whole(const UpdateContext& context, const Variable& variable,
///                       Elements<T> weights, Elements<const T> gradient, const Slots<T>& slots,
///                       T* scratch) const;
///
/// A rule that needs a second gradient, of weights not far from these, takes the weights there by
/// one more function, which is called for short runs as `update` is; `update` then gets the second
/// gradient, and has to put the weights back first. `gradient_norm` is that of the whole gradient:
///
///     template <class T>
///     void climb(double gradient_norm, Elements<T> weights, Elements<const T> gradient,
///                const Slots<T>& slots) const;
#pragma once

#include <cmath>
#include <concepts>

#include "nn/core/eigen.hpp"
#include "nn/core/error.hpp"
#include "nn/core/settings.hpp"
#include "nn/core/shape.hpp"
#include "nn/layers/plan.hpp"

namespace nn {

/// What a rule gets besides weights and gradient.
struct UpdateContext {
  double learning_rate = 0;  ///< of this step
  double decay = 1;          ///< the factor of the rule's weight decay: 0 for biases
  Index step = 1;            ///< 1 for the first
};

/// A run of weights, gradients or slots, as an Eigen array.
template <class T>
using Elements =
    Eigen::Map<std::conditional_t<std::is_const_v<T>,
                                  const Eigen::Array<std::remove_const_t<T>, Eigen::Dynamic, 1>,
                                  Eigen::Array<T, Eigen::Dynamic, 1>>>;

/// A rule's slots, for one run of weights.
template <class T>
class Slots {
 public:
  /// `first` points to the run in slot 0; each slot is `stride` elements after the one before.
  Slots(T* first, Index stride, Index count) : first_(first), stride_(stride), count_(count) {}

  /// Slot number `slot`.
  [[nodiscard]] Elements<T> operator[](Index slot) const {
    return {first_ + slot * stride_, count_};
  }
  /// The slots without the first `count`: for a rule made of another.
  [[nodiscard]] Slots without(Index count) const {
    return {first_ + count * stride_, stride_, count_};
  }

 private:
  T* first_;
  Index stride_;
  Index count_;
};

namespace detail {

/// Whether a rule updates some parameters whole.
template <class Rule>
concept UpdatesWhole = requires(const Rule& rule, const Variable& variable) {
  { rule.takes_whole(variable) } -> std::same_as<bool>;
};

/// Whether a rule needs two gradients for a step.
template <class Rule>
concept Climbs = requires(const Rule& rule, Elements<float> weights, Elements<const float> gradient,
                          const Slots<float>& slots) {
  rule.template climb<float>(1.0, weights, gradient, slots);
};

/// @throws Error unless `value` is in [0, 1).
inline void require_fraction(double value, const char* rule, const char* name) {
  require(value >= 0 && value < 1, rule, " needs ", name, " in [0, 1), got ", value);
}

/// @throws Error unless `value` is finite and not negative.
inline void require_not_negative(double value, const char* rule, const char* name) {
  require(std::isfinite(value) && value >= 0, rule, " needs ", name, " of 0 or more, got ", value);
}

}  // namespace detail
}  // namespace nn
