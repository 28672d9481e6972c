/// @file
/// Batch normalisation.
#pragma once

#include <cmath>

#include "nn/core/rounding.hpp"
#include "nn/layers/batch_statistics.hpp"

namespace nn {

/// Normalises each channel (the last axis: a feature of flat samples, a channel of images) by its
/// mean and variance over the batch and all pixels (Ioffe and Szegedy, "Batch normalization:
/// accelerating deep network training by reducing internal covariate shift", 2015):
///
///     y = scale * (x - mean) / sqrt(variance + epsilon) + shift
///
/// with learned `scale` and `shift`, unless switched off. The variance is the biased one. A
/// training pass moves the running statistics towards those of the batch,
///
///     running = (1 - momentum) * running + momentum * batch's,
///
/// where the variance is the unbiased one (momentum and variances as in PyTorch); inference uses
/// the running statistics. A batch with one value a channel leaves the running variance alone. A
/// layer that is frozen (`Model::freeze`) normalises by the running statistics in training passes
/// too, and these stay as they are.
///
/// Means and variances are computed in two passes over pieces of the batch that fit into the
/// nearest cache, and combined by Chan, Golub and LeVeque's formula ("Updating formulae and a
/// pairwise algorithm for computing sample variances", 1979), relative to the batch's
/// first values, so that a mean far from zero costs no accuracy; and in an order that does not
/// depend on the number of threads. Where processes share a batch (`BatchSharing`), they are those
/// of the whole batch: each piece's, put together by the same formula, in double, over the pieces'
/// tree.
struct BatchNorm {
  bool scale = true;      ///< whether to learn a factor for each channel
  bool shift = true;      ///< whether to learn an offset for each channel
  float momentum = 0.1F;  ///< the weight of a new batch in the running statistics
  float epsilon = 1e-5F;  ///< added to the variance

  [[nodiscard]] std::string name() const {
    return detail::text("BatchNorm{", scale ? "" : "no scale", !scale && !shift ? ", " : "",
                        shift ? "" : "no shift", "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("BatchNorm");
    fields.shown("scale", scale);
    fields.shown("shift", shift);
    fields("momentum", momentum);
    fields("epsilon", epsilon);
  }

  /// @throws ShapeError when there is no axis to normalise.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require<ShapeError>(input.rank() > 0 && input.size() > 0, "expects samples with channels, got ",
                        input);
    require(epsilon > 0, "epsilon must be positive, got ", epsilon);
    require(momentum >= 0 && momentum <= 1, "momentum must be in [0, 1], got ", momentum);
    return input;
  }

  [[nodiscard]] std::vector<Variable> parameters(const Shape& input) const {
    std::vector<Variable> variables;
    if (scale) variables.push_back({"scale", {input.back()}, ones(), false});
    if (shift) variables.push_back({"shift", {input.back()}, zeros(), false});
    return variables;
  }

  [[nodiscard]] std::vector<Variable> state(const Shape& input) const {
    return {{"running_mean", {input.back()}, zeros(), false},
            {"running_variance", {input.back()}, ones(), false}};
  }

  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const { return input.size(); }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.gradient_in_place = true,
            .reads_output = false,
            .fuses_activation = true,
            .fuses_activation_gradient = true,
            .whole_batch = true,
            .channel_epsilon = epsilon};
  }

  /// Kept: mean and 1 / deviation.
  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    const detail::BatchLayout layout(plan, batch);
    Memory memory;
    memory.scratch = 3 * bytes_for<T>(layout.width);
    if (training) {
      memory.scratch += bytes_for<T>(layout.width);
      memory.scratch += bytes_for<T>(2 * layout.pieces() * layout.width);
      memory.scratch += bytes_for<double>(plan.pieces * detail::moments_size(layout.channels));
      memory.kept = 2 * bytes_for<T>(layout.channels);
    }
    return memory;
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const detail::BatchLayout layout(*context.plan, x.shape().front());
    Arena scratch = context.scratch;
    T* means = scratch.take<T>(layout.width);
    T* factors = scratch.take<T>(layout.width);
    T* shifts = scratch.take<T>(layout.width);
    if (context.training && context.plan->trainable) {
      Arena kept = context.kept;
      T* mean = kept.take<T>(layout.channels);
      T* inverse_deviation = kept.take<T>(layout.channels);
      T* partial = scratch.take<T>(2 * layout.pieces() * layout.width);
      Index rows = layout.rows;
      if (context.sharing != nullptr) {
        rows = detail::shared_statistics(context, x, means, partial, scratch, mean);
      } else {
        std::copy_n(x.data(), layout.channels, means);
        layout.repeat(means);
        detail::batch_statistics(layout, x.data(), means, partial);
        for (Index c = 0; c < layout.channels; ++c) mean[c] = means[c] + partial[c];
      }
      update_running(context, layout.channels, rows, mean, partial + layout.width);
      invert(layout.channels, partial + layout.width, inverse_deviation);
      std::copy_n(mean, layout.channels, means);
      std::copy_n(inverse_deviation, layout.channels, factors);
    } else {
      std::copy_n(context.state(0).data(), layout.channels, means);
      invert(layout.channels, context.state(1).data(), factors);
    }
    apply_scale(context, layout.channels, factors);
    copy_shifts(context, layout.channels, shifts);
    for (T* values : {means, factors, shifts}) layout.repeat(values);
    layout.for_each_piece([&](Index /*piece*/, Index begin, Index end) {
      detail::normalize(end - begin, layout.width, x.data() + begin, means, factors, shifts,
                        context.activation, y.data() + begin);
    });
  }

  /// With n values a channel and z = (x - mean) / deviation: dshift = sum of dy, dscale = sum of
  /// dy z, dx = scale / deviation * (dy - dshift / n - z * dscale / n). Frozen, it is a product
  /// with constants: dx = scale / deviation * dy.
  ///
  /// An activation behind the layer is part of both loops over the batch and has none of its own,
  /// which would read y and dy and write dy: five reads and writes of each element in place of
  /// eight.
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    const detail::BatchLayout layout(*context.plan, x.shape().front());
    Arena scratch = context.scratch;
    Arena kept = context.kept;
    T* means = scratch.take<T>(layout.width);
    T* factors = scratch.take<T>(layout.width);
    T* slopes = scratch.take<T>(layout.width);
    T* shifts = scratch.take<T>(layout.width);
    if (!context.plan->trainable) {
      if (context.wants_input_gradient) backward_frozen(context, layout, y, dy, factors, dx);
      return;
    }
    T* partial = scratch.take<T>(2 * layout.pieces() * layout.width);
    std::copy_n(kept.take<T>(layout.channels), layout.channels, means);
    const T* inverse_deviation = kept.take<T>(layout.channels);
    std::copy_n(inverse_deviation, layout.channels, factors);
    apply_scale(context, layout.channels, factors);
    copy_shifts(context, layout.channels, shifts);
    for (T* values : {means, factors, shifts}) layout.repeat(values);
    const detail::NormalizedActivation<T> after{factors, shifts, context.activation};
    T* dshift = partial;
    T* dscale = partial + layout.width;
    Index rows = layout.rows;
    if (context.sharing != nullptr) {
      rows = share_gradients(context, x, dy, means, inverse_deviation, after, partial, scratch);
    } else {
      detail::sum_gradients(layout, x.data(), dy.data(), means, after, partial);
      for (Index c = 0; c < layout.channels; ++c) dscale[c] *= inverse_deviation[c];
      hand_over(context, layout, partial);
    }
    if (!context.wants_input_gradient) return;

    const T share = T(1) / static_cast<T>(rows);
    for (Index c = 0; c < layout.channels; ++c) {
      dshift[c] *= share;
      slopes[c] = dscale[c] * share * inverse_deviation[c];
    }
    for (T* values : {dshift, slopes}) layout.repeat(values);
    layout.for_each_piece([&](Index /*piece*/, Index begin, Index end) {
      detail::normalize_backward(end - begin, layout.width, dy.data() + begin, x.data() + begin,
                                 means, factors, dshift, slopes, after, dx.data() + begin);
    });
  }

 private:
  template <class T>
  void backward_frozen(const Context<T>& context, const detail::BatchLayout& layout,
                       TensorView<const T> y, TensorView<const T> dy, T* factors,
                       TensorView<T> dx) const {
    invert(layout.channels, context.state(1).data(), factors);
    apply_scale(context, layout.channels, factors);
    layout.repeat(factors);
    layout.for_each_piece([&](Index /*piece*/, Index begin, Index end) {
      const T* gradients = dy.data() + begin;
      if (!context.activation.is_identity()) {
        detail::activate_backward_elements(end - begin, context.activation, y.data() + begin,
                                           gradients, dx.data() + begin);
        gradients = dx.data() + begin;
      }
      detail::scale_channels(end - begin, layout.width, factors, gradients, dx.data() + begin);
    });
  }

  template <class T>
  void update_running(const Context<T>& context, Index channels, Index all_rows, const T* mean,
                      const T* variance) const {
    T* running_mean = context.new_state(0).data();
    T* running_variance = context.new_state(1).data();
    const T rate = static_cast<T>(momentum);
    const T rows = static_cast<T>(all_rows);
    for (Index c = 0; c < channels; ++c) {
      running_mean[c] += detail::product(rate, mean[c] - running_mean[c]);
    }
    if (all_rows < 2) return;
    for (Index c = 0; c < channels; ++c) {
      const T unbiased = detail::product(variance[c], rows / (rows - 1));
      running_variance[c] += detail::product(rate, unbiased - running_variance[c]);
    }
  }

  template <class T>
  void invert(Index channels, const T* variance, T* inverse_deviation) const {
    for (Index c = 0; c < channels; ++c) {
      inverse_deviation[c] = T(1) / std::sqrt(variance[c] + static_cast<T>(epsilon));
    }
  }

  template <class T>
  void apply_scale(const Context<T>& context, Index channels, T* factors) const {
    if (!scale) return;
    const T* values = context.parameter(0).data();
    for (Index c = 0; c < channels; ++c) factors[c] *= values[c];
  }

  template <class T>
  void copy_shifts(const Context<T>& context, Index channels, T* shifts) const {
    if (shift) {
      std::copy_n(context.parameter(scale ? 1 : 0).data(), channels, shifts);
    } else {
      std::fill_n(shifts, channels, T(0));
    }
  }

  /// The gradients of a batch that processes share: those of the parameters to the blocks of the
  /// pieces, and the sums over the whole batch to `partial`. Returns the rows of the whole batch.
  template <class T>
  [[gnu::cold, gnu::noinline]] Index share_gradients(const Context<T>& context,
                                                     TensorView<const T> x, TensorView<const T> dy,
                                                     const T* means, const T* inverse_deviation,
                                                     const detail::NormalizedActivation<T>& after,
                                                     T* partial, Arena scratch) const {
    BatchSharing& sharing = *context.sharing;
    const Index channels = context.plan->input.back();
    const Index width = detail::BatchLayout::width_of(channels);
    double* const records = scratch.take<double>(sharing.pieces() * 2 * channels);
    for (Index piece = 0; piece < sharing.pieces(); ++piece) {
      const TensorView<const T> samples = detail::piece_of(x, sharing, piece);
      const detail::BatchLayout layout(*context.plan, samples.shape().front());
      detail::sum_gradients(layout, samples.data(), detail::piece_of(dy, sharing, piece).data(),
                            means, after, partial);
      for (Index c = 0; c < channels; ++c) partial[width + c] *= inverse_deviation[c];
      hand_over(detail::context_of_piece(context, piece), layout, partial);
      detail::join_gradients(context, piece);
      for (Index c = 0; c < channels; ++c) {
        records[piece * 2 * channels + c] = static_cast<double>(partial[c]);
        records[piece * 2 * channels + channels + c] = static_cast<double>(partial[width + c]);
      }
    }
    if (!context.wants_input_gradient) return 0;
    sharing.sum_records(records, 2 * channels);
    for (Index c = 0; c < channels; ++c) {
      partial[c] = static_cast<T>(records[c]);
      partial[width + c] = static_cast<T>(records[channels + c]);
    }
    return sharing.samples() * (context.plan->input.size() / channels);
  }

  /// Gives the parameters their gradients: sums[0, channels) and sums[width, width + channels).
  template <class T>
  void hand_over(const Context<T>& context, const detail::BatchLayout& layout,
                 const T* sums) const {
    if (!context.wants_gradients()) return;
    if (scale) hand_over(context, layout.channels, sums + layout.width, context.gradient(0).data());
    if (shift) hand_over(context, layout.channels, sums, context.gradient(scale ? 1 : 0).data());
  }
  template <class T>
  static void hand_over(const Context<T>& context, Index channels, const T* sums, T* gradient) {
    for (Index c = 0; c < channels; ++c) {
      gradient[c] = context.accumulate ? gradient[c] + sums[c] : sums[c];
    }
  }
};

}  // namespace nn
