// The convolutions of W3 to W6 and the matrix products of the dense layers in oneDNN:
//
//     W4.2/forward/blocked     oneDNN's direct convolution in a layout of its own choice
//     W4.2/forward/plain       the same from and to plain NCHW, with the reorders that takes
//     W4.2/forward/winograd    its Winograd convolution in a layout of its own choice
//     gemm/W1.1/forward        dnnl_sgemm

#include <benchmark/benchmark.h>
#include <oneapi/dnnl/dnnl.h>

#include <functional>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "../shapes.hpp"

namespace {

using dnnl::memory;
using Tag = memory::format_tag;

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::desc describe(const memory::dims& extents, Tag tag) {
  return {extents, memory::data_type::f32, tag};
}

memory filled(const memory::desc& description) {
  memory block(description, cpu());
  auto* values = static_cast<float*>(block.get_data_handle());
  for (std::size_t i = 0; i < description.get_size() / sizeof(float); ++i) {
    values[i] = static_cast<float>(i % 19) * 0.01F - 0.09F;
  }
  return block;
}

/// One argument of a primitive, in its layout and, where reorders count, in the user's.
struct Argument {
  int role;
  memory::desc own;
  memory::desc plain;
  bool is_input;
};

void run(benchmark::State& state, const dnnl::primitive& primitive,
         const std::vector<Argument>& arguments, bool with_reorders, double work) {
  dnnl::stream stream(cpu());
  std::unordered_map<int, memory> bound;
  struct Reorder {
    dnnl::reorder step;
    memory from;
    memory to;
  };
  std::vector<Reorder> before;
  std::vector<Reorder> after;
  for (const Argument& argument : arguments) {
    const memory own = filled(argument.own);
    bound.insert({argument.role, own});
    if (!with_reorders || argument.own == argument.plain) continue;
    const memory plain = filled(argument.plain);
    if (argument.is_input) {
      before.push_back({dnnl::reorder(plain, own), plain, own});
    } else {
      after.push_back({dnnl::reorder(own, plain), own, plain});
    }
  }
  const auto once = [&] {
    for (Reorder& reorder : before) reorder.step.execute(stream, reorder.from, reorder.to);
    primitive.execute(stream, bound);
    for (Reorder& reorder : after) reorder.step.execute(stream, reorder.from, reorder.to);
    stream.wait();
  };
  once();
  for (auto _ : state) once();
  state.counters["GFLOP/s"] = benchmark::Counter(
      2e-9 * work * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

/// The descriptions of one convolution's operands, in plain layouts or in any.
struct Operands {
  memory::desc images, weights, bias, results;
};

Operands operands(const bench::ConvolutionShape& shape, Tag images, Tag weights) {
  const auto out = shape.output_size();
  return {describe({bench::convolution_batch, shape.channels, shape.size, shape.size}, images),
          describe({shape.filters, shape.channels, shape.kernel, shape.kernel}, weights),
          describe({shape.filters}, Tag::x),
          describe({bench::convolution_batch, shape.filters, out, out}, images)};
}

/// A pass as oneDNN describes it: version 2 by a structure in front of the engine, 3 without.
/// `forward` holds the forward pass that a backward pass belongs to, or nothing.
template <class Primitive, class... Forward, class... Settings>
typename Primitive::primitive_desc description(const std::tuple<Forward...>& forward,
                                               const Settings&... settings) {
  return std::apply(
      [&](const auto&... hint) {
#if DNNL_VERSION_MAJOR >= 3
        return typename Primitive::primitive_desc(cpu(), settings..., hint...);
#else
        return typename Primitive::primitive_desc({settings...}, cpu(), hint...);
#endif
      },
      forward);
}

void convolution(benchmark::State& state, const bench::ConvolutionShape& shape,
                 const std::string& pass, dnnl::algorithm algorithm, bool with_reorders) {
  const Operands any = operands(shape, Tag::any, Tag::any);
  const Operands plain = operands(shape, Tag::nchw, Tag::oihw);
  const memory::dims stride{shape.stride, shape.stride};
  const memory::dims padding{shape.padding, shape.padding};
  const double work = shape.multiply_adds();
  try {
    const auto forward = description<dnnl::convolution_forward>(
        std::tuple(), dnnl::prop_kind::forward_training, algorithm, any.images, any.weights,
        any.bias, any.results, stride, padding, padding);
    if (pass == "forward") {
      run(state, dnnl::convolution_forward(forward),
          {{DNNL_ARG_SRC, forward.src_desc(), plain.images, true},
           {DNNL_ARG_WEIGHTS, forward.weights_desc(), plain.weights, true},
           {DNNL_ARG_BIAS, forward.bias_desc(), any.bias, true},
           {DNNL_ARG_DST, forward.dst_desc(), plain.results, false}},
          with_reorders, work);
    } else if (pass == "backward_data") {
      const auto backward = description<dnnl::convolution_backward_data>(
          std::tuple(forward), algorithm, any.images, any.weights, any.results, stride, padding,
          padding);
      run(state, dnnl::convolution_backward_data(backward),
          {{DNNL_ARG_DIFF_DST, backward.diff_dst_desc(), plain.results, true},
           {DNNL_ARG_WEIGHTS, backward.weights_desc(), plain.weights, true},
           {DNNL_ARG_DIFF_SRC, backward.diff_src_desc(), plain.images, false}},
          with_reorders, work);
    } else {
      const auto backward = description<dnnl::convolution_backward_weights>(
          std::tuple(forward), algorithm, any.images, any.weights, any.bias, any.results, stride,
          padding, padding);
      run(state, dnnl::convolution_backward_weights(backward),
          {{DNNL_ARG_SRC, backward.src_desc(), plain.images, true},
           {DNNL_ARG_DIFF_DST, backward.diff_dst_desc(), plain.results, true},
           {DNNL_ARG_DIFF_WEIGHTS, backward.diff_weights_desc(), plain.weights, false},
           {DNNL_ARG_DIFF_BIAS, backward.diff_bias_desc(), any.bias, false}},
          with_reorders, work);
    }
  } catch (const dnnl::error& error) {
    state.SkipWithError(error.what());
  }
}

void product(benchmark::State& state, const bench::ProductShape& shape) {
  const auto [m, n, k] = std::tuple(shape.m, shape.n, shape.k);
  const std::vector<float> a(static_cast<std::size_t>(m * k), 0.5F);
  const std::vector<float> b(static_cast<std::size_t>(k * n), 0.25F);
  std::vector<float> c(static_cast<std::size_t>(m * n));
  const auto once = [&] {
    dnnl_sgemm(shape.transpose_a ? 'T' : 'N', shape.transpose_b ? 'T' : 'N', m, n, k, 1.0F,
               a.data(), shape.transpose_a ? m : k, b.data(), shape.transpose_b ? k : n, 0.0F,
               c.data(), n);
    benchmark::ClobberMemory();
  };
  once();
  for (auto _ : state) once();
  state.counters["GFLOP/s"] =
      benchmark::Counter(2e-9 * shape.multiply_adds() * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const bench::ConvolutionShape& shape : bench::convolution_shapes()) {
    for (const std::string pass : {"forward", "backward_data", "backward_weights"}) {
      const auto add = [&](const std::string& kind, dnnl::algorithm algorithm, bool reorders) {
        benchmark::RegisterBenchmark(
            (shape.name + "/" + pass + "/" + kind).c_str(),
            [=](benchmark::State& state) { convolution(state, shape, pass, algorithm, reorders); })
            ->UseRealTime();
      };
      add("blocked", dnnl::algorithm::convolution_direct, false);
      add("plain", dnnl::algorithm::convolution_direct, true);
      if (shape.kernel == 3 && shape.stride == 1)
        add("winograd", dnnl::algorithm::convolution_winograd, false);
    }
  }
  for (const bench::ProductShape& shape : bench::product_shapes()) {
    benchmark::RegisterBenchmark(("gemm/" + shape.name).c_str(), [=](benchmark::State& state) {
      product(state, shape);
    })->UseRealTime();
  }
  const dnnl_version_t* version = dnnl_version();
  benchmark::AddCustomContext("oneDNN", std::to_string(version->major) + "." +
                                            std::to_string(version->minor) + "." +
                                            std::to_string(version->patch));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
