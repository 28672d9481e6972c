/// @file
/// Branches of an ONNX graph that meet, as one layer.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/onnx_import_chain.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/concat.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/sequential.hpp"
#include "nn/layers/squeeze_excitation.hpp"

namespace nn::detail {

/// x * Sigmoid(x).
[[nodiscard]] inline bool is_silu(const std::vector<ImportedChain>& branches) {
  if (branches.size() != 2) return false;
  const bool first = branches[0].layers.empty();
  const auto& other = branches[first ? 1 : 0].layers;
  return (first || branches[1].layers.empty()) && other.size() == 1 &&
         other[0].layer.get_if<Sigmoid>() != nullptr;
}

/// A branch as one layer; its weights are put among those of the layer that has the branches.
[[nodiscard]] inline AnyLayer gather_branch(ImportedChain branch, const std::string& prefix,
                                            std::map<std::string, OnnxConstant>& weights) {
  if (branch.layers.empty()) return Identity{};
  Sequential<AnyLayer> layers;
  for (std::size_t i = 0; i < branch.layers.size(); ++i) {
    for (auto& [name, constant] : branch.layers[i].weights) {
      weights[prefix + std::to_string(i) + "." + name] = std::move(constant);
    }
    layers.push_back(branch.layers[i].layer);
  }
  return layers;
}

/// The product of a value and of what a branch makes of it: one number for each channel, which
/// images have as pixels of a size of 1 x 1.
inline void append_product(const OnnxNode& node, std::vector<ImportedChain>& branches,
                           ImportedChain& chain) {
  if (is_silu(branches)) return chain.append(SiLU{});
  const bool two = branches.size() == 2;
  const bool first = two && branches[0].layers.empty();
  node.expect(two && (first || branches[1].layers.empty()),
              "of products only those of a value and of what one branch makes of it are supported");
  ImportedChain& gate = branches[first ? 1 : 0];
  const Shape& shape = chain.shape;
  const bool fits = shape.rank() == 3 ? gate.shape == Shape{1, 1, shape[2]}
                                      : shape.rank() == 1 && gate.shape == shape;
  node.expect(fits && !chain.channels_last, "samples of ", shape, " times ", gate.shape,
              "; only one number for each channel is supported");
  if (shape.rank() == 3) gate.append(Flatten{});
  std::map<std::string, OnnxConstant> weights;
  const AnyLayer layer = gather_branch(std::move(gate), "0.", weights);
  chain.append(ChannelGate<AnyLayer>(layer), std::move(weights));
}

template <std::size_t... I>
AnyLayer make_concat(const std::vector<AnyLayer>& branches, std::index_sequence<I...> /*all*/) {
  return Concat(branches[I]...);
}
[[nodiscard]] inline AnyLayer concat_of(const OnnxNode& node,
                                        const std::vector<AnyLayer>& branches) {
  switch (branches.size()) {
    case 2:
      return make_concat(branches, std::make_index_sequence<2>{});
    case 3:
      return make_concat(branches, std::make_index_sequence<3>{});
    case 4:
      return make_concat(branches, std::make_index_sequence<4>{});
    case 5:
      return make_concat(branches, std::make_index_sequence<5>{});
    case 6:
      return make_concat(branches, std::make_index_sequence<6>{});
    case 7:
      return make_concat(branches, std::make_index_sequence<7>{});
    case 8:
      return make_concat(branches, std::make_index_sequence<8>{});
    default:
      node.refuse("it joins ", branches.size(), " branches; at most 8 are supported");
  }
}

}  // namespace nn::detail
