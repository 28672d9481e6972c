/// @file
/// Networks from ONNX files that describe them: those that this library wrote.
///
/// The nodes of a file leave open what they come from: a mean, a difference and a root may be a
/// LayerNorm, and how often a Dropout drops is not there at all. So `save_onnx` writes the layers
/// with their options into the metadata. They are not believed: the network is written again, and
/// must give the file's nodes, one by one. Only then it is the file's network, with the file's
/// weights.
#pragma once

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nn/io/model_file.hpp"
#include "nn/io/onnx_comparison.hpp"
#include "nn/io/onnx_export.hpp"

namespace nn::detail {

/// How a file describes its network; null where it does not.
[[nodiscard]] inline const std::string* description_of(const ::onnx::ModelProto& proto) {
  for (const auto& entry : proto.metadata_props()) {
    if (entry.key() == "nn.model") return &entry.value();
  }
  return nullptr;
}

/// The elements of all constants that the file has, as opposed to those that it claims.
[[nodiscard]] inline Index elements_of(const ::onnx::GraphProto& graph) {
  Index elements = 0;
  for (const auto& tensor : graph.initializer()) {
    elements += static_cast<Index>(tensor.raw_data().size() / sizeof(float)) +
                tensor.float_data_size() + tensor.int64_data_size();
  }
  return elements;
}

/// @throws Error unless the file's input are samples of this shape, channels first.
inline void require_input(const ::onnx::GraphProto& graph, const Shape& sample) {
  const std::vector<Index> wanted = OnnxGraph::extents(sample);
  for (const auto& input : graph.input()) {
    const auto& dims = input.type().tensor_type().shape().dim();
    if (static_cast<std::size_t>(dims.size()) != wanted.size() + 1) continue;
    const auto is = [](const auto& dim, Index extent) {
      return dim.has_dim_value() && dim.dim_value() == extent;
    };
    if (std::equal(dims.begin() + 1, dims.end(), wanted.begin(), is)) return;
  }
  throw Error(text("its input are no samples of ", sample));
}

/// The weights of a network that the graph was found to be, as a file of PyTorch's.
[[nodiscard]] inline SafetensorsFile weights_of(const OnnxComparison& comparison,
                                                const Plan& plan) {
  SafetensorsFile file;
  const StoredVariables all = stored_variables(plan, WeightLayout::pytorch);
  for (const auto* variables : {&all.parameters, &all.states}) {
    for (const StoredVariable& variable : *variables) {
      const ::onnx::TensorProto* tensor = comparison.variable(variable.name);
      require(tensor != nullptr, "it has no ", variable.name);
      try {
        file.put(variable.name, {ElementType::f64, variable.shape,
                                 encode<double>(ElementType::f64, read_constant(*tensor).values)});
      } catch (const Error& error) {
        throw Error(text(variable.name, ": ", error.what()));
      }
    }
  }
  return file;
}

/// The network that the file describes as `description`, with the weights of its graph.
/// @throws Error unless the graph is that of this network, for samples of shape `given`, if any.
template <class T>
[[nodiscard]] Model<Sequential<AnyLayer>, T> read_described(const ::onnx::ModelProto& proto,
                                                            const std::string& description,
                                                            const std::optional<Shape>& given) {
  const ::onnx::GraphProto& graph = proto.graph();
  for (const auto& opset : proto.opset_import()) {
    const bool standard = opset.domain().empty() || opset.domain() == "ai.onnx";
    require(!standard || opset.version() == exported_opset, "its operations are of version ",
            opset.version(), ", not ", exported_opset);
  }
  require(proto.opset_import_size() > 0, "it does not say which version of the operations it uses");
  const Index elements = elements_of(graph);
  bool is_chain = true;
  const StoredNetwork stored = network_of(description, elements, {}, is_chain);
  if (given) {
    require(*given == stored.input, "it is of samples of ", stored.input);
  } else {
    require_input(graph, stored.input);
  }
  Model<Sequential<AnyLayer>, T> model(stored.network, stored.input);
  OnnxGraph written(model.plan());
  written.limit_constants(elements);
  write_graph(written, model.network(), model.plan(), {});
  const OnnxComparison comparison(written, graph);
  from_safetensors(model, weights_of(comparison, model.plan()), {.layout = WeightLayout::pytorch});
  return model;
}

}  // namespace nn::detail
