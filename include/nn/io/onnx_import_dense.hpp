/// @file
/// ONNX nodes that multiply by a matrix, add a bias or change a shape, as layers.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/flatten_channels_first.hpp"
#include "nn/io/onnx_import_chain.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/conv_transpose2d.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"

namespace nn::detail {

/// y = alpha * x B + beta * C.
inline void import_gemm(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"alpha", "beta", "broadcast", "transA", "transB"});
  node.expect(node.integer("transA", 0) == 0, "transA is not supported");
  node.expect(chain.shape.rank() == 1, "it gets samples of ", chain.shape, " instead of flat ones");
  OnnxConstant weight = node.constant(1, 2);
  const double alpha = static_cast<double>(node.number("alpha", 1));
  const double beta = static_cast<double>(node.number("beta", 1));
  const bool transposed = node.integer("transB", 0) != 0;
  const Index inputs = weight.extents[transposed ? 1 : 0];
  const Index outputs = weight.extents[transposed ? 0 : 1];
  node.expect(inputs == chain.shape[0], "weights for ", inputs, " inputs, and samples of ",
              chain.shape);
  OnnxConstant stored{{outputs, inputs}, std::vector<double>(weight.values.size())};
  for (Index i = 0; i < inputs; ++i) {
    for (Index o = 0; o < outputs; ++o) {
      const Index from = transposed ? o * inputs + i : i * outputs + o;
      stored.values[static_cast<std::size_t>(o * inputs + i)] =
          alpha * weight.values[static_cast<std::size_t>(from)];
    }
  }
  std::map<std::string, OnnxConstant> weights{{"weight", std::move(stored)}};
  const bool has_bias = node.has_input(2);
  if (has_bias) {
    const OnnxConstant given = node.constant(2);
    const auto count = static_cast<Index>(given.values.size());
    node.expect(count == 1 || (count == outputs && given.extents.back() == outputs), "a bias of ",
                count, " elements for ", outputs, " outputs");
    OnnxConstant bias{{outputs}, {}};
    for (Index o = 0; o < outputs; ++o) {
      bias.values.push_back(beta * given.values[static_cast<std::size_t>(count == 1 ? 0 : o)]);
    }
    weights["bias"] = std::move(bias);
  }
  chain.append(Dense{.units = outputs, .bias = has_bias}, std::move(weights));
}

/// x B, which an Add after it gives a bias.
inline void import_mat_mul(const OnnxNode& node, ImportedChain& chain) {
  node.expect(!node.has_input(2), "it has more than two inputs");
  import_gemm(node, chain);
}

/// A constant added to what a dense layer or a convolution without bias gives.
inline void import_bias(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({});
  const OnnxConstant constant = node.constant(1 - node.variable_index());
  node.expect(!chain.layers.empty(), "a constant is added to the input, which is not supported");
  ImportedLayer& last = chain.layers.back();
  const Index channels = chain.shape.back();
  const bool is_image = chain.shape.rank() == 3;
  const auto count = static_cast<Index>(constant.values.size());
  const std::size_t position = constant.extents.size() - (is_image ? 3 : 1);
  node.expect(count == channels && position < constant.extents.size() &&
                  constant.extents[position] == channels,
              "only a constant with one element a channel can be added");
  if (const Dense* dense = last.layer.get_if<Dense>(); dense != nullptr && !dense->bias) {
    last.layer = Dense{.units = dense->units};
  } else if (const Conv2D* conv = last.layer.get_if<Conv2D>(); conv != nullptr && !conv->bias) {
    Conv2D biased = *conv;
    biased.bias = true;
    last.layer = biased;
  } else {
    node.refuse("a constant can only be added to what a dense layer or a convolution gives");
  }
  last.weights["bias"] = {{channels}, constant.values};
}

inline void import_flatten(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"axis"});
  const Index axis = node.axis(1, chain.shape.rank() + 1);
  node.expect(axis == 1, "only axis 1 is supported");
  if (chain.shape.rank() != 1) chain.append(Flatten{});
}

/// ONNX's extents of a sample as a shape here: images have the channel last.
[[nodiscard]] inline Shape sample_shape(const std::vector<Index>& extents) {
  if (extents.size() == 3) return {extents[1], extents[2], extents[0]};
  Shape shape;
  for (const Index extent : extents) shape.push_back(extent);
  return shape;
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
  std::vector<Index> old;
  if (chain.shape.rank() == 3) {
    old = {chain.shape[2], chain.shape[0], chain.shape[1]};
  } else {
    for (Index axis = 0; axis < chain.shape.rank(); ++axis) old.push_back(chain.shape[axis]);
  }
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
  const Shape shape = sample_shape(extents);
  if (chain.has_rows) {
    node.expect(target[0] == -1 && shape == chain.shape, "rows can only be put together as ",
                chain.shape, ", which they were taken from");
    chain.has_rows = false;
    return;
  }
  if (shape == chain.shape) return;
  if (shape.rank() == 1)
    chain.append(Flatten{});
  else
    chain.append(Reshape{shape});
}

/// Channels are put last for one reason here: to make the image flat in that order.
inline void import_transpose(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"perm"});
  node.expect(
      chain.shape.rank() == 3 && node.integers("perm", {}) == std::vector<Index>{0, 2, 3, 1},
      "only putting the channels of images last is supported");
  chain.channels_last = true;
}

}  // namespace nn::detail
