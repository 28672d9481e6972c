/// @file
/// Which kernel computes what: the one place that decides it, by the shape alone. Its answer is
/// used to size memory, to run, by `trace`, and by the tests, which force every kernel.
///
/// The end of this file, which is included once for each instruction set, lists the kernels.
#ifndef NN_KERNELS_CHOOSE_HPP
#define NN_KERNELS_CHOOSE_HPP

#include <algorithm>
#include <string_view>
#include <type_traits>

#include "nn/core/error.hpp"
#include "nn/kernels/convolution/gather.hpp"
#include "nn/kernels/convolution/geometry.hpp"
#include "nn/kernels/winograd/grid.hpp"

namespace nn {

/// How a matrix product or a pass of a convolution is computed; see kernels/README.md. The bits of
/// Winograd's filtering and of sums across lanes are their own; all others have the same
/// (docs/arithmetic.md). Winograd's rounding errors are two to three times those of a plain sum (in
/// float, 3x3 taps and 64 channels, 6.5e-7 of the magnitude of the outputs against 2.8e-7; 4x4
/// taps, 1.1e-6 against 3.9e-7), but for its small tiles, whose are less (2.2e-7).
enum class Algorithm : unsigned char {
  automatic,  ///< whichever `choose` says

  row,            ///< product: a single row of C
  outer_product,  ///< product: a column by a row
  few_columns,    ///< product: sums across lanes, along the depth
  narrow,         ///< product: C transposed, so that its rows fill the lanes
  blocks,         ///< product: packed panels in blocks that fit the caches

  winograd_3x3,        ///< convolution: F(4x4, 3x3), for 3x3 taps of stride 1
  winograd_3x3_small,  ///< convolution: F(2x2, 3x3), for fewer outputs
  winograd_2x2,        ///< convolution: F(4x4, 2x2) in four phases, for 4x4 taps of stride 2
  planes,              ///< convolution: vectors along the pixels of a row
  depthwise_rows,      ///< convolution: vectors of channels, along the pixels of a row
  depthwise,           ///< convolution: vectors of channels, each with a filter of its own
  dots,                ///< convolution: sums across lanes, along the input channels
  gathered,            ///< convolution: a product of gathered inputs, without im2col
};

/// As `trace` names it: "Winograd F(4x4, 3x3)".
[[nodiscard]] constexpr std::string_view to_string(Algorithm algorithm) {
  constexpr std::string_view names[] = {"automatic",
                                        "row",
                                        "outer product",
                                        "few columns",
                                        "narrow",
                                        "blocks",
                                        "Winograd F(4x4, 3x3)",
                                        "Winograd F(2x2, 3x3)",
                                        "Winograd F(4x4, 2x2)",
                                        "planes",
                                        "depthwise rows",
                                        "depthwise",
                                        "dots",
                                        "gathered"};
  return names[static_cast<std::size_t>(algorithm)];
}

namespace detail {

/// The most columns (channels, filters) of which sums across lanes are compiled.
inline constexpr Index most_dots = 8;
/// The most channels that are taken apart into planes: as many as a vector is woven of.
inline constexpr Index most_planes = 8;

// ---------------------------------------------------------------------------- matrix products

/// What a matrix product's kernel depends on. A single column without gaps counts as a row
/// (`turn_columns_into_rows`).
struct GemmShape {
  bool transpose_a = false;
  bool transpose_b = false;
  Index m = 0;
  Index n = 0;
  Index k = 0;
  bool has_epilogue = false;
  Index lanes = 0;      ///< elements of a vector of the processor at hand
  Index sum_lanes = 0;  ///< ... of a sum across lanes, the same on every processor
};

/// Those of matrix products, in the order in which they are asked; the last computes everything.
inline constexpr Algorithm gemm_algorithms[] = {Algorithm::row, Algorithm::outer_product,
                                                Algorithm::few_columns, Algorithm::narrow,
                                                Algorithm::blocks};

/// Up to so many columns an outer product would use 3 of 16 lanes; with 4, tiles are the faster.
inline constexpr Index most_dot_columns = 3;
/// Fewer terms cost less than to add their sums across lanes.
inline constexpr Index least_dot_depth = 32;

/// Whether a kernel can compute this product.
[[nodiscard]] constexpr bool computes(Algorithm algorithm, const GemmShape& p) {
  switch (algorithm) {
    case Algorithm::row:
      return p.m == 1 && !p.transpose_b;
    case Algorithm::outer_product:
      return p.k == 1 && !p.transpose_b && !p.has_epilogue;
    case Algorithm::few_columns:
      return p.n <= most_dot_columns && !p.transpose_a && p.k >= p.sum_lanes;
    case Algorithm::narrow:
      return p.n <= 2 * p.lanes;
    default:
      return algorithm == Algorithm::blocks;
  }
}

/// Whether it is likely to be faster than those asked after it.
[[nodiscard]] constexpr bool pays(Algorithm algorithm, const GemmShape& p) {
  switch (algorithm) {
    case Algorithm::few_columns:
      return p.k >= least_dot_depth;
    case Algorithm::narrow:  // lanes would be idle, and rows are many enough to fill them
      return p.n < 2 * p.lanes && p.n % p.lanes != 0 && p.m >= 2 * p.lanes;
    default:
      return true;
  }
}

// ------------------------------------------------------------------------------- convolutions

/// What the kernel of a pass of a convolution depends on.
struct ConvolutionProblem {
  ConvolutionGeometry geometry;
  ConvolutionPass pass = ConvolutionPass::forward;
  Index lanes = 0;      ///< elements of a vector of the processor at hand
  Index sum_lanes = 0;  ///< ... of a sum across lanes, the same on every processor

  [[nodiscard]] constexpr bool is_of_weights() const {
    return pass == ConvolutionPass::backward_weights;
  }
  /// The pass as a gather; that of the weights gathers like the forward pass.
  [[nodiscard]] constexpr Gather gather() const {
    return {geometry, pass == ConvolutionPass::backward_data};
  }
};

/// Those of convolutions, in the order in which they are asked; the last computes everything.
inline constexpr Algorithm convolution_algorithms[] = {
    Algorithm::winograd_3x3,   Algorithm::winograd_3x3_small,
    Algorithm::winograd_2x2,   Algorithm::planes,
    Algorithm::depthwise_rows, Algorithm::depthwise,
    Algorithm::dots,           Algorithm::gathered};

/// Half of the 8 floats of an AVX2 vector: of more output channels, panels leave fewer lanes idle.
/// (64 -> 1, 4x4 taps, gradient of the input: 714 to 373 us with AVX-512, 821 to 517 with AVX2.)
/// The same on every processor, as it decides over the bits.
inline constexpr Index most_dot_channels = 4;
/// Planes must need at most 3/4 of the vectors that channels would, to pay for taking images apart
/// (1 -> 6, 5x5, with AVX2, where 6 of 8 lanes are busy without: 46 to 44 GFLOP/s).
inline constexpr Index planes_share[] = {3, 4};

/// The fewest outputs of a row that are computed together: a row of fewer has no place for them.
inline constexpr int least_depthwise_outputs = 4;

/// How many tiles make up for the transforms of weights and for reading these, which are up to four
/// times as many as the taps.
struct WinogradTiles {
  Index least;
  Index weights = 0;  ///< a tap may have, channels times filters, for each tile; 0: however many
};

/// From where on Winograd's filtering is worth it. Of 144 multiplications 36 are left (3x3), of 36
/// there are 16 (3x3, small), of 64 there are 25 (4x4).
struct WinogradLimits {
  Index side;      ///< of the outputs of a tile
  Index channels;  ///< on either side, to make up for the transforms of images
  Index share;     ///< more of the tiles' outputs must be within the image, per cent
  WinogradTiles tiles;
  WinogradTiles kept_tiles;  ///< where weights are transformed once for many calls
};
/// Weights that are kept are read from beyond the level-2 cache, as those of a network are: a
/// single image of 8x8 pixels, four tiles, 64 -> 64, takes 30 us, small tiles 21, and without
/// either 27; of 12x12, nine tiles, 41, 40 and 61.
inline constexpr WinogradLimits winograd_3x3_limits{4, 16, 50, {16}, {8}};
/// The image of 8x8, sixteen small tiles, 128 -> 256: 209 us to 149, but 290 to 326 with weights
/// that are not kept. 64 images of 5x5, 32 -> 32: 151 to 177.
inline constexpr WinogradLimits winograd_3x3_small_limits{2, 32, 70, {16, 1024}, {9}};
inline constexpr WinogradLimits winograd_2x2_limits{4, 32, 67, {48}, {48}};
/// Small tiles are the better ones when they need so many per cent of the multiplications or less:
/// 64 images of 6x6 (as many), 64 -> 64 647 us to 543; of 9x9 (123 %), 128 -> 128 6245 to 5557.
inline constexpr Index small_tiles_share = 125;
/// Channels times filters: 16 -> 32 took 1 / 1.2 to 1 / 1.5 of the time, 16 -> 16 as long.
inline constexpr Index winograd_weights = 16 * 32;

/// Whether Winograd's filtering of `Taps` taps a phase can compute it: whole vectors of channels on
/// both sides, the widest of any processor, as the answer decides over the bits.
template <int Taps>
[[nodiscard]] constexpr bool winograd_computes(const ConvolutionProblem& p) {
  const ConvolutionGeometry& g = p.geometry;
  return WinogradPhases<Taps>::fit(g) && g.channels % p.sum_lanes == 0 &&
         g.filters % p.sum_lanes == 0;
}
template <int Taps>
[[nodiscard]] constexpr bool winograd_pays(const ConvolutionProblem& p,
                                           const WinogradLimits& least) {
  const ConvolutionGeometry& g = p.geometry;
  const Gather gather = p.gather();
  const Index images = g.chosen_for > 0 ? g.chosen_for : g.batch;
  const Index tiles = images * WinogradPhases<Taps>::grid(gather, least.side).tiles();
  const Index outputs = images * gather.output_height() * gather.output_width() /
                        (gather.backward ? WinogradPhases<Taps>::count : 1);
  const Index weights = g.channels * g.filters;
  const WinogradTiles& least_tiles = g.keeps_weights ? least.kept_tiles : least.tiles;
  return std::min(g.channels, g.filters) >= least.channels && weights >= winograd_weights &&
         tiles >= least_tiles.least &&
         (least_tiles.weights == 0 || weights <= least_tiles.weights * tiles) &&
         100 * outputs > least.share * tiles * least.side * least.side;
}
/// Whether F(2x2, 3x3) is better than F(4x4, 3x3); it has no gradient of the weights.
[[nodiscard]] constexpr bool small_tiles_pay(const ConvolutionProblem& p) {
  const Gather gather = p.gather();
  const Index small = 16 * WinogradPhases<3>::grid(gather, 2).tiles();
  const Index large = 36 * WinogradPhases<3>::grid(gather, 4).tiles();
  return !p.is_of_weights() && 100 * small <= small_tiles_share * large;
}

/// The gradient of the weights asks as the forward pass does; its sums along the pixels run across
/// lanes, so by the widest vectors.
[[nodiscard]] constexpr bool planes_pay(const ConvolutionProblem& p) {
  const Gather gather = p.gather();
  const Index lanes = p.is_of_weights() ? p.sum_lanes : p.lanes;
  const Index outputs = gather.output_channels();
  const Index width = gather.output_width();
  const auto padded = [&](Index size) { return divide_up(size, lanes) * lanes; };
  return gather.input_channels() % lanes != 0 &&
         planes_share[1] * outputs * padded(width) <= planes_share[0] * width * padded(outputs);
}

/// Windows of 3 or 5 neighbouring columns, one or two columns apart, all of which have a column in
/// the image.
[[nodiscard]] constexpr bool depthwise_rows_compute(const ConvolutionProblem& p) {
  const Gather gather = p.gather();
  if (!p.geometry.is_depthwise() || p.geometry.channels < p.lanes || p.is_of_weights() ||
      gather.phases_x() != 1 || gather.phases_y() != 1) {
    return false;
  }
  const GatherAxis x = gather.x(0);
  if (std::max(p.geometry.pad_left, p.geometry.pad_right) >= x.taps) return false;
  return (x.taps == 3 || x.taps == 5) && (x.tap_step == 1 || x.tap_step == -1) && x.step <= 2 &&
         x.outputs >= least_depthwise_outputs;
}

/// Whether a kernel can compute this pass.
[[nodiscard]] constexpr bool computes(Algorithm algorithm, const ConvolutionProblem& p) {
  const ConvolutionGeometry& g = p.geometry;
  switch (algorithm) {
    case Algorithm::winograd_3x3:
      return winograd_computes<3>(p);
    case Algorithm::winograd_3x3_small:
      return winograd_computes<3>(p) && !p.is_of_weights();
    case Algorithm::winograd_2x2:
      return winograd_computes<2>(p);
    case Algorithm::planes:
      return g.groups == 1 && g.stride_height == 1 && g.stride_width == 1 &&
             g.channels <= most_planes && g.filters <= std::min(most_planes, most_dots);
    case Algorithm::depthwise_rows:
      return depthwise_rows_compute(p);
    case Algorithm::depthwise:
      return g.is_depthwise() && g.channels >= p.lanes;
    case Algorithm::dots:
      return !p.is_of_weights() && p.gather().output_group() <= most_dots &&
             p.gather().input_group() % p.sum_lanes == 0;
    default:
      return algorithm == Algorithm::gathered;
  }
}

/// Whether it is likely to be faster than those asked after it.
[[nodiscard]] constexpr bool pays(Algorithm algorithm, const ConvolutionProblem& p) {
  switch (algorithm) {
    case Algorithm::winograd_3x3:
      return winograd_pays<3>(p, winograd_3x3_limits) && !small_tiles_pay(p);
    case Algorithm::winograd_3x3_small:
      return winograd_pays<3>(p, winograd_3x3_small_limits);
    case Algorithm::winograd_2x2:
      return winograd_pays<2>(p, winograd_2x2_limits);
    case Algorithm::planes:
      return planes_pay(p);
    case Algorithm::dots:
      return p.gather().output_group() <= most_dot_channels;
    default:
      return true;
  }
}

// --------------------------------------------------------------------------------- the answer

/// The kernel for a matrix product.
[[nodiscard]] constexpr Algorithm choose(const GemmShape& problem) {
  for (const Algorithm algorithm : gemm_algorithms) {
    if (computes(algorithm, problem) && pays(algorithm, problem)) return algorithm;
  }
  return Algorithm::blocks;
}

/// The kernel for a pass of a convolution.
[[nodiscard]] constexpr Algorithm choose(const ConvolutionProblem& problem) {
  for (const Algorithm algorithm : convolution_algorithms) {
    if (computes(algorithm, problem) && pays(algorithm, problem)) return algorithm;
  }
  return Algorithm::gathered;
}

/// The kernel that was asked for, or that for the problem.
/// @throws Error when that kernel cannot compute it.
template <class Problem>
[[nodiscard]] constexpr Algorithm choose(const Problem& problem, Algorithm wanted) {
  if (wanted == Algorithm::automatic) return choose(problem);
  require(computes(wanted, problem), "the algorithm \"", to_string(wanted),
          "\" cannot compute this shape");
  return wanted;
}

/// Calls visit(algorithm) for every answer that there may be for this batch or a smaller one, on
/// whatever processor: the files of a program may be compiled for different ones, and the linker
/// keeps one copy of a layer's functions. (All that depends on the batch is whether it is large
/// enough for Winograd's filtering, by small tiles or by larger ones.)
template <class Visit>
constexpr void for_each_choice(ConvolutionProblem problem, const Visit& visit) {
  constexpr Algorithm between = Algorithm::winograd_3x3_small;
  if (computes(between, problem) && pays(between, problem)) visit(between);
  for (const Index batch : {problem.geometry.batch, Index{1}}) {
    problem.geometry.chosen_for = batch;
    for (problem.lanes = problem.sum_lanes; problem.lanes * 4 >= problem.sum_lanes;
         problem.lanes /= 2) {
      visit(choose(problem));
    }
  }
}

}  // namespace detail
}  // namespace nn

#endif  // NN_KERNELS_CHOOSE_HPP

// Where the kernels are. What runs them (gemm/multiply.hpp, convolution/passes.hpp) asks for the
// list of one kind; compile/again.hpp has them included once more, for another instruction set.
#if defined(NN_LIST_OF_PRODUCTS)
#undef NN_LIST_OF_PRODUCTS
#include "nn/kernels/gemm/blocks.hpp"
#include "nn/kernels/gemm/narrow.hpp"
#include "nn/kernels/gemm/thin.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// Runs the kernel of a product.
template <class T>
void multiply(const GemmProblem<T>& problem) {
  switch (problem.algorithm) {
    case Algorithm::row:
      return multiply_single_row(problem);
    case Algorithm::outer_product:
      return multiply_column_by_row(problem);
    case Algorithm::few_columns:
      return FewColumns<T>(problem).multiply();
    case Algorithm::narrow:
      return NarrowProduct<T>(problem).multiply();
    default:
      return multiply_in_blocks(problem);
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#elif defined(NN_LIST_OF_CONVOLUTIONS)
#undef NN_LIST_OF_CONVOLUTIONS
#include "nn/kernels/convolution/depthwise.hpp"
#include "nn/kernels/convolution/planes.hpp"
#include "nn/kernels/convolution/planes_weights.hpp"
#include "nn/kernels/convolution/product.hpp"
#include "nn/kernels/convolution/weights.hpp"
#include "nn/kernels/winograd/weights.hpp"
#include "nn/kernels/winograd/winograd.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// Calls visit(std::type_identity<Kernel>{}) with the class for a pass.
template <class T, class Visit>
void with_kernel(ConvolutionPass pass, Algorithm algorithm, const Visit& visit) {
  const bool weights = pass == ConvolutionPass::backward_weights;
  switch (algorithm) {
    case Algorithm::winograd_3x3:
      return weights ? visit(std::type_identity<WinogradWeights<T, 3> >{})
                     : visit(std::type_identity<WinogradProduct<T, 4, 3> >{});
    case Algorithm::winograd_3x3_small:
      return visit(std::type_identity<WinogradProduct<T, 2, 3> >{});
    case Algorithm::winograd_2x2:
      return weights ? visit(std::type_identity<WinogradWeights<T, 2> >{})
                     : visit(std::type_identity<WinogradProduct<T, 4, 2> >{});
    case Algorithm::planes:
      return weights ? visit(std::type_identity<PlaneWeights<T> >{})
                     : visit(std::type_identity<PlaneProduct<T> >{});
    case Algorithm::depthwise_rows:
      return visit(std::type_identity<DepthwiseProduct<T> >{});
    default:
      return weights ? visit(std::type_identity<WeightsProduct<T> >{})
                     : visit(std::type_identity<GatherProduct<T> >{});
  }
}

}  // namespace nn::detail::NN_ISA_NAMESPACE

#elif defined(NN_LIST_AGAIN)
#undef NN_LIST_AGAIN
#undef NN_KERNELS_CONVOLUTION_DEPTHWISE_HPP
#undef NN_KERNELS_CONVOLUTION_PLANES_HPP
#undef NN_KERNELS_CONVOLUTION_PLANES_WEIGHTS_HPP
#undef NN_KERNELS_CONVOLUTION_PRODUCT_HPP
#undef NN_KERNELS_CONVOLUTION_WEIGHTS_HPP
#undef NN_KERNELS_GEMM_BLOCKS_HPP
#undef NN_KERNELS_GEMM_NARROW_HPP
#undef NN_KERNELS_GEMM_THIN_HPP
#undef NN_KERNELS_WINOGRAD_WEIGHTS_HPP
#undef NN_KERNELS_WINOGRAD_WINOGRAD_HPP
#endif
