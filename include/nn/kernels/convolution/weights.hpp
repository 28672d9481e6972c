/// @file
/// The gradient of the weights of a convolution.
#ifndef NN_KERNELS_CONVOLUTION_WEIGHTS_HPP
#define NN_KERNELS_CONVOLUTION_WEIGHTS_HPP

#include <algorithm>

#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"
#include "nn/core/workspace.hpp"
#include "nn/kernels/convolution/partial_gradients.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/tile/pack.hpp"
#include "nn/kernels/tile/tile.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// dW[k][f] = sum over the outputs p of x[pixel(p) + tap(k)] * dy[p][f]: the same gathered product
/// as the forward pass with pixels and taps in each other's place, its sums running over the
/// pixels.
template <class T>
class WeightsProduct {
 public:
  WeightsProduct(const ConvolutionCall<T>& call, Arena scratch)
      : call_(call),
        g_(call.geometry),
        parts_(call, scratch),
        panels_(divide_up(g_.group_filters(), panel_columns<T>)),
        splits_(std::min(divide_up(enough_items, parts_.count()), panels_)),
        y_(Gather{g_, false}.y(0)),
        x_(Gather{g_, false}.x(0)),
        columns_(Gather{g_, false}.columns()),
        row_depth_(g_.kernel_width * g_.group_channels()),
        row_groups_(row_depth_ >= few_rows ? g_.kernel_height : 1) {
    taps_ = scratch.take<Index>(depth());
    targets_ = scratch.take<Index>(depth());
    fill_taps(y_, x_, g_.group_channels(), window_row(), g_.channels, 1, taps_);
    fill_multiples(depth(), g_.filters, targets_);
  }

  static Index scratch_bytes(const Gather& gather) {
    const ConvolutionGeometry& g = gather.geometry;
    return 2 * bytes_for<Index>(g.kernel_height * g.kernel_width * g.group_channels()) +
           PartialGradients<T>::scratch_bytes(g);
  }

  void run() const {
    parallel_for(
        parts_.count() * splits_, [&](Index item) { run_item(item / splits_, item % splits_); },
        g_.multiply_adds() > 50000);
    parts_.add_up();
  }

 private:
  /// The work is divided into parts and, for enough items, the filters into `splits_`.
  static constexpr Index enough_items = 8;
  static constexpr Index window_bytes = 128 * 1024;
  /// The sums run over blocks of so many pixels: a panel of dy, 16 columns wide, then fills a
  /// quarter of the level-1 cache and the pixels that the taps read another quarter or more.
  static constexpr Index block_pixels = 1024 / static_cast<Index>(sizeof(T));
  /// Of more filters, the rows of a panel would lie too far apart to share the cache.
  static constexpr Index most_filters_in_place = 4 * panel_columns<T>;
  /// Taps x channels in a row of the kernel, from which on every row is worth a pass of its own
  /// over the output rows that it meets; below it all rows share one pass over a window with a
  /// frame.
  static constexpr Index few_rows = 32;

  [[nodiscard]] Index depth() const { return g_.kernel_height * row_depth_; }
  [[nodiscard]] bool frame_rows() const { return row_groups_ == 1; }
  [[nodiscard]] bool needs_frame() const {
    const Range all = y_.window({0, y_.outputs});
    return columns_ != Range{0, g_.width} ||
           (frame_rows() && (all.begin < 0 || all.end > g_.height));
  }
  [[nodiscard]] Index window_row() const { return columns_.size() * g_.channels; }

  /// The images of one part, some at a time, and of an image too large some rows at a time.
  void run_item(Index part, Index split) const {
    T* const target = parts_.target(part);
    const Range filters{
        panels_ * split / splits_ * panel_columns<T>,
        std::min(panels_ * (split + 1) / splits_ * panel_columns<T>, g_.group_filters())};
    const Range images = parts_.images(part);
    const Index image_bytes = g_.height * window_row() * static_cast<Index>(sizeof(T));
    const Index fit = window_bytes / std::max<Index>(1, image_bytes);
    const Index together = std::clamp<Index>(fit, 1, std::max<Index>(1, images.size()));
    const Index bands = fit > 0 ? 1
                                : std::clamp<Index>(image_bytes / window_bytes + 1, 1,
                                                    std::max<Index>(1, y_.outputs));
    const Index rows = divide_up(y_.outputs, bands);
    bool add = parts_.adds();
    for (Index first = images.begin; first < images.end; first += together) {
      for (Index row = 0; row < y_.outputs; row += rows) {
        run_window({first, std::min(first + together, images.end)},
                   {row, std::min(row + rows, y_.outputs)}, filters, target, add);
        add = true;
      }
    }
  }

  void run_window(const Range& images, const Range& rows, const Range& filters, T* target,
                  bool add) const {
    Range touched = y_.window(rows);
    if (!frame_rows() || !needs_frame()) {
      touched = {std::max<Index>(touched.begin, 0), std::min(touched.end, g_.height)};
    }
    const Index window_size = needs_frame() ? images.size() * touched.size() * window_row() : 0;
    Arena arena = thread_workspace(bytes_for<T>(window_size) +
                                   bytes_for<T>(2 * block_pixels * panel_columns<T>) +
                                   2 * bytes_for<Index>(block_pixels));
    T* window_data = arena.take<T>(window_size);
    const T* first = call_.left + images.begin * g_.input_size();
    const Window<T> window = window_of(first, images.size(), g_.height, g_.width, g_.channels,
                                       touched, columns_, needs_frame() ? window_data : nullptr);
    Block block{arena.take<T>(2 * block_pixels * panel_columns<T>), arena.take<Index>(block_pixels),
                arena.take<Index>(block_pixels), 0};
    for (Index group = 0; group < row_groups_; ++group) {
      const Range outputs = frame_rows() ? rows : y_.outputs_inside(group, rows);
      const Range taps{group * depth() / row_groups_, (group + 1) * depth() / row_groups_};
      bool add_block = add;
      block.pixels = 0;
      for (Index n = 0; n < images.size(); ++n) {
        for (Index y = outputs.begin; y < outputs.end; ++y) {
          Index step = window.offset(n, y_.origin + y * y_.step, x_.origin);
          Index to = ((images.begin + n) * y_.outputs + y) * x_.outputs * g_.filters;
          for (Index x = 0; x < x_.outputs; ++x, step += x_.step * g_.channels, to += g_.filters) {
            block.steps[block.pixels] = step;
            block.outputs[block.pixels] = to;
            if (++block.pixels == block_pixels) {
              run_block(window.data, block, taps, filters, target, add_block);
              add_block = true;
              block.pixels = 0;
            }
          }
        }
      }
      if (block.pixels > 0 || !add_block) {
        run_block(window.data, block, taps, filters, target, add_block);
      }
    }
  }

  /// Some pixels: where the tiles find their inputs, where their outputs are, and space for a
  /// panel.
  struct Block {
    T* panel;
    Index* steps;
    Index* outputs;
    Index pixels;
  };

  void run_block(const T* window, const Block& block, const Range& taps, const Range& filters,
                 T* target, bool add) const {
    if (call_.algorithm == Algorithm::depthwise)
      return run_block_channels(window, block, taps, target, add);
    for (Index group = 0; group < g_.groups; ++group) {
      for_each_joined_panel<T>(filters.size(), [&](Index at, Index used, Index width) {
        const Index first = group * g_.group_filters() + filters.begin + at;
        const Index row = std::min(width, panel_columns<T>);
        const bool packed = !is_panel(block, first + width);
        for (Index panel = 0; packed && panel < width; panel += row) {
          pack_outputs(block, call_.right + first + panel, std::min(row, used - panel), row,
                       block.panel + panel_offset(panel, block.pixels));
        }
        const TileInput<T> input{window + group * g_.group_channels(),
                                 taps_ + taps.begin,
                                 block.steps,
                                 block.pixels,
                                 packed ? block.panel : call_.right + block.outputs[0] + first,
                                 packed ? row : g_.filters,
                                 packed ? panel_offset(row, block.pixels) : row};
        const TileOutput<T> output{target + first, targets_ + taps.begin, used, add, {}};
        multiply_panel<T>(taps.size(), width, input, output);
      });
    }
  }

  /// Whether a block of dy can be read where it is, without being copied to a panel: there are few
  /// filters (or whole vectors of at most `most_filters_in_place`), the pixels follow one another,
  /// and reading `width` columns of the last pixel stays within dy.
  [[nodiscard]] bool is_panel(const Block& block, Index width) const {
    if (g_.filters > most_filters_in_place || block.pixels == 0) return false;
    if (g_.filters > panel_columns<T> && g_.filters % lanes<T> != 0) return false;
    const Index last = block.outputs[block.pixels - 1];
    return last - block.outputs[0] == (block.pixels - 1) * g_.filters &&
           last + width <= g_.batch * g_.output_size();
  }

  /// A vector of channels at a time. The last overlaps the one before: what both compute is written
  /// twice with the same result, unless it is added to what is there, when the second adds zero.
  void run_block_channels(const T* window, const Block& block, const Range& taps, T* target,
                          bool add) const {
    Index done = 0;
    for_each_channel_vector<T>(g_.filters, [&](Index first) {
      pack_outputs(block, call_.right + first, lanes<T>, lanes<T>, block.panel);
      for (Index p = 0; add && p < block.pixels; ++p) {
        std::fill_n(block.panel + p * lanes<T>, done - first, T(0));
      }
      multiply_channel_rows<T>(
          taps.size(),
          {window + first, taps_ + taps.begin, block.steps, block.pixels, block.panel, lanes<T>},
          {target + first, targets_ + taps.begin, lanes<T>, add, {}});
      done = first + lanes<T>;
    });
  }

  static void pack_outputs(const Block& block, const T* from, Index columns, Index width, T* to) {
    for (Index p = 0; p < block.pixels; ++p, to += width) {
      for (Index j = 0; j < width; j += lanes<T>) {
        store(load_some(from + block.outputs[p] + j, columns - j), to + j);
      }
    }
  }

  const ConvolutionCall<T>& call_;
  ConvolutionGeometry g_;
  PartialGradients<T> parts_;
  Index panels_;
  Index splits_;
  GatherAxis y_;
  GatherAxis x_;
  Range columns_;
  Index row_depth_;
  Index row_groups_;
  Index* taps_;
  Index* targets_;
};

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_CONVOLUTION_WEIGHTS_HPP
