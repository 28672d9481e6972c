/// @file
/// The loops of BatchNorm, LayerNorm and their kin.
#if !defined(NN_KERNELS_LOOPS_NORMALIZE_HPP) && \
    (defined(NN_ISA_PASS) || !defined(NN_SEPARATE_KERNELS))
#define NN_KERNELS_LOOPS_NORMALIZE_HPP

#include "nn/core/activation.hpp"
#include "nn/kernels/loops/elementwise.hpp"
#include "nn/kernels/loops/settings.hpp"
#include "nn/kernels/reduce.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/lanes.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// The loops of BatchNorm: `count` elements in runs of `width`, of which each repeats what belongs
/// to the channels; the last run may be shorter. Calls body(at, i, lanes) for vectors of elements:
/// where one starts, and where in its run.
template <class T, class Body>
[[gnu::always_inline]] inline void for_each_in_runs(Index count, Index width, const Body& body) {
  for (Index first = 0; first < count; first += width) {
    for_each_vector<T>(width < count - first ? width : count - first,
                       [&](Index i, const auto& some) { body(first + i, i, some); });
  }
}

/// sums += x - origin
template <class T>
void add_differences(Index count, Index width, const T* x, const T* origin, T* sums) {
  for_each_in_runs<T>(count, width, [&](Index at, Index i, const auto& some) {
    some.store(some.load(sums + i) + (some.load(x + at) - some.load(origin + i)), sums + i);
  });
}

/// sums += (x - origin - mean)^2
template <class T>
void add_squares(Index count, Index width, const T* x, const T* origin, const T* mean, T* sums) {
  for_each_in_runs<T>(count, width, [&](Index at, Index i, const auto& some) {
    const auto difference = some.load(x + at) - some.load(origin + i) - some.load(mean + i);
    some.store(some.load(sums + i) + rounded_product(difference, difference), sums + i);
  });
}

/// The gradient before the activation that follows a normalisation, of the gradient after it and of
/// distance = x - mean. The activation's input is computed as `normalize` did, which costs less
/// than to read its output.
template <class T, class V, class Some>
[[gnu::always_inline]] inline V gradient_before(const NormalizedActivation<T>& after, Index i,
                                                const Some& some, const V& distance,
                                                const V& gradient) {
  const float slope = after.activation.slope;
  if (slope == 1) return gradient;
  const V zero{};
  const V input =
      rounded_product(distance, some.load(after.factor + i)) + some.load(after.shift + i);
  const V bent = slope == 0 ? zero : rounded_product(slope - zero, gradient);
  return input <= zero ? bent : gradient;
}

/// sums += dz, products += dz * (x - mean), where dz is dy before the activation
template <class T>
void add_gradients(Index count, Index width, const T* dy, const T* x, const T* mean,
                   const NormalizedActivation<T>& after, T* sums, T* products) {
  for_each_in_runs<T>(count, width, [&](Index at, Index i, const auto& some) {
    const auto distance = some.load(x + at) - some.load(mean + i);
    const auto gradient = gradient_before(after, i, some, distance, some.load(dy + at));
    some.store(some.load(sums + i) + gradient, sums + i);
    some.store(some.load(products + i) + rounded_product(gradient, distance), products + i);
  });
}

/// y = activation((x - mean) * factor + shift)
template <class T>
void normalize(Index count, Index width, const T* x, const T* mean, const T* factor, const T* shift,
               Activation activation, T* y) {
  for_each_in_runs<T>(count, width, [&](Index at, Index i, const auto& some) {
    const auto scaled =
        rounded_product(some.load(x + at) - some.load(mean + i), some.load(factor + i));
    some.store(activated(scaled + some.load(shift + i), activation.slope), y + at);
  });
}

/// dx = factor * (dz - offset - (x - mean) * slope), where dz is dy before the activation
template <class T>
void normalize_backward(Index count, Index width, const T* dy, const T* x, const T* mean,
                        const T* factor, const T* offset, const T* slope,
                        const NormalizedActivation<T>& after, T* dx) {
  for_each_in_runs<T>(count, width, [&](Index at, Index i, const auto& some) {
    const auto distance = some.load(x + at) - some.load(mean + i);
    const auto gradient = gradient_before(after, i, some, distance, some.load(dy + at));
    const auto along = rounded_product(distance, some.load(slope + i));
    const auto across = gradient - some.load(offset + i);
    some.store(some.load(factor + i) * (across - along), dx + at);
  });
}

/// dx = factor * dy
template <class T>
void scale_channels(Index count, Index width, const T* factor, const T* dy, T* dx) {
  for_each_in_runs<T>(count, width, [&](Index at, Index i, const auto& some) {
    some.store(some.load(factor + i) * some.load(dy + at), dx + at);
  });
}

/// LayerNorm of rows: y = activation((x - mean) * inverse * factor + shift), mean and inverse = 1 /
/// sqrt(variance + epsilon) of each row by sums across lanes. Keeps them unless `means` is null.
template <class T>
void normalize_rows(Index rows, Index columns, T epsilon, const T* x, const T* factor,
                    const T* shift, Activation activation, T* means, T* inverses, T* y) {
  const T size = static_cast<T>(columns);
  for (Index row = 0; row < rows; ++row, x += columns, y += columns) {
    const T mean =
        sum_of_terms<T>(columns, [&](Index i, const auto& some) { return some.load(x + i); }) /
        size;
    const T squares = sum_of_terms<T>(columns, [&](Index i, const auto& some) {
      const auto difference = some.load(x + i) - mean;
      return rounded_product(difference, difference);
    });
    const T inverse = T(1) / square_root(squares / size + epsilon);
    if (means != nullptr) {
      means[row] = mean;
      inverses[row] = inverse;
    }
    for_each_vector<T>(columns, [&](Index i, const auto& some) {
      const auto scaled =
          rounded_product((some.load(x + i) - mean) * inverse, some.load(factor + i));
      some.store(activated(scaled + some.load(shift + i), activation.slope), y + i);
    });
  }
}

/// dx = inverse * (dy * factor - offset - (x - mean) * slope): offset is the mean of dy * factor,
/// slope that of dy * factor * (x - mean), times the inverse squared.
template <class T>
void normalize_rows_backward(Index rows, Index columns, const T* dy, const T* factor, const T* x,
                             const T* means, const T* inverses, T* dx) {
  const T share = T(1) / static_cast<T>(columns);
  for (Index row = 0; row < rows; ++row, dy += columns, x += columns, dx += columns) {
    const T mean = means[row];
    const T inverse = inverses[row];
    const T offset = share * sum_of_terms<T>(columns, [&](Index i, const auto& some) {
                       return rounded_product(some.load(dy + i), some.load(factor + i));
                     });
    const T slope =
        share * inverse * inverse * sum_of_terms<T>(columns, [&](Index i, const auto& some) {
          const auto scaled = some.load(dy + i) * some.load(factor + i);
          return rounded_product(scaled, some.load(x + i) - mean);
        });
    for_each_vector<T>(columns, [&](Index i, const auto& some) {
      const auto gradient = rounded_product(some.load(dy + i), some.load(factor + i));
      const auto along = rounded_product(some.load(x + i) - mean, slope);
      some.store(inverse * (gradient - offset - along), dx + i);
    });
  }
}

/// RMSNorm of rows: y = activation(x * inverse * factor) with inverse = 1 / sqrt(mean of x^2 +
/// epsilon), a sum across lanes. Keeps it unless `inverses` is null.
template <class T>
void divide_by_rms(Index rows, Index columns, T epsilon, const T* x, const T* factor,
                   Activation activation, T* inverses, T* y) {
  for (Index row = 0; row < rows; ++row, x += columns, y += columns) {
    const T squares = sum_of_terms<T>(columns, [&](Index i, const auto& some) {
      const auto value = some.load(x + i);
      return rounded_product(value, value);
    });
    const T inverse = T(1) / square_root(squares / static_cast<T>(columns) + epsilon);
    if (inverses != nullptr) inverses[row] = inverse;
    for_each_vector<T>(columns, [&](Index i, const auto& some) {
      const auto scaled = rounded_product(some.load(x + i) * inverse, some.load(factor + i));
      some.store(activated(scaled, activation.slope), y + i);
    });
  }
}

/// dx = inverse * (dy * factor - x * slope): slope is the mean of dy * factor * x, times the
/// inverse squared.
template <class T>
void divide_by_rms_backward(Index rows, Index columns, const T* dy, const T* factor, const T* x,
                            const T* inverses, T* dx) {
  const T share = T(1) / static_cast<T>(columns);
  for (Index row = 0; row < rows; ++row, dy += columns, x += columns, dx += columns) {
    const T inverse = inverses[row];
    const T slope =
        share * inverse * inverse * sum_of_terms<T>(columns, [&](Index i, const auto& some) {
          const auto scaled = some.load(dy + i) * some.load(factor + i);
          return rounded_product(scaled, some.load(x + i));
        });
    for_each_vector<T>(columns, [&](Index i, const auto& some) {
      const auto gradient = rounded_product(some.load(dy + i), some.load(factor + i));
      some.store(inverse * (gradient - rounded_product(some.load(x + i), slope)), dx + i);
    });
  }
}

/// products += dy * ((x - mean) * inverse), sums += dy, over rows
template <class T>
void add_row_gradients(Index rows, Index columns, const T* dy, const T* x, const T* means,
                       const T* inverses, T* products, T* sums) {
  for (Index row = 0; row < rows; ++row, dy += columns, x += columns) {
    const T mean = means[row];
    const T inverse = inverses[row];
    for_each_vector<T>(columns, [&](Index i, const auto& some) {
      const auto gradient = some.load(dy + i);
      const auto scaled = (some.load(x + i) - mean) * inverse;
      some.store(some.load(products + i) + rounded_product(gradient, scaled), products + i);
      some.store(some.load(sums + i) + gradient, sums + i);
    });
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif
