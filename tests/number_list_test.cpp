#include "nn/core/number_list.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "nn/core/error.hpp"
#include "nn/core/number.hpp"

namespace number_list_test {

namespace {

using nn::FileError;
using nn::number_list;
using nn::parse_number_list;

}  // namespace

TEST_CASE("a list of numbers comes back in the same bits") {
  const std::vector<double> values{0.1, -1.0 / 3, 0, 1e-310, 1e300, 7};
  const std::string text = number_list<double>(values);
  CHECK(text == "0.1 -0.3333333333333333 0 1e-310 1e+300 7");
  CHECK(parse_number_list<double>(text, 6, "the list") == values);
  const std::vector<float> floats{0.1F, 16777216.0F, std::numeric_limits<float>::infinity()};
  CHECK(parse_number_list<float>(number_list<float>(floats), 3, "the list") == floats);
  CHECK(number_list<float>({}).empty());
  CHECK(parse_number_list<float>("", 0, "the list").empty());
}

TEST_CASE("a list of other numbers than expected is refused by its name") {
  CHECK_THROWS_WITH_AS((void)parse_number_list<double>("1 2", 3, "the mean"),
                       "the mean has 2 numbers where 3 are expected", FileError);
  CHECK_THROWS_WITH_AS((void)parse_number_list<double>("1 two", 2, "the mean"),
                       "the mean is no list of numbers", FileError);
}

TEST_CASE("a text is made of whatever has a text") {
  CHECK(nn::text("expected ", 3, " of ", nn::Shape{28, 28, 1}, ", got ", 0.5, '!') ==
        "expected 3 of 28x28x1, got 0.5!");
  CHECK(nn::text().empty());
}

TEST_CASE("numbers are written with the digits that are asked for") {
  CHECK(nn::format_general(0.00001) == "1e-05");
  CHECK(nn::format_general(1.0 / 3, 3) == "0.333");
  CHECK(nn::format_fixed(0.25, 3) == "0.250");
  CHECK(nn::format_scientific(0.25, 2) == "2.50e-01");
}

}  // namespace number_list_test
