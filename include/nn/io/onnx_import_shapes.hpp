/// @file
/// ONNX nodes that change the shape of samples or the order of their axes, as layers.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "nn/io/channels_last.hpp"
#include "nn/io/onnx_import_chain.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/swap_axes.hpp"

namespace nn::detail {

/// Gives samples other extents, in the file's order of elements.
inline void give_extents(const OnnxNode& node, ImportedChain& chain,
                         const std::vector<Index>& extents) {
  if (extents == extents_of(chain)) return;
  const Shape shape = chain.shape;
  node.expect(checked_count(extents) == shape.size(), "samples of ", shape, " do not fit");
  // With one channel, or one pixel, both orders of the elements are the same.
  const auto one_order = [](const Shape& image) {
    return image.rank() != 3 || image[2] == 1 || image[0] * image[1] == 1;
  };
  if (shape.rank() == 3 && extents.size() == 3 && one_order(shape)) {
    // Where only the channel changes its place, this is a Transpose.
    const bool turned = !chain.channels_last;
    if (sample_shape(extents, turned) == shape) {
      chain.channels_last = turned;
      return;
    }
  }
  const bool was_last = chain.channels_last;
  chain.channels_last = extents.size() == 3 && chain.makes_channels_last;
  const Shape target = sample_shape(extents, chain.channels_last);
  if (shape.rank() == 3 && was_last && !one_order(shape)) {
    node.expect(target.rank() == 1, "images with the channel last can only be made flat");
    chain.append(FlattenChannelsLast{});
    return;
  }
  if (target.rank() == 1) return chain.append(Flatten{});
  if (chain.channels_last && !one_order(target)) {
    if (shape.rank() != 1) chain.append(Flatten{});
    return chain.append(ReshapeChannelsLast{target});
  }
  chain.append(Reshape{target});
}

inline void import_flatten(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"axis"});
  const Index axis = node.axis(1, chain.shape.rank() + 1);
  node.expect(axis == 1, "only axis 1 is supported");
  give_extents(node, chain, {chain.shape.size()});
}

inline void import_reshape(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"allowzero", "shape"});
  node.expect(node.integer("allowzero", 0) == 0, "allowzero is not supported");
  auto target = node.has_input(1) ? node.whole_numbers(1) : node.integers("shape", {});
  node.expect(target.size() > 1 && target.size() <= 5, "a shape of ", target.size(), " axes");
  // To rows and back, as BatchNormalization of the last of several axes is written.
  const Index rank = chain.shape.rank();
  if (rank != 1 && rank != 3 && !chain.has_rows &&
      target == std::vector<Index>{-1, chain.shape.back()} && chain.shape.size() != target[1]) {
    chain.has_rows = true;
    return;
  }
  if (chain.batch > 0 && target[0] == chain.batch) target[0] = 0;
  const bool keeps_batch = target[0] == 0 || target[0] == -1;
  node.expect(keeps_batch, "only the shape of samples can change, and the first extent is ",
              target[0]);
  const std::vector<Index> old = extents_of(chain);
  std::vector<Index> extents;
  Index known = 1;
  for (std::size_t i = 1; i < target.size(); ++i) {
    if (target[i] == 0) {
      node.expect(i <= old.size(), "extent ", i, " is to be copied, and there is none");
      target[i] = old[i - 1];
    }
    node.expect(target[i] >= -1 && target[i] <= nn::detail::at_most(std::uint64_t{1} << 31U),
                "an extent of ", target[i]);
    if (target[i] > 0) {
      known = std::min(known * target[i],
                       nn::detail::at_most(std::uint64_t{1} << 31U));  // more does not fit anyway
    }
    extents.push_back(target[i]);
  }
  const auto open = std::find(extents.begin(), extents.end(), -1);
  if (open != extents.end()) {
    node.expect(target[0] == 0, "two extents are left open");
    node.expect(chain.shape.size() % known == 0, "samples of ", chain.shape, " do not fit");
    *open = chain.shape.size() / known;
    node.expect(std::find(extents.begin(), extents.end(), -1) == extents.end(),
                "two extents are left open");
  }
  if (chain.has_rows) {
    node.expect(target[0] == -1 && extents == old, "rows can only be put together as ", chain.shape,
                ", which they were taken from");
    chain.has_rows = false;
    return;
  }
  give_extents(node, chain, extents);
}

/// Takes axes of extent 1 away.
inline void import_squeeze(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"axes"});
  std::vector<Index> extents = extents_of(chain);
  const auto axes = named_axes(node, static_cast<Index>(extents.size()) + 1);
  node.expect(!axes.empty(), "it has to say which axes");
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    node.expect(*axis > 0, "the axis of the samples cannot be taken away");
    const auto position = extents.begin() + (*axis - 1);
    node.expect(*position == 1, "axis ", *axis, " has the extent ", *position);
    extents.erase(position);
  }
  node.expect(!extents.empty(), "a sample has to keep an axis");
  give_extents(node, chain, extents);
}

/// Adds axes of extent 1.
inline void import_unsqueeze(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"axes"});
  std::vector<Index> extents = extents_of(chain);
  const std::size_t added =
      node.has_input(1) ? node.whole_numbers(1).size() : node.integers("axes", {}).size();
  node.expect(added > 0 && extents.size() + added <= 4, "it adds ", added, " axes to samples of ",
              chain.shape);
  for (const Index axis : named_axes(node, static_cast<Index>(extents.size() + added) + 1)) {
    node.expect(axis > 0, "no axis can be put before that of the samples");
    extents.insert(extents.begin() + (axis - 1), 1);
  }
  give_extents(node, chain, extents);
}

/// Puts the channels of images last, or first again.
inline void import_transpose(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"perm"});
  const auto permutation = node.integers("perm", {});
  if (permutation.size() == static_cast<std::size_t>(chain.shape.rank()) + 1 &&
      std::is_sorted(permutation.begin(), permutation.end())) {
    return;
  }
  if (chain.shape.rank() == 2 && permutation == std::vector<Index>{0, 2, 1}) {
    return chain.append(SwapAxes{});
  }
  const std::vector<Index> wanted =
      chain.channels_last ? std::vector<Index>{0, 3, 1, 2} : std::vector<Index>{0, 2, 3, 1};
  node.expect(chain.shape.rank() == 3 && permutation == wanted,
              "only putting the channels of images last, or first again, and exchanging "
              "the two axes of sequences are supported");
  chain.channels_last = !chain.channels_last;
}

}  // namespace nn::detail
