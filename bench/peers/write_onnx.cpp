// Writes the networks W1 to W10 as ONNX files, for peer_onnxruntime: write_onnx FOLDER
#include <filesystem>
#include <iostream>

#include <nn/io/onnx_export.hpp>

#include "../workloads.hpp"

int main(int argc, char** argv) {
  try {
    nn::require(argc == 2, "usage: write_onnx FOLDER");
    const std::filesystem::path folder = argv[1];
    std::filesystem::create_directories(folder);
    const auto write = [&](const std::string& name, const auto& network, const nn::Shape& shape) {
      nn::save_onnx(nn::Model(network, shape, {.seed = 1}), folder / (name + ".onnx"));
    };
    bench::for_each_classifier([&](const char* name, const auto& network, const nn::Shape& shape,
                                   nn::Index /*batch*/,
                                   const auto& /*rule*/) { write(name, network, shape); });
    write("W6", bench::w6_generator(), {100});
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}
