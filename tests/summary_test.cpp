#include "nn/train/summary.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "nn/layers/conv2d.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/pooling.hpp"
#include "nn/layers/relu.hpp"
#include "nn/train/build_info.hpp"

namespace summary_test {

TEST_CASE("summary: counted by hand") {
  nn::Model model(nn::sequential(nn::Conv2D{.filters = 6, .kernel = 5}, nn::ReLU{},
                                 nn::MaxPool2D{2}, nn::Flatten{}, nn::Dense{10}),
                  {28, 28, 1});
  model.freeze("0");
  const nn::Summary summary = nn::summary(model, 32);
  REQUIRE(summary.rows.size() == 5);
  const nn::SummaryRow& convolution = summary.rows[0];
  CHECK(convolution.path == "0");
  CHECK(convolution.output == nn::Shape{24, 24, 6});
  CHECK(convolution.parameters == 5 * 5 * 6 + 6);
  CHECK(convolution.multiply_adds == 24 * 24 * 5 * 5 * 6);
  CHECK(convolution.bytes == 24 * 24 * 6 * 4);
  CHECK_FALSE(convolution.trainable);
  CHECK(summary.rows[4].parameters == 864 * 10 + 10);
  CHECK(summary.rows[4].multiply_adds == 864 * 10);
  CHECK(summary.parameters == 156 + 8650);
  CHECK(summary.trainable_parameters == 8650);
  CHECK(summary.multiply_adds == 86400 + 8640);
  CHECK(summary.parameter_bytes == 4 * 8806);
  // At the least the weights, their gradients and what the backward pass reads again.
  CHECK(summary.training_bytes > 2 * 4 * 8806 + 32 * 24 * 24 * 6 * 4);
  std::ostringstream out;
  out << summary;
  CHECK(out.str().find("input 28x28x1\n") == 0);
  CHECK(out.str().find("Dense{10}") != std::string::npos);
  CHECK(out.str().find("(frozen)") != std::string::npos);
  CHECK(
      out.str().find("8,806 parameters (35.2 kB), 8,650 of them trainable; 95,040 multiply-adds") !=
      std::string::npos);
}

TEST_CASE("summary: blocks have rows for what they are made of") {
  const nn::Model model(
      nn::sequential(nn::Flatten{}, nn::sequential(nn::Dense{4}, nn::ReLU{}), nn::Dense{2}),
      {3, 3, 1});
  const nn::Summary summary = nn::summary(model);
  REQUIRE(summary.rows.size() == 5);
  CHECK(summary.rows[1].block);
  CHECK(summary.rows[1].parameters == 40);
  CHECK(summary.rows[2].path == "1.0");
  CHECK(summary.rows[2].parameters == 40);
  CHECK(summary.parameters == 50);  // each counted once
}

TEST_CASE("summary: numbers for people") {
  CHECK(nn::detail::grouped(7) == "7");
  CHECK(nn::detail::grouped(123) == "123");
  CHECK(nn::detail::grouped(1234567) == "1,234,567");
  CHECK(nn::detail::readable_bytes(999) == "999 B");
  CHECK(nn::detail::readable_bytes(1500000) == "1.5 MB");
}

TEST_CASE("build info: one line with what matters") {
  const std::string info = nn::build_info();
  CHECK(info.find('\n') == std::string::npos);
  CHECK(info.find("thread") != std::string::npos);
  CHECK(info.find("Eigen 3.") != std::string::npos);
  CHECK((info.find("gcc ") != std::string::npos || info.find("clang ") != std::string::npos));
#ifdef __OPTIMIZE__
  CHECK(info.find("NOT OPTIMISED") == std::string::npos);
#else
  CHECK(info.find("NOT OPTIMISED") != std::string::npos);
#endif
}

}  // namespace summary_test
