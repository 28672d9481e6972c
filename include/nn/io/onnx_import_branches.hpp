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

namespace nn::detail {

/// x * Sigmoid(x).
[[nodiscard]] inline bool is_silu(const std::vector<ImportedChain>& branches) {
  if (branches.size() != 2) return false;
  const bool first = branches[0].layers.empty();
  const auto& other = branches[first ? 1 : 0].layers;
  return (first || branches[1].layers.empty()) && other.size() == 1 &&
         other[0].layer.get_if<Sigmoid>() != nullptr;
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

}  // namespace nn::detail
