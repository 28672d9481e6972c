#include <iostream>
#include <nn/layers/dense.hpp>
#include <nn/layers/relu.hpp>
#include <nn/train/model.hpp>

int main() {
  nn::Model model(nn::sequential(nn::Dense{8}, nn::ReLU{}, nn::Dense{3}), {4}, {.seed = 1});
  std::cout << model.output_shape() << '\n';
  return model.output_shape() == nn::Shape{3} ? 0 : 1;
}
