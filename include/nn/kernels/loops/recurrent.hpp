/// @file
/// One step of recurrent layers, after the products, and the way back.
#if !defined(NN_KERNELS_LOOPS_RECURRENT_HPP) && \
    (defined(NN_ISA_PASS) || !defined(NN_SEPARATE_KERNELS))
#define NN_KERNELS_LOOPS_RECURRENT_HPP

#include <algorithm>

#include "nn/kernels/loops/settings.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/simd/lanes.hpp"
#include "nn/kernels/simd/math.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// Makes of the gates' sums the gates i, f, g, o, in their place, and
///
///     c = f c_before + i g,  h = o tanh(c).
template <class T>
void lstm_step(const LstmStep<T>& s) {
  const Index units = s.units;
  for (Index row = 0; row < s.rows; ++row) {
    const T* const c_before = s.cells_before + row * units;
    T* const c = s.cells + row * units;
    T* const h = s.outputs + row * units;
    if (s.real != nullptr && s.real[row * s.real_pitch] == 0) {
      std::copy_n(c_before, units, c);
      std::copy_n(s.outputs_before + row * units, units, h);
      continue;
    }
    T* const gates = s.gates + row * 4 * units;
    for_each_long_vector<T>(units, [&](Index u, const auto& some) {
      T* const at = gates + u;
      const auto i = logistic(some.load(at));
      const auto f = logistic(some.load(at + units));
      const auto g = hyperbolic_tangent(some.load(at + 2 * units));
      const auto o = logistic(some.load(at + 3 * units));
      some.store(i, at);
      some.store(f, at + units);
      some.store(g, at + 2 * units);
      some.store(o, at + 3 * units);
      const auto cell = rounded_product(f, some.load(c_before + u)) + rounded_product(i, g);
      some.store(cell, c + u);
      some.store(o * hyperbolic_tangent(cell), h + u);
    });
  }
}

/// The gradients of the gates' sums, those of the cells before, and 0 for the outputs before, to
/// which the product with the weights is added.
template <class T>
void lstm_step_backward(const LstmStepBackward<T>& s) {
  const Index units = s.units;
  for (Index row = 0; row < s.rows; ++row) {
    T* const dh = s.output_gradients + row * units;
    T* const dc = s.cell_gradients + row * units;
    T* const dgates = s.gate_gradients + row * 4 * units;
    const T* const dy = s.dy == nullptr ? nullptr : s.dy + row * s.dy_pitch;
    if (s.real != nullptr && s.real[row * s.real_pitch] == 0) {
      std::fill_n(dgates, 4 * units, T(0));
      for (Index u = 0; dy != nullptr && u < units; ++u) dh[u] += dy[u];
      continue;
    }
    const T* const gates = s.gates + row * 4 * units;
    const T* const c_before = s.cells_before + row * units;
    const T* const c = s.cells + row * units;
    for_each_long_vector<T>(units, [&](Index u, const auto& some) {
      const auto i = some.load(gates + u);
      const auto f = some.load(gates + units + u);
      const auto g = some.load(gates + 2 * units + u);
      const auto o = some.load(gates + 3 * units + u);
      const auto bent = hyperbolic_tangent(some.load(c + u));
      auto output = some.load(dh + u);
      const decltype(output) zero{};
      if (dy != nullptr) output += some.load(dy + u);
      const auto cell =
          some.load(dc + u) + rounded_product(output * o, T(1) - rounded_product(bent, bent));
      some.store(cell * g * (i * (T(1) - i)), dgates + u);
      some.store(cell * some.load(c_before + u) * (f * (T(1) - f)), dgates + units + u);
      some.store(cell * i * (T(1) - rounded_product(g, g)), dgates + 2 * units + u);
      some.store(output * bent * (o * (T(1) - o)), dgates + 3 * units + u);
      some.store(cell * f, dc + u);
      some.store(zero, dh + u);
    });
  }
}

/// Makes of the gates' sums the gates r, z, n, in their place, and
///
///     n = tanh(what the input adds + r (what the state adds)),  h = (1 - z) n + z h_before.
template <class T>
void gru_step(const GruStep<T>& s) {
  const Index units = s.units;
  for (Index row = 0; row < s.rows; ++row) {
    const T* const h_before = s.outputs_before + row * units;
    T* const h = s.outputs + row * units;
    if (s.real != nullptr && s.real[row * s.real_pitch] == 0) {
      std::copy_n(h_before, units, h);
      continue;
    }
    T* const gates = s.gates + row * 3 * units;
    const T* const recurrent = s.recurrent + row * units;
    for_each_long_vector<T>(units, [&](Index u, const auto& some) {
      T* const at = gates + u;
      const auto r = logistic(some.load(at));
      const auto z = logistic(some.load(at + units));
      const auto n = hyperbolic_tangent(some.load(at + 2 * units) +
                                        rounded_product(r, some.load(recurrent + u)));
      some.store(r, at);
      some.store(z, at + units);
      some.store(n, at + 2 * units);
      some.store(rounded_product(T(1) - z, n) + rounded_product(z, some.load(h_before + u)), h + u);
    });
  }
}

/// The gradients of the gates' sums, and what of the output's goes past the products with the
/// weights, which are added to it.
template <class T>
void gru_step_backward(const GruStepBackward<T>& s) {
  const Index units = s.units;
  for (Index row = 0; row < s.rows; ++row) {
    T* const dh = s.output_gradients + row * units;
    T* const dgates = s.gate_gradients + row * 3 * units;
    T* const drecurrent = s.recurrent_gradients + row * units;
    const T* const dy = s.dy == nullptr ? nullptr : s.dy + row * s.dy_pitch;
    if (s.real != nullptr && s.real[row * s.real_pitch] == 0) {
      std::fill_n(dgates, 3 * units, T(0));
      std::fill_n(drecurrent, units, T(0));
      for (Index u = 0; dy != nullptr && u < units; ++u) dh[u] += dy[u];
      continue;
    }
    const T* const gates = s.gates + row * 3 * units;
    const T* const recurrent = s.recurrent + row * units;
    const T* const h_before = s.outputs_before + row * units;
    for_each_long_vector<T>(units, [&](Index u, const auto& some) {
      const auto r = some.load(gates + u);
      const auto z = some.load(gates + units + u);
      const auto n = some.load(gates + 2 * units + u);
      auto output = some.load(dh + u);
      if (dy != nullptr) output += some.load(dy + u);
      const auto dn = output * (T(1) - z) * (T(1) - rounded_product(n, n));
      some.store(dn * some.load(recurrent + u) * (r * (T(1) - r)), dgates + u);
      some.store(output * (some.load(h_before + u) - n) * (z * (T(1) - z)), dgates + units + u);
      some.store(dn, dgates + 2 * units + u);
      some.store(dn * r, drecurrent + u);
      some.store(output * z, dh + u);
    });
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif
