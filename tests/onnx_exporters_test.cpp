// Graphs as other libraries' exporters write them, against the same networks built here.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "nn/io/onnx_import.hpp"
#include "onnx_networks.hpp"

namespace onnx_exporters_test {

namespace {

using nn::Index;
using nn::Shape;
using Numbers = std::vector<Index>;

/// A graph in the making; values are known by their names.
class Graph {
 public:
  Graph(Index opset, const Numbers& input) {
    proto_.add_opset_import()->set_version(opset);
    auto& value = *graph().add_input();
    value.set_name("input");
    auto& shape = *value.mutable_type()->mutable_tensor_type()->mutable_shape();
    for (const Index extent : input) {
      auto& dim = *shape.add_dim();
      if (extent > 0) dim.set_dim_value(extent);
    }
  }

  std::string floats(const Numbers& extents, const std::vector<float>& values) {
    auto& tensor = constant(extents, onnx::TensorProto::FLOAT);
    for (const float value : values) tensor.add_float_data(value);
    return tensor.name();
  }
  std::string whole(const Numbers& extents, const Numbers& values) {
    auto& tensor = constant(extents, onnx::TensorProto::INT64);
    for (const Index value : values) tensor.add_int64_data(value);
    return tensor.name();
  }
  /// A list of whole numbers.
  std::string list(const Numbers& values) {
    return whole({static_cast<Index>(values.size())}, values);
  }

  std::string node(const std::string& operation, const std::vector<std::string>& inputs) {
    auto& made = *graph().add_node();
    made.set_op_type(operation);
    for (const std::string& input : inputs) made.add_input(input);
    made.set_name(operation + "_" + std::to_string(graph().node_size()));
    made.add_output(made.name());
    return made.name();
  }
  /// Attributes of the node made last.
  Graph& set(const std::string& name, const Numbers& values) {
    auto& attribute = attribute_named(name);
    for (const Index value : values) attribute.add_ints(value);
    return *this;
  }
  Graph& set(const std::string& name, Index value) {
    attribute_named(name).set_i(value);
    return *this;
  }
  Graph& set(const std::string& name, const char* value) {
    attribute_named(name).set_s(value);
    return *this;
  }

  std::string transpose(const std::string& value, const Numbers& permutation) {
    const auto made = node("Transpose", {value});
    set("perm", permutation);
    return made;
  }
  std::string to_first(const std::string& value) { return transpose(value, {0, 3, 1, 2}); }
  std::string to_last(const std::string& value) { return transpose(value, {0, 2, 3, 1}); }

  /// The graph, whose output is that of the node made last.
  const onnx::ModelProto& finish() {
    graph().clear_output();
    graph().add_output()->set_name(graph().node(graph().node_size() - 1).output(0));
    return proto_;
  }

 private:
  onnx::GraphProto& graph() { return *proto_.mutable_graph(); }
  onnx::TensorProto& constant(const Numbers& extents, onnx::TensorProto::DataType type) {
    auto& tensor = *graph().add_initializer();
    tensor.set_name("constant_" + std::to_string(graph().initializer_size()));
    tensor.set_data_type(type);
    for (const Index extent : extents) tensor.add_dims(extent);
    return tensor;
  }
  onnx::AttributeProto& attribute_named(const std::string& name) {
    auto& attribute = *graph().mutable_node(graph().node_size() - 1)->add_attribute();
    attribute.set_name(name);
    return attribute;
  }

  onnx::ModelProto proto_;
};

/// A network whose parameters are given to a graph one by one.
class Source {
 public:
  Source(const nn::AnyLayer& network, const Shape& input)
      : model(networks::model_of(networks::Chain({network}), input)) {
    nn::Plan::for_each(model.plan(), [&](const nn::Plan& plan) {
      parameters_.insert(parameters_.end(), plan.parameters.begin(), plan.parameters.end());
    });
  }

  /// The next parameter's values, in this library's order.
  std::vector<float> take() {
    const nn::Variable& variable = parameters_.at(next_++);
    shape = variable.shape;
    const float* first = model.parameters().data() + variable.offset;
    return {first, first + variable.shape.size()};
  }
  /// The next parameter, filters, as a constant of out x in x height x width.
  std::string filters(Graph& graph) {
    const auto values = take();
    const Index taps = shape[0] * shape[1];
    const Index in = shape[2];
    const Index out = shape[3];
    std::vector<float> turned;
    for (Index o = 0; o < out; ++o)
      for (Index i = 0; i < in; ++i)
        for (Index tap = 0; tap < taps; ++tap) {
          turned.push_back(values[static_cast<std::size_t>((tap * in + i) * out + o)]);
        }
    return graph.floats({out, in, shape[0], shape[1]}, turned);
  }
  /// The next parameter as it is: in x out for a dense layer, as Keras has it.
  std::string plain(Graph& graph) {
    const auto values = take();
    Numbers extents;
    for (Index axis = 0; axis < shape.rank(); ++axis) extents.push_back(shape[axis]);
    return graph.floats(extents, values);
  }

  /// The largest difference to the model that the graph gives, relative to the largest output.
  double difference(Graph& graph, const nn::OnnxImportOptions& options = {}) {
    REQUIRE(next_ == parameters_.size());
    const auto found = nn::from_onnx(graph.finish(), options);
    REQUIRE(found.input_shape() == model.input_shape());
    const auto samples = networks::samples_of(model.input_shape(), 2);
    const auto y = found.predict(samples);
    const auto expected = model.predict(samples);
    REQUIRE(y.shape() == expected.shape());
    // And the way out and in again.
    CHECK(nn::from_onnx(nn::to_onnx(found)).predict(samples) == y);
    float worst = 0;
    float largest = 0;
    for (Index i = 0; i < y.size(); ++i) {
      worst = std::max(worst, std::abs(y[i] - expected[i]));
      largest = std::max(largest, std::abs(expected[i]));
    }
    REQUIRE(largest > 0);
    return static_cast<double>(worst / largest);
  }

  nn::Model<networks::Chain> model;
  Shape shape{};  ///< of the parameter taken last

 private:
  std::vector<nn::Variable> parameters_;
  std::size_t next_ = 0;
};

/// The shape that Keras's Reshape layer works out: the number of samples, then `extents`.
std::string computed_shape(Graph& graph, const std::string& value, const Numbers& extents) {
  const auto size = graph.node("Shape", {value});
  const auto cast = graph.node("Cast", {size});
  graph.set("to", onnx::TensorProto::INT32);
  const auto first = graph.node("Slice", {cast, graph.list({0}), graph.list({1}), graph.list({0})});
  const auto count = graph.node("Squeeze", {first, graph.list({0})});
  std::vector<std::string> all{graph.node("Unsqueeze", {count, graph.list({0})})};
  for (const Index extent : extents) {
    all.push_back(graph.node("Unsqueeze", {graph.whole({}, {extent}), graph.list({0})}));
  }
  const auto joined = graph.node("Concat", all);
  graph.set("axis", Index{0});
  const auto shape = graph.node("Cast", {joined});
  graph.set("to", onnx::TensorProto::INT64);
  return shape;
}

}  // namespace

TEST_CASE("Keras's classifier: transposed before the first convolution and after the last") {
  Source source(nn::sequential(nn::Conv2D{.filters = 4, .padding = nn::Padding::same()}, nn::ReLU{},
                               nn::MaxPool2D{2}, nn::Conv2D{.filters = 5, .kernel = 2}, nn::ReLU{},
                               nn::Flatten{}, nn::Dense{7}, nn::BatchNorm{}, nn::PReLU{},
                               nn::Dense{3}, nn::Softmax{}),
                {6, 8, 3});
  const auto with = [&](auto&& reshape) {
    auto copy = source;
    Graph graph(13, {0, 6, 8, 3});
    const auto conv1 = copy.filters(graph);
    auto value = graph.node("Conv", {graph.to_first("input"), conv1, copy.plain(graph)});
    graph.set("auto_pad", "SAME_UPPER").set("kernel_shape", {3, 3});
    value = graph.node("MaxPool", {graph.node("Relu", {value})});
    graph.set("kernel_shape", {2, 2}).set("strides", {2, 2});
    const auto conv2 = copy.filters(graph);
    value = graph.node("Conv", {value, conv2, copy.plain(graph)});
    graph.set("pads", {0, 0, 0, 0}).set("strides", {1, 1}).set("group", 1);
    value = reshape(graph, graph.to_last(graph.node("Relu", {value})));
    value = graph.node("MatMul", {value, copy.plain(graph)});
    value = graph.node("Add", {value, copy.plain(graph)});
    const auto scale = copy.plain(graph);
    const auto shift = copy.plain(graph);
    const auto state = copy.model.state();
    const auto half = state.begin() + 7;
    value = graph.node("BatchNormalization",
                       {value, scale, shift, graph.floats({7}, {state.begin(), half}),
                        graph.floats({7}, {half, state.end()})});
    value = graph.node("PRelu", {value, copy.plain(graph)});
    value = graph.node("MatMul", {value, copy.plain(graph)});
    value = graph.node("Add", {copy.plain(graph), value});
    value = graph.node("Softmax", {value});
    graph.node("Identity", {value});
    return copy.difference(graph);
  };
  const Index size = 2 * 3 * 5;
  CHECK(with([&](Graph& graph, const std::string& value) {
          return graph.node("Reshape", {value, graph.list({-1, size})});
        }) < 1e-6);
  CHECK(with([&](Graph& graph, const std::string& value) {
          return graph.node("Reshape", {value, computed_shape(graph, value, {size})});
        }) < 1e-6);
  CHECK(with([&](Graph& graph, const std::string& value) {
          return graph.node("Flatten", {value});
        }) < 1e-6);
}

TEST_CASE("Keras's grey images: with one channel, a Transpose is written as a Reshape") {
  Source source(nn::sequential(nn::Conv2D{.filters = 1, .kernel = 2}, nn::Flatten{}, nn::Dense{4}),
                {5, 6, 1});
  Graph graph(13, {0, 5, 6, 1});
  const auto image = graph.node("Reshape", {"input", graph.list({-1, 1, 5, 6})});
  const auto filters = source.filters(graph);
  auto value = graph.node("Conv", {image, filters, source.plain(graph)});
  value = graph.node("Reshape", {value, graph.list({-1, 4, 5, 1})});
  value = graph.node("Reshape", {value, graph.list({-1, 20})});
  const auto weight = source.plain(graph);
  graph.node("Gemm", {value, weight, source.plain(graph)});
  CHECK(source.difference(graph) < 1e-6);
}

TEST_CASE("Keras's global pooling is a Squeeze after it, or a mean with the channel last") {
  Source source(nn::sequential(nn::Conv2D{.filters = 6, .stride = 2}, nn::LeakyReLU{0.3F},
                               nn::GlobalAveragePool2D{}, nn::Dense{4}, nn::LogSoftmax{}),
                {7, 9, 2});
  const auto with = [&](Index opset, auto&& pool) {
    auto copy = source;
    Graph graph(opset, {0, 7, 9, 2});
    const auto filters = copy.filters(graph);
    auto value = graph.node("Conv", {graph.to_first("input"), filters, copy.plain(graph)});
    graph.set("strides", {2, 2});
    value = graph.node("PRelu", {value, graph.floats({1, 1, 1}, {0.3F})});
    value = graph.node("MatMul", {pool(graph, value), copy.plain(graph)});
    value = graph.node("Add", {value, copy.plain(graph)});
    graph.node("LogSoftmax", {value});
    return copy.difference(graph);
  };
  CHECK(with(13, [](Graph& graph, const std::string& value) {
          const auto mean = graph.node("GlobalAveragePool", {value});
          return graph.node("Squeeze", {mean, graph.list({2, 3})});
        }) < 1e-6);
  CHECK(with(11, [](Graph& graph, const std::string& value) {
          const auto squeezed = graph.node("Squeeze", {graph.node("GlobalAveragePool", {value})});
          graph.set("axes", {-1, -2});
          return squeezed;
        }) < 1e-6);
  CHECK(with(11, [](Graph& graph, const std::string& value) {
          const auto mean = graph.node("ReduceMean", {graph.to_last(value)});
          graph.set("axes", {1, 2}).set("keepdims", Index{0});
          return mean;
        }) < 1e-6);
  CHECK(with(18, [](Graph& graph, const std::string& value) {
          const auto mean = graph.node("ReduceMean", {graph.to_last(value), graph.list({1, 2})});
          graph.set("keepdims", 1).set("noop_with_empty_axes", Index{0});
          return graph.node("Squeeze", {mean, graph.list({1, 2})});
        }) < 1e-6);
}

TEST_CASE("Keras's networks as they are before their transposes are put together") {
  using nn::AnyLayer;
  const nn::Conv2D first{.filters = 4, .kernel = 3, .padding = {2, 1, 0, 1}, .bias = false};
  Source source(
      nn::sequential(first, nn::PReLU{}, nn::concat(nn::Identity{}, nn::MaxPool2D{1}),
                     nn::Residual<nn::Conv2D>(nn::Conv2D{.filters = 8, .kernel = 1, .groups = 8}),
                     nn::Clip{}, nn::Softmax{}),
      {5, 4, 3});
  Graph graph(13, {0, 5, 4, 3});
  auto value = graph.node("Pad", {"input", graph.list({0, 2, 0, 0, 0, 1, 1, 0})});
  const auto image = graph.to_first(value);
  value = graph.to_last(graph.node("Conv", {image, source.filters(graph)}));
  const auto slopes = source.take();
  value = graph.node("PRelu", {value, graph.floats({1, 1, 4}, slopes)});
  const auto pooled = graph.node("MaxPool", {graph.to_first(value)});
  graph.set("kernel_shape", {1, 1});
  value = graph.node("Concat", {value, graph.to_last(pooled)});
  graph.set("axis", Index{-1});
  const auto filters = source.filters(graph);
  const auto conv = graph.node("Conv", {graph.to_first(value), filters});
  graph.set("group", 8);
  const auto biased = graph.node("Add", {graph.to_last(conv), source.plain(graph)});
  value = graph.node("Add", {biased, value});
  value = graph.node("Clip", {value, graph.floats({}, {0}), graph.floats({}, {6})});
  graph.node("Softmax", {value});
  graph.set("axis", 3);
  CHECK(source.difference(graph) < 1e-6);
}

TEST_CASE("Keras's decoder: an image of a dense layer's output, with the channel last") {
  Source source(nn::sequential(nn::Dense{2 * 3 * 4}, nn::ReLU{}, nn::Reshape{{2, 3, 4}},
                               nn::UpSample2D{2}, nn::Conv2D{.filters = 2}, nn::Sigmoid{}),
                {5});
  Graph graph(13, {0, 5});
  const auto weight = source.plain(graph);
  auto value = graph.node("Add", {graph.node("MatMul", {"input", weight}), source.plain(graph)});
  value = graph.node("Relu", {value});
  value = graph.node("Reshape", {value, computed_shape(graph, value, {2, 3, 4})});
  value = graph.node("Resize", {graph.to_first(value), "", graph.floats({4}, {1, 1, 2, 2})});
  graph.set("mode", "nearest").set("coordinate_transformation_mode", "asymmetric");
  graph.set("nearest_mode", "floor");
  const auto filters = source.filters(graph);
  value = graph.node("Conv", {value, filters, source.plain(graph)});
  graph.node("Sigmoid", {graph.to_last(value)});
  CHECK(source.difference(graph) < 1e-6);
}

TEST_CASE("where no Transpose tells, the shape of a sample tells the channel's place") {
  Source source(nn::sequential(nn::Flatten{}, nn::Dense{4}), {5, 6, 3});
  Graph graph(13, {0, 5, 6, 3});
  const auto flat = graph.node("Reshape", {"input", graph.list({-1, 90})});
  const auto weight = source.plain(graph);
  graph.node("Add", {graph.node("MatMul", {flat, weight}), source.plain(graph)});
  CHECK(source.difference(graph, {.input_shape = Shape{5, 6, 3}}) < 1e-6);
  CHECK(nn::from_onnx(graph.finish()).input_shape() == Shape{6, 3, 5});
}

TEST_CASE("what expects the channel first is refused where it comes last") {
  const auto refusal = [](Graph& graph) -> std::string {
    try {
      (void)nn::from_onnx(graph.finish());
    } catch (const nn::Error& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  Graph pool(13, {0, 2, 4, 4});
  pool.node("MaxPool", {pool.to_last("input")});
  pool.set("kernel_shape", {2, 2});
  CHECK(refusal(pool) ==
        "MaxPool 'MaxPool_2': it gets images with the channel last, and expects it first");
  Graph sum(13, {0, 2, 4, 4});
  const auto other = sum.to_last("input");
  sum.node("Add", {other, "input"});
  CHECK(refusal(sum) == "Add 'Add_2': images with the channel first and last cannot be joined");
  Graph turned(13, {0, 2, 4, 4});
  turned.transpose("input", {0, 2, 1, 3});
  CHECK(refusal(turned).starts_with("Transpose 'Transpose_1': only putting the channels"));
  Graph last(13, {0, 2, 4, 4});
  last.node("Reshape", {last.to_last("input"), last.list({-1, 2, 4, 4})});
  CHECK(refusal(last) == "Reshape 'Reshape_2': images with the channel last can only be made flat");
  Graph squeezed(13, {0, 2, 4, 4});
  squeezed.node("Squeeze", {"input", squeezed.list({2})});
  CHECK(refusal(squeezed) == "Squeeze 'Squeeze_1': axis 2 has the extent 4");
  Graph order(13, {0, 2, 4, 4});  // flat with the channel first, read with the channel last
  const auto flat = order.node("Flatten", {"input"});
  order.to_first(order.node("Reshape", {flat, order.list({-1, 4, 4, 2})}));
  CHECK(refusal(order).find("means something else where channels come first") != std::string::npos);
}

TEST_CASE("the ONNX zoo's MNIST: sizes by SAME_UPPER, biases added, weights put into shape") {
  const nn::Padding same = nn::Padding::same();
  Source source(
      nn::sequential(nn::Conv2D{.filters = 8, .kernel = 5, .padding = same}, nn::ReLU{},
                     nn::MaxPool2D{2}, nn::Conv2D{.filters = 16, .kernel = 5, .padding = same},
                     nn::ReLU{}, nn::MaxPool2D{3}, nn::Flatten{}, nn::Dense{10}),
      {28, 28, 1});
  Graph graph(8, {1, 1, 28, 28});
  auto value = std::string("input");
  for (const auto& [filters, window] : {std::pair<Index, Index>{8, 2}, {16, 3}}) {
    value = graph.node("Conv", {value, source.filters(graph)});
    graph.set("auto_pad", "SAME_UPPER").set("kernel_shape", {5, 5}).set("group", 1);
    graph.set("dilations", {1, 1}).set("strides", {1, 1});
    value = graph.node("Add", {value, graph.floats({filters, 1, 1}, source.take())});
    value = graph.node("MaxPool", {graph.node("Relu", {value})});
    graph.set("kernel_shape", {window, window}).set("strides", {window, window});
    graph.set("pads", {0, 0, 0, 0}).set("auto_pad", "NOTSET");
  }
  value = graph.node("Reshape", {value, graph.list({1, 256})});
  // Channel, height, width, output; here rows are in the order height, width, channel.
  const auto dense = source.take();
  std::vector<float> weights;
  for (std::size_t c = 0; c < 16; ++c)
    for (std::size_t pixel = 0; pixel < 16; ++pixel)
      for (std::size_t o = 0; o < 10; ++o) weights.push_back(dense[(pixel * 16 + c) * 10 + o]);
  const auto matrix =
      graph.node("Reshape", {graph.floats({16, 4, 4, 10}, weights), graph.list({256, 10})});
  value = graph.node("MatMul", {value, matrix});
  graph.node("Add", {value, graph.floats({1, 10}, source.take())});
  CHECK(source.difference(graph) < 1e-6);
}

}  // namespace onnx_exporters_test
