/// @file
/// Convolutions from few channels to few: LeNet's first layer and its like.
#ifndef NN_KERNELS_CONVOLUTION_PLANES_HPP
#define NN_KERNELS_CONVOLUTION_PLANES_HPP

#include <algorithm>

#include "nn/core/memory.hpp"
#include "nn/core/parallel.hpp"
#include "nn/core/workspace.hpp"
#include "nn/kernels/convolution/call.hpp"
#include "nn/kernels/convolution/image_planes.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/tile/planes.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// Where the planes of a part of an image lie: rows of whole vectors, framed by zeros.
struct PlaneLayout {
  Range rows;     ///< of the input, those outside it included
  Index left;     ///< zeros before each row
  Index pitch;    ///< elements from one row of the input to the next
  Index outputs;  ///< elements from one row of the output to the next: whole vectors

  /// With `outputs` elements a row of the output.
  template <class T>
  static PlaneLayout of(const Gather& gather, const Range& output_rows, Index outputs) {
    const GatherAxis x = gather.x(0);
    const Index left = -gather.columns().begin;
    const Index last = x.origin + left + std::max<Index>(0, (x.taps - 1) * x.tap_step);
    return {gather.rows(output_rows), left,
            std::max({left + padded_columns<T>(gather.input_width()), last + outputs,
                      gather.columns().size()}),
            outputs};
  }

  [[nodiscard]] Index plane() const { return rows.size() * pitch; }
  /// Where the first pixel of a row of the input is.
  [[nodiscard]] Index first_of_row(Index row) const { return (row - rows.begin) * pitch + left; }
};

/// Copies rows of an image, a plane for each channel.
template <class T>
void split_rows(const PlaneLayout& layout, Index height, Index width, Index channels, const T* from,
                T* to) {
  for (Index y = layout.rows.begin; y < layout.rows.end; ++y, to += layout.pitch) {
    const bool inside = y >= 0 && y < height;
    if (inside) {
      split_pixels<T>({width, channels, layout.plane(), (height - 1 - y) * width},
                      from + y * width * channels, to + layout.left);
    }
    for (Index c = 0; c < channels; ++c) {
      T* const line = to + c * layout.plane();
      const Index begin = inside ? layout.left + width : 0;
      std::fill(line, line + (inside ? layout.left : 0), T(0));
      std::fill(line + begin, line + layout.pitch, T(0));
    }
  }
}

/// Few output channels would leave most lanes of a vector empty. So here vectors run along the
/// pixels of a row: the image is taken apart into planes, each weight multiplies a vector of
/// pixels, and the planes of the output are put together again. This takes convolutions of stride 1
/// and the gradients of their inputs.
template <class T>
class PlaneProduct {
 public:
  PlaneProduct(const ConvolutionCall<T>& call, Arena scratch)
      : call_(call),
        gather_(call.gather()),
        y_(gather_.y(0)),
        x_(gather_.x(0)),
        blocking_(Blocking::of(gather_)),
        depth_(depth(gather_)),
        weight_steps_(scratch.take<Index>(depth_)) {
    if (call.is_filled) return;
    const ConvolutionGeometry& g = call.geometry;
    GatherAxis y = y_;
    GatherAxis x = x_;
    y.tap_step = x.tap_step = 1;  // of the weights, which lie in order where the stride is 1
    fill_taps(y, x, gather_.input_channels(), g.kernel_width * g.channels * g.filters,
              g.channels * g.filters, gather_.backward ? 1 : g.filters, weight_steps_);
  }

  static Index scratch_bytes(const Gather& gather) { return bytes_for<Index>(depth(gather)); }

  void run() const {
    parallel_for(
        blocking_.groups * blocking_.bands, [&](Index item) { run_item(item); },
        gather_.geometry.multiply_adds() > 50000);
  }

 private:
  /// Items of work: some images, or some rows of one, whose planes stay in the level-1 cache.
  struct Blocking {
    static constexpr Index most_bytes = 24 * 1024;
    static constexpr Index enough_items = 16;

    Index rows;
    Index bands;
    Index images;
    Index groups;

    static Blocking of(const Gather& gather) {
      const Index height = std::max<Index>(gather.y(0).outputs, 1);
      const Index row_bytes = padded_columns<T>(gather.output_width()) * gather.output_channels() *
                              static_cast<Index>(sizeof(T));
      const Index fit = std::max<Index>(1, most_bytes / std::max<Index>(1, row_bytes));
      const Index bands = divide_up(height, fit);
      const Index batch = gather.geometry.batch;
      const Index images = bands > 1 ? 1 : std::max<Index>(1, batch / enough_items);
      return {divide_up(height, bands), bands, images, divide_up(batch, images)};
    }
  };

  [[nodiscard]] static Index depth(const Gather& gather) {
    return gather.taps() * gather.input_channels();
  }

  [[nodiscard]] PlaneLayout layout(const Range& rows) const {
    return PlaneLayout::of<T>(gather_, rows, padded_columns<T>(x_.outputs));
  }

  void run_item(Index item) const {
    const Index first = item / blocking_.bands * blocking_.images;
    const Index images = std::min(blocking_.images, gather_.geometry.batch - first);
    const Range rows{item % blocking_.bands * blocking_.rows,
                     std::min(item % blocking_.bands * blocking_.rows + blocking_.rows,
                              gather_.output_height())};
    if (rows.size() == 0) return;
    const PlaneLayout in = layout(rows);
    const Index plane = rows.size() * in.outputs;
    const Index tiles = divide_up(plane / lanes<T>, plane_vectors);
    const Index inputs = gather_.input_channels();
    const Index outputs = gather_.output_channels();
    Arena arena =
        thread_workspace(bytes_for<T>(inputs * in.plane()) + bytes_for<T>(outputs * plane) +
                         2 * bytes_for<Index>(tiles * plane_vectors) + bytes_for<Index>(depth_));
    T* const x = arena.take<T>(inputs * in.plane());
    T* const planes = arena.take<T>(outputs * plane);
    Index* const from = arena.take<Index>(tiles * plane_vectors);
    Index* const to = arena.take<Index>(tiles * plane_vectors);
    Index* const steps = arena.take<Index>(depth_);
    fill_tables(in, rows, tiles, from, to, steps);
    const PlanesProduct<T> product{call_.right,   gather_.backward ? call_.geometry.filters : 1,
                                   weight_steps_, x,
                                   steps,         depth_,
                                   from,          to,
                                   planes,        plane,
                                   call_.epilogue};
    for (Index image = first; image < first + images; ++image) {
      split_rows(in, gather_.input_height(), gather_.input_width(), inputs,
                 call_.left + image * gather_.input_size(), x);
      multiply_filters(outputs, tiles, product);
      T* y = call_.result + image * gather_.output_size() +
             rows.begin * gather_.output_width() * outputs;
      const Index width = gather_.output_width();
      for (Index i = 0; i < rows.size(); ++i, y += width * outputs) {
        join_pixels<T>({width, outputs, plane, (rows.size() - 1 - i) * width},
                       planes + i * in.outputs, y);
      }
    }
  }

  /// Where the vectors of pixels are, the last of them again until the tiles are full; and where
  /// the taps are from them.
  void fill_tables(const PlaneLayout& in, const Range& rows, Index tiles, Index* from, Index* to,
                   Index* steps) const {
    Index count = 0;
    for (Index row = rows.begin; row < rows.end; ++row) {
      for (Index column = 0; column < in.outputs; column += lanes<T>, ++count) {
        from[count] = in.first_of_row(y_.origin + row * y_.step) + x_.origin + column;
        to[count] = (row - rows.begin) * in.outputs + column;
      }
    }
    std::fill(from + count, from + tiles * plane_vectors, from[count - 1]);
    std::fill(to + count, to + tiles * plane_vectors, to[count - 1]);
    fill_taps(y_, x_, gather_.input_channels(), in.pitch, 1, in.plane(), steps);
  }

  const ConvolutionCall<T>& call_;
  Gather gather_;
  GatherAxis y_;
  GatherAxis x_;
  Blocking blocking_;
  Index depth_;
  Index* weight_steps_;
};

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_CONVOLUTION_PLANES_HPP
