#include "nn/io/safetensors.hpp"

#include <sys/resource.h>

#include <doctest/doctest.h>
#include <csignal>
#include <filesystem>

#include "nn/layers/any_layer.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/relu.hpp"
#include "nn/train/inference_form.hpp"

namespace safetensors_test {

namespace {

using doctest::Approx;

std::string message_of(const auto& run) {
  try {
    run();
  } catch (const nn::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// A folder that goes with the test.
struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               nn::detail::temporary_beside("nn_safetensors").filename();
  Folder() { std::filesystem::create_directories(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
  [[nodiscard]] std::filesystem::path operator/(const char* name) const { return path / name; }
};

std::string file_bytes(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  std::string content(8, '\0');
  std::memcpy(content.data(), &length, 8);
  return content + header + data;
}

nn::SafetensorsFile parse(const std::string& header, const std::string& data) {
  return nn::SafetensorsFile::parse(file_bytes(header, data), "a file");
}

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

/// One tensor "x" of `type` made of `data`, read as doubles.
std::vector<double> read_as(const std::string& type, nn::Index count, const std::string& data) {
  const std::string header = nn::detail::text(R"({"x":{"dtype":")", type, R"(","shape":[)", count,
                                              R"(],"data_offsets":[0,)", data.size(), "]}}");
  const auto values = parse(header, data).get<double>("x");
  return {values.begin(), values.end()};
}

auto small_network() {
  return nn::sequential(nn::Flatten{}, nn::Dense{4}, nn::ReLU{}, nn::Dense{3});
}
auto small_model(std::uint64_t seed = 1) {
  return nn::Model(small_network(), {2, 3, 2}, {.seed = seed});
}

std::vector<float> weights(const auto& model) {
  return {model.parameters().begin(), model.parameters().end()};
}

}  // namespace

TEST_CASE("a safetensors file written by hand is read") {
  const auto file = parse(R"({"__metadata__":{"made by":"hand"},)"
                          R"("b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]},)"
                          R"("a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}  )",
                          bytes({0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 7, 8, 255}));
  CHECK(file.metadata == nn::Metadata{{"made by", "hand"}});
  CHECK(file.tensors().size() == 2);
  CHECK(file.get<float>("a") == nn::Tensor<float>({1, 2}, {1.0F, -2.0F}));
  CHECK(file.get<double>("b") == nn::Tensor<double>({3}, {7.0, 8.0, 255.0}));
  CHECK(file.at("b").type == nn::ElementType::u8);
  CHECK(message_of([&] { (void)file.get<float>("c"); }) ==
        "there is no tensor 'c'; there are: a, b");
}

TEST_CASE("a file without tensors, a scalar and an empty tensor are read") {
  CHECK(parse("{}", "").tensors().empty());
  const auto file = parse(R"({"s":{"dtype":"F64","shape":[],"data_offsets":[0,8]},)"
                          R"("e":{"dtype":"F64","shape":[0,4],"data_offsets":[8,8]}})",
                          bytes({0, 0, 0, 0, 0, 0, 0xf0, 0x3f}));
  CHECK(file.get<float>("s") == nn::Tensor<float>(nn::Shape{}, {1.0F}));
  CHECK(file.get<float>("e").shape() == nn::Shape{0, 4});
}

// The values are read off the formats' definitions: IEEE 754 half precision, bfloat16, and the
// eight-bit floats of Micikevicius et al., table 1.
TEST_CASE("every number type becomes the model's") {
  using V = std::vector<double>;
  CHECK(read_as("BOOL", 2, bytes({0, 1})) == V{0, 1});
  CHECK(read_as("U8", 2, bytes({0, 255})) == V{0, 255});
  CHECK(read_as("I8", 2, bytes({127, 128})) == V{127, -128});
  CHECK(read_as("I16", 2, bytes({0xff, 0x7f, 0, 0x80})) == V{32767, -32768});
  CHECK(read_as("U16", 1, bytes({0xff, 0xff})) == V{65535});
  CHECK(read_as("I32", 1, bytes({0, 0, 0, 0x80})) == V{-2147483648.0});
  CHECK(read_as("U32", 1, bytes({0, 0, 0, 0x80})) == V{2147483648.0});
  CHECK(read_as("I64", 1, bytes({0xfe, 255, 255, 255, 255, 255, 255, 255})) == V{-2});
  CHECK(read_as("U64", 1, bytes({0, 0, 0, 0, 1, 0, 0, 0})) == V{4294967296.0});
  CHECK(read_as("F16", 4, bytes({0, 0x3c, 0, 0xc0, 0xff, 0x7b, 1, 0})) == V{1, -2, 65504, 0x1p-24});
  CHECK(read_as("BF16", 3, bytes({0x80, 0x3f, 0x49, 0x40, 0, 0xc1})) == V{1, 3.140625, -8});
  CHECK(read_as("F32", 1, bytes({0, 0, 0x20, 0x41})) == V{10});
  CHECK(read_as("F64", 1, bytes({0, 0, 0, 0, 0, 0, 0x24, 0x40})) == V{10});
  CHECK(read_as("F8_E5M2", 4, bytes({0x3c, 0x7b, 0x01, 0xc4})) == V{1, 57344, 0x1p-16, -4});
  CHECK(read_as("F8_E4M3", 4, bytes({0x38, 0x7e, 0x01, 0xc8})) == V{1, 448, 0x1p-9, -4});
  CHECK(read_as("F8_E8M0", 3, bytes({127, 130, 0})) == V{1, 8, 0x1p-127});
  CHECK(std::isnan(read_as("F8_E4M3", 1, bytes({0xff}))[0]));
  CHECK(std::isinf(read_as("F8_E5M2", 1, bytes({0x7c}))[0]));
  CHECK(std::isinf(read_as("F16", 1, bytes({0, 0x7c}))[0]));
}

TEST_CASE("what is written is read again, in every type that can be written") {
  nn::SafetensorsFile file;
  const nn::Tensor<float> values({2, 3}, {0.5F, -1.25F, 3.0F, 0.0F, 1e-3F, 1024.0F});
  const nn::Tensor<double> exact({2}, {0.1, 1e300});
  const nn::Tensor<nn::Label> labels({3}, {0, -5, 1 << 30});
  file.put("f32", values.view());
  file.put("f64", exact.view());
  file.put("i32", labels.view());
  file.put("f16", values.view(), nn::ElementType::f16);
  file.put("bf16", values.view(), nn::ElementType::bf16);
  file.metadata["text"] = "\xc3\xa4 \"quoted\"\n";
  const std::string content = file.serialize();
  const auto again = nn::SafetensorsFile::parse(content, "again");
  CHECK(again.get<float>("f32") == values);
  CHECK(again.get<double>("f64") == exact);
  CHECK(again.get<double>("i32") == nn::Tensor<double>({3}, {0, -5, 1073741824}));
  CHECK(again.metadata == file.metadata);
  CHECK(again.serialize() == content);
  for (nn::Index i = 0; i < values.size(); ++i) {
    CHECK(again.get<float>("f16")[i] == Approx(values[i]).epsilon(0x1p-11));
    CHECK(again.get<float>("bf16")[i] == Approx(values[i]).epsilon(0x1p-8));
  }
  std::uint64_t header = 0;
  std::memcpy(&header, content.data(), 8);
  CHECK(header % 8 == 0);
  CHECK_THROWS_WITH_AS(file.put("x", values.view(), nn::ElementType::i8),
                       "values can be stored as F64, F32, F16 or BF16, not as I8", nn::Error);
  CHECK_THROWS_AS(file.put("__metadata__", values.view()), nn::Error);
  CHECK_THROWS_AS(file.put("x", {nn::ElementType::f32, {2}, "abc"}), nn::Error);
  file.metadata["bad"] = "\xff";
  CHECK_THROWS_AS((void)file.serialize(), nn::Error);
}

TEST_CASE("an inference form is not saved") {
  const Folder folder;
  const nn::Model model(nn::sequential(nn::Dense{3}, nn::BatchNorm{}), {4}, {.seed = 1});
  const auto path = folder / "form.safetensors";
  CHECK(message_of([&] { nn::save(nn::inference_form(model), path); }) ==
        "the inference form of a model is not saved; save the model that it is made of");
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("malformed safetensors files are refused, saying why") {
  const auto refused = [](const std::string& content, const std::string& why) {
    const std::string message =
        message_of([&] { (void)nn::SafetensorsFile::parse(content, "bad.safetensors"); });
    INFO(message);
    CHECK(message.starts_with("cannot read bad.safetensors: "));
    CHECK(message.find(why) != std::string::npos);
  };
  const auto entry = [](const std::string& fields) { return R"({"x":{)" + fields + "}}"; };
  const auto refused_entry = [&](const std::string& fields, const std::string& data,
                                 const std::string& why) {
    refused(file_bytes(entry(fields), data), "the tensor 'x': " + why);
  };
  const std::string data(8, '\0');

  refused("", "only 0 bytes");
  refused("1234567", "only 7 bytes");
  refused(bytes({9, 0, 0, 0, 0, 0, 0, 0, '{', '}'}), "claims 9 bytes, and only 2 follow");
  refused(std::string(8, '\xff') + "{}", "claims 18446744073709551615 bytes");
  refused(file_bytes("[]", ""), "not a JSON object");
  refused(file_bytes("{", ""), "not JSON");
  refused(file_bytes("{} x", ""), "not JSON");
  refused(file_bytes("{\"\xff\":1}", ""), "not JSON");
  refused(file_bytes(R"({"__metadata__":{"a":"1","a":"2"}})", ""), "has 'a' twice");
  refused(file_bytes(R"({"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]},)"
                     R"("x":{"dtype":"U8","shape":[],"data_offsets":[1,2]}})",
                     "ab"),
          "has 'x' twice");
  refused(file_bytes(R"({"__metadata__":{"a":1}})", ""), "'a' is no text");
  refused(file_bytes(R"({"__metadata__":[]})", ""), "__metadata__ is no object");
  refused(file_bytes("{\"x\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}", ""),
          "nested too deeply");
  refused(file_bytes("{}", "a"), "last 1 bytes belong to no tensor");
  refused(file_bytes(R"({"x":3})", ""), "the tensor 'x': it has no dtype");

  refused_entry(R"("dtype":"F32","shape":[2])", data, "it has no data_offsets");
  refused_entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,8],"more":1)", data, "it has more");
  refused_entry(R"("dtype":"C64","shape":[1],"data_offsets":[0,8])", data, "its dtype \"C64\"");
  refused_entry(R"("dtype":7,"shape":[1],"data_offsets":[0,8])", data, "its dtype 7");
  refused_entry(R"("dtype":"F32","shape":2,"data_offsets":[0,8])", data, "its shape is no list");
  refused_entry(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])", data, "its shape is no size");
  refused_entry(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])", data, "its shape is no");
  refused_entry(R"("dtype":"F32","shape":[1e30],"data_offsets":[0,8])", data, "its shape is no");
  refused_entry(R"("dtype":"U8","shape":[1,1,1,1,1,1,8],"data_offsets":[0,8])", data, "it has 7");
  refused_entry(R"("dtype":"F32","shape":[1000000000],"data_offsets":[0,8])", data,
                "its shape 1000000000 in F32 takes 4000000000 bytes, and it has 8");
  refused_entry(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8])", data,
                "its shape 4294967296x4294967296 is too large");
  refused_entry(R"("dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,8])", data,
                "its shape");
  refused_entry(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8])", data,
                "its shape is no size");
  refused_entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,9])", data, "its bytes 0 to 9");
  refused_entry(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])", data, "its bytes 8 to 0");
  refused_entry(R"("dtype":"F32","shape":[2],"data_offsets":[0])", data, "its data_offsets are no");
  refused_entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,"8"])", data, "its data_offsets is");

  refused(file_bytes(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                     R"("y":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
                     "abcdef"),
          "the tensor 'y' overlaps another one");
  refused(file_bytes(R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                     R"("y":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                     "abc"),
          "the 1 bytes before the tensor 'y' belong to none");
}

TEST_CASE("a file cut anywhere is refused") {
  const std::string content = nn::to_safetensors(small_model()).serialize();
  for (std::size_t size = 0; size < content.size(); ++size) {
    CHECK_THROWS_AS((void)nn::SafetensorsFile::parse(content.substr(0, size), "cut"),
                    nn::FileError);
  }
}

TEST_CASE_TEMPLATE("a model comes back with the same bits", T, float, double) {
  const Folder folder;
  const nn::Model<decltype(small_network()), T> model(small_network(), {2, 3, 2}, {.seed = 1});
  for (const auto layout : {nn::WeightLayout::native, nn::WeightLayout::pytorch}) {
    nn::save(model, folder / "model.safetensors", {.layout = layout, .metadata = {{"epoch", "4"}}});
    nn::Model<decltype(small_network()), T> other(small_network(), {2, 3, 2}, {.seed = 2});
    const auto metadata = nn::load(other, folder / "model.safetensors");
    CHECK(std::equal(model.parameters().begin(), model.parameters().end(),
                     other.parameters().begin()));
    CHECK(metadata.at("epoch") == "4");
    CHECK(metadata.at("nn.network") == "Flatten{}, Dense{4}, ReLU{}, Dense{3}");
    CHECK(metadata.at("nn.input_shape") == "2x3x2");
  }
  CHECK_THROWS_AS(nn::save(model, folder / "x", {.metadata = {{"nn.layout", "mine"}}}), nn::Error);
}

TEST_CASE("weights saved in one scalar are loaded in the other") {
  const nn::Model<decltype(small_network()), double> exact(small_network(), {2, 3, 2}, {.seed = 1});
  auto model = small_model(2);
  nn::from_safetensors(model, nn::to_safetensors(exact));
  for (nn::Index i = 0; i < model.parameters().size(); ++i) {
    CHECK(model.parameters()[i] == static_cast<float>(exact.parameters()[i]));
  }
}

TEST_CASE("weights saved in half precision are rounded, in half the space, and pass their check") {
  const Folder folder;
  const auto model = small_model(5);
  nn::save(model, folder / "whole");
  nn::save(model, folder / "half", {.type = nn::ElementType::f16});
  const auto whole = nn::SafetensorsFile::read(folder / "whole");
  const auto half = nn::SafetensorsFile::read(folder / "half");
  for (const auto& [name, tensor] : half.tensors()) {
    CHECK(tensor.type == nn::ElementType::f16);
    CHECK(2 * tensor.bytes.size() == whole.at(name).bytes.size());
  }
  auto other = small_model(6);
  nn::load(other, folder / "half");
  bool rounded = false;
  for (nn::Index i = 0; i < model.parameters().size(); ++i) {
    const float value = model.parameters()[i];
    CHECK(other.parameters()[i] == Approx(value).epsilon(0.0005));  // half of 2^-10
    rounded = rounded || other.parameters()[i] != value;
  }
  CHECK(rounded);
  CHECK(message_of([&] {
          nn::save(model, folder / "whole numbers", {.type = nn::ElementType::i32});
        }) == "values can be stored as F64, F32, F16 or BF16, not as I32");
}

TEST_CASE("weights saved as whole numbers are off by half a scale at the most, in either layout") {
  const Folder folder;
  const auto model = small_model(5);
  for (const auto layout : {nn::WeightLayout::native, nn::WeightLayout::pytorch}) {
    nn::save(model, folder / "whole numbers", {.layout = layout, .type = nn::ElementType::i8});
    const auto file = nn::SafetensorsFile::read(folder / "whole numbers");
    CHECK(file.at("1.weight").type == nn::ElementType::i8);
    const bool native = layout == nn::WeightLayout::native;
    CHECK(file.at("1.weight.scale").shape == (native ? nn::Shape{1, 4} : nn::Shape{4, 1}));
    auto other = small_model(6);
    nn::load(other, folder / "whole numbers");
    for (const auto& variable : model.variables()) {
      const auto before = model.parameter(variable.name);
      const auto after = std::as_const(other).parameter(variable.name);
      const nn::Index channels = before.shape().back();
      for (nn::Index c = 0; c < channels; ++c) {
        float largest = 0;
        for (nn::Index i = c; i < before.size(); i += channels) {
          largest = std::max(largest, std::abs(before[i]));
        }
        const bool exact = before.shape().rank() == 1;
        for (nn::Index i = c; i < before.size(); i += channels) {
          const float allowed = exact ? 0 : largest / 127 * 0.5001F;
          CHECK(std::abs(after[i] - before[i]) <= allowed);
          if (!exact && std::abs(before[i]) == largest) CHECK(after[i] == Approx(before[i]));
        }
      }
    }
  }
}

TEST_CASE("whole numbers: scales that do not fit, and values that have none") {
  const nn::Tensor<float> values({2, 3}, {1, -3, 0, 0.25F, 4, 0});
  nn::SafetensorsFile file;
  nn::detail::put_quantized(file, "w", values.view(), 1);
  // By hand: the scales are 1 / 127, 4 / 127 and, of a column of zeros, 0.
  const auto numbers = file.get<float>("w");
  const std::array<float, 6> expected{127, -95, 0, 32, 127, 0};
  for (nn::Index i = 0; i < 6; ++i) CHECK(numbers[i] == expected[static_cast<std::size_t>(i)]);
  CHECK(nn::detail::get_scaled<float>(file, "w")[1] == Approx(-95 * 4.0 / 127));
  file.put("w.scale", nn::Tensor<float>({2, 3}).view());
  CHECK(message_of([&] { static_cast<void>(nn::detail::get_scaled<float>(file, "w")); }) ==
        "'w.scale' is 2x3 and 'w' is 2x3: there should be one scale for each index of one axis");
  const nn::Tensor<float> broken({1, 2}, {1, std::numeric_limits<float>::infinity()});
  CHECK(message_of([&] { nn::detail::put_quantized(file, "b", broken.view(), 1); }) ==
        "'b' cannot be stored as I8: element 1 is inf");
}

TEST_CASE("PyTorch's layout has dense layers out x in, and images with the channel first") {
  const auto model = small_model();
  const auto file = nn::to_safetensors(model, {.layout = nn::WeightLayout::pytorch});
  const auto stored = file.get<float>("1.weight");
  const auto own = model.parameter("1.weight");
  CHECK(stored.shape() == nn::Shape{4, 12});
  for (nn::Index unit = 0; unit < 4; ++unit) {
    for (nn::Index y = 0; y < 2; ++y) {
      for (nn::Index x = 0; x < 3; ++x) {
        for (nn::Index c = 0; c < 2; ++c) {
          CHECK(stored(unit, c * 6 + y * 3 + x) == own((y * 3 + x) * 2 + c, unit));
        }
      }
    }
  }
  const auto last = file.get<float>("3.weight");
  for (nn::Index unit = 0; unit < 3; ++unit) {
    for (nn::Index i = 0; i < 4; ++i) {
      CHECK(last(unit, i) == model.parameter("3.weight")(i, unit));
    }
  }
}

TEST_CASE("a dense layer whose output becomes an image is permuted on that side") {
  const nn::Model model(
      nn::sequential(nn::sequential(nn::Dense{12}, nn::ReLU{}), nn::Reshape{{2, 3, 2}}), {5},
      {.seed = 1});
  const auto file = nn::to_safetensors(model, {.layout = nn::WeightLayout::pytorch});
  const auto weight = file.get<float>("0.0.weight");
  const auto bias = file.get<float>("0.0.bias");
  CHECK(weight.shape() == nn::Shape{12, 5});
  for (nn::Index y = 0; y < 2; ++y) {
    for (nn::Index x = 0; x < 3; ++x) {
      for (nn::Index c = 0; c < 2; ++c) {
        const nn::Index here = (y * 3 + x) * 2 + c;
        const nn::Index there = c * 6 + y * 3 + x;
        CHECK(bias[there] == model.parameter("0.0.bias")[here]);
        for (nn::Index i = 0; i < 5; ++i) {
          CHECK(weight(there, i) == model.parameter("0.0.weight")(i, here));
        }
      }
    }
  }
}

TEST_CASE("a change of shape that means something else in PyTorch is refused by name") {
  const nn::Model straight(nn::sequential(nn::Reshape{{4, 1, 3}}), {2, 2, 3});
  CHECK(message_of([&] {
          (void)nn::to_safetensors(straight, {.layout = nn::WeightLayout::pytorch});
        }).starts_with("Reshape{4x1x3} (layer 0) makes 4x1x3 of 2x2x3"));
  const nn::Model around(nn::sequential(nn::Flatten{}, nn::ReLU{}, nn::Reshape{{4, 1, 3}}),
                         {2, 2, 3});
  CHECK(message_of([&] {
          (void)nn::to_safetensors(around, {.layout = nn::WeightLayout::pytorch});
        }).find("means something else where channels come first") != std::string::npos);
  CHECK_NOTHROW((void)nn::to_safetensors(around));
}

TEST_CASE("other names for the layers") {
  const auto model = small_model();
  const nn::LayerNames names{{"1", "fc1"}, {"3", "head.out"}};
  const auto file = nn::to_safetensors(model, {.names = names});
  CHECK(file.contains("fc1.weight"));
  CHECK(file.contains("head.out.bias"));
  auto other = small_model(2);
  CHECK_THROWS_AS(nn::from_safetensors(other, file), nn::FileError);
  nn::from_safetensors(other, file, {.names = names});
  CHECK(weights(other) == weights(model));
}

TEST_CASE("a failed load names every problem and leaves the model as it was") {
  const Folder folder;
  auto file = nn::to_safetensors(small_model(1));
  nn::SafetensorsFile wrong;
  wrong.metadata = file.metadata;
  wrong.put("1.weight", file.at("1.weight"));
  wrong.put("1.bias", nn::Tensor<float>({5}).view());
  wrong.put("3.wieght", file.at("3.weight"));
  wrong.put("3.bias", file.at("3.bias"));
  wrong.write(folder / "wrong.safetensors");
  auto model = small_model(2);
  const auto before = weights(model);
  const auto message = message_of([&] { nn::load(model, folder / "wrong.safetensors"); });
  CHECK(message == "cannot load " + (folder / "wrong.safetensors").string() +
                       ": its tensors are not this model's:"
                       "\n  misshapen: 1.bias is 5 in the file, and 4 in the model"
                       "\n  missing: 3.weight (4x3)"
                       "\n  extra: 3.wieght (4x3)");
  CHECK(weights(model) == before);
  CHECK_THROWS_AS(nn::load(model, folder / "none.safetensors"), nn::FileError);
  CHECK_THROWS_AS(nn::load(model, folder.path), nn::FileError);
  CHECK(weights(model) == before);
}

TEST_CASE("weights in a network that computes something else are refused") {
  const auto file = nn::to_safetensors(small_model(1));
  nn::Model other(nn::sequential(nn::Flatten{}, nn::Dense{4}, nn::LeakyReLU{0.5F}, nn::Dense{3}),
                  {2, 3, 2}, {.seed = 2});
  const auto before = weights(other);
  const auto message = message_of([&] { nn::from_safetensors(other, file); });
  CHECK(message.find("another output than the one stored") != std::string::npos);
  CHECK(weights(other) == before);
  nn::from_safetensors(other, file, {.check = false});
  CHECK(weights(other) == weights(small_model(1)));

  auto lying = file;
  lying.metadata["nn.check.output"] = "1 2";
  CHECK(message_of([&] { nn::from_safetensors(other, lying); }) ==
        "nn.check.output has 2 numbers where 3 are expected");
  lying.metadata["nn.check.output"] = "1 2 x";
  CHECK(message_of([&] { nn::from_safetensors(other, lying); }) ==
        "nn.check.output is no list of numbers");
  lying.metadata["nn.layout"] = "upside down";
  CHECK_THROWS_AS(nn::from_safetensors(other, lying), nn::FileError);
}

TEST_CASE("a network known at run time reads the weights of one known to the compiler") {
  const auto model = small_model(1);
  nn::Model other(
      nn::Sequential<nn::AnyLayer>({nn::Flatten{}, nn::Dense{4}, nn::ReLU{}, nn::Dense{3}}),
      {2, 3, 2}, {.seed = 2});
  nn::from_safetensors(other, nn::to_safetensors(model));
  CHECK(weights(other) == weights(model));
}

TEST_CASE("a weight that is NaN is stored and read as NaN, and the others exactly") {
  auto model = small_model(1);
  model.parameters()[2] = std::nanf("");
  model.parameters()[5] = -std::numeric_limits<float>::infinity();
  auto other = small_model(2);
  nn::from_safetensors(other, nn::to_safetensors(model));
  for (nn::Index i = 0; i < model.parameters().size(); ++i) {
    CHECK((other.parameters()[i] == model.parameters()[i] ||
           (i == 2 && std::isnan(other.parameters()[i]))));
  }
  for (const auto type : {nn::ElementType::f16, nn::ElementType::bf16}) {
    nn::from_safetensors(other, nn::to_safetensors(model, {.type = type}));
    CHECK(std::isnan(other.parameters()[2]));
    CHECK(other.parameters()[5] == model.parameters()[5]);
  }
  CHECK_THROWS_AS((void)nn::to_safetensors(model, {.type = nn::ElementType::i8}), nn::Error);
  // A network without NaN does not pass for it.
  auto file = nn::to_safetensors(model);
  const auto whole = nn::to_safetensors(small_model(1));
  file.metadata["nn.check.output"] = whole.metadata.at("nn.check.output");
  CHECK_THROWS_AS(nn::from_safetensors(other, file), nn::FileError);
}

TEST_CASE("a disk that is full leaves the old file whole") {
  const Folder folder;
  const auto path = folder / "model.safetensors";
  nn::save(small_model(1), path);
  const std::string before = nn::read_file(path);

  // A limit on the size of files is met as a full disk is: a write that fails.
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit narrow{100, limit.rlim_max};
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &narrow);
  const std::string message = message_of([&] { nn::save(small_model(2), path); });
  setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);

  CHECK(message.starts_with("cannot write"));
  CHECK(nn::read_file(path) == before);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
  CHECK_THROWS_AS(nn::save(small_model(1), folder / "no" / "folder"), nn::FileError);
}

}  // namespace safetensors_test
