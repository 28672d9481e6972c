/// @file
/// The forward pass of a convolution and the gradient of its input, both as one gathered product.
#pragma once

#include <algorithm>

#include "nn/core/activation.hpp"
#include "nn/core/convolution_gather.hpp"
#include "nn/core/memory.hpp"
#include "nn/core/pack.hpp"
#include "nn/core/parallel.hpp"
#include "nn/core/tile.hpp"
#include "nn/core/workspace.hpp"

namespace nn::detail {

/// How the outputs of a gather are cut into items of work, by the problem alone: `images` whole
/// images, or `rows` rows of one. What an item reads should leave room in the level-2 cache for the
/// weights it meets, and there should be enough items for every thread.
struct GatherCut {
  static constexpr Index window_bytes = 160 * 1024;
  static constexpr Index most_pixels = 2048;
  static constexpr Index enough_items = 8;

  Index images;
  Index rows;
  Index bands;   ///< items an image
  Index groups;  ///< items along the batch

  template <class T>
  static GatherCut of(const Gather& gather) {
    const Index height = std::max<Index>(gather.most_rows(), 1);
    const Index batch = gather.geometry.batch;
    const Index row_bytes = gather.columns().size() * gather.input_channels() *
                            static_cast<Index>(sizeof(T)) *
                            std::max<Index>(1, gather.input_height() / height);
    const Index row_pixels = std::max<Index>(1, gather.output_width() / gather.phases_x());
    const Index most_rows = std::max<Index>(
        1, std::min(window_bytes / std::max<Index>(row_bytes, 1), most_pixels / row_pixels));
    Index bands = (height + most_rows - 1) / most_rows;
    if (batch < enough_items) {
      bands = std::max(bands, std::min((enough_items + batch - 1) / batch, height / 4));
    }
    bands = std::max<Index>(bands, 1);
    const Index images =
        bands > 1 ? 1 : std::max<Index>(1, std::min(most_rows / height, batch / enough_items));
    return {images, (height + bands - 1) / bands, bands, (batch + images - 1) / images};
  }

  [[nodiscard]] Index items() const { return bands * groups; }
};

/// Outputs of an item that meet the same rows of taps.
struct GatherSegment {
  Index begin;  ///< in the tables of the item
  Index end;
  Range taps;  ///< along y
};

template <class T>
class GatherProduct {
 public:
  GatherProduct(const Gather& gather, const T* input, const T* weights, T* output,
                const Epilogue<T>& epilogue, Arena scratch)
      : gather_(gather),
        g_(gather.geometry),
        cut_(GatherCut::of<T>(gather)),
        columns_(gather.columns()),
        input_(input),
        output_(output),
        epilogue_(epilogue),
        depth_(gather.input_group()),
        width_(gather.output_group()),
        padded_width_(padded_columns<T>(width_)) {
    packed_ = scratch.take<T>(g_.groups * gather.taps() * depth_ * padded_width_);
    steps_ = scratch.take<Index>(gather.taps() * depth_);
    pack_weights(weights);
    fill_steps();
  }

  static Index scratch_bytes(const Gather& gather) {
    const Index depth = gather.taps() * gather.input_group();
    return bytes_for<T>(gather.geometry.groups * depth * padded_columns<T>(gather.output_group())) +
           bytes_for<Index>(depth);
  }

  void run() const {
    parallel_for(
        cut_.items(), [&](Index item) { run_item(item); }, g_.multiply_adds() > 50000);
  }

 private:
  /// The K of the product, taps x channels, is cut into blocks such that a panel of weights, 16
  /// columns wide, fills half of the level-1 cache and is used by many tiles before the next.
  static constexpr Index most_depth = 1280 / static_cast<Index>(sizeof(T));

  [[nodiscard]] bool needs_frame() const { return columns_ != Range{0, gather_.input_width()}; }

  /// Elements between the rows of the window.
  [[nodiscard]] Index window_row() const { return columns_.size() * gather_.input_channels(); }

  /// Calls visit(y axis, x axis, tap): `tap` is the number of taps in all phases before this one.
  template <class Visit>
  void for_each_phase(Visit&& visit) const {
    Index tap = 0;
    for (Index phase_y = 0; phase_y < gather_.phases_y(); ++phase_y) {
      for (Index phase_x = 0; phase_x < gather_.phases_x(); ++phase_x) {
        const GatherAxis y = gather_.y(phase_y);
        const GatherAxis x = gather_.x(phase_x);
        visit(y, x, tap);
        tap += y.taps * x.taps;
      }
    }
  }

  [[nodiscard]] T* panels(Index group, Index tap, Index taps_of_phase, Index first) const {
    return packed_ + (group * gather_.taps() + tap) * depth_ * padded_width_ +
           panel_offset(first, taps_of_phase * depth_);
  }

  /// Packs the weights phase by phase and group by group; within them tap by tap.
  void pack_weights(const T* weights) const {
    for_each_phase([&](const GatherAxis& y, const GatherAxis& x, Index first_tap) {
      const Index taps = y.taps * x.taps;
      parallel_for(
          g_.groups * taps,
          [&](Index at) {
            const Index group = at / taps;
            const Index tap = at % taps;
            const Index ky = y.kernel_first + tap / x.taps * y.kernel_step;
            const Index kx = x.kernel_first + tap % x.taps * x.kernel_step;
            const T* from = weights +
                            (ky * g_.kernel_width + kx) * g_.group_channels() * g_.filters +
                            group * g_.group_filters();
            for_each_panel<T>(width_, [&](Index first, Index used, Index width) {
              T* panel = panels(group, first_tap, taps, first) + tap * depth_ * width;
              if (gather_.backward) {
                pack_columns(depth_, used, width, from + first * g_.filters, g_.filters, panel);
              } else {
                pack_rows(depth_, used, width, from + first, g_.filters, panel);
              }
            });
          },
          gather_.taps() * depth_ * padded_width_ > 50000);
    });
  }

  /// The steps of the tiles: where the taps and channels lie, from the first tap's first channel.
  void fill_steps() const {
    for_each_phase([&](const GatherAxis& y, const GatherAxis& x, Index first_tap) {
      Index* step = steps_ + first_tap * depth_;
      for (Index ty = 0; ty < y.taps; ++ty) {
        for (Index tx = 0; tx < x.taps; ++tx) {
          const Index at =
              ty * y.tap_step * window_row() + tx * x.tap_step * gather_.input_channels();
          for (Index channel = 0; channel < depth_; ++channel) *step++ = at + channel;
        }
      }
    });
  }

  void run_item(Index item) const {
    const Index first_image = item / cut_.bands * cut_.images;
    const Index images = std::min(cut_.images, g_.batch - first_image);
    const Range rows{item % cut_.bands * cut_.rows, item % cut_.bands * cut_.rows + cut_.rows};
    const Range touched = gather_.rows(rows);
    const Range inside{std::max<Index>(touched.begin, 0),
                       std::min(touched.end, gather_.input_height())};
    const Index most_pixels =
        images * cut_.rows *
        ((gather_.output_width() + gather_.phases_x() - 1) / gather_.phases_x());
    const Index most_segments = 2 * g_.kernel_height + 2;
    const Index window_size = needs_frame() ? images * inside.size() * window_row() : 0;
    Arena arena = thread_workspace(bytes_for<T>(window_size) + 2 * bytes_for<Index>(most_pixels) +
                                   bytes_for<GatherSegment>(most_segments));
    T* window_data = arena.take<T>(window_size);
    Index* input_rows = arena.take<Index>(most_pixels);
    Index* output_rows = arena.take<Index>(most_pixels);
    GatherSegment* segments = arena.take<GatherSegment>(most_segments);
    const T* from = input_ + first_image * gather_.input_height() * window_pitch();
    const Window<T> window =
        needs_frame() ? copy_window(from, images, gather_.input_height(), gather_.input_width(),
                                    gather_.input_channels(), inside, columns_, window_data)
                      : whole_images(from, gather_.input_height(), gather_.input_width(),
                                     gather_.input_channels());
    T* to = output_ + first_image * gather_.output_height() * gather_.output_width() *
                          gather_.output_channels();
    for_each_phase([&](const GatherAxis& y, const GatherAxis& x, Index first_tap) {
      const Range outputs{rows.begin, std::min(rows.end, y.outputs)};
      if (outputs.size() == 0 || x.outputs == 0) return;
      const Index count =
          fill_tables(window, images, outputs, y, x, input_rows, output_rows, segments);
      for (Index group = 0; group < g_.groups; ++group) {
        for_each_panel<T>(width_, [&](Index first, Index used, Index width) {
          for (Index at = 0; at < count; ++at) {
            multiply_segment(
                segments[at], window.data + group * depth_, input_rows, x.taps,
                steps_ + first_tap * depth_, panels(group, first_tap, y.taps * x.taps, first),
                width, to + group * width_ + first, output_rows, used, group * width_ + first);
          }
        });
      }
    });
  }

  [[nodiscard]] Index window_pitch() const {
    return gather_.input_width() * gather_.input_channels();
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
  void multiply_segment(const GatherSegment& segment, const T* a, const Index* input_rows,
                        Index taps_x, const Index* steps, const T* panel, Index panel_width, T* c,
                        const Index* output_rows, Index columns, Index bias_from) const {
    const Index row_depth = taps_x * depth_;
    Index k = segment.taps.begin * row_depth;
    const Index k_end = segment.taps.end * row_depth;
    const Index blocks = std::max<Index>(1, (k_end - k + most_depth - 1) / most_depth);
    const Index block = (k_end - k + blocks - 1) / blocks;
    for (Index at = 0; at < blocks; ++at, k += block) {
      Epilogue<T> epilogue;
      if (at == 0 && epilogue_.bias != nullptr) epilogue.bias = epilogue_.bias + bias_from;
      if (at + 1 == blocks) epilogue.activation = epilogue_.activation;
      const TileInput<T> tile{a,
                              input_rows + segment.begin,
                              steps + k,
                              std::min(block, k_end - k),
                              panel + k * panel_width,
                              panel_width};
      const TileOutput<T> result{c, output_rows + segment.begin, columns, at > 0, epilogue};
      multiply_panel<T>(segment.end - segment.begin, panel_width, tile, result);
    }
  }

  Gather gather_;
  ConvolutionGeometry g_;
  GatherCut cut_;
  Range columns_;
  const T* input_;
  T* output_;
  Epilogue<T> epilogue_;
  Index depth_;
  Index width_;
  Index padded_width_;
  T* packed_;
  Index* steps_;
};

}  // namespace nn::detail
