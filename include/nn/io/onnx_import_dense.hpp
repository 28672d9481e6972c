/// @file
/// ONNX nodes that multiply by a matrix or add a bias, as layers.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/onnx_import_sequences.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/dense.hpp"

namespace nn::detail {

/// y = alpha * x B + beta * C.
inline void import_gemm(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"alpha", "beta", "broadcast", "transA", "transB"});
  node.expect(node.integer("transA", 0) == 0, "transA is not supported");
  const bool rows = chain.shape.rank() == 2 && node.operation() == "MatMul";
  node.expect(chain.shape.rank() == 1 || rows, "it gets samples of ", chain.shape,
              " instead of flat ones");
  OnnxConstant weight = node.constant(1, 2);
  const double alpha = static_cast<double>(node.number("alpha", 1));
  const double beta = static_cast<double>(node.number("beta", 1));
  const bool transposed = node.integer("transB", 0) != 0;
  const Index inputs = weight.extents[transposed ? 1 : 0];
  const Index outputs = weight.extents[transposed ? 0 : 1];
  node.expect(inputs == chain.shape.back(), "weights for ", inputs, " inputs, and samples of ",
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
  if (import_positions(node, chain)) return;
  node.expect_attributes({});
  std::vector<double> values = channel_values(node, chain, 1 - node.variable_index());
  node.expect(!chain.layers.empty(), "a constant is added to the input, which is not supported");
  ImportedLayer& last = chain.layers.back();
  const Index channels = chain.shape.back();
  values.resize(static_cast<std::size_t>(channels), values.front());
  if (const Dense* dense = last.layer.get_if<Dense>(); dense != nullptr && !dense->bias) {
    last.layer = Dense{.units = dense->units};
  } else if (const Conv2D* conv = last.layer.get_if<Conv2D>(); conv != nullptr && !conv->bias) {
    Conv2D biased = *conv;
    biased.bias = true;
    last.layer = biased;
  } else {
    node.refuse("a constant can only be added to what a dense layer or a convolution gives");
  }
  last.weights["bias"] = {{channels}, std::move(values)};
}

}  // namespace nn::detail
