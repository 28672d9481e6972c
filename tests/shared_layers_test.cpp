// Layers that are given all samples of a process at once, where processes share a batch.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "nn/distributed/shared_batches.hpp"
#include "nn/layers/conv2d.hpp"
#include "nn/layers/conv_transpose2d.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/sequential.hpp"
#include "nn/train/model.hpp"
#include "ranks.hpp"

namespace shared_layers_test {

using nn::Index;
using nn::Shape;

template <class T>
nn::Tensor<T> waves(const Shape& shape, double step) {
  nn::Tensor<T> values(shape);
  for (Index i = 0; i < values.size(); ++i) {
    values[i] = static_cast<T>(std::sin(step * static_cast<double>(i)));
  }
  return values;
}

/// What a training pass computes: outputs, the gradients of the input and of the parameters.
template <class T>
struct Results {
  std::vector<T> outputs;
  std::vector<T> input_gradient;
  std::vector<T> gradients;
};

template <class T>
void append(std::vector<T>& to, const auto& values) {
  to.insert(to.end(), values.begin(), values.end());
}

/// The pass of one process.
template <class T, class Network>
Results<T> whole(const Network& network, const Shape& input, Index batch) {
  nn::Model<Network, T> model(network, input, {.seed = 3});
  const nn::Tensor<T> x = waves<T>(input.prepended(batch), 0.7);
  Results<T> results;
  append(results.outputs, model.forward(x));
  append(results.input_gradient,
         model.backward(waves<T>(model.output_shape().prepended(batch), 0.3),
                        {.input_gradient = true}));
  append(results.gradients, model.gradients());
  return results;
}

/// The pass of so many ranks, in pieces; the gradients of rank 0.
template <class T, class Network>
Results<T> shared(const Network& network, const Shape& input, Index batch, Index pieces,
                  Index ranks, int threads = 1) {
  std::vector<Results<T>> parts(static_cast<std::size_t>(ranks));
  const auto errors = run_ranks(
      ranks,
      [&](nn::Communicator& world) {
        nn::Model<Network, T> model(network, input, {.seed = 3});
        nn::SharedBatches sharing(world, pieces);
        sharing.begin_batch(batch);
        model.share(&sharing);
        const Index first = sharing.first_sample();
        const Index own = sharing.begin(sharing.pieces());
        const nn::Tensor<T> x = waves<T>(input.prepended(batch), 0.7);
        const nn::Tensor<T> slope = waves<T>(model.output_shape().prepended(batch), 0.3);
        Results<T>& part = parts[static_cast<std::size_t>(world.rank())];
        append(part.outputs, model.forward(x.view().samples(first, own)));
        append(part.input_gradient,
               model.backward(slope.view().samples(first, own), {.input_gradient = true}));
        append(part.gradients, model.gradients());
      },
      threads);
  CHECK(joined(errors) == "");
  Results<T> all{{}, {}, parts[0].gradients};
  for (const Results<T>& part : parts) {
    append(all.outputs, part.outputs);
    append(all.input_gradient, part.input_gradient);
  }
  return all;
}

template <class T>
double largest_difference(const std::vector<T>& a, const std::vector<T>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a[i] - b[i])));
  }
  return largest;
}

/// Any number of ranks has the bits of one, and in double those of a batch of its own, to rounding.
template <class Network>
void check(const Network& network, const Shape& input, Index batch, Index pieces) {
  const Results<double> expected = whole<double>(network, input, batch);
  const Results<double> found = shared<double>(network, input, batch, pieces, 2);
  CHECK(largest_difference(found.outputs, expected.outputs) < 1e-11);
  CHECK(largest_difference(found.input_gradient, expected.input_gradient) < 1e-11);
  CHECK(largest_difference(found.gradients, expected.gradients) < 1e-10);

  const Results<float> one = shared<float>(network, input, batch, pieces, 1);
  for (const Index ranks : {Index{1}, Index{2}, Index{3}, pieces}) {
    CAPTURE(ranks);
    const Results<float> several =
        shared<float>(network, input, batch, pieces, ranks, ranks == 1 ? 3 : 1);
    CHECK(several.outputs == one.outputs);
    CHECK(several.input_gradient == one.input_gradient);
    CHECK(several.gradients == one.gradients);
  }
}

TEST_CASE("Dense: a wide one is shared to the bits of one process") {
  check(nn::sequential(nn::Dense{300}, nn::ReLU{}, nn::Dense{70}), {90}, 19, 7);
}

TEST_CASE("Dense: few units or inputs are shared to the bits of one process") {
  // Two kernels that sum in different orders; pieces of one sample are rows.
  check(nn::sequential(nn::Dense{3}), {64}, 9, 7);
  check(nn::sequential(nn::Dense{1}, nn::Dense{40}, nn::Dense{2}), {64}, 9, 7);
  check(nn::sequential(nn::Dense{64}), {3}, 9, 7);
  check(nn::sequential(nn::Dense{64, false}), {1}, 23, 5);
}

TEST_CASE("Dense: the rows of sequences are shared to the bits of one process") {
  check(nn::sequential(nn::Dense{20}, nn::Dense{5}), {4, 6}, 11, 5);
}

TEST_CASE("Conv2D: pieces on both sides of where Winograd's filtering starts have the same bits") {
  // 4 tiles an image, and 16 are the least: pieces of 3 and 4 images.
  const auto network = nn::sequential(nn::Conv2D{.filters = 16, .kernel = 3, .padding = 1},
                                      nn::Conv2D{.filters = 32, .kernel = 3, .padding = 1},
                                      nn::ReLU{}, nn::Flatten{}, nn::Dense{10});
  check(network, {8, 8, 3}, 18, 5);
  check(network, {8, 8, 3}, 40, 5);
}

TEST_CASE("Conv2D: strided, dilated and grouped ones are shared to the bits of one process") {
  check(nn::sequential(
            nn::Conv2D{.filters = 6, .kernel = 3, .stride = 2, .padding = 1, .bias = false},
            nn::Conv2D{.filters = 6, .kernel = 3, .groups = 6, .padding = 1},
            nn::Conv2D{.filters = 4, .kernel = 2, .dilation = 2}, nn::Flatten{}),
        {9, 8, 2}, 13, 5);
}

TEST_CASE("ConvTranspose2D: is shared to the bits of one process") {
  check(nn::sequential(nn::ConvTranspose2D{.filters = 32, .kernel = 4, .stride = 2, .padding = 1},
                       nn::ReLU{},
                       nn::ConvTranspose2D{.filters = 1, .kernel = 4, .stride = 2, .padding = 1}),
        {4, 4, 32}, 14, 4);
}

}  // namespace shared_layers_test
