/// @file
/// A test of a layer's backward pass.
#pragma once

#include <cmath>
#include <limits>
#include <numeric>
#include <ostream>
#include <string>
#include <vector>

#include "nn/train/model.hpp"

namespace nn {

/// How gradients are checked.
struct GradientCheckOptions {
  Index batch = 3;       ///< samples
  Index elements = 100;  ///< of the input and of each parameter, compared at most; picked at random
  double tolerance = 1e-6;            ///< the largest relative error that passes
  double spread = 2;                  ///< inputs lie in (-spread, spread)
  std::uint64_t seed = 1;             ///< of the random numbers
  std::vector<std::string> frozen{};  ///< layers to freeze; their parameters are not compared
};

/// What `check_gradients` found.
struct GradientCheck {
  bool ok = true;     ///< whether all gradients agree
  double worst = 0;   ///< the largest relative error
  std::string where;  ///< its element, or what else is wrong

  /// Whether all gradients agree.
  explicit operator bool() const { return ok; }

  friend std::ostream& operator<<(std::ostream& out, const GradientCheck& check) {
    return out << detail::text(check.ok ? "passed: " : "FAILED: ", check.where, ", relative error ",
                               check.worst);
  }
};

namespace detail {

/// Holds a layer in a model of its own and runs both passes.
template <class L>
class GradientChecker {
 public:
  GradientChecker(L layer, const Shape& input, const GradientCheckOptions& options)
      : options_(options), model_(std::move(layer), input, {options.seed}) {
    Random random(options.seed, std::uint64_t{1});
    // Away from zeros and ones, at which a mistake might not show.
    for (double& value : model_.parameters()) value += random.uniform(-0.3, 0.3);
    for (const std::string& path : options.frozen) model_.freeze(path);
    if (!options.frozen.empty()) {  // which may go by the state, of variances for instance
      Random other(options.seed, std::uint64_t{3});
      for (double& value : model_.state()) value += other.uniform(0, 0.5);
    }
    x_ = distinct_values(input.prepended(options.batch), random);
    dy_.resize(model_.output_shape().prepended(options.batch));
    for (double& value : dy_) value = random.normal();
  }

  GradientCheck run() {
    check_passes();
    if (result_.ok) check_differences();
    return result_;
  }

 private:
  using Values = Tensor<double>;

  /// Values in (-spread, spread), equally spaced and shuffled: none is so near to another or to
  /// zero that a step of the differences could cross a kink of max-pooling or of a ReLU.
  Values distinct_values(const Shape& shape, Random& random) const {
    Values values(shape);
    const auto count = static_cast<double>(values.size());
    double place = -count + 1.5;
    for (double& value : values) {
      value = options_.spread * place / count;
      place += 2;
    }
    random.shuffle(values.span());
    return values;
  }

  void fail(const std::string& what) {
    if (!result_.ok) return;
    result_ = {false, std::numeric_limits<double>::infinity(), what};
  }

  /// A training pass that draws the same random numbers each time.
  Values forward() {
    model_.set_step(0);
    return Values(model_.forward(x_));
  }

  /// Checks that outputs are written and inputs are not, that gradients are added or left out as
  /// asked, and that results repeat.
  void check_passes() {
    const Values x = x_;
    const Values dy = dy_;
    const Values parameters(std::as_const(model_).parameters());
    forward();
    model_.backward(dy_, {.parameter_gradients = true, .input_gradient = true});  // allocates
    model_.zero_gradients();
    model_.poison();
    const Values y = forward();
    dx_ = Values(model_.backward(dy_, {.parameter_gradients = true, .input_gradient = true}));
    gradients_ = Values(TensorView<const double>(model_.gradients()));
    require_finite(y, "the output");
    require_finite(dx_, "the input's gradient");
    require_finite(gradients_, "the parameters' gradients");
    if (!(x_ == x)) fail("a pass changes its input");
    if (!(dy_ == dy)) fail("backward changes its output's gradient");
    if (!(Values(std::as_const(model_).parameters()) == parameters)) {
      fail("a pass changes the parameters");
    }
    check_options(y);
  }

  void require_finite(const Values& values, const std::string& what) {
    for (Index i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i])) continue;
      fail(what + " is not written or not finite at " + position(values.shape(), i));
    }
  }

  void check_options(const Values& y) {
    if (!(forward() == y)) fail("a second forward pass gives another output");
    if (!(Values(model_.backward(dy_, {.parameter_gradients = true, .input_gradient = true})) ==
          dx_)) {
      fail("a second backward pass gives another gradient of the input");
    }
    const TensorView<const double> sum = model_.gradients();
    for (Index i = 0; i < sum.size(); ++i) {
      const double doubled = 2 * gradients_[i];
      if (!(std::abs(sum[i] - doubled) <= 1e-9 * std::max(1.0, std::abs(doubled)))) {
        fail("a second backward pass does not add to the gradients");
      }
    }
    model_.zero_gradients();
    model_.poison();
    forward();
    if (!(Values(model_.backward(dy_, {.parameter_gradients = false, .input_gradient = true})) ==
          dx_)) {
      fail("the input's gradient changes when the parameters' are not asked for");
    }
    forward();
    model_.backward(dy_, {.parameter_gradients = true, .input_gradient = false});
    if (!(Values(TensorView<const double>(model_.gradients())) == gradients_)) {
      fail("the parameters' gradients change when the input's is not asked for");
    }
  }

  void check_differences() {
    compare("input", x_.view(), dx_.view());
    auto is_trainable = model_.trainable().begin();
    for (const Variable& variable : model_.variables()) {
      if (!*is_trainable++) continue;
      compare(variable.name,
              TensorView<double>(model_.parameters().data() + variable.offset, variable.shape),
              TensorView<const double>(gradients_.data() + variable.offset, variable.shape));
    }
  }

  /// Compares the gradient of one tensor with central differences.
  void compare(const std::string& name, TensorView<double> values,
               TensorView<const double> gradient) {
    const double scale = gradient_scale(gradient);
    Random random(options_.seed, std::uint64_t{2});
    const Index count = std::min(values.size(), options_.elements);
    for (Index i = 0; i < count; ++i) {
      const Index at = count == values.size() ? i : random.below(values.size());
      const double error = relative_error(values[at], gradient[at], scale);
      if (result_.where.empty() || !(error <= result_.worst)) {
        result_.worst = error;
        result_.where = name + position(values.shape(), at);
        result_.ok = error <= options_.tolerance;
      }
    }
  }

  /// The magnitude of a gradient's elements, with a lower bound from rounding (dy has magnitude 1).
  static double gradient_scale(TensorView<const double> gradient) {
    double squares = 0;
    for (const double value : gradient) squares += value * value;
    const auto count = static_cast<double>(std::max<Index>(gradient.size(), 1));
    return std::max(std::sqrt(squares / count), 1e-3);
  }

  /// Tries other steps where the first disagrees: a smaller one leaves a kink outside, a larger one
  /// leaves rounding errors behind, whereas a wrong gradient stays wrong.
  double relative_error(double& value, double gradient, double scale) {
    double best = std::numeric_limits<double>::infinity();
    for (const double step : {1e-5, 1e-4, 1e-6, 1e-7}) {
      const double slope = difference(value, step);
      const double size = std::max({std::abs(slope), std::abs(gradient), scale});
      best = std::min(best, std::abs(slope - gradient) / size);
      if (best <= 0.1 * options_.tolerance) break;
    }
    return best;
  }

  /// The central difference of the sum of dy * y; subtracting before summing loses fewer digits.
  double difference(double& value, double step) {
    const double original = value;
    const double above = original + step;
    const double below = original - step;
    value = above;
    const Values y_above = forward();
    value = below;
    const Values y_below = forward();
    value = original;
    double sum = 0;
    for (Index i = 0; i < dy_.size(); ++i) sum += dy_[i] * (y_above[i] - y_below[i]);
    return sum / (above - below);
  }

  static std::string position(const Shape& shape, Index element) {
    std::string text;
    for (Index axis = shape.rank() - 1; axis >= 0; --axis) {
      text = std::to_string(element % shape[axis]) + (text.empty() ? "" : ", ") + text;
      element /= shape[axis];
    }
    return "(" + text + ")";
  }

  GradientCheckOptions options_;
  Model<L, double> model_;
  Values x_;
  Values dy_;
  Values dx_;
  Values gradients_;
  GradientCheck result_;
};

}  // namespace detail

/// Compares a layer's backward pass (or a whole network's) with central differences of its training
/// pass, in double: for every element of the input and of every parameter, or for as many picked at
/// random as the options say.
///
/// The passes run on memory filled with NaN, which shows elements that are never written. It is
/// also checked that the passes leave their inputs alone, add a second gradient to the first, work
/// without either kind of gradient, and give the same result every time.
///
/// The error of a derivative a, found to be b, is |a - b| / max(|a|, |b|, s): s is the root mean
/// square of all derivatives of that tensor, since rounding errors are as large for a small
/// derivative as for its neighbours; and at least 1e-3 (the gradient of the output is drawn with
/// deviation 1), since derivatives that are zero by the mathematics come out as rounding errors.
/// @throws ShapeError when the layer cannot take `input`.
template <class L>
[[nodiscard]] GradientCheck check_gradients(const L& layer, const Shape& input,
                                            const GradientCheckOptions& options = {}) {
  assert_layer<L>();
  return detail::GradientChecker<L>(layer, input, options).run();
}

}  // namespace nn
