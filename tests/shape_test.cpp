#include "nn/core/shape.hpp"

#include <doctest/doctest.h>

#include <sstream>

namespace shape_test {

using nn::Index;
using nn::Shape;
using nn::ShapeError;

TEST_CASE("a shape is computed by the compiler as well as at run time") {
  constexpr Shape image{28, 30, 3};
  static_assert(image.rank() == 3);
  static_assert(image.size() == 2520);
  static_assert(image[0] == 28 && image[1] == 30 && image[2] == 3);
  static_assert(image[-1] == 3 && image[-3] == 28);
  static_assert(image.front() == 28 && image.back() == 3);
  static_assert(image.prepended(16) == Shape{16, 28, 30, 3});
  static_assert(image.without_front() == Shape{30, 3});
  static_assert(image.with_back(7) == Shape{28, 30, 7});
  static_assert(image != Shape{28, 30});
  static_assert(Shape{28, 30} != Shape{30, 28});
  static_assert(Shape{3, 0, 2}.size() == 0);
  CHECK(image.prepended(1).without_front() == image);
}

TEST_CASE("a shape without axes has one element") {
  constexpr Shape scalar;
  static_assert(scalar.rank() == 0 && scalar.size() == 1);
  CHECK(scalar.to_string() == "scalar");
  CHECK(scalar.without_front() == scalar);
}

TEST_CASE("a shape prints its extents") {
  std::ostringstream out;
  out << Shape{28, 28, 1};
  CHECK(out.str() == "28x28x1");
  CHECK(Shape{5}.to_string() == "5");
}

TEST_CASE("what cannot be a shape, or an axis of one, is refused by name") {
  const auto message = [](const auto& f) -> std::string {
    try {
      f();
    } catch (const ShapeError& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  CHECK(message([] { (void)Shape{3, -1}; }) == "a shape with the extent -1");
  CHECK(message([] { (void)Shape{1, 2, 3, 4, 5, 6, 7}; }) == "a shape of more than 6 axes");
  CHECK(message([] { (void)Shape{1, 2, 3, 4, 5, 6}.prepended(1); }) ==
        "a shape of more than 6 axes");
  CHECK(message([] { (void)Shape{4, 5}[2]; }) == "axis 2 of the shape 4x5, which has 2 axes");
  CHECK(message([] { (void)Shape{4, 5}[-3]; }) == "axis -3 of the shape 4x5, which has 2 axes");
  CHECK(message([] { (void)Shape{}.back(); }) == "axis -1 of the shape scalar, which has 0 axes");
}

TEST_CASE("a shape of more elements than can be counted has no size, unless it has none at all") {
  constexpr nn::Index half = nn::Index{1} << (sizeof(nn::Index) * 4);
  CHECK(nn::Shape{half, half / 4}.size() == half * (half / 4));
  CHECK_THROWS_WITH_AS(static_cast<void>(nn::Shape{half, half}.size()),
                       doctest::Contains("too many elements to count"), nn::ShapeError);
  CHECK(nn::Shape{half, half, half, 0}.size() == 0);
  static_assert(nn::Shape{0, half, half}.size() == 0);
}

}  // namespace shape_test
