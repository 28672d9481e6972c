/// @file
/// Normalisation of groups of channels within each sample.
#pragma once

#include <algorithm>
#include <cmath>

#include "nn/core/parallel.hpp"
#include "nn/core/rounding.hpp"
#include "nn/kernels/loops.hpp"
#include "nn/layers/layer.hpp"

namespace nn {

/// Normalises each sample by itself, over all pixels (or steps) of each of `groups` groups of
/// neighbouring channels, which are the last axis (Wu and He, "Group normalization", 2018):
///
///     y = scale * (x - mean) / sqrt(variance + epsilon) + shift
///
/// with learned `scale` and `shift`, one of each for every channel, unless switched off. The
/// variance is the biased one. It depends on no other sample, so it suits small batches, and is the
/// same in training and inference.
struct GroupNorm {
  Index groups = 1;       ///< of channels; they have to share them equally
  bool scale = true;      ///< whether to learn a factor for each channel
  bool shift = true;      ///< whether to learn an offset for each channel
  float epsilon = 1e-5F;  ///< added to the variance

  [[nodiscard]] std::string name() const {
    return detail::text("GroupNorm{", groups, scale ? "" : ", no scale", shift ? "" : ", no shift",
                        "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("GroupNorm");
    fields.shown("groups", groups);
    fields.shown("scale", scale);
    fields.shown("shift", shift);
    fields("epsilon", epsilon);
  }

  /// @throws ShapeError when there are no channels that the groups can share.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    require<ShapeError>(input.rank() > 0 && input.size() > 0,
                        "expects samples with a last axis, got ", input);
    require<ShapeError>(groups > 0 && input.back() % groups == 0,
                        "expects as many channels in each of ", groups, " groups, got ",
                        input.back(), " channels");
    require(epsilon > 0, "epsilon must be positive, got ", epsilon);
    return input;
  }

  [[nodiscard]] std::vector<Variable> parameters(const Shape& input) const {
    std::vector<Variable> variables;
    if (scale) variables.push_back({"scale", {input.back()}, ones(), false});
    if (shift) variables.push_back({"shift", {input.back()}, zeros(), false});
    return variables;
  }

  /// Two for the variance and the result; additions do not count.
  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const { return 2 * input.size(); }

  [[nodiscard]] constexpr LayerTraits traits() const {
    return {.reads_output = false, .fuses_activation = true};
  }

  /// Kept: mean and 1 / deviation of every sample and group.
  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    const Layout layout(plan);
    Memory memory{.scratch = bytes_for<T>(batch * arrays * layout.width)};
    if (training) memory.kept = 2 * bytes_for<T>(batch * groups);
    return memory;
  }

  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    const Layout layout(*context.plan);
    const Index batch = x.shape().front();
    Arena kept = context.kept;
    Arena scratch = context.scratch;
    T* all_means = context.training ? kept.take<T>(batch * groups) : nullptr;
    T* all_inverses = context.training ? kept.take<T>(batch * groups) : nullptr;
    T* arrays_of_all = scratch.take<T>(batch * arrays * layout.width);
    const T* scales = scale ? context.parameter(0).data() : nullptr;
    const T* shifts = shift ? context.parameter(scale ? 1 : 0).data() : nullptr;
    parallel_for(batch, [&](Index sample) {
      const T* from = x.data() + sample * layout.size;
      T* zeros = arrays_of_all + sample * arrays * layout.width;
      T* means = zeros + layout.width;
      T* sums = means + layout.width;
      T* factors = sums + layout.width;
      std::fill_n(zeros, 3 * layout.width, T(0));
      detail::add_differences(layout.size, layout.width, from, zeros, sums);
      each_group(layout, sums, [&](Index group, T sum) {
        const T mean = sum / layout.template count<T>(groups);
        for_each_channel(layout, group, [&](Index i, Index) { means[i] = mean; });
        if (all_means != nullptr) all_means[sample * groups + group] = mean;
      });
      std::fill_n(sums, layout.width, T(0));
      detail::add_squares(layout.size, layout.width, from, zeros, means, sums);
      each_group(layout, sums, [&](Index group, T sum) {
        const T variance = sum / layout.template count<T>(groups);
        const T inverse = T(1) / std::sqrt(variance + static_cast<T>(epsilon));
        for_each_channel(layout, group, [&](Index i, Index channel) {
          factors[i] = scales == nullptr ? inverse : inverse * scales[channel];
          sums[i] = shifts == nullptr ? T(0) : shifts[channel];
        });
        if (all_inverses != nullptr) all_inverses[sample * groups + group] = inverse;
      });
      detail::normalize(layout.size, layout.width, from, means, factors, sums, context.activation,
                        y.data() + sample * layout.size);
    });
  }

  /// With z = (x - mean) / deviation and g = dy * scale: dshift = sum over samples and pixels of
  /// dy, dscale = sum of dy z, dx = (g - mean of g - z * mean of g z) / deviation, these means over
  /// a sample's group.
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> /*y*/,
                TensorView<const T> dy, TensorView<T> dx) const {
    const Layout layout(*context.plan);
    const Index batch = x.shape().front();
    Arena kept = context.kept;
    Arena scratch = context.scratch;
    const T* all_means = kept.take<T>(batch * groups);
    const T* all_inverses = kept.take<T>(batch * groups);
    T* arrays_of_all = scratch.take<T>(batch * arrays * layout.width);
    const T* scales = scale ? context.parameter(0).data() : nullptr;
    parallel_for(batch, [&](Index sample) {
      const Index first = sample * layout.size;
      T* sums = arrays_of_all + sample * arrays * layout.width;
      T* products = sums + layout.width;
      T* means = products + layout.width;
      T* inverses = means + layout.width;
      T* factors = inverses + layout.width;
      T* offsets = factors + layout.width;
      T* slopes = offsets + layout.width;
      std::fill_n(sums, 2 * layout.width, T(0));
      for (Index group = 0; group < groups; ++group) {
        for_each_channel(layout, group, [&](Index i, Index channel) {
          means[i] = all_means[sample * groups + group];
          inverses[i] = all_inverses[sample * groups + group];
          factors[i] = scales == nullptr ? T(1) : scales[channel];
        });
      }
      detail::add_gradients(layout.size, layout.width, dy.data() + first, x.data() + first, means,
                            {}, sums, products);
      fold(layout, sums);
      fold(layout, products);
      const Index members = layout.channels / groups;
      for (Index group = 0; group < groups; ++group) {
        T offset = 0;
        T slope = 0;
        for (Index channel = group * members; channel < (group + 1) * members; ++channel) {
          offset += detail::product(factors[channel], sums[channel]);
          slope += detail::product(factors[channel], products[channel]);
        }
        const T inverse = all_inverses[sample * groups + group];
        const T share = T(1) / layout.template count<T>(groups);
        for_each_channel(layout, group, [&](Index i, Index) {
          offsets[i] = share * offset;
          slopes[i] = share * slope * inverse * inverse;
        });
      }
      for (Index channel = 0; channel < layout.channels; ++channel) {
        products[channel] *= inverses[channel];
      }
      if (!context.wants_input_gradient) return;
      T* to = dx.data() + first;
      detail::scale_channels(layout.size, layout.width, factors, dy.data() + first, to);
      detail::normalize_backward(layout.size, layout.width, to, x.data() + first, means, inverses,
                                 offsets, slopes, {}, to);
    });
    if (!context.wants_gradients()) return;
    const Index stride = arrays * layout.width;
    if (scale) add_samples(context, layout, batch, stride, arrays_of_all + layout.width, 0);
    if (shift) add_samples(context, layout, batch, stride, arrays_of_all, scale ? 1 : 0);
  }

 private:
  static constexpr Index arrays = 7;  ///< numbers that a sample needs for each element of a run

  /// A sample is taken in runs of several pixels where these have few channels.
  struct Layout {
    Index size;
    Index channels;
    Index width;  ///< of a run

    explicit Layout(const Plan& plan)
        : size(plan.input.size()),
          channels(plan.input.back()),
          width(channels * std::clamp<Index>(64 / channels, 1, size / channels)) {}

    /// The elements of a group.
    template <class T>
    [[nodiscard]] T count(Index number) const {
      return static_cast<T>(size / number);
    }
  };

  /// Adds what belongs to the same channel to the first of a run.
  template <class T>
  static void fold(const Layout& layout, T* sums) {
    for (Index i = layout.channels; i < layout.width; ++i) sums[i % layout.channels] += sums[i];
  }

  /// Calls visit(group, the sum over its channels).
  template <class T, class Visit>
  void each_group(const Layout& layout, T* sums, const Visit& visit) const {
    fold(layout, sums);
    const Index members = layout.channels / groups;
    for (Index group = 0; group < groups; ++group) {
      T sum = 0;
      for (Index i = group * members; i < (group + 1) * members; ++i) sum += sums[i];
      visit(group, sum);
    }
  }

  /// Calls visit(place in a run, channel) for all places of a group.
  template <class Visit>
  void for_each_channel(const Layout& layout, Index group, const Visit& visit) const {
    const Index members = layout.channels / groups;
    for (Index first = group * members; first < layout.width; first += layout.channels) {
      for (Index i = first; i < first + members; ++i) visit(i, i % layout.channels);
    }
  }

  template <class T>
  static void add_samples(const Context<T>& context, const Layout& layout, Index batch,
                          Index stride, const T* terms, Index index) {
    T* gradient = context.gradient(index).data();
    if (!context.accumulate) std::fill_n(gradient, layout.channels, T(0));
    for (Index sample = 0; sample < batch; ++sample) {
      detail::add_to(layout.channels, terms + sample * stride, gradient);
    }
  }
};

/// GroupNorm with a group for each channel (Ulyanov et al., "Instance normalization: the missing
/// ingredient for fast stylization", 2016).
struct InstanceNorm {
  bool scale = true;      ///< whether to learn a factor for each channel
  bool shift = true;      ///< whether to learn an offset for each channel
  float epsilon = 1e-5F;  ///< added to the variance

  [[nodiscard]] std::string name() const {
    return detail::text("InstanceNorm{", scale ? "" : "no scale", !scale && !shift ? ", " : "",
                        shift ? "" : "no shift", "}");
  }
  [[gnu::cold]] void fields(Fields& fields) {
    fields.layer("InstanceNorm");
    fields.shown("scale", scale);
    fields.shown("shift", shift);
    fields("epsilon", epsilon);
  }
  /// @throws ShapeError when there are no channels.
  [[nodiscard]] constexpr Shape output_shape(const Shape& input) const {
    return groups(input).output_shape(input);
  }
  [[nodiscard]] std::vector<Variable> parameters(const Shape& input) const {
    return groups(input).parameters(input);
  }
  [[nodiscard]] constexpr Index multiply_adds(const Shape& input) const { return 2 * input.size(); }
  [[nodiscard]] constexpr LayerTraits traits() const { return GroupNorm{}.traits(); }

  template <class T>
  [[nodiscard]] Memory memory(const Plan& plan, Index batch, bool training) const {
    return groups(plan.input).memory<T>(plan, batch, training);
  }
  template <class T>
  void forward(const Context<T>& context, TensorView<const T> x, TensorView<T> y) const {
    groups(context.plan->input).forward(context, x, y);
  }
  template <class T>
  void backward(const Context<T>& context, TensorView<const T> x, TensorView<const T> y,
                TensorView<const T> dy, TensorView<T> dx) const {
    groups(context.plan->input).backward(context, x, y, dy, dx);
  }

 private:
  [[nodiscard]] constexpr GroupNorm groups(const Shape& input) const {
    return {input.rank() > 0 ? input.back() : 1, scale, shift, epsilon};
  }
};

}  // namespace nn
