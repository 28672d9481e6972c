// The three products of a convolution, in GFLOP/s (2 per multiply-add), side by side:
//
//     W4.2/forward/nn      the library's kernel
//     W4.2/forward/eigen   Eigen's GEMM over overlapping views of the image (forward only)
//     W4.2/forward/naive   the definition, as the tests use it
//
//     bench_conv --benchmark_filter='^W4.2/'
//     bench_conv --shape=16,32,28,3,1 --benchmark_filter=given
//
// where a shape is channels,filters,size,kernel,padding and, unless it is 1, stride.

#include <cstdlib>
#include <nn/core/eigen.hpp>
#include <nn/core/random.hpp>
#include <nn/core/tensor.hpp>
#include <nn/kernels/convolution.hpp>
#include <sstream>
#include <string>
#include <string_view>

#include "../tests/reference.hpp"
#include "run.hpp"
#include "shapes.hpp"

namespace {

using nn::ConvolutionGeometry;
using nn::ConvolutionPass;
using nn::Index;
using nn::Tensor;

ConvolutionGeometry geometry_of(const bench::ConvolutionShape& shape, Index batch) {
  return {.batch = batch,
          .height = shape.size,
          .width = shape.size,
          .channels = shape.channels,
          .filters = shape.filters,
          .kernel_height = shape.kernel,
          .kernel_width = shape.kernel,
          .stride_height = shape.stride,
          .stride_width = shape.stride,
          .pad_top = shape.padding,
          .pad_bottom = shape.padding,
          .pad_left = shape.padding,
          .pad_right = shape.padding};
}

struct Operands {
  explicit Operands(const ConvolutionGeometry& g)
      : x({g.batch, g.height, g.width, g.channels}),
        weights({g.kernel_height, g.kernel_width, g.group_channels(), g.filters}),
        y({g.batch, g.output_height(), g.output_width(), g.filters}) {
    nn::Random random(1);
    for (Tensor<float>* tensor : {&x, &weights, &y}) {
      for (float& value : *tensor) value = static_cast<float>(random.normal());
    }
  }
  Tensor<float> x;
  Tensor<float> weights;
  Tensor<float> y;
};

void count(benchmark::State& state, const ConvolutionGeometry& g) {
  bench::count_rate(state, "GFLOP/s", 2 * static_cast<double>(g.multiply_adds()));
  state.SetItemsProcessed(state.iterations() * g.batch);
}

/// "32 -> 64, 26x26, 3x3".
std::string described(const ConvolutionGeometry& g) {
  std::string text = nn::detail::text(g.channels, " -> ", g.filters, ", ", g.height, "x", g.width,
                                      ", ", g.kernel_height, "x", g.kernel_width);
  if (g.stride_height > 1) text += nn::detail::text(", stride ", g.stride_height);
  return text;
}

void own_kernel(benchmark::State& state, const ConvolutionGeometry& g, ConvolutionPass pass) {
  Operands o(g);
  nn::AlignedVector<std::byte> block(
      static_cast<std::size_t>(nn::convolution_scratch_bytes<float>(g, pass)));
  const nn::Arena scratch(block.data(), static_cast<Index>(block.size()));
  bench::measure(state, [&] {
    if (pass == ConvolutionPass::forward) {
      nn::convolution_forward(g, o.x.data(), o.weights.data(), o.y.data(), nn::Epilogue<float>{},
                              scratch);
    } else if (pass == ConvolutionPass::backward_data) {
      nn::convolution_backward_data(g, o.y.data(), o.weights.data(), o.x.data(),
                                    nn::Epilogue<float>{}, scratch);
    } else {
      nn::convolution_backward_weights(g, o.x.data(), o.y.data(), o.weights.data(), false, scratch);
    }
  });
  count(state, g);
  state.SetLabel(described(g));
}

/// A row of kernel taps is one contiguous run of the image, so that each kernel row is a GEMM of an
/// overlapping view. Without padding; what the padding would add is left out of the work, too.
void eigen_forward(benchmark::State& state, ConvolutionGeometry g) {
  g.pad_top = g.pad_bottom = g.pad_left = g.pad_right = 0;
  Operands o(g);
  using View = Eigen::Map<const nn::RowMatrix<float>, 0, Eigen::OuterStride<>>;
  const Index run = g.kernel_width * g.channels;
  bench::measure(state, [&] {
    for (Index n = 0; n < g.batch; ++n) {
      for (Index row = 0; row < g.output_height(); ++row) {
        Eigen::Map<nn::RowMatrix<float>> y(&o.y(n, row, 0, 0), g.output_width(), g.filters);
        for (Index ky = 0; ky < g.kernel_height; ++ky) {
          const View x(&o.x(n, row * g.stride_height + ky, 0, 0), g.output_width(), run,
                       Eigen::OuterStride<>(g.stride_width * g.channels));
          const View w(&o.weights(ky, 0, 0, 0), run, g.filters, Eigen::OuterStride<>(g.filters));
          if (ky == 0)
            y.noalias() = x * w;
          else
            y.noalias() += x * w;
        }
      }
    }
  });
  count(state, g);
}

void naive(benchmark::State& state, const ConvolutionGeometry& g, ConvolutionPass pass) {
  Operands o(g);
  for (auto _ : state) {
    if (pass == ConvolutionPass::forward) {
      benchmark::DoNotOptimize(reference::convolution_forward(g, o.x.data(), o.weights.data()));
    } else if (pass == ConvolutionPass::backward_data) {
      benchmark::DoNotOptimize(
          reference::convolution_backward_data(g, o.y.data(), o.weights.data()));
    } else {
      benchmark::DoNotOptimize(reference::convolution_backward_weights(g, o.x.data(), o.y.data()));
    }
  }
  count(state, g);
}

void add(const bench::ConvolutionShape& shape) {
  const auto g = geometry_of(shape, bench::convolution_batch);
  const auto measure = [](const std::string& name, auto run) {
    benchmark::RegisterBenchmark(name.c_str(), run)->UseRealTime();
  };
  const std::pair<const char*, ConvolutionPass> passes[]{
      {"forward", ConvolutionPass::forward},
      {"backward_data", ConvolutionPass::backward_data},
      {"backward_weights", ConvolutionPass::backward_weights}};
  for (const auto& [pass_name, pass] : passes) {
    const std::string name = shape.name + "/" + pass_name;
    measure(name + "/nn", [g, pass = pass](benchmark::State& s) { own_kernel(s, g, pass); });
    measure(name + "/naive", [one = geometry_of(shape, 1), pass = pass](benchmark::State& s) {
      naive(s, one, pass);
    });
  }
  measure(shape.name + "/forward/eigen", [g](benchmark::State& s) { eigen_forward(s, g); });
}

/// The shapes given as --shape=channels,filters,size,kernel,padding[,stride], which are taken off
/// the command line.
void add_given(int& argc, char** argv) {
  constexpr std::string_view flag = "--shape=";
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    if (!std::string_view(argv[i]).starts_with(flag)) {
      argv[kept++] = argv[i];
      continue;
    }
    std::istringstream text(argv[i] + flag.size());
    bench::ConvolutionShape shape{"given", 1, 1, 1, 1, 0};
    char comma = ',';
    text >> shape.channels >> comma >> shape.filters >> comma >> shape.size >> comma >>
        shape.kernel >> comma >> shape.padding;
    const bool complete = !text.fail();
    if (complete && text >> comma) text >> shape.stride;
    if (!complete || shape.stride < 1 || shape.output_size() < 1) {
      std::fprintf(stderr,
                   "expected --shape=channels,filters,size,kernel,padding[,stride], got %s\n",
                   argv[i]);
      std::exit(1);
    }
    add(shape);
  }
  argc = kept;
}

}  // namespace

int main(int argc, char** argv) {
  for (const bench::ConvolutionShape& shape : bench::convolution_shapes()) add(shape);
  add_given(argc, argv);
  return bench::run(argc, argv);
}
