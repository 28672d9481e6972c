#include "support/jpeg_trace.hpp"

#include <doctest/doctest.h>

#include "nn/core/random.hpp"

namespace {

/// `count` images of 32x32 pixels of noise, with `step` added to every second block of 8 columns.
nn::Dataset striped_noise(nn::Index count, int step) {
  nn::Tensor<std::uint8_t> pixels({count, 32, 32, 3});
  nn::Random random(1);
  for (nn::Index i = 0; i < pixels.size(); ++i) {
    const nn::Index column = i / 3 % 32;
    const int level = 100 + static_cast<int>(random.below(50)) + (column / 8 % 2 == 0 ? 0 : step);
    pixels[i] = static_cast<std::uint8_t>(level);
  }
  return {std::move(pixels), std::vector<nn::Label>(static_cast<std::size_t>(count), 0), {"noise"}};
}

TEST_CASE("jpeg_trace: noise has no steps between blocks") {
  CHECK(std::abs(example::block_steps(striped_noise(200, 0))) < example::jpeg_steps);
}

TEST_CASE("jpeg_trace: steps between blocks are found, and how large they are") {
  // Two levels of 50 differ by (50 - 1 / 50) / 3 in the mean, and by exactly 60 + u - v, so 60 in
  // the mean, where the step is larger than they can differ.
  const double expected = 60 / ((50 - 1.0 / 50) / 3) - 1;
  CHECK(example::block_steps(striped_noise(200, 60)) == doctest::Approx(expected).epsilon(0.01));
}

TEST_CASE("jpeg_trace: images without anything to compare have none") {
  const nn::Dataset flat(nn::Tensor<std::uint8_t>({2, 32, 32, 3}), {0, 0}, {"flat"});
  CHECK(example::block_steps(flat) == 0);
  const nn::Dataset narrow(nn::Tensor<std::uint8_t>({2, 8, 8, 1}), {0, 0}, {"narrow"});
  CHECK(example::block_steps(narrow) == 0);
}

}  // namespace
