// The program of tests/consumer/ten_lines.cpp in dlib, to compare compile times:
// g++ -std=c++20 -O2 -c

#include <dlib/data_io.h>
#include <dlib/dnn.h>

#include <iostream>

int main() {
  std::vector<dlib::matrix<unsigned char>> train_images, test_images;
  std::vector<unsigned long> train_labels, test_labels;
  dlib::load_mnist_dataset("data/mnist", train_images, train_labels, test_images, test_labels);
  using Network = dlib::loss_multiclass_log<
      dlib::fc<10, dlib::relu<dlib::fc<128, dlib::input<dlib::matrix<unsigned char>>>>>>;
  Network network;
  dlib::dnn_trainer<Network, dlib::adam> trainer(network, dlib::adam());
  trainer.set_mini_batch_size(128);
  trainer.set_max_num_epochs(4);
  trainer.train(train_images, train_labels);
  const auto found = network(test_images);
  double right = 0;
  for (std::size_t i = 0; i < found.size(); ++i) right += found[i] == test_labels[i];
  std::cout << right / found.size() << '\n';
}
