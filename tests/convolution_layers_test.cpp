#include <doctest/doctest.h>

#include "layer_testing.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/conv_transpose2d.hpp"
#include "nn/layers/relu.hpp"
#include "reference.hpp"

namespace convolution_layers_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::Conv2D;
using nn::ConvTranspose2D;
using nn::Extent2D;
using nn::Padding;

namespace {

const std::vector<Extent2D> kernels{1, 2, 3, {2, 3}};
const std::vector<Extent2D> strides{1, 2, {3, 1}};
const std::vector<Extent2D> dilations{1, {2, 1}, 2};
const std::vector<Padding> paddings{Padding::valid(), Padding::same(), 1, {0, 2, 1, 0}};
const std::vector<Shape> images{{5, 7, 4}, {6, 6, 4}};

/// The rows that TensorFlow's documentation ("Notes on padding options") gives for "SAME".
struct Same {
  Index before;
  Index after;
};
Same same_padding(Index inputs, Index span, Index stride) {
  const Index excess = inputs % stride == 0 ? std::max<Index>(span - stride, 0)
                                            : std::max<Index>(span - inputs % stride, 0);
  return {excess / 2, excess - excess / 2};
}

/// The sizes of the convolution that a Conv2D stands for, worked out here.
nn::ConvolutionGeometry geometry_of(const Conv2D& layer, const Shape& input, Index batch) {
  nn::ConvolutionGeometry g{.batch = batch,
                            .height = input[0],
                            .width = input[1],
                            .channels = input[2],
                            .filters = layer.filters,
                            .kernel_height = layer.kernel.height,
                            .kernel_width = layer.kernel.width,
                            .stride_height = layer.stride.height,
                            .stride_width = layer.stride.width,
                            .dilation_height = layer.dilation.height,
                            .dilation_width = layer.dilation.width,
                            .groups = layer.groups,
                            .pad_top = layer.padding.top,
                            .pad_bottom = layer.padding.bottom,
                            .pad_left = layer.padding.left,
                            .pad_right = layer.padding.right};
  if (layer.padding.is_same) {
    const Same rows = same_padding(input[0], layer.dilation.height * (layer.kernel.height - 1) + 1,
                                   layer.stride.height);
    const Same columns = same_padding(input[1], layer.dilation.width * (layer.kernel.width - 1) + 1,
                                      layer.stride.width);
    g.pad_top = rows.before;
    g.pad_bottom = rows.after;
    g.pad_left = columns.before;
    g.pad_right = columns.after;
  }
  return g;
}

/// Calls visit(layer, image shape) for the whole product of a Conv2D's options.
template <class Visit>
void for_each_convolution(const Visit& visit) {
  for (const Extent2D& kernel : kernels)
    for (const Extent2D& stride : strides)
      for (const Extent2D& dilation : dilations)
        for (const Padding& padding : paddings)
          for (const Index groups : {1, 2, 4})
            for (const bool bias : {false, true})
              for (const Shape& image : images)
                visit(Conv2D{.filters = 4,
                             .kernel = kernel,
                             .stride = stride,
                             .dilation = dilation,
                             .groups = groups,
                             .padding = padding,
                             .bias = bias},
                      image);
}

}  // namespace

TEST_CASE("a convolution is a literal whose options read as they are written") {
  constexpr Conv2D layer{.filters = 6, .kernel = 5, .padding = 2};
  static_assert(layer.output_shape({28, 28, 1}) == Shape{28, 28, 6});
  static_assert(Conv2D{32, {3, 5}}.output_shape({28, 28, 1}) == Shape{26, 24, 32});
  CHECK(layer.name() == "Conv2D{6, 5x5, padding 2}");
  CHECK(Conv2D{.filters = 32, .stride = 2}.name() == "Conv2D{32, 3x3, stride 2}");
  CHECK(Conv2D{.filters = 8,
               .kernel = {3, 1},
               .stride = {1, 2},
               .dilation = 3,
               .groups = 4,
               .padding = Padding::same()}
            .name() == "Conv2D{8, 3x1, stride 1x2, dilation 3, padding same, groups 4}");
  CHECK(Conv2D{.filters = 2, .padding = {1, 2}}.name() == "Conv2D{2, 3x3, padding 1x2}");
  CHECK(Conv2D{.filters = 2, .padding = {1, 2, 3, 4}}.name() == "Conv2D{2, 3x3, padding 1+2x3+4}");
  // 5 * 5 * 6 weights and 16 biases a filter; each output takes 5 * 5 * 6 multiply-adds.
  const nn::Model<Conv2D> model(Conv2D{.filters = 16, .kernel = 5}, {14, 14, 6});
  CHECK(model.parameters().size() == 5 * 5 * 6 * 16 + 16);
  CHECK(model.plan().multiply_adds == 10 * 10 * 16 * 150);
  CHECK(model.variables()[0].shape == Shape{5, 5, 6, 16});
  CHECK(model.variables()[0].decay);
  CHECK_FALSE(model.variables()[1].decay);
}

TEST_CASE("a convolution gives what its definition says, for the whole product of its options") {
  for_each_convolution([](Conv2D layer, const Shape& image) {
    CAPTURE(layer.name());
    CAPTURE(image);
    layer.bias_initializer = nn::normal(1);
    nn::Model<Conv2D, double> model(layer, image, {.seed = 7});
    const Index batch = 2;
    const auto x = random_tensor<double>(image.prepended(batch), 8);
    const auto g = geometry_of(layer, image, batch);
    REQUIRE(model.output_shape() == Shape{g.output_height(), g.output_width(), 4});
    if (layer.padding.is_same) {
      // The input divided by the stride, rounded up.
      REQUIRE(g.output_height() == (image[0] - 1) / layer.stride.height + 1);
      REQUIRE(g.output_width() == (image[1] - 1) / layer.stride.width + 1);
    }
    auto expected = reference::convolution_forward(g, x.data(), model.parameter("weight").data());
    if (layer.bias) {
      const auto bias = model.parameter("bias");
      for (std::size_t i = 0; i < expected.size(); ++i) {
        expected[i] += bias[static_cast<Index>(i % 4)];
      }
    }
    CHECK(worst_difference<double>(model.predict(x), expected) < 1e-12);
    CHECK(worst_difference<double>(model.forward(x), expected) < 1e-12);
  });
}

TEST_CASE("the gradients of a convolution are right for the whole product of its options") {
  for_each_convolution([](const Conv2D& layer, const Shape& image) {
    for (const Index batch : {1, 3}) {
      check_gradients_of(layer, image, {.batch = batch, .elements = 10});
    }
  });
  // Every single element of a few.
  const nn::GradientCheckOptions all{.elements = 100000};
  check_gradients_of(Conv2D{.filters = 3, .padding = 1}, {5, 4, 2}, all);
  check_gradients_of(Conv2D{.filters = 6, .stride = 2, .groups = 3, .padding = Padding::same()},
                     {7, 6, 3}, all);
  check_gradients_of(Conv2D{.filters = 20, .kernel = 5, .padding = 2}, {4, 4, 17},
                     {.elements = 50});
  // Enough channels for Winograd's algorithm.
  check_gradients_of(Conv2D{.filters = 33, .padding = 1}, {7, 6, 34}, {.elements = 40});
  check_gradients_of(Conv2D{.filters = 1, .kernel = 1}, {1, 1, 1}, {.batch = 1});
}

TEST_CASE("a convolution that does not fit says why") {
  const auto plan = [](const Conv2D& layer, const Shape& input) {
    return [=] { (void)layer.output_shape(input); };
  };
  check_error(plan({.filters = 2}, {784}), {"784", "height x width x channels", "Reshape"});
  check_error(plan({.filters = 2, .kernel = 5}, {4, 9, 3}), {"5x5", "4x9x3"});
  check_error(plan({.filters = 2, .kernel = 3, .dilation = 4, .padding = 1}, {5, 5, 3}),
              {"9x9", "5x5x3", "7x7"});
  check_error(plan({.filters = 2, .kernel = 0}, {5, 5, 3}), {"positive", "0x0"});
  check_error(plan({.filters = 2, .stride = {0, 1}}, {5, 5, 3}), {"stride", "0x1"});
  check_error(plan({.filters = 2, .dilation = -1}, {5, 5, 3}), {"dilation", "-1x-1"});
  check_error(plan({.filters = 2, .padding = -1}, {5, 5, 3}), {"padding", "-1"});
  check_error(plan({.filters = 0}, {5, 5, 3}), {"filters", "0"});
  check_error(plan({.filters = 4, .groups = 2}, {5, 5, 3}),
              {"3 channels", "4 filters", "2 groups"});
  check_error(plan({.filters = 3, .groups = 2}, {5, 5, 4}), {"4 channels", "3 filters"});
  check_error(plan({.filters = 2, .groups = 0}, {5, 5, 3}), {"0 groups"});
}

TEST_CASE("a transposed convolution is the transpose of a convolution with the same weights") {
  // <conv(x), z> = <x, transposed(z)> for all x and z defines the transpose.
  for (const Extent2D& kernel : kernels)
    for (const Extent2D& stride : strides)
      for (const Extent2D& dilation : dilations)
        for (const Padding& padding : {Padding(0), Padding(1), Padding{0, 2, 1, 0}})
          for (const Index groups : {1, 2}) {
            const Shape small{3, 4, 6};
            ConvTranspose2D transposed{.filters = 4,
                                       .kernel = kernel,
                                       .stride = stride,
                                       .dilation = dilation,
                                       .groups = groups,
                                       .padding = padding,
                                       .output_padding = {stride.height - 1, 0},
                                       .bias = false};
            // Smaller than what is taken off: there is no such layer.
            if (3 * stride.height < 3 && padding.top + padding.bottom > 0) continue;
            CAPTURE(transposed.name());
            nn::Model<ConvTranspose2D, double> up(transposed, small, {.seed = 1});
            const Conv2D convolution{.filters = 6,
                                     .kernel = kernel,
                                     .stride = stride,
                                     .dilation = dilation,
                                     .groups = groups,
                                     .padding = padding,
                                     .bias = false};
            nn::Model<Conv2D, double> down(convolution, up.output_shape(), {.seed = 2});
            REQUIRE(down.output_shape() == small);
            REQUIRE(down.variables()[0].shape == up.variables()[0].shape);
            std::copy(up.parameters().begin(), up.parameters().end(), down.parameters().begin());
            const auto z = random_tensor<double>(small.prepended(2), 3);
            const auto x = random_tensor<double>(up.output_shape().prepended(2), 4);
            const double left = down.predict(x).array().matrix().dot(z.array().matrix());
            const double right = up.predict(z).array().matrix().dot(x.array().matrix());
            CHECK(left == doctest::Approx(right).epsilon(1e-12));
          }
}

TEST_CASE("a transposed convolution gives what was worked out by hand") {
  // One row, kernel (1, 2, 3), stride 2: inputs 10 and 1 put 10 20 30 at 0 and 1 2 3 at 2.
  nn::Model<ConvTranspose2D, double> model(
      ConvTranspose2D{.filters = 1, .kernel = {1, 3}, .stride = {1, 2}}, {1, 2, 1});
  const std::vector<double> weights{1, 2, 3};
  std::copy(weights.begin(), weights.end(), model.parameter("weight").begin());
  model.parameter("bias").fill(0.5);
  const Tensor<double> x({1, 1, 2, 1}, {10.0, 1.0});
  CHECK(model.output_shape() == Shape{1, 5, 1});
  CHECK(worst_difference<double>(model.predict(x), {10.5, 20.5, 31.5, 2.5, 3.5}) == 0);
  // PyTorch's formula: (H - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding +
  // 1
  static_assert(ConvTranspose2D{.filters = 8, .kernel = 4, .stride = 2, .padding = 1}.output_shape(
                    {7, 7, 16}) == Shape{14, 14, 8});
  static_assert(ConvTranspose2D{
                    .filters = 8, .kernel = 3, .stride = 2, .padding = 1, .output_padding = {1, 0}}
                    .output_shape({7, 7, 16}) == Shape{14, 13, 8});
  for (const Index k : {1, 2, 3, 5}) {
    for (const Index s : {1, 2, 3}) {
      const ConvTranspose2D same{
          .filters = 2, .kernel = k, .stride = s, .padding = Padding::same()};
      CHECK(same.output_shape({4, 5, 3}) == Shape{4 * s, 5 * s, 2});
    }
  }
  CHECK(ConvTranspose2D{.filters = 8, .kernel = 4, .stride = 2, .padding = 1, .output_padding = 1}
            .name() == "ConvTranspose2D{8, 4x4, stride 2, padding 1, output padding 1}");
}

TEST_CASE("the gradients of a transposed convolution are right for the product of its options") {
  for (const Extent2D& kernel : kernels)
    for (const Extent2D& stride : strides)
      for (const Extent2D& dilation : dilations)
        for (const Padding& padding : paddings)
          for (const Index groups : {1, 2})
            for (const bool bias : {false, true})
              for (const Index batch : {1, 3}) {
                for (const Extent2D& extra : {Extent2D{0}, Extent2D{stride.height - 1, 0}}) {
                  if (padding.is_same && extra != Extent2D{0}) continue;
                  check_gradients_of(ConvTranspose2D{.filters = 4,
                                                     .kernel = kernel,
                                                     .stride = stride,
                                                     .dilation = dilation,
                                                     .groups = groups,
                                                     .padding = padding,
                                                     .output_padding = extra,
                                                     .bias = bias},
                                     {4, 3, 2}, {.batch = batch, .elements = 10});
                }
              }
}

TEST_CASE("a transposed convolution that does not fit says why") {
  const auto plan = [](const ConvTranspose2D& layer, const Shape& input) {
    return [=] { (void)layer.output_shape(input); };
  };
  check_error(plan({.filters = 2}, {49}), {"49", "Reshape"});
  check_error(plan({.filters = 2, .kernel = 1, .padding = 1}, {2, 2, 3}), {"2x2x3", "padding 1"});
  check_error(plan({.filters = 2, .stride = 2, .output_padding = 2}, {2, 2, 3}),
              {"output padding", "2x2"});
  check_error(
      plan({.filters = 2, .stride = 2, .padding = Padding::same(), .output_padding = 1}, {2, 2, 3}),
      {"same"});
  check_error(plan({.filters = 3, .groups = 2}, {5, 5, 4}), {"4 channels", "3 filters"});
}

TEST_CASE("default weights keep the size of activations through ReLUs") {
  // He's argument: the mean square of the output is twice that of the input, and a ReLU halves it.
  const auto mean_square = [](TensorView<const float> values) {
    double sum = 0;
    for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
    return sum / static_cast<double>(values.size());
  };
  const auto x = random_tensor<float>({4, 12, 12, 32}, 1);
  const nn::Model<Conv2D> down(Conv2D{.filters = 64}, {12, 12, 32});
  CHECK(mean_square(down.predict(x)) == doctest::Approx(2 * mean_square(x)).epsilon(0.1));
  const nn::Model<ConvTranspose2D> up(ConvTranspose2D{.filters = 8, .padding = 1}, {12, 12, 32});
  CHECK(mean_square(up.predict(x)) == doctest::Approx(2 * mean_square(x)).epsilon(0.2));
}

TEST_CASE("convolutions give the same bits for any number of threads") {
  check_threads(Conv2D{.filters = 16, .stride = 2, .padding = 1}, {12, 12, 8}, 9);
  check_threads(Conv2D{.filters = 8, .groups = 8, .padding = Padding::same()}, {12, 12, 8}, 9);
  check_threads(ConvTranspose2D{.filters = 8, .kernel = 4, .stride = 2, .padding = 1}, {6, 6, 16},
                9);
}

}  // namespace convolution_layers_test
