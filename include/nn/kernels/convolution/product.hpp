/// @file
/// The forward pass of a convolution and the gradient of its input, both as one gathered product.
#ifndef NN_KERNELS_CONVOLUTION_PRODUCT_HPP
#define NN_KERNELS_CONVOLUTION_PRODUCT_HPP

#include <algorithm>

#include "nn/core/activation.hpp"
#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"
#include "nn/core/workspace.hpp"
#include "nn/kernels/convolution/blocking.hpp"
#include "nn/kernels/convolution/call.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/tile/dots.hpp"
#include "nn/kernels/tile/pack.hpp"
#include "nn/kernels/tile/tile.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// A forward pass, or the gradient of the input, as a product of gathered inputs and packed
/// weights.
template <class T>
class GatherProduct {
 public:
  GatherProduct(const ConvolutionCall<T>& call, Arena scratch)
      : call_(call),
        gather_(call.gather()),
        g_(gather_.geometry),
        blocking_(GatherBlocking::of<T>(gather_)),
        kinds_(ColumnKinds::of(gather_)),
        split_(kinds_.pay(gather_)),
        columns_(split_ ? Range{0, gather_.input_width()} : gather_.columns()),
        depth_(gather_.input_group()),
        width_(gather_.output_group()),
        dots_(call.algorithm == Algorithm::dots),
        depthwise_(call.algorithm == Algorithm::depthwise),
        packed_taps_(split_ ? kinds_.packed_taps : gather_.taps()),
        padded_width_(padded_columns<T>(width_)),
        panels_(divide_up(width_, panel_columns<T>)),
        shares_(dots_ || depthwise_ || g_.groups > 1
                    ? 1
                    : std::clamp<Index>(divide_up(threads(), blocking_.items()), 1, panels_)) {
    packed_ = scratch.take<T>(g_.groups * packed_taps_ * depth_ * padded_width_);
    steps_ = scratch.take<Index>(packed_taps_ * depth_);
    if (call.is_filled) return;
    pack_weights();
    for_each_phase([&](const GatherAxis& y, const GatherAxis& x, Index first_tap) {
      fill_taps(y, x, depth_, window_row(), gather_.input_channels(), 1,
                steps_ + first_tap * depth_);
    });
  }

  /// As much for vectors of any processor (see for_each_choice), and for smaller batches, for which
  /// kinds of columns do not pay.
  static Index scratch_bytes(const Gather& gather) {
    constexpr Index widest = 64 / static_cast<Index>(sizeof(T));
    const Index taps = std::max(gather.taps(), ColumnKinds::of(gather).packed_taps);
    const Index depth = taps * gather.input_group();
    const Index width = divide_up(gather.output_group(), widest) * widest;
    return bytes_for<T>(gather.geometry.groups * depth * width) + bytes_for<Index>(depth);
  }

  void run() const {
    parallel_for(
        blocking_.items() * shares_,
        [&](Index index) { run_item(index / shares_, index % shares_); },
        g_.multiply_adds() > 50000);
  }

 private:
  [[nodiscard]] bool needs_frame() const { return columns_ != Range{0, gather_.input_width()}; }

  /// Elements between the rows of the window.
  [[nodiscard]] Index window_row() const { return columns_.size() * gather_.input_channels(); }

  /// Calls visit(y axis, x axis, tap) for each phase, or each kind of column of each phase; `tap`
  /// is the number of taps in all those before.
  template <class Visit>
  void for_each_phase(Visit&& visit) const {
    Index tap = 0;
    for (Index phase_y = 0; phase_y < gather_.phases_y(); ++phase_y) {
      const GatherAxis y = gather_.y(phase_y);
      for (Index phase_x = 0; phase_x < gather_.phases_x(); ++phase_x) {
        const GatherAxis x = gather_.x(phase_x);
        for (Index begin = 0; begin < x.outputs;) {
          const Index end = split_ ? x.same_taps_end(begin, x.outputs) : x.outputs;
          const GatherAxis part = split_ ? x.part({begin, end}) : x;
          visit(y, part, tap);
          tap += y.taps * part.taps;
          begin = end;
        }
      }
    }
  }

  /// The weights of a group for a phase: panels, or columns for multiply_dots, or all channels of
  /// each tap for a depthwise convolution, which is taken as one group.
  [[nodiscard]] T* packed(Index group, Index first_tap) const {
    if (depthwise_) return packed_ + first_tap * g_.filters;
    return packed_ + (group * packed_taps_ + first_tap) * depth_ * padded_width_;
  }

  /// Packs the weights phase by phase and group by group; within them tap by tap.
  void pack_weights() const {
    for_each_phase([&](const GatherAxis& y, const GatherAxis& x, Index first_tap) {
      const Index taps = y.taps * x.taps;
      const Index groups = depthwise_ ? 1 : g_.groups;
      parallel_for(
          groups * taps,
          [&](Index at) {
            const Index group = at / taps;
            const Index tap = at % taps;
            const Index ky = y.kernel_first + tap / x.taps * y.kernel_step;
            const Index kx = x.kernel_first + tap % x.taps * x.kernel_step;
            const T* from = call_.right +
                            (ky * g_.kernel_width + kx) * g_.group_channels() * g_.filters +
                            group * g_.group_filters();
            if (depthwise_) {
              std::copy_n(from, g_.filters, packed(0, first_tap) + tap * g_.filters);
            } else if (dots_) {
              pack_dots(from, packed(group, first_tap) + tap * depth_, taps * depth_);
            } else {
              pack_tap(from, packed(group, first_tap), tap * depth_, taps * depth_);
            }
          },
          packed_taps_ * depth_ * padded_width_ > 50000);
    });
  }

  /// The rows [row, row + depth_) of the panels of a phase, which have `depth` rows.
  void pack_tap(const T* from, T* to, Index row, Index depth) const {
    for_each_panel<T>(width_, [&](Index first, Index used, Index width) {
      T* panel = to + panel_offset(first, depth) + row * width;
      if (gather_.backward) {
        pack_columns(depth_, used, width, from + first * g_.filters, g_.filters, panel);
      } else {
        pack_rows(depth_, used, width, from + first, g_.filters, panel);
      }
    });
  }

  /// One tap of each column, `pitch` apart.
  void pack_dots(const T* from, T* to, Index pitch) const {
    const Index across = gather_.backward ? g_.filters : 1;
    const Index along = gather_.backward ? 1 : g_.filters;
    for (Index column = 0; column < width_; ++column) {
      for (Index channel = 0; channel < depth_; ++channel) {
        to[column * pitch + channel] = from[column * across + channel * along];
      }
    }
  }

  /// A share of the columns of an item; which columns one thread has is no matter of the bits.
  void run_item(Index item, Index share) const {
    const Index first_image = item / blocking_.bands * blocking_.images;
    const Index images = std::min(blocking_.images, g_.batch - first_image);
    const Range rows{item % blocking_.bands * blocking_.rows,
                     item % blocking_.bands * blocking_.rows + blocking_.rows};
    const Range touched = gather_.rows(rows);
    const Range inside{std::max<Index>(touched.begin, 0),
                       std::min(touched.end, gather_.input_height())};
    const Index most_pixels =
        images * blocking_.rows * divide_up(gather_.output_width(), gather_.phases_x());
    const Index most_segments = 2 * g_.kernel_height + 2;
    const Index window_size = needs_frame() ? images * inside.size() * window_row() : 0;
    Arena arena = thread_workspace(bytes_for<T>(window_size) + 2 * bytes_for<Index>(most_pixels) +
                                   bytes_for<GatherSegment>(most_segments));
    T* window_data = arena.take<T>(window_size);
    Index* input_rows = arena.take<Index>(most_pixels);
    Index* output_rows = arena.take<Index>(most_pixels);
    GatherSegment* segments = arena.take<GatherSegment>(most_segments);
    const T* from = call_.left + first_image * gather_.input_size();
    const Window<T> window = window_of(from, images, gather_.input_height(), gather_.input_width(),
                                       gather_.input_channels(), inside, columns_,
                                       needs_frame() ? window_data : nullptr);
    T* to = call_.result + first_image * gather_.output_size();
    for_each_phase([&](const GatherAxis& y, const GatherAxis& x, Index first_tap) {
      const Range outputs{rows.begin, std::min(rows.end, y.outputs)};
      if (outputs.size() == 0) return;
      const Index count =
          fill_tables(window, images, outputs, y, x, input_rows, output_rows, segments);
      const Index groups = depthwise_ ? 1 : g_.groups;
      for (Index group = 0; group < groups; ++group) {
        const Phase phase{
            window.data + group * depth_, input_rows,      steps_ + first_tap * depth_,
            packed(group, first_tap),     x.taps * depth_, y.taps * x.taps * depth_,
            to + group * width_,          output_rows,     group * width_};
        multiply_phase(phase, segments, count,
                       {panels_ * share / shares_ * panel_columns<T>,
                        panels_ * (share + 1) / shares_ * panel_columns<T>});
      }
    });
  }

  /// What one phase of one item multiplies, for one group.
  struct Phase {
    const T* a;
    const Index* input_rows;
    const Index* steps;
    const T* weights;
    Index row_depth;  ///< taps of a row x channels
    Index depth;      ///< taps x channels
    T* c;
    const Index* output_rows;
    Index first_column;  ///< of the output channels
  };

  void multiply_phase(const Phase& phase, const GatherSegment* segments, Index count,
                      const Range& columns) const {
    if (depthwise_ || dots_) {
      for (Index at = 0; at < count; ++at) multiply_whole_segment(phase, segments[at]);
      return;
    }
    const Index end = std::min(columns.end, width_);
    for_each_joined_panel<T>(end - columns.begin, [&](Index from, Index used, Index width) {
      const Index first = columns.begin + from;
      for (Index at = 0; at < count; ++at) {
        multiply_segment(phase, segments[at], first, used, width);
      }
    });
  }

  /// Lists the outputs of an item, those that meet the same rows of taps together, so that the rows
  /// above and below the image are skipped rather than multiplied as zeros. Returns the segments.
  Index fill_tables(const Window<T>& window, Index images, const Range& rows, const GatherAxis& y,
                    const GatherAxis& x, Index* input_rows, Index* output_rows,
                    GatherSegment* segments) const {
    Index count = 0;
    Index pixels = 0;
    for (Index begin = rows.begin; begin < rows.end;) {
      const Range taps = y.taps_inside(begin);
      Index end = begin + 1;
      while (end < rows.end && y.taps_inside(end) == taps) ++end;
      segments[count].begin = pixels;
      for (Index n = 0; n < images; ++n) {
        for (Index j = begin; j < end; ++j) {
          Index from = window.offset(n, y.origin + j * y.step, x.origin);
          Index to = ((n * gather_.output_height() + y.output_first + j * y.output_step) *
                          gather_.output_width() +
                      x.output_first) *
                     gather_.output_channels();
          for (Index i = 0; i < x.outputs; ++i) {
            input_rows[pixels] = from;
            output_rows[pixels] = to;
            ++pixels;
            from += x.step * window.pixel;
            to += x.output_step * gather_.output_channels();
          }
        }
      }
      segments[count].end = pixels;
      segments[count].taps = taps;
      ++count;
      begin = end;
    }
    return count;
  }

  /// One panel of columns for one segment, block of K by block of K.
  void multiply_segment(const Phase& phase, const GatherSegment& segment, Index first, Index used,
                        Index width) const {
    const Index from = segment.taps.begin * phase.row_depth;
    const Index row = std::min(width, panel_columns<T>);
    const T* panel = phase.weights + panel_offset(first, phase.depth) + from * row;
    for_each_depth_block(
        segment.taps.end * phase.row_depth - from, depth_for<T>(width), false,
        call_.epilogue.from(phase.first_column + first),
        [&](Index k, Index depth, bool add, const Epilogue<T>& epilogue) {
          multiply_panel<T>(
              segment.end - segment.begin, width,
              {phase.a, phase.input_rows + segment.begin, phase.steps + from + k, depth,
               panel + k * row, row, panel_offset(row, phase.depth)},
              {phase.c + first, phase.output_rows + segment.begin, used, add, epilogue});
        });
  }

  /// All columns of a segment at once, by dots or channel by channel, whose weights are no panels.
  void multiply_whole_segment(const Phase& phase, const GatherSegment& segment) const {
    const Index k = segment.taps.begin * phase.row_depth;
    const Index pixels = segment.end - segment.begin;
    TileInput<T> input{phase.a,           phase.input_rows + segment.begin,
                       phase.steps + k,   segment.taps.end * phase.row_depth - k,
                       phase.weights + k, phase.depth};
    TileOutput<T> output{phase.c, phase.output_rows + segment.begin, width_, false,
                         call_.epilogue.from(phase.first_column)};
    if (dots_) return multiply_dot_rows<T, most_dots>(pixels, input, output);
    input.ldb = g_.filters;
    output.columns = lanes<T>;
    for_each_channel_vector<T>(g_.filters, [&](Index first) {
      input.a = phase.a + first;
      input.b = phase.weights + k * g_.filters + first;
      output.c = phase.c + first;
      output.epilogue = call_.epilogue.from(first);
      multiply_channel_rows<T>(pixels, input, output);
    });
  }

  const ConvolutionCall<T>& call_;
  Gather gather_;
  ConvolutionGeometry g_;
  GatherBlocking blocking_;
  ColumnKinds kinds_;
  bool split_;  ///< the columns, by kind
  Range columns_;
  Index depth_;
  Index width_;
  bool dots_;
  bool depthwise_;
  Index packed_taps_;
  Index padded_width_;
  Index panels_;
  Index shares_;  ///< into which the columns of an item are divided, for as many threads
  T* packed_;
  Index* steps_;
};

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_CONVOLUTION_PRODUCT_HPP
