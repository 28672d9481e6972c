/// @file
/// The shapes at which kernels are measured: every convolution and every dense layer of the
/// networks W1 to W6 (see workloads.hpp). Also read by the peers in bench/peers, so it needs
/// nothing of the library.
#pragma once

#include <string>
#include <vector>

namespace bench {

/// A convolution of square images with a square kernel.
struct ConvolutionShape {
  std::string name;
  long channels, filters, size, kernel, padding;
  long stride = 1;

  [[nodiscard]] long output_size() const { return (size + 2 * padding - kernel) / stride + 1; }
  [[nodiscard]] double multiply_adds() const;
};

/// The images in a call.
inline constexpr long convolution_batch = 64;

inline double ConvolutionShape::multiply_adds() const {
  const double pixels = static_cast<double>(output_size()) * static_cast<double>(output_size());
  const double taps = static_cast<double>(kernel * kernel * channels);
  return static_cast<double>(convolution_batch * filters) * pixels * taps;
}

/// W6.1 and W6.2 are those of the discriminator; the generator's transposed convolutions are the
/// same two, with forward and backward_data exchanged.
inline std::vector<ConvolutionShape> convolution_shapes() {
  return {
      {"W3.1", 1, 6, 28, 5, 2},    {"W3.2", 6, 16, 14, 5, 0},    {"W4.1", 1, 32, 28, 3, 0},
      {"W4.2", 32, 64, 26, 3, 0},  {"W5.1", 3, 64, 32, 3, 1},    {"W5.2", 64, 64, 32, 3, 1},
      {"W5.3", 64, 128, 16, 3, 1}, {"W5.4", 128, 128, 16, 3, 1}, {"W5.5", 128, 256, 8, 3, 1},
      {"W5.6", 256, 256, 8, 3, 1}, {"W6.1", 1, 64, 28, 4, 1, 2}, {"W6.2", 64, 128, 14, 4, 1, 2}};
}

/// C (m x n) = op(A) op(B), all row-major.
struct ProductShape {
  std::string name;
  long m, n, k;
  bool transpose_a, transpose_b;

  [[nodiscard]] double multiply_adds() const {
    return static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  }
};

/// The three products of each dense layer, with weights stored in x out: y = x W, dx = dy W^T
/// (where somebody reads it) and dW = x^T dy.
inline std::vector<ProductShape> product_shapes() {
  struct Layer {
    std::string name;
    long batch, in, out;
    bool first;
  };
  const std::vector<Layer> layers{{"W1.1", 64, 784, 128, true},    {"W1.2", 64, 128, 10, false},
                                  {"W2.1", 128, 784, 512, true},   {"W2.2", 128, 512, 512, false},
                                  {"W2.3", 128, 512, 10, false},   {"W3.1", 64, 400, 120, false},
                                  {"W3.2", 64, 120, 84, false},    {"W3.3", 64, 84, 10, false},
                                  {"W4.1", 128, 9216, 128, false}, {"W4.2", 128, 128, 10, false},
                                  {"W5.1", 64, 4096, 10, false},   {"W6.1", 64, 100, 6272, true},
                                  {"W6.2", 64, 6272, 1, false}};
  std::vector<ProductShape> shapes;
  for (const Layer& layer : layers) {
    const auto [name, batch, in, out, first] = layer;
    shapes.push_back({name + "/forward", batch, out, in, false, false});
    if (!first) shapes.push_back({name + "/backward_data", batch, in, out, false, true});
    shapes.push_back({name + "/backward_weights", in, out, batch, true, false});
  }
  return shapes;
}

}  // namespace bench
