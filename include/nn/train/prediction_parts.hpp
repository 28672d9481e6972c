/// @file
/// Predictions that go through the first layers of a network by as many samples at a time as the
/// caches have place for.
#pragma once

#include <algorithm>

#include "nn/core/parallel.hpp"
#include "nn/train/model.hpp"

namespace nn::detail {

/// What goes through the caches in a layer, and in those below it, in elements.
struct Traffic {
  Index activations = 0;  ///< that a layer reads and writes of a sample, at the most
  Index weights = 0;      ///< as they are packed
};

/// Winograd's filtering, of 3x3 or 4x4 taps, has up to four numbers for each weight.
[[nodiscard, gnu::cold]] inline Traffic traffic_of(const Plan& plan) {
  Traffic traffic{plan.input.size() + plan.output.size(), 0};
  for (const Variable& variable : plan.parameters) {
    const bool has_taps = variable.shape.rank() == 4 && variable.shape[0] > 1;
    traffic.weights += variable.shape.size() * (has_taps ? 4 : 1);
  }
  for (const Plan& child : plan.children) {
    const Traffic below = traffic_of(child);
    traffic.activations = std::max(traffic.activations, below.activations);
    traffic.weights += below.weights;
  }
  return traffic;
}

/// So many elements should stay in a level-2 cache, besides weights.
inline constexpr Index cached_elements = 256 * 1024;

/// Has the first layers of a chain go through a batch by few samples at a time, as long as a
/// layer's weights, which are then read again for these, are fewer than their activations: in
/// networks for images, all or most of the convolutions.
[[gnu::cold]] inline void find_leading_layers(Plan& plan) {
  if (plan.buffer_sizes.empty()) return;  // no chain
  Index activations = 0;
  for (std::size_t i = 0; i < plan.children.size(); ++i) {
    const Plan& child = plan.children[i];
    const Traffic traffic = traffic_of(child);
    activations = std::max(activations, traffic.activations);
    const Index together = std::max<Index>(1, cached_elements / std::max<Index>(activations, 1));
    if (traffic.weights > together * traffic.activations) break;
    const bool ends_here =
        i + 1 == plan.children.size() || plan.children[i + 1].buffer != child.buffer;
    if (!ends_here || child.buffer == 0) continue;
    plan.leading = static_cast<Index>(i) + 1;
    plan.samples_together = together;
  }
}

/// How many samples go through the first layers at a time: as many in each part but the last.
[[nodiscard]] inline Index samples_together(const Plan& plan, Index batch) {
  const Index most = plan.samples_together * threads();
  if (batch <= 2 * most) return batch;
  const Index parts = (batch + most - 1) / most;
  return (batch + parts - 1) / parts;
}

/// How a model of this plan predicts in parts, or nothing where it does not.
template <class Network, class T>
[[nodiscard]] PredictionPass<Network, T> prediction_in_parts(const Plan& root) {
  PredictionPass<Network, T> pass;
  if constexpr (requires(const Network& network, const Plan& plan) {
                  network.template memory_in_parts<T>(plan, 1, 1);
                }) {
    if (root.leading == 0) return pass;
    pass.memory = [](const Network& network, const Plan& plan, Index batch) {
      const Index together = samples_together(plan, batch);
      return together == batch ? memory_of<T>(network, plan, batch, false)
                               : network.template memory_in_parts<T>(plan, batch, together);
    };
    pass.run = [](const Network& network, const Context<T>& context, TensorView<const T> x,
                  TensorView<T> y) {
      const Index batch = x.shape().front();
      const Index together = samples_together(*context.plan, batch);
      if (together == batch) return run_forward<T>(network, context, x, y);
      if (context.observer != nullptr) tell_before(context, false);
      network.predict_in_parts(context, x, y, together);
      if (context.observer != nullptr) tell_after<T>(context, false, y);
    };
  }
  return pass;
}

}  // namespace nn::detail
