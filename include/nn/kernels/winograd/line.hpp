/// @file
/// The transforms of Winograd's minimal filtering F(4x4, 3x3), F(4x4, 2x2) and F(2x2, 3x3) along
/// one axis.
///
/// Four outputs of a filter of three taps are the product of two polynomials, which is determined
/// by its values at six points: one multiplication a point instead of 4 * 3 (S. Winograd,
/// Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray, Fast Algorithms for
/// Convolutional Neural Networks, 2016, section 4). In two dimensions 36 replace 144. In matrices,
///
///     y = A^T [ (G g G^T) * (B^T d B) ] A         d: 6x6 inputs, g: 3x3 taps, y: 4x4 outputs
///
/// The points are 0, +-a, +-b and infinity. Any a and b are exact on paper. In floating point
/// a = 1/sqrt(2), b = sqrt(2) keep the powers of the points near 1 and lose about half the digits
/// that the usual a = 1, b = 2 do; tests/convolution_test.cpp states the error. Filters of two taps
/// need five points: the same without infinity, and so the same transforms without the last value.
/// Then 25 multiplications replace 64. Two outputs of three taps need four points, 0, +-1 and
/// infinity: 16 multiplications replace 36.
#ifndef NN_KERNELS_WINOGRAD_LINE_HPP
#define NN_KERNELS_WINOGRAD_LINE_HPP

#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/tile/tile.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// Everything here works on vectors of channels, lane by lane: d(i) reads value i, t(i, value)
/// writes it.
template <class T, int Outputs, int Taps>
struct WinogradLine {
  static_assert(Outputs == 4 && (Taps == 2 || Taps == 3));
  using V = Packet<T>;
  static constexpr bool infinity = Taps == 3;  ///< is a point

  static constexpr double a2 = 0.5;  ///< a squared
  static constexpr double b2 = 2.0;  ///< b squared
  static constexpr double a = 0.70710678118654752440;
  static constexpr double b = 1.41421356237309504880;

  /// 1 over the product of p - q over the other finite points q, for p = a and p = b
  static constexpr double over_a = 1 / (2 * a2 * (a2 - b2));
  static constexpr double over_b = 1 / (2 * b2 * (b2 - a2));

  static V constant(double value) { return broadcast(static_cast<T>(value)); }
  static V fused(const V& x, double factor, const V& y) {
    return multiply_add(constant(factor), x, y);
  }
  static V scaled(const V& x, double factor) { return rounded_product(constant(factor), x); }

  /// t = B^T d: row p of B^T holds the coefficients of the product of (x - q) over the points q
  /// other than p.
  template <class Input, class Output>
  static void input(Input&& d, Output&& t) {
    const V d0 = d(0), d1 = d(1), d2 = d(2), d3 = d(3), d4 = d(4);
    t(0, fused(d0, a2 * b2, fused(d2, -(a2 + b2), d4)));
    const V even_a = fused(d2, -b2, d4);
    const V odd_a = fused(d1, -b2, d3);
    t(1, fused(odd_a, a, even_a));
    t(2, fused(odd_a, -a, even_a));
    const V even_b = fused(d2, -a2, d4);
    const V odd_b = fused(d1, -a2, d3);
    t(3, fused(odd_b, b, even_b));
    t(4, fused(odd_b, -b, even_b));
    if constexpr (infinity) t(5, fused(d1, a2 * b2, fused(d3, -(a2 + b2), d(5))));
  }

  /// t = G g: the values of the polynomial of taps at the points, over the product of p - q.
  template <class Input, class Output>
  static void filter(Input&& g, Output&& t) {
    const V g0 = g(0), g1 = g(1);
    V even_a = g0;
    V even_b = g0;
    t(0, scaled(g0, 1 / (a2 * b2)));
    if constexpr (infinity) {
      const V g2 = g(2);
      even_a = fused(g2, a2, g0);
      even_b = fused(g2, b2, g0);
      t(5, g2);
    }
    even_a = scaled(even_a, over_a);
    t(1, fused(g1, a * over_a, even_a));
    t(2, fused(g1, -a * over_a, even_a));
    even_b = scaled(even_b, over_b);
    t(3, fused(g1, b * over_b, even_b));
    t(4, fused(g1, -b * over_b, even_b));
  }

  /// y = A^T m: the sums of m times the powers of the points.
  template <class Input, class Output>
  static void output(Input&& m, Output&& y) {
    const V m1 = m(1), m2 = m(2), m3 = m(3), m4 = m(4);
    const V even_a = m1 + m2;
    const V odd_a = m1 - m2;
    const V even_b = m3 + m4;
    const V odd_b = m3 - m4;
    y(0, V(m(0) + even_a + even_b));
    y(1, fused(odd_a, a, scaled(odd_b, b)));
    y(2, fused(even_a, a2, scaled(even_b, b2)));
    const V last = fused(odd_a, a * a2, scaled(odd_b, b * b2));
    if constexpr (infinity) {
      y(3, V(last + m(5)));
    } else {
      y(3, last);
    }
  }

  /// t = A y, the transpose of output: the values of the polynomial of outputs at the points.
  template <class Input, class Output>
  static void output_transposed(Input&& y, Output&& t) {
    const V y0 = y(0), y1 = y(1), y2 = y(2), y3 = y(3);
    t(0, y0);
    const V even_a = fused(y2, a2, y0);
    const V odd_a = fused(y3, a2, y1);
    t(1, fused(odd_a, a, even_a));
    t(2, fused(odd_a, -a, even_a));
    const V even_b = fused(y2, b2, y0);
    const V odd_b = fused(y3, b2, y1);
    t(3, fused(odd_b, b, even_b));
    t(4, fused(odd_b, -b, even_b));
    if constexpr (infinity) t(5, y3);
  }

  /// g = G^T p, the transpose of filter.
  template <class Input, class Output>
  static void filter_transposed(Input&& p, Output&& g) {
    const V p1 = p(1), p2 = p(2), p3 = p(3), p4 = p(4);
    const V even_a = p1 + p2;
    const V even_b = p3 + p4;
    g(0, fused(p(0), 1 / (a2 * b2), fused(even_a, over_a, scaled(even_b, over_b))));
    g(1, fused(p3 - p4, b * over_b, scaled(p1 - p2, a * over_a)));
    if constexpr (infinity) g(2, fused(even_a, a2 * over_a, fused(even_b, b2 * over_b, p(5))));
  }
};

/// Two outputs of three taps; only forward, as gradients of weights are sums over many outputs.
template <class T>
struct WinogradLine<T, 2, 3> {
  using V = Packet<T>;

  /// t = B^T d
  template <class Input, class Output>
  static void input(Input&& d, Output&& t) {
    const V d0 = d(0), d1 = d(1), d2 = d(2), d3 = d(3);
    t(0, V(d0 - d2));
    t(1, V(d2 + d1));
    t(2, V(d2 - d1));
    t(3, V(d3 - d1));
  }

  /// t = G g, where the sign of the point 0 is that of `input`
  template <class Input, class Output>
  static void filter(Input&& g, Output&& t) {
    const V g0 = g(0), g1 = g(1), g2 = g(2);
    const V half = broadcast(T(0.5));
    const V even = rounded_product(half, V(g0 + g2));
    t(0, g0);
    t(1, multiply_add(half, g1, even));
    t(2, multiply_add(V(-half), g1, even));
    t(3, g2);
  }

  /// y = A^T m
  template <class Input, class Output>
  static void output(Input&& m, Output&& y) {
    const V m1 = m(1), m2 = m(2);
    y(0, V(m(0) + V(m1 + m2)));
    y(1, V(m(3) + V(m1 - m2)));
  }
};

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_WINOGRAD_LINE_HPP
