#include <doctest/doctest.h>

#include <limits>

#include "layer_testing.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/upsample2d.hpp"

namespace pooling_layers_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::AveragePool2D;
using nn::Extent2D;
using nn::GlobalAveragePool2D;
using nn::MaxPool2D;
using nn::Padding;
using nn::UpSample2D;

namespace {

const std::vector<Extent2D> windows{1, 2, 3, {1, 3}, {3, 2}};
const std::vector<Extent2D> strides{1, 2, 3, {2, 1}};
const std::vector<Padding> paddings{Padding::valid(), Padding::same(), 1, {0, 1, 1, 0}};
const std::vector<Shape> images{{5, 7, 3}, {6, 6, 2}, {4, 4, 70}, {12, 6, 5}, {6, 6, 11}};

/// Calls visit(window, stride, padding, image) for every combination in which no window lies in the
/// padding entirely.
template <class Visit>
void for_each_pooling(const Visit& visit) {
  for (const Extent2D& window : windows)
    for (const Extent2D& stride : strides)
      for (const Padding& padding : paddings)
        for (const Shape& image : images) {
          if (!padding.is_same && (window.height <= std::max(padding.top, padding.bottom) ||
                                   window.width <= std::max(padding.left, padding.right)))
            continue;
          visit(window, stride, padding, image);
        }
}

/// Calls visit(channel, values seen) for every output of a pooling layer, in order.
template <class Visit>
void for_each_view(const Tensor<double>& x, const Shape& output, const Extent2D& window,
                   const Extent2D& stride, const Padding& padding, const Visit& visit) {
  const Index height = x.shape()[1];
  const Index width = x.shape()[2];
  Index top = padding.top;
  Index left = padding.left;
  if (padding.is_same) {
    top = std::max<Index>((output[0] - 1) * stride.height + window.height - height, 0) / 2;
    left = std::max<Index>((output[1] - 1) * stride.width + window.width - width, 0) / 2;
  }
  for (Index n = 0; n < x.shape()[0]; ++n)
    for (Index oy = 0; oy < output[0]; ++oy)
      for (Index ox = 0; ox < output[1]; ++ox)
        for (Index c = 0; c < output[2]; ++c) {
          std::vector<double> seen;
          for (Index ky = 0; ky < window.height; ++ky)
            for (Index kx = 0; kx < window.width; ++kx) {
              const Index iy = oy * stride.height + ky - top;
              const Index ix = ox * stride.width + kx - left;
              if (iy >= 0 && iy < height && ix >= 0 && ix < width) seen.push_back(x(n, iy, ix, c));
            }
          visit(seen);
        }
}

}  // namespace

TEST_CASE("the stride of a pooling layer is its window unless it is given") {
  static_assert(MaxPool2D{2}.output_shape({28, 28, 6}) == Shape{14, 14, 6});
  static_assert(MaxPool2D{3}.stride == Extent2D{3});
  static_assert(MaxPool2D{.window = 3, .stride = 2}.output_shape({7, 8, 4}) == Shape{3, 3, 4});
  static_assert(MaxPool2D{.window = 3, .stride = 2, .padding = Padding::same()}.output_shape(
                    {7, 8, 4}) == Shape{4, 4, 4});
  static_assert(AveragePool2D{{2, 3}}.output_shape({7, 9, 4}) == Shape{3, 3, 4});
  static_assert(GlobalAveragePool2D{}.output_shape({7, 9, 4}) == Shape{4});
  CHECK(MaxPool2D{2}.name() == "MaxPool2D{2x2}");
  CHECK(MaxPool2D{.window = 3, .stride = 2, .padding = 1}.name() ==
        "MaxPool2D{3x3, stride 2, padding 1}");
  CHECK(AveragePool2D{.window = 3, .stride = 1, .count_padding = true}.name() ==
        "AveragePool2D{3x3, stride 1, counting the padding}");
}

TEST_CASE("pooling gives what its definition says, for the whole product of its options") {
  for_each_pooling([](const Extent2D& window, const Extent2D& stride, const Padding& padding,
                      const Shape& image) {
    const MaxPool2D largest{.window = window, .stride = stride, .padding = padding};
    CAPTURE(largest.name());
    CAPTURE(image);
    const auto x = random_tensor<double>(image.prepended(2), 5);
    const Shape output = largest.output_shape(image);
    for (Index axis = 0; axis < 2; ++axis) {
      const Index step = axis == 0 ? stride.height : stride.width;
      if (padding.is_same) REQUIRE(output[axis] == (image[axis] + step - 1) / step);
    }
    std::vector<double> maxima;
    std::vector<double> means;
    std::vector<double> means_with_padding;
    for_each_view(x, output, window, stride, padding, [&](const std::vector<double>& seen) {
      REQUIRE_FALSE(seen.empty());
      double sum = 0;
      for (const double value : seen) sum += value;
      maxima.push_back(*std::max_element(seen.begin(), seen.end()));
      means.push_back(sum / static_cast<double>(seen.size()));
      means_with_padding.push_back(sum / static_cast<double>(window.height * window.width));
    });
    nn::Model<MaxPool2D, double> pool(largest, image);
    CHECK(worst_difference<double>(pool.predict(x), maxima) == 0);
    CHECK(worst_difference<double>(pool.forward(x), maxima) == 0);
    AveragePool2D mean{.window = window, .stride = stride, .padding = padding};
    CHECK(worst_difference<double>(nn::Model<AveragePool2D, double>(mean, image).predict(x),
                                   means) < 1e-14);
    mean.count_padding = true;
    CHECK(worst_difference<double>(nn::Model<AveragePool2D, double>(mean, image).predict(x),
                                   means_with_padding) < 1e-14);
  });
}

TEST_CASE("the gradients of pooling are right for the whole product of its options") {
  for_each_pooling([](const Extent2D& window, const Extent2D& stride, const Padding& padding,
                      const Shape& image) {
    for (const Index batch : {1, 3}) {
      const nn::GradientCheckOptions options{.batch = batch, .elements = 25};
      check_gradients_of(MaxPool2D{window, stride, padding}, image, options);
      for (const bool count_padding : {false, true}) {
        check_gradients_of(AveragePool2D{window, stride, padding, count_padding}, image, options);
      }
    }
  });
  for (const Shape& image : images) {
    for (const Index batch : {1, 3}) {
      check_gradients_of(GlobalAveragePool2D{}, image, {.batch = batch});
    }
  }
  // More taps than a byte can number.
  check_gradients_of(MaxPool2D{17}, {17, 34, 2}, {.batch = 2});
  check_gradients_of(MaxPool2D{{1, 300}}, {2, 300, 1}, {.batch = 2});
}

TEST_CASE("windows of more than 256 taps find their values, and gradients go back to them") {
  struct Case {
    Extent2D window;
    Extent2D stride;
    Shape image;
  };
  const Case cases[] = {
      {17, 17, {34, 17, 3}},           {17, {3, 2}, {26, 21, 3}},  // overlapping, of few channels
      {17, {3, 2}, {23, 19, 19}},      {{2, 128}, {1, 128}, {5, 256, 2}},  // 256 taps
      {{1, 257}, {1, 5}, {2, 270, 9}}, {{300, 1}, {300, 1}, {600, 2, 17}}};
  for (const Case& item : cases) {
    const Extent2D& window = item.window;  // clang 14 captures no structured binding
    const Extent2D& stride = item.stride;
    const Shape& image = item.image;
    const MaxPool2D largest{.window = window, .stride = stride};
    CAPTURE(largest.name());
    CAPTURE(image);
    const Shape output = largest.output_shape(image).prepended(2);
    const auto x = random_tensor<double>(image.prepended(2), 6);
    const auto dy = random_tensor<double>(output, 7);
    const double taps = static_cast<double>(window.height * window.width);
    std::vector<double> maxima(static_cast<std::size_t>(output.size()));
    std::vector<double> means(maxima.size());
    std::vector<double> max_gradient(static_cast<std::size_t>(x.size()));
    std::vector<double> mean_gradient(max_gradient.size());
    for (Index to = 0; to < output.size(); ++to) {
      const Index channel = to % output[3];
      const Index left = to / output[3] % output[2] * stride.width;
      const Index top = to / output[3] / output[2] % output[1] * stride.height;
      const Index image_start = to / output[3] / output[2] / output[1] * image.size();
      const auto place = [&](Index row, Index column) {
        return image_start + ((top + row) * image[1] + left + column) * image[2] + channel;
      };
      Index best = place(0, 0);
      double sum = 0;
      for (Index row = 0; row < window.height; ++row) {
        for (Index column = 0; column < window.width; ++column) {
          const Index at = place(row, column);
          if (x[at] > x[best]) best = at;
          sum += x[at];
          mean_gradient[static_cast<std::size_t>(at)] += dy[to] / taps;
        }
      }
      maxima[static_cast<std::size_t>(to)] = x[best];
      means[static_cast<std::size_t>(to)] = sum / taps;
      max_gradient[static_cast<std::size_t>(best)] += dy[to];
    }
    nn::Model<MaxPool2D, double> pool(largest, image);
    CHECK(worst_difference<double>(pool.predict(x), maxima) == 0);
    CHECK(worst_difference<double>(pool.forward(x), maxima) == 0);
    CHECK(worst_difference<double>(pool.backward(dy, {.input_gradient = true}), max_gradient) <
          1e-14);
    nn::Model<AveragePool2D, double> mean(AveragePool2D{.window = window, .stride = stride}, image);
    CHECK(worst_difference<double>(mean.forward(x), means) < 1e-13);
    CHECK(worst_difference<double>(mean.backward(dy, {.input_gradient = true}), mean_gradient) <
          1e-13);
  }
}

TEST_CASE("of equal values the first gets the gradient, and of none is anything lost") {
  nn::Model<MaxPool2D, double> model(MaxPool2D{2}, {2, 2, 1});
  const Tensor<double> equal({1, 2, 2, 1}, 7.0);
  CHECK(model.forward(equal)[0] == 7);
  const Tensor<double> dy({1, 1, 1, 1}, 3.0);
  CHECK(worst_difference<double>(model.backward(dy, {.input_gradient = true}), {3, 0, 0, 0}) == 0);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (Index at = 0; at < 4; ++at) {
    Tensor<double> x({1, 2, 2, 1}, {1.0, 2.0, 3.0, 4.0});
    x[at] = nan;
    CHECK(std::isnan(model.predict(x)[0]));
  }
  const Tensor<double> lowest({1, 2, 2, 1}, -infinity);
  CHECK(model.forward(lowest)[0] == -infinity);
  CHECK(worst_difference<double>(model.backward(dy, {.input_gradient = true}), {3, 0, 0, 0}) == 0);
}

TEST_CASE("a pooling layer that does not fit says why") {
  check_error([] { (void)MaxPool2D{2}.output_shape({784}); }, {"784", "Reshape"});
  check_error([] { (void)MaxPool2D{3}.output_shape({2, 5, 1}); }, {"3x3", "2x5x1"});
  check_error(
      [] {
        (void)MaxPool2D{.window = 2, .padding = 2}.output_shape({8, 8, 1});
      },
      {"padding 2", "window 2x2"});
  check_error([] { (void)AveragePool2D{0}.output_shape({8, 8, 1}); }, {"positive", "0x0"});
  check_error([] { (void)MaxPool2D{300}.output_shape({900, 900, 1}); }, {"300x300", "too large"});
  check_error([] { (void)GlobalAveragePool2D{}.output_shape({8}); }, {"got 8"});
  check_error([] { (void)UpSample2D{0}.output_shape({8, 8, 1}); }, {"factor", "0x0"});
}

TEST_CASE("upsampling repeats pixels, and its gradient adds them up") {
  nn::Model<UpSample2D, double> model(UpSample2D{.factor = {2, 3}}, {1, 2, 2});
  CHECK(model.output_shape() == Shape{2, 6, 2});
  CHECK(model.plan().name == "UpSample2D{2x3}");
  const Tensor<double> x({1, 1, 2, 2}, {1.0, 2.0, 3.0, 4.0});
  const std::vector<double> row{1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4};
  std::vector<double> both = row;
  both.insert(both.end(), row.begin(), row.end());
  CHECK(worst_difference<double>(model.predict(x), both) == 0);
  for (const Extent2D& factor : {Extent2D{1}, Extent2D{2}, Extent2D{3, 1}, Extent2D{1, 4}}) {
    for (const Index batch : {1, 3}) {
      check_gradients_of(UpSample2D{factor}, {3, 2, 3}, {.batch = batch});
    }
  }
}

TEST_CASE("pooling and upsampling give the same bits for any number of threads") {
  check_threads(MaxPool2D{2}, {16, 16, 24}, 11);
  check_threads(MaxPool2D{.window = 3, .stride = 2, .padding = 1}, {16, 16, 24}, 11);
  check_threads(AveragePool2D{.window = 3, .stride = 2, .padding = 1}, {16, 16, 24}, 11);
  check_threads(GlobalAveragePool2D{}, {16, 16, 24}, 11);
  check_threads(UpSample2D{2}, {16, 16, 24}, 11);
}

}  // namespace pooling_layers_test
