/// @file
/// Muon: a momentum for matrices, made orthogonal.
#pragma once

#include <cmath>
#include <utility>

#include "nn/core/parallel_sum.hpp"
#include "nn/core/rounding.hpp"
#include "nn/kernels/gemm.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/optim/adam.hpp"
#include "nn/optim/rule.hpp"

namespace nn {

namespace detail {

/// The sum of squares, in an order that depends on the count alone.
template <class T>
[[nodiscard]] double sum_of_squares_in_pieces(Index count, const T* values) {
  return parallel_sum(count, Index{1} << 15U, [values](Index begin, Index end) {
    return detail::sum_of_squares(end - begin, values + begin);
  });
}

/// y = a * x + b * z, element by element; z may be null for y = a * x. y may be x, not z.
template <class T>
void combine_elements(Index count, T a, const T* x, T b, const T* z, T* y) {
  parallel_for_pieces(count, Index{1} << 14U, [&](Index begin, Index end) {
    detail::scale_elements(end - begin, a, x + begin, y + begin);
    if (z != nullptr) detail::add_multiple(end - begin, b, z + begin, y + begin);
  });
}

/// How many numbers `orthogonalize` needs besides the matrix.
[[nodiscard]] constexpr Index orthogonalize_scratch(Index rows, Index columns) {
  const Index less = std::min(rows, columns);
  return rows * columns + 2 * less * less;
}

/// Moves the singular values of x (rows x columns) near 1, roughly from 0.7 to 1.2, and leaves its
/// singular vectors: X / |X|, then `iterations` times X <- a X + (b X X' + c (X X')^2) X. Returns
/// where the result is: in x or in `scratch`.
template <class T>
[[nodiscard]] T* orthogonalize(Index rows, Index columns, Index iterations, T* x, T* scratch) {
  constexpr auto a = static_cast<T>(3.4445);
  constexpr auto b = static_cast<T>(-4.775);
  constexpr auto c = static_cast<T>(2.0315);
  const bool wide = rows < columns;
  const Index less = std::min(rows, columns);
  const Index size = rows * columns;
  T* y = scratch;
  T* const gram = scratch + size;
  T* const polynomial = gram + less * less;
  const double norm = std::sqrt(sum_of_squares_in_pieces(size, x));
  combine_elements<T>(size, static_cast<T>(1 / (norm + 1e-7)), x, T(0), nullptr, x);
  for (Index k = 0; k < iterations; ++k) {
    // The smaller of X X' and X' X, which stand on the left of X and on its right.
    gemm<T>(wide ? Transpose::no : Transpose::yes, wide ? Transpose::yes : Transpose::no, less,
            less, std::max(rows, columns), x, columns, x, columns, gram, less);
    gemm<T>(Transpose::no, Transpose::no, less, less, less, gram, less, gram, less, polynomial,
            less);
    combine_elements<T>(less * less, c, polynomial, b, gram, polynomial);
    combine_elements<T>(size, a, x, T(0), nullptr, y);
    gemm<T>(Transpose::no, Transpose::no, rows, columns, less, wide ? polynomial : x,
            wide ? less : columns, wide ? x : polynomial, wide ? columns : less, y, columns, true);
    std::swap(x, y);
  }
  return x;
}

}  // namespace detail

/// For the weights of dense and convolutional layers, as matrices of rest x outputs: v = momentum *
/// v + g; u = g + momentum * v, or v without `nesterov`; w -= learning_rate * (weight_decay * w +
/// s * O(u)), where O moves all singular values of u near 1 by Newton and Schulz's iteration, and
/// s = sqrt(max(1, outputs / rest)) (Jordan et al., "Muon: an optimizer for hidden layers in neural
/// networks", 2024, with its coefficients). All directions of a matrix so learn at one speed.
///
/// All other parameters are updated by `others`, whose learning rate rises and falls with this
/// one's, and so are those in a ParameterGroup with `.elementwise`: the author has the last layer
/// there, and the first where it is dense or an embedding. Takes the weights whose axes are known
/// to be those of a product (Variable::axes).
struct Muon {
  double learning_rate = 0.02;          ///< of the first step, for matrices
  double momentum = 0.95;               ///< in [0, 1)
  bool nesterov = true;                 ///< look ahead along the velocity
  double weight_decay = 0;              ///< of matrices, decoupled as in AdamW
  Index iterations = 5;                 ///< of Newton and Schulz
  AdamW others{.learning_rate = 3e-4};  ///< for all that is no matrix

  void check() const {
    detail::require_not_negative(learning_rate, "Muon", "a learning rate");
    require(learning_rate > 0, "Muon needs a learning rate above 0, to which the others' relates");
    detail::require_fraction(momentum, "Muon", "a momentum");
    detail::require_not_negative(weight_decay, "Muon", "a weight decay");
    require(iterations > 0, "Muon needs a positive number of iterations, got ", iterations);
    require(!nesterov || momentum > 0, "Muon with nesterov needs a momentum");
    others.check();
  }

  [[nodiscard]] std::string settings() const {
    return detail::settings("Muon", {{"momentum", momentum},
                                     {"nesterov", nesterov ? 1.0 : 0.0},
                                     {"weight_decay", weight_decay},
                                     {"iterations", static_cast<double>(iterations)},
                                     {"others' rate", relation()}}) +
           " with " + others.settings();
  }

  [[nodiscard]] static constexpr Index slots() { return AdamW::slots(); }

  [[nodiscard]] bool takes_whole(const Variable& variable) const {
    return variable.axes != Axes::plain && variable.shape.rank() >= 2;
  }
  [[nodiscard]] Index scratch(const Variable& variable) const {
    const Index outputs = variable.shape.back();
    const Index rest = variable.shape.size() / outputs;
    return rest * outputs + detail::orthogonalize_scratch(rest, outputs);
  }

  template <class T>
  void update_whole(const UpdateContext& context, const Variable& variable, Elements<T> weights,
                    Elements<const T> gradient, const Slots<T>& slots, T* scratch) const {
    const Index size = weights.size();
    const Index outputs = variable.shape.back();
    const Index rest = size / outputs;
    const T keep = static_cast<T>(momentum);
    T* const velocity = slots[0].data();
    const T* const slopes = gradient.data();
    parallel_for_pieces(size, Index{1} << 14U, [&](Index begin, Index end) {
      detail::scale_elements(end - begin, keep, velocity + begin, velocity + begin);
      detail::add_to(end - begin, slopes + begin, velocity + begin);
      detail::scale_elements(end - begin, nesterov ? keep : T(1), velocity + begin,
                             scratch + begin);
      if (nesterov) detail::add_to(end - begin, slopes + begin, scratch + begin);
    });
    const T* const direction =
        detail::orthogonalize(rest, outputs, iterations, scratch, scratch + size);
    const double longer = static_cast<double>(outputs) / static_cast<double>(rest);
    const double scale = std::sqrt(std::max(1.0, longer));
    const double decay =
        detail::product(detail::product(context.learning_rate, weight_decay), context.decay);
    detail::combine_elements<T>(size, static_cast<T>(1 - decay), weights.data(),
                                static_cast<T>(-context.learning_rate * scale), direction,
                                weights.data());
  }

  template <class T>
  void update(const UpdateContext& context, Elements<T> weights, Elements<const T> gradient,
              const Slots<T>& slots) const {
    UpdateContext other = context;
    other.learning_rate *= relation();
    others.update<T>(other, weights, gradient, slots);
  }

 private:
  /// Of the others' learning rate to this one's.
  [[nodiscard]] double relation() const { return others.learning_rate / learning_rate; }
};

}  // namespace nn
