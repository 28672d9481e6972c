/// @file
/// Layers that are known only at run time as ONNX nodes; see nn/io/onnx_export_layers.hpp.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "nn/io/model_description.hpp"
#include "nn/io/model_file.hpp"
#include "nn/io/onnx_export_layers.hpp"
#include "nn/layers/any_layer.hpp"
#include "nn/layers/masked.hpp"

namespace nn {

namespace detail {

/// A concatenation of `count` branches that are known only at run time.
template <std::size_t... I>
Concat<std::conditional_t<(I >= 0), AnyLayer, void>...> concat_of(std::index_sequence<I...>);
template <std::size_t count>
using ConcatOf = decltype(concat_of(std::make_index_sequence<count>{}));

/// Exports the layer held, if it is one of `Layers`.
template <class... Layers>
std::optional<std::string> write_if_known(OnnxGraph& graph, const AnyLayer& any, const Plan& plan,
                                          const std::string& input) {
  std::optional<std::string> output;
  const auto attempt = [&](const auto* layer) {
    if (layer != nullptr) output = write_onnx(graph, *layer, plan, input);
    return layer != nullptr;
  };
  (void)(attempt(any.get_if<Layers>()) || ...);
  return output;
}

/// Exports the layer held, if it is one of the library's that are known by their type.
inline std::optional<std::string> write_known(OnnxGraph& graph, const AnyLayer& any,
                                              const Plan& plan, const std::string& input) {
  return write_if_known<
      Dense, Conv2D, ConvTranspose2D, MaxPool2D, AveragePool2D, GlobalAveragePool2D, UpSample2D,
      BatchNorm, LayerNorm, Dropout, Flatten, Reshape, ReLU, LeakyReLU, PReLU, ELU, SELU, Clip,
      Sigmoid, Tanh, Softplus, SiLU, GELU, Mish, HardSwish, GatedLinearUnit, Softmax, LogSoftmax,
      GlobalMaxPool2D, AdaptiveAveragePool2D, AdaptiveMaxPool2D, BilinearUpSample2D, PixelShuffle,
      GroupNorm, InstanceNorm, RMSNorm, DropPath, Embedding, LearnedPositions, SinusoidalPositions,
      MeanOverSteps, SwapAxes, LSTM, GRU, MultiHeadAttention, Masked<AnyLayer>,
      ChannelGate<AnyLayer>, Identity, FlattenChannelsFirst, FlattenChannelsLast,
      ReshapeChannelsLast, Sequential<AnyLayer>, Residual<AnyLayer>, Residual<AnyLayer, AnyLayer>,
      Residual<Sequential<AnyLayer>>, Named<AnyLayer>, AnyConcat, ConcatOf<2>, ConcatOf<3>,
      ConcatOf<4>, ConcatOf<5>, ConcatOf<6>, ConcatOf<7>, ConcatOf<8>>(graph, any, plan, input);
}

/// A chain of the layer held, made anew from its description as a loaded model is, so that all
/// types in it are among those of `write_known`: for a block such as transformer_block, which has a
/// type of its own. Empty where the layer does not tell its options, or is none of the library's.
/// @param is_chain set to whether the layer is a chain itself, which is then returned
inline Sequential<AnyLayer> described_again(const AnyLayer& any, const Shape& input,
                                            bool& is_chain) {
  const NetworkDescription description = describe_network(any, input);
  if (description.model.empty()) return Sequential<AnyLayer>();
  try {
    return network_of(description.model, std::numeric_limits<Index>::max() / 2, {}, is_chain)
        .network;
  } catch (const Error&) {
    return Sequential<AnyLayer>();
  }
}

}  // namespace detail

inline std::string write_onnx(OnnxGraph& graph, const AnyLayer& any, const Plan& plan,
                              const std::string& input) {
  auto output = detail::write_known(graph, any, plan, input);
  if (!output) {
    bool is_chain = false;
    const Sequential<AnyLayer> again = detail::described_again(any, plan.input, is_chain);
    if (is_chain) return write_onnx(graph, again, plan, input);
    if (again.length() == 1) output = detail::write_known(graph, again.layers()[0], plan, input);
  }
  require(output.has_value(), plan.name, " (layer ", plan.path,
          ") cannot be expressed in ONNX: it is none of the library's layers");
  return *output;
}

}  // namespace nn
