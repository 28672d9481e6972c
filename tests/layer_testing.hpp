/// @file
/// What the tests of the layers share.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "nn/core/parallel.hpp"
#include "nn/train/check_gradients.hpp"

namespace layer_testing {

using nn::Index;
using nn::Shape;
using nn::Tensor;
using nn::TensorView;

template <class T>
Tensor<T> random_tensor(const Shape& shape, std::uint64_t seed, double low = -1, double high = 1) {
  Tensor<T> tensor(shape);
  nn::Random random(seed);
  for (T& value : tensor) value = static_cast<T>(random.uniform(low, high));
  return tensor;
}

/// The analytic gradients against central differences.
template <class L>
void check_gradients_of(const L& layer, const Shape& input,
                        const nn::GradientCheckOptions& options = {}) {
  const nn::GradientCheck check = nn::check_gradients(layer, input, options);
  // A message is dear: it is put together for a failure only.
  if (!check) {
    FAIL_CHECK(nn::name_of(layer), " for ", input.to_string(), ", batch ", options.batch, ": ",
               check.where, ", relative error ", check.worst);
  }
  CHECK(check.ok);
}

/// Everything that a training pass computes, as one list of numbers.
template <class T, class L>
std::vector<T> training_pass(const L& layer, const Shape& input, Index batch) {
  nn::Model<L, T> model(layer, input, {.seed = 3});
  const Tensor<T> x = random_tensor<T>(input.prepended(batch), 4);
  std::vector<T> numbers;
  const auto note = [&](TensorView<const T> values) {
    numbers.insert(numbers.end(), values.begin(), values.end());
  };
  for (int step = 0; step < 2; ++step) {
    const TensorView<const T> y = model.forward(x);
    note(y);
    const Tensor<T> dy = random_tensor<T>(y.shape(), 5);
    note(model.backward(dy, {.input_gradient = true}));
    note(model.gradients());
    note(model.state());
  }
  note(model.predict(x));
  return numbers;
}

/// The same bits for any number of threads.
template <class L>
void check_threads(const L& layer, const Shape& input, Index batch) {
  CAPTURE(nn::name_of(layer));
  const int before = nn::threads();
  nn::set_threads(1);
  const std::vector<float> expected = training_pass<float>(layer, input, batch);
  for (int count = 2; count <= 3; ++count) {
    nn::set_threads(count);
    CHECK(training_pass<float>(layer, input, batch) == expected);
  }
  nn::set_threads(before);
}

/// What an expression throws says what it should: every one of `parts`.
template <class Error = nn::ShapeError, class F>
void check_error(const F& f, const std::vector<std::string>& parts) {
  try {
    f();
    FAIL_CHECK("nothing was thrown");
  } catch (const Error& error) {
    const std::string message = error.what();
    for (const std::string& part : parts) {
      CAPTURE(message);
      CAPTURE(part);
      CHECK(message.find(part) != std::string::npos);
    }
  }
}

/// The largest difference between a tensor and values computed elsewhere.
template <class T>
double worst_difference(TensorView<const T> found, const std::vector<double>& expected) {
  REQUIRE(found.size() == static_cast<Index>(expected.size()));
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(static_cast<double>(found[static_cast<Index>(i)]) - expected[i]);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

}  // namespace layer_testing
