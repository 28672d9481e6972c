/// @file
/// Gated linear units.
#pragma once

#include "nn/core/parallel.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/layer.hpp"
#include "nn/layers/window.hpp"

namespace nn {

/// The last axis is cut into halves a and b, and y = a / (1 + exp(-b)) (Dauphin et al., "Language
/// modeling with gated convolutional networks", 2017); with `swish`, y = a b / (1 + exp(-b))
/// (Shazeer, "GLU variants improve transformer", 2020, SwiGLU). Behind a layer that gives both
/// halves: sequential(Dense{2 * n}, GatedLinearUnit{}).
struct GatedLinearUnit {
  bool swish = false;  ///< whether the gate is SiLU and not a sigmoid

  [[nodiscard]] std::string name() const {
    return swish ? "GatedLinearUnit{swish}" : "GatedLinearUnit{}";
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("GatedLinearUnit");
    fields.shown("swish", swish);
  }

  /// @throws ShapeError when the last axis is not even.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require<ShapeError>(input.rank() > 0 && input.size() > 0 && input.back() % 2 == 0,
                        "expects an even number of features or channels, got ", input);
    return input.with_back(input.back() / 2);
  }

  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const { return input.size() / 2; }
  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    for_each_row(context, y.size(), [&](Index row, Index half) {
      const T* const a = x.data() + row * 2 * half;
      T* const to = y.data() + row * half;
      gate(half, a + half, to);
      for (Index i = 0; i < half; ++i) to[i] *= a[i];
    });
  }

  /// With the gate's value s: da = dy s; db = dy a times the gate's derivative.
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    if (!context.wants_input_gradient) return;
    for_each_row(context, dy.size(), [&](Index row, Index half) {
      const T* const a = x.data() + row * 2 * half;
      const T* const from = dy.data() + row * half;
      T* const da = dx.data() + row * 2 * half;
      T* const db = da + half;
      gate(half, a + half, db);
      for (Index i = 0; i < half; ++i) {
        const T s = db[i];
        const T slope = from[i] * a[i];
        da[i] = from[i] * s;
        db[i] = swish ? slope : slope * (s * (T(1) - s));
      }
      if (swish) detail::map_gradients<T>(detail::SiluFunction{}, half, a + half, db, db);
    });
  }

 private:
  template <class T>
  void gate(Index count, const T* from, T* to) const {
    if (swish) {
      detail::map_values<T>(detail::SiluFunction{}, count, from, to);
    } else {
      detail::map_values<T>(detail::SigmoidFunction{}, count, from, to);
    }
  }

  /// Calls visit(row, width) for the rows of the output, `size` elements in all.
  template <class T, class Visit>
  static void for_each_row(const Context<T>& context, Index size, const Visit& visit) {
    const Index half = context.plan->output.back();
    parallel_for_pieces(size / half, detail::samples_per_piece(2 * half),
                        [&](Index begin, Index end) {
                          for (Index row = begin; row < end; ++row) visit(row, half);
                        });
  }
};

}  // namespace nn
