#include "nn/train/trace.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "nn/layers/conv2d.hpp"
#include "nn/layers/dense.hpp"
#include "nn/layers/flatten.hpp"
#include "nn/layers/relu.hpp"

namespace trace_test {

TEST_CASE("trace: every layer's time, work and bytes") {
  const nn::Model model(nn::sequential(nn::Flatten{}, nn::Dense{64}, nn::ReLU{},
                                       nn::sequential(nn::Dense{8}), nn::Dense{3}),
                        {6, 6, 1});
  const nn::Tensor<float> x({16, 6, 6, 1}, 0.5F);
  const nn::Trace trace = nn::trace(model, x, {.repeats = 3});
  CHECK(trace.batch == 16);
  REQUIRE(trace.rows.size() == 5);  // the block has a row for what is in it
  const nn::TraceRow& dense = trace.rows[1];
  CHECK(dense.path == "1");
  CHECK(dense.forward_seconds > 0);
  CHECK(dense.backward_seconds > 0);
  CHECK(dense.bytes == 4 * (16 * 36 + 16 * 64 + 36 * 64 + 64));
  CHECK(dense.forward_gflops == doctest::Approx(2e-9 * 16 * 36 * 64 / dense.forward_seconds));
  CHECK(trace.rows[2].forward_seconds == 0);  // computed by the layer before it
  CHECK(trace.rows[2].backward_seconds > 0);
  CHECK(trace.rows[3].path == "3.0");
  double forward = 0;
  for (const nn::TraceRow& row : trace.rows) forward += row.forward_seconds;
  CHECK(trace.forward_seconds == forward);
  std::ostringstream out;
  out << trace;
  CHECK(out.str().find("Dense{64}") != std::string::npos);
  CHECK(model.step() == 0);  // it was a copy
}

TEST_CASE("trace: the algorithm of each convolution and dense layer") {
  const nn::Model model(nn::sequential(nn::Conv2D{.filters = 32, .kernel = 3, .padding = 1},
                                       nn::Conv2D{.filters = 32, .kernel = 3, .padding = 1},
                                       nn::Conv2D{.filters = 2, .kernel = 1}, nn::Flatten{},
                                       nn::Dense{40}, nn::Dense{2}),
                        {8, 8, 16});
  const nn::Trace trace = nn::trace(model, nn::Tensor<float>({16, 8, 8, 16}, 0.5F), {.repeats = 1});
  REQUIRE(trace.rows.size() == 6);
  CHECK(trace.rows[0].algorithms == "Winograd F(4x4, 3x3)");
  CHECK(trace.rows[1].algorithms == "Winograd F(4x4, 3x3)");
  CHECK(trace.rows[2].algorithms == "dots; gradients: gathered (input), gathered (weights)");
  CHECK(trace.rows[3].algorithms.empty());
  CHECK(trace.rows[4].algorithms == "blocks");
  // 40 values a sample are enough terms for sums across lanes; the others have 16 or 2.
  CHECK(trace.rows[5].algorithms.substr(0, 11) == "few columns");
  std::ostringstream out;
  out << trace;
  CHECK(out.str().find("Conv2D{32, 3x3, padding 1}: Winograd F(4x4, 3x3)") != std::string::npos);
}

TEST_CASE("trace: JSON for a viewer") {
  nn::Trace trace;
  trace.events = {{"Dense{\"x\"}", 0.5, 0.25, false}, {"ReLU{}", 1, 0.125, true}};
  CHECK(trace.chrome_json() ==
        "{\"traceEvents\": [\n"
        "{\"name\": \"Dense{\\\"x\\\"}\", \"cat\": \"forward\", \"ph\": \"X\", \"pid\": 1, "
        "\"tid\": 1, \"ts\": 500000.000, \"dur\": 250000.000},\n"
        "{\"name\": \"ReLU{}\", \"cat\": \"backward\", \"ph\": \"X\", \"pid\": 1, \"tid\": 1, "
        "\"ts\": 1000000.000, \"dur\": 125000.000}\n"
        "]}\n");
}

}  // namespace trace_test
