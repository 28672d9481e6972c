// A network that is known only at run time, trained: compiled by the acceptance run without
// run-time type information.
#include <nn/nn.hpp>

int main() {
  nn::Sequential<nn::AnyLayer> network;
  network.push_back(nn::Flatten{});
  network.push_back(nn::Dense{4});
  nn::Model model(network, nn::Shape{2, 2, 1}, {.seed = 1});
  const nn::Tensor<std::uint8_t> images({8, 2, 2, 1}, 100);
  const nn::Dataset data(images, {0, 1, 2, 3, 0, 1, 2, 3});
  nn::fit(model, data, nn::SoftmaxCrossEntropy{}, nn::Adam{}, {.epochs = 1, .batch_size = 4});
}
