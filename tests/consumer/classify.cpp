#include <nn/viz/classifier.hpp>

#include <iostream>

int main(int argc, char** argv) {
  if (argc < 3) return 1;
  const nn::Classifier classifier(argv[1]);
  const nn::Classification answer = classifier.classify(argv[2]);
  std::cout << answer.name << ' ' << answer.probability << ' ' << answer.doubt << '\n';
}
