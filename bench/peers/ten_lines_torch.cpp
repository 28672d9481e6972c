// The program of tests/consumer/ten_lines.cpp in libtorch, to compare compile times:
// g++ -std=c++20 -O2 -I/usr/include/torch/csrc/api/include -c

#include <torch/torch.h>

#include <iostream>

int main() {
  auto train = torch::data::datasets::MNIST("data/mnist").map(torch::data::transforms::Stack<>());
  auto loader = torch::data::make_data_loader(std::move(train), 128);
  torch::nn::Sequential network(torch::nn::Flatten(), torch::nn::Linear(784, 128),
                                torch::nn::ReLU(), torch::nn::Linear(128, 10));
  torch::optim::Adam optimizer(network->parameters());
  for (int epoch = 0; epoch < 4; ++epoch) {
    for (auto& batch : *loader) {
      optimizer.zero_grad();
      auto loss = torch::nn::functional::cross_entropy(network->forward(batch.data), batch.target);
      loss.backward();
      optimizer.step();
    }
  }
  torch::data::datasets::MNIST test("data/mnist", torch::data::datasets::MNIST::Mode::kTest);
  std::cout
      << (network->forward(test.images()).argmax(1) == test.targets()).to(torch::kFloat).mean()
      << '\n';
}
