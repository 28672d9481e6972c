/// @file
/// Exponentials of rows, and what they sum up to.
#if !defined(NN_KERNELS_LOOPS_SOFTMAX_HPP) && \
    (defined(NN_ISA_PASS) || !defined(NN_SEPARATE_KERNELS))
#define NN_KERNELS_LOOPS_SOFTMAX_HPP

#include <algorithm>

#include "nn/kernels/reduce.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/lanes.hpp"
#include "nn/kernels/simd/math.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// y_i = exp(x_i - max x) / (their sum) for each row
template <class T>
void softmax_rows(Index rows, Index columns, const T* x, T* y) {
  for (Index row = 0; row < rows; ++row, x += columns, y += columns) {
    const T largest = *std::max_element(x, x + columns);
    for_each_long_vector<T>(columns, [&](Index i, const auto& some) {
      some.store(exponential(some.load(x + i) - largest), y + i);
    });
    T sum = 0;
    for (Index i = 0; i < columns; ++i) sum += y[i];
    for (Index i = 0; i < columns; ++i) y[i] /= sum;
  }
}

/// dx_i = y_i * (dy_i - sum over j of dy_j y_j) for each row
template <class T>
void softmax_rows_backward(Index rows, Index columns, const T* y, const T* dy, T* dx) {
  for (Index row = 0; row < rows; ++row, y += columns, dy += columns, dx += columns) {
    T mean = 0;
    for (Index i = 0; i < columns; ++i) mean += rounded_product(dy[i], y[i]);
    for (Index i = 0; i < columns; ++i) dx[i] = y[i] * (dy[i] - mean);
  }
}

/// y_i = x_i - max x - ln(sum over j of exp(x_j - max x)) for each row
template <class T>
void log_softmax_rows(Index rows, Index columns, const T* x, T* y) {
  for (Index row = 0; row < rows; ++row, x += columns, y += columns) {
    const T largest = *std::max_element(x, x + columns);
    T sum = 0;
    for (Index i = 0; i < columns; ++i) sum += exponential(x[i] - largest);
    const T log_sum = logarithm(sum);
    for (Index i = 0; i < columns; ++i) y[i] = (x[i] - largest) - log_sum;
  }
}

/// dx_i = dy_i - exp(y_i) * sum over j of dy_j for each row
template <class T>
void log_softmax_rows_backward(Index rows, Index columns, const T* y, const T* dy, T* dx) {
  for (Index row = 0; row < rows; ++row, y += columns, dy += columns, dx += columns) {
    T sum = 0;
    for (Index i = 0; i < columns; ++i) sum += dy[i];
    for_each_long_vector<T>(columns, [&](Index i, const auto& some) {
      some.store(some.load(dy + i) - rounded_product(sum, exponential(some.load(y + i))), dx + i);
    });
  }
}

/// The sum of exp(z_i - largest), across lanes.
template <class T>
[[nodiscard]] T sum_of_exponentials(Index count, const T* z, T largest) {
  return sum_of_terms<T>(
      count, [&](Index i, const auto& some) { return exponential(some.load(z + i) - largest); });
}

/// to_i = factor * exp(z_i - offset)
template <class T>
void scale_exponentials(Index count, const T* z, T offset, T factor, T* to) {
  for_each_long_vector<T>(count, [&](Index i, const auto& some) {
    some.store(rounded_product(exponential(some.load(z + i) - offset), factor), to + i);
  });
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif
