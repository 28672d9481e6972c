/// @file
/// ONNX nodes that slide a window over an image, or change its extents, as layers.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "nn/io/onnx_import_chain.hpp"
#include "nn/io/onnx_import_sequences.hpp"
#include "nn/io/onnx_import_shapes.hpp"
#include "nn/io/safetensors_file.hpp"
#include "nn/layers/adaptive_pooling.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/conv_transpose2d.hpp"
#include "nn/layers/pooling.hpp"

namespace nn::detail {

/// The rows above and below (or columns left and right) that make the output as large as the input
/// divided by the stride, the larger half first.
[[nodiscard]] inline std::pair<Index, Index> same_lower(Index extent, Index taps, Index dilation,
                                                        Index stride) {
  const Index all = same_padding(extent, span_of(taps, dilation), stride);
  return {all - all / 2, all / 2};
}

/// The padding that a node asks for, together with that of a Pad node before it.
[[nodiscard]] inline Padding import_padding(const OnnxNode& node, ImportedChain& chain,
                                            const Extent2D& window, const Extent2D& stride,
                                            const Extent2D& dilation) {
  const std::string mode = node.word("auto_pad", "NOTSET");
  const Padding before = std::exchange(chain.pending_padding, {}).value_or(Padding{});
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    node.expect(before == Padding{}, "a Pad node before it and auto_pad are not supported");
    if (mode == "SAME_UPPER") return Padding::same();
    const Shape& s = chain.shape;
    const auto [above, below] = same_lower(s[0], window.height, dilation.height, stride.height);
    const auto [left, right] = same_lower(s[1], window.width, dilation.width, stride.width);
    return {above, below, left, right};
  }
  node.expect(mode == "NOTSET" || mode == "VALID", "auto_pad '", mode, "' is not supported");
  auto pads = node.integers("pads", {0, 0, 0, 0});
  if (mode == "VALID") pads = {0, 0, 0, 0};
  node.expect(pads.size() == 4, "pads has ", pads.size(), " numbers; only images are supported");
  for (const Index pad : pads) {
    node.expect(pad >= 0 && pad <= OnnxNode::largest_extent, "pads has the number ", pad);
  }
  return {pads[0] + before.top, pads[2] + before.bottom, pads[1] + before.left,
          pads[3] + before.right};
}

/// Checks an optional kernel_shape against the weights that follow height and width of it.
[[nodiscard]] inline Extent2D kernel_of(const OnnxNode& node, const OnnxConstant& weight) {
  for (const Index extent : {weight.extents[2], weight.extents[3]}) {
    node.expect(extent > 0 && extent <= OnnxNode::largest_extent, "a kernel of ", extent);
  }
  const Extent2D kernel{weight.extents[2], weight.extents[3]};
  node.expect(node.extent("kernel_shape", kernel) == kernel, "kernel_shape is not the weights'");
  return kernel;
}

/// Adds an optional bias, input `index`, to the weights of a layer with `count` outputs.
[[nodiscard]] inline bool take_bias(const OnnxNode& node, int index, Index count,
                                    std::map<std::string, OnnxConstant>& weights) {
  if (!node.has_input(index)) return false;
  OnnxConstant bias = node.constant(index, 1);
  node.expect(bias.extents[0] == count, "a bias of ", bias.extents[0], " elements for ", count,
              " outputs");
  weights["bias"] = std::move(bias);
  return true;
}

inline void import_conv(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"});
  expect_image(node, chain);
  std::map<std::string, OnnxConstant> weights{{"weight", node.constant(1, 4)}};
  const std::vector<Index>& w = weights["weight"].extents;
  Conv2D layer{.filters = w[0],
               .kernel = kernel_of(node, weights["weight"]),
               .stride = node.extent("strides", 1),
               .dilation = node.extent("dilations", 1),
               .groups = node.integer("group", 1)};
  node.expect(layer.groups > 0 && chain.shape[2] % layer.groups == 0 &&
                  chain.shape[2] / layer.groups == w[1],
              "weights for ", w[1], " channels in each of ", layer.groups,
              " groups, and images with ", chain.shape[2]);
  layer.padding = import_padding(node, chain, layer.kernel, layer.stride, layer.dilation);
  layer.bias = take_bias(node, 2, layer.filters, weights);
  chain.append(layer, std::move(weights));
}

inline void import_conv_transpose(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes(
      {"auto_pad", "dilations", "group", "kernel_shape", "output_padding", "pads", "strides"});
  expect_image(node, chain);
  std::map<std::string, OnnxConstant> weights{{"weight", node.constant(1, 4)}};
  const std::vector<Index>& w = weights["weight"].extents;
  node.expect(w[0] == chain.shape[2], "weights for ", w[0], " channels, and images with ",
              chain.shape[2]);
  const Index groups = node.integer("group", 1);
  node.expect(groups > 0 && groups <= w[0], groups, " groups");
  const std::string mode = node.word("auto_pad", "NOTSET");
  node.expect(mode == "NOTSET" || mode == "VALID", "auto_pad '", mode, "' is not supported");
  ConvTranspose2D layer{.filters = w[1] * groups,
                        .kernel = kernel_of(node, weights["weight"]),
                        .stride = node.extent("strides", 1),
                        .dilation = node.extent("dilations", 1),
                        .groups = groups,
                        .output_padding = node.extent("output_padding", 0, 0)};
  node.expect(!chain.pending_padding, "a Pad node before it is not supported");
  layer.padding = import_padding(node, chain, layer.kernel, layer.stride, layer.dilation);
  layer.bias = take_bias(node, 2, layer.filters, weights);
  chain.append(layer, std::move(weights));
}

/// ceil_mode counts a last window that is not filled. More padding does the same, where padding
/// does not take part in the result.
[[nodiscard]] inline Padding fill_last_window(const OnnxNode& node, const Shape& shape,
                                              const Extent2D& window, const Extent2D& stride,
                                              Padding padding) {
  if (node.integer("ceil_mode", 0) == 0 || padding.is_same) return padding;
  const auto missing = [](Index extent, Index taps, Index step) {
    const Index beyond = extent - taps;
    return beyond < 0 ? 0 : (step - beyond % step) % step;
  };
  padding.bottom += missing(shape[0] + padding.top + padding.bottom, window.height, stride.height);
  padding.right += missing(shape[1] + padding.left + padding.right, window.width, stride.width);
  return padding;
}

inline void import_max_pool(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes(
      {"auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"});
  expect_image(node, chain);
  node.expect(node.has_attribute("kernel_shape"), "it has no kernel_shape");
  node.expect(node.extent("dilations", 1) == Extent2D{1}, "dilations are not supported");
  node.expect(!chain.pending_padding, "a Pad node before it is not supported");
  const Extent2D window = node.extent("kernel_shape", 1);
  const Extent2D stride = node.extent("strides", 1);
  const Padding padding = import_padding(node, chain, window, stride, 1);
  chain.append(
      MaxPool2D{window, stride, fill_last_window(node, chain.shape, window, stride, padding)});
}

inline void import_average_pool(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape",
                          "pads", "strides"});
  expect_image(node, chain);
  node.expect(node.has_attribute("kernel_shape"), "it has no kernel_shape");
  node.expect(node.extent("dilations", 1) == Extent2D{1}, "dilations are not supported");
  const Extent2D window = node.extent("kernel_shape", 1);
  const Extent2D stride = node.extent("strides", 1);
  const bool padded = chain.pending_padding.has_value();
  const Padding padding = import_padding(node, chain, window, stride, 1);
  const bool counts = node.integer("count_include_pad", 0) != 0 || padded;
  node.expect(!padded || node.integer("count_include_pad", 0) != 0 ||
                  node.integers("pads", {0, 0, 0, 0}) == std::vector<Index>(4, 0),
              "padding that counts and padding that does not are not supported together");
  const Padding filled = fill_last_window(node, chain.shape, window, stride, padding);
  node.expect(!counts || filled == padding,
              "ceil_mode and padding that counts are not supported "
              "together");
  chain.append(AveragePool2D{window, stride, filled, counts});
}

/// One number for each channel, as an image of one pixel or flat.
template <class L>
void append_global(ImportedChain& chain, bool keeps_image) {
  const Index channels = chain.shape[2];
  chain.append(L{});
  if (keeps_image)
    chain.append(Reshape{{1, 1, channels}});
  else
    chain.channels_last = false;
}

inline void import_global_average_pool(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({});
  expect_image(node, chain);
  append_global<GlobalAveragePool2D>(chain, true);
}

inline void import_global_max_pool(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({});
  expect_image(node, chain);
  append_global<GlobalMaxPool2D>(chain, true);
}

/// The mean over height and width, as some exporters write a global pooling, or over steps.
inline void import_reduce_mean(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"axes", "keepdims", "noop_with_empty_axes"});
  if (chain.shape.rank() == 2) return import_mean_over_steps(node, chain);
  expect_image(node, chain, true);
  const Index height = chain.channels_last ? 1 : 2;
  node.expect(named_axes(node, 4) == std::vector<Index>{height, height + 1},
              "only means over height and width are supported");
  append_global<GlobalAveragePool2D>(chain, node.integer("keepdims", 1) != 0);
}

/// Zeros around an image are left to the node after it.
inline void import_pad(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"mode", "pads", "value"});
  expect_image(node, chain, true);
  node.expect(node.word("mode", "constant") == "constant", "only zeros are supported");
  node.expect(node.number("value", 0) == 0, "only zeros are supported");
  if (node.has_input(2)) {
    for (const double value : node.constant(2).values) {
      node.expect(value == 0, "only zeros are supported");
    }
  }
  node.expect(!node.has_input(3), "axes are not supported");
  const auto pads = node.has_input(1) ? node.whole_numbers(1) : node.integers("pads", {});
  const std::size_t height = chain.channels_last ? 1 : 2;
  const std::size_t channel = chain.channels_last ? 3 : 1;
  node.expect(pads.size() == 8 && pads[0] == 0 && pads[channel] == 0 && pads[4] == 0 &&
                  pads[4 + channel] == 0,
              "only rows and columns can be added");
  for (const Index pad : pads) {
    node.expect(pad >= 0 && pad <= OnnxNode::largest_extent, "pads has the number ", pad);
  }
  // None at all is no padding that counts in the mean of a pooling after it.
  const Padding padding(pads[height], pads[4 + height], pads[height + 1], pads[5 + height]);
  if (padding != Padding{}) chain.pending_padding = padding;
}

}  // namespace nn::detail
