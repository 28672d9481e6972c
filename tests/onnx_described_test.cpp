// What this library wrote to ONNX files and reads again.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "data_files.hpp"
#include "nn/io/onnx.hpp"
#include "nn/io/safetensors_file.hpp"
#include "onnx_networks.hpp"

namespace onnx_described_test {

namespace {

std::string message_of(const auto& run) {
  try {
    run();
  } catch (const nn::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

std::string description(const auto& model) {
  return nn::detail::describe_network(model.network(), model.input_shape()).model;
}

}  // namespace

TEST_CASE("every layer that is written is read with all its options, and gives the same bits") {
  int travelled = 0;
  const auto travel_with = [&](const char* name, const auto& network, const nn::Shape& input,
                               const nn::Tensor<float>& samples) {
    INFO(std::string(name));
    const auto model = networks::model_of(network, input);
    const auto proto = nn::to_onnx(model);
    const auto why = message_of([&] {
      const auto* text = nn::detail::description_of(proto);
      REQUIRE(text != nullptr);
      const auto again = nn::detail::read_described<float>(proto, *text, {});
      CHECK(again.predict(samples) == model.predict(samples));
      CHECK(description(again) == description(model));
      CHECK(again.parameters().size() == model.parameters().size());
    });
    CHECK(why == "nothing was thrown");
    ++travelled;
  };
  const auto travel = [&](const char* name, const auto& network, const nn::Shape& input) {
    travel_with(name, network, input, networks::samples_of(input, 3));
  };
  networks::for_each_layer(travel);
  networks::for_each_written_layer(travel);
  networks::for_each_network(travel);
  networks::for_each_masked_network(
      [&](const char* name, const auto& network, const nn::Shape& input) {
        travel_with(name, network, input, networks::padded_samples(input));
      });
  CHECK(travelled > 100);
}

namespace {

/// A network with what a graph alone does not tell.
nn::Model<nn::Sequential<nn::AnyLayer>> gated() {
  return networks::model_of(
      nn::Sequential<nn::AnyLayer>({nn::LayerNorm{}, nn::Dense{6}, nn::GatedLinearUnit{},
                                    nn::DropPath{0.25F}, nn::Dropout{0.5F}, nn::Dense{2}}),
      {4});
}

/// Why the file is not the network that it describes.
std::string difference(const onnx::ModelProto& proto) {
  return message_of([&] {
    (void)nn::detail::read_described<float>(proto, *nn::detail::description_of(proto), {});
  });
}

onnx::NodeProto& node_named(onnx::ModelProto& proto, const std::string& name) {
  for (auto& node : *proto.mutable_graph()->mutable_node()) {
    if (node.name() == name) return node;
  }
  throw nn::Error("there is no node " + name);
}

onnx::TensorProto& constant_named(onnx::ModelProto& proto, const std::string& name) {
  for (auto& tensor : *proto.mutable_graph()->mutable_initializer()) {
    if (tensor.name() == name) return tensor;
  }
  throw nn::Error("there is no constant " + name);
}

void describe_as(onnx::ModelProto& proto, const std::string& description) {
  for (auto& entry : *proto.mutable_metadata_props()) {
    if (entry.key() == "nn.model") entry.set_value(description);
  }
}

}  // namespace

TEST_CASE("tokens, names and networks that are no chains come back from a file") {
  const auto same = [](const auto& model, const nn::Tensor<float>& samples) {
    const auto path = std::filesystem::temp_directory_path() /
                      nn::detail::temporary_beside("described.onnx").filename();
    nn::save_onnx(model, path, {.input = "tokens", .output = "answer"});
    const auto again = nn::load_onnx(path);
    const auto given = nn::load_onnx(path, {.input_shape = model.input_shape()});
    std::filesystem::remove(path);
    CHECK(again.predict(samples) == model.predict(samples));
    CHECK(given.predict(samples) == model.predict(samples));
    return again;
  };
  nn::Tensor<float> tokens({3, 5});
  for (nn::Index i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<float>(i * 3 % 7);
  same(nn::Model(
           nn::sequential(nn::Embedding{.tokens = 7, .features = 4}, nn::SinusoidalPositions{500},
                          nn::transformer_block({.features = 4, .heads = 2}),
                          nn::bidirectional(nn::LSTM{.units = 3}), nn::Dense{2}),
           {5}),
       tokens);
  const auto named = same(nn::Model(nn::sequential(nn::named("body", nn::Conv2D{.filters = 3},
                                                             nn::Mish{}, nn::Flatten{}),
                                                   nn::named("head", nn::Dense{2})),
                                    {5, 4, 2}),
                          networks::samples_of({5, 4, 2}, 3));
  CHECK(named.variables().back().name == "head.bias");
  same(nn::Model(nn::residual(nn::Dense{4}, nn::GELU{}), {4}), networks::samples_of({4}, 3));
  same(nn::Model(nn::GRU{.units = 3}, {6, 4}), networks::samples_of({6, 4}, 3));
}

TEST_CASE("tokens that a mask is found from may be whole numbers") {
  const nn::Model model(
      nn::sequential(nn::masked(0, nn::Embedding{.tokens = 7, .features = 4}, nn::MeanOverSteps{})),
      {6});
  const auto proto = nn::to_onnx(model, {.whole_tokens = true});
  CHECK(proto.graph().input(0).type().tensor_type().elem_type() == onnx::TensorProto::INT64);
  const auto tokens = networks::padded_samples({6});
  CHECK(nn::from_onnx(proto).predict(tokens) == model.predict(tokens));
  const nn::Model shorter(nn::masked(0, nn::Reshape{{3, 4}}, nn::MeanOverSteps{}), {6, 2});
  CHECK(message_of([&] { (void)nn::to_onnx(shorter); }).find("the mask is one of 6 steps") !=
        std::string::npos);
}

TEST_CASE("tokens may be declared as whole numbers") {
  const nn::Model model(
      nn::sequential(nn::Embedding{.tokens = 7, .features = 4}, nn::GRU{.units = 3}), {5});
  auto proto = nn::to_onnx(model, {.whole_tokens = true});
  CHECK(proto.graph().input(0).type().tensor_type().elem_type() == onnx::TensorProto::INT64);
  nn::Tensor<float> tokens({2, 5}, 3.0F);
  CHECK(nn::from_onnx(proto).predict(tokens) == model.predict(tokens));
  CHECK(difference(proto) == "nothing was thrown");
  proto.clear_metadata_props();
  CHECK(nn::from_onnx(proto).predict(tokens) == model.predict(tokens));
  CHECK(message_of([&] {
          (void)nn::to_onnx(nn::Model(nn::sequential(nn::Dense{2}), {5}), {.whole_tokens = true});
        }) == "only a network that begins with an Embedding reads whole tokens");
}

TEST_CASE("files that were written once are read for ever") {
  // Written by this test where NN_RECORD is set. When an exporter changes, they stay as they are.
  const auto record = [](const char* name, const auto& network, const nn::Shape& input,
                         const nn::Tensor<float>& samples) {
    const auto model = networks::model_of(network, input);
    nn::save_onnx(model, data_files::tests_folder / "recorded" / (std::string(name) + ".onnx"));
    nn::SafetensorsFile file;
    file.put("input", samples.view());
    file.put("output", std::as_const(model).predict(samples).view());
    file.write(data_files::tests_folder / "recorded" /
               (std::string(name) + "_results.safetensors"));
  };
  if (std::getenv("NN_RECORD") != nullptr) {
    record("sequences",
           nn::sequential(
               nn::Dense{4}, nn::SinusoidalPositions{}, nn::LearnedPositions{},
               nn::transformer_block(
                   {.features = 4, .heads = 2, .dropout = 0.25F, .causal = true, .rotary = true}),
               nn::transformer_block<nn::Norm::after>({.features = 4, .heads = 1}),
               nn::bidirectional(nn::LSTM{.units = 2, .return_sequence = true}), nn::RMSNorm{},
               nn::GatedLinearUnit{.swish = true}, nn::GRU{.units = 3}),
           {5, 3}, networks::samples_of({5, 3}, 2));
    record("masked",
           nn::sequential(
               nn::masked(0, nn::Embedding{.tokens = 7, .features = 4},
                          nn::transformer_block({.features = 4, .heads = 2, .causal = true}),
                          nn::bidirectional(nn::LSTM{.units = 2, .return_sequence = true}),
                          nn::GRU{.units = 3, .return_sequence = true}, nn::MeanOverSteps{}),
               nn::Dense{2}),
           {6}, networks::padded_samples({6}));
    record("enlarging",
           nn::sequential(nn::Conv2D{.filters = 4}, nn::GroupNorm{.groups = 2}, nn::Mish{},
                          nn::squeeze_excitation(4, 2), nn::PixelShuffle{2}, nn::HardSwish{},
                          nn::BilinearUpSample2D{2}, nn::LayerNorm{}, nn::DropPath{0.5F},
                          nn::AdaptiveMaxPool2D{{2, 4}}, nn::Flatten{}, nn::Dense{6}, nn::PReLU{},
                          nn::GatedLinearUnit{}, nn::GELU{.approximate = true}, nn::Dense{2}),
           {4, 4, 2}, networks::samples_of({4, 4, 2}, 2));
  }
  for (const std::string name : {"sequences", "enlarging", "masked"}) {
    const auto folder = data_files::tests_folder / "recorded";
    const auto model = nn::load_onnx(folder / (name + ".onnx"));
    const auto results = nn::SafetensorsFile::read(folder / (name + "_results.safetensors"));
    const auto output = results.get<float>("output");
    const auto found = model.predict(results.get<float>("input"));
    REQUIRE(found.shape() == output.shape());
    CHECK(found == output);
  }
}

TEST_CASE("what a graph does not tell comes from the description") {
  const auto again = nn::from_onnx(nn::to_onnx(gated()));
  CHECK(description(again) == description(gated()));
  CHECK(description(again).find("0.25") != std::string::npos);
}

TEST_CASE("a description is believed only if the graph is that of its network") {
  const auto model = gated();
  const auto changed = [&](const auto& change) {
    auto proto = nn::to_onnx(model);
    change(proto);
    return difference(proto);
  };
  const auto reason = [&](const char* expected, const auto& change) {
    const std::string found = changed(change);
    INFO(found);
    CHECK(found.find(expected) != std::string::npos);
  };
  CHECK(changed([](onnx::ModelProto&) {}) == "nothing was thrown");
  using Proto = onnx::ModelProto;
  reason("Tanh '2/Sigmoid': the network has Sigmoid here",
         [](Proto& proto) { node_named(proto, "2/Sigmoid").set_op_type("Tanh"); });
  reason("Sigmoid '2/Sigmoid': the network has Sigmoid here",
         [](Proto& proto) { node_named(proto, "2/Sigmoid").set_domain("com.acme"); });
  reason("InstanceNormalization '0/InstanceNormalization': its attributes are not the network's",
         [](Proto& proto) {
           node_named(proto, "0/InstanceNormalization").mutable_attribute(0)->set_f(0.1F);
         });
  reason("Slice '2/Slice': the constant '2/half_1' has other elements",
         [](Proto& proto) { constant_named(proto, "2/half_1").set_int64_data(0, 2); });
  reason("Gemm '1/Gemm': the constant '1.weight' has another type or other extents",
         [](Proto& proto) { constant_named(proto, "1.weight").set_dims(0, 5); });
  reason("Gemm '1/Gemm': it has 2 inputs, and the network's 3",
         [](Proto& proto) { node_named(proto, "1/Gemm").mutable_input()->RemoveLast(); });
  reason("Mul '2/Mul': input 0 is not the value that the network's reads",
         [](Proto& proto) { node_named(proto, "2/Mul").set_input(0, "2/Sigmoid"); });
  reason("Mul '2/Mul': input 0 is missing",
         [](Proto& proto) { *node_named(proto, "2/Mul").mutable_input(0) = ""; });
  reason("it has 12 nodes, and the network 11", [](Proto& proto) {
    auto& node = *proto.mutable_graph()->add_node();
    node.set_op_type("Relu");
    node.add_input("output");
    node.add_output("more");
  });
  reason("its output is not that of the network",
         [](Proto& proto) { proto.mutable_graph()->mutable_output(0)->set_name("2/Mul"); });
  reason("it has more than one input",
         [](Proto& proto) { proto.mutable_graph()->add_input()->set_name("other"); });
  reason("its input are no samples of 4", [](Proto& proto) {
    proto.mutable_graph()
        ->mutable_input(0)
        ->mutable_type()
        ->mutable_tensor_type()
        ->mutable_shape()
        ->mutable_dim(1)
        ->set_dim_value(5);
  });
  reason("its operations are of version 14, not 13",
         [](Proto& proto) { proto.mutable_opset_import(0)->set_version(14); });
  reason("1.weight: its extents say 24 elements, and it has 23", [](Proto& proto) {
    auto& raw = *constant_named(proto, "1.weight").mutable_raw_data();
    raw.resize(raw.size() - sizeof(float));
  });
  // Other names, and weights of other values, are the same network.
  CHECK(changed([](Proto& proto) {
          constant_named(proto, "1.bias").set_raw_data(std::string(24, '\0'));
          constant_named(proto, "1.bias").set_name("offsets");
          node_named(proto, "1/Gemm").set_input(2, "offsets");
          node_named(proto, "1/Gemm").set_doc_string("a product");
        }) == "nothing was thrown");
}

TEST_CASE(
    "a graph that another program changed is read by its nodes, or refused with both reasons") {
  auto proto = nn::to_onnx(networks::model_of(nn::sequential(nn::Dense{3}, nn::ReLU{}), {4}));
  proto.mutable_graph()->mutable_node(1)->set_op_type("Tanh");
  const auto model = nn::from_onnx(proto);
  CHECK(model.network().layers()[1].get_if<nn::Tanh>() != nullptr);
  proto.mutable_graph()->mutable_node(1)->set_op_type("Frobnicate");
  CHECK(message_of([&] { (void)nn::from_onnx(proto); }) ==
        "Frobnicate '1/Relu': this operation is not supported (nor is it the network that its "
        "metadata describe: Frobnicate '1/Relu': the network has Relu here)");
}

TEST_CASE("descriptions that claim what the file does not hold are refused before it is made") {
  auto proto = nn::to_onnx(
      nn::Model(nn::sequential(nn::MultiHeadAttention{.causal = true}, nn::LayerNorm{}), {3, 2}));
  const auto with = [&](const std::string& text, nn::Index steps) {
    describe_as(proto, text);
    auto& shape = *proto.mutable_graph()
                       ->mutable_input(0)
                       ->mutable_type()
                       ->mutable_tensor_type()
                       ->mutable_shape();
    shape.mutable_dim(1)->set_dim_value(steps);
    return difference(proto);
  };
  CHECK(with("no JSON", 3).find("is not JSON") != std::string::npos);
  CHECK(with("[]", 3).find("has no input or no network") != std::string::npos);
  CHECK(with(R"({"input": [3, 2], "network": {"layer": "Frobnicator"}})", 3)
            .find("there is no layer of this name") != std::string::npos);
  const std::string attention = R"({"layer": "MultiHeadAttention", "causal": true, "rotary": )";
  CHECK(with(R"({"input": [100000, 2], "network": )" + attention + "false}}", 100'000)
            .find("a constant of 100000 x 100000 elements") != std::string::npos);
  CHECK(with(R"({"input": [100000, 2], "network": )" + attention + "true}}", 100'000)
            .find("a constant of 100000 x 2 elements") != std::string::npos);
  CHECK(with(R"({"input": [100000, 2], "network": {"layer": "SinusoidalPositions"}})", 100'000)
            .find("a constant of 100000 x 2 elements") != std::string::npos);
  CHECK(with(R"({"input": [3, 2], "network": {"layer": "Dense", "units": 1000000}})", 3)
            .find("more than the file holds") != std::string::npos);
}

}  // namespace onnx_described_test
