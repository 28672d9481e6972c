// Prints the first ten losses of a training, to be compared with those that the page computes:
//
//     losses MNIST_FOLDER > examples/web/weights/losses.txt

#include <nn/data/gzip.hpp>

#include <iostream>

#include "training.hpp"

int main(int argc, char** argv) {
  try {
    nn::require(argc == 2, "usage: losses MNIST_FOLDER");
    const nn::TrainTest digits = nn::load_mnist(argv[1]);
    const nn::Dataset learned =
        digits.train.slice(0, 10000).with_normalization({{0.13066}, {0.30811}});
    for (const float loss : web::first_losses(learned)) {
      std::cout << nn::detail::general(static_cast<double>(loss), 9) << '\n';
    }
    return 0;
  } catch (const nn::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
