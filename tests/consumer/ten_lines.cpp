#include <iostream>
#include <nn/nn.hpp>

int main() {
  const auto [train, test] = nn::load_mnist("data/mnist");
  nn::Model model(nn::sequential(nn::Flatten{}, nn::Dense{128}, nn::ReLU{}, nn::Dense{10}),
                  train.sample_shape(), {.seed = 1});
  nn::fit(model, train, nn::SoftmaxCrossEntropy{}, nn::Adam{}, {.epochs = 4, .validation = &test});
  std::cout << nn::accuracy(model, test) << '\n';
}
