/// @file
/// The loops of attention, over blocks of scores.
#if !defined(NN_KERNELS_LOOPS_ATTENTION_HPP) && \
    (defined(NN_ISA_PASS) || !defined(NN_SEPARATE_KERNELS))
#define NN_KERNELS_LOOPS_ATTENTION_HPP

#include <algorithm>
#include <array>

#include "nn/kernels/reduce.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/lanes.hpp"
#include "nn/kernels/simd/math.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// `yes` where `which` is positive, else `no`; of numbers or vectors.
template <class V>
[[nodiscard, gnu::always_inline]] inline V where_positive(const V& which, const V& yes,
                                                          const V& no) {
  const V zero{};
  return which > zero ? yes : no;
}

/// The largest of `lowest` and some numbers, several side by side.
template <class T>
[[nodiscard]] T largest_of(Index count, const T* x, T lowest) {
  std::array<T, 16> tops;
  tops.fill(lowest);
  Index i = 0;
  for (; i + 16 <= count; i += 16) {
    for (std::size_t lane = 0; lane < 16; ++lane) {
      const T value = x[i + static_cast<Index>(lane)];
      tops[lane] = tops[lane] < value ? value : tops[lane];
    }
  }
  for (; i < count; ++i) tops[0] = std::max(tops[0], x[i]);
  return *std::max_element(tops.begin(), tops.end());
}

/// A block of a softmax over rows that are too long for one block. Row r has its first `limit` + r
/// columns, at most all; of these, those count whose `real` is not 0 (all, if it is null). Scores
/// become exp(scale * score - the largest so far), or 0 where they do not count. `largest` and
/// `sums` go from block to block (the first sets them), and `factors` are what all sums before have
/// been multiplied by, as the largest has changed.
template <class T>
void softmax_block(Index rows, Index columns, Index limit, T scale, const T* real, bool is_first,
                   T* scores, T* largest, T* sums, T* factors) {
  constexpr T lowest = T(-1e30);
  for (Index row = 0; row < rows; ++row, scores += columns) {
    const Index count = std::clamp<Index>(limit + row, 0, columns);
    const T before = is_first ? lowest : largest[row];
    for_each_vector<T>(count, [&](Index i, const auto& some) {
      auto score = rounded_product(some.load(scores + i), scale);
      if (real != nullptr) {
        score = where_positive(some.load(real + i), score, lowest - decltype(score){});
      }
      some.store(score, scores + i);
    });
    const T most = std::max(before, largest_of(count, scores, lowest));
    for_each_long_vector<T>(count, [&](Index i, const auto& some) {
      auto value = exponential(some.load(scores + i) - most);
      if (real != nullptr) {
        value = where_positive(some.load(real + i), value, decltype(value){});
      }
      some.store(value, scores + i);
    });
    std::fill(scores + count, scores + columns, T(0));
    const T sum =
        sum_of_terms<T>(count, [&](Index i, const auto& some) { return some.load(scores + i); });
    factors[row] = exponential(before - most);
    largest[row] = most;
    sums[row] = is_first ? sum : rounded_product(sums[row], factors[row]) + sum;
  }
}

/// The same weights again, from the logarithms of their sums, and the gradient of the scores:
/// scores become p = exp(scale * score - log), or 0 where they do not count, and gradients
/// scale * p * (gradient - mean), `means` being a row's mean of gradients with the weights p.
template <class T>
void softmax_block_backward(Index rows, Index columns, Index limit, T scale, const T* real,
                            const T* logs, const T* means, T* scores, T* gradients) {
  for (Index row = 0; row < rows; ++row, scores += columns, gradients += columns) {
    const Index count = std::clamp<Index>(limit + row, 0, columns);
    const T log = logs[row];
    const T mean = means[row];
    for_each_long_vector<T>(count, [&](Index i, const auto& some) {
      auto weight = exponential(rounded_product(some.load(scores + i), scale) - log);
      if (real != nullptr) {
        weight = where_positive(some.load(real + i), weight, decltype(weight){});
      }
      some.store(weight, scores + i);
      const auto slope = rounded_product(weight, some.load(gradients + i) - mean);
      some.store(slope * scale, gradients + i);
    });
    std::fill(scores + count, scores + columns, T(0));
    std::fill(gradients + count, gradients + columns, T(0));
  }
}

/// Rows of `columns` elements, `stride` apart, times a factor each.
template <class T>
void scale_rows(Index rows, Index columns, const T* factors, Index stride, T* x) {
  for (Index row = 0; row < rows; ++row, x += stride) {
    for_each_vector<T>(columns, [&](Index i, const auto& some) {
      some.store(factors[row] * some.load(x + i), x + i);
    });
  }
}

/// The sums of the products of the elements of two rows, across lanes, for rows `stride` apart.
template <class T>
void dots_of_rows(Index rows, Index columns, Index stride, const T* a, const T* b, T* dots) {
  for (Index row = 0; row < rows; ++row, a += stride, b += stride) {
    dots[row] = sum_of_terms<T>(columns, [&](Index i, const auto& some) {
      return rounded_product(some.load(a + i), some.load(b + i));
    });
  }
}

/// Turns each of `heads` runs of 2 * `half` elements: element i and element half + i are a point
/// (a, b), which becomes (a cos - b sin, a sin + b cos), with `direction` * sin for sin.
template <class T>
void turn_halves(Index heads, Index half, const T* cosines, const T* sines, T direction, T* x) {
  for (Index head = 0; head < heads; ++head, x += 2 * half) {
    for_each_vector<T>(half, [&](Index i, const auto& some) {
      const auto a = some.load(x + i);
      const auto b = some.load(x + half + i);
      const auto c = some.load(cosines + i);
      const auto s = direction * some.load(sines + i);
      some.store(rounded_product(a, c) - rounded_product(b, s), x + i);
      some.store(rounded_product(a, s) + rounded_product(b, c), x + half + i);
    });
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif
