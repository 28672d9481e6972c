// Prints what the page's proof is compared with, as a native program computes it:
//
//     native_proof MNIST_FOLDER > examples/web/weights/proof.json

#include <nn/data/gzip.hpp>

#include <iostream>

#include "proof.hpp"

int main(int argc, char** argv) {
  try {
    nn::require(argc == 2, "usage: native_proof MNIST_FOLDER");
    web::Proof proof(nn::load_mnist(argv[1]).train.slice(0, 10000));
    std::cout << "{\n  \"losses\": [";
    for (int i = 0; i < 10; ++i) {
      std::cout << (i > 0 ? ", " : "") << nn::format_general(static_cast<double>(proof.step()), 9);
    }
    std::cout << "],\n  \"after 10 steps\": \"" << proof.sha256() << "\",\n";
    for (nn::Index i = 10; i < proof.steps(); ++i) proof.step();
    std::cout << "  \"after the epoch\": \"" << proof.sha256() << "\"\n}\n";
    return 0;
  } catch (const nn::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
