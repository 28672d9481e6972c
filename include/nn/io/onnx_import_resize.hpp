/// @file
/// ONNX nodes that enlarge images, as layers.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "nn/io/onnx_import_chain.hpp"
#include "nn/layers/bilinear.hpp"
#include "nn/layers/pixel_shuffle.hpp"
#include "nn/layers/upsample2d.hpp"

namespace nn::detail {

/// The whole factors by which an image grows, given as such or by the extents it gets.
[[nodiscard]] inline Extent2D growth(const OnnxNode& node, const ImportedChain& chain) {
  const auto given = [&](int index) {
    return node.has_input(index) && !node.constant(index).values.empty();
  };
  const bool by_sizes = given(3);
  node.expect(by_sizes != given(2), "either scales or sizes have to be given");
  std::vector<double> factors = node.constant(by_sizes ? 3 : 2, 1).values;
  node.expect(factors.size() == 4, "only images are supported");
  if (by_sizes) {
    node.expect(factors[1] == static_cast<double>(chain.shape[2]) &&
                    (chain.batch == 0 || factors[0] == static_cast<double>(chain.batch)),
                "only height and width can be scaled");
    factors[0] = factors[1] = 1;
    factors[2] /= static_cast<double>(chain.shape[0]);
    factors[3] /= static_cast<double>(chain.shape[1]);
  }
  node.expect(factors[0] == 1 && factors[1] == 1, "only height and width can be scaled");
  for (const double factor : factors) {
    node.expect(factor >= 1 && factor <= OnnxNode::largest_extent && factor == std::floor(factor),
                "only whole factors are supported, and one is ", factor);
  }
  return {static_cast<Index>(factors[2]), static_cast<Index>(factors[3])};
}

inline void import_resize(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"antialias", "coordinate_transformation_mode", "cubic_coeff_a",
                          "exclude_outside", "extrapolation_value", "mode", "nearest_mode"});
  expect_image(node, chain);
  const std::string mode = node.word("mode", "nearest");
  node.expect(mode == "nearest" || mode == "linear", "only modes 'nearest' and 'linear' are ",
              "supported");
  const std::string place = node.word("coordinate_transformation_mode", "half_pixel");
  if (mode == "linear") {
    // Both kinds of half pixels differ for outputs of one pixel only.
    const bool is_half = place == "half_pixel" || place == "pytorch_half_pixel";
    node.expect(is_half || place == "align_corners", "the mode '", place,
                "' is not supported with 'linear'");
    return chain.append(
        BilinearUpSample2D{.factor = growth(node, chain), .align_corners = !is_half});
  }
  const std::string rounding = node.word("nearest_mode", "round_prefer_floor");
  // By a whole factor, both put the same pixel into the whole block.
  const bool is_block = (place == "asymmetric" && rounding == "floor") ||
                        (place == "half_pixel" && rounding.starts_with("round_prefer"));
  node.expect(is_block, "the modes '", place, "' and '", rounding, "' are not supported together");
  chain.append(UpSample2D{growth(node, chain)});
}

inline void import_depth_to_space(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"blocksize", "mode"});
  expect_image(node, chain);
  node.expect(node.word("mode", "DCR") == "CRD", "only mode 'CRD' is supported");
  const Index factor = node.integer("blocksize", 0);
  node.expect(factor > 0 && factor <= OnnxNode::largest_extent, "a blocksize of ", factor);
  chain.append(PixelShuffle{factor});
}

}  // namespace nn::detail
