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
#include "nn/optim/gradient_clipping.hpp"
#include "nn/optim/rule.hpp"

namespace nn {

/// Settings for the parameters of the layer at `path` ("3", "0.1"; a single parameter's name,
/// "3.weight", too) and those below it. Of several matching groups, the one with the longest path
/// applies.
struct ParameterGroup {
  std::string path{};        ///< as in the summary: "2", or "2.1"; with all layers below it
  double learning_rate = 1;  ///< by which the optimizer's learning rate is multiplied
  double weight_decay = 1;   ///< by which the rule's weight decay is multiplied
  /// Whether the rule treats these element by element even if it would take them whole: for the
  /// last layer under Muon.
  bool elementwise = false;
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
    require_fits(model);
    if (model.trainable() != trainable_) find_segments(model.variables(), model.trainable());
    T* weights = model.parameters().data();
    const T* gradients = model.gradients().data();
    if constexpr (detail::Climbs<Rule>) {
      require(climbed_, "this rule needs two gradients a step: call climb() after the first");
      climbed_ = false;
    } else if (steps_ == 0) {
      start(weights);
    }
    ++steps_;
    for_each_segment(segments_, [&](const Segment& segment, Index begin, Index end) {
      update(begin, end, segment, weights, gradients);
    });
    if constexpr (detail::UpdatesWhole<Rule>) {
      for (const Segment& segment : whole_) {
        update_whole(segment, model.variables()[segment.variable], weights, gradients);
      }
    }
  }

  /// For a rule that needs two gradients a step (SAM): takes the weights from where the first was
  /// computed to where the second is to be. `step` puts them back before it goes on.
  /// @throws Error when the model is not of the size the optimizer was made for.
  template <class AnyModel>
  void climb(AnyModel& model) {
    static_assert(detail::Climbs<Rule>, "this rule needs one gradient a step");
    require_fits(model);
    if (model.trainable() != trainable_) find_segments(model.variables(), model.trainable());
    T* weights = model.parameters().data();
    const T* gradients = model.gradients().data();
    if (steps_ == 0) start(weights);
    const double norm = gradient_norm(model);
    const auto climb_run = [&](const Segment& /*segment*/, Index begin, Index end) {
      for_each_run(begin, end, [&](Index first, Index count, const Slots<T>& slots) {
        rule_.template climb<T>(norm, Elements<T>(weights + first, count),
                                Elements<const T>(gradients + first, count), slots);
      });
    };
    for_each_segment(segments_, climb_run);
    for_each_segment(whole_, climb_run);
    climbed_ = true;
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
    bool elementwise = false;
    std::size_t variable = 0;  // of those that are updated whole
  };

  template <class AnyModel>
  void require_fits(const AnyModel& model) const {
    require(model.parameters().size() == size_, "an optimizer for ", size_,
            " parameters was given a model of ", model.parameters().size());
  }

  void start(T* weights) {
    const Slots<T> slots(state_.data(), size_, size_);
    const Elements<const T> all(weights, size_);
    if constexpr (requires { rule_.template start<T>(all, slots); }) {
      rule_.template start<T>(all, slots);
    }
  }

  /// Calls visit(segment, begin, end) for what several threads share, in pieces that do not follow
  /// the layers and are long enough to be worth a thread's time.
  template <class Visit>
  void for_each_segment(const std::vector<Segment>& segments, const Visit& visit) const {
    constexpr Index piece = Index{1} << 14U;
    parallel_for_pieces(size_, piece, [&](Index begin, Index end) {
      for (const Segment& segment : segments) {
        visit(segment, std::max(begin, segment.begin), std::min(end, segment.end));
      }
    });
  }

  /// Calls visit(first, count, slots) for short runs: a rule goes several times over its run, which
  /// is to stay in the first-level cache.
  template <class Visit>
  void for_each_run(Index begin, Index end, const Visit& visit) {
    constexpr Index run = 1024;
    for (Index first = begin; first < end; first += run) {
      const Index count = std::min(run, end - first);
      visit(first, count, slots_of(first, count));
    }
  }

  [[nodiscard]] Slots<T> slots_of(Index first, Index count) {
    T* const slots = state_.empty() ? nullptr : state_.data() + first;  // a rule may need none
    return {slots, size_, count};
  }

  [[nodiscard]] UpdateContext context_of(const Segment& segment) const {
    return {learning_rate_ * segment.learning_rate, segment.decay, steps_};
  }

  void update(Index begin, Index end, const Segment& segment, T* weights, const T* gradients) {
    const UpdateContext context = context_of(segment);
    for_each_run(begin, end, [&](Index first, Index count, const Slots<T>& slots) {
      rule_.template update<T>(context, Elements<T>(weights + first, count),
                               Elements<const T>(gradients + first, count), slots);
    });
  }

  void update_whole(const Segment& segment, const Variable& variable, T* weights,
                    const T* gradients) {
    const Index count = segment.end - segment.begin;
    rule_.template update_whole<T>(context_of(segment), variable,
                                   Elements<T>(weights + segment.begin, count),
                                   Elements<const T>(gradients + segment.begin, count),
                                   slots_of(segment.begin, count), scratch_.data());
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
    whole_.clear();
    for (std::size_t i = 0; i < variables.size(); ++i) {
      if (!trainable[i]) continue;
      Segment next = segment_of(variables[i]);
      if constexpr (detail::UpdatesWhole<Rule>) {
        if (!next.elementwise && rule_.takes_whole(variables[i])) {
          next.variable = i;
          whole_.push_back(next);
          const auto needed = static_cast<std::size_t>(rule_.scratch(variables[i]));
          if (needed > scratch_.size()) scratch_.resize(needed);
          continue;
        }
      }
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
      segment.elementwise = group.elementwise;
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
  std::vector<Segment> whole_;  // parameters that the rule updates whole
  AlignedVector<T> scratch_;    // for the largest of these
  bool climbed_ = false;
};

/// The scalar type is the model's.
template <class AnyModel, class Rule>
Optimizer(const AnyModel&, Rule) -> Optimizer<Rule, typename AnyModel::Scalar>;
/// Likewise.
template <class AnyModel, class Rule>
Optimizer(const AnyModel&, Rule, OptimizerOptions) -> Optimizer<Rule, typename AnyModel::Scalar>;

}  // namespace nn
