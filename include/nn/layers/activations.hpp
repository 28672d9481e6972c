/// @file
/// The smooth activations. Each is applied to every element by itself.
///
/// Those whose gradient can be read off their output work in place: Sigmoid, Tanh, ELU, SELU, Clip
/// and Softplus. GELU and SiLU, which are not monotonic, need their input again.
#pragma once

#include <numbers>

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
    detail::map_elements(x, y, [](const auto& v) { return detail::logistic(v); });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::map_gradients(context, y, dy, dx,
                          [](const auto& v, const auto& g) { return g * (v * (T(1) - v)); });
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
    detail::map_elements(x, y, [](const auto& v) { return detail::hyperbolic_tangent(v); });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::map_gradients(context, y, dy, dx, [](const auto& v, const auto& g) {
      return g * (T(1) - detail::product(v, v));
    });
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
    const T a = static_cast<T>(alpha);
    detail::map_elements(x, y, [a](const auto& v) {
      const std::remove_cvref_t<decltype(v)> zero{};
      return v > zero ? v : a * detail::exponential_minus_1(v > zero ? zero : v);
    });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    const T a = static_cast<T>(alpha);
    detail::map_gradients(context, y, dy, dx, [a](const auto& v, const auto& g) {
      const std::remove_cvref_t<decltype(v)> zero{};
      return v > zero ? g : g * (v + a);
    });
  }
};

/// y = lambda * x for x > 0 and lambda * alpha * (exp(x) - 1) otherwise, with the constants at
/// which activations keep mean 0 and variance 1 through layers of LeCun-normal weights (Klambauer
/// et al., "Self-normalizing neural networks", 2017).
struct SELU {
  static constexpr double lambda = 1.0507009873554804934193349852946;  ///< the scale of the paper
  static constexpr double alpha =
      1.6732632423543772848170429916717;  ///< the paper's, for which mean 0 and variance 1 stay so

  [[nodiscard]] std::string name() const { return "SELU{}"; }
  void fields(Fields& fields) { fields.layer("SELU"); }
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const { return input; }
  [[nodiscard]] constexpr LayerTraits traits() const { return {.in_place = true}; }

  template <class T>
  void forward(const Context<T>& /*context*/, TensorView<const T> x, TensorView<T> y) const {
    detail::map_elements(x, y, [](const auto& v) {
      const std::remove_cvref_t<decltype(v)> zero{};
      return v > zero ? T(lambda) * v
                      : T(lambda * alpha) * detail::exponential_minus_1(v > zero ? zero : v);
    });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::map_gradients(context, y, dy, dx, [](const auto& v, const auto& g) {
      const std::remove_cvref_t<decltype(v)> zero{};
      return v > zero ? T(lambda) * g : g * (v + T(lambda * alpha));
    });
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
    const T a = static_cast<T>(low);
    const T b = static_cast<T>(high);
    detail::map_elements(x, y, [a, b](const auto& v) {  // a NaN stays one
      using V = std::remove_cvref_t<decltype(v)>;
      const V least = a - V{};
      const V most = b - V{};
      const V above = v < least ? least : v;
      return above > most ? most : above;
    });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    const T a = static_cast<T>(low);
    const T b = static_cast<T>(high);
    detail::map_gradients(context, y, dy, dx, [a, b](const auto& v, const auto& g) {
      using V = std::remove_cvref_t<decltype(v)>;
      const V above = v > a - V{} ? g : V{};
      return v < b - V{} ? above : V{};
    });
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
    detail::map_elements(x, y, [](const auto& v) {
      const std::remove_cvref_t<decltype(v)> zero{};
      const auto small = detail::exponential(v > zero ? -v : v);
      return (v < zero ? zero : v) + detail::logarithm_of_1_plus(small);
    });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> /*x*/, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::map_gradients(context, y, dy, dx, [](const auto& v, const auto& g) {
      return g * -detail::exponential_minus_1(-v);
    });
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
    detail::map_elements(x, y, [](const auto& v) { return v / (T(1) + detail::exponential(-v)); });
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    detail::map_gradients(context, x, dy, dx, [](const auto& v, const auto& g) {
      const auto sigmoid = detail::logistic(v);
      return g * (sigmoid * (T(1) + detail::product(v, T(1) - sigmoid)));
    });
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
      detail::map_elements(x, y, [](const auto& v) {
        return v * (T(0.5) + detail::product(T(0.5), detail::hyperbolic_tangent(bend<T>(v))));
      });
    } else {
      detail::map_elements(x, y, [](const auto& v) { return v * detail::normal_probability(v); });
    }
  }

  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (approximate) {
      detail::map_gradients(context, x, dy, dx, [](const auto& v, const auto& g) {
        const auto t = detail::hyperbolic_tangent(bend<T>(v));
        const auto slope = T(root) * (T(1) + detail::product(T(3 * cubic), v * v));
        const auto bent = detail::product(v * (T(1) - detail::product(t, t)), slope);
        return g * (T(0.5) * (T(1) + t + bent));
      });
    } else {
      detail::map_gradients(context, x, dy, dx, [](const auto& v, const auto& g) {
        const auto square = T(-0.5) * v * v;
        const auto density = T(root / 2) * detail::exponential(square);  // root / 2 = (2 pi)^-1/2
        return g * (detail::normal_probability(v) + detail::product(v, density));
      });
    }
  }

 private:
  static constexpr double root = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;  // sqrt(2 / pi)
  static constexpr double cubic = 0.044715;

  template <class T, class V>
  static V bend(const V& v) {
    return T(root) * (v + detail::product(T(cubic), v * v * v));
  }
};

}  // namespace nn
