/// @file
/// Each layer as ONNX nodes, in its inference form: write_onnx(graph, layer, plan, input) adds the
/// nodes and returns the name of their output. A layer from outside the library is exported by a
/// function of that name beside it.
#pragma once

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "nn/io/onnx_export_activations.hpp"
#include "nn/io/onnx_export_images.hpp"
#include "nn/io/onnx_export_sequences.hpp"
#include "nn/io/onnx_export_shapes.hpp"
#include "nn/io/onnx_graph.hpp"
#include "nn/layers/any_concat.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/concat.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/conv_transpose2d.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/dropout.hpp"
#include "nn/layers/layer_norm.hpp"
#include "nn/layers/named.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/residual.hpp"
#include "nn/layers/sequential.hpp"
#include "nn/layers/upsample2d.hpp"

namespace nn {

/// @throws Error naming the layer: the one overload for all layers without one of their own.
template <class L>
std::string write_onnx(OnnxGraph& /*graph*/, const L& /*layer*/, const Plan& plan,
                       const std::string& /*input*/) {
  throw Error(detail::text(plan.name, " (layer ", plan.path,
                           ") cannot be expressed in ONNX: there "
                           "is no write_onnx for it"));
}

namespace detail {

[[nodiscard]] inline OnnxAttribute extent_attribute(const char* name, const Extent2D& extent) {
  return {name, std::vector<Index>{extent.height, extent.width}};
}

/// The padding that a window has on images of the given shape: `Padding::same()` depends on it.
[[nodiscard]] inline OnnxAttribute pads_attribute(const Shape& input, const Extent2D& window,
                                                  const Extent2D& stride, const Extent2D& dilation,
                                                  const Padding& padding) {
  const ConvolutionGeometry g = place_windows(input, window, stride, dilation, padding);
  return {"pads", std::vector<Index>{g.pad_top, g.pad_left, g.pad_bottom, g.pad_right}};
}

/// A constant with one and the same number for each channel.
inline std::string channels(OnnxGraph& graph, const Plan& plan, const char* name, Index count,
                            float value) {
  auto values = graph.new_elements(count);
  std::fill(values.begin(), values.end(), value);
  return graph.constant(plan.path + name, {count}, values);
}

}  // namespace detail

inline std::string write_onnx(OnnxGraph& graph, const Dense& layer, const Plan& plan,
                              const std::string& input) {
  if (plan.input.rank() == 2) {
    return detail::rows_product(graph, plan, input, 0, layer.bias ? 1 : -1);
  }
  std::vector<std::string> inputs{input, graph.parameter(plan, 0)};
  if (layer.bias) inputs.push_back(graph.parameter(plan, 1));
  return graph.add("Gemm", plan, inputs, {{"transB", Index{1}}});
}

inline std::string write_onnx(OnnxGraph& graph, const Conv2D& layer, const Plan& plan,
                              const std::string& input) {
  std::vector<std::string> inputs{input, graph.parameter(plan, 0)};
  if (layer.bias) inputs.push_back(graph.parameter(plan, 1));
  return graph.add("Conv", plan, inputs,
                   {detail::extent_attribute("kernel_shape", layer.kernel),
                    detail::extent_attribute("strides", layer.stride),
                    detail::extent_attribute("dilations", layer.dilation),
                    detail::pads_attribute(plan.input, layer.kernel, layer.stride, layer.dilation,
                                           layer.padding),
                    {"group", layer.groups}});
}

/// The padding is that of the convolution that this layer is the transpose of, which reads images
/// of this layer's output shape.
inline std::string write_onnx(OnnxGraph& graph, const ConvTranspose2D& layer, const Plan& plan,
                              const std::string& input) {
  std::vector<std::string> inputs{input, graph.parameter(plan, 0)};
  if (layer.bias) inputs.push_back(graph.parameter(plan, 1));
  Extent2D extra = layer.output_padding;
  if (layer.padding.is_same) {  // rows and columns that no kernel reaches, where it is too small
    const auto missing = [](Index taps, Index gap, Index step) {
      return std::max<Index>(step - detail::span_of(taps, gap), 0);
    };
    extra = {missing(layer.kernel.height, layer.dilation.height, layer.stride.height),
             missing(layer.kernel.width, layer.dilation.width, layer.stride.width)};
  }
  return graph.add("ConvTranspose", plan, inputs,
                   {detail::extent_attribute("kernel_shape", layer.kernel),
                    detail::extent_attribute("strides", layer.stride),
                    detail::extent_attribute("dilations", layer.dilation),
                    detail::pads_attribute(plan.output, layer.kernel, layer.stride, layer.dilation,
                                           layer.padding),
                    detail::extent_attribute("output_padding", extra),
                    {"group", layer.groups}});
}

inline std::string write_onnx(OnnxGraph& graph, const MaxPool2D& layer, const Plan& plan,
                              const std::string& input) {
  return graph.add(
      "MaxPool", plan, {input},
      {detail::extent_attribute("kernel_shape", layer.window),
       detail::extent_attribute("strides", layer.stride),
       detail::pads_attribute(plan.input, layer.window, layer.stride, 1, layer.padding)});
}

/// Padding that counts is a node of its own: not every program heeds `count_include_pad`.
inline std::string write_onnx(OnnxGraph& graph, const AveragePool2D& layer, const Plan& plan,
                              const std::string& input) {
  const std::vector<Index> none(4, 0);
  auto pads = detail::pads_attribute(plan.input, layer.window, layer.stride, 1, layer.padding);
  auto value = input;
  if (const auto sides = std::get<std::vector<Index>>(pads.value);
      layer.count_padding && sides != none) {
    const auto widths =
        graph.constant(plan.path + "/pads", {0, 0, sides[0], sides[1], 0, 0, sides[2], sides[3]});
    value = graph.add("Pad", plan, {value, widths});
    pads.value = none;
  }
  return graph.add("AveragePool", plan, {value},
                   {detail::extent_attribute("kernel_shape", layer.window),
                    detail::extent_attribute("strides", layer.stride), pads});
}

inline std::string write_onnx(OnnxGraph& graph, const GlobalAveragePool2D& /*layer*/,
                              const Plan& plan, const std::string& input) {
  const auto mean = graph.add("GlobalAveragePool", plan, {input});
  return graph.add("Flatten", plan, {mean}, {{"axis", Index{1}}});
}

inline std::string write_onnx(OnnxGraph& graph, const UpSample2D& layer, const Plan& plan,
                              const std::string& input) {
  const std::vector<float> scales{1, 1, static_cast<float>(layer.factor.height),
                                  static_cast<float>(layer.factor.width)};
  const auto factors = graph.constant(plan.path + "/scales", {4}, scales);
  return graph.add("Resize", plan, {input, "", factors},
                   {{"mode", "nearest"},
                    {"coordinate_transformation_mode", "asymmetric"},
                    {"nearest_mode", "floor"}});
}

/// BatchNormalization works on the second axis, which is that of the channels of images and the
/// only one of flat samples. Of other samples every row becomes a flat sample.
inline std::string write_onnx(OnnxGraph& graph, const BatchNorm& layer, const Plan& plan,
                              const std::string& input) {
  const Index count = plan.input.back();
  const auto scale =
      layer.scale ? graph.parameter(plan, 0) : detail::channels(graph, plan, ".weight", count, 1);
  const auto shift = layer.shift ? graph.parameter(plan, layer.scale ? 1 : 0)
                                 : detail::channels(graph, plan, ".bias", count, 0);
  const bool has_rows = plan.input.rank() != 1 && plan.input.rank() != 3;
  const auto reshape = [&](const std::string& value, std::vector<Index> extents) {
    extents.insert(extents.begin(), -1);
    return graph.add("Reshape", plan, {value, graph.constant(plan.path + "/shape", extents)});
  };
  const std::string normalized =
      graph.add("BatchNormalization", plan,
                {has_rows ? reshape(input, {count}) : input, scale, shift, graph.state(plan, 0),
                 graph.state(plan, 1)},
                {{"epsilon", layer.epsilon}, {"momentum", 1 - layer.momentum}});
  return has_rows ? reshape(normalized, OnnxGraph::extents(plan.input)) : normalized;
}

/// InstanceNormalization works on everything behind the second axis, so what is to be normalised
/// goes there, and each position that is normalised by itself becomes a channel. Scale and shift
/// are those of a BatchNormalization that changes nothing else. Rows of sequences are normalised
/// by their formula.
inline std::string write_onnx(OnnxGraph& graph, const LayerNorm& layer, const Plan& plan,
                              const std::string& input) {
  if (plan.input.rank() == 2) {
    const auto mean = graph.add("ReduceMean", plan, {input}, {{"axes", std::vector<Index>{2}}});
    auto value = detail::divide_by_root(graph, plan, graph.add("Sub", plan, {input, mean}), 2,
                                        layer.epsilon);
    if (layer.scale) value = graph.add("Mul", plan, {value, graph.parameter(plan, 0)});
    return layer.shift ? graph.add("Add", plan, {value, graph.parameter(plan, layer.scale ? 1 : 0)})
                       : value;
  }
  const Index width = plan.input.back();
  const Index rows = plan.input.size() / width;
  const bool is_image = plan.input.rank() == 3;
  auto value = input;
  if (is_image) {
    value = graph.add("Transpose", plan, {value}, {{"perm", std::vector<Index>{0, 2, 3, 1}}});
  }
  value = detail::reshape(graph, plan, value, {rows, width, 1});
  value = graph.add("InstanceNormalization", plan,
                    {value, detail::channels(graph, plan, "/one", rows, 1),
                     detail::channels(graph, plan, "/zero", rows, 0)},
                    {{"epsilon", layer.epsilon}});
  if (is_image) {
    value = detail::reshape(graph, plan, value, {plan.input[0], plan.input[1], width});
    value = graph.add("Transpose", plan, {value}, {{"perm", std::vector<Index>{0, 3, 1, 2}}});
  } else {
    require(plan.input.rank() == 1, plan.name, " (layer ", plan.path, ") of samples of ",
            plan.input, " cannot be expressed in ONNX: they must be flat, sequences or images");
    value = detail::reshape(graph, plan, value, {width});
  }
  if (!layer.scale && !layer.shift) return value;
  const auto scale =
      layer.scale ? graph.parameter(plan, 0) : detail::channels(graph, plan, ".weight", width, 1);
  const auto shift = layer.shift ? graph.parameter(plan, layer.scale ? 1 : 0)
                                 : detail::channels(graph, plan, ".bias", width, 0);
  return graph.add("BatchNormalization", plan,
                   {value, scale, shift, detail::channels(graph, plan, ".mean", width, 0),
                    detail::channels(graph, plan, ".variance", width, 1)},
                   {{"epsilon", 0.0F}});
}

inline std::string write_onnx(OnnxGraph& graph, const Dropout& layer, const Plan& plan,
                              const std::string& input) {
  const auto rate = detail::scalar(graph, plan, static_cast<double>(layer.rate));
  return graph.add("Dropout", plan, {input, rate});
}

template <class... Layers>
std::string write_onnx(OnnxGraph& graph, const Sequential<Layers...>& chain, const Plan& plan,
                       const std::string& input) {
  std::string value = input;
  for (Index i = 0; i < chain.length(); ++i) {
    const Plan& child = plan.children[static_cast<std::size_t>(i)];
    chain.visit(i, [&](const auto& layer) { value = write_onnx(graph, layer, child, value); });
  }
  return value;
}

/// A layer with a name is that layer.
template <class L>
std::string write_onnx(OnnxGraph& graph, const Named<L>& named, const Plan& plan,
                       const std::string& input) {
  return write_onnx(graph, named.layer(), plan, input);
}

template <class Body, class Shortcut>
std::string write_onnx(OnnxGraph& graph, const Residual<Body, Shortcut>& layer, const Plan& plan,
                       const std::string& input) {
  const auto body = write_onnx(graph, layer.body(), plan.children[0], input);
  const auto shortcut = write_onnx(graph, layer.shortcut(), plan.children[1], input);
  return graph.add("Add", plan, {body, shortcut});
}

namespace detail {

/// A Concat or an AnyConcat.
template <class Branched>
std::string write_branches(OnnxGraph& graph, const Branched& layer, const Plan& plan,
                           const std::string& input) {
  std::vector<std::string> values;
  for (Index i = 0; i < layer.length(); ++i) {
    const Plan& child = plan.children[static_cast<std::size_t>(i)];
    layer.visit(
        i, [&](const auto& branch) { values.push_back(write_onnx(graph, branch, child, input)); });
  }
  return graph.add("Concat", plan, values, {{"axis", last_axis(plan.output)}});
}

}  // namespace detail

template <class... Layers>
std::string write_onnx(OnnxGraph& graph, const Concat<Layers...>& layer, const Plan& plan,
                       const std::string& input) {
  return detail::write_branches(graph, layer, plan, input);
}

inline std::string write_onnx(OnnxGraph& graph, const AnyConcat& layer, const Plan& plan,
                              const std::string& input) {
  return detail::write_branches(graph, layer, plan, input);
}

}  // namespace nn
