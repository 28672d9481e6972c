/// @file
/// ONNX nodes for tokens and sequences of rows, as layers.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/onnx_import_chain.hpp"
#include "nn/io/onnx_import_recurrent.hpp"
#include "nn/layers/embedding.hpp"
#include "nn/layers/masked.hpp"
#include "nn/layers/positions.hpp"

namespace nn::detail {

/// Whether tokens are whole numbers or the same in floating point. Only a Gather may read the
/// former.
inline void import_cast(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"saturate", "to"});
  const Index to = node.integer("to", 0);
  const bool is_whole = to == ::onnx::TensorProto::INT64 || to == ::onnx::TensorProto::INT32;
  node.expect(is_whole || to == ::onnx::TensorProto::FLOAT || to == ::onnx::TensorProto::DOUBLE,
              "the type ", to, " is not supported");
  chain.whole = is_whole;
}

/// The rows of a matrix that tokens ask for; or one of the states that a recurrent layer gives.
inline void import_gather(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"axis"});
  const Index axis = node.integer("axis", 0);
  if (node.variable_index() == 1) {
    node.expect(axis == 0, "only rows of a matrix can be taken, along axis 0");
    node.expect(chain.whole && chain.shape.rank() == 1, "only sequences of whole numbers can say ",
                "which rows, and it gets samples of ", chain.shape);
    OnnxConstant table = node.constant(0, 2);
    const Embedding layer{.tokens = table.extents[0], .features = table.extents[1]};
    chain.whole = false;
    return chain.append(layer, {{"weight", std::move(table)}});
  }
  const OnnxConstant place = node.constant(1);
  node.expect(place.extents.empty(), "only one step can be taken");
  const Index index = node.whole_numbers(1).at(0);
  if (chain.time == TimeAxes::directions_first) {
    node.expect(axis == 0 && chain.directions == 1 && (index == 0 || index == -1),
                "of the last states only those of one direction are supported");
    chain.time = TimeAxes::samples_first;
    return;
  }
  const bool steps = chain.shape.rank() == 2 &&
                     ((chain.time == TimeAxes::samples_first && (axis == 1 || axis == -2)) ||
                      (chain.time == TimeAxes::steps_first && (axis == 0 || axis == -3)));
  node.expect(steps, "only along the axis of steps elements can be taken");
  take_last_state(node, chain, index);
}

/// What is added to each element of a sequence: positions.
[[nodiscard]] inline bool import_positions(const OnnxNode& node, ImportedChain& chain) {
  if (chain.shape.rank() != 2) return false;
  OnnxConstant terms = node.constant(1 - node.variable_index());
  std::vector<Index> extents = terms.extents;
  if (extents.size() == 3 && extents[0] == 1) extents.erase(extents.begin());
  if (extents != std::vector<Index>{chain.shape[0], chain.shape[1]}) return false;
  node.expect_attributes({});
  terms.extents = std::move(extents);
  chain.append(LearnedPositions{}, {{"weight", std::move(terms)}});
  return true;
}

/// The mean over all steps.
inline void import_mean_over_steps(const OnnxNode& node, ImportedChain& chain) {
  node.expect(named_axes(node, 3) == std::vector<Index>{1} && node.integer("keepdims", 1) == 0,
              "of sequences only means over the steps, without their axis, are supported");
  chain.append(MeanOverSteps{});
}

}  // namespace nn::detail
