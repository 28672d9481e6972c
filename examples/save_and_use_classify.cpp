// Classifies pictures by a model's file alone, such as save_and_use_train writes: the network's
// source is nowhere in this program.

#include <nn/viz/classifier.hpp>

#include <filesystem>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include "support/files.hpp"

namespace {

/// What the file says of itself.
void introduce(const nn::Classifier& classifier) {
  const nn::ModelInfo& info = classifier.info();
  std::cout << info.class_names.size() << " classes, pictures of "
            << classifier.model().input_shape() << ", " << classifier.model().network().length()
            << " layers\n";
  for (const auto& [name, value] : info.metrics) std::cout << name << ' ' << value << '\n';
  for (const auto& [name, text] : info.provenance) std::cout << name << ": " << text << '\n';
}

/// The three likeliest classes, and why that is no answer, if it is none.
void classify(const nn::Classifier& classifier, const std::string& picture) {
  const nn::Classification answer = classifier.classify(picture);
  std::cout << picture << ": " << answer.name << " (";
  const std::vector<nn::Label> order = answer.ranking();
  for (std::size_t k = 0; k < std::min<std::size_t>(3, order.size()); ++k) {
    const auto place = static_cast<std::size_t>(order[k]);
    std::cout << (k > 0 ? ", " : "") << classifier.info().class_names[place] << ' ' << std::fixed
              << std::setprecision(1) << 100 * answer.probabilities[place] << " %";
  }
  std::cout << ')' << (answer.doubt.empty() ? "" : "; " + answer.doubt) << '\n';
  if (!answer.done.empty()) std::cout << "  what was done to it: " << answer.done << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  // MODEL and PICTURES; without any, the repository's weights and its picture of a digit.
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--help") {
      std::cout << "usage: save_and_use_classify [MODEL PICTURE...]\n"
                   "MODEL is a safetensors file that nn::save wrote, PICTURE a PNG or JPEG file.\n";
      return 0;
    }
    if (word == "--quick") continue;
    if (word.starts_with("--")) {
      ++i;  // such as --threads 1, which all example programs take
    } else {
      files.push_back(word);
    }
  }
  try {
    if (files.empty()) {
      files = {example::find_file("examples/weights/mnist-best.safetensors").string(),
               example::find_file("tests/support/digit.png").string()};
    }
    const nn::Classifier classifier(files.front());
    introduce(classifier);
    for (std::size_t i = 1; i < files.size(); ++i) classify(classifier, files[i]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
