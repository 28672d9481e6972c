#include "nn/io/onnx_import.hpp"

#include <doctest/doctest.h>
#include <cmath>
#include <filesystem>
#include <set>

#include "nn/losses/softmax_cross_entropy.hpp"
#include "nn/optim/optimizer.hpp"
#include "nn/optim/sgd.hpp"
#include "onnx_networks.hpp"

namespace onnx_import_test {

namespace {

namespace fs = std::filesystem;
using nn::Index;

std::string message_of(const auto& run) {
  try {
    run();
  } catch (const nn::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// ONNX's own cases, one operator each.
const fs::path node_cases = "/usr/share/libonnx-testdata/data/node";

onnx::TensorProto read_tensor(const fs::path& path) {
  onnx::TensorProto tensor;
  REQUIRE(tensor.ParseFromString(nn::read_file(path)));
  return tensor;
}

/// The values of a tensor as a batch of ours: images get their channel last.
nn::Tensor<float> batch_of(const onnx::TensorProto& tensor) {
  const auto constant = nn::detail::read_constant(tensor);
  const auto& e = constant.extents;
  if (e.size() != 4) {
    nn::Shape shape;
    for (const Index extent : e) shape.push_back(extent);
    nn::Tensor<float> batch(shape);
    std::transform(constant.values.begin(), constant.values.end(), batch.begin(),
                   [](double value) { return static_cast<float>(value); });
    return batch;
  }
  nn::Tensor<float> batch({e[0], e[2], e[3], e[1]});
  std::size_t position = 0;
  for (Index n = 0; n < e[0]; ++n)
    for (Index c = 0; c < e[1]; ++c)
      for (Index y = 0; y < e[2]; ++y)
        for (Index x = 0; x < e[3]; ++x)
          batch(n, y, x, c) = static_cast<float>(constant.values[position++]);
  return batch;
}

/// Loads a case, with all inputs but the first as constants.
onnx::ModelProto load_case(const std::string& name) {
  onnx::ModelProto proto;
  REQUIRE(proto.ParseFromString(nn::read_file(node_cases / name / "model.onnx")));
  for (int i = 1; i < proto.graph().input_size(); ++i) {
    const std::string file = "input_" + std::to_string(i) + ".pb";
    auto& constant = *proto.mutable_graph()->add_initializer();
    constant = read_tensor(node_cases / name / "test_data_set_0" / file);
    constant.set_name(proto.graph().input(i).name());
  }
  return proto;
}

/// A graph with one node, whose input is an image of 4 x 5 pixels with 2 channels.
onnx::ModelProto one_node(const std::string& operation) {
  onnx::ModelProto proto;
  proto.add_opset_import()->set_version(13);
  auto& graph = *proto.mutable_graph();
  nn::detail::declare(*graph.add_input(), "in", {4, 5, 2});
  nn::detail::declare(*graph.add_output(), "out", {4, 5, 2});
  auto& node = *graph.add_node();
  node.set_op_type(operation);
  node.set_name("it");
  node.add_input("in");
  node.add_output("out");
  return proto;
}

std::string refusal(const onnx::ModelProto& proto) {
  return message_of([&] { (void)nn::from_onnx(proto); });
}

}  // namespace

TEST_CASE("ONNX's own cases give their recorded outputs") {
  if (!fs::exists(node_cases)) {
    MESSAGE("skipped, since it needs libonnx-testdata: ONNX's own cases");
    return;
  }
  const std::vector<std::string> cases{
      "basic_conv_with_padding",
      "basic_conv_without_padding",
      "conv_with_autopad_same",
      "conv_with_strides_and_asymmetric_padding",
      "conv_with_strides_no_padding",
      "conv_with_strides_padding",
      "convtranspose",
      "convtranspose_dilations",
      "convtranspose_pad",
      "convtranspose_pads",
      "maxpool_2d_ceil",
      "maxpool_2d_default",
      "maxpool_2d_pads",
      "maxpool_2d_precomputed_pads",
      "maxpool_2d_precomputed_same_upper",
      "maxpool_2d_precomputed_strides",
      "maxpool_2d_same_lower",
      "maxpool_2d_same_upper",
      "maxpool_2d_strides",
      "averagepool_2d_ceil",
      "averagepool_2d_default",
      "averagepool_2d_pads",
      "averagepool_2d_pads_count_include_pad",
      "averagepool_2d_precomputed_pads",
      "averagepool_2d_precomputed_pads_count_include_pad",
      "averagepool_2d_precomputed_same_upper",
      "averagepool_2d_precomputed_strides",
      "averagepool_2d_same_lower",
      "averagepool_2d_same_upper",
      "averagepool_2d_strides",
      "globalaveragepool",
      "globalaveragepool_precomputed",
      "globalmaxpool",
      "globalmaxpool_precomputed",
      "batchnorm_epsilon",
      "batchnorm_example",
      "gemm_alpha",
      "gemm_beta",
      "gemm_default_no_bias",
      "gemm_default_scalar_bias",
      "gemm_default_single_elem_vector_bias",
      "gemm_default_vector_bias",
      "gemm_default_zero_bias",
      "gemm_transposeB",
      "matmul_2d",
      "relu",
      "leakyrelu",
      "leakyrelu_default",
      "elu",
      "elu_default",
      "sigmoid",
      "tanh",
      "softplus",
      "softmax_axis_2",
      "softmax_default_axis",
      "softmax_example",
      "softmax_large_number",
      "softmax_negative_axis",
      "prelu_broadcast",
      "transpose_all_permutations_0",
      "transpose_all_permutations_1",
      "unsqueeze_axis_1",
      "logsoftmax_axis_2",
      "logsoftmax_default_axis",
      "logsoftmax_example_1",
      "logsoftmax_large_number",
      "logsoftmax_negative_axis",
      "flatten_axis1",
      "flatten_default_axis",
      "flatten_negative_axis3",
      "dropout_default",
      "dropout_default_ratio",
      "dropout_default_old",
      "resize_upsample_scales_nearest",
      "resize_upsample_scales_linear",
      "resize_upsample_scales_linear_align_corners",
      "depthtospace_crd_mode",
      "depthtospace_crd_mode_example",
      "hardswish",
      "instancenorm_epsilon",
      "instancenorm_example",
  };
  for (const std::string& name : cases) {
    INFO(name);
    const fs::path data = node_cases / ("test_" + name) / "test_data_set_0";
    const auto model = nn::from_onnx(load_case("test_" + name));
    const auto found = model.predict(batch_of(read_tensor(data / "input_0.pb")));
    const auto expected = batch_of(read_tensor(data / "output_0.pb"));
    REQUIRE(found.shape() == expected.shape());
    for (Index i = 0; i < found.size(); ++i) {
      CHECK(std::abs(found[i] - expected[i]) <= 1e-5F * std::max(1.0F, std::abs(expected[i])));
    }
  }
}

TEST_CASE("forms of operations that cannot be expressed are refused by name") {
  if (!fs::exists(node_cases)) {
    MESSAGE("skipped, since it needs libonnx-testdata: refusals of ONNX's own cases");
    return;
  }
  const std::vector<std::pair<std::string, std::string>> cases{
      {"maxpool_1d_default", "MaxPool"},
      {"maxpool_2d_dilations", "dilations are not supported"},
      {"maxpool_3d_default", "only images are supported"},
      {"averagepool_1d_default", "only images are supported"},
      {"batchnorm_example_training_mode", "it has 3 outputs"},
      {"convtranspose_1d", "ConvTranspose"},
      {"convtranspose_autopad_same", "auto_pad 'SAME_UPPER'"},
      {"convtranspose_output_shape", "'output_shape' is not supported"},
      {"gemm_all_attributes", "transA is not supported"},
      {"gemm_default_matrix_bias", "a bias of"},
      {"selu", "only the constants of the paper"},
      {"prelu_example", "only a constant with one element a channel"},
      {"softmax_axis_0", "only the axis of the channels"},
      {"softmax_axis_1", "only the axis of the channels"},
      {"flatten_axis2", "only axis 1 is supported"},
      {"transpose_all_permutations_2", "has not the axis of the samples first"},
      {"squeeze", "the axis of the samples cannot be taken away"},
      {"unsqueeze_axis_0", "no axis can be put before that of the samples"},
      {"unsqueeze_axis_2", "means something else where channels come first"},
      {"lrn", "this operation is not supported"},
      {"hardsigmoid", "this operation is not supported"},
      {"resize_upsample_scales_cubic", "only modes 'nearest' and 'linear'"},
      {"depthtospace_dcr_mode", "only mode 'CRD'"},
      {"gru_defaults", "only linear_before_reset = 1"},
      {"lstm_defaults", "it expects the steps first and the samples second"},
      {"lstm_with_peepholes", "sequences of different lengths are not supported"},
      {"gather_1", "only one step can be taken"},
  };
  for (const auto& [name, why] : cases) {
    const std::string message = refusal(load_case("test_" + name));
    INFO(message);
    CHECK(message.find(why) != std::string::npos);
  }
}

TEST_CASE("what is exported and read by its nodes alone gives the same bits") {
  // These need their description.
  const std::set<std::string> no_way_back{"layer_norm",
                                          "layer_norm_flat",
                                          "gated",
                                          "sequence_gated",
                                          "group_norm",
                                          "group_norm_without_scale",
                                          "instance_norm",
                                          "sequence_group_norm",
                                          "sequence_attention",
                                          "sequence_attention_causal",
                                          "sequence_attention_rotary",
                                          "sequence_attention_across",
                                          "sequence_transformer",
                                          "sequence_transformer_block"};
  const auto travel = [&](const char* name, const auto& network, const nn::Shape& input) {
    INFO(std::string(name));
    const auto model = networks::model_of(network, input);
    auto proto = nn::to_onnx(model);
    proto.clear_metadata_props();
    if (no_way_back.contains(name)) {
      CHECK_THROWS_AS((void)nn::from_onnx(proto), nn::Error);
      return;
    }
    std::string why;
    try {
      const auto again = nn::from_onnx(proto);
      const auto samples = networks::samples_of(input, 3);
      CHECK(again.predict(samples) == model.predict(samples));
      CHECK(nn::from_onnx(nn::to_onnx(again)).predict(samples) == model.predict(samples));
    } catch (const nn::Error& error) {
      why = error.what();
    }
    CHECK(why == "");
  };
  networks::for_each_layer(travel);
  networks::for_each_written_layer(travel);
  networks::for_each_network(travel);
}

TEST_CASE("an imported network is trained further") {
  const auto original =
      networks::model_of(nn::sequential(nn::Conv2D{.filters = 4}, nn::BatchNorm{}, nn::ReLU{},
                                        nn::MaxPool2D{2}, nn::Flatten{}, nn::Dense{3}),
                         {8, 8, 1});
  auto model = nn::from_onnx(nn::to_onnx(original));
  const auto images = networks::samples_of({8, 8, 1}, 6);
  const nn::Tensor<nn::Label> labels({6}, {0, 1, 2, 0, 1, 2});
  const nn::SoftmaxCrossEntropy loss;
  nn::Optimizer optimizer(model, nn::SGD{.learning_rate = 0.1});
  nn::Tensor<float> gradient({6, 3});
  std::vector<float> losses;
  for (int step = 0; step < 30; ++step) {
    const auto logits = model.forward(images);
    losses.push_back(loss(logits, std::as_const(labels).view(), gradient.view()));
    model.zero_gradients();
    model.backward(gradient);
    optimizer.step(model);
  }
  CHECK(losses.back() < 0.3F * losses.front());
}

TEST_CASE("weights of other number types, and biases that stand by themselves") {
  // MatMul with 16-bit weights of a Constant node, and Add of a bias of 64-bit floats.
  onnx::ModelProto proto;
  proto.add_opset_import()->set_version(13);
  auto& graph = *proto.mutable_graph();
  nn::detail::declare(*graph.add_input(), "in", {2});
  nn::detail::declare(*graph.add_output(), "out", {3});
  auto& constant = *graph.add_node();
  constant.set_op_type("Constant");
  constant.add_output("weight");
  auto& attribute = *constant.add_attribute();
  attribute.set_name("value");
  auto& weight = *attribute.mutable_t();
  weight.set_data_type(onnx::TensorProto::FLOAT16);
  for (const int extent : {2, 3}) weight.add_dims(extent);
  for (const int bits : {0x3c00, 0x4000, 0x4200, 0xbc00, 0, 0x3800}) weight.add_int32_data(bits);
  auto& bias = *graph.add_initializer();
  bias.set_name("bias");
  bias.set_data_type(onnx::TensorProto::DOUBLE);
  bias.add_dims(3);
  for (const double value : {10.0, 20.0, 30.0}) bias.add_double_data(value);
  auto& product = *graph.add_node();
  product.set_op_type("MatMul");
  for (const char* name : {"in", "weight"}) product.add_input(name);
  product.add_output("product");
  auto& sum = *graph.add_node();
  sum.set_op_type("Add");
  for (const char* name : {"bias", "product"}) sum.add_input(name);
  sum.add_output("out");
  const auto model = nn::from_onnx<double>(proto);
  // x W + b with W = (1 2 3; -1 0 0.5)
  CHECK(model.predict(nn::Tensor<double>({1, 2}, {2.0, 4.0})) ==
        nn::Tensor<double>({1, 3}, {8.0, 24.0, 38.0}));
}

TEST_CASE("an input whose extents the file leaves open") {
  auto proto = nn::to_onnx(nn::Model(nn::sequential(nn::Conv2D{.filters = 2}), {5, 5, 1}));
  proto.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(2)
      ->set_dim_param("height");
  CHECK(refusal(proto).starts_with("its input's extents are open; give them as .input_shape"));
  CHECK(nn::from_onnx(proto, {.input_shape = nn::Shape{9, 5, 1}}).output_shape() ==
        nn::Shape{7, 3, 2});
}

TEST_CASE("malformed graphs are refused, saying why") {
  CHECK(refusal({}) == "it has no graph");
  CHECK(refusal(one_node("Relu")) == "nothing was thrown");
  CHECK(refusal(one_node("Frobnicate")) == "Frobnicate 'it': this operation is not supported");

  const auto changed = [](const auto& change) {
    auto proto = one_node("Relu");
    change(*proto.mutable_graph());
    return refusal(proto);
  };
  using Graph = onnx::GraphProto;
  CHECK(changed([](Graph& graph) { graph.clear_input(); }) == "it has no input");
  CHECK(changed([](Graph& graph) { graph.clear_output(); }) ==
        "it has 0 outputs, and only one is supported");
  CHECK(changed([](Graph& graph) { graph.mutable_output(0)->set_name("other"); }) ==
        "nothing makes the output 'other'");
  CHECK(changed([](Graph& graph) { graph.mutable_node(0)->set_input(0, "out"); }) ==
        "Relu 'it': its input 'out' is not made before it");
  CHECK(changed([](Graph& graph) { *graph.add_node() = graph.node(0); }) ==
        "Relu 'it': 'out' is made twice");
  CHECK(changed([](Graph& graph) { graph.mutable_node(0)->set_domain("com.acme"); }) ==
        "Relu 'it': the domain 'com.acme' is not supported");
  CHECK(changed([](Graph& graph) { graph.mutable_node(0)->add_attribute()->set_name("colour"); }) ==
        "Relu 'it': the attribute 'colour' is not supported");
  CHECK(changed([](Graph& graph) {
          graph.mutable_input(0)
              ->mutable_type()
              ->mutable_tensor_type()
              ->mutable_shape()
              ->mutable_dim(2)
              ->set_dim_value(1'000'000'000'000);
        }) == "its input is too large");

  const auto conv = [](std::initializer_list<Index> extents, std::size_t bytes) {
    auto proto = one_node("Conv");
    auto& graph = *proto.mutable_graph();
    graph.mutable_node(0)->add_input("weight");
    auto& weight = *graph.add_initializer();
    weight.set_name("weight");
    weight.set_data_type(onnx::TensorProto::FLOAT);
    for (const Index extent : extents) weight.add_dims(extent);
    weight.set_raw_data(std::string(bytes, '\0'));
    return refusal(proto);
  };
  CHECK(conv({3, 2, 2, 2}, 96) == "nothing was thrown");
  CHECK(conv({3, 2, 2, 2}, 92) ==
        "Conv 'it': the constant 'weight': its extents say 24 elements, and it has 23");
  CHECK(conv({3, 2, 2, 2}, 95) == "Conv 'it': the constant 'weight': its last element is cut");
  CHECK(conv({1 << 30, 1 << 30, 1 << 30, 4}, 96) ==
        "Conv 'it': the constant 'weight': its extents are no size");
  CHECK(conv({1'000'000'000, 1, 1, 1}, 4) ==
        "Conv 'it': the constant 'weight': its extents say 1000000000 elements, and it has 1");
  CHECK(conv({3, 2, -2, -2}, 96) == "Conv 'it': the constant 'weight': its extents are no size");
  CHECK(conv({3, 2, 4}, 96) == "Conv 'it': input 1 has 3 axes; only 4 are supported");
  CHECK(conv({3, 1, 2, 4}, 96) ==
        "Conv 'it': weights for 1 channels in each of 1 groups, and images with 2");
  CHECK(conv({1, 2, 12, 1}, 96).starts_with("Conv 'it': "));

  const fs::path path = fs::temp_directory_path() / nn::detail::temporary_beside("bad.onnx");
  nn::write_file(path, "this is no protocol buffer");
  CHECK(message_of([&] { (void)nn::load_onnx(path); }) ==
        "cannot read " + path.string() + ": it is no ONNX file");
  fs::remove(path);
}

TEST_CASE("branches that cross are refused, instead of being computed twice") {
  // out = relu(in) + (sigmoid(in) + relu(in)): the Relu stands in two branches.
  auto proto = one_node("Relu");
  auto& graph = *proto.mutable_graph();
  graph.mutable_node(0)->set_output(0, "a");
  const auto add = [&](const char* operation, std::initializer_list<const char*> inputs,
                       const char* output) {
    auto& node = *graph.add_node();
    node.set_op_type(operation);
    for (const char* input : inputs) node.add_input(input);
    node.add_output(output);
  };
  add("Sigmoid", {"in"}, "b");
  add("Add", {"b", "a"}, "c");
  add("Add", {"a", "c"}, "out");
  CHECK(refusal(proto) == "Relu 'it': it stands in two branches, which cannot be expressed");
}

namespace {

/// Appends a node whose first input is the graph's output so far.
onnx::NodeProto& then(onnx::ModelProto& proto, const std::string& operation) {
  auto& graph = *proto.mutable_graph();
  auto& last = *graph.mutable_node(graph.node_size() - 1);
  last.set_output(0, "before_" + std::to_string(graph.node_size()));
  auto& node = *graph.add_node();
  node.set_op_type(operation);
  node.set_name("then");
  node.add_input(graph.node(graph.node_size() - 2).output(0));
  node.add_output("out");
  return node;
}

void set(onnx::NodeProto& node, const char* name, const std::vector<Index>& values) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  for (const Index value : values) attribute.add_ints(value);
}

void set(onnx::NodeProto& node, const char* name, Index value) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_i(value);
}

/// A Pad node and a pooling after it, on ones.
nn::Tensor<float> pooled_ones(const std::vector<Index>& pads, const char* pooling, Index window = 2,
                              bool ceils = false, Index stride = 1) {
  auto proto = one_node("Pad");
  set(*proto.mutable_graph()->mutable_node(0), "pads", pads);
  auto& pool = then(proto, pooling);
  set(pool, "kernel_shape", {window, window});
  set(pool, "strides", {stride, stride});
  set(pool, "pads", {0, 0, pads == std::vector<Index>(8, 0) && !ceils ? 1 : 0, 0});
  if (ceils) set(pool, "ceil_mode", 1);
  const auto model = nn::from_onnx(proto);
  return model.predict(nn::Tensor<float>(nn::Shape{1, 4, 5, 2}, 1.0F));
}

}  // namespace

TEST_CASE("a Pad of no width does not make the padding of a mean count") {
  for (const float value : pooled_ones(std::vector<Index>(8, 0), "AveragePool")) CHECK(value == 1);
}

TEST_CASE("a Pad node pads each side by its own width") {
  // One row above, none below; two columns on the left, one on the right: zeros that count.
  const auto means = pooled_ones({0, 0, 1, 2, 0, 0, 0, 1}, "AveragePool", 3);
  REQUIRE(means.shape() == nn::Shape{1, 3, 6, 2});
  const auto ones_at = [&](Index y, Index x) { return std::lround(9 * means(0, y, x, 1)); };
  CHECK(ones_at(0, 0) == 2);
  CHECK(ones_at(0, 1) == 4);
  CHECK(ones_at(0, 2) == 6);
  CHECK(ones_at(0, 5) == 4);
  CHECK(ones_at(2, 0) == 3);
  CHECK(ones_at(2, 2) == 9);
  CHECK(ones_at(2, 5) == 6);
}

TEST_CASE("ceil_mode adds a window only where one is left unfilled") {
  // Four rows are two windows exactly; five columns are two windows and one that is cut.
  const auto means = pooled_ones(std::vector<Index>(8, 0), "AveragePool", 2, true, 2);
  CHECK(means.shape() == nn::Shape{1, 2, 3, 2});
  for (const float value : means) CHECK(value == 1);
  CHECK(pooled_ones(std::vector<Index>(8, 0), "MaxPool", 2, true, 2).shape() ==
        nn::Shape{1, 2, 3, 2});
}

TEST_CASE("BatchNorm's momentum in ONNX is the weight of the old statistics") {
  const nn::Model model(nn::sequential(nn::BatchNorm{.momentum = 0.25F, .epsilon = 0.5F}),
                        {3, 4, 2});
  const auto proto = nn::to_onnx(model);
  REQUIRE(proto.graph().node_size() == 1);
  std::map<std::string, float> found;
  for (const auto& attribute : proto.graph().node(0).attribute()) {
    found[attribute.name()] = attribute.f();
  }
  CHECK(found == std::map<std::string, float>{{"epsilon", 0.5F}, {"momentum", 0.75F}});
  const auto again = nn::from_onnx(proto);
  const auto* layer = again.network().layers()[0].get_if<nn::BatchNorm>();
  REQUIRE(layer != nullptr);
  CHECK(layer->momentum == 0.25F);
  CHECK(layer->epsilon == 0.5F);
  // A file that does not say has 0.9.
  auto silent = proto;
  silent.mutable_graph()->mutable_node(0)->clear_attribute();
  CHECK(nn::from_onnx(silent).network().layers()[0].get_if<nn::BatchNorm>()->momentum ==
        doctest::Approx(0.1));
}

TEST_CASE("a transposed convolution that is smaller than its stride fills the gaps") {
  const nn::Model model(
      nn::sequential(nn::ConvTranspose2D{
          .filters = 1, .kernel = {1, 2}, .stride = {3, 4}, .padding = nn::Padding::same()}),
      {2, 3, 1});
  const auto proto = nn::to_onnx(model);
  for (const auto& attribute : proto.graph().node(0).attribute()) {
    const std::vector<Index> values(attribute.ints().begin(), attribute.ints().end());
    if (attribute.name() == "output_padding") CHECK(values == std::vector<Index>{2, 2});
    if (attribute.name() == "pads") CHECK(values == std::vector<Index>(4, 0));
  }
  CHECK(nn::from_onnx(proto).plan().output == nn::Shape{6, 12, 1});
}

TEST_CASE("BatchNorm of other samples than images works on their last axis") {
  const nn::Model model(nn::sequential(nn::BatchNorm{}), {4, 3});
  const auto proto = nn::to_onnx(model);
  const auto& graph = proto.graph();
  REQUIRE(graph.node_size() == 3);
  CHECK(graph.node(0).op_type() == "Reshape");
  CHECK(graph.node(1).op_type() == "BatchNormalization");
  CHECK(graph.node(2).op_type() == "Reshape");
}

TEST_CASE("every window on every size of image comes back the same") {
  using nn::Padding;
  int travelled = 0;
  const auto travel = [&](const nn::AnyLayer& layer, const nn::Shape& input) {
    const nn::Sequential<nn::AnyLayer> network({layer});
    try {
      (void)nn::plan_of(network, input);
    } catch (const nn::Error&) {
      return;  // the window does not fit
    }
    INFO(layer.name() << " on " << input);
    const nn::Model<nn::Sequential<nn::AnyLayer>> model(network, input, {.seed = 3});
    const auto again = nn::from_onnx(nn::to_onnx(model));
    REQUIRE(again.plan().output == model.plan().output);
    const auto samples = networks::samples_of(input, 2);
    CHECK(again.predict(samples) == model.predict(samples));
    ++travelled;
  };
  const std::vector<Padding> paddings{Padding::same(), 0, {1, 0}, {0, 1, 1, 0}};
  for (const nn::Shape& input : {nn::Shape{1, 1, 2}, {2, 3, 2}, {5, 4, 2}}) {
    for (const nn::Extent2D& window : {nn::Extent2D{1}, {2, 1}, {3, 2}, {4, 3}}) {
      for (const nn::Extent2D& stride : {nn::Extent2D{1}, {2, 3}, {4, 1}}) {
        for (const Padding& padding : paddings) {
          travel(nn::MaxPool2D{window, stride, padding}, input);
          for (const bool counts : {false, true}) {
            travel(nn::AveragePool2D{window, stride, padding, counts}, input);
          }
          for (const nn::Extent2D& dilation : {nn::Extent2D{1}, {1, 2}}) {
            for (const Index groups : {1, 2}) {
              travel(nn::Conv2D{.filters = 2,
                                .kernel = window,
                                .stride = stride,
                                .dilation = dilation,
                                .groups = groups,
                                .padding = padding},
                     input);
              travel(nn::ConvTranspose2D{.filters = 2,
                                         .kernel = window,
                                         .stride = stride,
                                         .dilation = dilation,
                                         .groups = groups,
                                         .padding = padding},
                     input);
            }
          }
        }
      }
    }
  }
  CHECK(travelled > 1000);
}

namespace {

/// Gives the node a constant as its next input.
void give(onnx::ModelProto& proto, onnx::NodeProto& node, const std::vector<Index>& extents,
          const std::vector<double>& values, bool whole = false) {
  auto& tensor = *proto.mutable_graph()->add_initializer();
  tensor.set_name("constant_" + std::to_string(proto.graph().initializer_size()));
  tensor.set_data_type(whole ? onnx::TensorProto::INT64 : onnx::TensorProto::FLOAT);
  for (const Index extent : extents) tensor.add_dims(extent);
  for (const double value : values) {
    if (whole)
      tensor.add_int64_data(static_cast<Index>(value));
    else
      tensor.add_float_data(static_cast<float>(value));
  }
  node.add_input(tensor.name());
}

onnx::NodeProto& add(onnx::ModelProto& proto, const char* operation,
                     std::initializer_list<const char*> inputs, const char* output) {
  auto& node = *proto.mutable_graph()->add_node();
  node.set_op_type(operation);
  node.set_name(std::string("it_") + output);
  for (const char* input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

/// A graph without nodes, of images of 4 x 5 pixels with 2 channels.
onnx::ModelProto no_nodes() {
  auto proto = one_node("Relu");
  proto.mutable_graph()->clear_node();
  return proto;
}

}  // namespace

TEST_CASE("Clip takes its limits as attributes or as inputs, and without a limit is a ReLU") {
  const auto samples = networks::samples_of({4, 5, 2}, 2);
  const auto check = [&](const onnx::ModelProto& proto, float low, float high) {
    const auto y = nn::from_onnx(proto).predict(samples);
    for (Index i = 0; i < y.size(); ++i) CHECK(y[i] == std::clamp(samples[i], low, high));
  };
  auto inputs = one_node("Clip");
  auto& node = *inputs.mutable_graph()->mutable_node(0);
  give(inputs, node, {}, {-0.25});
  give(inputs, node, {}, {0.5});
  check(inputs, -0.25F, 0.5F);
  auto attributes = one_node("Clip");
  for (const auto& [name, value] : {std::pair{"min", -0.5F}, std::pair{"max", 0.75F}}) {
    auto& attribute = *attributes.mutable_graph()->mutable_node(0)->add_attribute();
    attribute.set_name(name);
    attribute.set_f(value);
  }
  check(attributes, -0.5F, 0.75F);
  auto half = one_node("Clip");
  give(half, *half.mutable_graph()->mutable_node(0), {}, {0});
  CHECK(nn::from_onnx(half).network().layers()[0].get_if<nn::ReLU>() != nullptr);
}

TEST_CASE("PRelu has one slope, or one for each channel, and these are learned") {
  const auto with = [](const std::vector<Index>& extents, const std::vector<double>& slopes) {
    auto proto = one_node("PRelu");
    give(proto, *proto.mutable_graph()->mutable_node(0), extents, slopes);
    return proto;
  };
  const auto samples = networks::samples_of({4, 5, 2}, 2);
  const auto check = [&](const onnx::ModelProto& proto, float first, float second) {
    const auto model = nn::from_onnx(proto);
    const auto y = model.predict(samples);
    for (Index i = 0; i < y.size(); ++i) {
      const float slope = i % 2 == 0 ? first : second;
      CHECK(y[i] == (samples[i] > 0 ? samples[i] : slope * samples[i]));
    }
    return model.parameters().size();
  };
  CHECK(check(with({2, 1, 1}, {0.25, -0.5}), 0.25F, -0.5F) == 2);
  CHECK(check(with({1, 2, 1, 1}, {0, 0.125}), 0, 0.125F) == 2);
  CHECK(check(with({1, 1, 1}, {0.25}), 0.25F, 0.25F) == 1);
  CHECK(check(with({1}, {0.25}), 0.25F, 0.25F) == 1);
  CHECK(refusal(with({2}, {0.25, 0.5})) ==
        "PRelu 'it': only a constant with one element a channel is supported");
  CHECK(refusal(with({4, 5}, std::vector<double>(20, 0.25))) ==
        "PRelu 'it': only a constant with one element a channel is supported");
}

TEST_CASE("x.view(x.size(0), -1) is a Reshape, as is one for a fixed batch") {
  const auto samples = networks::samples_of({4, 5, 2}, 1);
  const nn::Tensor<float> expected =
      nn::Model(nn::sequential(nn::FlattenChannelsFirst{}), {4, 5, 2}).predict(samples);
  auto proto = no_nodes();
  add(proto, "Shape", {"in"}, "shape");
  give(proto, add(proto, "Gather", {"shape"}, "count"), {}, {0}, true);
  give(proto, add(proto, "Unsqueeze", {"count"}, "batch"), {1}, {0}, true);
  give(proto, add(proto, "Concat", {"batch"}, "target"), {1}, {-1}, true);
  set(*proto.mutable_graph()->mutable_node(3), "axis", Index{0});
  add(proto, "Reshape", {"in", "target"}, "out");
  CHECK(nn::from_onnx(proto).predict(samples) == expected);
  proto.mutable_graph()->mutable_node(1)->clear_input();
  proto.mutable_graph()->mutable_node(1)->add_input("shape");
  give(proto, *proto.mutable_graph()->mutable_node(1), {}, {1}, true);
  CHECK(refusal(proto) ==
        "Gather 'it_count': of a computed shape only the number of samples is supported");

  auto fixed = no_nodes();
  give(fixed, add(fixed, "Reshape", {"in"}, "out"), {2}, {1, -1}, true);
  CHECK(refusal(fixed).starts_with("Reshape 'it_out': only the shape of samples can change"));
  fixed.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(1);
  CHECK(nn::from_onnx(fixed).predict(samples) == expected);
}

TEST_CASE("Identity and Reshape of constants are constants") {
  auto proto = no_nodes();
  proto.mutable_graph()->mutable_input(0)->Clear();
  nn::detail::declare(*proto.mutable_graph()->mutable_input(0), "in", {2});
  give(proto, add(proto, "Identity", {}, "same"), {3, 2, 1}, {1, 2, 3, 4, 5, 6});
  give(proto, add(proto, "Reshape", {"same"}, "weight"), {2}, {-1, 3}, true);
  add(proto, "MatMul", {"in", "weight"}, "out");
  // (10 1) times the rows (1 2 3) and (4 5 6).
  CHECK(nn::from_onnx(proto).predict(nn::Tensor<float>({1, 2}, {10.0F, 1.0F})) ==
        nn::Tensor<float>({1, 3}, {14.0F, 25.0F, 36.0F}));
}

TEST_CASE("a Reshape that would mix samples is refused") {
  auto proto = no_nodes();
  give(proto, add(proto, "Reshape", {"in"}, "out"), {2}, {-1, 20}, true);
  CHECK(refusal(proto) == "Reshape 'it_out': samples of 4x5x2 do not fit");
}

TEST_CASE("a Concat of one value is that value, and one of none is refused") {
  auto proto = no_nodes();
  add(proto, "Concat", {"in"}, "same");
  add(proto, "Relu", {"same"}, "out");
  const auto samples = networks::samples_of({4, 5, 2}, 2);
  CHECK(nn::from_onnx(proto).predict(samples) ==
        nn::Model(nn::sequential(nn::ReLU{}), {4, 5, 2}).predict(samples));
  proto.mutable_graph()->mutable_node(0)->clear_input();
  CHECK(refusal(proto) == "Concat 'it_same': all of its inputs are constants");
}

TEST_CASE("densely connected layers, each of which sees all before it, are one chain") {
  auto proto = no_nodes();
  add(proto, "Relu", {"in"}, "a");
  set(add(proto, "Concat", {"in", "a"}, "two"), "axis", Index{1});
  add(proto, "Tanh", {"two"}, "b");
  set(add(proto, "Concat", {"in", "a", "b"}, "three"), "axis", Index{1});
  add(proto, "Sigmoid", {"three"}, "out");
  const auto found = nn::from_onnx(proto);
  const nn::Model expected(nn::sequential(nn::Concat(nn::Identity{}, nn::ReLU{}),
                                          nn::Concat(nn::Identity{}, nn::Tanh{}), nn::Sigmoid{}),
                           {4, 5, 2});
  const auto samples = networks::samples_of({4, 5, 2}, 2);
  CHECK(found.predict(samples) == expected.predict(samples));
}

}  // namespace onnx_import_test
