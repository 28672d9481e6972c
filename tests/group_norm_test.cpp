#include "nn/layers/group_norm.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "data_files.hpp"
#include "layer_testing.hpp"
#include "nn/io/model_file.hpp"
#include "nn/layers/relu.hpp"
#include "nn/layers/rms_norm.hpp"

namespace group_norm_test {

using namespace layer_testing;  // NOLINT(google-build-using-namespace)
using nn::GroupNorm;
using nn::InstanceNorm;
using nn::RMSNorm;

// Few channels are taken several pixels at a time; 64 is where that ends.
const std::vector<Shape> shapes{{6}, {12}, {7, 6}, {3, 5, 6}, {4, 2, 72}, {40, 3, 6}, {1, 1, 66}};

/// The definition, with scales 1.5, 1.6, ... and shifts 0.1, 0.2, ... of the channels.
std::vector<double> by_definition(const GroupNorm& layer, const Tensor<double>& x) {
  const Index channels = x.shape().back();
  const Index size = x.size() / x.shape().front();
  const Index members = channels / layer.groups;
  std::vector<double> y;
  for (Index i = 0; i < x.size(); ++i) {
    const Index channel = i % channels;
    double count = 0;
    double mean = 0;
    double square = 0;
    for (Index j = i / size * size; j < (i / size + 1) * size; ++j) {
      if (j % channels / members != channel / members) continue;
      ++count;
      mean += x[j];
      square += x[j] * x[j];
    }
    mean /= count;
    const double variance = square / count - mean * mean;
    const double z = (x[i] - mean) / std::sqrt(variance + static_cast<double>(layer.epsilon));
    const auto place = static_cast<double>(channel);
    y.push_back(z * (layer.scale ? 1.5 + 0.1 * place : 1) + (layer.shift ? 0.1 + 0.1 * place : 0));
  }
  return y;
}

void give_numbers(auto& model) {
  for (const nn::Variable& variable : model.variables()) {
    double next = variable.name == "scale" ? 1.5 : 0.1;
    for (double& value : model.parameter(variable.name)) {
      value = next;
      next += 0.1;
    }
  }
}

TEST_CASE("GroupNorm and InstanceNorm normalise each sample and group by their definition") {
  for (const Shape& shape : shapes)
    for (const Index groups : {Index{1}, Index{2}, Index{3}, shape.back()})
      for (const bool learns : {false, true}) {
        CAPTURE(shape);
        CAPTURE(groups);
        if (shape.size() == groups) continue;  // single elements, which are their own mean
        const GroupNorm layer{groups, learns, learns, 1e-3F};
        nn::Model<GroupNorm, double> model(layer, shape);
        give_numbers(model);
        const auto x = random_tensor<double>(shape.prepended(3), 2, 1, 4);
        const auto expected = by_definition(layer, x);
        CHECK(worst_difference<double>(model.predict(x), expected) < 1e-12);
        CHECK(worst_difference<double>(model.forward(x), expected) < 1e-12);
        if (groups != shape.back()) continue;
        nn::Model<InstanceNorm, double> instance({learns, learns, 1e-3F}, shape);
        give_numbers(instance);
        CHECK(worst_difference<double>(instance.predict(x), expected) < 1e-12);
      }
}

TEST_CASE("RMSNorm divides each row by its root mean square") {
  nn::Model<RMSNorm, double> model(RMSNorm{}, {2, 3});
  model.parameter("scale")[1] = 2;
  const Tensor<double> x({1, 2, 3}, {1., -2., 2., 0., 3., 4.});
  const double first = std::sqrt(3 + 1e-6);
  const double second = std::sqrt(25.0 / 3 + 1e-6);
  CHECK(worst_difference<double>(model.predict(x), {1 / first, -4 / first, 2 / first, 0, 6 / second,
                                                    4 / second}) < 1e-9);
}

TEST_CASE("the gradients of group and root-mean-square norms are right for all their options") {
  for (const Shape& shape : shapes) {
    const nn::GradientCheckOptions options{.elements = 25};
    for (const bool scale : {false, true}) {
      check_gradients_of(RMSNorm{.scale = scale}, shape, options);
      check_gradients_of(nn::sequential(RMSNorm{.scale = scale}, nn::ReLU{}), shape, options);
      for (const bool shift : {false, true}) {
        for (const Index groups : {1, 3}) {
          check_gradients_of(GroupNorm{groups, scale, shift}, shape, options);
        }
      }
    }
    check_gradients_of(nn::sequential(GroupNorm{2}, nn::ReLU{}), shape, options);
    if (shape.size() > shape.back()) check_gradients_of(InstanceNorm{}, shape, options);
  }
}

TEST_CASE("group and root-mean-square norms give the same bits for any number of threads") {
  check_threads(GroupNorm{2}, {9, 9, 6}, 20);
  check_threads(InstanceNorm{}, {9, 9, 80}, 20);
  check_threads(RMSNorm{}, {50, 70}, 20);
}

TEST_CASE("group and root-mean-square norms are named, refuse, and are read from files") {
  CHECK(GroupNorm{2}.name() == "GroupNorm{2}");
  CHECK(GroupNorm{2, false, false}.name() == "GroupNorm{2, no scale, no shift}");
  CHECK(InstanceNorm{false, true}.name() == "InstanceNorm{no scale}");
  CHECK(RMSNorm{false}.name() == "RMSNorm{no scale}");
  static_assert(GroupNorm{2}.output_shape({3, 3, 4}) == Shape{3, 3, 4});
  check_error([] { (void)GroupNorm{3}.output_shape({3, 3, 4}); }, {"3 groups", "4 channels"});
  check_error([] { (void)InstanceNorm{}.output_shape({}); }, {"last axis"});
  check_error([] { (void)RMSNorm{}.output_shape({}); }, {"last axis"});
  nn::Model model(nn::sequential(GroupNorm{2}, InstanceNorm{true, false}, RMSNorm{}), {3, 3, 4});
  for (const nn::Variable& variable : model.variables()) CHECK_FALSE(variable.decay);
  const auto stored = nn::detail::stored_variables(model.plan(), nn::WeightLayout::pytorch);
  CHECK(stored.parameters[0].name == "0.weight");
  CHECK(stored.parameters[1].name == "0.bias");
  const data_files::TemporaryFolder folder;
  nn::save(model, folder.path() / "norms.safetensors");
  auto loaded = nn::load_model(folder.path() / "norms.safetensors");
  const auto x = random_tensor<float>({2, 3, 3, 4}, 1);
  CHECK(Tensor<float>(loaded.predict(x)) == Tensor<float>(model.predict(x)));
}

}  // namespace group_norm_test
