/// @file
/// The rectifier with a learned slope.
#pragma once

#include "nn/core/parallel.hpp"
#include "nn/core/rounding.hpp"
#include "nn/layers/layer.hpp"

namespace nn {

/// y = x for x > 0 and a * x otherwise, with a learned slope a for each channel (the last axis), or
/// one for all (He et al., "Delving deep into rectifiers: surpassing human-level performance on
/// ImageNet classification", 2015). Weight decay leaves the slopes alone, as in the paper: they
/// would tend to 0, which is ReLU. The derivative at 0 is a, as in PyTorch.
struct PReLU {
  bool per_channel = true;  ///< whether each channel has a slope of its own
  float slope = 0.25F;      ///< where the slopes start, as in the paper

  [[nodiscard]] std::string name() const {
    return detail::text("PReLU{", per_channel ? "" : "one slope", "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("PReLU");
    fields.shown("per_channel", per_channel);
    fields("slope", slope);
  }

  /// @throws ShapeError when there are no channels.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require<ShapeError>(input.rank() > 0 && input.size() > 0, "expects samples with channels, got ",
                        input);
    return input;
  }

  [[nodiscard]] std::vector<Variable> parameters(const Shape& input) const {
    return {{"weight", {slopes(input)}, constant(static_cast<double>(slope)), false}};
  }

  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const { return input.size(); }

  /// A slope may become negative in training, so that the output would not tell the input's sign.
  [[nodiscard]] constexpr LayerTraits traits() const { return {.reads_output = false}; }

  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    const Layout layout(slopes(plan.input), batch * plan.input.size());
    return {.scratch =
                bytes_for<T>(layout.width) + bytes_for<T>(training ? layout.partial_sums() : 0)};
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const Layout layout(slopes(context.plan->input), x.size());
    Arena scratch = context.scratch;
    const T* a = repeated_slopes(context, layout, scratch);
    parallel_for_pieces(x.size(), layout.piece, [&](Index begin, Index end) {
      for (Index at = begin; at < end; at += layout.width) {
        const Index count = std::min(layout.width, end - at);
        for (Index i = 0; i < count; ++i) {
          const T value = x[at + i];
          y[at + i] = value > T(0) ? value : a[i] * value;
        }
      }
    });
  }

  /// dx = dy for x > 0 and a * dy otherwise; da = sum of dy * x where x <= 0.
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    const Layout layout(slopes(context.plan->input), x.size());
    Arena scratch = context.scratch;
    const T* a = repeated_slopes(context, layout, scratch);
    if (context.wants_gradients()) {
      T* partial = scratch.take<T>(layout.partial_sums());
      sum_gradients(layout, x, dy, partial);
      T* gradient = context.gradient(0).data();
      for (Index c = 0; c < layout.slopes; ++c) {
        gradient[c] = context.accumulate ? gradient[c] + partial[c] : partial[c];
      }
    }
    if (!context.wants_input_gradient) return;
    parallel_for_pieces(x.size(), layout.piece, [&](Index begin, Index end) {
      for (Index at = begin; at < end; at += layout.width) {
        const Index count = std::min(layout.width, end - at);
        for (Index i = 0; i < count; ++i) {
          const T gradient = dy[at + i];
          dx[at + i] = x[at + i] > T(0) ? gradient : a[i] * gradient;
        }
      }
    });
  }

 private:
  /// A batch is read `width` elements at a time, a multiple of the number of slopes, so that an
  /// element has the same slope in every step and vector registers are full.
  struct Layout {
    Index slopes;
    Index size;   ///< elements of the batch
    Index width;  ///< elements of a step
    Index piece;  ///< elements of a piece of work; a multiple of `width`

    Layout(Index count, Index elements)
        : slopes(count),
          size(elements),
          width(count * std::max<Index>(1, 64 / count)),
          piece(width * std::max<Index>(16, 8192 / width)) {}

    /// A sum for each element of a step, in each piece.
    [[nodiscard]] Index partial_sums() const { return (size + piece - 1) / piece * width; }
  };

  [[nodiscard]] constexpr Index slopes(const Shape& input) const {
    return per_channel ? input.back() : 1;
  }

  template <class T>
  static const T* repeated_slopes(const Context<T>& context, const Layout& layout, Arena& scratch) {
    const T* values = context.parameter(0).data();
    T* repeated = scratch.take<T>(layout.width);
    for (Index i = 0; i < layout.width; ++i) repeated[i] = values[i % layout.slopes];
    return repeated;
  }

  /// partial[0, slopes) = sum of dy * x where x <= 0: each piece by itself, then the pieces in
  /// order.
  template <class T>
  static void sum_gradients(const Layout& layout, TensorView<const T> x, TensorView<const T> dy,
                            T* partial) {
    parallel_for_pieces(layout.size, layout.piece, [&](Index begin, Index end) {
      T* sums = partial + begin / layout.piece * layout.width;
      std::fill_n(sums, layout.width, T(0));
      for (Index at = begin; at < end; at += layout.width) {
        const Index count = std::min(layout.width, end - at);
        for (Index i = 0; i < count; ++i) {
          const T value = x[at + i];
          sums[i] += value > T(0) ? T(0) : detail::product(dy[at + i], value);
        }
      }
      for (Index i = layout.slopes; i < layout.width; ++i) sums[i % layout.slopes] += sums[i];
    });
    for (Index first = layout.width; first < layout.partial_sums(); first += layout.width) {
      for (Index c = 0; c < layout.slopes; ++c) partial[c] += partial[first + c];
    }
  }
};

}  // namespace nn
