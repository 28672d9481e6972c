#include "nn/layers/adaptive_pooling.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "layer_testing.hpp"
#include "nn/layers/bilinear.hpp"
#include "nn/layers/pixel_shuffle.hpp"
#include "nn/layers/pooling.hpp"

namespace adaptive_pooling_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::AdaptiveAveragePool2D;
using nn::AdaptiveMaxPool2D;
using nn::BilinearUpSample2D;
using nn::Extent2D;
using nn::GlobalMaxPool2D;
using nn::PixelShuffle;

const std::vector<Extent2D> outputs{1, 2, 3, {2, 5}, {7, 4}, {9, 10}};
const std::vector<Shape> images{{5, 7, 3}, {6, 6, 2}, {1, 4, 9}};

/// By the definition, in whole numbers: which rows a window has.
std::pair<Index, Index> rows_of(Index i, Index rows, Index count) {
  const double share = static_cast<double>(rows) / static_cast<double>(count);
  const auto at = static_cast<double>(i);
  return {static_cast<Index>(std::floor(at * share + 1e-9)),
          static_cast<Index>(std::ceil((at + 1) * share - 1e-9))};
}

TEST_CASE("adaptive pooling gives the means and maxima of windows that cover the image") {
  for (const Shape& image : images) {
    for (const Extent2D& output : outputs) {
      CAPTURE(image);
      CAPTURE(output);
      const auto x = random_tensor<double>(image.prepended(2), 1);
      std::vector<double> means;
      std::vector<double> maxima;
      for (Index n = 0; n < 2; ++n) {
        for (Index i = 0; i < output.height; ++i) {
          for (Index j = 0; j < output.width; ++j) {
            for (Index c = 0; c < image[2]; ++c) {
              const auto [top, bottom] = rows_of(i, image[0], output.height);
              const auto [left, right] = rows_of(j, image[1], output.width);
              double sum = 0;
              double most = -std::numeric_limits<double>::infinity();
              for (Index row = top; row < bottom; ++row) {
                for (Index column = left; column < right; ++column) {
                  sum += x.view()(n, row, column, c);
                  most = std::max(most, x.view()(n, row, column, c));
                }
              }
              means.push_back(sum / static_cast<double>((bottom - top) * (right - left)));
              maxima.push_back(most);
            }
          }
        }
      }
      nn::Model<AdaptiveAveragePool2D, double> average(AdaptiveAveragePool2D{output}, image);
      CHECK(average.output_shape() == Shape{output.height, output.width, image[2]});
      CHECK(worst_difference<double>(average.predict(x), means) < 1e-15);
      nn::Model<AdaptiveMaxPool2D, double> maximum(AdaptiveMaxPool2D{output}, image);
      CHECK(worst_difference<double>(maximum.predict(x), maxima) == 0);
      CHECK(worst_difference<double>(maximum.forward(x), maxima) == 0);
    }
  }
}

TEST_CASE("adaptive pooling to one pixel is global pooling") {
  const auto x = random_tensor<double>({3, 5, 7, 4}, 1);
  nn::Model<GlobalMaxPool2D, double> global(GlobalMaxPool2D{}, {5, 7, 4});
  nn::Model<AdaptiveMaxPool2D, double> adaptive(AdaptiveMaxPool2D{}, {5, 7, 4});
  CHECK(global.output_shape() == Shape{4});
  const Tensor<double> one = global.predict(x);
  const Tensor<double> other = adaptive.predict(x);
  CHECK(std::equal(one.begin(), one.end(), other.begin()));
}

TEST_CASE("a NaN is the largest of a window, and of equal values the first learns") {
  nn::Model<GlobalMaxPool2D, double> model(GlobalMaxPool2D{}, {2, 2, 1});
  CHECK(std::isnan(model.predict(Tensor<double>({1, 2, 2, 1}, {1, std::nan(""), 3, 2}))[0]));
  const Tensor<double> x({1, 2, 2, 1}, {1, 3, 3, 2});
  model.forward(x);
  const TensorView<const double> dx =
      model.backward(Tensor<double>({1, 1}, 5.0), {.input_gradient = true});
  CHECK(worst_difference<double>(dx, {0, 5, 0, 0}) == 0);
}

TEST_CASE("the gradients of adaptive pooling are right") {
  for (const Shape& image : images) {
    for (const Extent2D& output : outputs) {
      check_gradients_of(AdaptiveAveragePool2D{output}, image);
      check_gradients_of(AdaptiveMaxPool2D{output}, image);
    }
    check_gradients_of(GlobalMaxPool2D{}, image, {.batch = 1});
  }
}

TEST_CASE("bilinear enlarging gives PyTorch's figures") {
  // x = torch.tensor([[1., 2, 4], [8, -3, 0]], dtype=torch.float64)[None, None]
  // F.interpolate(x, scale_factor=(2, 3), mode='bilinear', align_corners=...), PyTorch 1.13
  const Tensor<double> x({1, 2, 3, 1}, {1, 2, 4, 8, -3, 0});
  nn::Model<BilinearUpSample2D, double> model(BilinearUpSample2D{{2, 3}}, {2, 3, 1});
  CHECK(model.output_shape() == Shape{4, 9, 1});
  CHECK(model.plan().name == "BilinearUpSample2D{2x3}");
  CHECK(worst_difference<double>(model.predict(x), {1.0,
                                                    1.0,
                                                    1.3333333333333333,
                                                    1.6666666666666665,
                                                    2.0,
                                                    2.6666666666666665,
                                                    3.333333333333333,
                                                    3.9999999999999996,
                                                    4.0,
                                                    2.75,
                                                    2.75,
                                                    2.0833333333333335,
                                                    1.4166666666666667,
                                                    0.7500000000000001,
                                                    1.4999999999999998,
                                                    2.25,
                                                    2.9999999999999996,
                                                    3.0,
                                                    6.25,
                                                    6.25,
                                                    3.583333333333333,
                                                    0.9166666666666665,
                                                    -1.7499999999999991,
                                                    -0.8333333333333334,
                                                    0.08333333333333293,
                                                    0.9999999999999993,
                                                    1.0,
                                                    8.0,
                                                    8.0,
                                                    4.333333333333334,
                                                    0.6666666666666667,
                                                    -2.999999999999999,
                                                    -2.0,
                                                    -1.0000000000000004,
                                                    -6.661338147750939e-16,
                                                    0.0}) < 1e-14);
  nn::Model<BilinearUpSample2D, double> aligned(BilinearUpSample2D{{2, 3}, true}, {2, 3, 1});
  CHECK(worst_difference<double>(aligned.predict(x), {1.0,
                                                      1.25,
                                                      1.5,
                                                      1.75,
                                                      2.0,
                                                      2.5,
                                                      3.0,
                                                      3.5,
                                                      4.0,
                                                      3.333333333333333,
                                                      2.5833333333333335,
                                                      1.833333333333333,
                                                      1.0833333333333335,
                                                      0.33333333333333354,
                                                      0.9166666666666667,
                                                      1.5,
                                                      2.0833333333333335,
                                                      2.666666666666667,
                                                      5.666666666666666,
                                                      3.916666666666667,
                                                      2.1666666666666665,
                                                      0.4166666666666665,
                                                      -1.333333333333333,
                                                      -0.6666666666666666,
                                                      5.551115123125783e-17,
                                                      0.6666666666666667,
                                                      1.3333333333333335,
                                                      8.0,
                                                      5.25,
                                                      2.5,
                                                      -0.25,
                                                      -3.0,
                                                      -2.25,
                                                      -1.5,
                                                      -0.75,
                                                      0.0}) < 1e-14);
}

TEST_CASE("the gradients of bilinear enlarging are right") {
  for (const bool align_corners : {false, true}) {
    for (const Extent2D& factor : {Extent2D{1}, Extent2D{2}, Extent2D{3, 1}, Extent2D{1, 4}}) {
      for (const Shape& image : {Shape{3, 2, 3}, Shape{1, 4, 9}}) {
        check_gradients_of(BilinearUpSample2D{factor, align_corners}, image);
      }
    }
  }
}

TEST_CASE("channels become pixels in PyTorch's order") {
  // F.pixel_shuffle(x.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1) of 0 to 15, PyTorch 1.13
  nn::Model<PixelShuffle, double> model(PixelShuffle{}, {1, 2, 8});
  CHECK(model.output_shape() == Shape{2, 4, 2});
  Tensor<double> x({1, 1, 2, 8});
  for (Index i = 0; i < 16; ++i) x[i] = static_cast<double>(i);
  CHECK(worst_difference<double>(model.predict(x), {0.0, 4.0, 1.0, 5.0, 8.0, 12.0, 9.0, 13.0, 2.0,
                                                    6.0, 3.0, 7.0, 10.0, 14.0, 11.0, 15.0}) == 0);
  check_gradients_of(PixelShuffle{}, {3, 2, 8});
  check_gradients_of(PixelShuffle{3}, {2, 3, 18}, {.batch = 1});
  check_gradients_of(PixelShuffle{1}, {2, 3, 5});
}

TEST_CASE("adaptive pooling and enlarging: the same bits for any number of threads") {
  check_threads(AdaptiveAveragePool2D{3}, {16, 16, 24}, 11);
  check_threads(AdaptiveMaxPool2D{3}, {16, 16, 24}, 11);
  check_threads(GlobalMaxPool2D{}, {16, 16, 24}, 11);
  check_threads(BilinearUpSample2D{2}, {16, 16, 24}, 11);
  check_threads(PixelShuffle{2}, {16, 16, 24}, 11);
}

TEST_CASE("adaptive pooling and enlarging: what does not fit") {
  check_error([] { (void)AdaptiveMaxPool2D{}.output_shape({7}); }, {"expects images"});
  check_error(
      [] {
        (void)AdaptiveAveragePool2D{0}.output_shape({7, 7, 1});
      },
      {"output must be positive"});
  check_error([] { (void)GlobalMaxPool2D{}.output_shape({7}); }, {"expects images"});
  check_error(
      [] {
        (void)BilinearUpSample2D{0}.output_shape({7, 7, 1});
      },
      {"factor must be positive"});
  check_error(
      [] {
        (void)PixelShuffle{}.output_shape({7, 7, 6});
      },
      {"expects a multiple of 2 x 2 channels, got 7x7x6"});
}

}  // namespace adaptive_pooling_test
