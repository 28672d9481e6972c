/// @file
/// A model in the form in which it predicts fastest.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "nn/core/rounding.hpp"
#include "nn/train/model.hpp"
#include "nn/train/prediction_parts.hpp"

namespace nn {

namespace detail {

/// A BatchNorm that goes into the layer before it: the numbers of both in a model (Plan::number).
struct Fold {
  Index normalization;
  Index product;
};

/// The layer below `plan`, or itself, whose product is what `plan` puts out; null when something
/// else comes after it.
[[nodiscard, gnu::cold]] inline Plan* last_product(Plan& plan) {
  if (plan.traits.is_product) return &plan;
  if (plan.buffer_sizes.empty()) return nullptr;  // no chain
  for (auto child = plan.children.rbegin(); child != plan.children.rend(); ++child) {
    if (!child->traits.view) return last_product(*child);
  }
  return nullptr;
}

/// Whether each output of the product belongs to one channel of the normalisation.
[[nodiscard, gnu::cold]] inline bool channels_fit(const Plan& product, const Plan& normalization) {
  const Index channels = normalization.input.back();
  const Index outputs = product.output.back();
  return product.parameters.front().axes == Axes::dense ? outputs % channels == 0
                                                        : outputs == channels;
}

/// Takes out of the plan each BatchNorm that can go into the convolution or dense layer before it,
/// with nothing but changes of shape between, and gives that layer a bias. Tells them in the order
/// in which they have to be worked in.
[[gnu::cold]] inline void fold_normalizations(Plan& plan, std::vector<Fold>& folds) {
  for (Plan& child : plan.children) fold_normalizations(child, folds);
  if (plan.buffer_sizes.empty()) return;  // layers side by side
  Plan* product = nullptr;
  bool changed = false;
  for (Plan& child : plan.children) {
    const bool folds_here =
        child.traits.channel_epsilon > 0 && product != nullptr && channels_fit(*product, child);
    if (folds_here) {
      folds.push_back({child.number, product->number});
      child.parameters.clear();
      child.state.clear();
      child.folded = true;
      child.traits = {.in_place = true, .view = true, .reads_output = false};
      if (product->parameters.size() == 1) {
        product->parameters.push_back({"bias", {product->output.back()}, zeros(), false});
      }
      changed = true;
    } else if (!child.traits.view) {
      product = last_product(child);
    }
  }
  if (changed) assign_buffers(plan);
}

/// All layers by their numbers.
[[nodiscard, gnu::cold]] inline std::vector<const Plan*> layers_of(const Plan& root) {
  std::vector<const Plan*> layers;
  Plan::for_each(root, [&layers](const Plan& plan) { layers.push_back(&plan); });
  return layers;
}

/// One of a BatchNorm's parameters, in double, or `otherwise` where it has none of this name.
template <class T>
[[nodiscard, gnu::cold]] double parameter_or(const Plan& plan, const T* block, const char* name,
                                             Index channel, double otherwise) {
  for (const Variable& variable : plan.parameters) {
    if (variable.name == name) return static_cast<double>(block[variable.offset + channel]);
  }
  return otherwise;
}

/// Multiplies the weights of `product` by the factors of the normalisation, and moves its bias:
/// with factor = scale / sqrt(variance + epsilon), w' = w * factor and b' = (b - mean) * factor +
/// shift, in double, rounded once at the end.
template <class T>
[[gnu::cold]] void fold_weights(const Plan& normalization, const T* old_parameters,
                                const T* old_state, const Plan& product, T* parameters) {
  const Variable& weight = product.parameters[0];
  const Variable& bias = product.parameters[1];
  const Index outputs = bias.shape.size();
  const Index channels = normalization.input.back();
  std::vector<double> factors;
  for (Index output = 0; output < outputs; ++output) {
    const Index channel = output % channels;
    const auto state = [&](std::size_t index) {
      return static_cast<double>(old_state[normalization.state[index].offset + channel]);
    };
    const double deviation =
        std::sqrt(state(1) + static_cast<double>(normalization.traits.channel_epsilon));
    const double factor =
        parameter_or(normalization, old_parameters, "scale", channel, 1.0) / deviation;
    const double shift = parameter_or(normalization, old_parameters, "shift", channel, 0.0);
    T& b = parameters[bias.offset + output];
    b = static_cast<T>(detail::product(static_cast<double>(b) - state(0), factor) + shift);
    factors.push_back(factor);
  }
  // Weights of transposed convolutions are KH x KW x outputs of a group x inputs; of others the
  // outputs are the last axis.
  const bool transposed = weight.axes == Axes::transposed_convolution;
  const Index last = weight.shape.back();
  const Index group_outputs = transposed ? weight.shape[2] : outputs;
  const Index group_inputs = transposed ? last / (outputs / group_outputs) : 1;
  for (Index i = 0; i < weight.shape.size(); ++i) {
    const Index output =
        transposed ? i % last / group_inputs * group_outputs + i / last % group_outputs : i % last;
    T& w = parameters[weight.offset + i];
    w = static_cast<T>(static_cast<double>(w) * factors[static_cast<std::size_t>(output)]);
  }
}

/// Copies what the layers of both plans have in common from block to block.
template <class T>
[[gnu::cold]] void copy_variables(const std::vector<Variable>& from, const T* source,
                                  const std::vector<Variable>& to, T* target) {
  for (std::size_t i = 0; i < std::min(from.size(), to.size()); ++i) {
    std::copy_n(source + from[i].offset, from[i].shape.size(), target + to[i].offset);
  }
}

}  // namespace detail

/// The same model, only for predicting: where a BatchNorm follows a convolution or a dense layer,
/// with nothing but changes of shape between, its factors go into their weights and its shift into
/// their bias, and an activation after it is applied as the layer writes its result. So nothing of
/// the BatchNorm is left to compute. Weights stay packed, as the kernels multiply by them, from one
/// prediction to the next of so many samples: as much memory again, and four times as much for 3x3
/// convolutions. A large batch goes through the first layers part by part. Outputs are those of
/// `model` but for rounding, about 1e-6 of their size in float; they are the same bits for the same
/// model, whatever the processor. `model` stays as it is, and later changes of its weights do not
/// reach its inference form; to change the form's own, ask it for `parameters()` anew each time.
///
///     const nn::Model fast = nn::inference_form(model);
///     fast.predict(images);
///
/// It takes no training passes (`forward` throws), and is not saved: save the model it is made of.
template <Layer Network, class T>
[[nodiscard, gnu::cold]] Model<Network, T> inference_form(const Model<Network, T>& model) {
  Plan plan = model.plan();
  std::vector<detail::Fold> folds;
  detail::fold_normalizations(plan, folds);
  detail::find_leading_layers(plan);
  Plan::for_each(plan, [](Plan& layer) {
    layer.keeps_packed_weights = layer.traits.is_product && layer.children.empty();
  });
  Model<Network, T> folded(std::move(plan), model.network(), model.seed());
  folded.prediction_ = detail::prediction_in_parts<Network, T>(folded.plan_);
  const std::vector<const Plan*> from = detail::layers_of(model.plan());
  const std::vector<const Plan*> to = detail::layers_of(folded.plan());
  for (std::size_t i = 0; i < from.size(); ++i) {
    detail::copy_variables<T>(from[i]->parameters, model.parameters().data(), to[i]->parameters,
                              folded.parameters().data());
    detail::copy_variables<T>(from[i]->state, model.state().data(), to[i]->state,
                              folded.state().data());
  }
  for (const detail::Fold& fold : folds) {
    detail::fold_weights<T>(*from[static_cast<std::size_t>(fold.normalization)],
                            model.parameters().data(), model.state().data(),
                            *to[static_cast<std::size_t>(fold.product)],
                            folded.parameters().data());
  }
  return folded;
}

}  // namespace nn
