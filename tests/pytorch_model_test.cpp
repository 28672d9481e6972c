#include <doctest/doctest.h>
#include <cstdlib>

#include "data_files.hpp"
#include "nn/io/safetensors.hpp"
#include "nn/layers/batch_norm.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/relu.hpp"

namespace pytorch_model_test {

TEST_CASE("PyTorch builds a network from its file alone, and gives the file's test output") {
  if (std::system("/usr/bin/python3 -c 'import torch' 2>/dev/null") != 0) {
    MESSAGE("skipped, since it needs python3-torch: a model's file read by PyTorch");
    return;
  }
  const auto network = nn::sequential(
      nn::Conv2D{.filters = 4, .kernel = {3, 2}, .stride = {1, 2}, .padding = {1, 0}},
      nn::BatchNorm{.momentum = 0.25F, .epsilon = 0.01F}, nn::ReLU{}, nn::MaxPool2D{2},
      nn::Conv2D{.filters = 6, .kernel = 2, .groups = 2, .bias = false}, nn::Flatten{},
      nn::Dense{3});
  nn::Model model(network, {9, 12, 3}, {.seed = 3});
  nn::Random random(5);
  for (float& value : model.state()) value = static_cast<float>(random.uniform(0.5, 2));
  const data_files::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "model.safetensors";
  nn::save(model, file,
           {.layout = nn::WeightLayout::pytorch, .about = {.class_names = {"ant", "bee", "cat"}}});
  const std::string command = "/usr/bin/python3 '" +
                              (data_files::tests_folder / "check_model_file.py").string() + "' '" +
                              file.string() + "' >&2";
  CHECK(std::system(command.c_str()) == 0);
}

}  // namespace pytorch_model_test
