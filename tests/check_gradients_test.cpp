#include "nn/train/check_gradients.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "nn/layers/dense.hpp"

namespace check_gradients_test {

namespace {

using nn::Context;
using nn::Index;
using nn::Shape;
using nn::TensorView;

enum class Fault {
  none,
  wrong_input_gradient,
  wrong_parameter_gradient,
  wrong_in_one_place,
  leaves_output_unwritten,
  leaves_gradient_unwritten,
  adds_where_it_should_write,
  never_accumulates,
  writes_its_input,
  forgets_when_not_asked,
};

/// y = factor * x^2 with a learned factor, and a mistake of choice.
struct Square {
  Fault fault = Fault::none;

  [[nodiscard]] Shape output_shape(const Shape& input) const { return input; }
  [[nodiscard]] std::vector<nn::Variable> parameters(const Shape& /*input*/) const {
    return {{"factor", {1}, nn::ones()}};
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const T factor = context.parameter(0)[0];
    for (Index i = 0; i < x.size(); ++i) {
      if (fault == Fault::leaves_output_unwritten && i == 3) continue;
      y[i] = factor * x[i] * x[i];
    }
    if (fault == Fault::writes_its_input) const_cast<T*>(x.data())[0] = T(0);
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    const T factor = context.parameter(0)[0];
    if (context.wants_gradients()) {
      T sum = 0;
      for (Index i = 0; i < x.size(); ++i) sum += dy[i] * x[i] * x[i];
      if (fault == Fault::wrong_parameter_gradient) sum *= T(1.00001);
      const bool add = fault == Fault::adds_where_it_should_write ||
                       (context.accumulate && fault != Fault::never_accumulates);
      if (fault != Fault::forgets_when_not_asked || context.wants_input_gradient) {
        context.gradient(0)[0] = add ? context.gradient(0)[0] + sum : sum;
      }
    }
    if (!context.wants_input_gradient) return;
    for (Index i = 0; i < x.size(); ++i) {
      if (fault == Fault::leaves_gradient_unwritten && i == 0) continue;
      dx[i] = 2 * factor * x[i] * dy[i];
      if (fault == Fault::wrong_input_gradient) dx[i] *= T(1.00001);
      if (fault == Fault::wrong_in_one_place && i == 7) dx[i] += T(0.001);
    }
  }
};

}  // namespace

TEST_CASE("a right backward pass passes, with errors near those of rounding") {
  const nn::GradientCheck check = nn::check_gradients(Square{}, {5, 3});
  CHECK(check.ok);
  CHECK(static_cast<bool>(check));
  CHECK(check.worst < 1e-9);
  std::ostringstream out;
  out << check;
  CHECK(out.str().find("passed") != std::string::npos);
}

TEST_CASE("every kind of mistake is found, and named") {
  const auto where = [](Fault fault) {
    const nn::GradientCheck check = nn::check_gradients(Square{fault}, {5, 3});
    CHECK_FALSE(check.ok);
    CHECK(check.worst > 1e-6);
    return check.where;
  };
  const auto names = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(names(where(Fault::wrong_input_gradient), "input("));
  CHECK(names(where(Fault::wrong_parameter_gradient), "factor(0)"));
  CHECK(where(Fault::wrong_in_one_place) == "input(0, 2, 1)");
  CHECK(names(where(Fault::leaves_output_unwritten), "output is not written"));
  CHECK(names(where(Fault::leaves_output_unwritten), "(0, 1, 0)"));
  CHECK(names(where(Fault::leaves_gradient_unwritten), "input's gradient is not written"));
  CHECK(names(where(Fault::adds_where_it_should_write), "parameters' gradients"));
  CHECK(names(where(Fault::never_accumulates), "does not add"));
  CHECK(names(where(Fault::writes_its_input), "changes its input"));
  CHECK(names(where(Fault::forgets_when_not_asked), "is not asked for"));
}

TEST_CASE("a layer that cannot take the shape is refused as in a network") {
  CHECK_THROWS_AS((void)nn::check_gradients(nn::Dense{3}, {2, 2, 1}), nn::ShapeError);
}

}  // namespace check_gradients_test
