// One of the files of a program that are compiled for different processors, each with kernels of
// its own: UNIT is the name of its function, which says whether they give the right results.
#include <cmath>
#include <cstddef>
#include <vector>

#include "nn/kernels/convolution.hpp"
#include "nn/kernels/gemm.hpp"

bool UNIT();

namespace {

bool close(const std::vector<float>& found, const std::vector<double>& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!(std::abs(found[i] - expected[i]) < 1e-3)) return false;
  }
  return true;
}

std::vector<float> numbers(nn::Index count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i * 7 % 13) / 6 - 1;
  }
  return values;
}

bool multiplies() {
  const nn::Index m = 37, n = 29, k = 53;
  const std::vector<float> a = numbers(m * k), b = numbers(k * n);
  std::vector<float> c(static_cast<std::size_t>(m * n));
  std::vector<double> expected(c.size());
  for (nn::Index i = 0; i < m; ++i) {
    for (nn::Index j = 0; j < n; ++j) {
      for (nn::Index l = 0; l < k; ++l) {
        expected[static_cast<std::size_t>(i * n + j)] +=
            static_cast<double>(a[static_cast<std::size_t>(i * k + l)]) *
            static_cast<double>(b[static_cast<std::size_t>(l * n + j)]);
      }
    }
  }
  nn::gemm(nn::Transpose::no, nn::Transpose::no, m, n, k, a.data(), k, b.data(), n, c.data(), n);
  return close(c, expected);
}

// 3x3 taps over an image that is framed by zeros.
bool convolves() {
  const nn::Index size = 9, channels = 16, filters = 48;
  const nn::ConvolutionGeometry g{.batch = 1,
                                  .height = size,
                                  .width = size,
                                  .channels = channels,
                                  .filters = filters,
                                  .kernel_height = 3,
                                  .kernel_width = 3,
                                  .pad_top = 1,
                                  .pad_bottom = 1,
                                  .pad_left = 1,
                                  .pad_right = 1};
  const std::vector<float> x = numbers(g.input_size()), weights = numbers(g.weights_size());
  std::vector<float> y(static_cast<std::size_t>(g.output_size()));
  std::vector<double> expected(y.size());
  for (nn::Index row = 0; row < size; ++row) {
    for (nn::Index column = 0; column < size; ++column) {
      for (nn::Index tap = 0; tap < 9; ++tap) {
        const nn::Index from = row + tap / 3 - 1, at = column + tap % 3 - 1;
        if (from < 0 || from >= size || at < 0 || at >= size) continue;
        for (nn::Index c = 0; c < channels; ++c) {
          const double value =
              static_cast<double>(x[static_cast<std::size_t>((from * size + at) * channels + c)]);
          for (nn::Index f = 0; f < filters; ++f) {
            expected[static_cast<std::size_t>((row * size + column) * filters + f)] +=
                value * static_cast<double>(
                            weights[static_cast<std::size_t>((tap * channels + c) * filters + f)]);
          }
        }
      }
    }
  }
  for (const auto algorithm :
       {nn::Algorithm::gathered, nn::Algorithm::winograd_3x3, nn::Algorithm::winograd_3x3_small}) {
    nn::AlignedVector<std::byte> scratch(static_cast<std::size_t>(
        nn::convolution_scratch_bytes<float>(g, nn::ConvolutionPass::forward, algorithm)));
    nn::convolution_forward<float>(g, x.data(), weights.data(), y.data(), {},
                                   {scratch.data(), static_cast<nn::Index>(scratch.size())},
                                   algorithm);
    if (!close(y, expected)) return false;
  }
  return true;
}

}  // namespace

bool UNIT() { return multiplies() && convolves(); }
