/// @file
/// ONNX nodes as layers: what each operation becomes, and which of its forms are refused.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/flatten_channels_first.hpp"
#include "nn/io/onnx_node.hpp"
#include "nn/io/safetensors_file.hpp"
#include "nn/layers/activations.hpp"
#include "nn/layers/any_layer.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/concat.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/conv_transpose2d.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/residual.hpp"
#include "nn/layers/softmax.hpp"
#include "nn/layers/upsample2d.hpp"

namespace nn::detail {

/// A layer with its weights, by their names within it, as PyTorch has them (which is ONNX's way).
struct ImportedLayer {
  AnyLayer layer;
  std::map<std::string, OnnxConstant> weights{};
};

/// A chain in the making, and the shape of a sample at its end.
struct ImportedChain {
  std::vector<ImportedLayer> layers;
  Shape shape;
  std::optional<Padding> pending_padding;  ///< by a Pad node, for the node after it
  bool channels_last = false;              ///< whether a Transpose has put the channels last

  void append(AnyLayer layer, std::map<std::string, OnnxConstant> weights = {}) {
    shape = layer.output_shape(shape);
    layers.push_back({std::move(layer), std::move(weights)});
  }
};

inline void expect_image(const OnnxNode& node, const Shape& shape) {
  node.expect(shape.rank() == 3, "only images are supported, and it gets samples of ", shape);
}

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
  expect_image(node, chain.shape);
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
  expect_image(node, chain.shape);
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
  expect_image(node, chain.shape);
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
  expect_image(node, chain.shape);
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

/// The mean over all pixels, as an image of one pixel.
inline void append_global_mean(ImportedChain& chain, bool keeps_image) {
  const Index channels = chain.shape[2];
  chain.append(GlobalAveragePool2D{});
  if (keeps_image) chain.append(Reshape{{1, 1, channels}});
}

inline void import_global_average_pool(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({});
  expect_image(node, chain.shape);
  append_global_mean(chain, true);
}

inline void import_global_max_pool(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({});
  expect_image(node, chain.shape);
  const Extent2D window{chain.shape[0], chain.shape[1]};
  chain.append(MaxPool2D{window, window});
}

/// The mean over height and width, as some exporters write a global pooling.
inline void import_reduce_mean(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"axes", "keepdims"});
  expect_image(node, chain.shape);
  auto axes = node.has_input(1) ? node.whole_numbers(1) : node.integers("axes", {});
  for (Index& axis : axes) axis = axis < 0 ? axis + 4 : axis;
  std::sort(axes.begin(), axes.end());
  node.expect(axes == std::vector<Index>{2, 3}, "only means over height and width are supported");
  append_global_mean(chain, node.integer("keepdims", 1) != 0);
}

inline void import_resize(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside",
                          "extrapolation_value", "mode", "nearest_mode"});
  expect_image(node, chain.shape);
  node.expect(node.word("mode", "nearest") == "nearest", "only mode 'nearest' is supported");
  const std::string place = node.word("coordinate_transformation_mode", "half_pixel");
  const std::string rounding = node.word("nearest_mode", "round_prefer_floor");
  // By a whole factor, both put the same pixel into the whole block.
  const bool is_block = (place == "asymmetric" && rounding == "floor") ||
                        (place == "half_pixel" && rounding.starts_with("round_prefer"));
  node.expect(is_block, "the modes '", place, "' and '", rounding, "' are not supported together");
  node.expect(node.has_input(2) && !node.has_input(3), "only scales are supported");
  const OnnxConstant scales = node.constant(2, 1);
  node.expect(scales.values.size() == 4 && scales.values[0] == 1 && scales.values[1] == 1,
              "only height and width can be scaled");
  for (const double scale : scales.values) {
    node.expect(scale >= 1 && scale <= OnnxNode::largest_extent && scale == std::floor(scale),
                "only whole factors are supported, and one is ", scale);
  }
  chain.append(
      UpSample2D{{static_cast<Index>(scales.values[2]), static_cast<Index>(scales.values[3])}});
}

/// Zeros around an image are left to the node after it.
inline void import_pad(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"mode", "pads", "value"});
  expect_image(node, chain.shape);
  node.expect(node.word("mode", "constant") == "constant", "only zeros are supported");
  node.expect(node.number("value", 0) == 0, "only zeros are supported");
  if (node.has_input(2)) {
    for (const double value : node.constant(2).values) {
      node.expect(value == 0, "only zeros are supported");
    }
  }
  node.expect(!node.has_input(3), "axes are not supported");
  const auto pads = node.has_input(1) ? node.whole_numbers(1) : node.integers("pads", {});
  node.expect(pads.size() == 8 && pads[0] == 0 && pads[1] == 0 && pads[4] == 0 && pads[5] == 0,
              "only rows and columns can be added");
  for (const Index pad : pads) {
    node.expect(pad >= 0 && pad <= OnnxNode::largest_extent, "pads has the number ", pad);
  }
  chain.pending_padding = Padding(pads[2], pads[6], pads[3], pads[7]);
}

inline void import_batch_norm(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes(
      {"consumed_inputs", "epsilon", "is_test", "momentum", "spatial", "training_mode"});
  node.expect(node.integer("training_mode", 0) == 0, "training_mode is not supported");
  node.expect(node.integer("spatial", 1) == 1, "spatial = 0 is not supported");
  node.expect(chain.shape.rank() == 1 || chain.shape.rank() == 3,
              "only flat samples and images are supported, not ", chain.shape);
  std::map<std::string, OnnxConstant> weights;
  int index = 1;
  for (const char* name : {"weight", "bias", "running_mean", "running_var"}) {
    weights[name] = node.constant(index++, 1);
    node.expect(weights[name].extents[0] == chain.shape.back(), weights[name].extents[0],
                " elements for ", chain.shape.back(), " channels");
  }
  chain.append(BatchNorm{.momentum = 1 - node.number("momentum", 0.9F),
                         .epsilon = node.number("epsilon", 1e-5F)},
               std::move(weights));
}

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
    node.expect(target[i] >= -1 && target[i] <= (Index{1} << 31U), "an extent of ", target[i]);
    if (target[i] > 0) {
      known = std::min(known * target[i], Index{1} << 31U);  // more does not fit anyway
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
  if (shape != chain.shape) chain.append(Reshape{shape});
}

/// Channels are put last for one reason here: to make the image flat in that order.
inline void import_transpose(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"perm"});
  node.expect(
      chain.shape.rank() == 3 && node.integers("perm", {}) == std::vector<Index>{0, 2, 3, 1},
      "only putting the channels of images last is supported");
  chain.channels_last = true;
}

inline void import_dropout(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"is_test", "ratio", "seed"});
  float rate = node.number("ratio", 0.5F);
  if (node.has_input(1)) {
    const OnnxConstant ratio = node.constant(1);
    node.expect(ratio.values.size() == 1, "a ratio of ", ratio.values.size(), " numbers");
    rate = static_cast<float>(ratio.values[0]);
  }
  if (node.has_input(2)) {
    for (const double value : node.constant(2).values) {
      node.expect(value == 0, "training_mode is not supported");
    }
  }
  node.expect(rate >= 0 && rate < 1, "a ratio of ", rate);
  chain.append(Dropout{rate});
}

/// Before opset 13 the default was axis 1, and all axes from there on were taken together.
inline void import_softmax(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"axis"});
  const Index rank = chain.shape.rank() + 1;
  const Index axis = node.axis(node.opset() < 13 ? 1 : -1, rank);
  const Index channels = rank == 4 ? 1 : rank - 1;
  node.expect(axis == channels, "only the axis of the channels, ", channels,
              ", is supported, and it is ", axis);
  node.expect(node.opset() >= 13 || rank == 2, "of images it is supported from opset 13 on");
  chain.append(Softmax{});
}

inline void import_leaky_relu(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"alpha", "consumed_inputs"});
  const float slope = node.number("alpha", 0.01F);
  node.expect(slope >= 0, "a slope of ", slope);
  if (slope == 0)
    chain.append(ReLU{});
  else
    chain.append(LeakyReLU{slope});
}

inline void import_elu(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"alpha", "consumed_inputs"});
  node.expect(node.number("alpha", 1) >= 0, "an alpha of ", node.number("alpha", 1));
  chain.append(ELU{node.number("alpha", 1)});
}

inline void import_selu(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"alpha", "consumed_inputs", "gamma"});
  const auto alpha = static_cast<float>(SELU::alpha);
  const auto gamma = static_cast<float>(SELU::lambda);
  const bool usual = std::abs(node.number("alpha", alpha) - alpha) < 1e-4F &&
                     std::abs(node.number("gamma", gamma) - gamma) < 1e-4F;
  node.expect(usual, "only the constants of the paper are supported");
  chain.append(SELU{});
}

template <class L>
void import_simple(const OnnxNode& node, ImportedChain& chain) {
  node.expect_attributes({"consumed_inputs"});
  chain.append(L{});
}

inline void import_identity(const OnnxNode& node, ImportedChain& /*chain*/) {
  node.expect_attributes({});
}

/// The operations with one computed input, by name.
[[nodiscard]] inline const auto& onnx_operations() {
  static const std::map<std::string, std::function<void(const OnnxNode&, ImportedChain&)>> all{
      {"Add", import_bias},
      {"AveragePool", import_average_pool},
      {"BatchNormalization", import_batch_norm},
      {"Conv", import_conv},
      {"ConvTranspose", import_conv_transpose},
      {"Dropout", import_dropout},
      {"Elu", import_elu},
      {"Flatten", import_flatten},
      {"Gemm", import_gemm},
      {"GlobalAveragePool", import_global_average_pool},
      {"GlobalMaxPool", import_global_max_pool},
      {"Identity", import_identity},
      {"LeakyRelu", import_leaky_relu},
      {"MatMul", import_mat_mul},
      {"MaxPool", import_max_pool},
      {"Pad", import_pad},
      {"ReduceMean", import_reduce_mean},
      {"Relu", import_simple<ReLU>},
      {"Reshape", import_reshape},
      {"Resize", import_resize},
      {"Selu", import_selu},
      {"Sigmoid", import_simple<Sigmoid>},
      {"Softmax", import_softmax},
      {"Softplus", import_simple<Softplus>},
      {"Tanh", import_simple<Tanh>},
      {"Transpose", import_transpose},
  };
  return all;
}

}  // namespace nn::detail
