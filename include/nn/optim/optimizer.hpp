/// @file
/// Changes a model's weights by its gradients.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"
#include "nn/layers/plan.hpp"
#include "nn/optim/rule.hpp"

namespace nn {

/// Settings for the parameters of the layer at `path` ("3", "0.1"; a single parameter's name,
/// "3.weight", too) and those below it. Of several matching groups, the one with the longest path
/// applies.
struct ParameterGroup {
  std::string path{};        ///< as in the summary: "2", or "2.1"; with all layers below it
  double learning_rate = 1;  ///< by which the optimizer's learning rate is multiplied
  double weight_decay = 1;   ///< by which the rule's weight decay is multiplied
};

/// Settings that differ between parameters.
struct OptimizerOptions {
  std::vector<ParameterGroup> groups{};  ///< settings for some layers
  bool decay_all = false;                ///< let weight decay apply to biases and normalisation too
};

/// Updates weights by `Rule` (SGD, Adam, AdamW, RMSProp, Lookahead, or one's own; see rule.hpp),
/// and keeps the rule's state between steps:
///
///     nn::Optimizer optimizer(model, nn::Adam{.learning_rate = 1e-3});
///     optimizer.step(model);
///
/// A step goes once over the model's one block of parameters, in pieces that several threads share,
/// and allocates nothing. Parameters that are frozen stay as they are, and so do their moments.
template <class Rule, class T = float>
class Optimizer {
 public:
  /// @throws Error for invalid settings and for a group without parameters.
  template <class AnyModel>
  [[gnu::cold]] Optimizer(const AnyModel& model, Rule rule, OptimizerOptions options = {})
      : rule_(std::move(rule)),
        options_(std::move(options)),
        learning_rate_(rule_.learning_rate),
        size_(model.parameters().size()),
        state_(static_cast<std::size_t>(rule_.slots() * size_)) {
    static_assert(std::is_same_v<T, typename AnyModel::Scalar>);
    rule_.check();
    for (const ParameterGroup& group : options_.groups) check_group(model.variables(), group);
    find_segments(model.variables(), model.trainable());
  }

  /// Updates the weights with the model's gradients and the current learning rate.
  /// @throws Error when the model is not of the size the optimizer was made for.
  template <class AnyModel>
  void step(AnyModel& model) {
    require(model.parameters().size() == size_, "an optimizer for ", size_,
            " parameters was given a model of ", model.parameters().size());
    if (model.trainable() != trainable_) find_segments(model.variables(), model.trainable());
    T* weights = model.parameters().data();
    const T* gradients = model.gradients().data();
    if (steps_ == 0) start(weights);
    ++steps_;
    // Long enough to be worth a thread's time; pieces do not follow the layers.
    constexpr Index piece = Index{1} << 14U;
    parallel_for_pieces(size_, piece, [&](Index begin, Index end) {
      for (const Segment& segment : segments_) {
        update(std::max(begin, segment.begin), std::min(end, segment.end), segment, weights,
               gradients);
      }
    });
  }

  /// The rule.
  [[nodiscard]] const Rule& rule() const { return rule_; }
  /// The settings that differ between parameters.
  [[nodiscard]] const OptimizerOptions& options() const { return options_; }
  /// The learning rate of the next steps.
  [[nodiscard]] double learning_rate() const { return learning_rate_; }
  /// Sets the learning rate of the next steps.
  void set_learning_rate(double learning_rate) { learning_rate_ = learning_rate; }

  /// The number of steps made: save it together with `state()`.
  [[nodiscard]] Index steps() const { return steps_; }
  /// Sets the number of steps made, to resume from a checkpoint.
  void set_steps(Index steps) { steps_ = steps; }
  /// The rule's slots, one after another, each laid out as the parameters are.
  [[nodiscard]] std::span<T> state() { return state_; }
  /// All slots of the rule, one block after another.
  [[nodiscard]] std::span<const T> state() const { return state_; }

 private:
  /// Adjacent parameters with the same settings.
  struct Segment {
    Index begin = 0;
    Index end = 0;
    double learning_rate = 1;
    double decay = 1;
  };

  void start(T* weights) {
    const Slots<T> slots(state_.data(), size_, size_);
    const Elements<const T> all(weights, size_);
    if constexpr (requires { rule_.template start<T>(all, slots); }) {
      rule_.template start<T>(all, slots);
    }
  }

  void update(Index begin, Index end, const Segment& segment, T* weights, const T* gradients) {
    const UpdateContext context{learning_rate_ * segment.learning_rate, segment.decay, steps_};
    // A rule goes several times over its run; a short one stays in the first-level cache.
    constexpr Index run = 1024;
    T* const slots = state_.empty() ? nullptr : state_.data();  // a rule may need none
    for (Index first = begin; first < end; first += run) {
      const Index count = std::min(run, end - first);
      rule_.template update<T>(context, Elements<T>(weights + first, count),
                               Elements<const T>(gradients + first, count),
                               Slots<T>(slots == nullptr ? nullptr : slots + first, size_, count));
    }
  }

  [[nodiscard]] static bool belongs(std::string_view name, std::string_view path) {
    return path.empty() || name == path ||
           (name.size() > path.size() && name.starts_with(path) && name[path.size()] == '.');
  }

  [[gnu::cold, gnu::noinline]] static void check_group(const std::vector<Variable>& variables,
                                                       const ParameterGroup& group) {
    detail::require_not_negative(group.learning_rate, "a parameter group", "a learning rate");
    detail::require_not_negative(group.weight_decay, "a parameter group", "a weight decay");
    for (const Variable& variable : variables) {
      if (belongs(variable.name, group.path)) return;
    }
    throw Error(detail::text("there are no parameters at '", group.path, "' to make a group of"));
  }

  [[gnu::cold, gnu::noinline]] void find_segments(const std::vector<Variable>& variables,
                                                  const std::vector<bool>& trainable) {
    trainable_ = trainable;
    segments_.clear();
    for (std::size_t i = 0; i < variables.size(); ++i) {
      if (!trainable[i]) continue;
      const Segment next = segment_of(variables[i]);
      if (!segments_.empty() && joins(segments_.back(), next)) {
        segments_.back().end = next.end;
      } else {
        segments_.push_back(next);
      }
    }
  }

  [[gnu::cold, gnu::noinline]] [[nodiscard]] Segment segment_of(const Variable& variable) const {
    Segment segment{variable.offset, variable.offset + variable.shape.size()};
    std::size_t longest = 0;
    for (const ParameterGroup& group : options_.groups) {
      if (!belongs(variable.name, group.path) || group.path.size() < longest) continue;
      longest = group.path.size();
      segment.learning_rate = group.learning_rate;
      segment.decay = group.weight_decay;
    }
    if (!variable.decay && !options_.decay_all) segment.decay = 0;
    return segment;
  }

  [[nodiscard]] static bool joins(const Segment& first, const Segment& second) {
    return first.end == second.begin && first.learning_rate == second.learning_rate &&
           first.decay == second.decay;
  }

  Rule rule_;
  OptimizerOptions options_;
  double learning_rate_;
  Index size_;
  Index steps_ = 0;
  AlignedVector<T> state_;
  std::vector<bool> trainable_;
  std::vector<Segment> segments_;
};

/// The scalar type is the model's.
template <class AnyModel, class Rule>
Optimizer(const AnyModel&, Rule) -> Optimizer<Rule, typename AnyModel::Scalar>;
/// Likewise.
template <class AnyModel, class Rule>
Optimizer(const AnyModel&, Rule, OptimizerOptions) -> Optimizer<Rule, typename AnyModel::Scalar>;

}  // namespace nn
