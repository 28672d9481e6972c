/// @file
/// L-BFGS: quasi-Newton steps with a line search, for losses of all samples at once.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"
#include "nn/core/parallel_sum.hpp"
#include "nn/core/rounding.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/plan.hpp"
#include "nn/optim/wolfe_search.hpp"

namespace nn {

/// The options of LBFGS.
struct LBFGSOptions {
  double learning_rate = 1;          ///< the first step tried, of the quasi-Newton direction
  Index history = 10;                ///< how many pairs of steps and changes of the gradient
  bool line_search = true;           ///< else each step is the learning rate times the direction
  Index evaluations = 25;            ///< at most, of a line search
  double decrease = 1e-4;            ///< c1 of Wolfe's conditions
  double curvature = 0.9;            ///< c2 of them
  double gradient_tolerance = 1e-7;  ///< the largest element of a gradient taken for 0
};

/// Where an LBFGS is: save it together with `state()`.
struct LBFGSProgress {
  Index steps = 0;         ///< made
  Index pairs = 0;         ///< in the history
  Index newest = -1;       ///< the place of the newest pair there
  double loss = 0;         ///< of the present weights, after the first step
  bool converged = false;  ///< see LBFGS::converged
};

/// Minimises the loss of all samples at once by limited-memory BFGS (Nocedal and Wright, "Numerical
/// optimization", 2006, algorithms 7.4 and 7.5) with steps that satisfy the strong Wolfe conditions
/// (algorithms 3.5 and 3.6). For networks and data small enough that an evaluation is cheap, and
/// for the last digits of a fit. `evaluate` is to compute the loss of the model's present weights
/// and its gradient into `model.gradients()`, always the same for the same weights: no dropout, no
/// augmentation.
///
///     nn::LBFGS lbfgs(model);
///     const auto evaluate = [&] {
///       const double loss = criterion(model.forward(inputs), labels, slopes.view());
///       model.zero_gradients();
///       model.backward(slopes);
///       return loss;
///     };
///     while (!lbfgs.converged() && lbfgs.steps() < 100) lbfgs.step(model, evaluate);
///
/// Sums are of double precision and the same for any number of threads. Frozen parameters stay as
/// they are. Without `line_search` the steps are those of PyTorch's LBFGS. A step allocates
/// nothing.
template <class T = float>
class LBFGS {
 public:
  /// @throws Error for invalid options.
  template <class AnyModel>
  [[gnu::cold]] explicit LBFGS(const AnyModel& model, const LBFGSOptions& options = {})
      : options_(options), size_(model.parameters().size()) {
    require(options.learning_rate > 0, "L-BFGS needs a positive learning rate, got ",
            options.learning_rate);
    require(options.history > 0, "L-BFGS needs a history, got one of ", options.history);
    require(options.evaluations > 0, "a line search of ", options.evaluations, " evaluations");
    require(0 < options.decrease && options.decrease < options.curvature && options.curvature < 1,
            "L-BFGS needs 0 < decrease < curvature < 1, got ", options.decrease, " and ",
            options.curvature);
    state_.resize(static_cast<std::size_t>((2 * options.history + blocks) * size_));
    curvatures_.resize(static_cast<std::size_t>(options.history));
    factors_.resize(static_cast<std::size_t>(options.history));
  }

  /// Goes one step and returns the loss there. Evaluates at the start too, the first time. Does
  /// nothing once it has converged.
  /// @throws Error when the model is not of the size this was made for, or its loss is not finite.
  template <class AnyModel>
  double step(AnyModel& model, FunctionRef<double()> evaluate) {
    require(model.parameters().size() == size_, "an L-BFGS for ", size_,
            " parameters was given a model of ", model.parameters().size());
    if (progress_.steps == 0) {
      progress_.loss = evaluate();
      take_gradient(model);
    }
    require(std::isfinite(progress_.loss), "L-BFGS was given a loss of ", progress_.loss);
    progress_.converged = progress_.converged || largest_slope() <= options_.gradient_tolerance;
    if (progress_.converged) return progress_.loss;
    find_direction();
    const double slope = dot(gradient(), direction());
    if (!(slope < 0)) {
      progress_.converged = true;
      return progress_.loss;
    }
    std::copy_n(model.parameters().data(), size_, start());
    std::copy_n(gradient(), size_, old_gradient());
    const double first = progress_.steps == 0
                             ? std::min(1.0, 1 / sum_of_sizes()) * options_.learning_rate
                             : options_.learning_rate;
    const auto try_length = [&](double length) { return place(model, evaluate, length); };
    const detail::WolfeSearch search(options_.decrease, options_.curvature,
                                     {0, progress_.loss, slope});
    const double length = options_.line_search ? search.run(first, options_.evaluations, try_length)
                                               : try_length(first).length;
    progress_.converged = length == 0;
    ++progress_.steps;
    if (length > 0) remember(length);
    require(std::isfinite(progress_.loss), "L-BFGS came to a loss of ", progress_.loss);
    return progress_.loss;
  }

  /// Whether the gradient is 0, or no step along the direction makes the loss less.
  [[nodiscard]] bool converged() const { return progress_.converged; }
  /// The number of steps made.
  [[nodiscard]] Index steps() const { return progress_.steps; }
  /// The options.
  [[nodiscard]] const LBFGSOptions& options() const { return options_; }

  /// Where it is: save it together with `state()`.
  [[nodiscard]] const LBFGSProgress& progress() const { return progress_; }
  /// The gradient and the history. Put it back before the progress.
  [[nodiscard]] std::span<T> state() { return state_; }
  /// The same, to read.
  [[nodiscard]] std::span<const T> state() const { return state_; }
  /// Goes on from a progress and the state that was put back before.
  void set_progress(const LBFGSProgress& progress) {
    progress_ = progress;
    for (Index k = 0; k < progress_.pairs; ++k)
      at(curvatures_, k) = dot(steps_of(k), changes_of(k));
  }

 private:
  static constexpr Index blocks = 4;  // gradient, direction, start, gradient at the start

  [[nodiscard]] T* gradient() { return state_.data(); }
  [[nodiscard]] T* direction() { return state_.data() + size_; }
  [[nodiscard]] T* start() { return state_.data() + 2 * size_; }
  [[nodiscard]] T* old_gradient() { return state_.data() + 3 * size_; }
  [[nodiscard]] T* steps_of(Index pair) { return state_.data() + (blocks + 2 * pair) * size_; }
  [[nodiscard]] T* changes_of(Index pair) { return steps_of(pair) + size_; }

  [[nodiscard]] static double& at(std::vector<double>& values, Index pair) {
    return values[static_cast<std::size_t>(pair)];
  }

  [[nodiscard]] double dot(const T* a, const T* b) const {
    return parallel_sum(size_, Index{1} << 14U, [a, b](Index begin, Index end) {
      double sum = 0;
      for (Index i = begin; i < end; ++i) {
        sum += detail::product(static_cast<double>(a[i]), static_cast<double>(b[i]));
      }
      return sum;
    });
  }

  [[nodiscard]] double largest_slope() {
    double largest = 0;
    for (Index i = 0; i < size_; ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(gradient()[i])));
    }
    return largest;
  }

  [[nodiscard]] double sum_of_sizes() {
    const T* g = gradient();
    return parallel_sum(size_, Index{1} << 14U, [g](Index begin, Index end) {
      double sum = 0;
      for (Index i = begin; i < end; ++i) sum += std::abs(static_cast<double>(g[i]));
      return sum;
    });
  }

  /// y += factor * x
  void add(double factor, const T* x, T* y) const {
    parallel_for_pieces(size_, Index{1} << 14U, [&](Index begin, Index end) {
      detail::add_multiple(end - begin, static_cast<T>(factor), x + begin, y + begin);
    });
  }

  /// The model's gradient, that of frozen parameters taken as 0.
  template <class AnyModel>
  void take_gradient(AnyModel& model) {
    std::copy_n(model.gradients().data(), size_, gradient());
    const std::vector<Variable>& variables = model.variables();
    for (std::size_t i = 0; i < variables.size(); ++i) {
      if (model.trainable()[i]) continue;
      std::fill_n(gradient() + variables[i].offset, variables[i].shape.size(), T(0));
    }
  }

  /// The place of the pair that is `age` older than the newest.
  [[nodiscard]] Index pair_of_age(Index age) const {
    return (progress_.newest - age + options_.history) % options_.history;
  }

  /// direction = - H gradient, by the two loops of algorithm 7.4.
  void find_direction() {
    T* const d = direction();
    parallel_for_pieces(size_, Index{1} << 14U, [&](Index begin, Index end) {
      detail::scale_elements(end - begin, T(-1), gradient() + begin, d + begin);
    });
    if (progress_.pairs == 0) return;
    for (Index age = 0; age < progress_.pairs; ++age) {
      const Index pair = pair_of_age(age);
      at(factors_, pair) = dot(steps_of(pair), d) / at(curvatures_, pair);
      add(-at(factors_, pair), changes_of(pair), d);
    }
    const T* const newest = changes_of(progress_.newest);
    const double scale = at(curvatures_, progress_.newest) / dot(newest, newest);
    parallel_for_pieces(size_, Index{1} << 14U, [&](Index begin, Index end) {
      detail::scale_elements(end - begin, static_cast<T>(scale), d + begin, d + begin);
    });
    for (Index age = progress_.pairs - 1; age >= 0; --age) {
      const Index pair = pair_of_age(age);
      const double back = dot(changes_of(pair), d) / at(curvatures_, pair);
      add(at(factors_, pair) - back, steps_of(pair), d);
    }
  }

  /// Goes `length` along the direction and evaluates there.
  template <class AnyModel>
  detail::LinePlace place(AnyModel& model, FunctionRef<double()> evaluate, double length) {
    std::copy_n(start(), size_, model.parameters().data());
    add(length, direction(), model.parameters().data());
    progress_.loss = evaluate();
    take_gradient(model);
    return {length, progress_.loss, dot(gradient(), direction())};
  }

  /// Keeps the step just made, and how it changed the gradient, unless the loss is not convex
  /// along it.
  void remember(double length) {
    const Index pair = (progress_.newest + 1) % options_.history;
    T* const moved = steps_of(pair);
    T* const change = changes_of(pair);
    if (progress_.pairs == options_.history) --progress_.pairs;  // the oldest is written over
    parallel_for_pieces(size_, Index{1} << 14U, [&](Index begin, Index end) {
      const Index count = end - begin;
      detail::scale_elements(count, static_cast<T>(length), direction() + begin, moved + begin);
      detail::scale_elements(count, T(1), gradient() + begin, change + begin);
      detail::add_multiple(count, T(-1), old_gradient() + begin, change + begin);
    });
    const double curvature = dot(moved, change);
    if (!(curvature > 1e-10)) return;
    at(curvatures_, pair) = curvature;
    progress_.newest = pair;
    ++progress_.pairs;
  }

  LBFGSOptions options_;
  LBFGSProgress progress_{};
  Index size_;
  AlignedVector<T> state_;
  std::vector<double> curvatures_;  // of each pair: step * change
  std::vector<double> factors_;     // of the first loop
};

/// The scalar type is the model's.
template <class AnyModel>
explicit LBFGS(const AnyModel&) -> LBFGS<typename AnyModel::Scalar>;
/// Likewise.
template <class AnyModel>
LBFGS(const AnyModel&, const LBFGSOptions&) -> LBFGS<typename AnyModel::Scalar>;

}  // namespace nn
