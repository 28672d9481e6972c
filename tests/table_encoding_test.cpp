#include "nn/data/table_encoding.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "data_files.hpp"
#include "nn/data/csv.hpp"

namespace table_encoding_test {

using namespace nn;          // NOLINT
using namespace data_files;  // NOLINT

using Texts = std::vector<std::string>;

const char* const animals =
    "legs,colour,weight,kind\n"
    "4,red,1.5,fox\n"
    "2,grey,?,owl\n"
    "4,grey,3,wolf\n"
    "2,brown,9,owl\n";

Table parsed(const std::string& content) { return parse_csv(content, "t.csv"); }

std::string refusal(const std::string& content, const TableColumns& columns) {
  return message_of<Error>([&] { (void)TableEncoding(parsed(content), columns); });
}

TEST_CASE("numbers and categories of a table become features, a category labels") {
  const Table table = parsed(animals);
  const TableEncoding encoding(
      table,
      {.features = {number_column("weight", -1), category_column("colour"), number_column("legs")},
       .targets = {category_column("kind")}});
  CHECK(encoding.feature_names() ==
        Texts{"weight", "colour=brown", "colour=grey", "colour=red", "legs"});
  CHECK(encoding.features(table) ==
        Tensor<float>({4, 5}, {1.5F, 0, 0, 1, 4, -1, 0, 1, 0, 2, 3, 0, 1, 0, 4, 9, 1, 0, 0, 2}));
  CHECK(encoding.has_labels());
  CHECK(encoding.class_names() == Texts{"fox", "owl", "wolf"});
  CHECK(encoding.labels(table) == std::vector<Label>{0, 1, 2, 1});
}

TEST_CASE("columns of numbers become targets") {
  const Table table = parsed(animals);
  const TableEncoding encoding(
      table, {.features = {category_column("kind")},
              .targets = {number_column("legs"), number_column("weight", Missing::mean)}});
  CHECK_FALSE(encoding.has_labels());
  CHECK(encoding.class_names().empty());
  CHECK(encoding.target_names() == Texts{"legs", "weight"});
  CHECK(encoding.targets(table) == Tensor<float>({4, 2}, {4, 1.5F, 2, 4.5F, 4, 3, 2, 9}));
  CHECK(contains(message_of<Error>([&] { (void)encoding.labels(table); }), "there are no labels"));
}

TEST_CASE("missing numbers are the training set's mean or median, in other tables too") {
  const Table train = parsed("a,b\n1,10\n2,NA\n6,20\n,60\n,30\n");
  const TableEncoding encoding(train, {.features = {number_column("a", Missing::mean),
                                                    number_column("b", Missing::median)}});
  // The mean of 1, 2, 6; the median of 10, 20, 30, 60.
  CHECK(encoding.features(parsed("b,a\n,\n5,7\n")) == Tensor<float>({2, 2}, {3, 25, 7, 5}));
  CHECK(encoding.features(train)(1, 1) == 25);
  const TableEncoding odd(parsed("a\n7\n1\n2\n"),
                          {.features = {number_column("a", Missing::median)}});
  CHECK(odd.feature_columns()[0].fill == 2);
}

TEST_CASE("the mean and the median of the largest doubles are finite") {
  const Table table = parsed("a,b\n1.5e308,1.5e308\n1.5e308,1.5e308\n");
  const TableEncoding encoding(table, {.features = {number_column("a", Missing::mean),
                                                    number_column("b", Missing::median)}});
  CHECK(encoding.feature_columns()[0].fill == 1.5e308);
  CHECK(encoding.feature_columns()[1].fill == 1.5e308);
}

TEST_CASE("missing categories are one of their own where that is wished") {
  const Table table = parsed("sex,n\nmale,1\nNA,2\nfemale,3\n");
  const TableEncoding encoding(table, {.features = {number_column("n")},
                                       .targets = {filled_category_column("sex", "unknown")}});
  CHECK(encoding.class_names() == Texts{"female", "male", "unknown"});
  CHECK(encoding.labels(table) == std::vector<Label>{1, 2, 0});
  CHECK(refusal("sex,n\nmale,1\nNA,2\n", {.features = {category_column("sex")}}) ==
        "t.csv, line 3, column 1 (\"sex\"): the category is missing");
}

TEST_CASE("given categories keep their order and allow no others") {
  const TableColumns columns{.features = {number_column("n")},
                             .targets = {category_column("size", {"small", "large"})}};
  const Table table = parsed("n,size\n1,large\n");
  const TableEncoding encoding(table, columns);
  CHECK(encoding.labels(table) == std::vector<Label>{1});
  CHECK(encoding.class_names() == Texts{"small", "large"});
  const std::string expected =
      "t.csv, line 2, column 2 (\"size\"): \"huge\" is none of the categories \"small\", \"large\"";
  CHECK(refusal("n,size\n1,huge\n", columns) == expected);
  CHECK(message_of([&] { (void)encoding.labels(parsed("n,size\n1,huge\n")); }) == expected);
}

TEST_CASE("a category that the training set lacks is refused where it stands") {
  const TableEncoding encoding(parsed("c\nx\ny\n"), {.features = {category_column("c")}});
  CHECK(message_of([&] { (void)encoding.features(parsed("c\nx\nz\n")); }) ==
        "t.csv, line 3, column 1 (\"c\"): \"z\" is none of the categories \"x\", \"y\"");
}

TEST_CASE("an encoding is made of plain columns, from which it can be made again") {
  const Table table = parsed(animals);
  const TableEncoding encoding(table, {.features = {number_column("weight", Missing::median)},
                                       .targets = {category_column("kind")}});
  const TableEncoding again(encoding.feature_columns(), encoding.target_columns());
  CHECK(again.features(table) == encoding.features(table));
  CHECK(again.labels(table) == encoding.labels(table));
}

TEST_CASE("columns that cannot become features are refused") {
  CHECK(refusal("a\n1\nx\n", {.features = {number_column("a")}}) ==
        "t.csv, line 3, column 1 (\"a\"): expected a number, found \"x\"");
  CHECK(contains(refusal("a\n", {.features = {number_column("a")}}), "t.csv: it has no rows"));
  CHECK(contains(refusal("a\n1\n", {}), "without features"));
  CHECK(contains(refusal("a\n1\n", {.features = {number_column("b")}}), "no column \"b\""));
  CHECK(contains(refusal("a\n1\n", {.features = {number_column("a"), number_column("a")}}),
                 "\"a\" is wanted twice"));
  CHECK(contains(refusal("a,b\nNA,1\n", {.features = {number_column("a", Missing::mean)}}),
                 "no number in the column \"a\""));
  TableColumn mean_of_texts = category_column("a");
  mean_of_texts.missing = Missing::mean;
  CHECK(contains(refusal("a\nx\n", {.features = {mean_of_texts}}), "no mean and no median"));
  const TableEncoding encoding(parsed("a\n1e200\n"), {.features = {number_column("a")}});
  CHECK(contains(message_of([&] { (void)encoding.features(parsed("a\n1e200\n")); }),
                 "1e+200 is beyond a float"));
  std::string many = "id\n";
  for (int i = 0; i < 5000; ++i) many += "n" + std::to_string(i) + "\n";
  CHECK(contains(refusal(many, {.features = {category_column("id")}}),
                 "t.csv, line 4098, column 1 (\"id\"): the column has more than 4096"));
}

}  // namespace table_encoding_test
