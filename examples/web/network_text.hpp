/// @file
/// Networks written as text, so that a page can put them together.
#pragma once

#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "nn/nn.hpp"

namespace web {

/// A network chosen at run time.
using Network = nn::Sequential<nn::AnyLayer>;

/// The input of one sample, and the layers.
struct Description {
  nn::Shape input;
  Network network;
};

namespace detail {

/// The words of one layer: "conv 32 5 pad=2 bias=0" is its name, two numbers and two options.
class Words {
 public:
  explicit Words(const std::string& text) : text_(text) {
    std::istringstream stream(text);
    stream >> name_;
    for (std::string word; stream >> word;) {
      const std::size_t sign = word.find('=');
      if (sign == std::string::npos) {
        numbers_.push_back(number(word));
      } else {
        options_[word.substr(0, sign)] = number(word.substr(sign + 1));
      }
    }
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::size_t count() const { return numbers_.size(); }
  [[nodiscard]] double value(std::size_t place) const {
    nn::require(place < numbers_.size(), "'", text_, "' lacks a number");
    return numbers_[place];
  }
  [[nodiscard]] nn::Index whole(std::size_t place) const {
    return static_cast<nn::Index>(value(place));
  }
  /// An option, or what it is where it is not said. Each can be asked for once.
  [[nodiscard]] nn::Index option(const std::string& key, nn::Index otherwise) {
    const auto found = options_.find(key);
    if (found == options_.end()) return otherwise;
    const double value = found->second;
    options_.erase(found);
    return static_cast<nn::Index>(value);
  }
  /// @throws nn::Error for an option that nothing has asked for.
  void check_options() const {
    nn::require(options_.empty(), "'", text_, "': there is no option '",
                options_.empty() ? "" : options_.begin()->first, "'");
  }

 private:
  [[nodiscard]] double number(const std::string& word) const {
    std::istringstream stream(word);
    double value = 0;
    nn::require(static_cast<bool>(stream >> value) && stream.eof() && value >= 0 && value < 1e6,
                "'", text_, "': '", word, "' is no number from 0 to 1000000");
    return value;
  }

  std::string text_;
  std::string name_;
  std::vector<double> numbers_;
  std::map<std::string, double> options_;
};

inline nn::AnyLayer layer_of(Words& words) {
  const std::string& name = words.name();
  if (name == "conv") {
    return nn::Conv2D{.filters = words.whole(0),
                      .kernel = words.whole(1),
                      .stride = words.option("stride", 1),
                      .padding = words.option("pad", 0),
                      .bias = words.option("bias", 1) != 0};
  }
  if (name == "convt") {
    return nn::ConvTranspose2D{.filters = words.whole(0),
                               .kernel = words.whole(1),
                               .stride = words.option("stride", 1),
                               .padding = words.option("pad", 0),
                               .bias = words.option("bias", 1) != 0};
  }
  if (name == "dense") {
    return nn::Dense{.units = words.whole(0), .bias = words.option("bias", 1) != 0};
  }
  if (name == "reshape") {
    nn::Shape shape;
    for (std::size_t i = 0; i < words.count(); ++i) shape.push_back(words.whole(i));
    return nn::Reshape{shape};
  }
  if (name == "batchnorm") return nn::BatchNorm{.scale = words.option("scale", 1) != 0};
  if (name == "maxpool") return nn::MaxPool2D{words.whole(0)};
  if (name == "avgpool") return nn::AveragePool2D{words.whole(0)};
  if (name == "dropout") return nn::Dropout{static_cast<float>(words.value(0))};
  if (name == "leaky") return nn::LeakyReLU{static_cast<float>(words.value(0))};
  if (name == "gelu") return nn::GELU{.approximate = words.option("exact", 0) == 0};
  if (name == "flatten") return nn::Flatten{};
  if (name == "relu") return nn::ReLU{};
  if (name == "tanh") return nn::Tanh{};
  if (name == "sigmoid") return nn::Sigmoid{};
  if (name == "silu") return nn::SiLU{};
  throw nn::Error("there is no layer '" + name +
                  "'; there are: conv, convt, dense, reshape, batchnorm, maxpool, avgpool, "
                  "dropout, leaky, gelu, flatten, relu, tanh, sigmoid, silu");
}

}  // namespace detail

/// Reads "input 28 28 1; conv 6 5 pad=2; relu; maxpool 2; flatten; dense 10": the shape of a
/// sample, then layers with semicolons between. A convolution is given its filters and its kernel,
/// and the options stride, pad and bias.
/// @throws nn::Error for a layer or an option that there is not.
[[nodiscard]] inline Description read_network(const std::string& text) {
  Description result;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ';');) {
    detail::Words words(part);
    if (words.name().empty()) continue;
    if (words.name() == "input") {
      for (std::size_t i = 0; i < words.count(); ++i) result.input.push_back(words.whole(i));
    } else {
      result.network.push_back(detail::layer_of(words));
    }
    words.check_options();
  }
  nn::require(result.input.rank() > 0 && result.network.length() > 0,
              "a network is an input and at least one layer, got '", text, "'");
  return result;
}

}  // namespace web
