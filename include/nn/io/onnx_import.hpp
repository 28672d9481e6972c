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
#include "nn/io/onnx_described.hpp"
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

/// Reads a network from an ONNX file: one input, one output, layers one after another, with sums
/// (residual blocks), concatenations and gates of branches between. Images are N x H x W x C here,
/// and N x C x H x W there; weights are permuted accordingly. In files of Keras's networks images
/// are N x H x W x C too: this shows by a Transpose before the first convolution, or by
/// `input_shape`. Tokens may be whole numbers there.
///
/// What `save_onnx` wrote becomes the same network: all layers with all their options, which stand
/// in the metadata, and the same bits of its outputs. That the nodes are those of this network is
/// checked one by one (see io/onnx_described.hpp).
///
/// Of other files these operations are read: Conv, ConvTranspose, Gemm, MatMul and Add of a bias
/// (of each step, too), BatchNormalization, InstanceNormalization, GroupNormalization,
/// LayerNormalization, RMSNormalization, MaxPool, AveragePool (also after Pad), GlobalAveragePool,
/// GlobalMaxPool, ReduceMean over height and width or over steps, Relu, LeakyRelu, PRelu (one
/// slope, or one for each channel), Clip, Elu, Selu, Sigmoid, Tanh, Softplus, HardSwish, Mish,
/// Gelu, x * Sigmoid(x), Softmax, LogSoftmax, Flatten, Reshape, Squeeze, Unsqueeze, Transpose (of
/// the channel's axis, and of steps), Dropout, Identity, Cast, Resize (nearest and linear, by whole
/// factors), DepthToSpace (CRD), Gather (rows of a matrix for tokens; the last step), LSTM and GRU
/// (one or two directions, all states or the last), Add of positions, and Add, Concat and Mul (of a
/// value and one number for each of its channels) of branches. Compositions that older exporters
/// write for these are recognised (io/onnx_compositions.hpp). Constants may go through Identity,
/// Reshape, Squeeze, Unsqueeze, Transpose, Slice, Concat and Cast, and shapes may be worked out
/// from the number of samples, as in `x.view(x.size(0), -1)`.
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

/// The network as the nodes tell it.
template <class T>
[[nodiscard]] Model<Sequential<AnyLayer>, T> read_nodes(const ::onnx::ModelProto& proto,
                                                        const OnnxImportOptions& options) {
  OnnxReader reader(proto);
  if (options.input_shape) reader.settle_input(*options.input_shape);
  const std::optional<Shape> input =
      options.input_shape ? options.input_shape : reader.input_shape();
  require(input.has_value(), "its input's extents are open; give them as .input_shape");
  OnnxReader::require_fits(*input);
  ImportedChain chain = reader.read(*input);
  if (chain.layers.empty()) chain.append(Identity{});
  settle_flat_ends(chain, *input);
  Model<Sequential<AnyLayer>, T> model(network_of(chain), *input);
  from_safetensors(model, weights_of(chain), {.layout = WeightLayout::pytorch});
  return model;
}

}  // namespace detail

template <class T>
Model<Sequential<AnyLayer>, T> from_onnx(const ::onnx::ModelProto& proto,
                                         const OnnxImportOptions& options) {
  const std::string* description = detail::description_of(proto);
  if (description == nullptr) return detail::read_nodes<T>(proto, options);
  std::string difference;
  try {
    return detail::read_described<T>(proto, *description, options.input_shape);
  } catch (const Error& error) {
    difference = error.what();
  }
  // Another program has changed the nodes since they were described.
  try {
    return detail::read_nodes<T>(proto, options);
  } catch (const Error& error) {
    throw Error(detail::text(
        error.what(), " (nor is it the network that its metadata describe: ", difference, ")"));
  }
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
