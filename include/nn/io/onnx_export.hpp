/// @file
/// Models as ONNX files, which other programs run.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "nn/core/file.hpp"
#include "nn/io/model_description.hpp"
#include "nn/io/onnx_export_any_layer.hpp"
#include "nn/io/onnx_export_layers.hpp"
#include "nn/io/safetensors.hpp"
#include "nn/train/model.hpp"

namespace nn {

/// The names in an ONNX file.
struct OnnxExportOptions {
  std::string input = "input";    ///< of the graph's input
  std::string output = "output";  ///< of the graph's output
  std::string name = "network";   ///< of the graph
  /// Whether the input is declared as 64-bit whole numbers, for networks of tokens. Else these are
  /// whole numbers in floating point, as they are here.
  bool whole_tokens = false;
  std::map<std::string, std::string> metadata{};  ///< more about the model, by key
};

/// Writes the model, as it is in inference, to an ONNX file (opset 13) with any number of samples
/// in a batch. Images go in and come out with the channel first, as ONNX has them: N x C x H x W.
/// Weights are written as 32-bit floats. The metadata hold what `save` writes as "nn.model" (the
/// layers with all their options), by which `load_onnx` makes the same network again; other
/// programs need not heed it.
/// @throws Error naming the layer that cannot be expressed, and for whole tokens that the network
/// does not read; FileError when the file cannot be
/// written, with what was there before left as it was.
template <class Network, class T>
void save_onnx(const Model<Network, T>& model, const std::filesystem::path& path,
               const OnnxExportOptions& options = {});

/// What `save_onnx` writes.
template <class Network, class T>
[[nodiscard]] ::onnx::ModelProto to_onnx(const Model<Network, T>& model,
                                         const OnnxExportOptions& options = {});

namespace detail {

/// Declares an input or output of the graph: any number of samples.
inline void declare(::onnx::ValueInfoProto& value, const std::string& name, const Shape& sample,
                    bool whole = false) {
  value.set_name(name);
  auto& type = *value.mutable_type()->mutable_tensor_type();
  type.set_elem_type(whole ? ::onnx::TensorProto::INT64 : ::onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("batch");
  for (const Index extent : OnnxGraph::extents(sample)) {
    type.mutable_shape()->add_dim()->set_dim_value(extent);
  }
}

/// Flat samples that are read as images somewhere have the channel first within the graph, but not
/// outside: `permutation` is that of the images between.
inline std::string reorder(OnnxGraph& graph, const std::string& value, const Shape& order,
                           bool outward) {
  if (order.rank() != 3) return value;
  const Plan plan;  // of no layer
  const std::vector<Index> outside{0, order[0], order[1], order[2]};
  const std::vector<Index> inside{0, order[2], order[0], order[1]};
  const auto shape = graph.constant("image/shape", outward ? inside : outside);
  const auto image = graph.add("Reshape", plan, {value, shape});
  const std::vector<Index> permutation =
      outward ? std::vector<Index>{0, 2, 3, 1} : std::vector<Index>{0, 3, 1, 2};
  const auto turned = graph.add("Transpose", plan, {image}, {{"perm", permutation}});
  return graph.add("Flatten", plan, {turned}, {{"axis", Index{1}}});
}

/// Writes the network into a graph made for `plan`, its plan.
template <class Network>
void write_graph(OnnxGraph& graph, const Network& network, const Plan& plan,
                 const OnnxExportOptions& options) {
  std::string value = reorder(graph, options.input, graph.orders().input(plan), false);
  value = write_onnx(graph, network, plan, value);
  value = reorder(graph, value, graph.orders().output(plan), true);
  // The last node's output gets the name asked for; a network without any nodes gets one.
  if (graph.graph().node_size() == 0) value = graph.add("Identity", plan, {value});
  auto& last = *graph.graph().mutable_node(graph.graph().node_size() - 1);
  for (std::string& output : *last.mutable_output()) {
    if (output == value) output = options.output;
  }
  declare(*graph.graph().add_input(), options.input, plan.input, options.whole_tokens);
  declare(*graph.graph().add_output(), options.output, plan.output);
  graph.graph().set_name(options.name);
}

}  // namespace detail

template <class Network, class T>
::onnx::ModelProto to_onnx(const Model<Network, T>& model, const OnnxExportOptions& options) {
  require(model.learns(),
          "the inference form of a model is not exported; export the model that it is made of");
  const Plan& plan = model.plan();
  require(!options.whole_tokens || detail::tokens_read(plan) > 0,
          "only a network that begins with an Embedding reads whole tokens");
  OnnxGraph graph(plan);
  const std::vector<float> parameters(model.parameters().begin(), model.parameters().end());
  const std::vector<float> states(model.state().begin(), model.state().end());
  graph.set_blocks(parameters, states);
  detail::write_graph(graph, model.network(), plan, options);

  ::onnx::ModelProto proto;
  proto.set_ir_version(7);
  proto.set_producer_name("nn");
  auto& opset = *proto.add_opset_import();
  opset.set_domain("");
  opset.set_version(detail::exported_opset);
  std::map<std::string, std::string> metadata = options.metadata;
  if (auto told = detail::describe_network(model.network(), plan.input); !told.model.empty()) {
    metadata["nn.model"] = std::move(told.model);
  }
  for (const auto& [key, text] : metadata) {
    auto& entry = *proto.add_metadata_props();
    entry.set_key(key);
    entry.set_value(text);
  }
  *proto.mutable_graph() = std::move(graph.graph());
  return proto;
}

template <class Network, class T>
void save_onnx(const Model<Network, T>& model, const std::filesystem::path& path,
               const OnnxExportOptions& options) {
  std::string content;
  // Written by hand rather than by SerializeToString, so that equal models give equal bytes.
  {
    ::google::protobuf::io::StringOutputStream stream(&content);
    ::google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    require<FileError>(to_onnx(model, options).SerializeToCodedStream(&coded), "cannot write ",
                       path.string(), ": the model takes more than 2 GB");
  }
  write_file(path, content);
}

}  // namespace nn
