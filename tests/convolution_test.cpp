#include "nn/kernels/convolution.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernel_testing.hpp"
#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"
#include "reference.hpp"

namespace convolution_test {

namespace {

using kernel_testing::algorithms_for;
using kernel_testing::problem_of;
using kernel_testing::random_values;
using kernel_testing::tolerance;
using nn::Algorithm;
using nn::ConvolutionGeometry;
using nn::ConvolutionPass;
using nn::Index;

/// Scratch of exactly the size asked for, full of NaN so that a read before a write shows.
template <class T>
struct Scratch {
  explicit Scratch(Index bytes)
      : block(static_cast<std::size_t>(bytes) / sizeof(T), std::numeric_limits<T>::quiet_NaN()),
        arena(reinterpret_cast<std::byte*>(block.data()), bytes) {}
  nn::AlignedVector<T> block;
  nn::Arena arena;
};

template <class T>
std::vector<T> poisoned(Index count) {
  return std::vector<T>(static_cast<std::size_t>(count), std::numeric_limits<T>::quiet_NaN());
}

/// The largest difference after the epilogue is applied to what is expected.
template <class T>
double worst_error(const std::vector<T>& found, std::vector<double> expected,
                   const nn::Epilogue<T>& epilogue, Index columns) {
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    double want = expected[i];
    if (epilogue.bias != nullptr)
      want += static_cast<double>(epilogue.bias[static_cast<Index>(i) % columns]);
    if (want < 0) want *= static_cast<double>(epilogue.activation.slope);
    const double error = std::abs(static_cast<double>(found[i]) - want);
    worst = error > worst || std::isnan(error) ? error : worst;
  }
  return worst;
}

/// What a convolution of square images with a square kernel is made of.
struct Square {
  Index batch;
  Index size;
  Index channels;
  Index filters;
  Index kernel;
  Index padding = 0;
  Index stride = 1;
  Index groups = 1;
};

ConvolutionGeometry square(const Square& s) {
  return {.batch = s.batch,
          .height = s.size,
          .width = s.size,
          .channels = s.channels,
          .filters = s.filters,
          .kernel_height = s.kernel,
          .kernel_width = s.kernel,
          .stride_height = s.stride,
          .stride_width = s.stride,
          .groups = s.groups,
          .pad_top = s.padding,
          .pad_bottom = s.padding,
          .pad_left = s.padding,
          .pad_right = s.padding};
}

/// Calls check(algorithm, function for scratch) for the one that is chosen, by itself, and all
/// others that can compute a pass.
template <class T, class Check>
void for_each_algorithm(const ConvolutionGeometry& g, ConvolutionPass pass, const Check& check) {
  for (const Algorithm algorithm : algorithms_for(problem_of<T>(g, pass))) {
    CAPTURE(nn::to_string(algorithm));
    check(algorithm,
          [&] { return Scratch<T>(nn::convolution_scratch_bytes<T>(g, pass, algorithm)); });
  }
}

double doubled_for_winograd(Algorithm algorithm) {
  return kernel_testing::is_winograd(algorithm) ? 2 : 1;
}

template <class T>
void check_convolution(const ConvolutionGeometry& g, std::mt19937& generator) {
  CAPTURE(g.batch);
  CAPTURE(g.height);
  CAPTURE(g.width);
  CAPTURE(g.channels);
  CAPTURE(g.filters);
  CAPTURE(g.kernel_height);
  CAPTURE(g.kernel_width);
  CAPTURE(g.stride_height);
  CAPTURE(g.stride_width);
  CAPTURE(g.dilation_height);
  CAPTURE(g.dilation_width);
  CAPTURE(g.groups);
  CAPTURE(g.pad_top);
  CAPTURE(g.pad_bottom);
  CAPTURE(g.pad_left);
  CAPTURE(g.pad_right);
  const auto x = random_values<T>(g.batch * g.input_size(), generator);
  const auto w = random_values<T>(g.weights_size(), generator);
  const auto dy = random_values<T>(g.batch * g.output_size(), generator);
  const auto bias = random_values<T>(std::max(g.filters, g.channels), generator);
  const Index taps = g.kernel_height * g.kernel_width;
  const auto products = reference::convolution_forward(g, x.data(), w.data());
  const auto gradients = reference::convolution_backward_data(g, dy.data(), w.data());
  for_each_algorithm<T>(g, ConvolutionPass::forward, [&](Algorithm algorithm, const auto& scratch) {
    for (const bool with_epilogue : {false, true}) {
      CAPTURE(with_epilogue);
      const nn::Epilogue<T> epilogue =
          with_epilogue ? nn::Epilogue<T>{bias.data(), {0.25F}} : nn::Epilogue<T>{};
      auto y = poisoned<T>(g.batch * g.output_size());
      const Algorithm used = nn::convolution_forward(g, x.data(), w.data(), y.data(), epilogue,
                                                     scratch().arena, algorithm);
      CHECK(worst_error(y, products, epilogue, g.filters) <
            doubled_for_winograd(used) * tolerance<T>(taps * g.group_channels()));
    }
  });
  for_each_algorithm<T>(
      g, ConvolutionPass::backward_data, [&](Algorithm algorithm, const auto& scratch) {
        for (const bool with_epilogue : {false, true}) {
          CAPTURE(with_epilogue);
          const nn::Epilogue<T> epilogue =
              with_epilogue ? nn::Epilogue<T>{bias.data(), {0.25F}} : nn::Epilogue<T>{};
          auto dx = poisoned<T>(g.batch * g.input_size());
          const Algorithm used = nn::convolution_backward_data(
              g, dy.data(), w.data(), dx.data(), epilogue, scratch().arena, algorithm);
          CHECK(worst_error(dx, gradients, epilogue, g.channels) <
                doubled_for_winograd(used) * tolerance<T>(taps * g.group_filters()));
        }
      });
  const auto expected = reference::convolution_backward_weights(g, x.data(), dy.data());
  auto more = expected;
  for (double& value : more) value += 3;
  for_each_algorithm<T>(
      g, ConvolutionPass::backward_weights, [&](Algorithm algorithm, const auto& scratch) {
        auto dw = poisoned<T>(g.weights_size());
        const Algorithm used = nn::convolution_backward_weights(g, x.data(), dy.data(), dw.data(),
                                                                false, scratch().arena, algorithm);
        const double allowed = 2 * doubled_for_winograd(used) *
                               tolerance<T>(g.batch * g.output_height() * g.output_width());
        CHECK(worst_error(dw, expected, {}, 1) < allowed);
        std::fill(dw.begin(), dw.end(), T(3));
        nn::convolution_backward_weights(g, x.data(), dy.data(), dw.data(), true, scratch().arena,
                                         algorithm);
        CHECK(worst_error(dw, more, {}, 1) < allowed);
      });
}

ConvolutionGeometry random_geometry(std::mt19937& generator) {
  const auto pick = [&](std::initializer_list<Index> values) {
    return values.begin()[generator() % values.size()];
  };
  ConvolutionGeometry g;
  do {
    const Index groups = pick({1, 1, 1, 2, 3, 8});
    g = {.batch = pick({1, 2, 3, 5}),
         .height = pick({1, 2, 3, 5, 6, 7, 8, 11, 14}),
         .width = pick({1, 2, 3, 5, 6, 7, 8, 11, 14}),
         .channels = groups * pick({1, 1, 2, 3, 4, 8, 9, 16}),
         .filters = groups * pick({1, 1, 2, 3, 6, 8, 10, 16, 17, 24, 33}),
         .kernel_height = pick({1, 2, 3, 4, 5}),
         .kernel_width = pick({1, 2, 3, 4, 5}),
         .stride_height = pick({1, 1, 2, 3}),
         .stride_width = pick({1, 1, 2, 3}),
         .dilation_height = pick({1, 1, 2, 3}),
         .dilation_width = pick({1, 1, 2, 3}),
         .groups = groups,
         .pad_top = pick({0, 1, 2, 4}),
         .pad_bottom = pick({0, 1, 2, 4}),
         .pad_left = pick({0, 1, 2, 4}),
         .pad_right = pick({0, 1, 2, 4})};
  } while (g.output_height() < 1 || g.output_width() < 1 || g.multiply_adds() > 300000);
  return g;
}

}  // namespace

TEST_CASE_TEMPLATE("every pass agrees with the definition over random geometries", T, float,
                   double) {
  std::mt19937 generator(5);
  for (int round = 0; round < 150; ++round)
    check_convolution<T>(random_geometry(generator), generator);
}

TEST_CASE_TEMPLATE("every pass agrees with the definition for the layers of known networks", T,
                   float, double) {
  std::mt19937 generator(6);
  // LeNet-5
  check_convolution<T>(
      square({.batch = 2, .size = 28, .channels = 1, .filters = 6, .kernel = 5, .padding = 2}),
      generator);
  check_convolution<T>(square({.batch = 3, .size = 14, .channels = 6, .filters = 16, .kernel = 5}),
                       generator);
  // 3x3 layers
  check_convolution<T>(square({.batch = 2, .size = 28, .channels = 1, .filters = 32, .kernel = 3}),
                       generator);
  check_convolution<T>({.batch = 2,
                        .height = 13,
                        .width = 12,
                        .channels = 32,
                        .filters = 64,
                        .kernel_height = 3,
                        .kernel_width = 3,
                        .pad_top = 1,
                        .pad_bottom = 1,
                        .pad_left = 1,
                        .pad_right = 1},
                       generator);
  check_convolution<T>(
      square({.batch = 1, .size = 16, .channels = 3, .filters = 64, .kernel = 3, .padding = 1}),
      generator);
  // DCGAN: 4x4 kernels with stride 2
  check_convolution<T>(square({.batch = 2,
                               .size = 14,
                               .channels = 1,
                               .filters = 32,
                               .kernel = 4,
                               .padding = 1,
                               .stride = 2}),
                       generator);
  check_convolution<T>(square({.batch = 2,
                               .size = 8,
                               .channels = 32,
                               .filters = 48,
                               .kernel = 4,
                               .padding = 1,
                               .stride = 2}),
                       generator);
  // depthwise, with whole and with broken vectors of channels, and pointwise
  for (const Index channels : {5, 8, 19}) {
    check_convolution<T>({.batch = 3,
                          .height = 12,
                          .width = 11,
                          .channels = channels,
                          .filters = channels,
                          .kernel_height = 3,
                          .kernel_width = 5,
                          .stride_height = 2,
                          .dilation_width = 2,
                          .groups = channels,
                          .pad_top = 1,
                          .pad_left = 3,
                          .pad_right = 1},
                         generator);
  }
  check_convolution<T>(square({.batch = 2,
                               .size = 9,
                               .channels = 40,
                               .filters = 40,
                               .kernel = 3,
                               .padding = 1,
                               .groups = 40}),
                       generator);
  check_convolution<T>(square({.batch = 2, .size = 7, .channels = 40, .filters = 24, .kernel = 1}),
                       generator);
}

TEST_CASE_TEMPLATE("every pass agrees with the definition for few channels and filters", T, float,
                   double) {
  std::mt19937 generator(10);
  const auto pick = [&](std::initializer_list<Index> values) {
    return values.begin()[generator() % values.size()];
  };
  int by_planes = 0;
  for (int round = 0; round < 60; ++round) {
    ConvolutionGeometry g;
    do {
      g = {.batch = pick({1, 2, 3, 19}),
           .height = pick({1, 2, 5, 9, 40}),
           .width = pick({1, 3, 8, 13, 16, 17, 28, 47, 130}),
           .channels = pick({1, 1, 2, 3, 4, 5, 6, 7, 8}),
           .filters = pick({1, 2, 3, 4, 5, 6, 7, 8}),
           .kernel_height = pick({1, 2, 3, 5}),
           .kernel_width = pick({1, 2, 3, 5}),
           .dilation_height = pick({1, 1, 2}),
           .dilation_width = pick({1, 1, 3}),
           .pad_top = pick({0, 1, 2, 7}),
           .pad_bottom = pick({0, 1, 2}),
           .pad_left = pick({0, 1, 2, 7}),
           .pad_right = pick({0, 1, 2, 5})};
    } while (g.output_height() < 1 || g.output_width() < 1 || g.multiply_adds() > 2000000);
    const auto chosen = nn::detail::choose(problem_of<T>(g, ConvolutionPass::forward));
    by_planes += chosen == Algorithm::planes ? 1 : 0;
    check_convolution<T>(g, generator);
  }
  MESSAGE("by planes: ", by_planes, " of 60");
  if (kernel_testing::lanes<T>() >= 8) CHECK(by_planes > 5);
}

TEST_CASE_TEMPLATE(
    "depthwise gradients agree with the definition where vectors of channels overlap", T, float,
    double) {
  std::mt19937 generator(13);
  for (const Index channels : {9, 17, 19, 23, 31}) {
    for (const Index batch : {1, 2}) {
      check_convolution<T>(square({.batch = batch,
                                   .size = 7,
                                   .channels = channels,
                                   .filters = channels,
                                   .kernel = 3,
                                   .padding = 1,
                                   .groups = channels}),
                           generator);
    }
  }
}

TEST_CASE_TEMPLATE("depthwise passes agree with the definition for rows of any length", T, float,
                   double) {
  std::mt19937 generator(17);
  const auto pick = [&](std::initializer_list<Index> values) {
    return values.begin()[generator() % values.size()];
  };
  int by_rows = 0;
  for (int round = 0; round < 60; ++round) {
    ConvolutionGeometry g;
    do {
      const Index channels = pick({8, 16, 17, 24, 33});
      const Index stride = pick({1, 1, 2});
      g = {.batch = pick({1, 2, 5}),
           .height = pick({1, 3, 6, 9}),
           .width = pick({1, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 23}),
           .channels = channels,
           .filters = channels,
           .kernel_height = pick({1, 3, 5}),
           .kernel_width = pick({3, 3, 5, 4}),
           .stride_height = stride,
           .stride_width = stride,
           .dilation_height = pick({1, 1, 2}),
           .dilation_width = pick({1, 1, 1, 1, 2}),
           .groups = channels,
           .pad_top = pick({0, 1, 2}),
           .pad_bottom = pick({0, 1, 2}),
           .pad_left = pick({0, 1, 2, 3, 4, 6}),
           .pad_right = pick({0, 1, 2, 4, 5})};
    } while (g.output_height() < 1 || g.output_width() < 1);
    const auto chosen = nn::detail::choose(problem_of<T>(g, ConvolutionPass::forward));
    by_rows += chosen == Algorithm::depthwise_rows ? 1 : 0;
    check_convolution<T>(g, generator);
  }
  MESSAGE("along rows: ", by_rows, " of 60");
  CHECK(by_rows > 5);
}

TEST_CASE_TEMPLATE("gradients by dot products agree with the definition for few channels", T, float,
                   double) {
  std::mt19937 generator(11);
  for (Index channels = 1; channels <= 9; ++channels) {
    for (const Index stride : {1, 2}) {
      check_convolution<T>({.batch = 3,
                            .height = 9,
                            .width = 10,
                            .channels = channels,
                            .filters = 16 * stride,
                            .kernel_height = 3,
                            .kernel_width = 4,
                            .stride_height = stride,
                            .stride_width = stride,
                            .pad_top = 1,
                            .pad_left = 2},
                           generator);
    }
  }
}

TEST_CASE_TEMPLATE("a kernel larger than the image works with padding", T, float, double) {
  std::mt19937 generator(7);
  check_convolution<T>({.batch = 2,
                        .height = 2,
                        .width = 3,
                        .channels = 3,
                        .filters = 5,
                        .kernel_height = 5,
                        .kernel_width = 7,
                        .pad_top = 2,
                        .pad_bottom = 3,
                        .pad_left = 4,
                        .pad_right = 2},
                       generator);
}

TEST_CASE_TEMPLATE("Winograd's algorithm agrees with the definition for every padding and odd size",
                   T, float, double) {
  std::mt19937 generator(9);
  const auto pick = [&](std::initializer_list<Index> values) {
    return values.begin()[generator() % values.size()];
  };
  const auto lanes = static_cast<Index>(64 / sizeof(T));
  for (int round = 0; round < 50; ++round) {
    const Index stride = 1 + round % 2;  // 3x3 taps, or 4x4 with stride 2
    const ConvolutionGeometry g{.batch = pick({1, 2, 3}),
                                .height = pick({4, 5, 6, 7, 9, 12, 18}),
                                .width = pick({4, 5, 6, 8, 11, 13, 17}),
                                .channels = lanes * pick({1, 2, 3}),
                                .filters = lanes * pick({1, 2, 3}),
                                .kernel_height = 2 + stride,
                                .kernel_width = 2 + stride,
                                .stride_height = stride,
                                .stride_width = stride,
                                .pad_top = pick({0, 1, 2, 3}),
                                .pad_bottom = pick({0, 1, 2}),
                                .pad_left = pick({0, 1, 2, 3}),
                                .pad_right = pick({0, 1, 2})};
    check_convolution<T>(g, generator);
  }
}

TEST_CASE_TEMPLATE("Winograd's algorithm agrees with the definition where sums are cut into blocks",
                   T, float, double) {
  std::mt19937 generator(12);
  const auto lanes = static_cast<Index>(64 / sizeof(T));
  const Index many = 1280 / static_cast<Index>(sizeof(T)) + 2 * lanes;  // 352 of 16 floats
  for (const Index stride : {1, 2}) {  // the phases of 4x4 taps are so many more channels
    for (const bool wide : {false, true}) {
      check_convolution<T>(square({.batch = 1,
                                   .size = 5 * stride,
                                   .channels = wide ? lanes : many,
                                   .filters = wide ? many : lanes,
                                   .kernel = 2 + stride,
                                   .padding = 1,
                                   .stride = stride}),
                           generator);
    }
  }
}

TEST_CASE_TEMPLATE("Winograd's algorithm has the same bits for every number of threads", T, float,
                   double) {
  const auto lanes = static_cast<Index>(64 / sizeof(T));
  const int before = nn::threads();
  // One image, of which threads take columns each, and many, of which they take tiles; the widths
  // are not whole pairs of panels.
  for (const Index batch : {1, 9}) {
    for (const Index stride : {1, 2}) {
      const ConvolutionGeometry g = square({.batch = batch,
                                            .size = 9 * stride,
                                            .channels = 3 * lanes,
                                            .filters = 5 * lanes,
                                            .kernel = 2 + stride,
                                            .padding = 1,
                                            .stride = stride});
      std::mt19937 generator(3);
      const auto x = random_values<T>(g.batch * g.input_size(), generator);
      const auto w = random_values<T>(g.weights_size(), generator);
      const auto dy = random_values<T>(g.batch * g.output_size(), generator);
      for (const Algorithm algorithm :
           {Algorithm::winograd_3x3, Algorithm::winograd_3x3_small, Algorithm::winograd_2x2}) {
        if (!nn::detail::computes(algorithm, problem_of<T>(g, ConvolutionPass::forward))) continue;
        const Scratch<T> forward(
            nn::convolution_scratch_bytes<T>(g, ConvolutionPass::forward, algorithm));
        const Scratch<T> backward(
            nn::convolution_scratch_bytes<T>(g, ConvolutionPass::backward_data, algorithm));
        std::vector<T> first;
        for (const int threads : {1, 2, 3}) {
          nn::set_threads(threads);
          auto results = poisoned<T>(g.batch * (g.output_size() + g.input_size()));
          nn::convolution_forward(g, x.data(), w.data(), results.data(), {}, forward.arena,
                                  algorithm);
          nn::convolution_backward_data(g, dy.data(), w.data(),
                                        results.data() + g.batch * g.output_size(), {},
                                        backward.arena, algorithm);
          if (first.empty()) first.assign(results.begin(), results.end());
          CAPTURE(threads);
          CHECK(std::equal(first.begin(), first.end(), results.begin()));
        }
      }
    }
  }
  nn::set_threads(before);
}

// With inputs as a ReLU leaves them and weights as He's initialisation draws them, so that outputs
// are of magnitude 1, the root-mean-square error against the sum in double is, measured, with 64
// channels: 2.8e-7 (direct), 6.5e-7 (Winograd) and 2.2e-7 (by small tiles) for 3x3 taps; 3.9e-7
// and 1.13e-6 for 4x4 taps.
TEST_CASE("the rounding error of Winograd's algorithm is what the documentation says") {
  std::mt19937 generator(10);
  std::normal_distribution<float> normal;
  for (const Index stride : {1, 2}) {
    const ConvolutionGeometry g = square({.batch = 1,
                                          .size = 16 * stride,
                                          .channels = 64,
                                          .filters = 64,
                                          .kernel = 2 + stride,
                                          .padding = 1,
                                          .stride = stride});
    std::vector<float> x(static_cast<std::size_t>(g.input_size()));
    std::vector<float> w(static_cast<std::size_t>(g.weights_size()));
    const auto terms = static_cast<float>(g.kernel_height * g.kernel_width * g.channels);
    for (float& value : x) value = std::max(0.0F, normal(generator));
    for (float& value : w) value = normal(generator) * std::sqrt(2.0F / terms);
    const auto expected = reference::convolution_forward(g, x.data(), w.data());
    const auto error = [&](Algorithm algorithm) {
      std::vector<float> y(expected.size());
      nn::convolution_forward(g, x.data(), w.data(), y.data(), {},
                              Scratch<float>(nn::convolution_scratch_bytes<float>(
                                                 g, ConvolutionPass::forward, algorithm))
                                  .arena,
                              algorithm);
      double sum = 0;
      for (std::size_t i = 0; i < y.size(); ++i) {
        const double difference = static_cast<double>(y[i]) - expected[i];
        sum += difference * difference;
      }
      return std::sqrt(sum / static_cast<double>(y.size()));
    };
    const double direct = error(Algorithm::gathered);
    const double winograd = error(stride == 1 ? Algorithm::winograd_3x3 : Algorithm::winograd_2x2);
    MESSAGE("root-mean-square error with stride ", stride, ": direct ", direct, ", Winograd ",
            winograd);
    if (stride == 1) {
      const double small = error(Algorithm::winograd_3x3_small);
      MESSAGE("... by small tiles ", small);
      CHECK(small < 5e-7);
      CHECK(small != direct);
    }
    CHECK(direct < 5e-7);
    CHECK(winograd < 2e-6);
    CHECK(winograd != direct);  // it was really taken
  }
}

TEST_CASE("a convolution that cannot be meant is refused, and says why") {
  const ConvolutionGeometry good =
      square({.batch = 1, .size = 5, .channels = 3, .filters = 4, .kernel = 3});
  std::vector<float> numbers(400);
  nn::AlignedVector<std::byte> memory(1 << 16);
  float* const x = numbers.data();
  float* const w = x + 80;
  float* const y = x + 200;
  const auto refused = [&](const char* why, const ConvolutionGeometry& g, float* from, float* to,
                           std::byte* scratch) {
    CHECK_THROWS_WITH_AS(nn::convolution_forward(g, from, w, to, {}, nn::Arena(scratch, 1 << 15)),
                         why, nn::Error);
  };
  const auto with = [&](auto member, Index value) {
    ConvolutionGeometry g = good;
    g.*member = value;
    return g;
  };
  using G = ConvolutionGeometry;
  nn::convolution_forward(good, x, w, y, {}, nn::Arena(memory.data(), 1 << 15));
  for (const auto member :
       {&G::height, &G::width, &G::channels, &G::filters, &G::kernel_height, &G::kernel_width,
        &G::stride_height, &G::stride_width, &G::dilation_height, &G::dilation_width, &G::groups}) {
    for (const Index value : {Index{0}, Index{-1}}) {
      CHECK_THROWS_AS(nn::convolution_forward(with(member, value), x, w, y, {},
                                              nn::Arena(memory.data(), 1 << 15)),
                      nn::Error);
      CHECK_THROWS_AS((void)nn::convolution_scratch_bytes<float>(with(member, value),
                                                                 ConvolutionPass::backward_weights),
                      nn::Error);
    }
  }
  for (const auto member : {&G::pad_top, &G::pad_bottom, &G::pad_left, &G::pad_right}) {
    CHECK_THROWS_AS(
        (void)nn::convolution_scratch_bytes<float>(with(member, -1), ConvolutionPass::forward),
        nn::Error);
  }
  for (const Index huge : {Index{1} << 30, Index{1} << 31, Index{1} << 62}) {
    for (const auto member : {&G::batch, &G::height, &G::channels, &G::filters}) {
      ConvolutionGeometry g = with(member, huge);
      g.width = huge;
      CHECK_THROWS_AS((void)nn::convolution_scratch_bytes<float>(g, ConvolutionPass::forward),
                      nn::Error);
    }
  }
  refused("3 channels and 4 filters cannot be divided into 2 groups", with(&G::groups, 2), x, y,
          memory.data());
  refused("x is a null pointer, but has 1 x 75 elements", good, nullptr, y, memory.data());
  refused("y overlaps x", good, x, x + 70, memory.data());
  refused("y overlaps the weights", good, x, w + 100, memory.data());
  refused("the scratch of a convolution is misaligned", good, x, y, memory.data() + 3);
  CHECK_THROWS_WITH_AS(nn::convolution_forward(good, x, w, y, nn::Epilogue<float>{y + 3, {}},
                                               nn::Arena(memory.data(), 1 << 15)),
                       "y overlaps the bias", nn::Error);
}

TEST_CASE("of no images, and of images smaller than the kernel, gradients are zero") {
  const std::vector<float> bias{2, -4, 6};
  const nn::Epilogue<float> epilogue{bias.data(), {0.5F}};
  for (const Index batch : {0, 2}) {
    for (const Index size : {2, 5}) {
      if (batch > 0 && size >= 3) continue;  // there would be outputs
      const ConvolutionGeometry g =
          square({.batch = batch, .size = size, .channels = 3, .filters = 4, .kernel = 3});
      const auto scratch = [&](ConvolutionPass pass) {
        return Scratch<float>(nn::convolution_scratch_bytes<float>(g, pass));
      };
      const std::vector<float> x(static_cast<std::size_t>(batch * g.input_size()), 1);
      const std::vector<float> w(static_cast<std::size_t>(g.weights_size()), 1);
      const std::vector<float> dy;
      std::vector<float> y{8};
      nn::convolution_forward(g, x.data(), w.data(), y.data(), epilogue,
                              scratch(ConvolutionPass::forward).arena);
      CHECK(y[0] == 8);
      auto dx = poisoned<float>(batch * g.input_size());
      nn::convolution_backward_data(g, dy.data(), w.data(), dx.data(), epilogue,
                                    scratch(ConvolutionPass::backward_data).arena);
      for (std::size_t i = 0; i < dx.size(); ++i) CHECK(dx[i] == (i % 3 == 1 ? -2 : bias[i % 3]));
      auto dw = poisoned<float>(g.weights_size());
      nn::convolution_backward_weights(g, x.data(), dy.data(), dw.data(), false,
                                       scratch(ConvolutionPass::backward_weights).arena);
      CHECK(std::count(dw.begin(), dw.end(), 0.0F) == g.weights_size());
      std::fill(dw.begin(), dw.end(), 3.0F);
      nn::convolution_backward_weights(g, x.data(), dy.data(), dw.data(), true,
                                       scratch(ConvolutionPass::backward_weights).arena);
      CHECK(std::count(dw.begin(), dw.end(), 3.0F) == g.weights_size());
    }
  }
}

TEST_CASE("an algorithm that cannot compute a shape is refused by its name") {
  const ConvolutionGeometry g =
      square({.batch = 1, .size = 5, .channels = 3, .filters = 4, .kernel = 3});
  std::vector<float> numbers(300);
  nn::AlignedVector<std::byte> memory(4096);
  CHECK_THROWS_WITH_AS(
      nn::convolution_forward(g, numbers.data(), numbers.data() + 75, numbers.data() + 200, {},
                              nn::Arena(memory.data(), 4096), Algorithm::winograd_3x3),
      "the algorithm \"Winograd F(4x4, 3x3)\" cannot compute this shape", nn::Error);
}

TEST_CASE("the algorithm is chosen by the shape alone, and its scratch suffices for fewer images") {
  const auto chosen = [](const ConvolutionGeometry& g, ConvolutionPass pass) {
    return nn::detail::choose(nn::detail::ConvolutionProblem{g, pass, 16, 16});
  };
  using enum ConvolutionPass;
  const ConvolutionGeometry wide =
      square({.batch = 16, .size = 8, .channels = 16, .filters = 32, .kernel = 3, .padding = 1});
  for (const auto pass : {forward, backward_data, backward_weights}) {
    CHECK(chosen(wide, pass) == Algorithm::winograd_3x3);
  }
  ConvolutionGeometry few = wide;
  few.batch = 3;  // 12 tiles
  CHECK(chosen(few, forward) == Algorithm::gathered);
  struct Single {
    Index size;
    Index channels;
    bool kept;
    Algorithm algorithm;
  };
  for (const Single& s : {Single{8, 64, false, Algorithm::winograd_3x3_small},
                          {8, 256, false, Algorithm::gathered},  // to transform weights is too much
                          {8, 256, true, Algorithm::winograd_3x3_small},
                          {12, 64, false, Algorithm::winograd_3x3_small},
                          {12, 64, true, Algorithm::winograd_3x3},
                          {4, 64, true, Algorithm::gathered}}) {
    ConvolutionGeometry one = square({.batch = 1,
                                      .size = s.size,
                                      .channels = s.channels,
                                      .filters = s.channels,
                                      .kernel = 3,
                                      .padding = 1});
    one.keeps_weights = s.kept;
    CAPTURE(s.size);
    CAPTURE(s.channels);
    CAPTURE(s.kept);
    CHECK(chosen(one, forward) == s.algorithm);
    CHECK(chosen(one, backward_weights) != Algorithm::winograd_3x3_small);
  }
  const ConvolutionGeometry sixes =
      square({.batch = 64, .size = 6, .channels = 64, .filters = 64, .kernel = 3, .padding = 1});
  CHECK(chosen(sixes, forward) == Algorithm::winograd_3x3_small);
  CHECK(chosen(sixes, backward_data) == Algorithm::winograd_3x3_small);
  CHECK(chosen(sixes, backward_weights) == Algorithm::winograd_3x3);
  const ConvolutionGeometry halving = square({.batch = 16,
                                              .size = 16,
                                              .channels = 32,
                                              .filters = 32,
                                              .kernel = 4,
                                              .padding = 1,
                                              .stride = 2});
  CHECK(chosen(halving, forward) == Algorithm::winograd_2x2);
  const ConvolutionGeometry first =
      square({.batch = 16, .size = 28, .channels = 1, .filters = 6, .kernel = 5, .padding = 2});
  CHECK(chosen(first, forward) == Algorithm::planes);
  CHECK(chosen(first, backward_weights) == Algorithm::planes);
  const ConvolutionGeometry depthwise =
      square({.batch = 16, .size = 9, .channels = 16, .filters = 16, .kernel = 3, .groups = 16});
  CHECK(chosen(depthwise, forward) == Algorithm::depthwise_rows);
  CHECK(chosen(depthwise, backward_weights) == Algorithm::depthwise);
  const ConvolutionGeometry back =
      square({.batch = 4, .size = 9, .channels = 3, .filters = 64, .kernel = 3});
  CHECK(chosen(back, backward_data) == Algorithm::dots);
  // Of 1x1 pixels under 3x3 taps but one tap is packed, where there are many images.
  const ConvolutionGeometry tiny =
      square({.batch = 300, .size = 1, .channels = 4, .filters = 5, .kernel = 3, .padding = 1});
  for (const ConvolutionGeometry& g : {wide, sixes, halving, first, depthwise, back, tiny}) {
    ConvolutionGeometry less = g;
    for (const auto pass : {forward, backward_data, backward_weights}) {
      const Index bytes = nn::convolution_scratch_bytes<float>(g, pass);
      for (less.batch = 1; less.batch <= g.batch; ++less.batch) {
        CHECK(nn::convolution_scratch_bytes<float>(less, pass) <= bytes);
      }
    }
  }
  std::mt19937 generator(1);
  const auto x = random_values<float>(tiny.batch * tiny.input_size(), generator);
  const auto w = random_values<float>(tiny.weights_size(), generator);
  std::vector<float> y(static_cast<std::size_t>(tiny.batch * tiny.output_size()));
  const Scratch<float> scratch(nn::convolution_scratch_bytes<float>(tiny, forward));
  nn::convolution_forward(tiny, x.data(), w.data(), y.data(), {}, scratch.arena);
  ConvolutionGeometry one = tiny;
  one.batch = 1;
  const float before = y[0];
  nn::convolution_forward(one, x.data(), w.data(), y.data(), {}, scratch.arena);
  CHECK(y[0] == before);
}

TEST_CASE("outputs with the same taps inside of the image end where a search finds it") {
  int kinds = 0;
  const auto check_axis = [&kinds](const nn::detail::GatherAxis& axis) {
    for (Index begin = 0; begin < axis.outputs; ++begin) {
      Index end = begin + 1;
      while (end < axis.outputs && axis.taps_inside(end) == axis.taps_inside(begin)) ++end;
      if (axis.same_taps_end(begin, axis.outputs) != end) {
        FAIL_CHECK("an axis of ", axis.extent, " with ", axis.taps, " taps, ", axis.tap_step,
                   " apart, from output ", begin);
      }
      ++kinds;
    }
  };
  for (Index extent = 1; extent < 9; ++extent)
    for (Index kernel = 1; kernel < 6; ++kernel)
      for (Index stride = 1; stride < 4; ++stride)
        for (Index dilation = 1; dilation < 4; ++dilation)
          for (Index pad = 0; pad < 5; ++pad) {
            const Index reach = (kernel - 1) * dilation + 1;
            if (extent + 2 * pad < reach) continue;
            const Index outputs = (extent + 2 * pad - reach) / stride + 1;
            check_axis(nn::detail::forward_axis(extent, outputs, kernel, stride, dilation, pad));
            for (Index phase = 0; phase < stride; ++phase) {
              check_axis(
                  nn::detail::backward_axis(extent, outputs, kernel, stride, dilation, pad, phase));
            }
          }
  CHECK(kinds > 10000);
}

TEST_CASE("every pass gives the same bits for any number of threads") {
  std::mt19937 generator(8);
  const ConvolutionGeometry shapes[] = {
      square({.batch = 19, .size = 28, .channels = 1, .filters = 6, .kernel = 5, .padding = 2}),
      square({.batch = 9, .size = 12, .channels = 16, .filters = 24, .kernel = 3, .padding = 1}),
      square({.batch = 5, .size = 12, .channels = 48, .filters = 64, .kernel = 3, .padding = 1}),
      square({.batch = 6,
              .size = 9,
              .channels = 32,
              .filters = 32,
              .kernel = 3,
              .stride = 2,
              .groups = 32}),
      square({.batch = 5,
              .size = 14,
              .channels = 32,
              .filters = 64,
              .kernel = 4,
              .padding = 1,
              .stride = 2})};
  const int before = nn::threads();
  for (const ConvolutionGeometry& g : shapes) {
    const auto x = random_values<float>(g.batch * g.input_size(), generator);
    const auto w = random_values<float>(g.weights_size(), generator);
    const auto dy = random_values<float>(g.batch * g.output_size(), generator);
    std::vector<std::vector<float>> runs;
    for (int count = 1; count <= 3; ++count) {
      nn::set_threads(count);
      auto y = poisoned<float>(g.batch * g.output_size());
      auto dx = poisoned<float>(g.batch * g.input_size());
      auto dw = poisoned<float>(g.weights_size());
      const auto scratch = [&](ConvolutionPass pass) {
        return Scratch<float>(nn::convolution_scratch_bytes<float>(g, pass));
      };
      nn::convolution_forward(g, x.data(), w.data(), y.data(), {},
                              scratch(ConvolutionPass::forward).arena);
      nn::convolution_backward_data(g, dy.data(), w.data(), dx.data(), {},
                                    scratch(ConvolutionPass::backward_data).arena);
      nn::convolution_backward_weights(g, x.data(), dy.data(), dw.data(), false,
                                       scratch(ConvolutionPass::backward_weights).arena);
      y.insert(y.end(), dx.begin(), dx.end());
      y.insert(y.end(), dw.begin(), dw.end());
      runs.push_back(std::move(y));
    }
    CHECK(runs[0] == runs[1]);
    CHECK(runs[0] == runs[2]);
  }
  nn::set_threads(before);
}

}  // namespace convolution_test
