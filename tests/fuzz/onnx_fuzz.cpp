// Feeds the ONNX reader with bytes: as a file, as a graph whose parts fit together better, and as
// changes to a file that this library wrote.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "nn/io/onnx.hpp"
#include "nn/kernels/kernels.hpp"
#include "nn/sequences.hpp"

namespace {

void read(const onnx::ModelProto& proto, const nn::OnnxImportOptions& options) {
  try {
    const auto model = nn::from_onnx(proto, options);
    const nn::Index work = model.input_shape().size() + model.output_shape().size();
    if (work > 10'000 || model.parameters().size() > 10'000) return;
    nn::Index largest = 0;
    nn::Plan::for_each(model.plan(), [&](const nn::Plan& plan) {
      largest = std::max({largest, plan.output.size(), plan.multiply_adds});
    });
    if (largest > 1'000'000) return;
    (void)model.predict(nn::Tensor<float>(model.input_shape().prepended(2), 0.5F));
  } catch (const nn::Error&) {
  }
}

/// Files of networks with most kinds of layers.
const std::vector<onnx::ModelProto>& written() {
  using nn::Model;
  static const std::vector<onnx::ModelProto> all{
      nn::to_onnx(
          Model(nn::sequential(nn::Embedding{.tokens = 5, .features = 4}, nn::SinusoidalPositions{},
                               nn::transformer_block({.features = 4, .heads = 2, .causal = true}),
                               nn::bidirectional(nn::LSTM{.units = 2, .return_sequence = true}),
                               nn::GRU{.units = 2}, nn::RMSNorm{}),
                {3})),
      nn::to_onnx(
          Model(nn::sequential(nn::Conv2D{.filters = 4}, nn::GroupNorm{.groups = 2},
                               nn::HardSwish{}, nn::squeeze_excitation(4, 2), nn::PixelShuffle{2},
                               nn::LayerNorm{}, nn::BilinearUpSample2D{2}, nn::Flatten{},
                               nn::Dense{6}, nn::GatedLinearUnit{}, nn::GELU{}, nn::Dense{2}),
                {4, 4, 1}))};
  return all;
}

/// Changes one number, name or letter of a file: `what` says which, `value` how.
void change(onnx::ModelProto& proto, std::size_t what, std::size_t where, int value) {
  auto& graph = *proto.mutable_graph();
  const auto pick = [&](int count) {
    return static_cast<int>(where % static_cast<unsigned>(count));
  };
  auto& node = *graph.mutable_node(pick(graph.node_size()));
  auto& tensor = *graph.mutable_initializer(pick(graph.initializer_size()));
  auto& other = *graph.mutable_node(value % graph.node_size());
  switch (what % 8) {
    case 0: {
      std::string& text = *proto.mutable_metadata_props(0)->mutable_value();
      text[where % text.size()] = static_cast<char>(value);
      break;
    }
    case 1:
      if (tensor.dims_size() > 0) tensor.set_dims(value % tensor.dims_size(), value / 4);
      break;
    case 2:
      if (tensor.int64_data_size() > 0) tensor.set_int64_data(0, value - 128);
      break;
    case 3:
      node.set_op_type(other.op_type());
      break;
    case 4:
      if (node.input_size() > 0) node.set_input(value % node.input_size(), other.output(0));
      break;
    case 5:
      if (node.attribute_size() > 0) node.mutable_attribute(0)->set_i(value - 128);
      break;
    case 6:
      proto.clear_metadata_props();
      proto.add_metadata_props();
      break;
    default:
      if (node.attribute_size() > 0 && node.attribute(0).ints_size() > 0) {
        node.mutable_attribute(0)->set_ints(0, value - 128);
      }
  }
}

/// The file with changes, each of three bytes.
void read_changed(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return;
  onnx::ModelProto proto = written()[data[0] % written().size()];
  for (std::size_t i = 1; i + 3 <= std::min<std::size_t>(size, 25); i += 3) {
    change(proto, data[i], data[i] / 8U + 32U * data[i + 1], data[i + 2]);
  }
  read(proto, {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  google::protobuf::SetLogHandler(nullptr);
  read_changed(data, size);
  onnx::ModelProto proto;
  if (!proto.ParseFromArray(data, static_cast<int>(size))) return 0;
  read(proto, {});
  read(proto, {.input_shape = nn::Shape{6, 5, 2}});
  // The same nodes with all that a graph needs around them.
  if (proto.opset_import_size() == 0) proto.add_opset_import()->set_version(13);
  auto& graph = *proto.mutable_graph();
  if (graph.node_size() == 0 || graph.node(graph.node_size() - 1).output_size() == 0) return 0;
  graph.clear_input();
  graph.add_input()->set_name("in");
  graph.clear_output();
  graph.add_output()->set_name(graph.node(graph.node_size() - 1).output(0));
  if (graph.node(0).input_size() == 0) graph.mutable_node(0)->add_input();
  graph.mutable_node(0)->set_input(0, "in");
  read(proto, {.input_shape = nn::Shape{6, 5, 2}});
  return 0;
}
