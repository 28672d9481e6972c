#include "nn/data/tensor_dataset.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

namespace tensor_dataset_test {

using namespace nn;  // NOLINT

/// Four samples of 2 x 3 numbers; sample n holds 10 n, 10 n + 1, ...; its target is (n, -n).
TensorDataset four_samples() {
  Tensor<float> inputs({4, 2, 3});
  Tensor<float> targets({4, 2});
  for (Index n = 0; n < 4; ++n) {
    for (Index i = 0; i < 6; ++i) inputs[n * 6 + i] = static_cast<float>(10 * n + i);
    targets(n, 0) = static_cast<float>(n);
    targets(n, 1) = static_cast<float>(-n);
  }
  return TensorDataset(std::move(inputs), std::move(targets), "four");
}

template <class E, class Function>
std::string message_of(Function&& function) {
  try {
    function();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST_CASE("a tensor data set holds inputs of any shape and tensors as targets") {
  const TensorDataset data = four_samples();
  CHECK(data.size() == 4);
  CHECK(data.sample_shape() == Shape{2, 3});
  CHECK(data.target_shape() == Shape{2});
  CHECK(data.has_targets());
  CHECK_FALSE(data.has_labels());
  CHECK(data.classes() == 0);
  CHECK(data.input(3)(1, 2) == 35.0F);
  CHECK(data.target(3)[1] == -3.0F);
  CHECK(data.to_string() == "four (4 samples of 2x3)");
  CHECK(data.inputs<double>()[11] == 15.0);
  CHECK(data.targets()[7] == -3.0F);
  CHECK(message_of<Error>([&] { (void)data.label(0); }) == "four (4 samples of 2x3) has no labels");
  CHECK(message_of<Error>([&] { (void)data.input(4); }) == "sample 4 of four (4 samples of 2x3)");
  CHECK(TensorDataset().empty());
}

TEST_CASE("a tensor data set holds labels, named or numbered") {
  const TensorDataset numbered(Tensor<float>({3, 1}), {2, 0, 1});
  CHECK(numbered.class_names() == std::vector<std::string>{"0", "1", "2"});
  CHECK(numbered.label(0) == 2);
  CHECK_FALSE(numbered.has_targets());
  CHECK(message_of<Error>([&] { (void)numbered.target(0); }) ==
        "a data set (3 samples of 1) has no tensors as targets");
  const TensorDataset named(Tensor<float>({3, 1}), {1, 0, 1}, {"no", "yes", "perhaps"}, "answers");
  CHECK(named.classes() == 3);
  CHECK(named.class_counts() == std::vector<Index>{1, 2, 0});
}

TEST_CASE("a tensor data set may have labels and soft labels at once") {
  const TensorDataset hard(Tensor<float>({2, 1}), {0, 1});
  const TensorDataset soft = hard.with_targets(Tensor<float>({2, 2}, {0.9F, 0.1F, 0.3F, 0.7F}));
  CHECK(soft.has_labels());
  CHECK(soft.label(1) == 1);
  CHECK(soft.target(1)[0] == 0.3F);
  CHECK(four_samples().with_labels({0, 0, 1, 1}).target(2)[0] == 2.0F);
}

TEST_CASE("a tensor data set reads a sample in either precision") {
  const TensorDataset data = four_samples().with_labels({0, 0, 1, 1}).with_weights({1, 2, 0.5F, 0});
  Tensor<double> input({2, 3});
  Tensor<double> target({2});
  Sample<double> sample{input, target};
  data.read(2, sample);
  CHECK(input(1, 0) == 23.0);
  CHECK(target[1] == -2.0);
  CHECK(sample.label == 1);
  CHECK(sample.weight == 0.5);
  static_assert(DataSource<TensorDataset> && HasLabels<TensorDataset> && HasTargets<TensorDataset>);
}

TEST_CASE("parts of a tensor data set share the numbers") {
  const TensorDataset data = four_samples().with_weights({1, 2, 3, 4});
  const std::vector<Index> places{3, 0, 3};
  const TensorDataset part = data.subset(places);
  CHECK(part.size() == 3);
  CHECK(part.input(0).data() == data.input(3).data());
  CHECK(part.target(2).data() == data.target(3).data());
  CHECK(part.weight(1) == 1.0);
  const TensorDataset middle = data.slice(1, 2);
  CHECK(middle.input(0).data() == data.input(1).data());
  const TensorDataset joined = concatenate(part, middle);
  CHECK(joined.size() == 5);
  CHECK(joined.target(4)[0] == 2.0F);
  CHECK(joined.weight(4) == 3.0);
  const std::vector<Index> wrong{0, 4};
  CHECK_THROWS_AS((void)data.subset(wrong), Error);
  CHECK_THROWS_AS((void)data.slice(3, 2), Error);
}

TEST_CASE("tensor data sets that differ cannot be joined") {
  const TensorDataset data = four_samples();
  CHECK(message_of<ShapeError>([&] {
          (void)concatenate(data, TensorDataset(Tensor<float>({1, 3, 2}), Tensor<float>({1, 2})));
        }) == "cannot join samples of 2x3 and of 3x2");
  CHECK(message_of<ShapeError>([&] {
          (void)concatenate(data, TensorDataset(Tensor<float>({1, 2, 3}), Tensor<float>({1, 1})));
        }) == "cannot join targets of 2 and of 1");
  CHECK_THROWS_AS((void)concatenate(data, data.with_labels({0, 1, 0, 1})), Error);
  CHECK_THROWS_AS((void)concatenate(data, data.with_weights({1, 1, 1, 1})), Error);
}

TEST_CASE("an autoencoder's targets are its inputs, stored once") {
  const TensorDataset data = four_samples().with_inputs_as_targets();
  CHECK(data.target_shape() == Shape{2, 3});
  CHECK(data.target(1).data() == data.input(1).data());
}

TEST_CASE("inputs are replaced and columns named") {
  const TensorDataset data = four_samples().with_column_names({"a", "b", "c"}, {"y", "z"});
  CHECK(data.feature_names()[2] == "c");
  CHECK(data.target_names()[1] == "z");
  const TensorDataset other = data.with_inputs(Tensor<float>({4, 2, 3}, 7.0F));
  CHECK(other.input(2)(0, 0) == 7.0F);
  CHECK(other.target(2)[0] == 2.0F);
  CHECK(other.feature_names() == data.feature_names());
  CHECK(data.with_inputs(Tensor<float>({4, 5})).feature_names().empty());
  CHECK_THROWS_AS((void)data.with_inputs(Tensor<float>({3, 5})), ShapeError);
  CHECK_THROWS_AS((void)data.with_column_names({"a"}), ShapeError);
  CHECK(data.with_name("other").name() == "other");
}

TEST_CASE("what does not fit a tensor data set is refused by name") {
  CHECK(message_of<ShapeError>([] {
          (void)TensorDataset(Tensor<float>({4}), Tensor<float>({4, 1}), "x");
        }) == "x: a data set takes inputs of shape N x ..., got 4");
  CHECK(message_of<ShapeError>([] {
          (void)TensorDataset(Tensor<float>({4, 1}), Tensor<float>({3, 1}), "x");
        }) == "x: 4 inputs need targets of shape 4 x ..., got 3x1");
  CHECK(message_of<ShapeError>([] {
          (void)TensorDataset(Tensor<float>({2, 1}), {0, 1, 1});
        }) == "2 inputs with 3 labels");
  CHECK(message_of<Error>([] {
          (void)TensorDataset(Tensor<float>({2, 1}), {0, 2}, {"no", "yes"}, "x");
        }) == "x: label 1 is 2; expected 0 to 1");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float wrong : {-1.0F, nan, std::numeric_limits<float>::infinity()}) {
    CHECK_THROWS_AS((void)four_samples().with_weights({1, 1, wrong, 1}), Error);
  }
  CHECK_THROWS_AS((void)four_samples().with_weights({1, 1}), ShapeError);
}

}  // namespace tensor_dataset_test
