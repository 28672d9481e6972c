/// @file
/// What no kernel could compute with is refused where it enters: sizes that are negative or more
/// than a memory has, rows that overlap, pointers that are null or misaligned, a result that
/// overlaps what it is made of.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

#include "nn/core/error.hpp"
#include "nn/kernels/convolution/call.hpp"
#include "nn/kernels/gemm/problem.hpp"

namespace nn::detail {

/// A matrix in memory: `rows` rows of `columns` elements, `pitch` elements from one to the next.
struct Operand {
  std::string_view name;
  const void* data;
  Index rows;
  Index columns;
  Index pitch;
  Index bytes = 0;  ///< from its first to its last element; set by `check`
};

/// a * b, both not negative. @throws Error when there is no such Index.
[[nodiscard]] inline Index checked_product(std::string_view what, Index a, Index b) {
  Index result = 0;
  require(!__builtin_mul_overflow(a, b, &result), what, " of ", a, " times ", b, " is too large");
  return result;
}

/// Whether an element of one is an element of the other, too. Columns of the same rows may take
/// turns.
[[nodiscard]] inline bool overlap(const Operand& a, const Operand& b, Index element) {
  const auto first = reinterpret_cast<std::uintptr_t>(a.data);   // NOLINT: addresses
  const auto second = reinterpret_cast<std::uintptr_t>(b.data);  // NOLINT
  if (a.bytes == 0 || b.bytes == 0 || first + static_cast<std::uintptr_t>(a.bytes) <= second ||
      second + static_cast<std::uintptr_t>(b.bytes) <= first) {
    return false;
  }
  if (a.pitch != b.pitch || a.pitch == 0) return true;
  const Index distance =
      (static_cast<Index>(second - first) / element % a.pitch + a.pitch) % a.pitch;
  return distance < a.columns || distance + b.columns > a.pitch;
}

/// @throws Error unless the operand can be in memory.
inline void check(Operand& operand, Index element) {
  const auto& [name, data, rows, columns, pitch, bytes] = operand;
  require(rows >= 0 && columns >= 0, name, " cannot be ", rows, " x ", columns);
  if (rows == 0 || columns == 0) return;
  require(rows == 1 || pitch >= columns, "rows of ", name, " are ", columns,
          " elements long, but only ", pitch, " apart");
  Index last = rows == 1 ? 0 : checked_product(name, rows - 1, pitch);
  require(!__builtin_add_overflow(last, columns, &last), name, " is too large");
  operand.bytes = checked_product(name, last, element);
  require(data != nullptr, name, " is a null pointer, but has ", rows, " x ", columns, " elements");
  require(
      reinterpret_cast<std::uintptr_t>(data) % static_cast<std::uintptr_t>(element) == 0,  // NOLINT
      name, " does not start at a multiple of the ", element, " bytes of its elements");
}

/// Checks a result and what it is made of.
template <std::size_t N>
void check(Operand result, Operand (&sources)[N], Index element) {
  check(result, element);
  for (Operand& source : sources) {
    check(source, element);
    require(!overlap(result, source, element), result.name, " overlaps ", source.name);
  }
}

/// @throws Error when a matrix product cannot be meant.
template <class T>
void check(const GemmProblem<T>& p) {
  Operand sources[] = {{"A", p.a, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k, p.lda},
                       {"B", p.b, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n, p.ldb},
                       {"the bias", p.epilogue.bias, p.epilogue.bias == nullptr ? 0 : 1, p.n, p.n}};
  check({"C", p.c, p.m, p.n, p.ldc}, sources, sizeof(T));
}

/// @throws Error when there is no such convolution.
inline void check(const ConvolutionGeometry& g) {
  require(g.batch >= 0 && g.height > 0 && g.width > 0 && g.channels > 0 && g.filters > 0 &&
              g.kernel_height > 0 && g.kernel_width > 0 && g.stride_height > 0 &&
              g.stride_width > 0 && g.dilation_height > 0 && g.dilation_width > 0 && g.groups > 0,
          "a convolution needs positive sizes, got ", g.batch, " images of ", g.height, " x ",
          g.width, " x ", g.channels, ", ", g.filters, " filters of ", g.kernel_height, " x ",
          g.kernel_width, ", strides ", g.stride_height, " x ", g.stride_width, ", dilations ",
          g.dilation_height, " x ", g.dilation_width, " and ", g.groups, " groups");
  require(g.pad_top >= 0 && g.pad_bottom >= 0 && g.pad_left >= 0 && g.pad_right >= 0,
          "the padding must not be negative, got ", g.pad_top, ", ", g.pad_bottom, ", ", g.pad_left,
          " and ", g.pad_right);
  require(g.channels % g.groups == 0 && g.filters % g.groups == 0, g.channels, " channels and ",
          g.filters, " filters cannot be divided into ", g.groups, " groups");
  // So that sums of extents cannot overflow, also where sizes have 32 bits, as in WebAssembly.
  constexpr bool is_wide = std::numeric_limits<Index>::digits > 31;
  constexpr Index most = Index{1} << (is_wide ? 31 : 28);
  for (const Index extent : {g.batch, g.height, g.width, g.channels, g.filters, g.kernel_height,
                             g.kernel_width, g.stride_height, g.stride_width, g.dilation_height,
                             g.dilation_width, g.pad_top, g.pad_bottom, g.pad_left, g.pad_right}) {
    require(extent < most, "an extent of a convolution is too large, ", extent);
  }
  const auto times = [](Index a, Index b) { return checked_product("a convolution", a, b); };
  (void)times(times(g.kernel_height, g.dilation_height), 4);
  (void)times(times(g.kernel_width, g.dilation_width), 4);
  const Index weights =
      times(times(g.kernel_height, g.kernel_width), times(g.group_channels(), g.filters));
  // With 32 bits a network's usual work is more than a size can say; only memory has to fit.
  const Index margin = is_wide ? 8 : 1;
  (void)times(times(g.batch, times(g.output_height(), g.output_width())),
              is_wide ? times(weights, margin) : g.filters);
  (void)times(times(g.batch, times(g.height, g.width)), times(g.channels, margin));
}

/// @throws Error when there is no such convolution, or its operands cannot be meant.
template <class T>
void check(const ConvolutionCall<T>& call) {
  const ConvolutionGeometry& g = call.geometry;
  check(g);
  const Index x = g.batch * g.input_size();
  const Index y = g.batch * g.output_size();
  const Index w = g.weights_size();
  const bool backward = call.pass == ConvolutionPass::backward_data;
  const bool of_weights = call.pass == ConvolutionPass::backward_weights;
  const Index channels = backward ? g.channels : g.filters;
  const T* const bias = call.epilogue.bias;
  Operand sources[] = {{backward ? "dy" : "x", call.left, 1, backward ? y : x, 0},
                       {of_weights ? "dy" : "the weights", call.right, 1, of_weights ? y : w, 0},
                       {"the bias", bias, bias == nullptr ? 0 : 1, channels, 0}};
  check({of_weights ? "dweights"
         : backward ? "dx"
                    : "y",
         call.result, 1,
         of_weights ? w
         : backward ? x
                    : y,
         0},
        sources, sizeof(T));
}

}  // namespace nn::detail
