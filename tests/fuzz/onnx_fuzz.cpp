// Feeds the ONNX reader with bytes, as a file and as a graph whose parts fit together better.
#include <cstddef>
#include <cstdint>
#include <string>

#include "nn/io/onnx_import.hpp"
#include "nn/kernels/kernels.hpp"

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  google::protobuf::SetLogHandler(nullptr);
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
