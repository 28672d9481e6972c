// Networks of PyTorch and torchvision, exported by torch.onnx; see export_torch.py.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "data_files.hpp"
#include "nn/io/onnx_import.hpp"

namespace onnx_torch_test {

namespace {

namespace fs = std::filesystem;
using nn::Index;

/// The Python that has PyTorch and torchvision; empty where none has.
std::string python_with_torchvision() {
  for (const char* name : {"/usr/bin/python3", "python3"}) {
    const std::string command = std::string(name) + " -c 'import torchvision' 2>/dev/null";
    if (std::system(command.c_str()) == 0) return name;
  }
  return "";
}

/// 32-bit floats from a file.
nn::Tensor<float> read_floats(const fs::path& path) {
  const std::string bytes = nn::read_file(path);
  nn::Tensor<float> values({static_cast<Index>(bytes.size() / sizeof(float))});
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

/// A sample as a batch; an image comes with the channel first.
nn::Tensor<float> batch_of(const nn::Tensor<float>& values, const nn::Shape& image) {
  nn::Tensor<float> batch(image.prepended(1));
  REQUIRE(batch.size() == values.size());
  if (image.rank() != 3) {
    std::copy(values.begin(), values.end(), batch.begin());
    return batch;
  }
  Index position = 0;
  for (Index c = 0; c < image[2]; ++c)
    for (Index y = 0; y < image[0]; ++y)
      for (Index x = 0; x < image[1]; ++x) batch(0, y, x, c) = values[position++];
  return batch;
}

}  // namespace

TEST_CASE("networks exported from PyTorch give the outputs they had there") {
  const std::string python = python_with_torchvision();
  if (python.empty()) {
    MESSAGE("skipped, since it needs python3-torchvision: networks exported from PyTorch");
    return;
  }
  const data_files::TemporaryFolder folder;
  const std::string command = python + " '" +
                              (data_files::tests_folder / "export_torch.py").string() + "' '" +
                              folder.path().string() + "' >&2";
  REQUIRE(std::system(command.c_str()) == 0);
  int count = 0;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    fs::path path = entry.path();
    if (path.extension() != ".onnx") continue;
    INFO(path.filename().string());
    const auto model = nn::load_onnx(path);
    const auto x = read_floats(path.replace_extension(".x"));
    const auto expected = read_floats(path.replace_extension(".y"));
    const auto y = model.predict(batch_of(x, model.input_shape()));
    REQUIRE(y.size() == expected.size());
    float worst = 0;
    float largest = 0;
    for (Index i = 0; i < y.size(); ++i) {
      const float difference = std::abs(y[i] - expected[i]);
      worst = difference <= worst ? worst : difference;  // a NaN stays one
      largest = std::max(largest, std::abs(expected[i]));
    }
    CHECK(worst <= 1e-5F * largest);
    ++count;
  }
  CHECK(count == 24);
}

}  // namespace onnx_torch_test
