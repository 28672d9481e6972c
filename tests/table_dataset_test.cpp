#include "nn/data/table_dataset.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "data_files.hpp"
#include "nn/data/csv.hpp"

namespace table_dataset_test {

using namespace nn;          // NOLINT
using namespace data_files;  // NOLINT

using Texts = std::vector<std::string>;

template <class T>
NpyArray array(const Tensor<T>& values) {
  return {encode_npy(values), "a.npy"};
}

TEST_CASE("a table with a category as target becomes samples with labels") {
  const Table table = parse_csv("a,sex,b\n1,f,2\n3,m,4\n5,f,6\n", "t.csv");
  const TensorDataset data = table_dataset(
      table,
      {.features = {number_column("b"), number_column("a")}, .targets = {category_column("sex")}});
  CHECK(data.to_string() == "t.csv (3 samples of 2)");
  CHECK(data.has_labels());
  CHECK_FALSE(data.has_targets());
  CHECK(data.class_names() == Texts{"f", "m"});
  CHECK(data.feature_names() == Texts{"b", "a"});
  CHECK(data.label(1) == 1);
  CHECK(data.inputs() == Tensor<float>({3, 2}, {2, 1, 4, 3, 6, 5}));
}

TEST_CASE("a table with numbers as targets becomes samples with tensors") {
  const Table train = parse_csv("a,b\n1,2\n3,NA\n", "train.csv");
  const TableEncoding encoding(
      train, {.features = {category_column("a")}, .targets = {number_column("b", Missing::mean)}});
  const TensorDataset test = table_dataset(parse_csv("a,b\n3,NA\n", "t.csv"), encoding, "test");
  CHECK(test.name() == "test");
  CHECK_FALSE(test.has_labels());
  CHECK(test.targets() == Tensor<float>({1, 1}, {2}));
  CHECK(test.inputs() == Tensor<float>({1, 2}, {0, 1}));
  CHECK(test.feature_names() == Texts{"a=1", "a=3"});
  CHECK(test.target_names() == Texts{"b"});
  CHECK(contains(
      message_of<Error>([&] { (void)table_dataset(train, {.features = {number_column("a")}}); }),
      "train.csv: a data set of a table needs a column as target"));
}

TEST_CASE("whole numbers in NumPy's arrays are labels, floats are targets") {
  const auto inputs = array(Tensor<double>({2, 1, 2}, {1, 2, 3, 4}));
  const TensorDataset labelled =
      npy_dataset(inputs, array(Tensor<std::int64_t>({2}, {1, 0})), {"x", "y"}, "arrays");
  CHECK(labelled.to_string() == "arrays (2 samples of 1x2)");
  CHECK(labelled.label(0) == 1);
  CHECK(labelled.class_names() == Texts{"x", "y"});
  CHECK(npy_dataset(inputs, array(Tensor<std::uint8_t>({2, 1}, {5, 0}))).classes() == 6);
  const TensorDataset numbers = npy_dataset(inputs, array(Tensor<float>({2}, {0.5F, 1})));
  CHECK(numbers.name() == "a.npy");
  CHECK(numbers.targets() == Tensor<float>({2, 1}, {0.5F, 1}));
  const TensorDataset several =
      npy_dataset(inputs, array(Tensor<std::uint8_t>({2, 3}, {0, 1, 1, 0, 0, 1})));
  CHECK(several.target_shape() == Shape{3});
  CHECK_THROWS_AS((void)npy_dataset(inputs, array(Tensor<float>({3}))), ShapeError);
  CHECK_THROWS_AS((void)npy_dataset(inputs, array(Tensor<std::int8_t>({2}, {0, -1}))), Error);
  CHECK(contains(
      message_of<Error>([&] { (void)npy_dataset(inputs, array(Tensor<float>({2})), {"x"}); }),
      "1 class names for targets of type <f4 and shape 2"));
}

}  // namespace table_dataset_test
