#include "nn/io/onnx_export.hpp"

#include <doctest/doctest.h>
#include <cstdlib>
#include <filesystem>

#include "data_files.hpp"
#include "nn/io/safetensors_file.hpp"
#include "onnx_networks.hpp"

namespace onnx_export_test {

namespace {

namespace fs = std::filesystem;

/// Writes a network, an input and its output for check_onnx.py.
template <class Network>
void put(const fs::path& folder, const std::string& name, const nn::Model<Network>& model,
         const nn::Tensor<float>& samples) {
  nn::save_onnx(model, folder / (name + ".onnx"));
  nn::SafetensorsFile file;
  file.put("input", networks::channels_first(samples).view());
  file.put("output", networks::channels_first(model.predict(samples)).view());
  file.write(folder / (name + ".safetensors"));
}

/// The Python that has what check_onnx.py needs; empty where none has.
std::string python_with_onnx() {
  for (const char* python : {"python3", "/usr/bin/python3"}) {
    const std::string command = std::string(python) + " -c 'import onnx, cv2' 2>/dev/null";
    if (std::system(command.c_str()) == 0) return python;
  }
  return "";
}

struct Unknown : nn::ShapeChange {
  [[nodiscard]] std::string name() const { return "Unknown{}"; }
  [[nodiscard]] constexpr nn::Shape output_shape(const nn::Shape& input) const { return input; }
};

}  // namespace

TEST_CASE("OpenCV, or ONNX's definitions, give the outputs of every layer and of networks") {
  const std::string python = python_with_onnx();
  if (python.empty()) {
    MESSAGE(
        "skipped, since it needs python3-onnx and python3-opencv: what OpenCV makes of exports");
    return;
  }
  const fs::path folder =
      fs::temp_directory_path() / nn::detail::temporary_beside("nn_onnx").filename();
  fs::create_directories(folder);
  const auto put_here = [&](const char* name, const auto& network, const nn::Shape& input) {
    put(folder, name, networks::model_of(network, input), networks::samples_of(input, 3));
  };
  nn::Tensor<float> tokens({3, 5});
  for (nn::Index i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<float>(i * 3 % 7);
  put(folder, "sequence_tokens",
      nn::Model(nn::sequential(nn::Embedding{.tokens = 7, .features = 4}, nn::LSTM{.units = 3},
                               nn::Dense{2}),
                {5}, {.seed = 5}),
      tokens);
  networks::for_each_layer(put_here);
  networks::for_each_written_layer(put_here);
  networks::for_each_network(put_here);
  networks::for_each_masked_network(
      [&](const char* name, const auto& network, const nn::Shape& input) {
        put(folder, name, networks::model_of(network, input), networks::padded_samples(input));
      });
  const fs::path script = data_files::tests_folder / "check_onnx.py";
  const std::string command = python + " '" + script.string() + "' '" + folder.string() + "' >&2";
  CHECK(std::system(command.c_str()) == 0);
  fs::remove_all(folder);
}

TEST_CASE("inputs and outputs have names, and any number of samples") {
  const nn::Model model(nn::sequential(nn::Conv2D{.filters = 2}, nn::Flatten{}, nn::Dense{3}),
                        {5, 6, 1});
  const auto proto = nn::to_onnx(
      model,
      {.input = "image", .output = "logits", .name = "digits", .metadata = {{"accuracy", "0.99"}}});
  REQUIRE(proto.graph().input_size() == 1);
  REQUIRE(proto.graph().output_size() == 1);
  CHECK(proto.graph().name() == "digits");
  CHECK(proto.graph().input(0).name() == "image");
  CHECK(proto.graph().output(0).name() == "logits");
  const auto& shape = proto.graph().input(0).type().tensor_type().shape();
  REQUIRE(shape.dim_size() == 4);
  CHECK(shape.dim(0).dim_param() == "batch");
  CHECK(shape.dim(1).dim_value() == 1);
  CHECK(shape.dim(2).dim_value() == 5);
  CHECK(shape.dim(3).dim_value() == 6);
  CHECK(proto.metadata_props(0).key() == "accuracy");
  // Three nodes: no transposition is needed, since the dense layer's weights are permuted.
  REQUIRE(proto.graph().node_size() == 3);
  CHECK(proto.graph().node(0).op_type() == "Conv");
  CHECK(proto.graph().node(1).op_type() == "Flatten");
  CHECK(proto.graph().node(2).op_type() == "Gemm");
}

TEST_CASE("a layer that cannot be expressed is refused by name") {
  const nn::Model known(nn::sequential(nn::ReLU{}, Unknown{}), {4});
  CHECK_THROWS_WITH_AS((void)nn::to_onnx(known),
                       "Unknown{} (layer 1) cannot be expressed in ONNX: there is no write_onnx "
                       "for it",
                       nn::Error);
  const nn::Model any(nn::Sequential<nn::AnyLayer>({nn::ReLU{}, Unknown{}}), {4});
  CHECK_THROWS_AS((void)nn::to_onnx(any), nn::Error);
  const nn::Model turned(nn::sequential(nn::Flatten{}, nn::Reshape{{6, 2, 2}}), {3, 4, 2});
  CHECK_THROWS_AS((void)nn::to_onnx(turned), nn::Error);
}

}  // namespace onnx_export_test
