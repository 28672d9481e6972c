/// @file
/// The gradient of the weights of a convolution from few channels to few.
#ifndef NN_KERNELS_CONVOLUTION_PLANES_WEIGHTS_HPP
#define NN_KERNELS_CONVOLUTION_PLANES_WEIGHTS_HPP

#include <algorithm>

#include "nn/kernels/convolution/partial_gradients.hpp"
#include "nn/kernels/convolution/planes.hpp"
#include "nn/kernels/simd/instruction_set.hpp"
#include "nn/kernels/tile/dots.hpp"

namespace nn::detail::NN_ISA_NAMESPACE {

/// dW[k][f] = sum over the outputs p of x[p + tap(k)] * dy[p][f], with images and gradients as
/// planes: dot products along the pixels of the rows, taps x channels as rows and filters as
/// columns. See PlaneProduct.
template <class T>
class PlaneWeights {
 public:
  PlaneWeights(const ConvolutionCall<T>& call, Arena scratch)
      : g_(call.geometry), parts_(call, scratch), call_(call) {}

  static Index scratch_bytes(const Gather& gather) {
    return PartialGradients<T>::scratch_bytes(gather.geometry);
  }

  void run() const {
    parallel_for(
        parts_.count(), [&](Index part) { run_part(part); }, g_.multiply_adds() > 50000);
    parts_.add_up();
  }

 private:
  /// Rows of the output whose gradients, as planes, fill half of the level-1 cache.
  [[nodiscard]] Index band(Index row) const {
    constexpr Index most_bytes = 24 * 1024;
    return std::max<Index>(1, most_bytes / (row * g_.filters * static_cast<Index>(sizeof(T))));
  }

  void run_part(Index part) const {
    const Gather gather{g_, false};
    const Index row = divide_up(g_.output_width(), sum_lanes<T>) * sum_lanes<T>;
    const Index rows = std::min(band(row), g_.output_height());
    const Index depth = g_.kernel_height * g_.kernel_width * g_.channels;
    const Index most_inputs = PlaneLayout::of<T>(gather, {0, rows}, row).plane() * g_.channels;
    Arena arena =
        thread_workspace(bytes_for<T>(most_inputs) + bytes_for<T>(rows * row * g_.filters) +
                         bytes_for<Index>(rows * row) + 2 * bytes_for<Index>(depth));
    const Buffers buffers{arena.take<T>(most_inputs), arena.take<T>(rows * row * g_.filters),
                          arena.take<Index>(rows * row), arena.take<Index>(depth),
                          arena.take<Index>(depth)};
    const Range images = parts_.images(part);
    bool add = parts_.adds();
    for (Index first = 0; first < g_.output_height(); first += rows) {
      const Range band{first, std::min(first + rows, g_.output_height())};
      const PlaneLayout in = PlaneLayout::of<T>(gather, band, row);
      fill_tables(gather, in, band, buffers);
      for (Index image = images.begin; image < images.end; ++image, add = true) {
        split_rows(in, g_.height, g_.width, g_.channels, call_.left + image * g_.input_size(),
                   buffers.x);
        split_gradients(image, band, row, buffers.dy);
        multiply_dot_rows<T, most_dots>(
            depth,
            {buffers.x, buffers.taps, buffers.pixels, band.size() * row, buffers.dy,
             band.size() * row},
            {parts_.target(part), buffers.targets, g_.filters, add, {}});
      }
    }
  }

  /// What a part works on.
  struct Buffers {
    T* x;
    T* dy;
    Index* pixels;   ///< where the vectors of pixels begin
    Index* taps;     ///< where the taps and channels are from there
    Index* targets;  ///< where their gradients go
  };

  void fill_tables(const Gather& gather, const PlaneLayout& in, const Range& band,
                   const Buffers& buffers) const {
    const GatherAxis y = gather.y(0);
    const GatherAxis x = gather.x(0);
    Index* pixel = buffers.pixels;
    for (Index row = band.begin; row < band.end; ++row) {
      for (Index column = 0; column < in.outputs; ++column) {
        *pixel++ = in.first_of_row(y.origin + row * y.step) + x.origin + column;
      }
    }
    fill_taps(y, x, g_.channels, in.pitch, 1, in.plane(), buffers.taps);
    fill_multiples(g_.kernel_height * g_.kernel_width * g_.channels, g_.filters, buffers.targets);
  }

  void split_gradients(Index image, const Range& band, Index row, T* to) const {
    const Index width = g_.output_width();
    for (Index y = band.begin; y < band.end; ++y, to += row) {
      split_pixels<T>({width, g_.filters, band.size() * row, (g_.output_height() - 1 - y) * width},
                      call_.right + (image * g_.output_height() + y) * width * g_.filters, to);
      for (Index filter = 0; filter < g_.filters; ++filter) {
        T* const line = to + filter * band.size() * row;
        std::fill(line + std::min(row, padded_columns<T>(width)), line + row, T(0));
      }
    }
  }

  ConvolutionGeometry g_;
  PartialGradients<T> parts_;
  const ConvolutionCall<T>& call_;
};

}  // namespace nn::detail::NN_ISA_NAMESPACE

#endif  // NN_KERNELS_CONVOLUTION_PLANES_WEIGHTS_HPP
