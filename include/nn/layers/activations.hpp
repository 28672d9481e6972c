/// @file
/// The smooth activations. Each is applied to every element by itself.
///
/// Those whose gradient can be read off their output work in place: Sigmoid, Tanh, ELU, SELU, Clip
/// and Softplus. GELU and SiLU, which are not monotonic, need their input again.
#pragma once

#include "nn/layers/elementwise.hpp"

namespace nn {

/// y = 1 / (1 + exp(-x)).
struct Sigmoid {
  [[nodiscard]] std::string name() const { return "Sigmoid{}"; }
  void fields(Fields& fields) { fields.layer("Sigmoid"); }
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const { return input; }
  [[nodiscard]] constexpr LayerTraits traits() const { return {.in_place = true}; }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    detail::map_elements(x, y, detail::SigmoidFunction{});
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::map_gradients(context, y, dy, dx, detail::SigmoidFunction{});
  }
};

/// y = tanh(x).
struct Tanh {
  [[nodiscard]] std::string name() const { return "Tanh{}"; }
  void fields(Fields& fields) { fields.layer("Tanh"); }
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const { return input; }
  [[nodiscard]] constexpr LayerTraits traits() const { return {.in_place = true}; }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    detail::map_elements(x, y, detail::TanhFunction{});
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::map_gradients(context, y, dy, dx, detail::TanhFunction{});
  }
};

/// y = x for x > 0 and alpha * (exp(x) - 1) otherwise (Clevert et al., "Fast and accurate deep
/// network learning by exponential linear units", 2016).
struct ELU {
  float alpha = 1;  ///< what y tends to for x far below 0, negated

  [[nodiscard]] std::string name() const { return detail::text("ELU{", alpha, "}"); }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("ELU");
    fields.shown("alpha", alpha);
  }

  /// @throws Error for a negative alpha, with which the output would not tell the input's sign.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require(alpha >= 0, "alpha must not be negative, got ", alpha);
    return input;
  }

  [[nodiscard]] constexpr LayerTraits traits() const { return {.in_place = true}; }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    detail::map_elements(x, y, detail::EluFunction{alpha});
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::map_gradients(context, y, dy, dx, detail::EluFunction{alpha});
  }
};

/// y = lambda * x for x > 0 and lambda * alpha * (exp(x) - 1) otherwise, with the constants at
/// which activations keep mean 0 and variance 1 through layers of LeCun-normal weights (Klambauer
/// et al., "Self-normalizing neural networks", 2017).
struct SELU {
  static constexpr double lambda = detail::SeluFunction::lambda;  ///< the scale of the paper
  static constexpr double alpha =
      detail::SeluFunction::alpha;  ///< the paper's, for which mean 0 and variance 1 stay so

  [[nodiscard]] std::string name() const { return "SELU{}"; }
  void fields(Fields& fields) { fields.layer("SELU"); }
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const { return input; }
  [[nodiscard]] constexpr LayerTraits traits() const { return {.in_place = true}; }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    detail::map_elements(x, y, detail::SeluFunction{});
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::map_gradients(context, y, dy, dx, detail::SeluFunction{});
  }
};

/// y = x between `low` and `high`, and the nearer of them elsewhere: as it stands ReLU6 (Howard et
/// al., "MobileNets: efficient convolutional neural networks for mobile vision applications",
/// 2017).
struct Clip {
  float low = 0;   ///< the least output
  float high = 6;  ///< the largest output

  [[nodiscard]] std::string name() const { return detail::text("Clip{", low, ", ", high, "}"); }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("Clip");
    fields.shown("low", low);
    fields.shown("high", high);
  }

  /// @throws Error unless `low` is below `high`.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require(low < high, "the least output must be below the largest, got ", low, " and ", high);
    return input;
  }

  [[nodiscard]] constexpr LayerTraits traits() const { return {.in_place = true}; }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    detail::map_elements(x, y, detail::ClipFunction{low, high});
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::map_gradients(context, y, dy, dx, detail::ClipFunction{low, high});
  }
};

/// y = ln(1 + exp(x)), computed so that nothing overflows: max(x, 0) + ln(1 + exp(-|x|)). Its
/// derivative is 1 / (1 + exp(-x)) = 1 - exp(-y).
struct Softplus {
  [[nodiscard]] std::string name() const { return "Softplus{}"; }
  void fields(Fields& fields) { fields.layer("Softplus"); }
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const { return input; }
  [[nodiscard]] constexpr LayerTraits traits() const { return {.in_place = true}; }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    detail::map_elements(x, y, detail::SoftplusFunction{});
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::map_gradients(context, y, dy, dx, detail::SoftplusFunction{});
  }
};

/// y = x / (1 + exp(-x)), also called swish (Ramachandran et al., "Searching for activation
/// functions", 2017).
struct SiLU {
  [[nodiscard]] std::string name() const { return "SiLU{}"; }
  void fields(Fields& fields) { fields.layer("SiLU"); }
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const { return input; }
  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    detail::map_elements(x, y, detail::SiluFunction{});
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::map_gradients(context, x, dy, dx, detail::SiluFunction{});
  }
};

/// y = x * P(a standard normal variable is below x) = x / 2 * (1 + erf(x / sqrt(2))); or, when
/// `approximate`, x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))), which is faster and at
/// most 5e-4 off (Hendrycks and Gimpel, "Gaussian error linear units", 2016).
struct GELU {
  bool approximate = false;  ///< by tanh, as some published networks have it

  [[nodiscard]] std::string name() const { return approximate ? "GELU{approximate}" : "GELU{}"; }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("GELU");
    fields.shown("approximate", approximate);
  }
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const { return input; }
  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    if (approximate) {
      detail::map_elements(x, y, detail::TanhGeluFunction{});
    } else {
      detail::map_elements(x, y, detail::GeluFunction{});
    }
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (approximate) {
      detail::map_gradients(context, x, dy, dx, detail::TanhGeluFunction{});
    } else {
      detail::map_gradients(context, x, dy, dx, detail::GeluFunction{});
    }
  }
};

}  // namespace nn
