/// @file
/// The list of the loops.
#pragma once

#include <cstdint>

#include "nn/core/activation.hpp"
#include "nn/kernels/convolution/geometry.hpp"
#include "nn/kernels/loops/settings.hpp"

/// @cond list
// X(scalar, result, name, its name in the table, parameters, arguments)
// NOLINTBEGIN(bugprone-macro-parentheses)
#define NN_FUNCTION_LOOPS(X, T, F)                                                               \
  X(T, void, map_values, map_##F, (const F& f, Index count, const T* x, T* y), (f, count, x, y)) \
  X(T, void, map_gradients, map_gradients_##F,                                                   \
    (const F& f, Index count, const T* at, const T* dy, T* dx), (f, count, at, dy, dx))
#define NN_LOOPS(X, T)                                                                            \
  X(T, void, activate_elements, activate_elements,                                                \
    (Index count, Activation activation, const T* x, T* y), (count, activation, x, y))            \
  X(T, void, activate_backward_elements, activate_backward_elements,                              \
    (Index count, Activation activation, const T* y, const T* dy, T* dx),                         \
    (count, activation, y, dy, dx))                                                               \
  X(T, void, add_and_activate, add_and_activate,                                                  \
    (Index count, const T* x, Activation activation, T* y), (count, x, activation, y))            \
  X(T, void, move_towards, move_towards, (Index count, T step, const T* target, T* x),            \
    (count, step, target, x))                                                                     \
  X(T, void, add_multiple, add_multiple, (Index count, T factor, const T* x, T* y),               \
    (count, factor, x, y))                                                                        \
  X(T, void, add_to, add_to, (Index count, const T* x, T* y), (count, x, y))                      \
  X(T, void, scale_elements, scale_elements, (Index count, T factor, const T* x, T* y),           \
    (count, factor, x, y))                                                                        \
  X(T, void, blend_elements, blend_elements, (Index count, T more, T less, T * a, T * b),         \
    (count, more, less, a, b))                                                                    \
  X(T, double, sum_of_squares, sum_of_squares, (Index count, const T* values), (count, values))   \
  X(T, void, add_differences, add_differences,                                                    \
    (Index count, Index width, const T* x, const T* origin, T* sums),                             \
    (count, width, x, origin, sums))                                                              \
  X(T, void, add_squares, add_squares,                                                            \
    (Index count, Index width, const T* x, const T* origin, const T* mean, T* sums),              \
    (count, width, x, origin, mean, sums))                                                        \
  X(T, void, add_gradients, add_gradients,                                                        \
    (Index count, Index width, const T* dy, const T* x, const T* mean,                            \
     const NormalizedActivation<T>& after, T* sums, T* products),                                 \
    (count, width, dy, x, mean, after, sums, products))                                           \
  X(T, void, normalize, normalize,                                                                \
    (Index count, Index width, const T* x, const T* mean, const T* factor, const T* shift,        \
     Activation activation, T* y),                                                                \
    (count, width, x, mean, factor, shift, activation, y))                                        \
  X(T, void, normalize_backward, normalize_backward,                                              \
    (Index count, Index width, const T* dy, const T* x, const T* mean, const T* factor,           \
     const T* offset, const T* slope, const NormalizedActivation<T>& after, T* dx),               \
    (count, width, dy, x, mean, factor, offset, slope, after, dx))                                \
  X(T, void, scale_channels, scale_channels,                                                      \
    (Index count, Index width, const T* factor, const T* dy, T* dx),                              \
    (count, width, factor, dy, dx))                                                               \
  X(T, void, normalize_rows, normalize_rows,                                                      \
    (Index rows, Index columns, T epsilon, const T* x, const T* factor, const T* shift,           \
     Activation activation, T* means, T* inverses, T* y),                                         \
    (rows, columns, epsilon, x, factor, shift, activation, means, inverses, y))                   \
  X(T, void, normalize_rows_backward, normalize_rows_backward,                                    \
    (Index rows, Index columns, const T* dy, const T* factor, const T* x, const T* means,         \
     const T* inverses, T* dx),                                                                   \
    (rows, columns, dy, factor, x, means, inverses, dx))                                          \
  X(T, void, add_row_gradients, add_row_gradients,                                                \
    (Index rows, Index columns, const T* dy, const T* x, const T* means, const T* inverses,       \
     T* products, T* sums),                                                                       \
    (rows, columns, dy, x, means, inverses, products, sums))                                      \
  X(T, void, divide_by_rms, divide_by_rms,                                                        \
    (Index rows, Index columns, T epsilon, const T* x, const T* factor, Activation activation,    \
     T* inverses, T* y),                                                                          \
    (rows, columns, epsilon, x, factor, activation, inverses, y))                                 \
  X(T, void, divide_by_rms_backward, divide_by_rms_backward,                                      \
    (Index rows, Index columns, const T* dy, const T* factor, const T* x, const T* inverses,      \
     T* dx),                                                                                      \
    (rows, columns, dy, factor, x, inverses, dx))                                                 \
  X(T, void, pool_maxima, pool_maxima,                                                            \
    (const ConvolutionGeometry& g, const T* x, const T* images_end, T* y, std::uint8_t* taps),    \
    (g, x, images_end, y, taps))                                                                  \
  X(T, void, pool_maxima_backward, pool_maxima_backward,                                          \
    (const ConvolutionGeometry& g, const T* dy, const std::uint8_t* taps, T* dx),                 \
    (g, dy, taps, dx))                                                                            \
  X(T, void, pool_maxima, pool_maxima_large,                                                      \
    (const ConvolutionGeometry& g, const T* x, const T* images_end, T* y, std::uint16_t* taps),   \
    (g, x, images_end, y, taps))                                                                  \
  X(T, void, pool_maxima_backward, pool_maxima_backward_large,                                    \
    (const ConvolutionGeometry& g, const T* dy, const std::uint16_t* taps, T* dx),                \
    (g, dy, taps, dx))                                                                            \
  X(T, void, pool_means, pool_means,                                                              \
    (const ConvolutionGeometry& g, bool count_padding, const T* x, T* y),                         \
    (g, count_padding, x, y))                                                                     \
  X(T, void, pool_means_backward, pool_means_backward,                                            \
    (const ConvolutionGeometry& g, bool count_padding, const T* dy, T* dx),                       \
    (g, count_padding, dy, dx))                                                                   \
  X(T, void, mean_of_rows, mean_of_rows, (Index rows, Index columns, const T* x, T* y),           \
    (rows, columns, x, y))                                                                        \
  X(T, void, mean_of_rows_backward, mean_of_rows_backward,                                        \
    (Index rows, Index columns, const T* dy, T* dx), (rows, columns, dy, dx))                     \
  X(T, void, add_repeated, add_repeated,                                                          \
    (Index pixels, Index times, Index channels, const T* dy, T* dx),                              \
    (pixels, times, channels, dy, dx))                                                            \
  X(T, void, softmax_rows, softmax_rows, (Index rows, Index columns, const T* x, T* y),           \
    (rows, columns, x, y))                                                                        \
  X(T, void, softmax_rows_backward, softmax_rows_backward,                                        \
    (Index rows, Index columns, const T* y, const T* dy, T* dx), (rows, columns, y, dy, dx))      \
  X(T, void, log_softmax_rows, log_softmax_rows, (Index rows, Index columns, const T* x, T* y),   \
    (rows, columns, x, y))                                                                        \
  X(T, void, log_softmax_rows_backward, log_softmax_rows_backward,                                \
    (Index rows, Index columns, const T* y, const T* dy, T* dx), (rows, columns, y, dy, dx))      \
  X(T, T, sum_of_exponentials, sum_of_exponentials, (Index count, const T* z, T largest),         \
    (count, z, largest))                                                                          \
  X(T, void, scale_exponentials, scale_exponentials,                                              \
    (Index count, const T* z, T offset, T factor, T* to), (count, z, offset, factor, to))         \
  X(T, void, lstm_step, lstm_step, (const LstmStep<T>& step), (step))                             \
  X(T, void, lstm_step_backward, lstm_step_backward, (const LstmStepBackward<T>& step), (step))   \
  X(T, void, gru_step, gru_step, (const GruStep<T>& step), (step))                                \
  X(T, void, gru_step_backward, gru_step_backward, (const GruStepBackward<T>& step), (step))      \
  X(T, void, softmax_block, softmax_block,                                                        \
    (Index rows, Index columns, Index limit, T scale, const T* real, bool is_first, T* scores,    \
     T* largest, T* sums, T* factors),                                                            \
    (rows, columns, limit, scale, real, is_first, scores, largest, sums, factors))                \
  X(T, void, softmax_block_backward, softmax_block_backward,                                      \
    (Index rows, Index columns, Index limit, T scale, const T* real, const T* logs,               \
     const T* means, T* scores, T* gradients),                                                    \
    (rows, columns, limit, scale, real, logs, means, scores, gradients))                          \
  X(T, void, scale_rows, scale_rows,                                                              \
    (Index rows, Index columns, const T* factors, Index stride, T* x),                            \
    (rows, columns, factors, stride, x))                                                          \
  X(T, void, dots_of_rows, dots_of_rows,                                                          \
    (Index rows, Index columns, Index stride, const T* a, const T* b, T* dots),                   \
    (rows, columns, stride, a, b, dots))                                                          \
  X(T, void, turn_halves, turn_halves,                                                            \
    (Index heads, Index half, const T* cosines, const T* sines, T direction, T* x),               \
    (heads, half, cosines, sines, direction, x))                                                  \
  X(T, void, sgd_step, sgd_step,                                                                  \
    (Index count, const SgdStep<T>& step, const T* gradients, T* weights, T* velocities),         \
    (count, step, gradients, weights, velocities))                                                \
  X(T, void, adam_step, adam_step,                                                                \
    (Index count, const AdamStep<T>& step, const T* gradients, T* weights, T* means, T* squares), \
    (count, step, gradients, weights, means, squares))                                            \
  X(T, void, rms_prop_step, rms_prop_step,                                                        \
    (Index count, const RmsPropStep<T>& step, const T* gradients, T* weights, T* squares,         \
     T* means, T* velocities),                                                                    \
    (count, step, gradients, weights, squares, means, velocities))                                \
  X(T, void, adagrad_step, adagrad_step,                                                          \
    (Index count, const AdagradStep<T>& step, const T* gradients, T* weights, T* sums),           \
    (count, step, gradients, weights, sums))                                                      \
  X(T, void, lion_step, lion_step,                                                                \
    (Index count, const LionStep<T>& step, const T* gradients, T* weights, T* means),             \
    (count, step, gradients, weights, means))                                                     \
  NN_FUNCTION_LOOPS(X, T, SigmoidFunction)                                                        \
  NN_FUNCTION_LOOPS(X, T, TanhFunction)                                                           \
  NN_FUNCTION_LOOPS(X, T, EluFunction)                                                            \
  NN_FUNCTION_LOOPS(X, T, SeluFunction)                                                           \
  NN_FUNCTION_LOOPS(X, T, ClipFunction)                                                           \
  NN_FUNCTION_LOOPS(X, T, SoftplusFunction)                                                       \
  NN_FUNCTION_LOOPS(X, T, SiluFunction)                                                           \
  NN_FUNCTION_LOOPS(X, T, GeluFunction)                                                           \
  NN_FUNCTION_LOOPS(X, T, TanhGeluFunction)                                                       \
  NN_FUNCTION_LOOPS(X, T, MishFunction)                                                           \
  NN_FUNCTION_LOOPS(X, T, HardSwishFunction)
// NOLINTEND(bugprone-macro-parentheses)
/// @endcond

namespace nn::detail {

/// The loops for numbers of one type, as one instruction set has them.
template <class T>
struct LoopsOf {
/// @cond list
// NOLINTNEXTLINE(bugprone-macro-parentheses): a name and a list in brackets
#define NN_MEMBER(T, result, name, member, parameters, arguments) result(*member) parameters;
  NN_LOOPS(NN_MEMBER, T)
#undef NN_MEMBER
  /// @endcond
};

}  // namespace nn::detail
