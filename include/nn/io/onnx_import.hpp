/// @file
/// Networks from ONNX files, to run, inspect and train.
#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <limits>
#include <optional>
#include <string>

#include "nn/core/file.hpp"
#include "nn/io/flatten_channels_first.hpp"
#include "nn/io/onnx_reader.hpp"
#include "nn/io/safetensors.hpp"
#include "nn/train/model.hpp"

namespace nn {

/// What an ONNX file may leave open.
struct OnnxImportOptions {
  /// Of one sample, an image as height x width x channels; where the file leaves extents open, or
  /// does not tell whether its images have the channel first or last.
  std::optional<Shape> input_shape{};
};

/// Reads an image-classification network, or one like it, from an ONNX file: one input, one output,
/// layers one after another, with sums (residual blocks) and concatenations of branches between.
/// Images are N x H x W x C here, and N x C x H x W there; weights are permuted accordingly. In
/// files of Keras's networks images are N x H x W x C too: this shows by a Transpose before the
/// first convolution, or by `input_shape`.
///
/// Operations: Conv, ConvTranspose, Gemm, MatMul and Add of a bias, BatchNormalization, MaxPool,
/// AveragePool (also after Pad), GlobalAveragePool, GlobalMaxPool, ReduceMean over height and
/// width, Relu, LeakyRelu, PRelu (one slope, or one for each channel), Clip, Elu, Selu, Sigmoid,
/// Tanh, Softplus, x * Sigmoid(x), Softmax, LogSoftmax, Flatten, Reshape, Squeeze, Unsqueeze,
/// Transpose (of the channel's axis), Dropout, Identity, Resize (nearest, by whole factors), and
/// Add and Concat of branches. Constants may go through Identity, Reshape, Squeeze, Unsqueeze and
/// Cast, and shapes may be worked out from the number of samples, as in `x.view(x.size(0), -1)`.
///
/// @throws FileError when the file is malformed, or has an operation, or a form of one, that cannot
/// be expressed here: the message names the node. Nothing is allocated that the file only claims.
template <class T = float>
[[nodiscard]] Model<Sequential<AnyLayer>, T> load_onnx(const std::filesystem::path& path,
                                                       const OnnxImportOptions& options = {});

/// The same from memory. @throws Error as `load_onnx`.
template <class T = float>
[[nodiscard]] Model<Sequential<AnyLayer>, T> from_onnx(const ::onnx::ModelProto& proto,
                                                       const OnnxImportOptions& options = {});

namespace detail {

/// The weights of imported layers as a file of PyTorch's, whose order of axes is ONNX's.
[[nodiscard]] inline SafetensorsFile weights_of(const ImportedChain& chain) {
  SafetensorsFile file;
  for (std::size_t i = 0; i < chain.layers.size(); ++i) {
    for (const auto& [name, constant] : chain.layers[i].weights) {
      Shape shape;
      for (const Index extent : constant.extents) shape.push_back(extent);
      file.put(std::to_string(i) + "." + name,
               {ElementType::f64, shape, encode<double>(ElementType::f64, constant.values)});
    }
  }
  return file;
}

[[nodiscard]] inline Sequential<AnyLayer> network_of(const ImportedChain& chain) {
  Sequential<AnyLayer> network;
  for (const ImportedLayer& imported : chain.layers) network.push_back(imported.layer);
  return network;
}

/// Where a flat sample made from an image goes out of the network, it has the channel first in
/// ONNX, and no weights after it to be permuted: so the flattening has to do it. Where one comes
/// in, nothing can.
inline void settle_flat_ends(ImportedChain& chain, const Shape& input) {
  const Plan plan = plan_of(network_of(chain), input);
  const FlatOrders orders(plan);
  require(orders.input(plan).rank() == 1,
          "it makes images of a flat input, channel first, which "
          "cannot be expressed");
  if (orders.output(plan).rank() == 1) return;
  for (auto layer = chain.layers.rbegin(); layer != chain.layers.rend(); ++layer) {
    if (layer->layer.get_if<Flatten>() == nullptr) continue;
    layer->layer = FlattenChannelsFirst{};
    return;
  }
  throw Error("its output is an image made flat within a branch, which cannot be expressed");
}

}  // namespace detail

template <class T>
Model<Sequential<AnyLayer>, T> from_onnx(const ::onnx::ModelProto& proto,
                                         const OnnxImportOptions& options) {
  detail::OnnxReader reader(proto);
  if (options.input_shape) reader.settle_input(*options.input_shape);
  const std::optional<Shape> input =
      options.input_shape ? options.input_shape : reader.input_shape();
  require(input.has_value(), "its input's extents are open; give them as .input_shape");
  detail::OnnxReader::require_fits(*input);
  detail::ImportedChain chain = reader.read(*input);
  if (chain.layers.empty()) chain.append(Identity{});
  detail::settle_flat_ends(chain, *input);
  Model<Sequential<AnyLayer>, T> model(detail::network_of(chain), *input);
  from_safetensors(model, detail::weights_of(chain), {.layout = WeightLayout::pytorch});
  return model;
}

template <class T>
Model<Sequential<AnyLayer>, T> load_onnx(const std::filesystem::path& path,
                                         const OnnxImportOptions& options) {
  const std::string content = read_file(path, std::numeric_limits<std::int32_t>::max());
  try {
    ::onnx::ModelProto proto;
    require(proto.ParseFromString(content), "it is no ONNX file");
    return from_onnx<T>(proto, options);
  } catch (const Error& error) {
    throw FileError(detail::text("cannot read ", path.string(), ": ", error.what()));
  }
}

}  // namespace nn
